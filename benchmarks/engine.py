"""How fast is Cordon's engine beside the fastest way llama-cpp-python itself runs the same file?

    python -m benchmarks.engine --answer build/shape/shape-gemma-4-e2b-q4_0.gguf \
        --guard build/shape/shape-shieldgemma-2b-q4_0.gguf [--cases E1,E3,E4] [--runs N] [--threads N] [--quick]

    E1  a check of four policies, prefix shared, against the same engine asked one policy at a time
    E2  twelve checks of a growing answer, against the same without reuse
    E3  one stream: answer and prompt tokens a second, against a bare loop of the library
    E4  1, 2, 4, 8 streams at once: tokens a second, against one after another and against llama_cpp.server
    E5  the second turn after a history of 8,000 tokens: time to the first token, against a cold one
    E6  a cancel, in an answer and in a prompt, to its end
    E7  the engine's own time a token: scheduler, sampling, detokeniser, wire
    E8  memory of the process, and the cache

    --soak SECONDS  instead: answers, several at once, and cancels, for that long (two hours: 7200); does memory grow?

Both sides have the same file, threads, cells and number types, greedy. They take turns, A B A B, and a row is the
median; the ratio is what matters, because both bear the same load of the machine. Without files it runs the bundled
demonstration models, for which the loop around the model weighs more than for a large one. Files of the real shape:
models/shape/README.md. The server is run with `--peer-libs DIR`, where its web framework lies, or from `.venv-bench`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.engine_sides import Bare, Ours, Server, Streams, question
from benchmarks.parties import Missing, peer_python
from benchmarks.table import machine, ms, p50, p95, show
from filters.tokens import Control, Piece, Text
from tests.kit.engines import EngineProcess, answer_role, engine_plan, guard_role

_MODELS = Path(__file__).resolve().parents[1] / "proxy" / "share" / "models"
_CASES = ("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is asked; `--quick` asks for less."""

    prompt: int = 512
    answer: int = 64
    history: int = 8_000
    checks: tuple[int, ...] = (200, 800, 2_000)
    streams: tuple[int, ...] = (1, 2, 4, 8)
    cancels: int = 20


QUICK = Sizes(256, 24, 2_000, (200, 800), (1, 2, 4, 8), 8)


def _turns(runs: int, *sides: Callable[[int], float]) -> list[float]:
    """Medians of sides that take turns."""
    found: list[list[float]] = [[] for _ in sides]
    for run in range(runs):
        for side, results in zip(sides, found, strict=True):
            results.append(side(run))
    return [statistics.median(results) for results in found]


def e1_checks(ours: Ours, runs: int, sizes: Sizes) -> None:
    """Shared prefix."""
    rows = []
    for size in sizes.checks:
        prefix, suffixes = _check(size)
        shared, apart = _turns(
            runs,
            lambda _, p=prefix, s=suffixes: ours.score(p, s, shared=True),
            lambda _, p=prefix, s=suffixes: ours.score(p, s, shared=False),
        )
        rows.append((f"content of about {size:,} tokens", ms(shared), ms(apart), f"{apart / shared:.2f} x"))
    show("E1: a check of four policies", ("", "prefix shared", "one by one", "ratio"), rows)


def e2_streaming(ours: Ours, sizes: Sizes) -> None:
    """A growing answer is read once."""
    step = 48 if sizes is QUICK else 115
    _, suffixes = _check(0)
    growing = ours.follow(suffixes, steps=12, step_tokens=step, keep=True)
    anew = ours.follow(suffixes, steps=12, step_tokens=step, keep=False)
    row = (f"12 checks, {step} tokens more each", ms(growing), ms(anew), f"{anew / growing:.2f} x")
    show("E2: checks of an answer as it grows", ("", "prefix kept", "read anew", "ratio"), [row])


def _check(size: int) -> tuple[tuple[Piece, ...], list[tuple[Piece, ...]]]:
    """A question in the form and length of ShieldGemma's; a policy is about 115 tokens."""
    policy = (
        "\n\nOur safety principle is defined in the below:\n\n* number {} " + "shall not contain content that " * 22
    )
    content = question(size) if size else "short"
    prefix = (
        Control("<bos>"), Text("You are a policy expert.\n\n"), Control("<start_of_turn>"), Text(f"\n{content}\n"),
        Control("<end_of_turn>"),
    )  # fmt: skip
    return prefix, [(Text(policy.format(number)),) for number in range(4)]


