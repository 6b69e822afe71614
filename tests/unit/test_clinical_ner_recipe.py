"""The recipe of the clinical NER without its training: same seed, same text; marks on the right letters; nothing held
out is ever trained on. Needs neither torch nor Faker."""

from __future__ import annotations

import hashlib
import random
import re
import tomllib
from pathlib import Path

import pytest

from filters.lexicon import common_words as common_words_of_the_product
from filters.lexicon import vocabulary
from models.clinical_ner.generate import Example, Generator, load_templates
from models.clinical_ner.labels import KINDS, MASKED, TAGS, tag_ids
from models.clinical_ner.lexicon import LANGS, SCRIPT_LANGS, Lexicon, load_lexicon, part_of
from models.clinical_ner.mix import (
    background_sentences,
    common_words,
    held_out,
    is_kept_back,
    meddocan,
    multiner,
    prose_examples,
    public_pieces,
    renamed,
    romanised,
    sandwich,
    to_examples,
    unmarked,
    written,
)
from models.clinical_ner.score import count, interval, rates
from models.clinical_ner.ship import ship
from models.clinical_ner.slots import SLOTS

HERE = Path(__file__).parents[2] / "models" / "clinical_ner"
EVERY = (*LANGS, *SCRIPT_LANGS)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return load_lexicon(HERE / "names", "train")


def generator(lexicon: Lexicon, seed: int = 1) -> Generator:
    return Generator(lexicon, load_templates(HERE / "templates"), seed)


def test_the_same_seed_gives_the_same_documents(lexicon: Lexicon) -> None:
    first = list(generator(lexicon).documents(80, EVERY))
    assert first == list(generator(lexicon).documents(80, EVERY))
    assert first != list(generator(lexicon, 2).documents(80, EVERY))


def test_the_generator_makes_what_it_made(lexicon: Lexicon) -> None:
    """A change of templates, names or noise is a new recipe: this hash then changes with it, on purpose."""
    made = "\0".join(d.text for d in generator(lexicon, 7).documents(100, EVERY))
    assert hashlib.sha256(made.encode()).hexdigest()[:16] == "785a8ef62411f604"


def test_there_are_a_thousand_sentences_and_many_for_every_language() -> None:
    count = {lang: found.sentences for lang, found in load_templates(HERE / "templates", None).items()}
    assert sum(count.values()) >= 1000
    assert all(count[lang] >= 100 for lang in LANGS)
    assert all(count[lang] >= 40 for lang in SCRIPT_LANGS)


def test_languages_without_clinical_background_have_four_hundred_sentences_that_name_nobody() -> None:
    """English and Spanish read real text of that kind; specification 4.2 asks for 400 in the others."""
    for lang, found in load_templates(HERE / "templates", None).items():
        if lang in {"de", "fr", "it", "nl", "pt"}:
            plain = {*found.plain, *(s for rule in ("neg", "q") for s in found.rules[rule])}
            assert len(plain) >= 400, lang
            assert not any(f"{{{slot}}}" in sentence for sentence in plain for slot in SLOTS)


def test_eponyms_and_brands_are_many_in_both_parts_and_no_word_is_in_both(lexicon: Lexicon) -> None:
    dev = load_lexicon(HERE / "names", "dev")
    assert len(lexicon.eponyms) >= 300
    assert len(lexicon.brands) >= 500
    assert min(len(dev.eponyms), len(dev.brands)) >= 300
    assert not {*lexicon.eponyms, *lexicon.brands} & {*dev.eponyms, *dev.brands}


def test_sentences_of_the_development_part_are_never_trained_on() -> None:
    train, dev = (load_templates(HERE / "templates", part) for part in ("train", "dev"))
    for lang in LANGS:
        assert not set(train[lang].pii) & set(dev[lang].pii)
        assert not set(train[lang].plain) & set(dev[lang].plain)
        kept = [k for k, v in dev[lang].rules.items() if set(v) != set(train[lang].rules[k])]
        apart = [k for k in kept if not set(dev[lang].rules[k]) & set(train[lang].rules[k])]
        assert len(apart) >= 6, lang


