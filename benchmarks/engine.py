"""How fast is Cordon's decode loop beside llama-cpp-python's own server, on the same file, threads and prompts?

    python benchmarks/engine.py [--answer FILE] [--guard FILE] [--runs N] [--threads N]

Prints one table: medians of alternating runs and the ratio, where above 1 is better for Cordon. Both get the same
prompt as text with its markers, greedy, flash attention on. The last rows have no peer: what a shared prefix saves a
judge, against the same engine asked one policy at a time. The peer is installed into `.venv-bench`; if it cannot be,
its column stays empty. A demonstration model is small, so the loop around the model weighs more than it does for a
large one.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.parties import Missing, peer_python
from filters.parts import RedactedText
from filters.tokens import Control, Piece, Text
from proxy.workers.engine.templates import FAMILIES
from proxy.workers.engine.templates.chat import Chat, joined
from proxy.workers.wire import Cancel, Delta, Done, EndExchange, Message, Score, Scored, Turn
from tests.kit.engines import EngineProcess, answer_role, engine_plan, generate, guard_role

_MODELS = Path(__file__).resolve().parents[1] / "proxy" / "share" / "models"
_NOTE = (
    "[PERSON_1], seen on [DATE_1] at [HOSPITAL_1], has had a cough and fever for three days. Chest clear, blood "
    "pressure normal. Plan: rest, fluids, paracetamol 500 mg; review on [DATE_2]. "
)
_MAX_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Timing:
    """One streamed answer."""

    first_s: float
    last_s: float
    tokens: int

    @property
    def rate(self) -> float:
        """Tokens per second after the first."""
        return (self.tokens - 1) / max(self.last_s - self.first_s, 1e-9)


def _question(notes: int, mark: str = "") -> str:
    """The mark stands first, so that nothing of another run's prompt can be used again."""
    return f"{mark} " + "Summarise this note in one sentence.\n\n" + _NOTE * notes


class Ours:
    """An engine process, spoken to as the gateway does."""

    name = "cordon"

    def __init__(self, process: EngineProcess) -> None:
        self._process = process
        self._numbers = iter(range(1, 1_000_000))

    def ask(self, question: str, caller: str) -> Timing:
        """One answer."""
        return self.ask_all([question], caller)[0]

    def ask_all(self, questions: Sequence[str], caller: str) -> list[Timing]:
        """Several at once."""
        numbers = [next(self._numbers) for _ in questions]
        requests = [
            generate(number, question, caller=f"{caller}{i}", max_tokens=_MAX_TOKENS, credits=10_000)
            for i, (number, question) in enumerate(zip(numbers, questions, strict=True))
        ]
        began = time.perf_counter()
        self._process.send(*requests)
        first: dict[int, float] = {}
        ended: dict[int, tuple[float, int]] = {}
        while len(ended) < len(numbers):
            message = self._process.next()
            now = time.perf_counter() - began
            if isinstance(message, Delta):
                first.setdefault(message.id, now)
            if isinstance(message, Done):
                ended[message.id] = (now, message.completion_tokens)
        return [Timing(first.get(n, ended[n][0]), *ended[n]) for n in numbers]

    def cancel(self, question: str) -> float:
        """Seconds from a cancel in mid-answer to its `Done`."""
        number = next(self._numbers)
        self._process.send(generate(number, question, caller=f"c{number}", max_tokens=_MAX_TOKENS, credits=10_000))
        self._process.until(Delta)
        began = time.perf_counter()
        self._process.send(Cancel(number))
        self._process.until(Done)
        return time.perf_counter() - began

    def score(self, prefix: tuple[Piece, ...], suffixes: Sequence[tuple[Piece, ...]], *, shared: bool) -> float:
        """Seconds to score all suffixes, in one request or in one each from nothing."""
        groups = [tuple(suffixes)] if shared else [(suffix,) for suffix in suffixes]
        began = time.perf_counter()
        for group in groups:
            number = next(self._numbers)
            self._process.send(Score(number, f"x{number}", prefix, group, ("Yes", "No"), 60_000))
            self._process.until(Scored)
            self._process.send(EndExchange(f"x{number}"))
        return time.perf_counter() - began


