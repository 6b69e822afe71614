"""Thoughts through the real service on real llama.cpp: asked for by the official clients, judged, restored, on record.

The answering model is the kit's, which thinks exactly when its prompt asks for it; guard and analyst are the shipped
ones. Of two services one has a policy under which a thought is refused for any score at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama
import openai
import pytest

from proxy.cli.demo_house import DemoHouse
from tests.kit.scripted import ANSWER, THOUGHT, tiny_thinker
from tests.kit.service import examined, records, scripted_service

NAME = "Nimal Perera"
ASK: Any = [{"role": "user", "content": f"The patient {NAME} has pain. What is it?"}]
MODEL = "scripted"
SHOWING = """
name = "ward"
extends = "hospital"
title = "Ward"
evidence_min = "E0"
[safety]
thoughts = "show"
"""
REFUSING = f"{SHOWING}\n[safety.block_at_most.thought]\ndangerous = 0.0001\nhate = 0.0001\n"
SAID = {"thought": THOUGHT.replace("[NAME_1]", NAME), "answer": ANSWER.replace("[NAME_1]", NAME)}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoHouse]:
    with scripted_service(tmp_path_factory.mktemp("showing"), tiny_thinker, SHOWING) as running:
        yield running


def _openai(house: DemoHouse) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{house.port}/v1", api_key=house.token, max_retries=0)


def _ollama(house: DemoHouse) -> ollama.Client:
    return ollama.Client(f"http://127.0.0.1:{house.port}", headers={"Authorization": f"Bearer {house.token}"})


def test_the_openai_client_gets_thoughts_and_answer_apart(house: DemoHouse) -> None:
    create = _openai(house).chat.completions.create
    whole = create(model=MODEL, messages=ASK, reasoning_effort="low")
    message = whole.choices[0].message
    assert (message.reasoning_content, message.content) == (SAID["thought"], SAID["answer"])  # type: ignore[attr-defined]
    assert whole.usage is not None
    assert whole.usage.completion_tokens_details is not None
    assert 0 < whole.usage.completion_tokens_details.reasoning_tokens < whole.usage.completion_tokens
    deltas = [
        chunk.choices[0].delta for chunk in create(model=MODEL, messages=ASK, reasoning_effort="low", stream=True)
    ]
    thoughts = [getattr(delta, "reasoning_content", None) or "" for delta in deltas]
    assert "".join(thoughts) == SAID["thought"]
    assert "".join(delta.content or "" for delta in deltas) == SAID["answer"]
    assert max(i for i, t in enumerate(thoughts) if t) < min(i for i, d in enumerate(deltas) if d.content)


def test_the_ollama_client_gets_them_too(house: DemoHouse) -> None:
    client = _ollama(house)
    whole = client.chat(MODEL, ASK, think=True)
    assert (whole.message.thinking, whole.message.content) == (SAID["thought"], SAID["answer"])
    parts = [part.message for part in client.chat(MODEL, ASK, think="high", stream=True)]
    assert "".join(part.thinking or "" for part in parts) == SAID["thought"]
    assert "".join(part.content or "" for part in parts) == SAID["answer"]
    generated = client.generate(MODEL, ASK[0]["content"], think=True)
    assert (generated.thinking, generated.response) == (SAID["thought"], SAID["answer"])


def test_who_does_not_ask_gets_the_answer_alone(house: DemoHouse) -> None:
    whole = _openai(house).chat.completions.create(model=MODEL, messages=ASK)
    assert not hasattr(whole.choices[0].message, "reasoning_content")
    assert whole.choices[0].message.content == SAID["answer"]
    assert _ollama(house).chat(MODEL, ASK).message.thinking is None


def test_what_cannot_be_thought_about_is_refused(house: DemoHouse) -> None:
    create = _openai(house).chat.completions.create
    with pytest.raises(openai.BadRequestError) as caught:
        create(model=MODEL, messages=ASK, reasoning_effort="high", response_format={"type": "json_object"})
    assert (caught.value.code, caught.value.body["rule"]) == ("unsupported_parameter", "thoughts")  # type: ignore[index] # JSON


def test_a_refused_thought_takes_the_answer_with_it_and_is_on_record(tmp_path: Path) -> None:
    with scripted_service(tmp_path, tiny_thinker, REFUSING) as house:
        create = _openai(house).chat.completions.create
        whole = create(model=MODEL, messages=ASK, reasoning_effort="low")
        assert (whole.choices[0].finish_reason, whole.choices[0].message.content) == ("content_filter", "")
        assert not hasattr(whole.choices[0].message, "reasoning_content")
        chunks = list(create(model=MODEL, messages=ASK, reasoning_effort="low", stream=True))
        assert chunks[-1].choices[0].finish_reason == "content_filter"
        said = [(c.choices[0].delta.content, getattr(c.choices[0].delta, "reasoning_content", None)) for c in chunks]
        assert not any(one for pair in said for one in pair)
        assert create(model=MODEL, messages=ASK).choices[0].message.content == SAID["answer"]
    assert examined(house).verdict == "VERIFIED"
    ended = [body for _, kind, body in records(house) if kind == "Z"]
    assert [body["result"] for body in ended] == ["refused", "refused", "ok"]
    kinds = [[unit["kind"] for unit in body["safety"]["units"]] for body in ended]
    assert kinds == [["thought"], ["thought"], ["segment"]]
