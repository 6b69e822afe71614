"""The scheduler on a real pool: every logit it reads is the one of a clean run, whatever shares the pool.

Answers are forced, not sampled: random weights have near ties, and two kernels may break one differently. A wrong cell
moves a logit by whole units, rounding by hundredths.
"""

from __future__ import annotations

import ctypes
import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np
import numpy.typing as npt
import pytest

from proxy.workers.engine.batch import Decoded, EngineError, Row
from proxy.workers.engine.binding import Context, ContextSpec, Model, silence
from proxy.workers.engine.fit import Pool, kv_bytes
from proxy.workers.engine.gguf import Header, read_header
from proxy.workers.engine.grammar import gbnf_of
from proxy.workers.engine.sampling import Grammar, Sampler, SamplerSpec
from proxy.workers.engine.scheduler import Job, Limits, Scheduler
from tests.kit.tinymodels import tiny_gemma2, tiny_gemma3, tiny_gemma4

_ROUNDING = 0.1
_ANSWER = 6
_Logits = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("models") / "tiny.gguf"
    tiny_gemma4(file)
    return file


@pytest.fixture(scope="module")
def model(path: Path) -> Iterator[Model]:
    silence()
    descriptor = os.open(path, os.O_RDONLY)
    loaded = Model(descriptor, gpu_layers=0)
    os.close(descriptor)
    yield loaded
    loaded.close()


@pytest.fixture
def clean(model: Model) -> Iterator[Context]:
    context = _context(model)
    yield context
    context.close()


def _context(model: Model, stop: Any = lambda: False) -> Context:
    # a small micro-batch makes the window cache small, so that its cells are soon recycled
    return Context(model, ContextSpec(2048, 512, 32, 4, swa_full=False, threads=1), stop)


def _alone(context: Context, ids: list[int]) -> _Logits:
    context.wipe()
    assert context.decode([Row(t, i, 0, i == len(ids) - 1) for i, t in enumerate(ids)]) is Decoded.OK
    return context.logits(len(ids) - 1).copy()


class _Bench:
    """A scheduler on a real context; answers are forced and their logits kept."""

    def __init__(self, model: Model) -> None:
        self.interrupted = False
        self.context = _context(model, lambda: self.interrupted)
        self.scheduler = Scheduler(Limits(2048, 4, 512, model.n_swa, 1024), self.context)
        self.draw = random.Random(3)
        self.texts: dict[int, list[int]] = {}
        self.seen: dict[int, list[tuple[list[int], _Logits]]] = {}
        self.reused: dict[int, int] = {}

    def submit(self, number: int, ids: list[int], caller: str = "a") -> None:
        self.texts[number], self.seen[number] = list(ids), []
        self.scheduler.submit(Job(number, caller, tuple(ids), _ANSWER, 100))

    def step(self) -> bool:
        for started in self.scheduler.admit():
            self.reused[started.id] = started.reused
        plan = self.scheduler.plan()
        if plan is None:
            return False
        if self.context.decode(plan.rows) is Decoded.ABORTED:
            self.scheduler.aborted()
            return True
        self.scheduler.evaluated(plan)
        for index, number in plan.outputs:
            self.seen[number].append((list(self.texts[number]), self.context.logits(index).copy()))
            if len(self.seen[number]) == _ANSWER:
                self.scheduler.end(number, 0)
            else:
                token = self.draw.randrange(300, 500)
                self.texts[number].append(token)
                self.scheduler.append(number, token)
        return True

    def run(self) -> None:
        while self.step():
            pass

    def worst(self, clean: Context) -> float:
        pairs = [pair for seen in self.seen.values() for pair in seen]
        return max(float(np.abs(logits - _alone(clean, ids)).max()) for ids, logits in pairs)


def _ids(seed: int, size: int) -> list[int]:
    draw = random.Random(seed)
    return [draw.randrange(300, 500) for _ in range(size)]


def test_different_texts_have_different_logits(clean: Context) -> None:
    assert np.abs(_alone(clean, _ids(1, 50)) - _alone(clean, _ids(2, 50))).max() > 10 * _ROUNDING


def test_four_at_once_are_four_alone(model: Model, clean: Context) -> None:
    bench = _Bench(model)
    for number in range(4):
        bench.submit(number, _ids(number, 30 + 150 * number))
    bench.run()
    assert bench.worst(clean) < _ROUNDING
    bench.context.close()


