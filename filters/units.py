"""What is judged: a request and an answer cut into units, and long units into windows.

Law: every turn is judged, not only the last, and every character of a turn. Turns of one speaker that follow each other
are one unit, because a request can be cut in two. Text is cut by characters alone, at white space and never inside a
placeholder, so the cutting is the same for calibration, for `cordon judge` and for the service.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from filters.leaves import leaves_of
from filters.parts import Form
from filters.vault import LONGEST, PLACEHOLDER

__all__ = [
    "MOST_CHARS", "OVERLAP_CHARS", "WINDOW_CHARS", "Direction", "TooLongError", "Unit", "halved", "language_flag",
    "question_of", "text_of_call", "text_of_tool", "unit_of_answer", "units_of_prompt", "windows",
]  # fmt: skip

WINDOW_CHARS = 6000
OVERLAP_CHARS = 600
MOST_CHARS = 100_000
_LEAST_CHARS = 500
_QUESTION_CHARS = 2000
_PROMPT_ROLES = frozenset({"user", "system", "developer", "tool"})


class TooLongError(Exception):
    """A unit cannot be judged whole, so it is not judged at all (`guard_text_too_long`)."""


class Direction(enum.StrEnum):
    """Which of the two questions is asked: about what a person wrote, or about what a model answered."""

    PROMPT = "prompt"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Unit:
    """One text to be judged, in redacted form.

    Attributes:
        kind: `user system developer tool tools assistant segment tool_call thought`, as the log names it.
        direction: which template asks about it.
        question: for an answer, what it answers; else "".
        text: the text.
        seg: number of the segment for the new answer, None for everything in the request.
    """

    kind: str
    direction: Direction
    question: str = field(repr=False)
    text: str = field(repr=False)
    seg: int | None = None


def units_of_prompt(turns: Sequence[tuple[str, str]], tools: Sequence[str]) -> tuple[Unit, ...]:
    """Return everything in a request that is judged.

    Args:
        turns: (role, text) in order; besides the roles of messages, `tool_call` and `thought` for what the history
            says a model did (a client can forge both).
        tools: one text per tool definition, see `text_of_tool`.

    A request without any text is one empty user unit: there is always something to judge.
    """
    units = [Unit("tools", Direction.PROMPT, "", "\n\n".join(tools))] if any(tools) else []
    question = ""
    for role, run in _runs(turns):
        if role in _PROMPT_ROLES:
            text = "\n\n".join(run)
            units.append(Unit(role, Direction.PROMPT, "", text))
            question = _end_of(text) if role == "user" else question
        else:
            units += [Unit(role, Direction.RESPONSE, question, text) for text in run]
    return tuple(units) or (Unit("user", Direction.PROMPT, "", ""),)


def question_of(turns: Sequence[tuple[str, str]]) -> str:
    """Return what a new answer answers: the end of the last user run, or "" if there is none."""
    runs = [run for role, run in _runs(turns) if role == "user"]
    return _end_of("\n\n".join(runs[-1])) if runs else ""


def unit_of_answer(kind: str, text: str, *, question: str, seg: int) -> Unit:
    """Return the unit of one check of a new answer: its end so far, as long as one window."""
    start = _inner(text, max(0, len(text) - WINDOW_CHARS))
    return Unit(kind, Direction.RESPONSE, question, text[start:], seg)


def text_of_tool(name: str, description: str, schema: str) -> str:
    """Return what a tool definition says: its name, its description and every string of its schema."""
    leaves = leaves_of(schema, Form.SCHEMA)
    said = [schema] if leaves is None else [json.loads(f'"{schema[x.start : x.end]}"') for x in leaves if not x.number]
    return "\n".join([name, description, *said])


def text_of_call(name: str, arguments: str) -> str:
    """Return what a tool call says: its name and its arguments as canonical JSON."""
    try:
        canonical = json.dumps(json.loads(arguments), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        canonical = arguments
    return f"{name} {canonical}"


def _runs(turns: Sequence[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Yield maximal runs of one speaker. A turn without text is no turn: it must not separate two halves."""
    spoken = [(role, text) for role, text in turns if text.strip()]
    for role, run in groupby(spoken, key=lambda turn: turn[0]):
        yield role, [text for _, text in run]


def _end_of(text: str) -> str:
    """Only a question is ever truncated."""
    return text[_inner(text, max(0, len(text) - _QUESTION_CHARS)) :]


# ---- windows --------------------------------------------------------------------------------------------------


def windows(unit: Unit) -> tuple[Unit, ...]:
    """Cut a unit into overlapping windows; the score of the unit is the highest of theirs.

    Raises:
        TooLongError: over 100,000 characters.
    """
    if len(unit.text) > MOST_CHARS:
        raise TooLongError
    return _cut(unit, WINDOW_CHARS, OVERLAP_CHARS)


def halved(unit: Unit) -> tuple[Unit, ...]:
    """Cut a window that has too many tokens for the guard's context into smaller ones.

    Raises:
        TooLongError: it is at most 500 characters long.
    """
    if len(unit.text) <= _LEAST_CHARS:
        raise TooLongError
    size = max(_LEAST_CHARS, (len(unit.text) + 1) // 2)
    return _cut(unit, size, size // 10)


def _cut(unit: Unit, size: int, overlap: int) -> tuple[Unit, ...]:
    text = unit.text
    found = []
    start = 0
    while len(text) - start > size:
        end = _break(text, start + size // 2, start + size)
        found.append((start, end))
        start = _break(text, end - 2 * overlap, end - overlap)
    found.append((start, len(text)))
    return tuple(replace(unit, text=text[a:b]) for a, b in found)


def _break(text: str, low: int, high: int) -> int:
    """Return the last place just after white space in (low, high]; without one `high`, or before its placeholder."""
    for place in range(high, low, -1):
        if text[place - 1].isspace():
            return place
    return _outer(text, high)


def _outer(text: str, place: int) -> int:
    """Return `place`, or the start of the placeholder it would cut."""
    return next((match.start() for match in _around(text, place)), place)


def _inner(text: str, place: int) -> int:
    """Return `place`, or the end of the placeholder it would cut: half of one is no text to judge."""
    return next((match.end() for match in _around(text, place)), place)


def _around(text: str, place: int) -> list[re.Match[str]]:
    near = PLACEHOLDER.finditer(text, max(0, place - LONGEST), place + LONGEST)
    return [match for match in near if match.start() < place < match.end()]


# ---- language -------------------------------------------------------------------------------------------------

_LATIN_END = "\u024f"


def language_flag(text: str) -> str:
    """Return `unsupported` if under half of the letters are Latin, else "". Placeholders are no letters."""
    letters = [c for c in PLACEHOLDER.sub("", text) if c.isalpha()]
    latin = sum(1 for c in letters if c <= _LATIN_END or "\u1e00" <= c <= "\u1eff" or "\uff21" <= c <= "\uff5a")
    return "unsupported" if 2 * latin < len(letters) else ""