def test_every_rule_that_is_named_exists() -> None:
    for lang, found in load_templates(HERE / "templates", None).items():
        every = [*found.composed_pii, *found.composed_plain, *(s for v in found.rules.values() for s in v)]
        named = {name for s in every for name in re.findall(r"%([a-z]+)%", s)}
        assert named <= set(found.rules), lang
        assert named == set(found.rules), lang


def test_names_in_other_scripts_stand_in_their_own_languages_only(lexicon: Lexicon) -> None:
    made = [d.text for d in generator(lexicon).documents(300, ("en", "de"))]
    assert all(ord(c) < 0x600 for text in made for c in text if c.isalpha())
    tamil = [d for d in generator(lexicon).documents(60, ("ta",)) if d.spans]
    assert any("\u0b80" <= d.text[a] <= "\u0bff" for d in tamil for a, _, x in d.spans if x == "PERSON")
    assert any(d.text[a].isascii() for d in tamil for a, _, x in d.spans if x == "PERSON")


def test_marks_lie_inside_the_text_in_order_and_apart(lexicon: Lexicon) -> None:
    for doc in generator(lexicon).documents(2000, EVERY):
        end = 0
        for a, b, label in doc.spans:
            assert end <= a < b <= len(doc.text), doc
            assert label in KINDS
            end = b


def test_no_slot_stays_open(lexicon: Lexicon) -> None:
    for doc in generator(lexicon).documents(2000, EVERY):
        assert not re.search(r"\{\w|%[a-z]+%", doc.text)
        assert "|>" not in doc.text


@pytest.mark.parametrize("lang", EVERY)
def test_every_template_fills(lexicon: Lexicon, lang: str) -> None:
    templates = load_templates(HERE / "templates", None)[lang]
    made = generator(lexicon)
    for template in (*templates.plain, *templates.composed_plain, *templates.rules.get("neg", ())):
        text, spans = made.sentence(lang, template)
        assert text
        assert all(label == "AGE" for _, _, label in spans), template
    for template in (*templates.pii, *(t for t in templates.composed_pii if "%neg%" not in t)):
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


def test_line_breaks_and_lost_spaces_leave_the_marks_on_the_names(lexicon: Lexicon) -> None:
    made = generator(lexicon)
    text = "Seen, today: Ann Lee, of Kandy. Tel. 077 123, then home. " * 3
    spans = tuple((m.start(), m.end(), "PERSON") for m in re.finditer("Ann Lee", text))
    for _ in range(50):
        wrapped, same = made._wrapped(text, spans)
        assert [wrapped[a:b].replace("\n", " ") for a, b, _ in same] == ["Ann Lee"] * 3
        short, moved = made._run_together(text, spans)
        assert [short[a:b] for a, b, _ in moved] == ["Ann Lee"] * 3
        assert len(short) <= len(text)


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


def test_multiner_masks_numbers_and_takes_the_languages_asked_for() -> None:
    rows = [
        row("In the year 2013 at Kandy", "multiner-en-20", spans=[{"start": 20, "end": 25, "label": "LOCATION"}]),
        row("x", "multiner-si-20", lang="si"),
    ]
    assert not held_out("multiner-block-0", 0.1)
    (made,) = multiner(rows, langs=("en",))
    assert [e.lang for e in multiner(rows)] == ["en", "si"]
    assert made.masked == ((12, 16),)
    assert made.spans == ((20, 25, "LOCATION"),)
    assert multiner(rows, share=1.0) == []


def test_a_public_document_is_trained_on_or_measured_on_never_both() -> None:
    """Neighbouring court sentences and filled-in forms of one generic sentence fall on one side."""
    court = [row("x", f"echr_fr_es_train-fr-{i}", source="echr_fr_es_manual") for i in range(400)]
    assert 100 < sum(map(is_kept_back, court)) < 300
    assert all(len({is_kept_back(r) for r in court[a : a + 20]}) == 1 for a in range(0, 400, 20))
    frames = [
        row(f"Meet {name} at the station", str(i), source="presidio_synth_v2", spans=[mark(5, 5 + len(name), "PERSON")])
        for i, name in enumerate(("Ann", "Zoltan", "Nimal Perera"))
    ]
    assert len({is_kept_back(r) for r in frames}) == 1
    assert not [e for e in public_pieces(court) if is_kept_back(court[0]) and e.text == court[0]["id"]]
    assert len(public_pieces(court)) == sum(not is_kept_back(r) for r in court)


