"""Every code the engine can send is in the error table, so that every failure has a sentence."""

from __future__ import annotations

import ast
from pathlib import Path

from proxy.errors import ERRORS

_ENGINE = Path(__file__).parents[2] / "proxy" / "workers" / "engine"
_CODE_AT = {"EngineError": 0, "Failed": 1, "_done": 2}
"""Which argument of these calls is a code."""


def _codes() -> dict[str, str]:
    found = {}
    for path in sorted(_ENGINE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            place = _CODE_AT.get(node.func.id)
            if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                found[node.args[place].value] = f"{path.name}:{node.lineno}"
    return found


def test_codes_are_in_the_table() -> None:
    codes = _codes()
    assert len(codes) > 12
    assert {code: place for code, place in codes.items() if code not in ERRORS} == {}
