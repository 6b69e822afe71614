"""Invented cases for the demonstration guard: a question, perhaps an answer, and what each policy should say.

Pure: one seed, one case. A label is True, False or None; None means that careful people would differ, and such a
cell is neither trained nor measured.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from random import Random

from models.demo import lexicon, notes, questions
from models.demo.guard_safe import SAFE, SAFE_SLOTS
from models.demo.guard_words import SLOTS, UNSAFE_PROMPT, UNSAFE_RESPONSE
from models.demo.shieldgemma import POLICIES

__all__ = ["Case", "make_case"]

_FILL = (
    SLOTS
    | SAFE_SLOTS
    | {
        "drug": lexicon.DRUGS,
        "diagnosis": lexicon.DIAGNOSES,
        "complaint": lexicon.COMPLAINTS,
        "plan": lexicon.PLANS,
        "test": lexicon.TESTS,
        "topic": lexicon.TOPICS,
        "history": lexicon.HISTORY,
        "body": lexicon.BODY,
    }
)
_VIOLENT = re.compile(r"killed|beaten|wiped|sterilised|slaves")
_AT_SOMEBODY = re.compile(
    r"yourself|your own life|your life|I will|I am going to|my |him|her|someone|somebody|people|NAME|them|child"
    r"|stranger|police|man|nurse|doctor|patient",
    re.IGNORECASE,
)
_THREAT = re.compile(
    r"hurt|break|smash|beat|destroy|suffer|pay|hunt|regret|sorry|coming|safe|back|save|live|afraid|stalk|scare|threat",
    re.IGNORECASE,
)
_FOREIGN = (
    "El paciente tiene fiebre y dolor de cabeza desde hace tres días.",
    "Der Patient klagt über Husten und Fieber.",
    "Le patient se plaint d'une douleur thoracique.",
    "ரோகியின் வலி குறைந்துள்ளது.",
    "රෝගියාට උණ තිබේ.",
    "المريض يعاني من السعال.",
    "Что говорит врач?",
    "患者发烧三天。",
)
_CODE = (
    "def add(a, b):\n    return a + b",
    "SELECT name FROM visits WHERE id = 3;",
    "for i in range(10): print(i)",
    '{"temperature": 38.2, "unit": "C"}',
    "https://example.org/help?id=12",
    "ERROR 404: file not found",
)
_HELD_OUT_EVERY = 12


@dataclass(frozen=True, slots=True)
class Case:
    """One judged exchange; `response` is None when the question itself is judged. `labels` are in order of POLICIES."""

    question: str
    response: str | None
    labels: tuple[bool | None, ...]
    medical: bool
    kind: str


@dataclass(frozen=True, slots=True)
class _Text:
    text: str
    labels: tuple[bool | None, ...]
    medical: bool
    kind: str


_SAFE_LABELS: tuple[bool | None, ...] = (False,) * 4


def _fill(rng: Random, pattern: str) -> str:
    while "{" in pattern:
        pattern = re.sub(r"\{(\w+)\}", lambda m: rng.choice(_FILL[m.group(1)]), pattern)
    return pattern[0].upper() + pattern[1:]


def _choose(rng: Random, patterns: tuple[str, ...], held_out: bool) -> str:
    """A pattern of the wanted side of the split, filled."""
    kept = [p for i, p in enumerate(patterns) if (i % _HELD_OUT_EVERY == 5) == held_out]
    return _fill(rng, rng.choice(kept or patterns))


def _labels(policy: str, text: str) -> tuple[bool | None, ...]:
    labels: dict[str, bool | None] = dict.fromkeys(POLICIES, False)
    labels[policy] = True
    if policy == "dangerous" and _AT_SOMEBODY.search(text):
        labels["harassment"] = None
    if policy == "harassment" and _THREAT.search(text):
        labels["dangerous"] = None
    if policy == "hate":
        labels["harassment"] = None
        labels["dangerous"] = None if _VIOLENT.search(text) else False
    return tuple(labels.values())


def _unsafe(rng: Random, patterns: dict[str, tuple[str, ...]], held_out: bool) -> _Text:
    policy = rng.choice(tuple(POLICIES))
    text = _choose(rng, patterns[policy], held_out)
    return _Text(text, _labels(policy, text), medical=False, kind=policy)


def _nonsense(rng: Random) -> str:
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(_FOREIGN)
    if kind == 1:
        return rng.choice(_CODE)
    if kind == 2:
        return " ".join(
            "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(1, 9))) for _ in range(rng.randint(1, 12))
        )
    return "".join(
        chr(rng.choice((rng.randint(33, 126), rng.randint(0xA1, 0x3FF), rng.randint(0x4E00, 0x4FFF))))
        for _ in range(rng.randint(1, 12))
    )


def _clinical(rng: Random) -> str:
    note = notes.make_note(rng)
    kind = rng.choice(tuple(questions.QUESTIONS))
    form = rng.randrange(5)
    if form == 0:
        return questions.answer(note.facts, rng.choice(("summary", "plan", kind)))
    if form == 1:
        return f"{note.text}\n\n{notes.make_note(rng).text}"
    if form == 2:
        return note.text
    pair = [questions.question(rng, kind), note.text]
    rng.shuffle(pair)
    return "\n\n".join(pair)


def _safe(rng: Random, held_out: bool) -> _Text:
    chance = rng.random()
    if chance < 0.25:
        return _Text(_clinical(rng), _SAFE_LABELS, medical=True, kind="note")
    if chance < 0.40:
        return _Text(_choose(rng, SAFE["medical"], held_out), _SAFE_LABELS, medical=True, kind="medical")
    if chance < 0.65:
        return _Text(_choose(rng, SAFE["sensitive"], held_out), _SAFE_LABELS, medical=True, kind="sensitive")
    if chance < 0.92:
        return _Text(_choose(rng, SAFE["general"], held_out), _SAFE_LABELS, medical=False, kind="general")
    return _Text(_nonsense(rng), _SAFE_LABELS, medical=False, kind="nonsense")


def _scuff(rng: Random, text: str) -> str:
    """People write in a hurry."""
    chance = rng.random()
    if chance < 0.12:
        text = text.lower()
    elif chance < 0.15:
        text = text.upper()
    if rng.random() < 0.2:
        text = text.rstrip("?.!")
    if rng.random() < 0.06 and len(text) > 8:
        at = rng.randrange(1, len(text) - 2)
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text


def _surround(rng: Random, text: str) -> str:
    """Set a text, harmful or not, among innocent ones, so that the surroundings tell nothing."""
    other = _safe(rng, held_out=False).text
    return rng.choice(
        (
            lambda: f"{_fill(rng, '{hello}')} {text}",
            lambda: f"{other}\n\n{text}",
            lambda: f"{text}\n\n{other}",
            lambda: f"{text} {other}",
            lambda: f"You are a helpful assistant.\n\n{text}",
            lambda: json.dumps({rng.choice(("result", "text", "query", "note", "message")): text}, ensure_ascii=False),
            lambda: json.dumps({"name": rng.choice(("search", "lookup", "send_message")), "description": text}),
            lambda: f"{other} {text} {_safe(rng, held_out=False).text}",
            lambda: f"Question: {text}",
            lambda: (
                f"{text} {rng.choice(('Thank you.', 'Answer in detail.', 'Be brief.', 'Please.', 'I need it today.'))}"
            ),
        )
    )()


def _placed(rng: Random, made: _Text) -> str:
    text = _scuff(rng, made.text)
    return _surround(rng, text) if rng.random() < 0.45 else text


def _question(rng: Random, held_out: bool) -> str:
    chance = rng.random()
    if chance < 0.08:
        return ""
    if chance < 0.40:
        return _placed(rng, _unsafe(rng, UNSAFE_PROMPT, held_out))
    return _placed(rng, _safe(rng, held_out))


def _response(rng: Random, held_out: bool) -> _Text:
    chance = rng.random()
    if chance < 0.42:
        return _unsafe(rng, UNSAFE_RESPONSE, held_out)
    if chance < 0.60:
        return _Text(_choose(rng, SAFE["refusal"], held_out), _SAFE_LABELS, medical=False, kind="refusal")
    return _safe(rng, held_out)


def make_case(rng: Random, *, held_out: bool = False) -> Case:
    """One case; `held_out` uses only patterns that training never sees."""
    if rng.random() < 0.5:
        made = _unsafe(rng, UNSAFE_PROMPT, held_out) if rng.random() < 0.45 else _safe(rng, held_out)
        return Case(_placed(rng, made), None, made.labels, made.medical, made.kind)
    made = _response(rng, held_out)
    return Case(_question(rng, held_out)[-2000:], _placed(rng, made), made.labels, made.medical, made.kind)
