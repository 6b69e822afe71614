"""Tools through the real service and both official clients, where the model itself decides to call.

The answering model is the kit's: it calls the function as soon as it may speak, and answers once it has the result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import ollama
import openai
import pytest

from proxy.cli.demo_house import DemoHouse
from tests.kit.scripted import CALLED, RESULT, tiny_caller
from tests.kit.service import scripted_service

NAME, ARGUMENTS = CALLED
QUESTION: Any = {"role": "user", "content": "Is there a bed on the ward?"}
SCHEMA = {"type": "object", "properties": {"date": {"type": "integer"}}, "required": ["date"]}
TOOLS: Any = [{"type": "function", "function": {"name": NAME, "description": "Look it up", "parameters": SCHEMA}}]
POLICY = 'name = "ward"\nextends = "hospital"\ntitle = "Ward"\nevidence_min = "E0"\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoHouse]:
    with scripted_service(tmp_path_factory.mktemp("calls"), tiny_caller, POLICY) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_openai_client_there_and_back(house: DemoHouse, stream: bool) -> None:
    create = openai.OpenAI(
        base_url=f"http://127.0.0.1:{house.port}/v1", api_key=house.token, max_retries=0
    ).chat.completions.create
    asked: Any = {"model": "scripted", "tools": TOOLS}
    if stream:
        deltas = [chunk.choices[0] for chunk in create(messages=[QUESTION], stream=True, **asked)]
        (call,) = [call for choice in deltas for call in choice.delta.tool_calls or ()]
        finish = deltas[-1].finish_reason
    else:
        choice = create(messages=[QUESTION], **asked).choices[0]
        (call,), finish = choice.message.tool_calls, choice.finish_reason
    assert (call.function.name, json.loads(call.function.arguments), finish) == (NAME, ARGUMENTS, "tool_calls")
    told = {"id": call.id, "type": "function", "function": {"name": NAME, "arguments": call.function.arguments}}
    history = [
        QUESTION, {"role": "assistant", "content": None, "tool_calls": [told]},
        {"role": "tool", "tool_call_id": call.id, "content": "one bed"},
    ]  # fmt: skip
    answer = create(messages=history, **asked).choices[0]
    assert (answer.message.content, answer.finish_reason, answer.message.tool_calls) == (RESULT, "stop", None)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_ollama_client_there_and_back(house: DemoHouse, stream: bool) -> None:
    client = ollama.Client(f"http://127.0.0.1:{house.port}", headers={"Authorization": f"Bearer {house.token}"})
    if stream:
        parts = [part.message for part in client.chat("scripted", [QUESTION], tools=TOOLS, stream=True)]
        (message,) = [part for part in parts if part.tool_calls]
    else:
        message = client.chat("scripted", [QUESTION], tools=TOOLS).message
    (call,) = message.tool_calls or ()
    assert (call.function.name, dict(call.function.arguments)) == (NAME, ARGUMENTS)
    history = [QUESTION, message, {"role": "tool", "tool_name": NAME, "content": "one bed"}]
    answer = client.chat("scripted", history, tools=TOOLS).message
    assert (answer.content, answer.tool_calls) == (RESULT, None)


def test_a_function_that_was_not_offered_is_no_call(house: DemoHouse) -> None:
    other = [{**TOOLS[0], "function": {**TOOLS[0]["function"], "name": "other"}}]
    body = {"model": "scripted", "messages": [QUESTION], "tools": other}
    reply = house.post("/v1/chat/completions", body)
    assert (reply.status, reply.body["error"]["code"]) == (503, "tool_call_malformed")
