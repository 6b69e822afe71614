"""The sides of `engine.py`: Cordon's engine over its link, the bare loop, and llama-cpp-python's example server."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filters.parts import RedactedText
from filters.tokens import Control, Piece, Text
from proxy.workers.engine.templates import FAMILIES
from proxy.workers.engine.templates.chat import Chat, joined
from proxy.workers.wire import Cancel, Delta, Done, EndExchange, Generate, Score, Scored, Turn
from tests.kit.engines import EngineProcess, generate

__all__ = ["Bare", "Ours", "Server", "Streams", "question"]

_NOTE = (
    "[PERSON_1], seen on [DATE_1] at [HOSPITAL_1], has had a cough and fever for three days. Chest clear, blood "
    "pressure normal. Plan: rest, fluids, paracetamol 500 mg; review on [DATE_2]. "
)
_NOTE_TOKENS = 52
_CREDITS = 100_000


def question(tokens: int, mark: str = "") -> str:
    """About so many tokens; the mark stands first, so that nothing of another prompt can be used again."""
    return f"{mark} Summarise.\n\n" + _NOTE * max(1, tokens // _NOTE_TOKENS)


@dataclass(frozen=True, slots=True)
class Streams:
    """Several answers at once."""

    tokens: int
    seconds: float
    fairness: float
    """Tokens of the slowest over those of the quickest, when the quickest was through; 1 is equal."""

    @property
    def rate(self) -> float:
        """Tokens a second of all."""
        return self.tokens / self.seconds


class Ours:
    """An engine process, spoken to as the gateway does."""

    def __init__(self, process: EngineProcess) -> None:
        self._process = process
        self._number = 0

    def _request(self, text: str, tokens: int) -> Generate:
        self._number += 1
        return generate(self._number, text, caller=f"c{self._number}", max_tokens=tokens, credits=_CREDITS,
                        deadline_ms=3_600_000)  # fmt: skip

    def _ask(self, request: Generate) -> tuple[float, float, Done]:
        """Seconds to the first text and to the end."""
        began, first = time.perf_counter(), 0.0
        self._process.send(request)
        while True:
            message = self._process.next()
            now = time.perf_counter() - began
            if isinstance(message, Delta):
                first = first or now
            if isinstance(message, Done):
                return first or now, now, message

    def answer_rate(self, text: str, tokens: int) -> float:
        """Tokens a second after the first."""
        done = self._ask(self._request(text, tokens))[2]
        return 1000 * (done.completion_tokens - 1) / max(done.answer_ms, 1)

    def answer_processor_rate(self, text: str, tokens: int) -> float:
        """Tokens a second of processor time, of all threads, after the first token."""
        began = self.processor_s()
        self._ask(self._request(f"{text} a", 1))  # the prompt alone, to be taken off
        middle = self.processor_s()
        done = self._ask(self._request(f"{text} b", tokens))[2]
        took = self.processor_s() - middle - (middle - began)
        return (done.completion_tokens - 1) / max(took, 1e-3)

    def prompt_processor_rate(self, text: str) -> float:
        """The same of a prompt."""
        began = self.processor_s()
        done = self._ask(self._request(text, 1))[2]
        return done.prompt_tokens / max(self.processor_s() - began, 1e-3)

    def processor_s(self) -> float:
        """What the process has used so far; see proc(5)."""
        words = Path(f"/proc/{self._process.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def first_s(self, text: str) -> float:
        """Seconds to the first token."""
        return self._ask(self._request(text, 1))[1]

    def prompt_tokens(self, text: str) -> int:
        """How long a question is."""
        return self._ask(self._request(text, 1))[2].prompt_tokens

    def streams(self, texts: Sequence[str], tokens: int) -> Streams:
        """All at once."""
        requests = [self._request(text, tokens) for text in texts]
        began = time.perf_counter()
        self._process.send(*requests)
        got = dict.fromkeys((request.id for request in requests), 0)
        ends: list[Done] = []
        fairness = 1.0
        while len(ends) < len(requests):
            message = self._process.next()
            if isinstance(message, Delta):
                got[message.id] += message.tokens
            if isinstance(message, Done):
                if not ends:
                    fairness = min(got.values()) / max(1, *got.values())
                ends.append(message)
        return Streams(sum(done.completion_tokens for done in ends), time.perf_counter() - began, fairness)

    def second_turn(self, text: str) -> tuple[float, float, int, int]:
        """Seconds to the first token, cold and of the next turn; tokens reused; tokens of the history."""
        first = self._request(text, 16)
        self._process.send(first)
        began, cold, said = time.perf_counter(), 0.0, ""
        while True:
            message = self._process.next()
            if isinstance(message, Delta):
                cold = cold or time.perf_counter() - began
                said += message.text.reveal()
            if isinstance(message, Done):
                break
        cold = cold or time.perf_counter() - began
        turns = (*first.messages, Turn("assistant", RedactedText(said)), Turn("user", RedactedText("And then?")))
        self._number += 1
        second = generate(self._number, "", caller=first.caller, messages=turns, max_tokens=1, credits=_CREDITS,
                          deadline_ms=3_600_000)  # fmt: skip
        _, warm, done = self._ask(second)
        return cold, warm, done.reused_tokens, message.prompt_tokens

    def cancel_answering(self, run: int) -> float:
        """Seconds from a cancel to the end, while tokens come."""
        request = self._request(question(30, f"cancel {run}"), 400)
        self._process.send(request)
        while not isinstance(message := self._process.next(), Delta | Done):
            pass
        return self._cancelled(request) if isinstance(message, Delta) else 0.0

    def cancel_reading(self, run: int) -> float:
        """The same, while the prompt is read."""
        request = self._request(question(1500, f"cancel in prompt {run}"), 4)
        self._process.send(request)
        time.sleep(0.15 + 0.02 * (run % 7))
        return self._cancelled(request)

    def _cancelled(self, request: Generate) -> float:
        began = time.perf_counter()
        self._process.send(Cancel(request.id))
        self._process.until(Done, lambda done: done.id == request.id)
        return time.perf_counter() - began

    def score(self, prefix: tuple[Piece, ...], suffixes: Sequence[tuple[Piece, ...]], *, shared: bool) -> float:
        """Seconds to score all suffixes, in one request or in one each from nothing."""
        began = time.perf_counter()
        for group in [tuple(suffixes)] if shared else [(suffix,) for suffix in suffixes]:
            self._scored(prefix, group, f"x{self._number + 1}")
            self._process.send(EndExchange(f"x{self._number}"))
        return time.perf_counter() - began

    def follow(self, suffixes: Sequence[tuple[Piece, ...]], *, steps: int, step_tokens: int, keep: bool) -> float:
        """Seconds to judge an answer that grows, keeping what was read or not."""
        began, name = time.perf_counter(), f"f{self._number}"
        for step in range(1, steps + 1):
            text = question(step * step_tokens, "grows")
            prefix = (Control("<bos>"), Text("policy\n\n"), Control("<start_of_turn>"), Text(f"\n{text}"))
            self._scored(prefix, tuple(suffixes), name)
            if not keep:
                self._process.send(EndExchange(name))
        self._process.send(EndExchange(name))
        return time.perf_counter() - began

    def _scored(self, prefix: tuple[Piece, ...], suffixes: tuple[tuple[Piece, ...], ...], name: str) -> None:
        self._number += 1
        self._process.send(Score(self._number, name, prefix, suffixes, ("Yes", "No"), 3_600_000))
        self._process.until(Scored)

    def soak(self, seconds: float) -> list[tuple[float, int, int]]:
        """Ask, answer, cancel for a while; (seconds, answers, MiB in use) every tenth of it."""
        began, samples, answers = time.perf_counter(), [], 0
        while (now := time.perf_counter() - began) < seconds:
            if answers % 5 == 4:
                self.cancel_answering(answers)
            else:
                self.streams([question(40, f"{answers} {i}") for i in range(1 + answers % 4)], 16)
            answers += 1
            if now >= len(samples) * seconds / 10:
                samples.append((now, answers, self._status("VmRSS:")))
        return samples

    def memory(self) -> list[tuple[str, str]]:
        """What the process has, and had at most."""
        names = {
            "resident now": "VmRSS:",
            "resident at most": "VmHWM:",
            "of it the file": "RssFile:",
            "own": "RssAnon:",
        }
        return [(words, f"{self._status(name):,}") for words, name in names.items()]

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self._process.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith(name))


class Bare:
    """The bare loop in its process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.processor_s = 0.0
        """Of the last order."""

    @classmethod
    @contextlib.contextmanager
    def started(cls, model: Path, threads: int, cells: int) -> Iterator[Bare]:
        """Start it, wait until the file is loaded."""
        script = Path(__file__).with_name("bare_loop.py")
        argv = [sys.executable, str(script), str(model), str(threads), str(cells)]
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            yield cls(process)
            process.stdin.close()

    def prompt(self, tokens: int) -> float:
        """Seconds to the first token after a prompt."""
        return self._do({"prompt": tokens})

    def answer(self, tokens: int) -> float:
        """Seconds for so many tokens more."""
        return self._do({"answer": tokens})

    def _do(self, order: dict[str, int]) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        reply = json.loads(self._process.stdout.readline())
        self.processor_s = float(reply["processor_s"])
        return float(reply["s"])


