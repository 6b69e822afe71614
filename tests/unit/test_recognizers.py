"""Every file of `filters/recognizers`: its examples, its score rules, its shortcuts (linear time: test_lint.py)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from filters import recognizers
from filters.findings import Type
from filters.fold import fold
from filters.recognizers import Entry, catalogue
from filters.recognizers.base import Recognizer
from filters.scan import Hit, Scanner

ENTRIES = catalogue()
IDS = [entry.recognizer.kind for entry in ENTRIES]
MATCHES = [(entry, text) for entry in ENTRIES for text in entry.examples.match]
OTHERS = [(entry, text) for entry in ENTRIES for text in entry.examples.no_match]
BALANCED = 500


def _hits(recognizer: Recognizer, text: str) -> dict[tuple[int, int], Hit]:
    view = fold(text)
    return {view.span(hit.start, hit.end): hit for hit in Scanner([recognizer]).hits(view.text)}


@pytest.mark.parametrize(("entry", "marked"), MATCHES, ids=[f"{e.recognizer.kind}-{t}" for e, t in MATCHES])
def test_finds_its_examples(entry: Entry, marked: str) -> None:
    span = (marked.index("«"), marked.index("»") - 1)
    hit = _hits(entry.recognizer, marked.replace("«", "").replace("»", "")).get(span)
    assert hit is not None
    assert hit.score >= BALANCED


@pytest.mark.parametrize(("entry", "text"), OTHERS, ids=[f"{e.recognizer.kind}-{t}" for e, t in OTHERS])
def test_leaves_its_counter_examples(entry: Entry, text: str) -> None:
    assert [hit for hit in _hits(entry.recognizer, text).values() if hit.score >= BALANCED] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_has_five_examples_of_each(entry: Entry) -> None:
    assert len(set(entry.examples.match)) >= 5
    assert len(set(entry.examples.no_match)) >= 5
    assert entry.about.endswith(".")


def test_kinds_are_unique_and_files_are_named_after_them() -> None:
    assert len(set(IDS)) == len(IDS)
    folder = Path(recognizers.__file__).parent
    assert sorted(p.stem for p in folder.glob("*.py") if p.stem not in ("__init__", "base")) == sorted(IDS)


def test_nothing_here_knows_presidio_or_spacy() -> None:
    for path in Path(recognizers.__file__).parent.glob("*.py"):
        assert not re.search(r"^(?:from|import) (?:presidio|spacy)", path.read_text(), re.MULTILINE)


# ---- score rules ----------------------------------------------------------------------------------------------


def _score(kind: str, text: str) -> int:
    recognizer = next(entry.recognizer for entry in ENTRIES if entry.recognizer.kind == kind)
    return max((hit.score for hit in _hits(recognizer, text).values()), default=0)


@pytest.mark.parametrize(
    ("kind", "bare", "cued", "mistyped"),
    [
        ("uk_nhs", "943 476 5919", "NHS 943 476 5919", "943 476 5918"),
        ("sg_nric", "S1234567D", "NRIC S1234567D", "S1234567A"),
        ("de_steuer_id", "86095742719", "IdNr 86095742719", "86095742718"),
        ("es_dni", "12345678Z", "DNI 12345678Z", "12345678A"),
        ("it_cf", "RCCMNL83S18D969H", "CF RCCMNL83S18D969H", "RCCMNL83S18D969X"),
        ("card", "4012888888881881", "card 4012888888881881", "4012888888881882"),
        ("lk_nic", "911042754V", "NIC 911042754V", "911042755V"),
        ("us_npi", "1234567893", "NPI 1234567893", "1234567890"),
    ],
)
def test_checksum_veto(kind: str, bare: str, cued: str, mistyped: str) -> None:
    """A wrong check digit lowers a score and never removes a hit; a cue beats it."""
    assert 0 < _score(kind, mistyped) < _score(kind, bare) <= _score(kind, cued)
    assert _score(kind, cued.replace(bare, mistyped)) >= 850


CHECKED = [entry for entry in ENTRIES if entry.recognizer.check is not None]


@pytest.mark.parametrize("entry", CHECKED, ids=[entry.recognizer.kind for entry in CHECKED])
def test_bare_cued_and_mistyped(entry: Entry) -> None:
    """A value with its check digit, the same beside every cue, and with a digit wrong beside every cue."""
    r = entry.recognizer
    check = r.check or pytest.fail("no check")
    values = [m[m.index("«") + 1 : m.index("»")] for m in entry.examples.match]
    value = next(v for v in values if check(v))
    at = max(i for i, c in enumerate(value) if c.isdigit())
    mistyped = [value[:at] + digit + value[at + 1 :] for digit in "0123456789"] + ["000-12-3456"]  # never an SSN
    wrong = next(w for w in mistyped if not check(w) and _score(r.kind, w))
    assert _score(r.kind, f"x {value} y") >= BALANCED
    assert _score(r.kind, f"x {wrong} y") < _score(r.kind, f"x {value} y")
    for cue in r.cues:
        assert _score(r.kind, f"{cue} {value}") >= BALANCED
        assert _score(r.kind, f"{cue}: {wrong}") >= BALANCED


def test_area_9xx_is_a_social_security_number() -> None:
    assert _score("us_ssn", "956-47-1234") >= BALANCED
    assert _score("us_ssn", "000-12-3456") >= 350


@pytest.mark.parametrize(
    "text",
    [
        "platelets 250000000 /µL", "1000000 IU daily", "dose 12345678 mg", "SNOMED CT 2125550187", "ICD-10 12345678",
        "LOINC 12345678", "GTIN 4012888888881881", "lot 212-555-0187", "NCT04280705", "PMID 31978945", "BP 120/80",
        "2/6 murmur", "GCS 15", "6/9 vision", "1-0-1", "1/2 tablet", "4.5-5.5 mmol/L", "98.6 120/80 72 16", "10⁹/L",
        "Hb 13.5 WBC 7.2 Plt 250", "T1N0M0", "C5-C6", "L4/5", "FiO2 0.4", "SpO2 98%", "22G 50mm", "HbA1c 7.2%", "q8h",
        "2 x 500 mg", "ASA 3", "NYHA III", "1.5.2 of the guideline", "version 10.0.0.1", "500-1000 mg", "24/7",
    ],
)  # fmt: skip
def test_clinical_numbers(text: str) -> None:
    """Doses, vitals, scores, laboratory values and codes of terminologies are no identifiers."""
    quiet = [e.recognizer for e in ENTRIES if e.recognizer.kind not in ("duration", "bare_year", "age")]
    view = fold(text)
    assert [hit for hit in Scanner(quiet).hits(view.text) if hit.score >= BALANCED] == []


def test_a_cue_beats_a_guard() -> None:
    assert _score("record_number", "MRN 12345678 mg") >= BALANCED
    assert _score("uk_nhs", "NHS 943 476 5919 mL") >= BALANCED


def test_a_cue_counts_on_its_line_only() -> None:
    assert _score("uk_nhs", "NHS\n943 476 5918") < BALANCED
    assert _score("uk_nhs", "NHS: 943 476 5918") >= BALANCED


@pytest.mark.parametrize("word", ["duplicate", "clinical", "electronic", "picnic"])
def test_a_cue_is_a_whole_word(word: str) -> None:
    """Presidio's default finds "lic" in "duplicate"."""
    assert _score("lk_nic_new", f"{word} 198426801724") < BALANCED


# ---- `starts`, `anchors`, `digits` only save time --------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_shortcuts_change_nothing(entry: Entry) -> None:
    slow = replace(entry.recognizer, starts=(), anchors=(), digits=0)
    every = [t.replace("«", "").replace("»", "") for e in ENTRIES for t in (*e.examples.match, *e.examples.no_match)]
    text = "\n".join(fold(t).text for t in every)
    fast_hits = {(hit.start, hit.end) for hit in Scanner([entry.recognizer]).hits(text)}
    slow_hits = {(hit.start, hit.end) for hit in Scanner([slow]).hits(text)}
    assert fast_hits == slow_hits


def test_types_of_kinds() -> None:
    types = {entry.recognizer.kind: entry.recognizer.type for entry in ENTRIES}
    assert types["email"] is Type.EMAIL
    assert types["secret"] is Type.SECRET
    assert types["phone"] is Type.PHONE
    assert types["date"] is Type.DATE
    assert types["lk_nic"] is Type.ID
