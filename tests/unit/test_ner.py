"""The clinical NER at its border: what files it refuses, and that windows, words and marks fall where they should."""

from __future__ import annotations

import dataclasses
import itertools
import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import ner as module
from filters.ner import LABELS, ClinicalNer, NerFiles, NerInvalid, NerSpan, bundled
from filters.ner_pins import PINS
from proxy.workers.analyst import load_analyst


@pytest.fixture(scope="module")
def files() -> NerFiles:
    folder = resources.files("filters") / "clinical_ner"
    return NerFiles(*((folder / n).read_bytes() for n in ("model.onnx", "tokenizer.json", "labels.json")))


@pytest.fixture(scope="module")
def model(files: NerFiles) -> ClinicalNer:
    return ClinicalNer.load(files)


def found(model: ClinicalNer, text: str) -> list[tuple[str, str]]:
    return [(text[s.start : s.end], s.label) for s in model.spans(text) if s.score >= 500]


@pytest.mark.parametrize(
    ("part", "value", "code"),
    [
        ("model", b"not a model", "model_onnx"),
        ("model", b"", "model_onnx"),
        ("tokenizer", b"{}", "tokenizer_json"),
        ("tokenizer", b"\xff", "tokenizer_json"),
        ("labels", b"{", "labels_json"),
        ("labels", b"[]", "labels_tags"),
        ("labels", b'{"tags": ["O", "B-PERSON"]}', "labels_tags"),
    ],
)
def test_refuses_broken_files(files: NerFiles, part: str, value: bytes, code: str) -> None:
    with pytest.raises(NerInvalid) as caught:
        ClinicalNer.load(dataclasses.replace(files, **{part: value}))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("point", "label", "value", "code"),
    [
        ("balanced", "PERSON", 1.5, "labels_thresholds"),
        ("balanced", "PERSON", 1, "labels_thresholds"),
        ("strict", "ORG", 0.0, "labels_thresholds"),
        ("strict", "NAME", 0.5, "labels_thresholds"),
        ("strict", "PERSON", 0.001, "labels_order"),
    ],
)
def test_refuses_thresholds_that_mean_nothing(files: NerFiles, point: str, label: str, value: float, code: str) -> None:
    table = json.loads(files.labels)
    table["thresholds"][point][label] = value
    with pytest.raises(NerInvalid) as caught:
        ClinicalNer.load(dataclasses.replace(files, labels=json.dumps(table).encode()))
    assert caught.value.code == code


def test_refuses_a_tokenizer_without_its_marks(files: NerFiles) -> None:
    table = json.loads(files.tokenizer)
    del table["model"]["vocab"]["[SEP]"]
    table["added_tokens"] = [t for t in table["added_tokens"] if t["content"] != "[SEP]"]
    table["post_processor"] = None
    with pytest.raises(NerInvalid) as caught:
        ClinicalNer.load(dataclasses.replace(files, tokenizer=json.dumps(table).encode()))
    assert caught.value.code == "tokenizer_tokens"


def test_digest_changes_with_every_file(files: NerFiles, model: ClinicalNer) -> None:
    other = ClinicalNer.load(dataclasses.replace(files, labels=files.labels + b"\n"))
    assert model.digest != other.digest
    assert len(model.digest) == 64


def test_an_error_holds_no_text_of_the_exchange() -> None:
    assert str(NerInvalid("model_run")) == "clinical NER refused: model_run"


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u200b"])
def test_nothing_is_found_in_nothing(model: ClinicalNer, text: str) -> None:
    assert model.spans(text) == ()
    assert model.unknown_words(text) == ()


def test_finds_people_places_and_dates(model: ClinicalNer) -> None:
    text = "Mr Nimal Perera, 62, was seen by Dr Sarah Okonkwo in Kandy on 12 March 2021 for chest pain."
    hits = found(model, text)
    assert ("Nimal Perera", "PERSON") in hits
    assert any("Okonkwo" in value and label == "PERSON" for value, label in hits)
    assert ("Kandy", "LOCATION") in hits
    assert not any("chest" in value or "pain" in value for value, _ in hits)


