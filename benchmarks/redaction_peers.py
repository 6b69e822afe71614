"""Whole redaction beside others, in the same run: Presidio as it ships with a spaCy NER, and llm-shield-proxy.

Each party is a process of its own on one thread and is asked in turn, round after round, with texts nobody has seen.
The spaCy pipeline is made here, of about the size of our model's file, and trained for a moment on invented notes: what
it costs is real, what it finds is not, so nothing here compares what is found (benchmarks `pii` and `peers` do).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import spacy
from spacy.training import Example

from benchmarks.parties import Missing, peer_python
from benchmarks.table import machine, ms, p50, p95, ratio, show

__all__ = ["side_by_side"]

_CHILD = Path(__file__).with_name("redaction_child.py")
_SHIELD = "llm-shield-proxy==1.7.0"
_PEOPLE = ("Hannah Okafor", "Nimal Perera", "Ana Pereira", "Jonas Weber", "Mei Tan", "Omar Haddad", "Lucía Gómez")
_PLACES = ("Kandy", "Leeds", "Sevilla", "Bonn", "Lyon", "Galle")
_NOTE = (
    "{who} (MRN 20-{n:05d}), DOB 12/03/19{y:02d}, was reviewed on {d} March 2021 in {where}. BP 132/84, HR {y}, "
    "afebrile. She takes ramipril 5 mg daily and was started on apixaban. No chest pain, no dyspnoea. Bloods: Hb 128, "
    "creatinine 88, potassium 4.2. Plan: repeat echocardiogram, call 020 7946 {m:04d} or write to {mail} with the "
    "result.\n"
)
_WIDTH, _ROWS = 256, 8_000
"""A network of this width and these tables weighs as much as our model's file, as the run prints."""


class Notes:
    """Invented notes, never the same one twice."""

    def __init__(self, seed: int) -> None:
        self._random, self._number = random.Random(seed), seed * 1000

    def note(self) -> tuple[str, str, str]:
        """A note, who is named in it, and where."""
        self._number += 1
        r, who = self._random, self._random.choice(_PEOPLE)
        where, mail = r.choice(_PLACES), f"p{self._number}@ward.example"
        numbers = {"n": self._number % 100_000, "y": r.randrange(30, 99), "d": r.randrange(1, 28)}
        text = _NOTE.format(who=who, where=where, mail=mail, m=r.randrange(10_000), **numbers)
        return text, who, where

    def text(self, characters: int) -> str:
        """So many characters of notes."""
        text = ""
        while len(text) < characters:
            text += self.note()[0]
        return text[:characters]


def spacy_of_our_size(folder: Path, steps: int = 12) -> int:
    """Make, train for a moment and write a pipeline with spaCy's name finder; returns the size of its files."""
    spacy.util.fix_random_seed(1)
    nlp = spacy.blank("en")
    layer = {"@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None, "width": _WIDTH, "depth": 4,
             "embed_size": _ROWS, "window_size": 1, "maxout_pieces": 3, "subword_features": True}  # fmt: skip
    model = {"@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner", "extra_state_tokens": False,
             "hidden_width": 64, "maxout_pieces": 2, "use_upper": True, "tok2vec": layer}  # fmt: skip
    nlp.add_pipe("ner", config={"model": model})
    notes, examples = Notes(7), []
    for _ in range(48):
        text, who, where = notes.note()
        spans = [(text.index(who), text.index(who) + len(who), "PERSON")]
        at = text.index(f" in {where}") + 4
        spans.append((at, at + len(where), "GPE"))
        examples.append(Example.from_dict(nlp.make_doc(text), {"entities": spans}))
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(folder)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@dataclass(slots=True)
class Party:
    """A child that redacts, and what was measured of it."""

    name: str
    child: subprocess.Popen[str]
    start_s: float
    seconds: dict[str, list[float]] = field(default_factory=dict)
    resident_bytes: int = 0

    def ask(self, case: str, conversations: Sequence[Sequence[str]], *, keep: bool = True) -> None:
        """Redact conversations one after the other; keep their seconds under the case."""
        assert self.child.stdin is not None
        print(json.dumps(conversations), file=self.child.stdin, flush=True)
        said = _line(self.child)
        self.resident_bytes = said["resident_bytes"]
        if keep:
            self.seconds.setdefault(case, []).extend(said["seconds"])


