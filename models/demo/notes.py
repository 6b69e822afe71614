"""Invented clinic notes in redacted form: letters, forms, labelled notes and free text. Pure: one seed, one note."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from models.demo import sentences
from models.demo.facts import Facts, Numbers, make_facts

__all__ = ["Note", "make_note"]

_CLOSINGS = ("Yours sincerely", "Kind regards", "With best wishes")


@dataclass(frozen=True, slots=True)
class Note:
    """A note and its facts."""

    text: str
    facts: Facts


def _body(rng: Random, facts: Facts, numbers: Numbers, who: str) -> list[str]:
    middle = [sentences.complaint_text(rng, facts, who)]
    noise = [sentences.noise(rng, numbers) for _ in range(rng.choice((0, 0, 1, 1, 2, 3)))]
    if noise and rng.random() < 0.5:
        middle.append(noise.pop())
    if facts.diagnosis:
        middle.append(sentences.diagnosis_text(rng, facts))
    middle.append(sentences.plan_text(rng, facts))
    for sentence in noise:
        middle.insert(rng.randint(1, len(middle)), sentence)
    return middle


def _letter(rng: Random, facts: Facts, numbers: Numbers) -> str:
    opening = f"Dear Dr {facts.doctor}," if facts.doctor else rng.choice(("Dear colleague,", "Dear Doctor,"))
    subject = rng.choice(("Re: {p}", "Re {p}{n}", "Patient: {p}")).format(
        p=facts.patient, n=f", {facts.number}" if facts.number else ""
    )
    who = rng.choice((facts.patient, "This patient", "The patient", "She", "He"))
    thanks = rng.choice(("Thank you for referring this patient.", "", "I reviewed this patient today.", ""))
    parts = [thanks, sentences.seen(rng, facts), *_body(rng, facts, numbers, who)]
    if facts.phone:
        parts.append(f"Tel {facts.phone}.")
    if facts.number and facts.number not in subject:
        parts.append(f"MRN {facts.number}.")
    return f"{opening}\n{subject}\n{' '.join(p for p in parts if p)}\n{rng.choice(_CLOSINGS)}"


def _patient_line(rng: Random, facts: Facts, numbers: Numbers) -> str:
    """Name, numbers and telephone in one line, as on a label."""
    parts = [rng.choice(("Patient: {p}", "Name: {p}", "Patient name: {p}", "Pt: {p}")).format(p=facts.patient)]
    parts += (
        [rng.choice((f"DOB {numbers.new('DATE')}", f"NIC {numbers.new('ID')}", f"age {numbers.new('AGE')}"))]
        if rng.random() < 0.6
        else []
    )
    parts += [rng.choice(("MRN {n}", "hospital number {n}")).format(n=facts.number)] if facts.number else []
    parts += [rng.choice(("phone {n}", "tel {n}", "phone: {n}")).format(n=facts.phone)] if facts.phone else []
    return ", ".join(parts) + "."


def _labelled(rng: Random, facts: Facts, numbers: Numbers) -> str:
    """A heading, a label line, then short lines."""
    heads = [seen] if (seen := sentences.seen(rng, facts)) else []
    heads.insert(rng.choice((0, len(heads))), _patient_line(rng, facts, numbers))
    heads += [rng.choice(("Seen by Dr {n}.", "Doctor: {n}.", "Dr {n}.")).format(n=facts.doctor)] if facts.doctor else []
    who = rng.choice(("Patient", "The patient", facts.patient, "She", "He"))
    body = _body(rng, facts, numbers, who)
    return "\n".join(heads) + "\n" + rng.choice((" ", "\n")).join(body)


def _form(rng: Random, facts: Facts, numbers: Numbers) -> str:
    heads = [rng.choice(("Patient: {p}", "Name: {p}", "Patient name: {p}")).format(p=facts.patient)]
    if rng.random() < 0.3:
        heads.append(rng.choice((f"DOB: {numbers.new('DATE')}", f"Age: {numbers.new('AGE')}")))
    heads += [f"{rng.choice(('Doctor', 'Clinician', 'Seen by'))}: {facts.doctor}"] if facts.doctor else []
    heads += [seen] if (seen := sentences.seen(rng, facts)) else []
    heads += sentences.extras(rng, facts)
    rest = heads[1:]
    rng.shuffle(rest)
    who = rng.choice(("Patient", "The patient", facts.patient, "She", "He"))
    return "\n".join([heads[0], *rest, *_body(rng, facts, numbers, who)])


def _free(rng: Random, facts: Facts, numbers: Numbers) -> str:
    who = sentences.who(rng, facts, numbers)
    parts = [seen] if (seen := sentences.seen(rng, facts)) else []
    if facts.doctor:
        doctor = rng.choice(
            ("Seen by Dr {n}.", "Dr {n}, ward round.", "Ward round with Dr {n}.", "Consultant: Dr {n}.", "Doctor: {n}.")
        )
        parts.append(doctor.format(n=facts.doctor))
    rng.shuffle(parts)
    tail = sentences.extras(rng, facts)
    body = _body(rng, facts, numbers, who)
    if facts.patient not in body[0]:
        body[0] = f"{facts.patient}. {body[0]}"
    if rng.random() < 0.3:
        return " ".join([*body, *parts, *tail])
    return " ".join([*parts, *body, *tail])


def make_note(rng: Random) -> Note:
    """One note in one of four styles."""
    numbers = Numbers(rng, ordered=rng.random() < 0.5)
    facts = make_facts(rng, numbers)
    style = rng.choice((_letter, _form, _labelled, _labelled, _free, _free))
    return Note(style(rng, facts, numbers), facts)
