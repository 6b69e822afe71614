"""Write `gemma4_template.json`: conversations and what the pinned Jinja template makes of them.

    python tests/golden/make_gemma4_template.py google-gemma-4-31B-it.jinja > tests/golden/gemma4_template.json

The template is `models/templates/google-gemma-4-31B-it.jinja` of llama.cpp (MIT licence, copyright the ggml authors);
its SHA-256 is checked. Only the strings it makes are kept here.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any

import jinja2

PINNED = "85a08664d16d8f3be4416c92427b3ac10df1024ac566cc0b4bc3bab409393f98"
_TEXTS = (
    "", " ", "Hello", "  two\nlines  ", "ආයුබෝවන් வணக்கம் مرحبا 😀", "a<|turn>b", '<|"|>', "x<channel|>y",
    "<|channel>thought\nsecret<channel|>shown", "[PERSON_1] has {\"a\": 1}", "\u00a0trim\u2003me\t", "{{ 7 * 7 }}",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    "text", "", 'a "quoted" word', 0, -5, 2.5, 1e21, True, False, None, [], ["a", 1, None],
    {"k": "v", "B": [{"c": 1}], "a": 0}, {},
)  # fmt: skip
_SCHEMAS: tuple[Any, ...] = (
    {},
    {"type": "object"},
    {"type": "object", "properties": {}},
    {"properties": {"a": {"type": "string"}}},
    {"type": "object", "properties": {"city": {"type": "string", "description": "Where", "enum": ["A", "B"]}},
     "required": ["city"]},
    {"type": "object", "properties": {
        "n": {"type": "integer", "nullable": True}, "b": {"type": "boolean", "description": ""},
        "type": {"type": "string"}, "Kind": {"type": ["string", "null"], "description": "two kinds"},
    }},
    {"type": "object", "properties": {
        "list": {"type": "array", "items": {
            "type": "object", "properties": {"q": {"type": "number"}}, "required": ["q"],
        }},
        "plain": {"type": "array", "description": "d"},
        "typed": {"type": "array", "items": {"type": ["string", "null"]}},
        "other": {"type": "array", "items": {
            "type": "string", "enum": ["x"], "maxLength": 3, "nothing": None, "sub": {"K": 1},
        }},
    }, "required": ["list", "plain"]},
    {"type": "object", "properties": {
        "inner": {
            "type": "object", "description": "deep", "required": ["z"], "nullable": True,
            "properties": {"z": {"type": "string"}, "A": {"type": "object"}},
        },
        "free": {"type": "object", "additionalProperties": False, "extra": {"type": "string"}},
        "strange": 5, "enumless": {"type": "string", "enum": []}, "untyped": {"description": "no type"},
    }},
)  # fmt: skip


def _history(draw: random.Random) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if draw.random() < 0.5:
        messages.append({"role": draw.choice(["system", "developer"]), "content": draw.choice(_TEXTS)})
    for _ in range(draw.randint(1, 5)):
        kind = draw.random()
        if kind < 0.5:
            messages.append({"role": "user", "content": draw.choice(_TEXTS)})
        elif kind < 0.7:
            messages.append({"role": "assistant", "content": draw.choice(_TEXTS)})
        elif kind < 0.75:
            messages.append({"role": draw.choice(["system", "developer"]), "content": draw.choice(_TEXTS)})
        else:
            messages += _calls(draw, sum(len(m.get("tool_calls", ())) for m in messages))
    return messages


def _calls(draw: random.Random, first: int) -> list[dict[str, Any]]:
    count = draw.randint(1, 3)
    calls = []
    for i in range(count):
        arguments = {k: draw.choice(_VALUES) for k in draw.sample(["city", "Unit", "a.b", "x-y"], draw.randint(0, 3))}
        function = {"name": draw.choice(["weather", "look_up"]), "arguments": arguments}
        calls.append({"id": str(first + i), "type": "function", "function": function})
    content = draw.choice(["", "", draw.choice(_TEXTS)])
    answered = draw.sample(range(count), draw.randint(0, count))
    results = [{"role": "tool", "tool_call_id": str(first + i), "content": draw.choice(_TEXTS)} for i in answered]
    return [{"role": "assistant", "content": content, "tool_calls": calls}, *results]


def _thoughts(draw: random.Random, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some assistant's messages say what was thought; whether that stays is the template's matter."""
    return [
        m | {"reasoning_content": draw.choice(_TEXTS)} if m["role"] == "assistant" and draw.random() < 0.8 else m
        for m in messages
    ]


def _tools(draw: random.Random) -> list[dict[str, Any]]:
    chosen = draw.sample(_SCHEMAS, draw.choice([0, 0, 1, 2]))
    return [
        {
            "type": "function",
            "function": {"name": f"tool_{i}", "description": draw.choice(_TEXTS), "parameters": schema},
        }
        for i, schema in enumerate(chosen)
    ]


def main() -> None:
    """Render and print the cases."""
    source = Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(source).hexdigest() != PINNED:
        sys.exit("not the pinned template")
    template = jinja2.Environment().from_string(source.decode())
    draw = random.Random(4)
    cases = []
    for i in range(220):
        messages = _history(draw) if i < 160 else _thoughts(draw, _history(draw))
        case: dict[str, Any] = {
            "messages": messages,
            "tools": _tools(draw) if i >= len(_SCHEMAS) else [],
            "thinking": draw.random() < 0.3,
        }
        if i < len(_SCHEMAS):
            function = {"name": "f", "description": "d", "parameters": _SCHEMAS[i]}
            case["tools"] = [{"type": "function", "function": function}]
        case["expected"] = template.render(
            messages=messages,
            tools=case["tools"],
            enable_thinking=case["thinking"],
            bos_token="<bos>",
            add_generation_prompt=True,
        )
        cases.append(case)
    notice = "made by google-gemma-4-31B-it.jinja of llama.cpp, MIT licence, copyright the ggml authors"
    print(json.dumps({"notice": notice, "template_sha256": PINNED, "cases": cases}, ensure_ascii=True, indent=0))


if __name__ == "__main__":
    main()
