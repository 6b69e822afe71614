"""Records hold numbers, digests and names of our own catalogue; text only as commitments, under fresh salt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.log import AuditError
from audit.record import Caller as Who
from audit.seal import commitment
from filters.parts import RedactedText
from policies.decide import Evidence, UnitScores, Verdict, decide
from policies.model import Direction
from proxy.errors import CordonError
from proxy.exchange import Caller, CallerKind, Exchange, Sampling
from proxy.recording import GuardRef, Recorder
from proxy.rooms import Judgement, Outcome, Redaction
from proxy.tally import Refusals
from tests.kit.gateway_house import ANSWERING, HandClock
from tests.kit.policies import IDS, policy_of

POLICY = policy_of()
GUARD = GuardRef("1" * 64, "2" * 64, "3" * 64, "measured")
TEXTS = ("[NAME_1] coughs", "since [DATE_1]")
REDACTION = Redaction(tuple(map(RedactedText, TEXTS)), (("NAME", 1), ("DATE", 1)), 29)


class Book:
    """A log that keeps what it is told, or fails with a code."""

    def __init__(self, code: str = "") -> None:
        self.code, self.told = code, []

    def begin(self, record, *, at):
        return self._keep(record)

    def close(self, ticket, record, *, at):
        return self._keep((ticket, record))

    def block(self, record, *, at):
        return self._keep(record)

    def _keep(self, record):
        if self.code:
            raise AuditError(self.code, "a detail of the disk")
        self.told.append(record)
        return "ticket"


def recorder(book: Book) -> Recorder:
    return Recorder(book, POLICY, GUARD, clock=HandClock(), model=lambda: ANSWERING)  # type: ignore[arg-type]


def exchange(kind: CallerKind = CallerKind.UID, kid: str = "") -> Exchange:
    return Exchange("x1", Caller(1000, kind, kid, "ward", frozenset()), "openai", True, 60_000, 50_000)


def judged(*scores: int, seg: int | None = None, ms: int = 3) -> Judgement:
    """A judgement of one unit a score: that score for harassment, nothing for the rest."""
    direction = Direction.PROMPT if seg is None else Direction.RESPONSE
    kind = "user" if seg is None else "segment"
    units = tuple(
        UnitScores(kind, direction, seg, 1, "", tuple((id_, s if id_ == "harassment" else 0) for id_ in IDS))
        for s in scores
    )
    evidence = Evidence(units)
    return Judgement(decide(POLICY, evidence), evidence, ms)


async def test_the_first_record_says_who_what_under_which_policy_and_model() -> None:
    book = Book()
    sampling = Sampling("demo-clinic", max_tokens=7, seed=5)
    assert await recorder(book).begin(exchange(), REDACTION, judged(100), sampling) == "ticket"
    record = book.told[0]
    assert (record.req, record.dialect, record.stream, record.purpose) == ("x1", "openai", True, POLICY.purpose)
    assert record.caller == Who("uid:1000", "uid")
    assert (record.policy, record.basis) == (POLICY.digest, POLICY.basis)
    assert (record.in_text.chars, record.in_text.parts) == (29, 2)
    assert record.redact.counts == REDACTION.counts
    assert (record.model.id, record.model.sha, record.model.seed) == ("demo-clinic", "ab" * 32, 5)
    assert (record.safety.guard, record.safety.calibration, record.safety.basis) == ("1" * 64, "3" * 64, "measured")


async def test_text_is_committed_to_with_fresh_salt_and_stands_nowhere() -> None:
    book = Book()
    room = recorder(book)
    for _ in range(2):
        await room.begin(exchange(), REDACTION, judged(100), Sampling("m"))
    one, two = (record.in_text for record in book.told)
    assert one.commit == commitment(bytes.fromhex(one.salt), list(TEXTS))
    assert one.salt != two.salt
    assert one.commit != two.commit
    assert "coughs" not in repr(book.told)


@pytest.mark.parametrize(("kind", "kid"), [(CallerKind.TOKEN, "k1"), (CallerKind.EXTENSION, "k2")])
async def test_the_kind_of_caller_is_kept(kind: CallerKind, kid: str) -> None:
    book = Book()
    await recorder(book).begin(exchange(kind, kid), REDACTION, judged(100), Sampling("m"))
    assert book.told[0].caller == Who(f"uid:1000/{kid}", kind.value)


async def test_other_parameters_are_another_digest() -> None:
    book = Book()
    for sampling in (Sampling("m"), Sampling("m", temperature=0.5), Sampling("m")):
        await recorder(book).begin(exchange(), REDACTION, judged(1), sampling)
    one, two, three = (record.model.params for record in book.told)
    assert one == three != two


async def test_a_server_without_a_file_is_zeros() -> None:
    book = Book()
    outside = replace(ANSWERING, sha256="", template_digest="", id="m" * 99)
    room = Recorder(book, POLICY, GUARD, clock=HandClock(), model=lambda: outside)  # type: ignore[arg-type]
    await room.begin(exchange(), REDACTION, judged(1), Sampling("m"))
    assert book.told[0].model.sha == book.told[0].model.template == "0" * 64
    assert len(book.told[0].model.id) == 64


def outcome(*judgements: Judgement, **changed: object) -> Outcome:
    made = Outcome("ok", judgements=list(judgements), said=[RedactedText("[NAME_1] rests")])
    for name, value in changed.items():
        setattr(made, name, value)
    return made


async def test_the_second_record_says_how_it_ended() -> None:
    book = Book()
    how = outcome(judged(7, seg=0), chars=14, segments=1, released=11, restored=1, unresolved=2, first_ms=120)
    await recorder(book).close(exchange(), "ticket", how)  # type: ignore[arg-type]
    ticket, record = book.told[0]
    assert (ticket, record.result, record.code, record.first_ms) == ("ticket", "ok", None, 120)
    assert (record.out.chars, record.out.segments, record.out.released) == (14, 1, 11)
    assert (record.restore.restored, record.restore.unresolved) == (1, 2)
    assert record.dur_ms == 3_000  # 53 s on the monotonic clock, begun at 50 s
    assert record.out.commit == commitment(bytes.fromhex(record.out.salt), ["[NAME_1] rests"])


async def test_a_flag_in_an_early_segment_is_not_forgotten_by_a_later_one() -> None:
    book = Book()
    how = outcome(judged(6000, seg=0), judged(5, seg=1))
    await recorder(book).close(exchange(), "t", how)  # type: ignore[arg-type]
    safety = book.told[0][1].safety
    assert (safety.verdict, safety.rule) == ("flag", None)
    assert dict(safety.max)["harassment"] == 6000
    assert safety.ms == 6


async def test_a_refusal_is_the_strongest_and_names_its_rule() -> None:
    book = Book()
    refused = judged(9900, seg=1)
    assert refused.decision.verdict is Verdict.REFUSE
    how = outcome(judged(6000, seg=0), refused, result="refused", code="response_refused")
    await recorder(book).close(exchange(), "t", how)  # type: ignore[arg-type]
    record = book.told[0][1]
    assert (record.safety.verdict, record.safety.rule) == ("refuse", "harassment/response")
    assert record.code == "response_refused"


async def test_an_answer_that_never_began_was_not_judged() -> None:
    book = Book()
    await recorder(book).close(exchange(), "t", Outcome())  # type: ignore[arg-type]
    record = book.told[0][1]
    assert (record.result, record.safety.verdict, record.safety.units, record.first_ms) == (
        "cancelled", "permit", (), None,
    )  # fmt: skip


async def test_of_many_units_the_worst_are_kept_and_the_rest_counted() -> None:
    book = Book()
    await recorder(book).block(
        exchange(), "judge", "prompt_refused", redaction=REDACTION, judgement=judged(*range(130))
    )  # fmt: skip
    safety = book.told[0].safety
    assert (len(safety.units), safety.more) == (100, 30)
    assert [dict(u.scores)["harassment"] for u in safety.units[:2]] == [129, 128]
    assert dict(safety.max)["harassment"] == 129


async def test_a_missing_score_is_left_out_and_the_verdict_is_no() -> None:
    unit = UnitScores("user", Direction.PROMPT, None, 1, "", (("harassment", None), ("hate", 7)))
    evidence = Evidence((unit,))
    book = Book()
    await recorder(book).block(
        exchange(),
        "judge",
        "guard_missing",
        redaction=REDACTION,
        judgement=Judgement(decide(POLICY, evidence), evidence, 1),
    )
    safety = book.told[0].safety
    assert (safety.verdict, safety.units[0].scores, safety.units[0].acts) == ("refuse", (("hate", 7),), ())


async def test_a_refusal_before_redaction_has_nothing_of_the_text() -> None:
    book = Book()
    await recorder(book).block(exchange(), "find", "analyst_timeout", redaction=None, judgement=None)
    record = book.told[0]
    assert (record.stage, record.code, record.count) == ("find", "analyst_timeout", 1)
    assert (record.in_text, record.redact, record.safety, record.rule) == (None, None, None, None)


async def test_a_refused_prompt_names_its_rule() -> None:
    book = Book()
    await recorder(book).block(
        exchange(), "judge", "prompt_refused", redaction=REDACTION, judgement=judged(9900)
    )  # fmt: skip
    assert (book.told[0].rule, book.told[0].safety.rule) == ("harassment/prompt", "harassment/prompt")


@pytest.mark.parametrize("stage", ["access", "parse", "engine"])
@pytest.mark.parametrize("kind", ["uid", "token", "extension"])
async def test_early_refusals_are_one_record_with_a_count(stage, kind) -> None:
    book = Book()
    await recorder(book).refuse_early(Refusals("uid:1000/k", kind, stage, "bad_json", 12))
    record = book.told[0]
    assert (record.req, record.stage, record.code, record.count) == ("-", stage, "bad_json", 12)
    assert record.caller == Who("uid:1000/k", kind)


@pytest.mark.parametrize("code", ["audit_full", "audit_unavailable", "audit_keys_expired"])
async def test_a_log_that_fails_gives_its_own_code_and_no_detail(code: str) -> None:
    room = recorder(Book(code))
    for call in (
        room.begin(exchange(), REDACTION, judged(1), Sampling("m")),
        room.close(exchange(), "t", Outcome()),  # type: ignore[arg-type]
        room.block(exchange(), "find", "analyst_fault", redaction=None, judgement=None),
        room.refuse_early(Refusals("uid:1", "uid", "access", "wrong_host", 1)),
    ):
        with pytest.raises(CordonError) as caught:
            await call
        assert (caught.value.code, str(caught.value), caught.value.__cause__) == (code, code, None)


def test_every_verdict_has_a_strength() -> None:
    """The record takes the strongest: the order of the members is their strength."""
    assert [v.value for v in Verdict] == ["permit", "flag", "refuse"]
