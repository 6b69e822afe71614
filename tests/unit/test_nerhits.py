"""What becomes of the spans of the model."""

from __future__ import annotations

import pytest

from filters.findings import Source, Type
from filters.nerhits import ner_hits
from filters.recognizers import catalogue
from filters.scan import Scanner
from tests.kit.fake_ner import FakeSpan

DATES = Scanner(e.recognizer for e in catalogue() if e.recognizer.kind in ("duration", "relative_date", "bare_year"))


def kind(text: str, value: str, label: str) -> str | None:
    start = text.index(value)
    hits = ner_hits(text, [FakeSpan(start, start + len(value), label, 900)], DATES)
    return hits[0].kind if hits else None


@pytest.mark.parametrize(
    ("text", "value", "label", "result"),
    [
        ("seen by Perera", "Perera", "PERSON", "person"),
        ("Crohn disease", "Crohn", "PERSON", None),
        ("Mr Crohn disease", "Crohn", "PERSON", "person"),
        ("takes Lipitor", "Lipitor", "PERSON", None),
        ("in Kandy", "Kandy", "LOCATION", "location"),
        ("at Oak Hospital", "Oak Hospital", "ORG", "facility"),
        ("im Klinikum Nord", "Klinikum Nord", "ORG", "facility"),
        ("Universitätsklinikum Ulm", "Universitätsklinikum Ulm", "LOCATION", "facility"),
        ("for Acme Ltd", "Acme Ltd", "ORG", "org"),
        ("on 3 May", "3 May", "DATE", "date"),
        ("in 1998", "1998", "DATE", "bare_year"),
        ("for 3 days", "3 days", "DATE", "duration"),
        ("at 08:30", "08:30", "DATE", "duration"),
        ("last Friday", "last Friday", "DATE", "relative_date"),
        ("Monday", "Monday", "DATE", "relative_date"),
        ("today", "today", "DATE", None),
        ("a moment", "a moment", "DATE", None),
        ("no AB12", "AB12", "ID", "id"),
        ("no number", "number", "ID", None),
        ("take 500 mg", "500", "ID", None),
        ("lot 12345", "12345", "PHONE", None),
        ("ana@x", "ana@x", "EMAIL", "email"),
        ("aged forty", "forty", "AGE", "age"),
    ],
)
def test_kinds(text: str, value: str, label: str, result: str | None) -> None:
    assert kind(text, value, label) == result


def test_hits_say_where_they_come_from() -> None:
    (hit,) = ner_hits("Mr Perera", [FakeSpan(3, 9, "PERSON", 640)], DATES)
    assert (hit.source, hit.type, hit.score, hit.cued) == (Source.NER, Type.NAME, 640, True)