def mark(start: int, end: int, label: str) -> dict[str, object]:
    return {"start": start, "end": end, "label": label}


def test_what_a_public_set_tells_to_ignore_gets_no_gradient() -> None:
    key = next(f"tab-{i}-x" for i in range(99) if not held_out(f"tab-{i}-x", 0.5))
    text = "The Court heard Mr Perera, a Turkish national."
    document = row(text, key, source="tab", spans=[mark(16, 25, "PERSON")], ignore=[mark(29, 36, "DEMOGRAPHIC")])
    (made,) = public_pieces([document])
    assert [made.text[a:b] for a, b, _ in made.spans] == ["Mr Perera"[:9]]
    assert [made.text[a:b] for a, b in made.masked] == ["Turkish"]


def test_romanised_examples_keep_their_marks() -> None:
    text = "المريض بدر المنصوري 2013 دبي"
    at = text.index("بدر"), text.index(" 2013")
    made = romanised(Example(text, ((*at, "PERSON"),), "ar", "x", ((at[1] + 1, at[1] + 5),)))
    assert [made.text[a:b] for a, b, _ in made.spans] == ["badar almanasuri"]
    assert [made.text[a:b] for a, b in made.masked] == ["2013"]
    latin = Example("Ann Lee", ((0, 7, "PERSON"),), "en", "x")
    assert romanised(latin) is latin


def test_other_names_take_the_place_of_listed_patients() -> None:
    filler = "the chest is clear and the abdomen is soft , there is no rash and he is doing well . " * 14
    text = filler + "hey jordan , how is the chest ? " + filler
    made = renamed([row(text, trained_on(), patient_names=["Jordan Lee"])], lambda: "Zed Okoro")
    assert made
    assert all("jordan" not in e.text for e in made)
    assert all([e.text[a:b] for a, b, x in e.spans if x == "PERSON"] == ["zed okoro"] for e in made)
    kept_back = next(f"k{i}" for i in range(99) if held_out(f"k{i}", 0.3))
    assert renamed([row(text, kept_back, patient_names=["Jordan Lee"])], lambda: "x") == []


def test_shipping_copies_the_files_and_pins_them(tmp_path: Path) -> None:
    built, root = tmp_path / "built", tmp_path / "root"
    for folder in (built, root / "filters" / "clinical_ner", root / "models" / "clinical_ner"):
        folder.mkdir(parents=True)
    for name in ("model.onnx", "tokenizer.json", "labels.json"):
        (built / name).write_text(name)
    (root / "models" / "clinical_ner" / "CARD.md").write_text("card")
    pins = HERE.parents[1] / "filters" / "ner_pins.py"
    (root / "filters" / "ner_pins.py").write_text(pins.read_text("utf8"))
    made = ship(built, root)
    assert made["model"] == hashlib.sha256(b"model.onnx").hexdigest()
    text = (root / "filters" / "ner_pins.py").read_text()
    assert all(f'"{key}": "{pin}"' in text for key, pin in made.items())
    assert (root / "filters" / "clinical_ner" / "CARD.md").read_text() == "card"
    (built / "model.onnx").write_bytes(bytes(25_000_001))
    with pytest.raises(ValueError, match="25000026"):
        ship(built, root)
    assert (root / "filters" / "clinical_ner" / "model.onnx").read_text() == "model.onnx"


