"""Tools through the official client and the real service: the call that must happen, its result, and an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import openai
import pytest

from tests.kit.service import Running, demo_service

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ward": {"type": "string", "enum": ["north", "south"]},
        "urgent": {"type": "boolean"},
    },
    "required": ["ward", "urgent"],
}
TOOLS: Any = [
    {"type": "function", "function": {"name": "book_review", "description": "Book a review", "parameters": SCHEMA}}
]
QUESTION: Any = {"role": "user", "content": "Summarise: cough and fever for three days. Plan: rest and fluids."}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with demo_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def client(service: Running) -> openai.OpenAI:
    house = service.house
    return openai.OpenAI(
        base_url=f"http://127.0.0.1:{house.settings.access.port}/v1", api_key=house.token, max_retries=0
    )


def ask(client: openai.OpenAI, service: Running, messages: list[Any], **more: Any) -> Any:
    model = service.house.settings.models.answer
    return client.chat.completions.create(
        model=model, messages=messages, tools=TOOLS, temperature=0, max_tokens=120, **more
    )


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "book_review"}}], ids=["required", "by name"]
)
def test_a_call_its_result_and_an_answer(service: Running, client: openai.OpenAI, choice: Any) -> None:
    first = ask(client, service, [QUESTION], tool_choice=choice).choices[0]
    assert first.finish_reason == "tool_calls"
    (call, *_) = first.message.tool_calls
    assert call.function.name == "book_review"
    jsonschema.validate(json.loads(call.function.arguments), SCHEMA)
    results = [
        {"role": "tool", "tool_call_id": one.id, "content": "booked for next week"} for one in first.message.tool_calls
    ]
    history = [QUESTION, first.message.model_dump(exclude_none=True), *results]
    second = ask(client, service, history, tool_choice="none").choices[0]
    assert second.finish_reason in ("stop", "length")
    assert not second.message.tool_calls


def test_streamed_it_is_the_same_call(service: Running, client: openai.OpenAI) -> None:
    whole = ask(client, service, [QUESTION], tool_choice="required").choices[0].message.tool_calls
    named: dict[int, str] = {}
    arguments: dict[int, str] = {}
    finish = None
    for chunk in ask(client, service, [QUESTION], tool_choice="required", stream=True):
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or ():
                named[call.index] = named.get(call.index, "") + (call.function.name or "")
                arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
    assert finish == "tool_calls"
    assert [(named[i], arguments[i]) for i in sorted(named)] == [(c.function.name, c.function.arguments) for c in whole]


def test_logprobs_and_several_answers_are_refused(service: Running, client: openai.OpenAI) -> None:
    for more in ({"logprobs": True}, {"n": 2}):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, service, [QUESTION], **more)
        assert caught.value.code == "unsupported_parameter"
