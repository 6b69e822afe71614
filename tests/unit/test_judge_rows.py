"""`cordon judge --jsonl` without a guard: rows are read strictly, decisions keep their order, a stopped run goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from filters.safety import Direction, Unit
from policies.decide import Decision, Evidence, UnitScores, Verdict
from policies.model import Direction as Side
from proxy.cli.ahead import counting, redacted_ahead
from proxy.cli.judge_rows import BadRowError, Judge, Row, judge_rows, orders_of, parse_row, scores_of, units_of
from proxy.errors import CordonError
from proxy.exchange import Exchange
from proxy.rooms import Judgement

# ---- rows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ('{"id": "a", "role": "prompt", "text": "t"}', Row("a", "prompt", (("user", "t"),))),
        ('{"id": 7, "role": "prompt", "text": ""}', Row(7, "prompt", (("user", ""),))),
        (
            '{"role": "response", "text": "t", "prompt": "p"}',
            Row(None, "response", (("user", "p"), ("assistant", "t"))),
        ),
        ('{"id": "a", "role": "response", "text": "t"}', Row("a", "response", (("user", ""), ("assistant", "t")))),
        ('{"id": "a", "role": "prompt", "text": "t", "more": 1}', Row("a", "prompt", (("user", "t"),))),
    ],
)
def test_a_row(line: str, row: Row) -> None:
    assert parse_row(line) == row


@pytest.mark.parametrize(
    ("line", "row_id"),
    [
        ("", None),
        ("nonsense", None),
        ("[]", None),
        ('"text"', None),
        ("[" * 100_000, None),
        ('{"id": "a"}', "a"),
        ('{"id": "a", "role": "prompt"}', "a"),
        ('{"id": "a", "role": "user", "text": "t"}', "a"),
        ('{"id": 3, "role": "prompt", "text": 7}', 3),
        ('{"id": [], "role": "prompt", "text": null}', None),
        ('{"id": "a", "role": "response", "text": "t", "prompt": 1}', "a"),
    ],
)
def test_what_is_no_row_keeps_its_id_and_nothing_else(line: str, row_id: object) -> None:
    with pytest.raises(BadRowError) as caught:
        parse_row(line)
    assert caught.value.id == row_id
    assert str(caught.value) == "bad_row"


def test_a_row_shows_no_text() -> None:
    assert "secret" not in repr(parse_row('{"id": "a", "role": "response", "text": "secret", "prompt": "secret"}'))


def test_units_are_asked_in_the_form_of_the_service() -> None:
    prompt = parse_row('{"role": "prompt", "text": "x"}')
    assert units_of(prompt, ("[NAME_1]",)) == (Unit("user", Direction.PROMPT, "", "[NAME_1]"),)
    answer = parse_row('{"role": "response", "text": "x", "prompt": "y"}')
    assert units_of(answer, ("q [NAME_1]", "a [NAME_1]")) == (
        Unit("assistant", Direction.RESPONSE, "q [NAME_1]", "a [NAME_1]", 0),
    )
    assert units_of(answer, ("", "a"))[0].question == ""


# ---- rows through a guard that keeps the promises of one -------------------------------------------------------


@dataclass
class FakeRedactor:
    """Replaces every text by its length; refuses the one it is told to."""

    def replace(self, turns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        if any(text == "leak" for _, text in turns):
            raise CordonError("redaction_leak")
        return tuple(f"[{len(text)}]" for _, text in turns)


@dataclass
class FakeGuard:
    """Scores by the length it is shown."""

    seen: list[Unit] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    async def judge(self, exchange: Exchange, units: Sequence[Unit]) -> Judgement:
        self.seen += units
        if units[0].text == "[4]":
            raise CordonError("guard_timeout")
        score = None if units[0].text == "[1]" else 9000 if units[0].text == "[2]" else 12
        scored = tuple(
            UnitScores(u.kind, Side(u.direction.value), u.seg, 1, "", (("hate", score), ("sexual", 5))) for u in units
        )
        verdict = {None: Verdict.REFUSE, 9000: Verdict.REFUSE, 12: Verdict.PERMIT}[score]
        code = {None: "guard_missing", 9000: "prompt_refused", 12: ""}[score]
        return Judgement(Decision(verdict, "", code, (), ((),) * len(units)), Evidence(scored), 1)

    async def forget(self, exchange: Exchange) -> None:
        self.forgotten.append(exchange.id)


def judged(tmp_path: Path, *lines: str, resume: bool = False) -> tuple[int, list[dict[str, object]], FakeGuard]:
    guard = FakeGuard()
    judge = Judge(FakeRedactor(), guard)  # type: ignore[arg-type]  # the two promises above
    status = asyncio.run(judge_rows(judge, list(lines), tmp_path / "out.jsonl", resume=resume))
    return status, [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()], guard


def row(number: int, text: str) -> str:
    return json.dumps({"id": number, "role": "prompt", "text": text})


def test_each_row_has_its_decision_in_order(tmp_path: Path) -> None:
    status, said, guard = judged(tmp_path, row(1, "abc"), row(2, "ab"))
    assert status == 0
    assert said == [
        {"id": 1, "scores": {"hate": 0.0012, "sexual": 0.0005}, "decision": "permit"},
        {"id": 2, "scores": {"hate": 0.9, "sexual": 0.0005}, "decision": "refuse"},
    ]
    assert [unit.text for unit in guard.seen] == ["[3]", "[2]"]
    assert len(set(guard.forgotten)) == 2


def test_a_row_that_cannot_be_judged_is_refused_with_a_code(tmp_path: Path) -> None:
    lines = (row(1, "abc"), row(2, "leak"), row(3, "abcd"), row(4, "a"), "nonsense", row(6, "abc"))
    status, said, guard = judged(tmp_path, *lines)
    assert status == 2
    assert [(one["id"], one["decision"], one.get("code")) for one in said] == [
        (1, "permit", None),
        (2, "refuse", "redaction_leak"),
        (3, "refuse", "guard_timeout"),
        (4, "refuse", "guard_missing"),
        (None, "refuse", "bad_row"),
        (6, "permit", None),
    ]
    scores = said[3]["scores"]
    assert isinstance(scores, dict)
    assert "hate" not in scores
    assert all(unit.text.startswith("[") for unit in guard.seen)
    assert len(guard.forgotten) == 4  # every row that could be asked about


@pytest.mark.parametrize("resume", [False, True])
def test_the_end_says_what_was_decided_of_all_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], resume: bool
) -> None:
    lines = (row(1, "abc"), row(2, "ab"), row(3, "leak"), "nonsense", "nonsense")
    judged(tmp_path, *lines)
    if resume:
        (tmp_path / "out.jsonl").write_text("".join((tmp_path / "out.jsonl").read_text().splitlines(keepends=True)[:2]))
        capsys.readouterr()
        judged(tmp_path, *lines, resume=True)
    said = capsys.readouterr()
    assert said.out == f"5 rows: 1 permit, 0 flag, 4 refuse. Written: {tmp_path / 'out.jsonl'}\n"
    assert "3 of 5 rows could not be judged (bad_row 2, redaction_leak 1)" in said.err


def test_a_machine_gets_the_same_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge = Judge(FakeRedactor(), FakeGuard())  # type: ignore[arg-type]  # the two promises above
    lines = [row(1, "abc"), row(2, "leak")]
    assert asyncio.run(judge_rows(judge, lines, tmp_path / "o", resume=False, machine=True)) == 2
    said = json.loads(capsys.readouterr().out)
    assert said == {"rows": 2, "permit": 1, "flag": 0, "refuse": 1, "not_judged": {"redaction_leak": 1}}


def test_no_rows_are_no_decisions(tmp_path: Path) -> None:
    assert judged(tmp_path)[:2] == (0, [])


def test_a_target_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge = Judge(FakeRedactor(), FakeGuard())  # type: ignore[arg-type]  # as above
    assert asyncio.run(judge_rows(judge, [row(1, "abc")], tmp_path / "no" / "out", resume=False)) == 2
    assert "not complete" in capsys.readouterr().err


def test_orders_in_a_document_stand_beside_the_scores() -> None:
    unit = UnitScores("user", Side.PROMPT, None, 1, "", (("hate", 12), ("injection", 9000)))
    judgement = Judgement(Decision(Verdict.FLAG, "", "", (), ((),)), Evidence((unit,)), 1)
    assert (scores_of(judgement), orders_of(judgement)) == ({"hate": 0.0012}, {"injection": 0.9})


# ---- going on --------------------------------------------------------------------------------------------------

_LINES = tuple(row(number, "abc" * number) for number in range(1, 7))


@pytest.mark.parametrize("kept", [0, 1, 3, 5, 6])
@pytest.mark.parametrize("half", ["", '{"id": 4, "sco'])
def test_a_run_that_was_stopped_goes_on_to_the_same_end(tmp_path: Path, kept: int, half: str) -> None:
    whole = judged(tmp_path, *_LINES)[1]
    target = tmp_path / "out.jsonl"
    target.write_text("".join(f"{json.dumps(one)}\n" for one in whole[:kept]) + half)
    status, said, guard = judged(tmp_path, *_LINES, resume=True)
    assert (status, said) == (0, whole)
    assert len(guard.seen) == len(_LINES) - kept + (1 if kept else 0)  # one is judged again, to compare


def test_nothing_to_go_on_from_is_a_first_run(tmp_path: Path) -> None:
    assert judged(tmp_path, *_LINES, resume=True)[0] == 0


@pytest.mark.parametrize(
    ("there", "says"),
    [
        ('{"id": 2, "scores": {}, "decision": "permit"}\n', "its line 1 is not the decision about row 1"),
        ("nonsense\n", "its line 1 is not the decision about row 1"),
        ('{"id": 1, "scores": {"hate": 0.5}, "decision": "flag"}\n', "comes out otherwise now"),
        ('{"id": 1, "scores": {}, "decision": "refuse", "code": "x"}\n' * 7, "more decisions than there are rows"),
    ],
)
def test_other_decisions_are_not_continued(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], there: str, says: str
) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text(there)
    judge = Judge(FakeRedactor(), FakeGuard())  # type: ignore[arg-type]  # as above
    assert asyncio.run(judge_rows(judge, list(_LINES), target, resume=True)) == 2
    assert target.read_text() == there
    said = capsys.readouterr().err
    assert says in said
    assert "nothing was changed" in said


def test_a_failure_of_the_first_run_still_counts(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text('{"id": 1, "scores": {}, "decision": "refuse", "code": "guard_timeout"}\n')
    assert judged(tmp_path, *_LINES, resume=True)[0] == 2


def test_thousands_of_rows_keep_their_order(tmp_path: Path) -> None:
    lines = [row(number, "a" * (number % 7 + 5)) for number in range(3000)]
    status, said, _ = judged(tmp_path, *lines)
    assert (status, [one["id"] for one in said]) == (0, list(range(3000)))


# ---- one row ahead ---------------------------------------------------------------------------------------------


def test_the_next_row_is_made_safe_meanwhile_and_no_more() -> None:
    replaced: list[str] = []

    class Watched:
        def replace(self, turns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
            replaced.append(turns[0][1])
            return (turns[0][1].upper(),)

    async def work() -> None:
        rows = ["a", "b", "c", "d"]
        async for row_, redacted in redacted_ahead(Watched(), rows, lambda text: (("user", text),)):
            assert redacted == (row_.upper(),)
            await asyncio.sleep(0.01)
            assert len(replaced) <= rows.index(row_) + 2

    asyncio.run(work())
    assert replaced == ["a", "b", "c", "d"]


def test_the_bar_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with counting("Judging", 2) as advance:
        advance()
        advance()
    assert capsys.readouterr() == ("", "")
