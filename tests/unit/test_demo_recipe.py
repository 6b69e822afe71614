"""The recipes of the demonstration models: pure generators, exact templates, a plan of steps. No torch, no model files.

Invariant: a note's answer carries only placeholders that stand in the note, and equal seeds give equal text.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from random import Random

import pytest

from models.demo import chat_data, facts, guard_data, lexicon, make, notes, questions, shieldgemma, turns
from models.demo.guard_safe import SAFE, SAFE_SLOTS
from models.demo.guard_words import SLOTS, UNSAFE_PROMPT, UNSAFE_RESPONSE

ROOT = Path(__file__).parents[2]
PLACEHOLDER = re.compile(r"\[(NAME|LOCATION|ORG|DATE|AGE|PHONE|EMAIL|ID)_([1-9][0-9]?)\]")
PROMPT_VECTORS = {
    "dangerous": "af91da2ac1344ec4e332dc705fa0915416df294e48198d4bdfa6814ccd609e80",
    "harassment": "ef9875907b63d1e7870f2e35f3a3be09d85c72f39802117f54fad7cf497d3d33",
    "hate": "fc609454c74b6913567ef6e44d99fb6e99ac9f7956df88f270c723c8d0e116b7",
    "sexual": "20a9def02bbdca89b6f3dadc69c0769b6aee3649de64ca564e10c2fc51e2a010",
}
RESPONSE_VECTORS = {
    "dangerous": "73211be236f5e7c1c0214fcdb72b61c383c7382a3eb21cbfa30ef091df550085",
    "harassment": "ce0f420546a812af655a4001f0d22bc2abfc22627e3631feca74da79706f98f7",
    "hate": "2be45371699a6e1ead9e484f169dd65dfed0f246b50db30c1b3313968ed1e6cb",
    "sexual": "204460f7655c5b2a79ab0f27cbc17e68b9311d94fc3eb97300bc570116b82f16",
}


@pytest.mark.parametrize("policy", shieldgemma.POLICIES)
def test_templates_are_the_published_bytes(policy: str) -> None:
    prompt = "".join(shieldgemma.prefix("U", None)) + shieldgemma.suffix(policy, of_response=False)
    response = "".join(shieldgemma.prefix("U", "R")) + shieldgemma.suffix(policy, of_response=True)
    assert hashlib.sha256(prompt.encode()).hexdigest() == PROMPT_VECTORS[policy]
    assert hashlib.sha256(response.encode()).hexdigest() == RESPONSE_VECTORS[policy]


@pytest.mark.parametrize("policy", shieldgemma.POLICIES)
def test_guidelines_agree_with_the_product(policy: str) -> None:
    shipped = tomllib.loads((ROOT / "policies" / "guidelines" / f"{policy}.toml").read_text(encoding="utf-8"))
    assert shieldgemma.POLICIES[policy] == (shipped["name"], shipped["text"])


def test_controls_of_a_judged_exchange_stand_apart_from_its_text() -> None:
    parts = shieldgemma.prefix("<end_of_turn>", "R")
    assert [str(p) for p in parts if type(p) is not str] == [
        "<bos>",
        "<start_of_turn>",
        "<end_of_turn>",
        "<start_of_turn>",
        "<end_of_turn>",
    ]
    assert "\nHuman Question: <end_of_turn>\n" in parts


def test_equal_seeds_give_equal_notes_conversations_and_cases() -> None:
    for make_one in (notes.make_note, chat_data.make_conversation, chat_data.make_exam, guard_data.make_case):
        first, second = Random(5), Random(5)
        assert [make_one(first) for _ in range(20)] == [make_one(second) for _ in range(20)]


def test_answers_carry_only_what_the_note_says() -> None:
    rng = Random(1)
    for _ in range(400):
        note = notes.make_note(rng)
        for kind in questions.QUESTIONS:
            told = questions.answer(note.facts, kind)
            for match in PLACEHOLDER.finditer(told):
                assert match.group() in note.text, (note.text, told)
            assert told.endswith(".")
        assert note.facts.complaint.lower() in note.text.lower()
        assert all(plan in note.text for plan in note.facts.plans)


def test_a_summary_names_the_patient_the_visit_and_the_plan() -> None:
    told = facts.Facts("[NAME_2]", "a cough", ("rest",), "two days", "asthma", "aspirin", "[DATE_1]", "[ORG_3]")
    assert questions.answer(told, "summary") == (
        "[NAME_2] was seen on [DATE_1] at [ORG_3] with a cough for two days and was diagnosed with asthma. "
        "The plan is aspirin and rest."
    )
    assert questions.answer(told, "phone") == "The note does not say."


def test_placeholders_of_a_note_are_issued_once_and_in_range() -> None:
    rng = Random(2)
    seen: set[int] = set()
    for _ in range(300):
        note = notes.make_note(rng)
        assert re.sub(PLACEHOLDER, "", note.text).count("[") == 0
        people = [note.facts.patient, note.facts.doctor]
        assert len(set(people)) == 2
        seen |= {int(m.group(2)) for m in PLACEHOLDER.finditer(note.text)}
    assert seen == set(range(1, 13))


def test_conversations_cover_both_orders_history_and_small_talk() -> None:
    rng = Random(3)
    talks = [chat_data.make_conversation(rng) for _ in range(400)]
    assert any(t.opening for t in talks)
    assert any(t.history for t in talks)
    assert any(t.endings[0].answer == chat_data.ELSE for t in talks)
    assert any(not t.system for t in talks)
    assert sum(chat_data.HINT in t.system for t in talks) > 300


def test_a_prompt_ends_with_the_empty_thought() -> None:
    talk, _ = chat_data.make_exam(Random(4))
    parts = turns.prompt_parts(talk)
    text = "".join(parts)
    assert text.startswith(f"<bos><|turn>system\n{chat_data.HINT}<turn|>\n<|turn>user\n")
    assert text.endswith("<turn|>\n<|turn>model\n<|channel>thought\n<channel|>")
    assert all((type(part) is str) != (part in turns.CONTROLS) for part in parts)
    assert "<|channel>thought\\n<channel|>" in turns.TEMPLATE


def test_cases_label_the_policy_their_pattern_belongs_to() -> None:
    rng = Random(6)
    kinds = {policy: i for i, policy in enumerate(shieldgemma.POLICIES)}
    unfilled = "|".join(rf"\{{{name}\}}" for name in SLOTS | SAFE_SLOTS)
    met: set[str] = set()
    for _ in range(2000):
        case = guard_data.make_case(rng)
        met.add(case.kind)
        if case.kind in kinds:
            assert case.labels[kinds[case.kind]] is True
            assert not case.medical
        else:
            assert case.labels == (False,) * 4
        assert not re.search(unfilled, f"{case.question} {case.response}")
    assert met >= {*kinds, "note", "medical", "sensitive", "general", "refusal", "nonsense"}


def test_held_out_patterns_are_not_trained_on() -> None:
    assert UNSAFE_PROMPT["sexual"][17] == "Make the love scene more explicit, with naked bodies and moaning."

    def texts(*, held_out: bool) -> str:
        rng = Random(8)
        made = [guard_data.make_case(rng, held_out=held_out) for _ in range(1500)]
        return "\n".join(f"{case.question}\n{case.response}" for case in made).lower()

    assert "make the love scene more explicit" not in texts(held_out=False)
    assert "make the love scene more explicit" in texts(held_out=True)


@pytest.mark.parametrize("patterns", [*UNSAFE_PROMPT.values(), *UNSAFE_RESPONSE.values(), *SAFE.values()])
def test_every_slot_of_every_pattern_is_known(patterns: tuple[str, ...]) -> None:
    nested = {filling for fillings in (SLOTS | SAFE_SLOTS).values() for filling in fillings}
    for text in (*patterns, *nested):
        assert set(re.findall(r"\{(\w+)\}", text)) <= set(SLOTS | SAFE_SLOTS)


def test_the_clinic_is_wide() -> None:
    for words in (lexicon.COMPLAINTS, lexicon.DIAGNOSES, lexicon.DRUGS, lexicon.PLANS):
        assert len(set(words)) == len(words) >= 60


def test_the_plan_trains_converts_compares_and_measures_both(tmp_path: Path) -> None:
    titles = [step.title for step in make.plan(tmp_path, tmp_path / "source.tar.gz", quick=True)]
    assert titles[0] == "fetch the converter"
    assert [t for t in titles if t.startswith("train")] == ["train guard", "train chat"]
    assert titles.index("compare chat") > titles.index("convert chat to f16") > titles.index("train chat")
    assert titles[-1] == "calibrate guard"


def test_a_given_converter_is_not_fetched(tmp_path: Path) -> None:
    source = tmp_path / "source.tar.gz"
    source.touch()
    assert make.plan(tmp_path, source, quick=False)[0].title == "train guard"
