"""The table of errors: complete, sane, and free of anything from a request."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from proxy.errors import ERRORS, CordonError, entry_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_each_entry_is_complete(code: str) -> None:
    entry = ERRORS[code]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
    assert 400 <= entry.status < 600
    assert entry.message.endswith(".")
    assert entry.next.endswith((".", "tokens`."))
    assert "{" not in entry.message
    assert entry.may_retry == (entry.status in (429, 503))


def test_the_type_follows_the_status() -> None:
    assert ERRORS["token_missing"].type == "authentication_error"
    assert ERRORS["wrong_host"].type == "permission_error"
    assert ERRORS["too_many_requests"].type == "rate_limit_error"
    assert ERRORS["audit_unavailable"].type == "unavailable"
    assert ERRORS["bad_json"].type == "invalid_request_error"


def test_an_unknown_code_is_our_fault() -> None:
    assert entry_of("no_such_code") is ERRORS["internal"]


def test_every_code_raised_in_the_source_is_in_the_table() -> None:
    missing = []
    for path in sorted((ROOT / "proxy").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            first = node.args[0]
            if node.func.id == "CordonError" and isinstance(first, ast.Constant) and first.value not in ERRORS:
                missing.append((path.name, node.lineno, first.value))
    assert missing == []


def test_an_error_holds_codes_and_numbers() -> None:
    error = CordonError("pii_refused", rule="person", part=3)
    assert (str(error), error.rule, error.part) == ("pii_refused", "person", 3)