class Server:
    """llama-cpp-python's example server."""

    def __init__(self, port: int) -> None:
        self._port = port

    @classmethod
    @contextlib.contextmanager
    def started(cls, python: Path, model: Path, port: int, threads: int, libs: Path | None) -> Iterator[Server | None]:
        """Start it; None if it does not come up."""
        options = {
            "model": model, "host": "127.0.0.1", "port": port, "n_ctx": 4096, "n_batch": 2048, "n_ubatch": 512,
            "n_threads": threads, "n_threads_batch": threads, "flash_attn": True, "verbose": False,
            "interrupt_requests": False,
        }  # fmt: skip
        argv = [str(python), "-m", "llama_cpp.server", *(f"--{name}={value}" for name, value in options.items())]
        env = {**os.environ, **({"PYTHONPATH": str(libs)} if libs else {})}
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        try:
            for _ in range(1200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None:
                    break
                time.sleep(0.1)
            yield cls(port) if process.poll() is None else None
        finally:
            process.terminate()
            process.wait(60)

    def rate(self, texts: Sequence[str], tokens: int) -> float:
        """Tokens a second of all, asked at once."""
        counts: list[int] = []
        began = time.perf_counter()
        threads = [threading.Thread(target=lambda t=t: counts.append(self._ask(t, tokens))) for t in texts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - began)

    def _ask(self, text: str, tokens: int) -> int:
        render = FAMILIES["gemma4"].render
        assert render is not None
        chat = Chat((Turn("user", RedactedText(text)),), empty_thought=True)
        prompt = joined(render(chat)).removeprefix("<bos>")  # the server adds it
        body = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": True}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=3600)
        connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
        count = sum(line.startswith(b"data: {") for line in connection.getresponse())
        connection.close()
        return min(count, tokens)