def _line(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise Missing("a party ended before it answered")
    said: dict[str, Any] = json.loads(line)
    return said


def _started(name: str, words: Sequence[str | Path]) -> Party:
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "0"}
    begin = time.monotonic()
    child = subprocess.Popen(
        [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=os.environ | one,
    )  # fmt: skip
    _line(child)
    return Party(name, child, time.monotonic() - begin)


def _parties(stack: ExitStack, folder: Path) -> Iterator[Party]:
    size = spacy_of_our_size(folder / "spacy")
    made = f"Presidio, spaCy NER {size / 1e6:.0f} MB"
    commands: list[tuple[str, list[str | Path]]] = [
        (made, [sys.executable, _CHILD, "presidio", folder / "spacy"]),
        ("Cordon, whole", [sys.executable, _CHILD, "cordon"]),
    ]
    try:
        commands.insert(1, (_SHIELD.replace("==", " "), [peer_python("llm-shield-proxy", _SHIELD), _CHILD, "shield"]))
    except Missing as reason:
        print(f"llm-shield-proxy: {reason}", file=sys.stderr)
    for name, words in commands:
        party = _started(name, words)
        stack.callback(_end, party.child)
        yield party


def _end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()


def _measure(parties: Sequence[Party], rounds: int, requests: int) -> None:
    for number in range(rounds + 1):  # the first round warms up
        notes = Notes(100 + number)
        short = [[notes.text(2_000)[at : at + 150]] for at in range(0, 1_800, 150)]
        long = [[notes.text(4_000)] for _ in range(3)]
        old = [notes.text(2_000) for _ in range(50)]
        new = [[notes.text(2_000)] for _ in range(3)]
        resent = [[*old, notes.text(2_000)] for _ in range(3)]
        for party in parties:
            keep = number > 0
            party.ask("short", short, keep=keep)
            party.ask("long", long, keep=keep)
            party.ask("alone", new, keep=keep)
            party.ask("first", [old], keep=False)
            party.ask("resent", resent, keep=keep)
    notes = Notes(9_000)
    for _ in range(requests // 100):
        batch = [[notes.text(150)] for _ in range(100)]
        for party in parties:
            party.ask("weighed", batch, keep=False)


def _rows(parties: Sequence[Party]) -> Iterator[tuple[str, ...]]:
    def row(name: str, values: Sequence[float], shown: Sequence[str]) -> tuple[str, ...]:
        others = [ratio(values[-1], value) for value in values[:-1]]
        return (name, *shown, *others)

    timed: Mapping[str, tuple[str, object]] = {
        "prompt of 150 characters, p50": ("short", p50), "the same, p95": ("short", p95),
        "one new message of 2,000": ("alone", p50), "the same after fifty old ones": ("resent", p50),
    }  # fmt: skip
    for name, (case, of) in timed.items():
        values = [of(party.seconds[case]) for party in parties]  # type: ignore[operator] # a function of the table
        yield row(name, values, [ms(value) for value in values])
    history = [p50(party.seconds["resent"]) / p50(party.seconds["alone"]) for party in parties]
    yield (
        "old messages cost, of the new one alone",
        *(f"{value:.2f} x" for value in history),
        *("-" * (len(history) - 1)),
    )
    speed = [4_000 / p50(party.seconds["long"]) for party in parties]
    yield row("characters a second", speed, [f"{value:,.0f}" for value in speed])
    start = [party.start_s for party in parties]
    yield row("import and start", start, [f"{value:.2f} s" for value in start])
    weight = [float(party.resident_bytes) for party in parties]
    yield row("resident after the requests", weight, [f"{value / 2**20:.0f} MiB" for value in weight])


def side_by_side(rounds: int, requests: int) -> None:
    """Measure and print; every ratio is Cordon's figure by the peer's."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        parties = list(_parties(stack, Path(folder)))
        _measure(parties, rounds, requests)
        names = [party.name for party in parties]
        head = ("CPU of one thread", *names, *(f"Cordon / {name.split(',')[0]}" for name in names[:-1]))
        show(
            f"Whole redaction side by side, {rounds} rounds, {requests:,} requests before weighing",
            head,
            [*_rows(parties)],
        )
    print(machine())