def _histories(bench: _Bench, count: int) -> None:
    draw = random.Random(8)
    history = _ids(9, 200)
    for number in range(count):
        keep = draw.randint(len(history) // 2, len(history))
        history = [*history[:keep], *_ids(number, draw.randint(1, 60))][:400]
        bench.submit(number, history)
        bench.run()
        history = bench.texts[number]


def test_a_prefix_used_again_reads_as_a_clean_run(model: Model, clean: Context) -> None:
    bench = _Bench(model)
    _histories(bench, 60)
    assert bench.worst(clean) < _ROUNDING
    allowed = sum(reused > 0 for reused in bench.reused.values())
    assert 5 < allowed < 60
    bench.context.close()


def test_without_the_reuse_rule_it_would_not(model: Model, clean: Context) -> None:
    bench = _Bench(model)
    bench.scheduler._intact = lambda slot, keep: True  # type: ignore[method-assign]  # the rule that must not hold
    _histories(bench, 60)
    assert bench.worst(clean) > _ROUNDING
    bench.context.close()


def test_aborted_batches_change_no_logit(model: Model, clean: Context) -> None:
    bench = _Bench(model)
    for number in range(4):
        bench.submit(number, _ids(number, 40 + 90 * number), caller=str(number))
    draw = random.Random(4)
    while True:
        bench.interrupted = draw.random() < 0.4
        if not bench.step():
            break
    assert bench.worst(clean) < _ROUNDING
    bench.context.close()


def test_mistakes_are_errors_of_ours_and_not_aborts(model: Model) -> None:
    context = _context(model)
    row = Row(5, 0, 0, flag=True)
    for rows in ([], [row] * 513, [Row(5, i, 0, flag=True) for i in range(5)], [Row(-1, 0, 0, flag=True)],
                 [Row(model.n_vocab, 0, 0, flag=True)], [Row(5, 0, 4, flag=True)]):  # fmt: skip
        with pytest.raises(EngineError, match="internal"):
            context.decode(rows)
    assert context.decode([row, Row(6, 1, 0, flag=False)]) is Decoded.OK
    sampler = Sampler(model, SamplerSpec())
    for index in (-1, 1, 7):
        with pytest.raises(EngineError, match="internal"):
            sampler.sample(context, index)
        with pytest.raises(EngineError, match="internal"):
            context.logits(index)
    with pytest.raises(EngineError, match="internal"):
        context.copy(0, 1)
    assert context.decode([Row(5, 9, 0, flag=True)]) is Decoded.FATAL  # a gap in the positions
    sampler.close()
    context.close()


def test_a_full_pool_says_so_and_keeps_what_it_has(model: Model) -> None:
    context = Context(model, ContextSpec(256, 256, 64, 2, swa_full=False, threads=1), lambda: False)
    assert context.decode([Row(5, i, 0, flag=False) for i in range(200)]) is Decoded.OK
    assert context.decode([Row(5, i, 1, flag=False) for i in range(100)]) is Decoded.NO_CELLS
    assert (context.pos_max(0), context.pos_max(1)) == (199, -1)
    context.wipe()
    assert context.pos_max(0) == -1
    context.close()


def test_sampling_follows_temperature_seed_and_bans(model: Model) -> None:
    context = _context(model)
    context.decode([Row(t, i, 0, i == 19) for i, t in enumerate(_ids(1, 20))])
    best = int(context.logits(19).argmax())

    def draw(**spec: Any) -> int:
        sampler = Sampler(model, SamplerSpec(**spec))
        token = sampler.sample(context, 19)
        sampler.close()
        return token

    assert draw() == draw(temperature=1.0, top_k=1) == best
    assert draw(banned=(best,)) != best
    assert len({draw(temperature=5.0, seed=seed) for seed in range(20)}) > 5
    assert draw(temperature=1.0, top_p=0.9, min_p=0.01, seed=2**40 + 3) == draw(
        temperature=1.0, top_p=0.9, min_p=0.01, seed=3
    )
    context.close()


def test_penalties_push_down_what_was_said(model: Model) -> None:
    context = _context(model)
    context.decode([Row(5, 0, 0, flag=True)])
    sampler = Sampler(model, SamplerSpec(presence_penalty=2.0, frequency_penalty=2.0))
    assert len({sampler.sample(context, 0) for _ in range(12)}) > 1
    sampler.close()
    context.close()


@pytest.mark.parametrize(
    ("gbnf", "allowed"),
    [
        ('root ::= "Yes" | "No"', {"Yes", "No"}),
        (gbnf_of('{"enum": ["né", "ශ", "x y", 7, null]}'), {'"né"', '"ශ"', '"x y"', "7", "null"}),
        (gbnf_of('{"type":"object","properties":{"ü ":{"const":true}},"required":["ü "]}'), {'{"ü ":true}'}),
    ],
)
def test_a_grammar_allows_only_its_own(model: Model, gbnf: str, allowed: set[str]) -> None:
    context = _context(model)
    grammar = Grammar(model, gbnf)
    sampler = Sampler(model, SamplerSpec())
    said, pos, token = b"", 0, 5
    while not model.is_eog(token):
        context.decode([Row(token, pos, 0, flag=True)])
        token, pos = sampler.sample_within(grammar, context, 0), pos + 1
        said += model.piece(token)
    assert re.sub(r" (?=[:}])|(?<=[{:]) ", "", said.decode()).strip() in allowed
    with pytest.raises(EngineError, match="schema_unsupported"):
        Grammar(model, "root ::= (((")
    for thing in (sampler, grammar, context):
        thing.close()


@pytest.mark.parametrize("swa_full", [False, True])
@pytest.mark.parametrize("make", [tiny_gemma4, tiny_gemma3, tiny_gemma2])
def test_the_cache_is_as_large_as_the_arithmetic_says(
    tmp_path: Path, make: Callable[..., str], *, swa_full: bool
) -> None:
    path = tmp_path / "tiny.gguf"
    make(path)
    lines: list[str] = []
    silence()
    with path.open("rb") as file:
        model = Model(file.fileno(), gpu_layers=0)
        expected = kv_bytes(_header(path), Pool(2048, 64, 4, swa_full))
    sink = lib.llama_log_callback(lambda _level, text, _data: lines.append(text.decode()))
    lib.llama_log_set(sink, ctypes.c_void_p(0))
    Context(model, ContextSpec(2048, 512, 64, 4, swa_full=swa_full, threads=1), lambda: False).close()
    silence()
    model.close()
    sizes = [float(line.split("size =")[1].split("MiB")[0]) for line in lines if "llama_kv_cache: size" in line]
    assert sum(sizes) == pytest.approx(expected / (1 << 20), abs=0.02)


def _header(path: Path) -> Header:
    with path.open("rb") as file:
        return read_header(file)
