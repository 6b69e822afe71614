"""`cordon judge --jsonl`: thousands of rows in, one decision a row out, and on again where a run was stopped.

    {id, role: prompt|response, text[, prompt]}
      -> {id, scores: {guideline: p}, decision: permit|flag|refuse[, injection: p][, code]}

Law: a decision is written and flushed before the next row is judged, so a run that is stopped loses at most one. A run
goes on only after the decisions that are there belong to the first rows, and the last of them comes out the same again:
decisions under two policies or guards never stand in one file.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from filters.safety import Direction, Unit, question_of, units_of_prompt
from policies.decide import Verdict
from policies.model import INJECTION
from proxy.cli.ahead import Replacer, counting, redacted_ahead
from proxy.cli.command import Exit, complain, out
from proxy.cli.lone_guard import envelope
from proxy.errors import CordonError
from proxy.judging import Guard
from proxy.rooms import Judgement

__all__ = [
    "BadRowError", "Judge", "Row", "judge_rows", "orders_of", "parse_row", "scores_of", "turns_of_text",
    "units_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One text to judge; its `repr` shows no text."""

    id: str | int | None
    role: str
    turns: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"Row({self.role}, {len(self.turns)} turns)"


class BadRowError(ValueError):
    """A line is not a row."""

    def __init__(self, row_id: str | int | None) -> None:
        super().__init__("bad_row")
        self.id = row_id


class _NotTheSameError(Exception):
    """What is there was not made from these rows in this way; the message says where."""


