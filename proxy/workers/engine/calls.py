"""The grammar of a tool call that must happen: `tool_choice` required, or one function by name.

    <|tool_call> call:NAME{key:value,...} <tool_call|>       strings between quote tokens, keys bare

Law: structure is matched by token id, so a text can never be taken for it; what the model may write is what the parser
reads and, as far as the parameters' schema says it in plain types, what the function takes. Where a schema says it in
other words, any value may stand: the program that offers the function checks its arguments anyway. A string in such a
call holds no `|`, with which every marker of the family is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.parse import Marks
from proxy.workers.engine.templates.chat import bare, json_object
from proxy.workers.wire import TurnTool

__all__ = ["calls_gbnf"]

_MAX_DEPTH = 8
_MAX_RULES = 2_000
_MAX_CALLS = 4
_FIXED = {
    "number": '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,15})',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "char": "[^|\\x00-\\x08\\x0b-\\x1f\\x7f]",
    "name": "[A-Za-z0-9_.-]{1,64}",
    "list": '"[" (any ("," any)*)? "]"',
    "object": '"{" (name ":" any ("," name ":" any)*)? "}"',
    "any": "string | number | boolean | null | list | object",
}


@dataclass(slots=True)
class _Rules:
    """Rules as they are found, each under a name of its own."""

    quote: int
    found: dict[str, str] = field(default_factory=dict)

    def add(self, body: str) -> str:
        """Keep a rule and return its name."""
        if len(self.found) >= _MAX_RULES:
            raise EngineError("schema_unsupported")
        name = f"r{len(self.found)}"
        self.found[name] = body
        return name

    def value(self, schema: object, depth: int) -> str:
        """The rule of a value."""
        if not isinstance(schema, dict) or depth > _MAX_DEPTH:
            return "any"
        if isinstance(schema.get("enum"), list):
            return self.add(" | ".join(self._literal(value) for value in schema["enum"]) or "any")
        kind = schema.get("type")
        if kind == "object" and isinstance(schema.get("properties"), dict):
            return self.add(self._object(schema, depth))
        if kind == "array" and isinstance(schema.get("items"), dict):
            item = self.value(schema["items"], depth + 1)
            return self.add(f'"[" ({item} ("," {item})*)? "]"')
        plain = {"array": "list", "string": "string", "object": "object"}
        return plain.get(kind, kind) if isinstance(kind, str) and (kind in _FIXED or kind in plain) else "any"

    def _object(self, schema: Mapping[str, Any], depth: int) -> str:
        """Required keys in their order, then the others, each at most once."""
        properties = schema["properties"]
        if not properties:
            return '"{}"'
        required = schema.get("required")
        needed = [key for key in sorted(properties) if isinstance(required, list) and key in required]
        other = [key for key in sorted(properties) if key not in needed]
        pairs = {key: f'"{bare(key)}:" {self.value(properties[key], depth + 1)}' for key in properties}
        if needed:
            body = ' "," '.join(pairs[key] for key in needed)
            return f'"{{" {body} {" ".join(self._maybe(pairs[key]) for key in other)} "}}"'
        starts = [
            f"{pairs[key]} {' '.join(self._maybe(pairs[later]) for later in other[i + 1 :])}"
            for i, key in enumerate(other)
        ]
        return f'"{{" ({" | ".join(starts)})? "}}"'

    def _maybe(self, pair: str) -> str:
        rule = self.add('"," ' + pair)
        return f"({rule})?"

    def _literal(self, value: object) -> str:
        if isinstance(value, bool) or value is None:
            return {True: '"true"', False: '"false"', None: '"null"'}[value]
        if isinstance(value, int):
            return f'"{value}"'
        if not isinstance(value, str) or not value or any(c in '|"\\' or ord(c) < 32 for c in value):
            raise EngineError("schema_unsupported")
        return f'<[{self.quote}]> "{value}" <[{self.quote}]>'


def calls_gbnf(tools: Sequence[TurnTool], marks: Marks) -> str:
    """Return the grammar of one to four calls of these functions.

    Raises:
        EngineError: `schema_unsupported`, `bad_request`.
    """
    rules = _Rules(marks.quote)
    calls = []
    for tool in tools:
        schema = {"type": "object", **json_object(tool.parameters.reveal() or "{}")}
        arguments = rules.value(schema, 0)
        calls.append(rules.add(f'"call:{bare(tool.name)}" {arguments}'))
    one = rules.add(f"<[{marks.tool_open}]> ({' | '.join(calls)}) <[{marks.tool_close}]>")
    fixed = {**_FIXED, "string": f"<[{marks.quote}]> char* <[{marks.quote}]>"}
    lines = [f"root ::= {one}{f' {one}?' * (_MAX_CALLS - 1)}"]
    lines += [f"{name} ::= {body}" for name, body in {**rules.found, **fixed}.items()]
    return "\n".join(lines) + "\n"