class Peer:
    """llama-cpp-python's own server."""

    name = "llama_cpp.server"

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, question: str, caller: str) -> Timing:
        """One answer; callers mean nothing here."""
        del caller
        chat = Chat((Turn("user", RedactedText(question)),), empty_thought=True)
        render = FAMILIES["gemma4"].render
        assert render is not None
        prompt = joined(render(chat)).removeprefix("<bos>")  # the server adds it
        body = {"prompt": prompt, "max_tokens": _MAX_TOKENS, "temperature": 0, "stream": True}
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
        first, last, tokens = 0.0, 0.0, 0
        for line in connection.getresponse():
            if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["text"]:
                last = time.perf_counter() - began
                first, tokens = first or last, tokens + 1
        connection.close()
        return Timing(first, last, tokens)

    def ask_all(self, questions: Sequence[str], caller: str) -> list[Timing]:
        """Several at once."""
        timings: list[Timing] = []
        threads = [threading.Thread(target=lambda q=q: timings.append(self.ask(q, caller))) for q in questions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return timings


def _aggregate(timings: Sequence[Timing]) -> float:
    return sum(t.tokens for t in timings) / max(t.last_s for t in timings)


def _alternate(runs: int, sides: Sequence[Callable[[int], float]]) -> list[float]:
    results: list[list[float]] = [[] for _ in sides]
    for run in range(runs):
        for side, result in zip(sides, results, strict=True):
            result.append(side(run))
    return [statistics.median(result) for result in results]


def _row(case: str, unit: str, values: Sequence[float], *, more_is_better: bool) -> None:
    ours, *peers = values
    cells = f"{case:<44} {unit:<9} {ours:>10.2f} "
    if peers:
        ratio = ours / peers[0] if more_is_better else peers[0] / ours
        cells += f"{peers[0]:>16.2f} {ratio:>8.2f}"
    print(cells)


@contextlib.contextmanager
def _peer(model: Path, threads: int) -> Iterator[Peer | None]:
    try:
        python = peer_python("llama-cpp-python", f"llama-cpp-python[server]=={version('llama-cpp-python')}")
    except Missing as reason:
        print(f"llama_cpp.server: not run, {reason}")
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "model": model, "host": "127.0.0.1", "port": port, "n_ctx": 4096, "n_batch": 2048, "n_ubatch": 512,
        "n_threads": threads, "n_threads_batch": threads, "flash_attn": True, "verbose": False,
        "interrupt_requests": False,
    }  # fmt: skip
    words = [f"--{name}={value}" for name, value in options.items()]
    command = [str(python), "-m", "llama_cpp.server", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield Peer(port)
    finally:
        process.terminate()
        process.wait(20)


def _compare(ours: Ours, peer: Peer | None, runs: int) -> None:
    sides: list[Ours | Peer] = [ours, *([peer] if peer else [])]
    for notes in (1, 8):
        values = _alternate(runs, [lambda r, s=s, n=notes: s.ask(_question(n, f"{r}"), f"r{r}").rate for s in sides])
        _row(f"one stream, {notes} notes", "tok/s", values, more_is_better=True)
        firsts = [lambda r, s=s, n=notes: 1000 * s.ask(_question(n, f"first {r}"), f"f{r}").first_s for s in sides]
        _row(f"first token, {notes} notes", "ms", _alternate(runs, firsts), more_is_better=False)
    four = [lambda r, s=s: _aggregate(s.ask_all([_question(2, f"{r} {i}") for i in range(4)], f"p{r}")) for s in sides]
    _row("four streams at once, together", "tok/s", _alternate(runs, four), more_is_better=True)
    longer = [lambda r, s=s: 1000 * s.ask(_question(8) + "More. " * (r + 1), "again").first_s for s in sides]
    _row("first token, 8 notes, prefix known", "ms", _alternate(runs, longer), more_is_better=False)
    _row(
        "cancel in mid-answer",
        "ms",
        _alternate(runs, [lambda _: 1000 * ours.cancel(_question(2))]),
        more_is_better=False,
    )


def _judge(ours: Ours, runs: int) -> None:
    suffixes = [
        (Text(f"\n\nOur safety principle is defined in the below:\n\n* number {n} " + "and so on " * 20),)
        for n in range(4)
    ]
    print(f"\n{'judge, four policies':<44} {'unit':<9} {'shared':>10} {'one by one':>16} {'ratio':>8}")
    for words in (100, 400, 1000):
        note = " ".join((_NOTE * 40).split()[:words])
        prefix = (
            Control("<bos>"),
            Text("policy\n\n"),
            Control("<start_of_turn>"),
            Text(f"\n{note}\n"),
            Control("<end_of_turn>"),
        )
        values = _alternate(
            runs,
            [
                lambda _, p=prefix: 1000 * ours.score(p, suffixes, shared=True),
                lambda _, p=prefix: 1000 * ours.score(p, suffixes, shared=False),
            ],
        )
        _row(f"content of {words} words", "ms", values, more_is_better=False)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answer", type=Path, default=_MODELS / "demo-chat.gguf")
    parser.add_argument("--guard", type=Path, default=_MODELS / "demo-guard.gguf")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    answer = answer_role(chosen.answer, _sha256(chosen.answer), context=8192, request_tokens=4096)
    guard = guard_role(chosen.guard, _sha256(chosen.guard), context=4096)
    plan = engine_plan(answer, guard, threads=chosen.threads)
    with EngineProcess(plan) as process, _peer(chosen.answer, chosen.threads) as peer:
        ready: Message = process.hello()
        del ready
        ours = Ours(process)
        print(f"{platform.machine()}, {os.cpu_count()} processors, {chosen.threads} thread(s), {chosen.answer.name}")
        print(f"{'case':<44} {'unit':<9} {Ours.name:>10} {Peer.name:>16} {'ratio':>8}")
        _compare(ours, peer, chosen.runs)
        _judge(ours, chosen.runs)


if __name__ == "__main__":
    main()
