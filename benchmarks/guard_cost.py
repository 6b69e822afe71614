"""What judging costs: a shared prefix against a call per policy, a growing answer, and what a reader waits for.

    python -m benchmarks.guard_cost [--cases P,S,W] [--guard FILE] [--answer FILE] [--threads N] [--runs N] [--checks N]

    P   one prompt under four policies: one shared prefix against a call of its own for each policy, from nothing
    S   one answer that is checked each time it has grown: only what is new (the service), against everything anew with
        the policies together, and against judging from scratch: nothing kept between checks, nor between policies
    W   one question from its first byte in: first released text and whole answer, with and without the overlap of
        judging and generation, and the share of the request that passes in the guard

Everything runs in one engine process, in turn, with the questions of ShieldGemma as the service asks them. A file of
the real shape (`models/shape/make_shape.py --like shieldgemma-2b`) has the real cost and no meaning, which is all that
is measured here. Ratios above 1 are what the service saves; the largest difference between the scores of both ways
stands beside them, because a saving that changes a score is none. `evaluated` counts the tokens that the model read,
which no other work on the computer changes. A table is printed when its case ends; a line per step goes to stderr.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import machine, ms, ratio, show
from filters.safety import Direction, ScoreRequest, Unit
from filters.segment import Bounds, Segmenter, window_chars
from proxy.judging import guard_of
from proxy.workers.engine.gguf import read_header
from proxy.workers.engine.headers import SHAPE
from proxy.workers.engine.launch import RolePlan
from proxy.workers.wire import Credit, Delta, Done, EndExchange, Generate, ModelInfo, Score, Scored
from tests.kit.engines import EngineProcess, answer_role, engine_plan, generate, guard_role
from tests.kit.policies import policy_of

MODELS = Path(__file__).resolve().parents[1] / "proxy" / "share" / "models"
_CONTENT = "The patient has pain and fever and was seen today in the clinic by the doctor on call for the night. "
_SIZES = (200, 800, 2000)
_STEP_TOKENS = 48
_ANSWER_TOKENS = 96
_PATIENCE_S = 1800
_NOTE = (
    "Summarise this note.\n\n[NAME_1], seen on [DATE_1], has had a cough and fever for three days. Chest clear, blood "
    "pressure normal. Plan: rest, fluids, paracetamol 500 mg; review on [DATE_2]. "
)


@dataclass
class Judge:
    """The guard of one engine process, spoken to as the gateway does."""

    process: EngineProcess
    number: int = 0
    evaluated: int = 0
    """Tokens read so far; what was still in memory is not among them."""
    tokens_of_text: float = 0.0
    """Tokens of `_CONTENT`, once they were counted."""

    def score(self, request: ScoreRequest, exchange: str, which: slice = slice(None)) -> Scored:
        """Some of the suffixes after the prefix, under an exchange whose prefix is kept."""
        self.number += 1
        deadline = _PATIENCE_S * 1000
        asked = Score(self.number, exchange, request.prefix, request.suffixes[which], request.answers, deadline)
        self.process.send(asked)
        scored = self.process.until(Scored)[-1]
        self.evaluated += scored.prompt_tokens - scored.reused_tokens
        return scored

    def end(self, exchange: str) -> None:
        """Forget the exchange."""
        self.process.send(EndExchange(exchange))

    def at_once(self, request: ScoreRequest) -> list[tuple[float, ...]]:
        """All policies behind one prefix, from nothing."""
        scored = self.score(request, f"s{self.number}")
        self.end(f"s{self.number - 1}")
        return list(scored.logits)

    def one_by_one(self, request: ScoreRequest) -> list[tuple[float, ...]]:
        """From scratch: each policy in a call of its own, nothing kept between them."""
        logits: list[tuple[float, ...]] = []
        for number in range(len(request.suffixes)):
            name = f"n{self.number}"
            logits += self.score(request, name, slice(number, number + 1)).logits
            self.end(name)
        return logits


def _score(pair: Sequence[float]) -> float:
    """The probability of a violation, from the logits of Yes and No."""
    return 1 / (1 + math.exp(min(pair[1] - pair[0], 700.0)))


def _apart(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float:
    """The largest difference of a score."""
    return max(abs(_score(a) - _score(b)) for a, b in zip(one, other, strict=True))


@dataclass(frozen=True, slots=True)
class Took:
    """One way of judging: seconds, tokens read, and the logits."""

    s: float
    tokens: int
    logits: list[tuple[float, ...]]


def _timed(judge: Judge, work: Callable[[], list[tuple[float, ...]]]) -> Took:
    began, before = time.perf_counter(), judge.evaluated
    logits = work()
    return Took(time.perf_counter() - began, judge.evaluated - before, logits)


def _say(words: str) -> None:
    """Progress, for who watches; the tables go to stdout."""
    print(f"{time.strftime('%H:%M:%S')}  {words}", file=sys.stderr, flush=True)


def _rounds(runs: int) -> int:
    """One round more than is kept, to warm up; a single one, for a file that takes minutes, is kept as it is."""
    return runs + 1 if runs > 1 else 1


def _text_of(judge: Judge, tokens: int, mark: str) -> str:
    """Content of about so many tokens; the mark stands first, so that nothing is known from an earlier round."""
    if not judge.tokens_of_text:
        asks = guard_of(policy_of())
        asked = [asks.questions(Unit("user", Direction.PROMPT, "", text)) for text in ("", _CONTENT * 8)]
        empty, eight = (judge.score(request, "probe", slice(0, 1)).prompt_tokens for request in asked)
        judge.end("probe")
        judge.tokens_of_text = (eight - empty) / 8
    return f"{mark} {_CONTENT}" + _CONTENT * max(0, round(tokens / judge.tokens_of_text) - 1)


def shared_prefix(judge: Judge, runs: int) -> None:
    """P: four policies at once and one by one."""
    asks, rows = guard_of(policy_of()), []
    for size in _SIZES:
        both: list[tuple[Took, Took]] = []
        for run in range(_rounds(runs)):
            request = asks.questions(Unit("user", Direction.PROMPT, "", _text_of(judge, size, f"{size}-{run}")))
            shared = _timed(judge, lambda r=request: judge.at_once(r))  # type: ignore[misc]
            naive = _timed(judge, lambda r=request: judge.one_by_one(r))  # type: ignore[misc]
            both.append((shared, naive))
            _say(f"P {size:,} tokens, run {run + 1}: {ms(shared.s)}, one by one {ms(naive.s)}")
        shared_s, naive_s = (statistics.median(one[i].s for one in both[-runs:]) for i in (0, 1))
        apart = max(_apart(shared.logits, naive.logits) for shared, naive in both)
        evaluated = f"{both[-1][0].tokens:,} / {both[-1][1].tokens:,}"
        times = [ms(shared_s), ms(naive_s), ratio(naive_s, shared_s)]
        rows.append([f"{size:,} tokens of content", *times, evaluated, f"{apart:.1e}"])
    header = ["four policies", "shared prefix", "one call each", "saved", "evaluated", "largest difference of a score"]
    show("A prompt, judged under four policies (target: 1.4 x / 2.2 x / 3.0 x; difference at most 1e-2)", header, rows)


def growing_answer(judge: Judge, checks: int, runs: int) -> None:
    """S: an answer that is checked each time it has grown, against judging it anew and from scratch."""
    totals: list[tuple[float, ...]] = []
    tokens, apart = [0, 0, 0], 0.0
    for run in range(_rounds(runs)):
        name, seconds, tokens = f"stream{run}", [0.0, 0.0, 0.0], [0, 0, 0]
        for number, request in enumerate(_checks(judge, checks, f"run {run}"), 1):
            took = (
                _timed(judge, lambda r=request, n=name: list(judge.score(r, n).logits)),  # type: ignore[misc]
                _timed(judge, lambda r=request: judge.at_once(r)),  # type: ignore[misc]
                _timed(judge, lambda r=request: judge.one_by_one(r)),  # type: ignore[misc]
            )
            seconds = [all_ + one.s for all_, one in zip(seconds, took, strict=True)]
            tokens = [all_ + one.tokens for all_, one in zip(tokens, took, strict=True)]
            apart = max(apart, _apart(took[0].logits, took[2].logits))
            _say(f"S check {number} of {checks}, run {run + 1}: {', '.join(ms(one.s) for one in took)}")
        judge.end(name)
        totals.append(tuple(seconds))
    kept_s, shared_s, scratch_s = (statistics.median(one[i] for one in totals[-runs:]) for i in range(3))
    ways = (
        ("only what is new (the service)", kept_s, ""),
        ("anew each time, policies together", shared_s, ""),
        ("from scratch: anew each time, a call per policy", scratch_s, f"{apart:.1e}"),
    )
    rows = [
        [words, ms(took_s), ratio(took_s, kept_s), f"{count:,}", difference]
        for (words, took_s, difference), count in zip(ways, tokens, strict=True)
    ]
    title = f"An answer of {_STEP_TOKENS * checks} tokens, checked {checks} times (target: 3 x against from scratch)"
    show(title, ["how", "guard's time", "of the service's", "evaluated", "largest difference of a score"], rows)


def _checks(judge: Judge, checks: int, mark: str) -> list[ScoreRequest]:
    """The questions about an answer as it grows, step by step."""
    whole, asks = _text_of(judge, _STEP_TOKENS * checks, mark), guard_of(policy_of())
    parts = [whole[: len(whole) * (n + 1) // checks] for n in range(checks)]
    return [asks.questions(Unit("segment", Direction.RESPONSE, "Why?", part, n)) for n, part in enumerate(parts)]


# ---- what a reader waits for -------------------------------------------------------------------------------------


@dataclass
class Wait:
    """Times of one question, from the first byte in."""

    first_s: float = 0.0
    whole_s: float = 0.0
    guard_s: float = 0.0


def _read_segment(judge: Judge, segments: Segmenter, ready: list[str], answer: int, credit: int) -> bool:
    """Read until a segment is complete or the answer ends; says whether it ended."""
    while not ready:
        message = judge.process.next()
        if isinstance(message, Delta):
            ready.extend(segments.feed(message.text.reveal()))
            if credit:
                judge.process.send(Credit(answer, 1))
        if isinstance(message, Done):
            ready.extend(segments.finish())
            return True
    return False


def ask(judge: Judge, mark: str, window: int | None, *, early: bool, ahead: bool) -> Wait:
    """One question. `early`: generation begins with the judging of the prompt; `ahead`: it runs on meanwhile."""
    asks, wait, began = guard_of(policy_of()), Wait(), time.perf_counter()
    judge.number += 1
    answer, question = judge.number, f"{mark} {_NOTE}"
    credits_, limit_ms = 10_000 if ahead else 0, _PATIENCE_S * 1000
    request: Generate = generate(
        answer, question, caller=mark, max_tokens=_ANSWER_TOKENS, credits=credits_, deadline_ms=limit_ms
    )
    if early:
        judge.process.send(request)
    passing: list[object] = []
    _judged(judge, asks.questions(Unit("user", Direction.PROMPT, "", question)), f"x{answer}", wait, passing)
    if not early:
        judge.process.send(request)
    segments, said, ready = Segmenter(window), "", list[str]()
    ended = _take(passing, segments, ready)
    while True:
        if not ended and not ready:
            if not ahead:
                judge.process.send(Credit(answer, 1))
            ended = _read_segment(judge, segments, ready, answer, 0 if ahead else 1)
        if not ready:
            break
        said += ready.pop(0)
        late: list[object] = []
        _judged(judge, asks.questions(Unit("segment", Direction.RESPONSE, question, said, 0)), f"x{answer}", wait, late)
        wait.first_s = wait.first_s or time.perf_counter() - began
        ended = _take(late, segments, ready) or ended
    wait.whole_s = time.perf_counter() - began
    judge.end(f"x{answer}")
    return wait


def _take(messages: Sequence[object], segments: Segmenter, ready: list[str]) -> bool:
    for message in messages:
        if isinstance(message, Delta):
            ready.extend(segments.feed(message.text.reveal()))
        if isinstance(message, Done):
            ready.extend(segments.finish())
            return True
    return False


def _judged(judge: Judge, request: ScoreRequest, exchange: str, wait: Wait, passing: list[object]) -> None:
    """Score, and keep what the answer said meanwhile."""
    began = time.perf_counter()
    judge.number += 1
    limit_ms = _PATIENCE_S * 1000
    judge.process.send(Score(judge.number, exchange, request.prefix, request.suffixes, request.answers, limit_ms))
    passing += judge.process.until(Scored)[:-1]
    wait.guard_s += time.perf_counter() - began


def waiting(judge: Judge, window: int | None, runs: int) -> None:
    """Time to the first released text in the three orders that never release before a verdict."""
    ways = (
        ("prompt judged, then generated; generation waits for each verdict", False, False),
        ("prompt judged, then generated; generation runs on (the service)", False, True),
        ("generation begins with the judging of the prompt", True, True),
    )
    found: dict[str, list[Wait]] = {name: [] for name, _, _ in ways}
    for run in range(_rounds(runs)):
        for name, early, ahead in ways:
            one = ask(judge, f"r{run}", window, early=early, ahead=ahead)
            found[name].append(one)
            _say(f"W {name}, run {run + 1}: first text {ms(one.first_s)}, whole {ms(one.whole_s)}")
    rows = []
    for name, _, _ in ways:
        kept = found[name][-runs:]
        first, whole, guard = (
            statistics.median(getattr(w, f) for w in kept) for f in ("first_s", "whole_s", "guard_s")
        )
        rows.append([name, ms(first), ms(whole), f"{100 * guard / whole:.0f} %"])
    size = f"windows of {window} characters" if window else "one check at the end"
    show(f"One question, {size}", ["order", "first released text", "whole answer", "of it in the guard"], rows)


def windows_of(chosen: int | None, infos: Sequence[ModelInfo]) -> tuple[int | None, ...]:
    """What the service would choose here; where that is one check at the end, the smallest window beside it."""
    if chosen:
        return (chosen,)
    own = window_of(infos)
    return (own,) if own else (None, 4 * Bounds().least_tokens)


def roles(guard: Path, answer: Path, hashed: Callable[[Path], str]) -> tuple[RolePlan, RolePlan]:
    """The two files as the engine loads them; a file of a shape runs under a name that says so."""
    judge = guard_role(guard, hashed(guard), id=_name(guard, "guard"), context=4096)
    sizes = {"context": 4096, "request_tokens": 2048, "max_tokens": 256}
    return judge, answer_role(answer, hashed(answer), id=_name(answer, "answer"), **sizes)


def _name(path: Path, plain: str) -> str:
    with path.open("rb") as stream:
        shape = read_header(stream).text("general.name").startswith(SHAPE)
    return f"{SHAPE}{plain}" if shape else plain


def window_of(infos: Sequence[ModelInfo]) -> int | None:
    """The window that the service would choose on this computer."""
    speeds = {info.role: info for info in infos}
    return window_chars(
        prompt_tokens_per_s=speeds["guard"].prompt_tokens_per_s, suffix_tokens=460,
        answer_tokens_per_s=speeds["answer"].answer_tokens_per_s,
    )  # fmt: skip


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cases(text: str) -> frozenset[str]:
    """Which cases were asked for.

    Raises:
        argparse.ArgumentTypeError: one of them is not known.
    """
    asked = frozenset(text.upper().split(","))
    if not asked <= {"P", "S", "W"}:
        raise argparse.ArgumentTypeError("cases are P, S and W, with commas between them")
    return asked


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=_cases, default="P,S,W", metavar="P,S,W", help="which of them (default: all)")
    parser.add_argument("--guard", type=Path, default=MODELS / "demo-guard.gguf")
    parser.add_argument("--answer", type=Path, default=MODELS / "demo-chat.gguf")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--checks", type=int, default=12)
    parser.add_argument("--window", type=int, help="characters of a segment (default: what the measured speed allows)")
    chosen = parser.parse_args()
    _say("loading the models")
    plan = engine_plan(*roles(chosen.guard, chosen.answer, _sha256), threads=chosen.threads)
    with EngineProcess(plan) as process:
        process.link.settimeout(_PATIENCE_S)
        infos = process.hello().models
        judge = Judge(process)
        print(f"{machine()}\nguard {chosen.guard.name}, {chosen.threads} thread(s)")
        for info in infos:
            speeds = f"{info.prompt_tokens_per_s:,.0f} prompt and {info.answer_tokens_per_s:,.0f} answer tokens/s"
            print(f"{info.role} {info.id}: {speeds}", flush=True)
        if "P" in chosen.cases:
            shared_prefix(judge, chosen.runs)
        if "S" in chosen.cases:
            growing_answer(judge, chosen.checks, chosen.runs)
        for window in windows_of(chosen.window, infos) if "W" in chosen.cases else ():
            waiting(judge, window, chosen.runs)


if __name__ == "__main__":
    main()