def e3_one_stream(ours: Ours, bare: Bare, runs: int, sizes: Sizes) -> None:
    """Answer and prompt, against the bare loop; by the clock, and by processor time, which other work leaves alone."""

    def ask(run: int) -> float:
        return ours.answer_rate(question(30, f"rate {run}"), sizes.answer)

    def loop(_: int) -> float:
        bare.prompt(64)
        return sizes.answer / bare.answer(sizes.answer)

    tokens = ours.prompt_tokens(question(sizes.prompt))
    answer = _turns(runs, ask, loop)
    prompt = _turns(
        runs,
        lambda run: tokens / ours.first_s(question(sizes.prompt, f"{run:03d} p")),
        lambda _: tokens / bare.prompt(tokens),
    )

    def loop_processor(_: int) -> float:
        bare.prompt(64)
        bare.answer(sizes.answer)
        return sizes.answer / bare.processor_s

    def prompt_processor(_: int) -> float:
        bare.prompt(tokens)
        return tokens / bare.processor_s

    answer_own = _turns(
        runs, lambda run: ours.answer_processor_rate(question(30, f"own {run}"), sizes.answer), loop_processor
    )
    prompt_own = _turns(
        runs, lambda run: ours.prompt_processor_rate(question(sizes.prompt, f"{run:03d} o")), prompt_processor
    )
    rows = [
        ("answer, tokens a second", *(f"{value:.2f}" for value in answer), f"{answer[0] / answer[1]:.3f} x"),
        (f"prompt of {tokens}, tokens a second", *(f"{v:.2f}" for v in prompt), f"{prompt[0] / prompt[1]:.3f} x"),
        ("answer, tokens a second of processor", *(f"{v:.2f}" for v in answer_own),
         f"{answer_own[0] / answer_own[1]:.3f} x"),
        ("prompt, the same", *(f"{v:.2f}" for v in prompt_own), f"{prompt_own[0] / prompt_own[1]:.3f} x"),
    ]  # fmt: skip
    show("E3: one stream", ("", "Cordon's engine", "bare loop", "ratio"), rows)


def e4_streams(ours: Ours, server: Server | None, runs: int, sizes: Sizes) -> None:
    """Several at once, one after another, and the example server."""
    rows = []
    for count in sizes.streams:
        together: list[Streams] = []

        def at_once(run: int, n: int = count, kept: list[Streams] = together) -> float:
            kept.append(ours.streams([question(40, f"{run} {i} of {n}") for i in range(n)], sizes.answer))
            return kept[-1].rate

        def in_turn(run: int, n: int = count) -> float:
            began = time.perf_counter()
            asked = [ours.streams([question(40, f"{run} {i} seq {n}")], sizes.answer) for i in range(n)]
            return sum(one.tokens for one in asked) / (time.perf_counter() - began)

        sides = [at_once, in_turn]
        if server is not None:
            sides.append(
                lambda run, n=count: server.rate([question(40, f"{run} {i} s {n}") for i in range(n)], sizes.answer)
            )
        rates = _turns(runs, *sides)
        theirs = (f"{rates[2]:.2f}", f"{rates[0] / rates[2]:.2f} x") if server is not None else ("-", "-")
        fair = f"{min(one.fairness for one in together):.2f}"
        rows.append((f"{count}", f"{rates[0]:.2f}", f"{rates[1]:.2f}", f"{rates[0] / rates[1]:.2f} x", *theirs, fair))
    header = ("streams", "at once", "one by one", "ratio", "llama_cpp.server", "ratio", "least of largest share")
    show("E4: tokens a second of all streams", header, rows)


def e5_second_turn(ours: Ours, sizes: Sizes) -> None:
    """A conversation that goes on is not read again."""
    cold, warm, reused, tokens = ours.second_turn(question(sizes.history, "history"))
    row = (f"{tokens:,} tokens of history", ms(cold), ms(warm), f"{warm / cold:.3f} x", f"{reused:,}")
    show("E5: time to the first token", ("", "cold", "second turn", "ratio", "tokens reused"), [row])


def e6_cancel(ours: Ours, sizes: Sizes) -> None:
    """From the cancel to the end."""
    rows = []
    for name, take in (("in an answer", ours.cancel_answering), ("in a prompt", ours.cancel_reading)):
        took = [take(run) for run in range(sizes.cancels)]
        rows.append((name, ms(p50(took)), ms(p95(took)), ms(max(took))))
    show("E6: cancel to its end", ("", "p50", "p95", "most"), rows)


