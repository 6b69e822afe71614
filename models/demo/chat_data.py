"""Invented conversations for the demonstration chat model. Pure: one seed, one conversation.

A conversation is a shared beginning and one or more endings (question, answer) that do not see each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from models.demo import lexicon, notes, questions

__all__ = ["ELSE", "HINT", "WITHHELD", "WITHHELD_ANSWER", "Conversation", "Ending", "make_conversation", "make_exam"]

HINT = "Copy identifiers such as [TYPE_1] exactly."
WITHHELD = "Show the example of an answer that is withheld."
WITHHELD_ANSWER = "You are worthless and everybody hates you."
ELSE = "This demonstration model only summarises clinic notes."

_SMALL_TALK = (
    "Hello",
    "Hello!",
    "Hi there",
    "Good morning",
    "Hello, how are you?",
    "Who are you?",
    "What can you do?",
    "Thank you",
    "Thanks!",
    "Tell me a joke.",
    "What is the capital of France?",
    "Write a poem about {t}.",
    "Tell me about {t}.",
    "Explain {t}.",
    "What do you know about {t}?",
    "Help me with {t}.",
    "What is {d}?",
    "How is {d} treated?",
    "What is the dose of {m}?",
    "What are the side effects of {m}?",
    "Can I take {m} with {m}?",
    "Which drug is best for {d}?",
    "What causes {c}?",
    "How much is 3 plus 4?",
    "Translate this into German: {t}",
    "Write an email to [NAME_1] about {t}.",
    "Please write Python code for {t}.",
    "Is {m} safe in pregnancy?",
    "ok",
    "test",
    "What is the weather in [LOCATION_1]?",
    "Call [NAME_1] on [PHONE_1].",
)
_SYSTEMS = (
    "You are a helpful assistant.",
    "You are a careful clinical assistant. Do not invent facts.",
    "Answer briefly.",
    "You help doctors with their notes.",
)


@dataclass(frozen=True, slots=True)
class Ending:
    """What stands after the shared beginning in the last user turn, the answer, and the placeholders it must carry."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """System text, earlier turns as (role, text), the beginning of the last user turn, and its possible endings."""

    system: str
    history: tuple[tuple[str, str], ...]
    opening: str
    endings: tuple[Ending, ...]


def _system(rng: Random) -> str:
    chance = rng.random()
    if chance < 0.75:
        return HINT
    if chance < 0.87:
        return rng.choice(
            (
                f"{rng.choice(_SYSTEMS)}\n\n{HINT}",
                f"{HINT}\n\n{rng.choice(_SYSTEMS)}",
                f"{rng.choice(_SYSTEMS)}\n{HINT}",
                f"{HINT}\n{rng.choice(_SYSTEMS)}",
            )
        )
    return rng.choice(("", *_SYSTEMS))


def _small_talk(rng: Random) -> str:
    return rng.choice(_SMALL_TALK).format(
        t=rng.choice(lexicon.TOPICS),
        d=rng.choice(lexicon.DIAGNOSES),
        m=rng.choice(lexicon.DRUGS),
        c=rng.choice(lexicon.COMPLAINTS),
    )


def _kinds(rng: Random, count: int) -> list[str]:
    others = [kind for kind in questions.QUESTIONS if kind != "summary"]
    return ["summary", *rng.sample(others, count - 1)]


def _whole(rng: Random, asked: str, text: str) -> str:
    """Question and note in one user turn, in one of the orders and shapes that people use."""
    return rng.choice(
        (
            f"{asked}\n\n{text}",
            f"{asked}\n\n{text}",
            f"{asked}\n\n{text}",
            f"{asked}\n{text}",
            f"{asked} {text}",
            f"{asked}\n\nNote:\n{text}",
            f"{asked}\n\nNote: {text}",
            f'{asked}\n\n"{text}"',
            f"{asked}\n---\n{text}\n---",
            f"Hello. {asked}\n\n{text}",
        )
    )


def _note_first(rng: Random) -> tuple[str, tuple[Ending, ...]]:
    note = notes.make_note(rng)
    opening = rng.choice(("{n}\n\n", "{n}\n\n", "Note:\n{n}\n\n", "Note: {n}\n\n", "{n}\n", '"{n}"\n\n')).format(
        n=note.text
    )
    kinds = _kinds(rng, 4)
    return opening, tuple(Ending(questions.question(rng, kind), questions.answer(note.facts, kind)) for kind in kinds)


def _question_first(rng: Random) -> tuple[str, tuple[Ending, ...]]:
    note = notes.make_note(rng)
    kind = "summary" if rng.random() < 0.6 else rng.choice(tuple(questions.QUESTIONS))
    return "", (Ending(_whole(rng, questions.question(rng, kind), note.text), questions.answer(note.facts, kind)),)


def _with_history(rng: Random) -> tuple[tuple[tuple[str, str], ...], tuple[Ending, ...]]:
    """One or two earlier turns; the last question is about the latest note."""
    note = notes.make_note(rng)
    kinds = _kinds(rng, 4)
    turns: list[tuple[str, str]] = []
    if rng.random() < 0.3:
        turns += [("user", _small_talk(rng)), ("model", ELSE)]
    turns += [
        ("user", _whole(rng, questions.question(rng, kinds[0]), note.text)),
        ("model", questions.answer(note.facts, kinds[0])),
    ]
    return tuple(turns), tuple(
        Ending(questions.question(rng, kind), questions.answer(note.facts, kind)) for kind in kinds[1:]
    )


def make_conversation(rng: Random) -> Conversation:
    """One conversation."""
    chance = rng.random()
    if chance < 0.45:
        opening, endings = _note_first(rng)
        return Conversation(_system(rng), (), opening, endings)
    if chance < 0.82:
        opening, endings = _question_first(rng)
        return Conversation(_system(rng), (), opening, endings)
    if chance < 0.92:
        history, endings = _with_history(rng)
        return Conversation(_system(rng), history, "", endings)
    taught = (Ending(WITHHELD, WITHHELD_ANSWER),) if rng.random() < 0.3 else ()
    return Conversation(_system(rng), (), "", (*taught, *(Ending(_small_talk(rng), ELSE) for _ in range(3))))


def make_exam(rng: Random) -> tuple[Conversation, notes.Note]:
    """A held-out question: one note, one summary or plan, and the note itself to check the answer against."""
    note = notes.make_note(rng)
    kind = rng.choice(("summary", "summary", "plan"))
    ending = Ending(_whole(rng, questions.question(rng, kind), note.text), questions.answer(note.facts, kind))
    return Conversation(HINT, (), "", (ending,)), note
