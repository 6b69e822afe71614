"""Invariant: whatever the text, detection ends with sorted, disjoint findings inside it, or with a code."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filters.analyse import Analyst, AnalystFault, Switches
from filters.fold import fold
from filters.parts import Form, Part, PatientText
from filters.recognizers import catalogue
from filters.redact import redact
from filters.vault import Actions, Vault
from tests.kit.fake_ner import FakeNer

T = TypeVar("T")
EXAMPLES = [e.replace("«", "").replace("»", "") for entry in catalogue() for e in entry.examples.match]
BITS = [
    *EXAMPLES,
    "%40", "&#64;", "\\u0040", "\u200b", "\u0301", "５", "පෙරේරා", "Perera", "John Smith", "\n", " ", ".", "@", "-",
    "(", '"', "\\", "😀",
]  # fmt: skip
TEXT = st.lists(st.one_of(st.sampled_from(BITS), st.text(max_size=6)), max_size=14).map("".join)
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def analyst() -> Analyst:
    return Analyst.build(FakeNer())


def _or_none(work: Callable[[], T]) -> T | None:
    """Return the result, or None for a refusal that a text can earn; any other fault is a failure."""
    with contextlib.suppress(AnalystFault):
        return work()
    with pytest.raises(AnalystFault) as fault:
        work()
    assert fault.value.code in ("language_not_covered", "text_too_encoded")
    return None


def _checked(analyst: Analyst, texts: list[str], form: Form, switches: Switches) -> None:
    parts = [Part(i, "user", form, PatientText(text)) for i, text in enumerate(texts)]
    found = _or_none(lambda: analyst.find(parts, [], switches))
    if found is None:
        return
    for text, findings, kept in zip(texts, found.parts, found.kept, strict=True):
        for left, right in pairwise(findings):
            assert left.end <= right.start
        for finding in (*findings, *kept):
            assert 0 <= finding.start < finding.end <= len(text)
            assert 0 <= finding.score <= 1000
        taken = {i for f in findings for i in range(f.start, f.end)}
        assert not taken & {i for f in kept for i in range(f.start, f.end)}
    assert found == analyst.find(parts, [], switches)


@FAST
@given(texts=st.lists(TEXT, min_size=1, max_size=3), point=st.sampled_from(["balanced", "strict"]))
def test_any_text(analyst: Analyst, texts: list[str], point: str) -> None:
    _checked(analyst, texts, Form.TEXT, Switches(point=point))


@FAST
@given(
    value=st.recursive(
        TEXT | st.integers() | st.none(), lambda c: st.lists(c, max_size=3) | st.dictionaries(TEXT, c, max_size=3)
    )
)
def test_any_json(analyst: Analyst, value: object) -> None:
    for form in (Form.JSON, Form.SCHEMA):
        _checked(analyst, [json.dumps(value), json.dumps(value, ensure_ascii=False)], form, Switches())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(TEXT, min_size=1, max_size=3), form=st.sampled_from([Form.TEXT, Form.JSON]))
def test_what_is_found_leaves_nothing_for_the_last_look(analyst: Analyst, texts: list[str], form: Form) -> None:
    """Detection, replacement and the last look agree on what a value is."""
    raw = texts if form is Form.TEXT else [json.dumps({"note": text}) for text in texts]
    parts = [Part(i, "user", form, PatientText(text)) for i, text in enumerate(raw)]
    found = _or_none(lambda: analyst.find(parts, [PatientText("Perera")], Switches()))
    if found is None:
        return
    with Vault() as vault:
        redact(parts, found, vault, actions=Actions())


@FAST
@given(example=st.sampled_from(EXAMPLES), before=TEXT, after=TEXT)
def test_an_example_on_a_line_of_its_own_is_found_anywhere(
    analyst: Analyst, example: str, before: str, after: str
) -> None:
    """What is found alone is found between other lines (or covered there by something larger)."""
    alone = analyst.look(example, Switches())
    text = f"{before}\n\n{example}\n\n{after}"
    if "PRIVATE KEY" in text or "\\" in text or "%" in text or "&" in text:
        return
    found = _or_none(lambda: analyst.look(text, Switches()))
    if found is None:
        return
    taken = {i for f in found for i in range(f.start, f.end)}
    shift = len(before) + 2
    if fold(text).text.find(fold(example).text) < 0:
        return
    for finding in alone:
        inside = [i + shift for i in range(finding.start, finding.end) if example[i].isalnum()]
        assert all(i in taken for i in inside)
