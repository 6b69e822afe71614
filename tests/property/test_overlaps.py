"""Invariant: however two identifiers run into each other, no letter or digit of either is left standing.

All pairs: every recognizer with every recognizer, every kind kept from Presidio with every other; each pair glued, one
space apart, and one in the middle of the other. A proxy that spliced overlapping spans sent "…@example.comd 4012".
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from filters.analyse import Analyst
from filters.findings import Finding
from filters.parts import Form, Part, PatientText
from filters.recognizers import catalogue
from filters.redact import redact
from filters.restore import Restorer
from filters.settle import _sorted_out
from filters.spans import _LABEL_WORDS
from filters.switches import Switches
from filters.vault import PLACEHOLDER, Actions, Vault
from filters.words import words
from tests.kit.fake_ner import FakeNer
from tests.kit.stock_examples import STOCK_EXAMPLES

_STRICT = Switches(bare_year="redact", durations="redact", relative_dates="redact", ages_from=0)
OWN = {entry.recognizer.kind: entry.examples.match[0] for entry in catalogue() if entry.recognizer.kind != "pem_key"}


@pytest.fixture(scope="module")
def analyst() -> Analyst:
    return Analyst.build(FakeNer())


def cut(example: str) -> tuple[str, str, str]:
    before, _, rest = example.partition("«")
    value, _, after = rest.partition("»")
    return before, value, after


def overlaps(one: str, other: str) -> list[str]:
    """The two values glued, beside each other, and one inside the other, each with the cues it came with."""
    before, a, _ = cut(one)
    cue, b, after = cut(other)
    half = len(a) // 2
    return [f"{before}{a}{b}{after}", f"{before}{a} {b}{after}", f"{before}{a[:half]}{b}{a[half:]}{after}",
            f"{before}{a} {cue}{b}{after}", f"{before}{a}, {b[: len(b) // 2]}{a}"]  # fmt: skip


def verify_covered(analyst: Analyst, raw: str, findings: tuple[Finding, ...], switches: Switches) -> None:
    """Disjoint, sorted, inside; and of every accepted candidate every letter or digit is covered, labels excepted."""
    for left, right in pairwise(findings):
        assert left.end <= right.start, raw[left.start : right.end]
    taken = {i for f in findings for i in range(f.start, f.end)}
    accepted = _sorted_out(analyst._read(raw, Form.TEXT, None), switches, analyst._house).take
    for place in accepted:
        c = place.candidate
        rest = "".join(raw[i] if i not in taken else " " for i in range(c.start, c.end))
        left_over = [w.text for w in words(rest) if w.text not in _LABEL_WORDS]
        assert not left_over, (c.kind, raw[c.start - 10 : c.end + 10], left_over)


@pytest.mark.parametrize("kind", OWN)
def test_every_recognizer_with_every_other(analyst: Analyst, kind: str) -> None:
    raw = "\n\n".join(text for other in OWN.values() for text in overlaps(OWN[kind], other))
    for switches in (_STRICT, Switches()):
        findings = analyst.find([Part(0, "user", Form.TEXT, PatientText(raw))], [], switches).parts[0]
        verify_covered(analyst, raw, findings, switches)


def test_the_splice() -> None:
    analyst = Analyst.build(FakeNer())
    raw = "mail jane.doe@example.com4012 8888 8888 1881, Eric's card 4012888888881881, Eric's@example.com"
    findings = analyst.look(raw, Switches())
    verify_covered(analyst, raw, findings, Switches())
    covered = {i for f in findings for i in range(f.start, f.end)}
    for value in ("jane.doe@example.com", "4012888888881881", "@example.com"):
        at = raw.index(value)
        assert {i for i in range(at, at + len(value)) if raw[i].isalnum()} <= covered


@pytest.mark.parametrize("kind", STOCK_EXAMPLES)
def test_every_pair_kept_from_presidio_round_trips(analyst: Analyst, kind: str) -> None:
    raw = "\n\n".join(text for other in STOCK_EXAMPLES.values() for text in overlaps(STOCK_EXAMPLES[kind], other)[:3])
    part = Part(0, "user", Form.TEXT, PatientText(raw))
    with Vault() as vault:
        result = redact([part], analyst.find([part], [], _STRICT), vault, actions=Actions())
        restorer = Restorer(vault, Form.TEXT)
        sent = result.texts[0].reveal()
        back = "".join(piece.text.reveal() for piece in (*restorer.feed(sent), *restorer.finish()))
    assert all(PLACEHOLDER.search(line) for line in sent.split("\n\n")[1::3])  # those a space apart
    assert bare(back) == bare(raw)


def bare(text: str) -> str:
    """Letters and digits: one number may stand with other separators elsewhere, and comes back as first written."""
    return "".join(filter(str.isalnum, text.casefold()))
