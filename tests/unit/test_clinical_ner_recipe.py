"""The recipe of the clinical NER without its training: same seed, same text; marks on the right letters; nothing held
out is ever trained on. Needs neither torch nor Faker."""

from __future__ import annotations

import hashlib
import random
import tomllib
from pathlib import Path

import pytest

from models.clinical_ner.generate import Example, Generator, load_templates
from models.clinical_ner.labels import KINDS, MASKED, TAGS, tag_ids
from models.clinical_ner.lexicon import LANGS, Lexicon, load_lexicon, part_of
from models.clinical_ner.mix import (
    background_sentences,
    common_words,
    held_out,
    meddocan,
    multiner,
    prose_examples,
    sandwich,
    to_examples,
)
from models.clinical_ner.score import count, interval, rates
from models.clinical_ner.slots import SLOTS

HERE = Path(__file__).parents[2] / "models" / "clinical_ner"


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return load_lexicon(HERE / "names", "train")


def generator(lexicon: Lexicon, seed: int = 1) -> Generator:
    return Generator(lexicon, load_templates(HERE / "templates"), seed)


def test_the_same_seed_gives_the_same_documents(lexicon: Lexicon) -> None:
    first = list(generator(lexicon).documents(40, LANGS))
    assert first == list(generator(lexicon).documents(40, LANGS))
    assert first != list(generator(lexicon, 2).documents(40, LANGS))


def test_marks_lie_inside_the_text_in_order_and_apart(lexicon: Lexicon) -> None:
    for doc in generator(lexicon).documents(1400, LANGS):
        end = 0
        for a, b, label in doc.spans:
            assert end <= a < b <= len(doc.text), doc
            assert label in KINDS
            end = b


def test_no_slot_stays_open(lexicon: Lexicon) -> None:
    for doc in generator(lexicon).documents(1400, LANGS):
        assert "{" not in doc.text
        assert "|>" not in doc.text


@pytest.mark.parametrize("lang", LANGS)
def test_every_template_fills(lexicon: Lexicon, lang: str) -> None:
    templates = load_templates(HERE / "templates")[lang]
    made = generator(lexicon)
    for template in templates.plain:
        text, spans = made.sentence(lang, template)
        assert text
        assert all(label == "AGE" for _, _, label in spans), template
    for template in templates.pii:
        _, spans = made.sentence(lang, template)
        assert spans, template


def test_marked_surfaces_are_the_drawn_values(lexicon: Lexicon) -> None:
    text, spans = generator(lexicon).sentence("en", "<Pt|Pt> {patient}, DOB {date}, of {city}; tel {phone}.")
    assert [label for _, _, label in spans] == ["PERSON", "DATE", "LOCATION", "PHONE"]
    rest = text
    for a, b, _ in reversed(spans):
        rest = rest[:a] + "#" + rest[b:]
    assert rest == "Pt #, DOB #, of #; tel #."


def test_noise_moves_marks_with_the_letters(lexicon: Lexicon) -> None:
    made = generator(lexicon)
    text, spans = "abc NAME xyz NAME", ((4, 8, "PERSON"), (13, 17, "PERSON"))
    for _ in range(200):
        noisy, moved = made._noisy(text, spans, rate=0.1)
        for a, b, _ in moved:
            assert noisy[a - 1] == " " or a == 0
            assert b == len(noisy) or noisy[b] == " "


def test_training_and_development_words_are_disjoint(lexicon: Lexicon) -> None:
    dev = load_lexicon(HERE / "names", "dev")

    def names(x: Lexicon) -> set[str]:
        return {w.casefold() for g in x.groups for w in (*g.given, *g.last)}

    assert names(lexicon)
    assert names(dev)
    assert not names(lexicon) & names(dev)
    assert not set(lexicon.cities) & set(dev.cities)
    assert not set(lexicon.eponyms) & set(dev.eponyms)
    assert not set(lexicon.brands) & set(dev.brands)
    assert part_of("Perera") == part_of("PERERA")


def test_hand_lists_are_large_enough(lexicon: Lexicon) -> None:
    raw = tomllib.loads((HERE / "names" / "negatives.toml").read_text("utf8"))
    assert len(set(raw["eponyms"].split("|"))) >= 300
    assert len(set(raw["brands"].split("|"))) >= 400
    assert len(lexicon.groups) >= 10
    assert set(SLOTS) >= {"patient", "date", "id", "hospital"}


def row(text: str, key: str, **more: object) -> dict[str, object]:
    return {"id": key, "text": text, "lang": "en", "spans": [], **more}


def trained_on() -> str:
    return next(f"k{i}" for i in range(99) if not held_out(f"k{i}", 0.3))


def test_background_leaves_out_what_could_name_someone() -> None:
    key = trained_on()
    safe = "The abdomen is soft and the chest is clear today, with no swelling of the legs and no rash. "
    unsafe = (
        "He saw Dr. Kumar for it. ",
        "She came on July 31, 2008 for it. ",
        "He works with Brandon at home. ",
        "She went to the Mercy Hospital again. ",
        "It began last week at home. ",
    )
    for sentence in unsafe:
        rows = [row(safe * 2 + sentence + safe * 2, key), row("for it again at home, she saw he works with", key + "x")]
        got = background_sentences(rows)
        assert any("abdomen" in g for g in got)
        assert not any(sentence.strip() in g for g in got), sentence


