"""What becomes of the spans of the model."""

from __future__ import annotations

import pytest

from filters.findings import Source, Type
from filters.lexicon import common_words, ordinary_words
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
        ("a 93-year-old", "93", "AGE", "age"),
        ("95 of 100 people", "95", "AGE", None),
        ("in 395 participants", "395", "AGE", None),
        ("del 22q13 found", "22q13", "ID", None),
        ("on Pembrolizumab", "Pembrolizumab", "PERSON", None),
    ],
)
def test_kinds(text: str, value: str, label: str, result: str | None) -> None:
    assert kind(text, value, label) == result


@pytest.mark.parametrize(
    ("text", "value", "score", "result"),
    [
        ("The Patient said entra. Then He left.", "entra", 600, 450),
        ("The Patient saw perera. Then He left.", "perera", 900, 900),
        ("pt saw perera and then left", "perera", 600, 600),
        ("Signed by Toutefois today", "Toutefois", 700, 450),
        ("Diagnosed NASH in May", "NASH", 700, 450),
        ("SEEN BY SILVA", "SILVA", 700, 700),
        ("Dr Toutefois came", "Toutefois", 700, 700),
    ],
)
def test_a_weak_guess_against_letter_case_is_doubted(text: str, value: str, score: int, result: int) -> None:
    start = text.index(value)
    (hit,) = ner_hits(text, [FakeSpan(start, start + len(value), "PERSON", score)], DATES, common_words())
    assert hit.score == result


@pytest.mark.parametrize(
    ("text", "span", "result"),
    [
        ("Sohn Markus zusammen", "Markus zusammen", "Markus"),
        ("Dr. de Silva", "de Silva", "de Silva"),
        ("seen by Anil Perera today", "by Anil Perera today", "Anil Perera"),
        ("anil perera today", "anil perera today", "anil perera today"),
    ],
)
def test_small_words_at_the_ends_are_taken_off(text: str, span: str, result: str) -> None:
    start = text.index(span)
    (hit,) = ner_hits(text, [FakeSpan(start, start + len(span), "PERSON", 900)], DATES, common_words())
    assert text[hit.start : hit.end] == result


@pytest.mark.parametrize(
    ("text", "weak", "sure", "score"),
    [
        ("met Mstislav Dolgorukova", "Mstislav", "Dolgorukova", 500),
        ("met Juliusz A. Kwiatkowski", "A", "Kwiatkowski", 500),
        ("met Ana-Maria Silva", "Ana", "Maria Silva", 500),
        ("met Mstislav, Dolgorukova", "Mstislav", "Dolgorukova", 360),
        ("met patient Dolgorukova", "patient", "Dolgorukova", 360),
        ("met Patient Dolgorukova", "Patient", "Dolgorukova", 360),
    ],
)
def test_a_doubted_word_is_believed_beside_a_sure_one(text: str, weak: str, sure: str, score: int) -> None:
    spans = [FakeSpan(text.index(v), text.index(v) + len(v), "PERSON", s) for v, s in ((weak, 360), (sure, 900))]
    hits = {text[h.start : h.end]: h.score for h in ner_hits(text, spans, DATES, common_words())}
    assert hits.get(weak, 360) == score


def test_a_role_is_no_name() -> None:
    assert kind("Frau Kollegin Dr. X", "Kollegin", "PERSON") is None
    assert kind("NHC 12345", "NHC", "LOCATION") is None


def test_a_phone_begins_with_its_number() -> None:
    text = "unter 0251 12345"
    (hit,) = ner_hits(text, [FakeSpan(0, len(text), "PHONE", 900)], DATES)
    assert text[hit.start : hit.end] == "0251 12345"


@pytest.mark.parametrize(
    ("text", "span", "value"),
    [
        ("to a.b@mail.example.org. CT shows", "a.b@mail.example.org. CT", "a.b@mail.example.org"),
        ("to a.b@x.lk, then", "a.b@x.lk, then", "a.b@x.lk"),
        ("to a.b@x.lk.", "a.b@x.lk", "a.b@x.lk"),
        ("to a . b @ x . lk now", "a . b @ x . lk", "a . b @ x . lk"),
    ],
)
def test_an_address_ends_where_the_next_sentence_begins(text: str, span: str, value: str) -> None:
    start = text.index(span)
    (hit,) = ner_hits(text, [FakeSpan(start, start + len(span), "EMAIL", 900)], DATES)
    assert text[hit.start : hit.end] == value


def test_hits_say_where_they_come_from() -> None:
    (hit,) = ner_hits("Mr Perera", [FakeSpan(3, 9, "PERSON", 640)], DATES)
    assert (hit.source, hit.type, hit.score, hit.cued) == (Source.NER, Type.NAME, 640, True)


@pytest.mark.parametrize(
    ("text", "span", "values"),
    [
        ("record bucket-ladder-candle-wedge: here", "bucket-ladder-candle-wedge", []),
        ("record bucket-ladder-candle-wedge: here", "ladder-candle", []),
        ("see nimal-perera-blood-result.pdf", "nimal-perera-blood-result", ["nimal", "perera"]),
        ("see ladder-perera-candle-wedge now", "ladder-perera-candle", ["perera"]),
        ("the bucket-ladder-candle left", "bucket-ladder-candle", ["bucket-ladder-candle"]),  # three words are no chain
        ("Bucket-Ladder-Candle-Wedge left", "Bucket-Ladder-Candle-Wedge", ["Bucket-Ladder-Candle-Wedge"]),
        ("dr bucket-ladder-candle-wedge", "bucket-ladder-candle-wedge", ["bucket-ladder-candle-wedge"]),  # a cue
        ("garcia-de-la-torre came", "garcia-de-la-torre", ["garcia-de-la-torre"]),
    ],
)
@pytest.mark.parametrize("label", ["PERSON", "LOCATION", "ORG"])
def test_ordinary_words_in_a_chain_are_nobody(text: str, span: str, values: list[str], label: str) -> None:
    if text.startswith("dr ") and label != "PERSON":
        values = []  # the cue is one of a person
    start = text.index(span)
    hits = ner_hits(text, [FakeSpan(start, start + len(span), label, 860)], DATES, common_words())
    assert [text[hit.start : hit.end] for hit in hits] == values


def test_no_ordinary_word_is_a_word_that_names_may_be() -> None:
    ordinary = ordinary_words()
    assert not ordinary & {
        "rose",
        "mark",
        "may",
        "lang",
        "young",
        "brown",
        "kandy",
        "grace",
        "hunter",
        "baker",
        "smith",
    }
    assert all(4 <= len(word) <= 9 and word.isascii() and word.islower() for word in ordinary)
