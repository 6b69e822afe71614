"""What stands in one text: views, clips, places."""

from __future__ import annotations

import json

import pytest

from filters.findings import Source, Type
from filters.fold import views
from filters.local import Detectors, Local, clip_of, locate
from filters.parts import Form
from filters.recognizers import catalogue
from filters.scan import Hit, Scanner

ALL = Scanner(entry.recognizer for entry in catalogue())
NONE = Scanner(())


def local(text: str, form: Form = Form.TEXT, detectors: Detectors | None = None) -> Local:
    return locate(text, form, views(text, form), detectors or Detectors(ALL.hits, NONE, lambda _: ()))


def spans(found: Local, kind: str) -> list[tuple[int, int]]:
    return [(p.candidate.start, p.candidate.end) for p in found.found if p.candidate.kind == kind]


def test_candidates_of_both_points_are_kept() -> None:
    scores = {p.candidate.score for p in local("x 943 476 5919 y 198426801724 z").found}
    assert min(scores) >= 350
    assert any(score < 500 for score in scores)


def test_a_hit_of_a_decoded_view_lies_on_the_raw_text() -> None:
    text = "write jane%40x.org now"
    assert spans(local(text), "email") == [(6, 18)]


def test_the_same_hit_of_two_views_is_one_candidate() -> None:
    text = "ana@x.org and jane%40x.org"
    assert spans(local(text), "email") == [(0, 9), (14, 26)]


@pytest.mark.parametrize(
    ("raw", "tokens"),
    [
        ('{"a": "b", "n": -12.5}', ["a", "b", "n", "-12.5"]),
        ('["x\\"y", 7, true, null]', ['x\\"y', "7"]),
        ('""', [""]),
    ],
)
def test_clips_are_strings_and_numbers(raw: str, tokens: list[str]) -> None:
    clip = clip_of(raw, Form.JSON)
    assert clip is not None
    assert [raw[a:b] for a, b, _ in clip] == tokens


def test_keys_are_known_as_keys() -> None:
    clip = clip_of('{"a": "b"}', Form.SCHEMA)
    assert clip is not None
    assert [is_key for _, _, is_key in clip] == [True, False]


@pytest.mark.parametrize(("raw", "form"), [("{broken", Form.JSON), ('{"a": 1}', Form.TEXT), ("name", Form.NAME)])
def test_what_is_no_json_is_not_clipped(raw: str, form: Form) -> None:
    assert clip_of(raw, form) is None


def test_a_span_over_structure_is_cut_into_its_strings() -> None:
    raw = json.dumps(["Ana", "Perera"])
    whole = Hit(0, len(raw), Type.NAME, "person", 900, 8, False, Source.PATTERN)
    found = local(raw, Form.JSON, Detectors(lambda _: (whole,), NONE, lambda _: ()))
    assert [raw[a:b] for a, b in spans(found, "person")] == ["Ana", "Perera"]


def test_model_spans_grow_to_words_and_stay_out_of_property_names() -> None:
    raw = '{"ana": "Perera"}'
    hits = tuple(Hit(a, b, Type.NAME, "person", 900, 8, False, Source.NER) for a, b in ((2, 5), (10, 12)))
    found = local(raw, Form.SCHEMA, Detectors(lambda _: hits, NONE, lambda _: ()))
    assert [raw[a:b] for a, b in spans(found, "person")] == ["Perera"]
    found = local(raw, Form.JSON, Detectors(lambda _: hits, NONE, lambda _: ()))
    assert [raw[a:b] for a, b in spans(found, "person")] == ["ana", "Perera"]


def test_weak_hits_are_dropped() -> None:
    weak = Hit(0, 3, Type.NAME, "person", 349, 8, False, Source.NER)
    assert local("Ana", detectors=Detectors(lambda _: (weak,), NONE, lambda _: ())).found == ()


def test_what_nobody_can_read_becomes_text() -> None:
    found = local("abc පෙරේරා xyz and more", detectors=Detectors(lambda _: (), NONE, lambda _: ((0, 3),)))
    assert spans(found, "uncovered_script") == [(0, 3), (4, 10)]
    assert not found.mostly_uncovered
    assert local("පෙරේරා").mostly_uncovered


def test_values_longer_than_a_chunk_are_searched_whole() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "x" * 9_000 + "\n-----END PRIVATE KEY-----"
    whole = Scanner(e.recognizer for e in catalogue() if e.recognizer.whole)
    found = local("a " + key + " b", detectors=Detectors(lambda _: (), whole, lambda _: ()))
    assert spans(found, "pem_key") == [(2, 2 + len(key))]
