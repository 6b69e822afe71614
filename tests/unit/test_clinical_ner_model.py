"""The shipped model: the files belong together, fit their budget, say truthfully what they are, and still find people.

The notes are generated here from names no training run has used (`part_of`) and from a seed of this test's own.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from importlib import resources
from pathlib import Path

import pytest

from filters.lexicon import common_words
from filters.ner import LABELS, ClinicalNer, NerFiles
from filters.nerhits import ner_hits
from filters.scan import Scanner
from models.clinical_ner.generate import Generator, load_templates
from models.clinical_ner.labels import KINDS, TAGS
from models.clinical_ner.lexicon import LANGS, load_lexicon

HERE = Path(__file__).parents[2] / "models" / "clinical_ner"
SHIPPED = resources.files("filters") / "clinical_ner"
FLOORS = {"PERSON": 0.94, "LOCATION": 0.95, "ORG": 0.95, "DATE": 0.95, "PHONE": 0.95}
IN_ONE_LANGUAGE = 0.9
"""The composed sentences are harder than the short ones were; about fifty names a language make a share uncertain."""
NAMES = ("model.onnx", "tokenizer.json", "labels.json")


@pytest.fixture(scope="module")
def model() -> ClinicalNer:
    return ClinicalNer.load(NerFiles(*((SHIPPED / n).read_bytes() for n in NAMES)))


def hidden(model: ClinicalNer, text: str) -> bytearray:
    out = bytearray(len(text))
    for s in model.spans(text):
        if s.score >= 500:
            out[s.start : s.end] = b"\1" * (s.end - s.start)
    return out


def test_the_files_fit_their_budget() -> None:
    assert sum(len((SHIPPED / n).read_bytes()) for n in (*NAMES, "CARD.md")) <= 25_000_000


def test_labels_name_the_files_beside_them() -> None:
    labels = json.loads((SHIPPED / "labels.json").read_bytes())
    for name in NAMES[:2]:
        assert labels["sha256"][name] == hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest(), name


def test_training_and_product_agree_on_the_labels() -> None:
    labels = json.loads((SHIPPED / "labels.json").read_bytes())
    assert tuple(labels["tags"]) == TAGS
    assert KINDS == LABELS
    for label in LABELS:
        balanced, strict = (labels["thresholds"][p][label] for p in ("balanced", "strict"))
        assert 0 < balanced <= strict < 1


def test_the_card_says_what_the_model_is() -> None:
    card = (SHIPPED / "CARD.md").read_text("utf8")
    assert hashlib.sha256((SHIPPED / "model.onnx").read_bytes()).hexdigest() in card
    for sentence in (
        "trained on synthetic notes and public sets; no patient notes",
        "MEDDOCAN",
        "CC BY 4.0",
        "multiNER",
        "CC0",
        "Apache-2.0",
        "document bootstrap",
    ):
        assert sentence in card, sentence
    for claim in ("de-identified", "anonymous", "guarantee"):
        assert claim not in card.casefold(), claim
    assert card == (HERE / "CARD.md").read_text("utf8")


@pytest.fixture(scope="module")
def measured(model: ClinicalNer) -> dict[tuple[str, str], list[bool]]:
    """Say for every identifier of 210 notes whether it was covered, by language and label."""
    generator = Generator(load_lexicon(HERE / "names", "dev"), load_templates(HERE / "templates"), 20_260)
    out: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for doc in generator.documents(210, LANGS, plain_share=0.2):
        seen = hidden(model, doc.text)
        for a, b, label in doc.spans:
            out[doc.lang, label].append(all(seen[i] or not doc.text[i].isalnum() for i in range(a, b)))
    return out


@pytest.mark.parametrize("lang", LANGS)
def test_people_nobody_has_seen_before_are_found(measured: dict[tuple[str, str], list[bool]], lang: str) -> None:
    seen = measured[lang, "PERSON"]
    assert len(seen) > 20
    assert sum(seen) / len(seen) >= IN_ONE_LANGUAGE


@pytest.mark.parametrize("label", sorted(FLOORS))
def test_other_identifiers_are_found(measured: dict[tuple[str, str], list[bool]], label: str) -> None:
    seen = [c for (_, x), hits in measured.items() if x == label for c in hits]
    assert len(seen) > 15
    assert sum(seen) / len(seen) >= FLOORS[label]


@pytest.mark.parametrize(
    ("kind", "frame", "limit"), [("eponyms", "Known {} disease.", 4), ("brands", "Takes {} 10 mg.", 4)]
)
def test_diseases_and_drugs_are_left_alone(model: ClinicalNer, kind: str, frame: str, limit: int) -> None:
    words = getattr(load_lexicon(HERE / "names", "dev"), kind)
    hit = [w for w in words if any(hidden(model, frame.format(w)))]
    assert len(words) > 80
    assert 100 * len(hit) <= limit * len(words), hit


@pytest.mark.parametrize(
    "text",
    [
        "What is the maximum dose of metformin in chronic kidney disease?",
        "Explain the first-line treatment of community-acquired pneumonia in plain language.",
        "BP 120/80, pulse 72, SpO2 98% on air, GCS 15, chest clear, abdomen soft.",
        "keyword bracket-gravel-kettle-lantern",
        "Was sind die Warnzeichen bei Rückenschmerzen?",
        "Summarise the red flags of low back pain for a medical student.",
    ],
)
def test_questions_about_medicine_name_nobody(model: ClinicalNer, text: str) -> None:
    assert [text[s.start : s.end] for s in model.spans(text) if s.score >= 500] == []


SUBSTANCES = """
ramipril lisinopril candesartan telmisartan carvedilol digoxin amiodarone rivaroxaban clopidogrel rosuvastatin
empagliflozin semaglutide tramadol naproxen colchicine allopurinol tacrolimus rituximab citalopram quetiapine
lamotrigine levetiracetam carbamazepine pregabalin donepezil ropinirole
"""
QUESTIONS = (
    "Welche Nebenwirkungen hat {} bei Niereninsuffizienz?",
    "What are the side effects of {} in renal impairment?",
    "Is {} safe in pregnancy?",
    "¿Qué efectos adversos tiene {}?",
    "Quels sont les effets indésirables du {} ?",
)


def test_questions_about_substances_name_hardly_anybody(model: ClinicalNer) -> None:
    """Not nobody: the model takes a few substances for people, and the card says so. The product's list knows those."""
    asked = [q.format(s) for q in QUESTIONS for s in SUBSTANCES.split()]
    hit = [q for q in asked if any(hidden(model, q))]
    assert len(hit) <= 0.05 * len(asked), hit
    left = [q for q in hit if ner_hits(q, model.spans(q), Scanner([]), common_words())]
    assert len(left) <= 0.01 * len(asked), left
