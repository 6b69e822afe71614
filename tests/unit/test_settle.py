"""From candidates to the findings of a request."""

from __future__ import annotations

from filters.findings import Source, Type
from filters.local import Local, Placed
from filters.parts import Form
from filters.scan import RANKS
from filters.settle import House, Text, settle, settle_window
from filters.spans import Candidate
from filters.switches import Switches

COMMON = frozenset({"may"})


def text(raw: str, *found: tuple[str, Type, str, int]) -> Text:
    """Build a text in which each value was found where it first stands."""
    placed = []
    for value, kind, name, score in found:
        start = raw.index(value)
        c = Candidate(start, start + len(value), kind, name, score, Source.NER, RANKS[kind], cued=False)
        placed.append(Placed(c, 0, start, start + len(value)))
    return Text(raw, Form.TEXT, Local(tuple(placed), mostly_uncovered=False))


def values(texts: list[Text], **switches: object) -> list[list[str]]:
    found = settle(texts, [], Switches(**switches), House({"xx_id": "xx"}, COMMON))  # type: ignore[arg-type] # keyword table
    return [[t.raw[f.start : f.end] for f in part] for t, part in zip(texts, found.parts, strict=True)]


def test_a_value_spreads_to_every_text() -> None:
    texts = [text("Perera fell"), text("Anil Perera came", ("Anil Perera", Type.NAME, "person", 900))]
    assert values(texts) == [["Perera"], ["Anil Perera"]]


def test_what_the_policy_keeps_does_not_spread() -> None:
    texts = [text("Acme Trust", ("Acme Trust", Type.ORG, "org", 900)), text("at Acme Trust")]
    assert values(texts, drop=("ORG",)) == [[], []]


def test_the_threshold_is_the_point() -> None:
    texts = [text("Perera", ("Perera", Type.NAME, "person", 400))]
    assert values(texts) == [[]]
    assert values(texts, point="strict") == [["Perera"]]


def test_a_country_pack_that_is_off_finds_nothing() -> None:
    texts = [text("A12345", ("A12345", Type.ID, "xx_id", 900))]
    assert values(texts, countries=("lk",)) == [[]]
    assert values(texts, countries=("xx",)) == [["A12345"]]


def test_kept_spans_touch_no_finding() -> None:
    one = text("born 1998 in May", ("1998", Type.DATE, "bare_year", 900), ("born 1998", Type.DATE, "date", 600))
    found = settle([one], [], Switches(), House({}, COMMON))
    assert [one.raw[f.start : f.end] for f in found.parts[0]] == ["born 1998"]
    assert found.kept == ((),)


def test_a_window_does_not_spread() -> None:
    window = text("Anil Perera and Perera", ("Anil Perera", Type.NAME, "person", 900))
    assert len(settle_window(window, Switches(), House({}))) == 1


def test_marked_values_win() -> None:
    one = text("Anil Perera came", ("Anil", Type.NAME, "person", 900))
    found = settle([one], ["Anil Perera came"], Switches(), House({}, COMMON))
    assert [f.type for f in found.parts[0]] == [Type.MARKED]


def test_repr_is_a_length() -> None:
    assert repr(text("Perera")) == "Text(6)"
