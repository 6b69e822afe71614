"""The facts of a note as sentences, each in many wordings, and sentences that no question asks about."""

from __future__ import annotations

from random import Random

from models.demo import lexicon
from models.demo.facts import Facts, Numbers, joined, todo

__all__ = ["complaint_text", "diagnosis_text", "extras", "noise", "plan_text", "seen", "who"]

_RELATIVES = ("Wife", "Husband", "Son", "Daughter", "Mother", "Brother")


def plan_text(rng: Random, facts: Facts) -> str:
    drug, plans = facts.drug, joined(list(facts.plans))
    if rng.random() < 0.45 or not drug:
        items = todo(facts)
        listed = "\n".join(f"{rng.choice(('-', '*'))} {item}" for item in items)
        lines = "\n".join(f"{i}. {item}" for i, item in enumerate(items, 1))
        return rng.choice(
            (
                f"Plan: {joined(items)}.",
                f"Plan: {', '.join(items)}.",
                f"Plan: {'; '.join(items)}.",
                f"Plan:\n{lines}",
                f"Plan:\n{listed}",
                f"The plan is {joined(items)}.",
                f"P: {', '.join(items)}.",
                f"Advised {joined(items)}.",
                f"We agreed on {joined(items)}.",
                f"Next steps: {joined(items)}.",
                f"Recommend {joined(items)}.",
            )
        )
    return rng.choice(
        (
            "Started on {d}. Plan: {p}.",
            "Plan: start {d}, {p}.",
            "Plan: start {d} and {p}.",
            "We will start {d} and arrange {p}.",
            "Started {d}, for {p}.",
            "P: {d}; {p}.",
            "I have prescribed {d} and arranged {p}.",
            "Prescribed {d}. Plan is {p}.",
            "Treatment: {d}. Follow-up: {p}.",
            "Commenced on {d}. For {p}.",
            "Given {d}, then {p}.",
            "Sent home with {d}. {p}.",
            "Rx {d}. Plan {p}.",
        )
    ).format(d=drug, p=plans)


def complaint_text(rng: Random, facts: Facts, who: str) -> str:
    lasting, extra = "", f", {rng.choice(lexicon.NEGATIVES)}" if rng.random() < 0.25 else ""
    if facts.duration.startswith("the past"):
        lasting = f" for {facts.duration}"
    elif facts.duration:
        lasting = rng.choice((" for {d}", " for {d}", " over {d}", ", {d}", " for the last {d}", " x {d}")).format(
            d=facts.duration
        )
    if facts.duration and rng.random() < 0.15:
        came = rng.choice(("came in with", "has", "presents with"))
        return f"{who} {came} a {facts.duration} history of {facts.complaint}{extra}."
    capital = facts.complaint[0].upper() + facts.complaint[1:]
    text = rng.choice(
        (
            "{w} presents with {c}{l}{e}.",
            "{w} came with {c}{l}{e}.",
            "{w} complains of {c}{l}{e}.",
            "{w} has had {c}{l}{e}.",
            "{w} has {c}{l}{e}.",
            "{w} was seen with {c}{l}{e}.",
            "{w} reports {c}{l}{e}.",
            "{w} was admitted with {c}{l}{e}.",
            "Presenting complaint: {c}{l}{e}.",
            "{w} attended because of {c}{l}{e}.",
            "{w} c/o {c}{l}{e}.",
            "S: {c}{l}{e}.",
            "{C}{l}{e}.",
            "{C}{l}{e}.",
            "Complaint: {C}{l}{e}.",
        )
    )
    return text.format(w=who, c=facts.complaint, C=capital, l=lasting, e=extra)


def diagnosis_text(rng: Random, facts: Facts) -> str:
    return rng.choice(
        (
            "Diagnosis: {x}.",
            "Impression: {x}.",
            "A: {x}.",
            "Assessment: {x}.",
            "This is most likely {x}.",
            "Findings are consistent with {x}.",
            "Diagnosed with {x}.",
            "The diagnosis is {x}.",
            "Likely {x}.",
            "Imp: {x}.",
            "Dx: {x}.",
            "Was diagnosed with {x}.",
            "She was diagnosed with {x}.",
            "He has {x}.",
        )
    ).format(x=facts.diagnosis)


