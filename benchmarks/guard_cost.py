"""What judging costs: a shared prefix against a call per policy, a growing answer, and what a reader waits for.

    python -m benchmarks.guard_cost [--guard FILE] [--answer FILE] [--threads N] [--runs N] [--checks N]

Everything runs in one engine process, in turn, with the questions of ShieldGemma as the service asks them. A file of
the real shape (`models/shape/make_shape.py --like shieldgemma-2b`) has the real cost and no meaning, which is all that
is measured here. Ratios above 1 are what the service saves; the largest difference between the scores of both ways
stands beside them, because a saving that changes a score is none.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks.table import machine, ms, ratio, show
from filters.safety import Direction, ScoreRequest, Unit
from filters.segment import Segmenter, window_chars
from proxy.judging import guard_of
from proxy.workers.engine.gguf import read_header
from proxy.workers.wire import Credit, Delta, Done, EndExchange, Generate, ModelInfo, Score, Scored
from tests.kit.engines import EngineProcess, answer_role, engine_plan, generate, guard_role
from tests.kit.policies import policy_of

MODELS = Path(__file__).resolve().parents[1] / "proxy" / "share" / "models"
_CONTENT = "The patient has pain and fever and was seen today in the clinic by the doctor on call for the night. "
_SIZES = (200, 800, 2000)
_STEP_TOKENS = 48
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
    _said: dict[int, float] = field(default_factory=dict)

    def score(self, request: ScoreRequest, exchange: str, which: slice = slice(None)) -> Scored:
        """Some of the suffixes after the prefix, under an exchange whose prefix is kept."""
        self.number += 1
        deadline = _PATIENCE_S * 1000
        asked = Score(self.number, exchange, request.prefix, request.suffixes[which], request.answers, deadline)
        self.process.send(asked)
        return self.process.until(Scored)[-1]

    def end(self, exchange: str) -> None:
        """Forget the exchange."""
        self.process.send(EndExchange(exchange))

    def at_once(self, request: ScoreRequest) -> list[tuple[float, ...]]:
        """All policies behind one prefix, from nothing."""
        scored = self.score(request, f"s{self.number}")
        self.end(f"s{self.number - 1}")
        return list(scored.logits)

    def one_by_one(self, request: ScoreRequest) -> list[tuple[float, ...]]:
        """Each policy in a call of its own, from nothing."""
        logits = []
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


def _timed(work: Callable[[], list[tuple[float, ...]]]) -> tuple[float, list[tuple[float, ...]]]:
    began = time.perf_counter()
    logits = work()
    return time.perf_counter() - began, logits


def _rounds(runs: int) -> int:
    """One round more than is kept, to warm up; a single one, for a file that takes minutes, is kept as it is."""
    return runs + 1 if runs > 1 else 1


def _text_of(judge: Judge, tokens: int, mark: str) -> str:
    """Content of about so many tokens; the mark stands first, so that nothing is known from an earlier round."""
    text, asks = f"{mark} {_CONTENT}", guard_of(policy_of())
    empty = judge.score(asks.questions(Unit("user", Direction.PROMPT, "", "")), "probe", slice(0, 1)).prompt_tokens
    eight = asks.questions(Unit("user", Direction.PROMPT, "", _CONTENT * 8))
    one = judge.score(eight, "probe", slice(0, 1)).prompt_tokens
    judge.end("probe")
    return text + _CONTENT * max(0, round(tokens / ((one - empty) / 8)) - 1)


def shared_prefix(judge: Judge, runs: int) -> None:
    """E1: four policies at once and one by one."""
    asks, rows = guard_of(policy_of()), []
    for size in _SIZES:
        both: list[tuple[float, float, float]] = []
        for run in range(_rounds(runs)):
            request = asks.questions(Unit("user", Direction.PROMPT, "", _text_of(judge, size, f"{size}-{run}")))
            shared_s, shared = _timed(lambda r=request: judge.at_once(r))  # type: ignore[misc]
            naive_s, naive = _timed(lambda r=request: judge.one_by_one(r))  # type: ignore[misc]
            both.append((shared_s, naive_s, _apart(shared, naive)))
        kept = both[-runs:]
        shared_s, naive_s = (statistics.median(one[i] for one in kept) for i in (0, 1))
        apart = max(one[2] for one in both)
        print(f"{size:,} tokens: {ratio(naive_s, shared_s)}", file=sys.stderr, flush=True)
        rows.append(
            [f"{size:,} tokens of content", ms(shared_s), ms(naive_s), ratio(naive_s, shared_s), f"{apart:.1e}"]
        )
    header = ["four policies", "shared prefix", "one call each", "saved", "largest difference of a score"]
    show("A prompt, judged under four policies (target: 1.4 x / 2.2 x / 3.0 x; difference at most 1e-2)", header, rows)


def growing_answer(judge: Judge, checks: int, runs: int) -> None:
    """E2: an answer that is checked each time it has grown, its prefix kept, against judging it anew."""
    asks, totals = guard_of(policy_of()), []
    apart = 0.0
    for run in range(_rounds(runs)):
        whole = _text_of(judge, _STEP_TOKENS * checks, f"run {run}")
        parts = [whole[: len(whole) * (n + 1) // checks] for n in range(checks)]
        requests = [
            asks.questions(Unit("segment", Direction.RESPONSE, "Why?", part, n)) for n, part in enumerate(parts)
        ]
        took = [0.0, 0.0, 0.0]
        for request in requests:
            name = f"stream{run}"
            kept_s, kept = _timed(lambda r=request, n=name: list(judge.score(r, n).logits))  # type: ignore[misc]
            shared_s, _ = _timed(lambda r=request: judge.at_once(r))  # type: ignore[misc]
            naive_s, naive = _timed(lambda r=request: judge.one_by_one(r))  # type: ignore[misc]
            took = [a + b for a, b in zip(took, (kept_s, shared_s, naive_s), strict=True)]
            apart = max(apart, _apart(kept, naive))
        judge.end(f"stream{run}")
        totals.append(took)
    kept_s, shared_s, naive_s = (statistics.median(one[i] for one in totals[-runs:]) for i in range(3))
    rows = [
        ["only what is new (the service)", ms(kept_s), "1.00 x", f"{apart:.1e}"],
        ["anew, policies together", ms(shared_s), ratio(shared_s, kept_s), ""],
        ["anew, a call per policy", ms(naive_s), ratio(naive_s, kept_s), ""],
    ]
    title = f"An answer of {_STEP_TOKENS * checks} tokens, checked {checks} times (target: 3 x against from scratch)"
    show(title, ["how", "guard's time", "of the service's", "largest difference of a score"], rows)


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
    answer = judge.number
    question = f"{mark} {_NOTE}"
    request: Generate = generate(answer, question, caller=mark, max_tokens=96, credits=10_000 if ahead else 0)
    if early:
        judge.process.send(request)
    buffered: list[object] = []
    _judged(judge, asks.questions(Unit("user", Direction.PROMPT, "", question)), f"x{answer}", wait, buffered)
    if not early:
        judge.process.send(request)
    segments, said, ready = Segmenter(window), "", list[str]()
    for message in buffered:
        if isinstance(message, Delta):
            ready.extend(segments.feed(message.text.reveal()))
    ended = any(isinstance(message, Done) for message in buffered)
    if ended:
        ready.extend(segments.finish())
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
    judge.process.send(Score(judge.number, exchange, request.prefix, request.suffixes, request.answers, 600_000))
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
            found[name].append(ask(judge, f"r{run}", window, early=early, ahead=ahead))
    rows = []
    for name, _, _ in ways:
        kept = found[name][-runs:]
        first, whole, guard = (
            statistics.median(getattr(w, f) for w in kept) for f in ("first_s", "whole_s", "guard_s")
        )
        rows.append([name, ms(first), ms(whole), f"{100 * guard / whole:.0f} %"])
    size = f"windows of {window} characters" if window else "one check at the end"
    show(f"One question, {size}", ["order", "first released text", "whole answer", "waited for the guard"], rows)


def roles(guard: Path, answer: Path, hashed: Callable[[Path], str]) -> tuple[object, object]:
    """The two files as the engine loads them; a file of a shape runs under a name that says so."""
    with guard.open("rb") as stream:
        name = read_header(stream).text("general.name")
    id_ = f"shape-{guard.stem}"[:60] if name.startswith("shape-") else "guard"
    judge = guard_role(guard, hashed(guard), id=id_, context=4096)
    return judge, answer_role(answer, hashed(answer), context=4096, request_tokens=2048, max_tokens=256)


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


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guard", type=Path, default=MODELS / "demo-guard.gguf")
    parser.add_argument("--answer", type=Path, default=MODELS / "demo-chat.gguf")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--checks", type=int, default=12)
    parser.add_argument("--window", type=int, help="characters of a segment (default: what the measured speed allows)")
    chosen = parser.parse_args()
    with Console(stderr=True).status("Loading the models ...", spinner="line"):
        judging, answering = roles(chosen.guard, chosen.answer, _sha256)
        plan = engine_plan(judging, answering, threads=chosen.threads)  # type: ignore[arg-type]
    with EngineProcess(plan) as process:
        process.link.settimeout(_PATIENCE_S)
        infos = process.hello().models
        judge = Judge(process)
        print(f"{machine()}\nguard {chosen.guard.name}, {chosen.threads} thread(s)")
        for info in infos:
            speeds = f"{info.prompt_tokens_per_s:,.0f} prompt and {info.answer_tokens_per_s:,.0f} answer tokens/s"
            print(f"{info.role}: {speeds}")
        shared_prefix(judge, chosen.runs)
        growing_answer(judge, chosen.checks, chosen.runs)
        waiting(judge, chosen.window or window_of(infos), chosen.runs)


if __name__ == "__main__":
    main()