def test_background_leaves_out_listed_patients_and_held_out_documents() -> None:
    text = "the chest is clear and jordan is well today, the abdomen is soft and there is no rash at all. "
    assert background_sentences([row(text, trained_on(), patient_names=["Jordan Lee"])]) == []
    kept_back = next(f"k{i}" for i in range(99) if held_out(f"k{i}", 0.3))
    assert background_sentences([row(text, trained_on())]) == [text.strip()]
    assert background_sentences([row(text, kept_back)]) == []
    share = sum(held_out(f"doc-{i}", 0.3) for i in range(4000)) / 4000
    assert 0.27 < share < 0.33


def test_common_words_need_two_lower_case_uses() -> None:
    assert common_words([row("tylenol Tylenol aspirin", "a"), row("aspirin", "b")]) == {"aspirin"}


def test_ages_in_background_are_marked() -> None:
    (made,) = to_examples(["a 76-year-old man, 9 years old, took 20 mg"], "en", "background")
    assert [made.text[a:b] for a, b, _ in made.spans] == ["76", "9"]


def test_meddocan_pieces_split_no_identifier_and_lose_none() -> None:
    text = "Nombre: Pedro Ruiz Lopez. " * 60
    spans = [{"start": i * 26 + 8, "end": i * 26 + 24, "label": "PERSON"} for i in range(60)] + [
        {"start": 0, "end": 6, "label": "ID"},
        {"start": 0, "end": 6, "label": "PROFESSION"},
    ]
    made = meddocan([{"id": "m", "text": text, "spans": spans}])
    assert "".join(e.text for e in made) == text
    got = [e.text[a:b] for e in made for a, b, _ in e.spans]
    assert got == ["Pedro Ruiz Lopez"] * 60


def test_multiner_masks_numbers_and_takes_english_only() -> None:
    rows = [
        row("In the year 2013 at Kandy", "multiner-en-20", spans=[{"start": 20, "end": 25, "label": "LOCATION"}]),
        row("x", "multiner-si-20", lang="si"),
    ]
    assert not held_out("multiner-block-0", 0.1)
    (made,) = multiner(rows)
    assert made.masked == ((12, 16),)
    assert made.spans == ((20, 25, "LOCATION"),)
    assert multiner(rows, share=1.0) == []


def test_sandwich_keeps_the_marks_on_the_names() -> None:
    docs = [Example("Ann Lee left", ((0, 7, "PERSON"),), "en", "generator")] * 50
    filling = {"en": ["The chest is clear. He is 70 years old. No rash."]}
    made = list(sandwich(docs, filling, random.Random(1), share=1.0))
    assert all([e.text[a:b] for a, b, x in e.spans if x == "PERSON"] == ["Ann Lee"] for e in made)
    assert any(e.text[a:b] == "70" for e in made for a, b, x in e.spans if x == "AGE")
    assert any(len(e.text) > 20 for e in made)


def test_prose_is_drawn_without_repetition() -> None:
    made = prose_examples({"de": [f"Absatz {i}" for i in range(9)]}, random.Random(1), 5)
    assert len({e.text for e in made}) == 5
    assert {e.lang for e in made} == {"de"}


def test_tags_follow_the_pieces() -> None:
    offsets = [(0, 2), (3, 6), (6, 9), (10, 14), (15, 17)]
    tags = tag_ids(offsets, [(3, 14, "PERSON")], [(15, 17)])
    assert [TAGS[t] if t != MASKED else "?" for t in tags] == ["O", "B-PERSON", "I-PERSON", "I-PERSON", "?"]
    assert len(TAGS) == 19


def test_scoring_matches_a_worked_example() -> None:
    document = row(
        "Pt John Smith, DOB 01/02/1980, 45 yo, seen at Oak Ward.",
        "a",
        spans=[
            {"start": 3, "end": 13, "label": "PERSON"},
            {"start": 19, "end": 29, "label": "DATE"},
            {"start": 46, "end": 54, "label": "ORG"},
            {"start": 31, "end": 33, "label": "AGE"},
        ],
    )
    got = count(document, [(3, 7, "PERSON"), (15, 29, "DATE"), (31, 33, "AGE")], frozenset({"AGE"}))
    assert (got.gold, got.hidden, got.wrong, got.spans, got.covered) == (24, 12, 3, 3, 1)
    clean = count(row("No one here.", "b"), [(0, 2, "PERSON")], frozenset())
    report = rates([got, clean])
    assert report["char_recall"] == pytest.approx(50.0)
    assert report["char_precision"] == pytest.approx(100 * 12 / 17)
    assert report["zero_leak"] == 0.0
    assert report["free_hit"] == 100.0
    low, high = interval([got, clean] * 20, 200)["char_precision"]
    assert 0 < low <= report["char_precision"] <= high <= 100


def test_titles_do_not_count_as_identifying() -> None:
    document = row("Mr John Smith of Leeds", "x", spans=[{"start": 0, "end": 13, "label": "PERSON"}])
    assert count(document, [(3, 13, "PERSON")], frozenset()).zero_leak
    assert not count(document, [(0, 7, "PERSON")], frozenset()).zero_leak


def test_the_recipe_names_the_encoder_it_was_made_from() -> None:
    recipe = tomllib.loads((HERE / "recipe.toml").read_text("utf8"))
    assert len(bytes.fromhex(recipe["encoder"]["sha256"])) == hashlib.sha256().digest_size
    assert set(recipe["mix"]["documents"]) == set(LANGS)
    assert 1e-4 <= recipe["training"]["encoder_rate"] <= 2e-4
    assert recipe["training"]["max_pieces"] <= 160
