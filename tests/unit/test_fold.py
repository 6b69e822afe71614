"""Invariant: whatever a view says at [a, b) stands, in some spelling, in the raw text at `view.span(a, b)`."""

from __future__ import annotations

import base64
import json
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.findings import Type
from filters.fold import TooEncodedError, fold, normal, opaque_runs, views
from filters.parts import Form

TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from("abcXYZ 019.-_=*·@%&;#\\\"'\n\u200b\u0301\ufe0f\u00adéßﬁ½²µμ５９—–‘“аеο…😀\u0dca\u200d"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("５３６-９０-４３９９", "536-90-4399"),
        ("536\u200b-90-4399", "536-90-4399"),
        ("jane.doe＠x.org", "jane.doe@x.org"),
        ("٠١٢٣", "0123"),
        ("e\u0301", "é"),
        ("a\u00a0b\u2009c", "a b c"),
        ("1–2—3−4", "1-2-3-4"),
        ("‘a’ “b” «c»", '\'a\' "b" "c"'),
        ("аррle@x", "apple@x"),
        ("Name ........ X", "Name .. X"),
        ("______", "__"),
        ("²½№", "21/2No"),
        ("\u2066John\u2069", "John"),
        ("co\u00adop", "coop"),
        ("line\nline", "line\nline"),
        ("", ""),
        ("\u200b\u200b", ""),
    ],
)
def test_folds_spellings_together(raw: str, plain: str) -> None:
    assert fold(raw).text == plain


def test_pure_words_of_another_script_stay() -> None:
    assert fold("Анна Иванова").text == "Анна Иванова"


@given(TEXT)
def test_folding_twice_changes_nothing(raw: str) -> None:
    once = fold(raw).text
    assert fold(once).text == once


@given(TEXT, st.data())
def test_spans_stay_inside_and_grow_with_the_view(raw: str, data: st.DataObject) -> None:
    view = fold(raw)
    if not view.text:
        return
    a = data.draw(st.integers(0, len(view.text) - 1))
    b = data.draw(st.integers(a + 1, len(view.text)))
    start, end = view.span(a, b)
    assert 0 <= start < end <= len(raw)
    whole = view.span(0, len(view.text))
    assert whole[0] <= start
    assert end <= whole[1]


@given(TEXT)
def test_a_span_never_ends_inside_a_cluster(raw: str) -> None:
    view = fold(raw)
    for i in range(len(view.text)):
        start, end = view.span(i, i + 1)
        assert end == len(raw) or not unicodedata.combining(raw[end])
        assert start < end


@given(st.text(alphabet="abz 019\u200béößＡ５", min_size=1, max_size=30))
def test_the_raw_span_folds_to_the_view_text(raw: str) -> None:
    view = fold(raw)
    for a in range(len(view.text)):
        start, end = view.span(a, len(view.text))
        assert fold(raw[start:end]).text == view.text[a:]


def _all_views(raw: str, form: Form = Form.TEXT) -> list[str]:
    return [view.text for view in views(raw, form)]


@pytest.mark.parametrize(
    "raw",
    [
        "write to jane%40x.org now",
        "write to jane&#64;x.org now",
        "write to jane&#x40;x.org now",
        "write to jane&commat;x.org now",
        r"write to jane\u0040x.org now",
        quote(quote("write to jane@x.org now", safe=""), safe=""),
        "see " + base64.b64encode(b"write to jane@x.org now").decode() + " there",
        "see " + base64.urlsafe_b64encode(b"write to jane@x.org now??>>").decode().rstrip("=") + " there",
        base64.b64encode(quote("a jane@x.org b", safe="").encode()).decode(),
        base64.b64encode(base64.b64encode(b"so jane@x.org wrote to us")).decode(),
    ],
)
def test_sees_through_encodings(raw: str) -> None:
    view = next(view for view in views(raw) if "jane@x.org" in view.text)
    at = view.text.index("jane@x.org")
    start, end = view.span(at, at + len("jane@x.org"))
    assert 0 <= start < end <= len(raw)