def test_sandwich_keeps_the_marks_on_the_names() -> None:
    docs = [Example("Ann Lee left", ((0, 7, "PERSON"),), "en", "generator")] * 50
    filling = {"en": ["The chest is clear. He is 70 years old. No rash."]}
    made = list(sandwich(docs, filling, random.Random(1), share=1.0))
    assert all([e.text[a:b] for a, b, x in e.spans if x == "PERSON"] == ["Ann Lee"] for e in made)
    assert any(e.text[a:b] == "70" for e in made for a, b, x in e.spans if x == "AGE")
    assert any(len(e.text) > 20 for e in made)


def test_prose_without_a_sentence_fills_too() -> None:
    """A line of dots ended a training run after an hour."""
    docs = [Example("Ann Lee left", ((0, 7, "PERSON"),), "en", "generator")] * 20
    made = list(sandwich(docs, {"en": ["...", "?!"]}, random.Random(1), share=1.0))
    assert all([e.text[a:b] for a, b, _ in e.spans] == ["Ann Lee"] for e in made)


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
    assert (got.names, got.names_covered) == (1, 0)
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
    assert set(recipe["mix"]["documents"]) == set(EVERY)
    assert 1e-4 <= recipe["trunk"]["encoder_rate"] <= 2e-4
    wanted = (HERE / "requirements.txt").read_text("utf8")
    run = (HERE.parents[1] / "requirements" / "run.txt").read_text("utf8")
    for package in ("onnxruntime", "tokenizers"):  # quantised and measured with what the product runs
        assert (
            re.search(rf"^{package}==(\S+)", wanted, re.MULTILINE)[1]
            == re.search(rf"^{package}==(\S+)", run, re.MULTILINE)[1]
        )
    assert recipe["training"]["max_pieces"] <= 160


def test_documents_written_for_training_are_marked_and_cut_between_identifiers() -> None:
    pieces, marks = 0, 0
    for path in sorted([*(HERE / "written").glob("*.txt"), *(HERE / "kept").glob("*.txt")]):
        source = path.read_text("utf8")
        found = written(source, path.name[:2])
        assert sum(len(example.spans) for example in found) == source.count("[[")
        assert not any("[[" in example.text or "]]" in example.text for example in found)
        for example in found:
            assert all(example.text[a:b].strip() == example.text[a:b] != "" for a, b, _ in example.spans), path.name
            assert {label for _, _, label in example.spans} <= set(KINDS)
        pieces, marks = pieces + len(found), marks + sum(len(example.spans) for example in found)
    assert pieces > 800
    assert marks > 3_000


def test_documents_kept_for_measuring_are_not_trained_on() -> None:
    both = [
        {text for path in (HERE / folder).glob("*.txt") for text, _ in unmarked(path.read_text("utf8"))}
        for folder in ("written", "kept")
    ]
    assert len(both[0]) > 600
    assert len(both[1]) > 400
    assert not both[0] & both[1]
    assert '"kept"' not in (HERE / "make.py").read_text("utf8")


def test_other_names_stand_for_the_marked_ones_the_same_throughout() -> None:
    source = (
        "[[PERSON:Nimal Perera]] came, [[PERSON:perera]] left [[ORG:Perera Ltd]]. [[PERSON:Nimal]]?\n=====\n[[AGE:4]]"
    )
    drawn = iter(("Zoe", "Kwame", "Lan"))
    first, second = written(source, "en", lambda: next(drawn))
    assert first.text == "Zoe Kwame came, lan left Perera Ltd. Zoe?"
    assert [(first.text[a:b], label) for a, b, label in first.spans] == [
        ("Zoe Kwame", "PERSON"), ("lan", "PERSON"), ("Perera Ltd", "ORG"), ("Zoe", "PERSON"),
    ]  # fmt: skip
    assert second == Example("4", ((0, 1, "AGE"),), "en", "written")


def test_the_vocabulary_that_makes_the_model_doubt_holds_no_name_of_the_lists() -> None:
    parts = [load_lexicon(HERE / "names", part) for part in ("train", "dev")]
    names = {word.casefold() for part in parts for group in part.groups for word in (*group.given, *group.last)}
    assert len(names) > 800
    assert not names & (vocabulary() - common_words_of_the_product())