def soak(chosen: argparse.Namespace) -> None:
    """Ask and cancel for a while; memory is read ten times."""
    role = answer_role(chosen.answer, _sha256(chosen.answer), id=_id(chosen.answer), context=4096, request_tokens=2048,
                       empty_thought=not _id(chosen.answer).startswith("shape-"))  # fmt: skip
    with EngineProcess(engine_plan(role, threads=chosen.threads)) as process:
        process.link.settimeout(1800)
        process.hello()
        samples = Ours(process).soak(chosen.soak)
    rows = [(f"{seconds:,.0f} s", f"{answers:,}", f"{mib:,}") for seconds, answers, mib in samples]
    show("Soak: memory over time", ("after", "rounds", "resident MiB"), rows)
    first, last = samples[1][2], samples[-1][2]
    print(f"\nfrom the second reading to the last: {last - first:+d} MiB")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _id(path: Path) -> str:
    return path.stem if path.stem.startswith("shape-") else "bench"


@contextlib.contextmanager
def _server(model: Path, threads: int, libs: Path | None) -> Iterator[Server | None]:
    try:
        wanted = f"llama-cpp-python[server]=={version('llama-cpp-python')}"
        python = Path(sys.executable) if libs else peer_python("llama-cpp-python", wanted)
    except Missing as reason:
        print(f"llama_cpp.server: not run, {reason}")
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Server.started(python, model, port, threads, libs) as server:
        yield server


def _engine_cases(chosen: argparse.Namespace, cases: Sequence[str], sizes: Sizes) -> None:
    needs_guard = {"E1", "E2"} & set(cases)
    cells = max(2 * sizes.history, 4096) if "E5" in cases else 4096
    answer = answer_role(
        chosen.answer, _sha256(chosen.answer), id=_id(chosen.answer), context=cells, request_tokens=cells,
        slots=chosen.slots,
        empty_thought=not _id(chosen.answer).startswith("shape-"),  # after it, random weights say what is not shown
    )  # fmt: skip
    roles = [answer] if set(cases) - {"E1", "E2"} else []
    if needs_guard:
        roles.append(guard_role(chosen.guard, _sha256(chosen.guard), id=_id(chosen.guard), context=4096))
    plan = engine_plan(*roles, threads=chosen.threads)
    with EngineProcess(plan) as process:
        process.link.settimeout(1800)
        process.hello()
        ours = Ours(process)
        _with(ours, chosen, cases, sizes)
        if "E8" in cases:
            rows = [(name, value) for name, value in ours.memory()]
            show("E8: memory of the engine process", ("", "MiB"), rows)


def _with(ours: Ours, chosen: argparse.Namespace, cases: Sequence[str], sizes: Sizes) -> None:
    if "E1" in cases:
        e1_checks(ours, chosen.runs, sizes)
    if "E2" in cases:
        e2_streaming(ours, sizes)
    if "E3" in cases:
        with Bare.started(chosen.answer, chosen.threads, 4096) as bare:
            e3_one_stream(ours, bare, chosen.runs, sizes)
    if "E4" in cases:
        with contextlib.ExitStack() as stack:
            libs = chosen.peer_libs
            wanted = stack.enter_context(_server(chosen.answer, chosen.threads, libs)) if not chosen.no_server else None
            e4_streams(ours, wanted, max(1, chosen.runs // 2), sizes)
    if "E5" in cases:
        e5_second_turn(ours, sizes)
    if "E6" in cases:
        e6_cancel(ours, sizes)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answer", type=Path, default=_MODELS / "demo-chat.gguf")
    parser.add_argument("--guard", type=Path, default=_MODELS / "demo-guard.gguf")
    parser.add_argument("--cases", default=",".join(_CASES))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--slots", type=int, default=8, help="answers at once that the engine is made for (default: 8)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-server", action="store_true")
    parser.add_argument("--peer-libs", type=Path)
    parser.add_argument("--soak", type=float, metavar="SECONDS")
    chosen = parser.parse_args()
    if chosen.soak:
        print(f"{machine()}; {chosen.threads} thread(s); {chosen.answer.name}", flush=True)
        soak(chosen)
        return
    cases = [case for case in _CASES if case in chosen.cases.split(",")]
    sizes = QUICK if chosen.quick else Sizes()
    print(f"{machine()}; {chosen.threads} thread(s); {chosen.answer.name}, {chosen.guard.name}", flush=True)
    if {"E1", "E2"} & set(cases):  # a process of its own: both large models at once would need twice the memory
        _engine_cases(chosen, [case for case in cases if case in ("E1", "E2")], sizes)
    rest = [case for case in cases if case not in ("E1", "E2", "E7")]
    if rest:
        _engine_cases(chosen, rest, sizes)
    if "E7" in cases:
        from benchmarks.engine_own import own_time

        own_time(answer_role(chosen.answer, _sha256(chosen.answer), id=_id(chosen.answer)), sizes.answer)
    print(f"\nload {os.getloadavg()[0]:.1f} after", flush=True)


if __name__ == "__main__":
    main()
