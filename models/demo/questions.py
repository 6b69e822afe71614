"""Questions about a clinic note, and the one right answer to each.

The law of this file: an answer depends on the facts and the kind of question only, so what a model must learn is
to copy.
"""

from __future__ import annotations

from random import Random

from models.demo.facts import Facts, joined, todo

__all__ = ["QUESTIONS", "answer", "question"]

QUESTIONS: dict[str, tuple[str, ...]] = {
    "summary": (
        "Summarise this note in two sentences.",
        "Summarise this note.",
        "Please summarise this clinic note.",
        "Please summarise this note for the handover.",
        "Write a short summary of this note.",
        "Give me a summary.",
        "Summarize the following note.",
        "Summarise the note below in two short sentences.",
        "Can you summarise this letter?",
        "Short summary please.",
        "What does this note say?",
        "Write a two sentence handover for this patient.",
        "Please give a brief summary of the visit.",
        "Summarise this for the discharge letter.",
        "Summarise this clinic note in two sentences for the handover.",
    ),
    "plan": (
        "Who is the patient and what is the plan?",
        "What is the plan?",
        "What is the plan for this patient?",
        "What happens next?",
        "What are the next steps for this patient?",
        "Tell me the patient and the plan.",
        "Which treatment and follow-up are planned?",
        "What is the treatment plan?",
        "What should be done next?",
    ),
    "diagnosis": (
        "What is the diagnosis?",
        "What is wrong with the patient?",
        "Which diagnosis was made?",
        "Who is the patient and what is the diagnosis?",
        "What is the diagnosis of this patient?",
    ),
    "complaint": (
        "Why did the patient come?",
        "What is the complaint?",
        "What is the main complaint?",
        "Why was the patient seen?",
        "Who came, and with what complaint?",
    ),
    "visit": (
        "When and where was the patient seen?",
        "When was the patient seen?",
        "Where was the patient seen?",
        "When was the visit?",
        "What is the date and the place of the visit?",
    ),
    "doctor": ("Who is the doctor?", "Which doctor saw the patient?", "What is the name of the doctor?"),
    "patient": (
        "Who is the patient?",
        "What is the name of the patient?",
        "Which patient is this about?",
        "What is the patient's name?",
    ),
    "phone": ("What is the phone number?", "Which number can I call?", "Give me the phone number."),
    "number": ("What is the record number?", "What is the patient's ID?", "What is the hospital number?"),
}

_SILENT = "The note does not say."


def question(rng: Random, kind: str) -> str:
    """One wording of a kind of question."""
    return rng.choice(QUESTIONS[kind])


def _summary(facts: Facts) -> str:
    when = (f" on {facts.date}" if facts.date else "") + (f" at {facts.place}" if facts.place else "")
    opening = f"{facts.patient} was seen{when} with {facts.complaint}"
    lasting = f" for {facts.duration}" if facts.duration else ""
    found = f" and was diagnosed with {facts.diagnosis}" if facts.diagnosis else ""
    return f"{opening}{lasting}{found}. The plan is {joined(todo(facts))}."


def _visit(facts: Facts) -> str:
    when = (f" on {facts.date}" if facts.date else "") + (f" at {facts.place}" if facts.place else "")
    return f"{facts.patient} was seen{when}." if when else _SILENT


def answer(facts: Facts, kind: str) -> str:
    """The one right answer."""
    lasting = f" for {facts.duration}" if facts.duration else ""
    return {
        "summary": lambda: _summary(facts),
        "plan": lambda: f"The patient is {facts.patient}. The plan is {joined(todo(facts))}.",
        "diagnosis": lambda: f"{facts.patient} was diagnosed with {facts.diagnosis}." if facts.diagnosis else _SILENT,
        "complaint": lambda: f"{facts.patient} was seen with {facts.complaint}{lasting}.",
        "visit": lambda: _visit(facts),
        "doctor": lambda: f"The doctor is {facts.doctor}." if facts.doctor else _SILENT,
        "patient": lambda: f"The patient is {facts.patient}.",
        "phone": lambda: f"The phone number is {facts.phone}." if facts.phone else _SILENT,
        "number": lambda: f"The record number is {facts.number}." if facts.number else _SILENT,
    }[kind]()