def test_a_hit_in_percent_encoding_maps_to_the_value_alone() -> None:
    raw = "write to jane%40x.org now"
    view = views(raw)[1]
    at = view.text.index("jane@x.org")
    assert raw[slice(*view.span(at, at + 10))] == "jane%40x.org"


def test_a_hit_in_base64_maps_to_the_whole_run() -> None:
    run = base64.b64encode(b"my name is Jane Doe").decode()
    view = views(f"see {run}.")[1]
    at = view.text.index("Jane")
    assert view.span(at, at + 4) == (4, 4 + len(run))


def test_base64_in_lines_of_76() -> None:
    secret = "The patient is Jane Doe, born in Springfield, and this note is long enough to be wrapped twice over."
    run = base64.encodebytes(secret.encode()).decode().strip()
    assert any("Jane Doe" in text for text in _all_views("mail:\n" + run + "\nend"))


def test_the_first_view_of_json_has_no_escapes() -> None:
    raw = json.dumps({"a": 'J"o\né 😀'})
    first = views(raw, Form.JSON)[0]
    assert 'J"o\né 😀' in first.text
    at = first.text.index("é")
    assert raw[slice(*first.span(at, at + 1))] == "\\u00e9"


def test_words_of_a_name_are_not_glued() -> None:
    assert "lookup 943" in views("lookup_943", Form.NAME)[0].text


def test_plain_text_has_one_view() -> None:
    assert len(views("BP 120/80, electrocardiographically normal, SpO2 98 % on air.")) == 1


def test_too_many_readings_are_refused() -> None:
    inner = "x" * 3000 + "%41" * 3000
    raw = quote(quote(inner, safe=""), safe="")
    with pytest.raises(TooEncodedError):
        views(raw.replace("%", "%25"))


def test_opaque_runs_are_reported_and_text_is_not() -> None:
    blob = "9f86d081884c7d659a2feaa0c55ad015" * 8
    assert opaque_runs(f"x {blob} y") == ((2, 2 + len(blob)),)
    assert opaque_runs(base64.b64encode(b"plain words " * 30).decode()) == ()
    assert opaque_runs("short ab12") == ()


@pytest.mark.parametrize(
    ("kind", "a", "b"),
    [
        (Type.NAME, " Ana\u00a0PEREIRA.", "ana pereira"),
        (Type.NAME, "O’Brien", "O'BRIEN"),
        (Type.EMAIL, "Jane@X.org", "jane@x.org"),
        (Type.PHONE, "(+94) 77-123 4567", "+94771234567"),
        (Type.ID, "ab-12", "AB-12"),
        (Type.LOCATION, "Köln,", "KÖLN"),
        (Type.NAME, "(පෙරේරා)", "පෙරේරා"),
        (Type.DATE, "3 March 2021", "3 MARCH 2021"),
    ],
)
def test_normal_makes_spellings_equal(kind: Type, a: str, b: str) -> None:
    assert normal(kind, a) == normal(kind, b)


@pytest.mark.parametrize(
    ("kind", "a", "b"),
    [
        (Type.ID, "20-12345", "201-2345"),
        (Type.PHONE, "+94771234567", "94771234567"),
        (Type.SECRET, "aB", "Ab"),
        (Type.URL, "http://x/A", "http://x/a"),
        (Type.NAME, "Smith", "Smyth"),
        (Type.NAME, "පෙරේරා", "පෙරේර"),
    ],
)
def test_normal_never_merges_two_values(kind: Type, a: str, b: str) -> None:
    assert normal(kind, a) != normal(kind, b)


@settings(max_examples=50)
@given(TEXT, st.sampled_from(Type))
def test_normal_is_stable(raw: str, kind: Type) -> None:
    once = normal(kind, raw)
    if kind is not Type.PHONE:
        assert normal(kind, once) == once