def test_scores_keep_to_the_operating_points(files: NerFiles) -> None:
    text = "Patient Rose Hill, ward 4B, saw the Lanka team in May near the Galle lake, d/w Summers re plan for Kent."
    table = json.loads(files.labels)
    table["thresholds"] = {"balanced": dict.fromkeys(LABELS, 0.2), "strict": dict.fromkeys(LABELS, 0.99999)}
    spans = ClinicalNer.load(dataclasses.replace(files, labels=json.dumps(table).encode())).spans(text)
    assert {s.score >= 500 for s in spans} == {True, False}
    assert all(350 <= s.score <= 499 or 500 <= s.score <= 999 for s in spans)


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("\u1794\u17ca\u17c1\u179a\u17b6 Perera", ((0, 5),)),
        ("seen by \u1794\u17ca\u17c1\u179a\u17b6", ((8, 13),)),
        ("\u0db4\u0dd9\u0dbb\u0dda\u0dbb\u0dcf Perera", ()),
        ("\u0baa\u0bc6\u0bb0\u0bc7\u0bb0\u0bbe, \u0645\u062d\u0645\u062f", ()),
        ("a" * 101 + " clean", ((0, 101),)),
        ("all of this is plain", ()),
    ],
)
def test_unknown_words_are_told_whole(model: ClinicalNer, text: str, runs: tuple[tuple[int, int], ...]) -> None:
    """The tokenizer drops vowel signs from its offsets; the run told to the caller holds them."""
    assert model.unknown_words(text) == runs


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("රෝගියා නිමල් පෙරේරා මහතා", "පෙරේරා"),
        ("நோயாளி சிவகுமார்", "சிவகுமார்"),
        ("المريض محمد المنصوري من دبي", "المنصوري"),
    ],
    ids=["si", "ta", "ar"],
)
def test_names_in_other_scripts_are_read_in_latin_letters(model: ClinicalNer, text: str, name: str) -> None:
    start, end = text.index(name), text.index(name) + len(name)
    assert any(s.label == "PERSON" and s.start <= start and end <= s.end for s in model.spans(text))


def test_the_bundled_files_are_pinned(files: NerFiles) -> None:
    assert bundled(files) is files


@pytest.mark.parametrize("part", ["model", "tokenizer", "labels"])
def test_another_file_than_the_measured_one_is_refused(files: NerFiles, part: str) -> None:
    other = dataclasses.replace(files, **{part: getattr(files, part) + b"\n"})
    with pytest.raises(NerInvalid) as refused:
        bundled(other)
    assert refused.value.code == f"{part}_changed"


def test_the_analyst_does_not_start_with_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PINS, "tokenizer", "0" * 64)
    assert load_analyst() is None


def test_accents_stay_inside_the_span(model: ClinicalNer) -> None:
    text = "Patient: Jose\u0301 Garci\u0301a, DOB 12/03/1960"
    name = next(s for s in model.spans(text) if s.label == "PERSON")
    assert text[name.start : name.end] == "Jose\u0301 Garci\u0301a"


def test_a_name_is_found_wherever_it_stands_in_a_long_text(model: ClinicalNer) -> None:
    filler = "The abdomen was soft and the chest was clear on examination today. "
    for before in (0, 3, 8, 13):
        text = filler * before + "The patient, Mrs Chaminda Wickramasinghe, went home. " + filler * (20 - before)
        assert any("Wickramasinghe" in value for value, _ in found(model, text)), before


def test_windows_cover_every_piece_and_the_last_is_long_enough() -> None:
    for total in range(1, 1002):
        starts = list(module._starts(total))
        assert starts[0] == 0
        assert min(62, total) <= total - starts[-1] <= 126
        assert all(0 < b - a <= 110 for a, b in itertools.pairwise(starts))