def noise(rng: Random, numbers: Numbers) -> str:
    """A sentence that no question asks about, often with a placeholder that must not be taken."""
    kind = rng.randrange(15)
    if kind >= 12:
        return ". ".join(sign[0].upper() + sign[1:] for sign in rng.sample(lexicon.SIGNS, rng.choice((1, 2)))) + "."
    if kind < 3:
        return rng.choice(("O: {a}, {b}.", "On examination {a}, {b}.", "Exam: {a}. {b}.")).format(
            a=rng.choice(lexicon.FINDINGS), b=rng.choice(lexicon.TESTS)
        )
    if kind < 5:
        return (
            f"{rng.choice(('Tests', 'Results', 'Investigations', 'Obs'))}: {', '.join(rng.sample(lexicon.TESTS, 2))}."
        )
    if kind < 8:
        return rng.choice(("Past history of {h}.", "Background: {h}.", "PMH: {h}.", "Known {h}.")).format(
            h=rng.choice(lexicon.HISTORY)
        )
    return rng.choice(
        (
            lambda: f"{rng.choice(_RELATIVES)} {numbers.new('NAME')} was present.",
            lambda: f"Next of kin: {numbers.new('NAME')}, {numbers.new('PHONE')}.",
            lambda: f"Lives in {numbers.new('LOCATION')} and works as a {rng.choice(lexicon.JOBS)}.",
            lambda: f"Last seen on {numbers.new('DATE')}.",
            lambda: f"Next appointment {numbers.new('DATE')}.",
            lambda: f"Works at {numbers.new('ORG')}.",
            lambda: f"Seen with {numbers.new('NAME')} (nurse).",
            lambda: f"Seen with {rng.choice(('his', 'her'))} {rng.choice(_RELATIVES).lower()} {numbers.new('NAME')}.",
            lambda: f"His wife {numbers.new('NAME')} can be reached on {numbers.new('PHONE')}.",
            lambda: f"Date of birth {numbers.new('DATE')}.",
            lambda: f"NIC {numbers.new('ID')}.",
        )
    )()


def who(rng: Random, facts: Facts, numbers: Numbers) -> str:
    if rng.random() < 0.2:
        return f"{rng.choice(('Mr', 'Mrs', 'Ms', 'Miss'))} {facts.patient}"
    age = (
        rng.choice((numbers.new("AGE"), f"{rng.randint(18, 89)}-year-old", f"{rng.randint(18, 89)} year old"))
        if rng.random() < 0.4
        else ""
    )
    if age.startswith("["):
        return rng.choice((f"{facts.patient}, {age},", f"{facts.patient} ({age})", f"{facts.patient}, aged {age},"))
    if age:
        return rng.choice(
            (
                f"{facts.patient}, a {age} {rng.choice(('man', 'woman', 'patient', rng.choice(lexicon.JOBS)))},",
                f"{facts.patient}, {age},",
            )
        )
    return facts.patient


def seen(rng: Random, facts: Facts) -> str:
    """Where and when, as a sentence opening; empty if the note says neither."""
    date, place = facts.date, facts.place
    heading, unit = rng.choice(lexicon.HEADINGS), rng.choice(lexicon.DEPARTMENTS)
    if date and place:
        return rng.choice(
            (
                "Seen on {d} at {p}.",
                "{p}, {d}.",
                "Clinic: {p}. Date: {d}.",
                "Date: {d}\nPlace: {p}.",
                "Visit on {d}, {p}.",
                "Reviewed at {p} on {d}.",
                "{d} {p}.",
                "{h}, {d}. {p}, {u}.",
                "{h}, {d}. {p}, {u}.",
                "{h}, {p}, {d}.",
                "{p}, {u}, {d}.",
                "{h} {d}\n{p}, {u}.",
            )
        ).format(d=date, p=place, h=heading, u=unit)
    if date:
        return rng.choice(
            ("Seen on {d}.", "Date: {d}.", "Visit {d}.", "{d}.", "Reviewed on {d}.", "{h}, {d}.", "{h} {d}, {u}.")
        ).format(d=date, h=heading, u=unit)
    if place:
        return rng.choice(
            ("Seen at {p}.", "{p}.", "Clinic: {p}.", "Reviewed at {p}.", "{h}, {p}.", "{p}, {u}.")
        ).format(p=place, h=heading, u=unit)
    return ""


def extras(rng: Random, facts: Facts) -> list[str]:
    out = []
    if facts.number:
        out.append(
            rng.choice(
                ("MRN {n}.", "Hospital number: {n}.", "Record number {n}.", "ID: {n}.", "NHS number {n}.")
            ).format(n=facts.number)
        )
    if facts.phone:
        out.append(rng.choice(("Phone: {n}.", "Tel {n}.", "Contact number {n}.", "Call {n}.")).format(n=facts.phone))
    return out
