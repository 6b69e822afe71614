"""The journal: one JSON line per exchange on stderr, and nothing a person wrote in it.

Law: keys come from `KEYS`; values are numbers, booleans, or short words of our own making (`_WORD`). Anything else is
replaced by its type. Foreign loggers say their name and the class of an exception, never their message: aiohttp's
tracebacks quote bad header bytes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from typing import Protocol, TextIO

import structlog

__all__ = ["KEYS", "ForeignHandler", "Journal", "JsonJournal", "open_journal", "quiet_foreign_loggers"]

KEYS = frozenset({
    "event", "level", "time", "exchange", "listener", "dialect", "route", "kind", "kid", "outcome", "code", "status",
    "ms", "logger", "exception", "count", "part", "model", "version", "port", "pid", "dropped", "role", "policy",
    "basis", "evidence", "place",
})  # fmt: skip
"""Every key a line may have. None of them is for text of an exchange."""

_WORD = re.compile(r"[A-Za-z0-9_.:/\-+]{0,96}")
_FOREIGN = ("aiohttp", "asyncio", "presidio-analyzer", "spacy")


class Journal(Protocol):
    """Where the corridor says what happened."""

    def say(self, event: str, **facts: object) -> None:
        """Write one line."""
        ...


class JsonJournal:
    """`Journal` over structlog."""

    __slots__ = ("_log",)

    def __init__(self, log: structlog.typing.FilteringBoundLogger) -> None:
        self._log = log

    def say(self, event: str, **facts: object) -> None:
        """Write one line; what is not a fact of the list is dropped and counted."""
        self._log.info(event, **facts)


def open_journal(stream: TextIO) -> JsonJournal:
    """Make a journal on a stream."""
    log = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _only_facts,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return JsonJournal(log)


def _only_facts(
    logger: object, method: str, line: MutableMapping[str, object]
) -> MutableMapping[str, object]:  # fmt: skip
    """Drop unknown keys, and show of an unexpected value its type alone."""
    del logger, method
    kept = {key: _fact(value) for key, value in line.items() if key in KEYS}
    if dropped := len(line) - len(kept):
        kept["dropped"] = dropped
    return kept


def _fact(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and _WORD.fullmatch(value):
        return str(value)
    return f"<{type(value).__name__}>"


class ForeignHandler(logging.Handler):
    """Reduces a library's record to logger name and exception class."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """Say that something was said, not what."""
        kind = record.exc_info[0] if record.exc_info else None
        self._journal.say("foreign", logger=record.name, exception=kind.__name__ if kind else "")


def quiet_foreign_loggers(journal: Journal) -> None:
    """Give the loggers of the libraries that one handler and nothing else."""
    for name in _FOREIGN:
        logger = logging.getLogger(name)
        logger.handlers = [ForeignHandler(journal)]
        logger.propagate = False
        logger.setLevel(logging.WARNING)