def test_every_piece_has_eight_neighbours_that_exist() -> None:
    for total in range(1, 700):
        starts = list(module._starts(total))
        for place in range(total):
            windows = [(a, min(a + 126, total)) for a in starts if a <= place < a + 126]
            near = [min(place - a if a else total, b - 1 - place if b < total else total) for a, b in windows]
            assert max(near) >= min(8, total)


def test_a_piece_is_read_where_it_is_furthest_from_an_edge(files: NerFiles) -> None:
    """A window that answers with its own number shows which window each piece was read in."""
    ner = ClinicalNer.load(files)
    calls: list[int] = []

    class Numbered:
        def run(self, _names: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            calls.append(len(calls))
            logits = np.zeros((1, feed["input_ids"].shape[1], 19), dtype=np.float32)
            logits[..., calls[-1]] = 50.0
            return [logits]

    ner._session = Numbered()
    read = ner.probabilities([1000] * 236).argmax(axis=1).tolist()
    assert read[0] == 0
    assert read[-1] == 1
    assert sorted(read) == read
    assert abs(read.index(1) - 118) <= 1


def test_the_same_text_gives_the_same_spans_after_other_texts(model: ClinicalNer) -> None:
    text = "Frau Schneider aus Hamburg, geb. 03.04.1951, Tel. 040 1234567"
    first = model.spans(text)
    model.spans("Something else by Dr Tan. " * 40)
    assert model.spans(text) == first


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300))
def test_spans_are_sorted_disjoint_and_inside_any_text(text: str) -> None:
    model = _shared()
    last = 0
    for span in model.spans(text):
        assert last <= span.start < span.end <= len(text)
        assert text[span.start].isalnum()
        assert span.label in LABELS
        last = span.end
    for start, end in model.unknown_words(text):
        assert 0 <= start < end <= len(text)


_loaded: list[ClinicalNer] = []


def _shared() -> ClinicalNer:
    if not _loaded:
        folder = resources.files("filters") / "clinical_ner"
        parts = ((folder / n).read_bytes() for n in ("model.onnx", "tokenizer.json", "labels.json"))
        _loaded.append(ClinicalNer.load(NerFiles(*parts)))
    return _loaded[0]


@pytest.mark.parametrize(
    ("words", "text", "spans"),
    [
        ([("PERSON", 0, 4, 900, True), ("PERSON", 5, 8, 700, False)], "Anna Lee", [(0, 8, 700)]),
        ([("PERSON", 0, 4, 900, True), ("PERSON", 5, 8, 700, True)], "Anna Lee", [(0, 4, 900), (5, 8, 700)]),
        ([("DATE", 0, 2, 900, True), ("DATE", 3, 5, 600, True)], "12/05", [(0, 5, 600)]),
        ([("PERSON", 0, 4, 900, True), ("PERSON", 5, 8, 400, False)], "Anna Lee", [(0, 4, 900), (5, 8, 400)]),
        ([("PERSON", 0, 4, 900, True), ("PERSON", 5, 8, 700, False)], "Anna\nLee", [(0, 4, 900), (5, 8, 700)]),
        ([("PERSON", 0, 4, 900, True), ("LOCATION", 5, 8, 700, False)], "Anna Lee", [(0, 4, 900), (5, 8, 700)]),
        ([("ID", 0, 1, 900, True)], "- x", []),
        ([("PERSON", 0, 5, 900, True)], "(Ann)", [(1, 4, 900)]),
    ],
)
def test_words_join_into_spans(
    words: list[tuple[str, int, int, int, bool]], text: str, spans: list[tuple[int, int, int]]
) -> None:
    made = [module._Word(a, b, label, score, begins) for label, a, b, score, begins in words]
    joined = list(module._joined(made, text))
    assert [(s.start, s.end, s.score) for s in joined] == spans
    assert all(isinstance(s, NerSpan) for s in joined)
