"""`cordon models bench`: how quick a model is on this computer, and what settings follow from it.

    prompt      tokens a second of a prompt of about 512
    answer      tokens a second, one answer alone and four at once
    guard       seconds of a check of all policies, for 200, 800 and 2,000 tokens of content
    memory      the cache of the pool, and the most the process ever had

Law: the engine of the service is measured, over its own link; three rounds, the median. The result is kept with the
record of an imported file, where `recommend` reads it. A file that is not imported is measured and nothing is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from filters.parts import RedactedText
from filters.safety import Guideline, ShieldGemma
from filters.segment import window_chars
from filters.tokens import Piece
from filters.units import Direction, Unit
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.lone_engine import EngineGone, LoneEngine, lone_engine
from proxy.cli.shelf import settings_or_defaults
from proxy.config import ConfigError, PolicySettings, Settings
from proxy.imports import BenchRecord, record_of, write_record
from proxy.models import SHAPE
from proxy.policy_files import read_rules
from proxy.stock import read_catalogue, resolve
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.fit import Pool, kv_bytes
from proxy.workers.engine.gguf import Header, read_header
from proxy.workers.engine.hardware import memory_available, physical_cores
from proxy.workers.engine.launch import EnginePlan, RolePlan
from proxy.workers.wire import Delta, Done, EndExchange, Failed, Generate, ModelInfo, Score, Scored, Turn

__all__ = ["BENCH"]

_ROUNDS = 3
_PROMPT_TOKENS, _ANSWER_TOKENS, _AT_ONCE = 512, 128, 4
_GUARD_SIZES = (200, 800, 2_000)
_ANSWER_CELLS, _GUARD_CELLS = 8_192, 4_096
_DEADLINE_MS = 600_000
_BABBLE = "tool_call_malformed"
"""How an answer of random weights may end: its tokens took their time all the same."""
_FAMILIES = {"gemma4": ("answer", "gemma4"), "gemma3": ("answer", "gemma3"), "gemma2": ("guard", "gemma2")}
_WORDS = (
    "The patient was seen today in the clinic with cough and fever for three days and has no known allergies. "
    "Chest is clear, blood pressure is normal, and the plan is rest, fluids and a review next week. "
)


@dataclass(frozen=True, slots=True)
class _Subject:
    """One file to measure."""

    id: str
    path: Path
    sha256: str
    role: str
    family: str
    header: Header
    imported: bool

    @property
    def pool(self) -> Pool:
        """As the engine makes it."""
        guard = self.role == "guard"
        return Pool(_GUARD_CELLS if guard else _ANSWER_CELLS, 512, 6 if guard else _AT_ONCE, guard)


@dataclass(frozen=True, slots=True)
class _Result:
    """What was found for one file."""

    subject: _Subject
    bench: BenchRecord
    info: ModelInfo

    def body(self) -> dict[str, object]:
        """For machines."""
        subject = self.subject
        return {"id": subject.id, "role": subject.role, "sha256": subject.sha256, **self.bench.model_dump()}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="*", help="models or GGUF files (default: the two of the settings)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="threads (default: physical cores)")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, metavar="N", help=f"rounds (default {_ROUNDS})")
    parser.add_argument("--sweep", action="store_true", help="also try fewer threads, and say which are best")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument("--json", action="store_true", help="for machines")


def _run(args: argparse.Namespace) -> int:
    threads = args.threads or physical_cores()
    try:
        settings = settings_or_defaults(args.config)
        subjects = list(_subjects(settings, args.id))
        results = [_measure(subject, threads, args.rounds) for subject in subjects]
        swept = _sweep(subjects, results, threads) if args.sweep else {}
        for result in results:
            _keep(settings, result)
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    except (EngineGone, EngineError) as error:
        complain(f"the engine did not measure it ({error.code}); nothing was kept. See: cordon check")
        return Exit.FAILED
    except OSError as error:
        complain(f"a model file cannot be read ({error.strerror}); nothing was measured")
        return Exit.FAILED
    advice = _advice(results, threads, swept)
    if args.json:
        print(json.dumps({"results": [result.body() for result in results], "suggests": advice}))
    else:
        _show(out(), results, advice)
    return Exit.DONE


# ---- what is measured ---------------------------------------------------------------------------------------------


def _subjects(settings: Settings, names: list[str]) -> Iterator[_Subject]:
    catalogue = read_catalogue(settings.models)
    chosen = names or [name for name in (settings.models.answer, settings.models.guard) if name]
    for name in chosen:
        path = Path(name)
        if path.suffix == ".gguf":
            yield _loose(path)
            continue
        model = catalogue.find(name)
        if model is None:
            raise ConfigError(f"there is no model {name} in the catalogue; nothing was measured")
        found = resolve(settings.models, catalogue, name, model.role)
        yield _Subject(name, found.path, found.sha256, model.role, model.family, _header(found.path),
                       imported=found.record is not None)  # fmt: skip


def _loose(path: Path) -> _Subject:
    """A file that nobody approved: measured here, and never served by that."""
    header = _header(path)
    if header.arch not in _FAMILIES:
        raise ConfigError(f"{path} is of the architecture {header.arch}, which is not measured")
    role, family = _FAMILIES[header.arch]
    telling = err().status(f"Hashing {path.name} ...", spinner="line") if sys.stderr.isatty() else _Quiet()
    with telling, path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    name = header.text("general.name")
    return _Subject(name if name.startswith(SHAPE) else path.stem, path, sha256, role, family, header, imported=False)


class _Quiet:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _header(path: Path) -> Header:
    with path.open("rb") as file:
        return read_header(file)


def _plan(subject: _Subject, threads: int) -> tuple[EnginePlan, dict[str, int]]:
    descriptor = os.open(subject.path, os.O_RDONLY | os.O_CLOEXEC)
    role = RolePlan(
        role=subject.role, id=subject.id, family=subject.family, sha256=subject.sha256, descriptor=descriptor,
        path=None, demo=False, context=subject.pool.n_ctx, slots=_AT_ONCE, gpu_layers=0, request_tokens=_ANSWER_CELLS,
        max_tokens=_ANSWER_TOKENS, temperature=0.0, top_p=1.0, top_k=0, min_p=0.0, empty_thought=True,
        placeholder_hint=False,
    )  # fmt: skip
    plan = EnginePlan("bench", threads, memory_available(), prefix_cache=False, models=(role,))
    return plan, {f"model.{subject.role}": descriptor}


def _measure(subject: _Subject, threads: int, rounds: int) -> _Result:
    plan, descriptors = _plan(subject, threads)
    quiet = not sys.stderr.isatty()
    with lone_engine(plan, descriptors) as engine, _Quiet() if quiet else err().status(f"{subject.id} ..."):
        (info,) = engine.hello().models
        found = _guard(engine, rounds) if subject.role == "guard" else _answers(engine, rounds)
        bench = BenchRecord(
            at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), threads=threads,
            kv_bytes=kv_bytes(subject.header, subject.pool), peak_rss_bytes=engine.peak_bytes(), **found,
        )  # fmt: skip
    return _Result(subject, bench, info)


def _answers(engine: LoneEngine, rounds: int) -> dict[str, float]:
    text = _WORDS * (_PROMPT_TOKENS // 38)
    prompts, ones, fours = [], [], []
    for turn in range(rounds):
        done = _ask(engine, [_question(10 * turn + 1, f"{turn} {text}", 1)])[1][0]
        prompts.append(1000 * done.prompt_tokens / max(done.prompt_ms, 1))
        done = _ask(engine, [_question(10 * turn + 2, f"{turn} {_WORDS}", _ANSWER_TOKENS)])[1][0]
        ones.append(1000 * max(done.completion_tokens - 1, 0) / max(done.answer_ms, 1))
        questions = [_question(10 * turn + 3 + i, f"{turn}{i} {_WORDS}", _ANSWER_TOKENS) for i in range(_AT_ONCE)]
        took, ends = _ask(engine, questions)
        fours.append(sum(done.completion_tokens for done in ends) / max(took, 1e-3))
    return {
        "prompt_tokens_per_s": round(statistics.median(prompts), 2),
        "answer_tokens_per_s": round(statistics.median(ones), 2),
        "answer_tokens_per_s_of_four": round(statistics.median(fours), 2),
    }


def _question(number: int, text: str, tokens: int) -> Generate:
    return Generate(
        id=number, exchange=f"b{number}", caller=f"b{number}", messages=(Turn("user", RedactedText(text)),), tools=(),
        tool_choice="auto", stop=(), schema=None, json_mode=False, max_tokens=tokens, temperature=0.0, top_p=None,
        top_k=None, min_p=None, seed=1, presence_penalty=None, frequency_penalty=None, deadline_ms=_DEADLINE_MS,
        credits=2 * _ANSWER_TOKENS,
    )  # fmt: skip


def _ask(engine: LoneEngine, questions: list[Generate]) -> tuple[float, list[Done]]:
    """Ask at once; seconds from the first text of any to the end of all, and their ends."""
    engine.send(*questions)
    ends: list[Done] = []
    first: float | None = None
    while len(ends) < len(questions):
        message = engine.next()
        if isinstance(message, Delta) and first is None:
            first = time.perf_counter()
        if isinstance(message, Done):
            if message.code not in ("", _BABBLE):
                raise EngineGone(message.code)
            ends.append(message)
    return time.perf_counter() - (first or 0.0), ends


def _guard(engine: LoneEngine, rounds: int) -> dict[str, object]:
    regime = read_rules(PolicySettings())
    asks = ShieldGemma([Guideline(g.id, g.name, g.text) for g in sorted(regime.guidelines, key=lambda g: g.order)])
    checks: dict[str, float] = {}
    rates: list[float] = []
    number = 0
    for size in _GUARD_SIZES:
        took: list[float] = []
        for _ in range(rounds):
            number += 1
            questions = asks.questions(Unit("user", Direction.PROMPT, "", f"{number} {_WORDS * (size // 38 + 1)}"))
            scored = _score(engine, number, questions.prefix, questions.suffixes)
            took.append(scored.ms / 1000)
            rates.append(scored.prompt_tokens / max(took[-1], 1e-3))
        checks[str(size)] = round(statistics.median(took), 3)
    return {"prompt_tokens_per_s": round(statistics.median(rates), 2), "guard_check_s": checks}


def _score(
    engine: LoneEngine, number: int, prefix: tuple[Piece, ...], suffixes: tuple[tuple[Piece, ...], ...]
) -> Scored:
    engine.send(Score(number, f"b{number}", prefix, suffixes, ("Yes", "No"), _DEADLINE_MS))
    while True:
        message = engine.next()
        if isinstance(message, Failed):
            raise EngineGone(message.code)
        if isinstance(message, Scored):
            engine.send(EndExchange(f"b{number}"))
            return message


# ---- what follows -------------------------------------------------------------------------------------------------


def _sweep(subjects: list[_Subject], results: list[_Result], threads: int) -> dict[int, float]:
    """Answer tokens a second for half the threads and for all, of the first answering model."""
    for subject, result in zip(subjects, results, strict=True):
        if subject.role == "answer":
            found = {threads: result.bench.answer_tokens_per_s}
            for fewer in sorted({max(1, threads // 2), max(1, threads - 1)} - {threads}):
                found[fewer] = _measure(subject, fewer, 1).bench.answer_tokens_per_s
            return found
    return {}


def _advice(results: list[_Result], threads: int, swept: dict[int, float]) -> dict[str, object]:
    """Settings that follow: threads, the largest pool that fits, the streaming window."""
    best = max(swept, key=lambda n: swept[n]) if swept else threads
    advice: dict[str, object] = {"threads": best}
    answers = [result for result in results if result.subject.role == "answer"]
    guards = [result for result in results if result.subject.role == "guard"]
    if answers:
        advice["context"] = _largest_pool(answers[0], guards)
    if answers and guards:
        suffixes = 460  # tokens of ShieldGemma's four suffixes
        window = window_chars(
            prompt_tokens_per_s=guards[0].bench.prompt_tokens_per_s,
            answer_tokens_per_s=answers[0].bench.answer_tokens_per_s, suffix_tokens=suffixes,
        )  # fmt: skip
        advice["window_chars"] = window
    if swept:
        advice["answer_tokens_per_s_by_threads"] = {str(n): rate for n, rate in sorted(swept.items())}
    return advice


def _largest_pool(answer: _Result, guards: list[_Result]) -> int:
    room = 0.9 * memory_available()
    taken = sum(result.subject.path.stat().st_size + result.bench.kv_bytes + (600 << 20) for result in guards)
    own = answer.subject.path.stat().st_size + (600 << 20)
    for cells in (32_768, 16_384, 8_192, 4_096):
        pool = replace(answer.subject.pool, n_ctx=cells)
        if own + kv_bytes(answer.subject.header, pool) + taken <= room:
            return cells
    return 2_048


def _keep(settings: Settings, result: _Result) -> None:
    record = record_of(settings.models.dir, result.subject.id) if result.subject.imported else None
    if record is not None and record.sha256 == result.subject.sha256:
        write_record(settings.models.dir, record.model_copy(update={"bench": result.bench}))


# ---- what is shown ------------------------------------------------------------------------------------------------


def _show(console: Console, results: list[_Result], advice: dict[str, object]) -> None:
    for result in results:
        bench = result.bench
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_row("prompt", f"{bench.prompt_tokens_per_s:.1f} tokens/s")
        if result.subject.role == "answer":
            table.add_row("answer, alone", f"{bench.answer_tokens_per_s:.1f} tokens/s")
            table.add_row("answers, four at once", f"{bench.answer_tokens_per_s_of_four:.1f} tokens/s together")
        for size, seconds in bench.guard_check_s.items():
            table.add_row(f"check of {int(size):,} tokens", f"{seconds:.2f} s")
        pool = f"cache of {result.subject.pool.n_ctx:,} tokens"
        table.add_row(pool, f"{bench.kv_bytes / (1 << 20):,.0f} MiB")
        table.add_row("most memory", f"{bench.peak_rss_bytes / 1e9:.1f} GB")
        console.print(f"{result.subject.id}, {bench.threads} threads", markup=False)
        console.print(table)
        kept = "kept with its record" if result.subject.imported else "not kept: the file is not imported"
        console.print(f"  {kept}\n")
    console.print("Suggested under [engine]:", markup=False)
    console.print(f"  threads = {advice['threads']}")
    if "context" in advice:
        console.print(f"  context = {advice['context']}")
    if "window_chars" in advice:
        window = advice["window_chars"]
        words = f"a check every {window} characters" if window else "one check at the end: the guard is too slow here"
        console.print(f"Streaming: {words}")
    for threads, rate in dict(advice.get("answer_tokens_per_s_by_threads", {})).items():  # type: ignore[call-overload]  # a table of numbers
        console.print(f"  {threads} threads: {rate:.1f} tokens/s")


BENCH = Command(
    "models bench",
    "Measure how quick models are on this computer, and suggest settings.",
    "cordon models bench\ncordon models bench gemma-4-e4b-it --sweep\n"
    "cordon models bench build/shape/shape-gemma-4-e2b-q4_0.gguf --json",
    _run,
    _arguments,
)
