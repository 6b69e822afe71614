"""The journal: known keys, harmless values, and foreign loggers that say nothing."""

from __future__ import annotations

import io
import json
import logging

import pytest

from filters.parts import PatientText
from proxy.journal import KEYS, ForeignHandler, open_journal, quiet_foreign_loggers

SECRET = "Nimal Perera, MRN 123"


def _line(**facts: object) -> dict[str, object]:
    out = io.StringIO()
    open_journal(out).say("exchange", **facts)
    text = out.getvalue()
    assert SECRET not in text
    assert text.count("\n") == 1
    loaded: dict[str, object] = json.loads(text)
    return loaded


def test_a_line() -> None:
    line = _line(exchange="0af3", outcome="ok", status=200, ms=12, code="")
    assert {k: v for k, v in line.items() if k != "time"} == {
        "event": "exchange", "exchange": "0af3", "outcome": "ok", "status": 200, "ms": 12, "code": "", "level": "info",
    }  # fmt: skip
    assert set(line) <= KEYS


@pytest.mark.parametrize(
    "value", [SECRET, PatientText(SECRET), [SECRET], ValueError(SECRET), "a" * 97, SECRET.encode()]
)
def test_what_is_not_a_word_shows_its_type(value: object) -> None:
    assert _line(outcome=value)["outcome"] == f"<{type(value).__name__}>"


def test_unknown_keys_are_dropped_and_counted() -> None:
    line = _line(body=SECRET, header=SECRET)
    assert line["dropped"] == 2
    assert "body" not in line


def test_foreign_loggers_say_a_name_and_a_class() -> None:
    out = io.StringIO()
    logger = logging.getLogger("aiohttp.server")
    touched = [logging.getLogger(name) for name in ("aiohttp", "asyncio", "presidio-analyzer", "spacy")]
    kept = [(each, list(each.handlers), each.propagate, each.level) for each in touched]
    try:
        quiet_foreign_loggers(open_journal(out))
        try:
            raise ValueError(SECRET)
        except ValueError:
            logger.exception("Error handling request %s", SECRET)
        logger.warning(SECRET)
        logger.info(SECRET)
    finally:
        for each, handlers, propagate, level in kept:
            each.handlers, each.propagate = handlers, propagate
            each.setLevel(level)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert SECRET not in out.getvalue()
    assert [(line["logger"], line["exception"]) for line in lines] == [
        ("aiohttp.server", "ValueError"),
        ("aiohttp.server", ""),
    ]


def test_the_handler_takes_warnings_and_above() -> None:
    assert ForeignHandler(open_journal(io.StringIO())).level == logging.WARNING