def parse_row(line: str) -> Row:
    """Read one line. Raises BadRowError."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRowError(None) from None
    if not isinstance(record, dict):
        raise BadRowError(None)
    row_id = record.get("id") if isinstance(record.get("id"), str | int) else None
    role, text, prompt = record.get("role"), record.get("text"), record.get("prompt", "")
    if role not in ("prompt", "response") or not isinstance(text, str) or not isinstance(prompt, str):
        raise BadRowError(row_id)
    return Row(row_id, role, turns_of_text(role, text, prompt))


def turns_of_text(role: str, text: str, prompt: str) -> tuple[tuple[str, str], ...]:
    """A prompt is one turn, a response two."""
    return (("user", text),) if role == "prompt" else (("user", prompt), ("assistant", text))


def units_of(row: Row, redacted: tuple[str, ...]) -> tuple[Unit, ...]:
    """What is asked about a row: all of a prompt, or the answer with the end of what it answers."""
    turns = [(role, text) for (role, _), text in zip(row.turns, redacted, strict=True)]
    if row.role == "prompt":
        return units_of_prompt(turns, ())
    return (Unit("assistant", Direction.RESPONSE, question_of(turns), turns[-1][1], 0),)


@dataclass(frozen=True, slots=True)
class Judge:
    """Detectors and guard together."""

    redactor: Replacer
    guard: Guard

    async def judge(self, row: Row, redacted: tuple[str, ...], number: int) -> Judgement:
        """Ask and decide. Raises CordonError."""
        exchange = envelope(f"row-{number}")
        try:
            return await self.guard.judge(exchange, units_of(row, redacted))
        finally:
            await self.guard.forget(exchange)


def scores_of(judgement: Judgement) -> dict[str, float]:
    """Per guideline the highest score, four decimals."""
    return {name: score / 10_000 for name, score in _highest(judgement).items() if name != INJECTION}


def orders_of(judgement: Judgement) -> dict[str, float]:
    """The evidence of the other kind, for a text that carries a document; empty for others."""
    return {name: score / 10_000 for name, score in _highest(judgement).items() if name == INJECTION}


def _highest(judgement: Judgement) -> dict[str, int]:
    highest: dict[str, int] = {}
    for unit in judgement.evidence.units:
        for name, score in unit.scores:
            if score is not None:
                highest[name] = max(score, highest.get(name, 0))
    return dict(sorted(highest.items()))


async def judge_rows(judge: Judge, lines: Sequence[str], target: Path, *, resume: bool, machine: bool = False) -> int:
    """Judge every line; says at the end what was decided, and how many rows could not be judged."""
    parsed = [_parsed(line) for line in lines]
    tally = _Tally()
    try:
        done = await _verified(judge, parsed, _complete_lines(target)) if resume else []
        for line in done:
            tally.add(json.loads(line))
        with _sink(target, done) as sink, counting("Judging", len(parsed), done=len(done)) as advance:
            async for (number, row), redacted in redacted_ahead(judge.redactor, _left(parsed, len(done)), _turns):
                record = await _record(judge, row, redacted, number)
                sink.write(json.dumps(record) + "\n")
                sink.flush()
                tally.add(record)
                advance()
    except _NotTheSameError as error:
        complain(f"{target} cannot be continued: {error}; nothing was changed. Judge into another file")
        return Exit.FAILED
    except OSError as error:
        complain(f"{target} cannot be written ({error.strerror}); the rows are not complete. Go on with --resume")
        return Exit.FAILED
    return tally.say(target, machine=machine)


@dataclass(slots=True)
class _Tally:
    """What was decided, by decision, and why rows could not be judged, by code."""

    decisions: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)

    def add(self, record: Mapping[str, object]) -> None:
        """Count one decision."""
        self.decisions[str(record["decision"])] += 1
        if "code" in record:
            self.codes[str(record["code"])] += 1

    def say(self, target: Path, *, machine: bool) -> int:
        """Sum up, and return the exit status."""
        rows, failed = self.decisions.total(), self.codes.total()
        counts = {verdict.value: self.decisions[verdict.value] for verdict in Verdict}
        if machine:
            print(json.dumps({"rows": rows, **counts, "not_judged": dict(sorted(self.codes.items()))}))
        else:
            said = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items())
            out().print(f"{rows:,} rows: {said}. Written: {target}", markup=False)
        if failed:
            why = ", ".join(f"{code} {count:,}" for code, count in self.codes.most_common())
            complain(f"{failed:,} of {rows:,} rows could not be judged ({why}); they are refused and carry a code")
        return Exit.FAILED if failed else Exit.DONE


def _sink(target: Path, done: Sequence[str]) -> TextIO:
    """Open the file behind the decisions that stay; half a line goes."""
    if done:
        os.truncate(target, sum(len(line.encode()) + 1 for line in done))
    return target.open("a" if done else "w", encoding="utf-8")


def _parsed(line: str) -> Row | BadRowError:
    try:
        return parse_row(line)
    except BadRowError as error:
        return error


def _left(parsed: Sequence[Row | BadRowError], done: int) -> list[tuple[int, Row | BadRowError]]:
    return list(enumerate(parsed))[done:]


def _turns(numbered: tuple[int, Row | BadRowError]) -> tuple[tuple[str, str], ...] | None:
    _, row = numbered
    return row.turns if isinstance(row, Row) else None


async def _record(
    judge: Judge, row: Row | BadRowError, redacted: tuple[str, ...] | CordonError, number: int
) -> Mapping[str, object]:
    """The decision about one row, or why there is none."""
    if isinstance(row, BadRowError):
        return {"id": row.id, "scores": {}, "decision": Verdict.REFUSE.value, "code": "bad_row"}
    try:
        if isinstance(redacted, CordonError):
            raise redacted
        judgement = await judge.judge(row, redacted, number)
    except CordonError as error:
        return {"id": row.id, "scores": {}, "decision": Verdict.REFUSE.value, "code": error.code}
    decision = judgement.decision
    record = {"id": row.id, "scores": scores_of(judgement), "decision": decision.verdict.value}
    return record | orders_of(judgement) | ({"code": decision.code} if decision.code == "guard_missing" else {})


# ---- going on --------------------------------------------------------------------------------------------------


def _complete_lines(target: Path) -> list[str]:
    """Every line that was written whole; none where there is no file."""
    if not target.exists():
        return []
    return target.read_text(encoding="utf-8").split("\n")[:-1]


async def _verified(judge: Judge, parsed: Sequence[Row | BadRowError], lines: list[str]) -> list[str]:
    """Return the decisions that are there, once it is sure that they are of these rows and made in this way."""
    if len(lines) > len(parsed):
        raise _NotTheSameError("it has more decisions than there are rows")
    for number, (line, row) in enumerate(zip(lines, parsed, strict=False), 1):
        if _id_of(line) != [row.id]:
            raise _NotTheSameError(f"its line {number} is not the decision about row {number}")
    judged = [n for n, line in enumerate(lines) if isinstance(parsed[n], Row) and "code" not in json.loads(line)]
    if judged:
        last = judged[-1]
        async for (number, row), redacted in redacted_ahead(judge.redactor, [(last, parsed[last])], _turns):
            again = await _record(judge, row, redacted, number)
            if again != json.loads(lines[last]):
                raise _NotTheSameError(f"its line {last + 1} comes out otherwise now, so policy or guard is another")
    return lines


def _id_of(line: str) -> list[object]:
    try:
        record = json.loads(line)
    except ValueError:
        return []
    return [record.get("id")] if isinstance(record, dict) else []
