"""Invariant: with the real detectors, what they find is never sent and comes back byte for byte, at any cut."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pytest
from chunk_invariance import assert_chunk_invariant
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filters.analyse import Analyst, Switches
from filters.findings import Type
from filters.output import OutActions, OutputScan
from filters.parts import Form, Part, PatientText
from filters.redact import RedactionResult, redact
from filters.restore import Restorer
from filters.vault import Actions, Vault

_SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
_SWITCHES = Switches(drop=("ward_bed",))


@pytest.fixture(scope="module")
def analyst() -> Analyst:
    """The patterns, without the model: names are found by their cues."""
    return Analyst.build(None)


def _redacted(
    analyst: Analyst, vault: Vault, texts: list[tuple[Form, str]]
) -> tuple[tuple[Part, ...], RedactionResult]:
    parts = tuple(Part(index, "user", form, PatientText(text)) for index, (form, text) in enumerate(texts))
    return parts, redact(
        parts, analyst.find(parts, [], _SWITCHES), vault, actions=Actions.named((), [("ward_bed", "keep")])
    )


def _restored(vault: Vault, text: str, form: Form) -> str:
    restorer = Restorer(vault, form)
    return "".join(piece.text.reveal() for piece in (*restorer.feed(text), *restorer.finish()))


_VALUES = st.sampled_from([
    "911042754V", "911042755V", "198426801723", "S1234567D", "784-1984-1234567-1", "943 476 5919", "536-90-4399",
    "MRN: 20-12345", "MRN: 201-2345", "3 May 1950", "03/05/1950", "+94 77 123 4567", "0771234567", "ana.p@ward.intern",
    "ana.p2@ward.intern", "https://portal.ward.intern/p/7", "10.1.2.3", "4012888888881881", "Ward 4A",
    "aged 93", "last Friday",
    "911042754%56", "&#57;11042754V", "password: hunter22", "[ID_1]", "[PHONE_2]",
    "128/76", "500 mg", "Parkinson disease",
])  # fmt: skip
_NOTES = st.lists(
    st.tuples(_VALUES, st.sampled_from(["; ", "\n", ". ", ", tel ", " and NIC ", " seen "])), min_size=1, max_size=8
).map(lambda said: "Note: " + "".join(value + glue for value, glue in said))


@_SETTINGS
@given(notes=st.lists(_NOTES, min_size=1, max_size=4))
def test_what_is_found_comes_back(analyst: Analyst, notes: list[str]) -> None:
    vault = Vault()
    parts, result = _redacted(analyst, vault, [(Form.TEXT, note) for note in notes])
    seen = "\n".join(text.reveal() for text in result.texts)
    for value in ("911042754V", "ana.p@", "536-90-4399", "4012888888881881", "784-1984"):
        assert value not in seen
    for part, text in zip(parts, result.texts, strict=True):
        assert _restored(vault, text.reveal(), Form.TEXT) == part.text.reveal()


@_SETTINGS
@given(notes=st.lists(_NOTES, min_size=1, max_size=3), ascii_only=st.booleans())
def test_json_stays_json(analyst: Analyst, notes: list[str], ascii_only: bool) -> None:
    document = {"notes": notes, "nic": "911042754V", "tel": 94771234567, "ok": True}
    vault = Vault()
    _, result = _redacted(
        analyst, vault, [(Form.JSON, json.dumps(document, ensure_ascii=ascii_only)), (Form.TEXT, notes[0])]
    )
    text = result.texts[0].reveal()
    assert "911042754V" not in text
    assert set(json.loads(text)) == set(document)
    assert json.loads(_restored(vault, text, Form.JSON))["notes"] == notes


ANSWER = (
    "The plan is clear and was discussed. Call 077 123 4567 or write to dr.who@ward.example now! Refer [NAME_1], "
    "NIC 911042754V, on 3 May 2024. No dots here just words going on " + "and on " * 30
    + "then the card 4012888888881881 and 911042754%56; see [NAME_1"
)  # fmt: skip


def _scan(analyst: Analyst, chunks: Iterable[str]) -> Iterator[str]:
    vault = Vault()
    vault.issue(Type.NAME, "Ana")
    scan = OutputScan(vault, OutActions())
    for chunk in (*chunks, None):
        if chunk is None:
            scan.finish()
        else:
            scan.feed(chunk)
        while (window := scan.due()) is not None:
            yield scan.settle(window, analyst.look(window.text.reveal(), _SWITCHES))


def test_the_scan_of_an_answer_does_not_depend_on_the_cut(analyst: Analyst) -> None:
    def whole(text: str) -> str:
        return "".join(_scan(analyst, [text]))

    splits = [[ANSWER[:at], ANSWER[at:]] for at in range(0, len(ANSWER), 5)] + [list(ANSWER)]
    assert_chunk_invariant(lambda chunks: _scan(analyst, chunks), whole, ANSWER, splits=splits)
    shown = whole(ANSWER)
    for value in ("077 123", "dr.who", "911042754", "4012888"):
        assert value not in shown
    assert "[NAME_1], NIC [ID], on 3 May 2024." in shown
