"""Whatever the schema: what a random model writes under it parses and is valid, or the schema is refused unanswered."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from filters.parts import RedactedText
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.grammar import gbnf_of
from proxy.workers.wire import Done
from tests.kit.engines import EngineProcess, answer_role, engine_plan, generate, said
from tests.kit.tinymodels import tiny_gemma4

SCHEMAS, TRIES = 60, 2
_NAMES = ("ward", "drug", "dose_mg", "who", "x-1", "B")
_WORDS: tuple[Any, ...] = ("pain", "fever", "no cough", "é", 3, -7, True, False, None)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    path = tmp_path_factory.mktemp("models") / "answer.gguf"
    with EngineProcess(engine_plan(answer_role(path, tiny_gemma4(path), max_tokens=400))) as process:
        process.hello()
        yield process


def _leaf(dice: random.Random) -> dict[str, Any]:
    low = dice.randrange(3)
    return dice.choice([
        {"type": "boolean"}, {"type": "null"}, {"type": "integer"}, {"const": dice.choice(_WORDS)},
        {"type": ["boolean", "null"], "description": "yes, no or unknown"},
        {"enum": dice.sample(_WORDS, dice.randint(1, 4))},
        {"type": "string", "minLength": low, "maxLength": low + dice.randrange(6)},
        {"$ref": "#/$defs/shared"},
    ])  # fmt: skip


def _schema(dice: random.Random, depth: int) -> dict[str, Any]:
    kind = dice.random() if depth else 1.0
    if kind < 0.45:
        names = dice.sample(_NAMES, dice.randint(1, 3))
        properties = {name: _schema(dice, depth - 1) for name in names}
        required = [name for name in names if dice.random() < 0.6]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    if kind < 0.7:
        least = dice.randrange(3)
        return {"type": "array", "items": _schema(dice, depth - 1), "minItems": least, "maxItems": least + 2}
    if kind < 0.85:
        return {"anyOf": [_schema(dice, depth - 1) for _ in range(2)]}
    return _leaf(dice)


def _whole(seed: int) -> dict[str, Any]:
    dice = random.Random(seed)
    schema = {"type": "object", "properties": {"a": _schema(dice, 3)}, "required": ["a"], "additionalProperties": False}
    return {**schema, "$defs": {"shared": {"enum": ["one", "two"]}}}


def _supported(text: str) -> bool:
    try:
        gbnf_of(text)
    except EngineError:
        return False
    return True


def test_sixty_schemas_and_every_answer_is_valid_json_of_its_schema(engine: EngineProcess) -> None:
    valid = finished = asked = refused = 0
    for seed in range(SCHEMAS):
        schema = _whole(seed)
        text = json.dumps(schema, ensure_ascii=False)
        for attempt in range(TRIES):
            number = 1 + TRIES * seed + attempt
            messages = engine.ask(
                generate(number, "give", schema=RedactedText(text), temperature=1.0, seed=number, max_tokens=400)
            )
            done = messages[-1]
            assert isinstance(done, Done)
            if not _supported(text):
                assert (done.code, said(messages)) == ("schema_unsupported", "")
                refused += 1
                continue
            asked += 1
            assert done.finish in ("stop", "length")
            if done.finish == "stop":
                value = json.loads(said(messages))
                # random weights also write bytes that are no UTF-8; each becomes a character that nobody counted
                if "\ufffd" not in said(messages):
                    jsonschema.validate(value, schema)
                    valid += 1
                finished += 1
    assert refused < asked
    assert finished > 0.9 * asked
    assert valid > 0.6 * finished
