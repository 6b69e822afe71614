"""Invented clinic notes in redacted form, and their facts. Pure: one seed, one note."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from models.demo import lexicon

__all__ = ["Facts", "Note", "joined", "make_note", "todo"]

_TYPES = ("NAME", "DATE", "ID", "LOCATION", "ORG", "PHONE", "AGE", "EMAIL")
_SYLLABLES = tuple(
    "ka,ro,min,tel,sa,vo,der,lin,pa,tor,gen,fos,ul,bre,nax,ito,mer,dol,cys,tra,hep,ar,ne,zo,qui,lam".split(",")  # noqa: SIM905 - shorter to read
)
_RELATIVES = ("Wife", "Husband", "Son", "Daughter", "Mother", "Brother")
_CLOSINGS = ("Yours sincerely", "Kind regards", "With best wishes")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a note says; an empty string means that it does not say."""

    patient: str
    complaint: str
    plans: tuple[str, ...]
    duration: str = ""
    diagnosis: str = ""
    drug: str = ""
    date: str = ""
    place: str = ""
    doctor: str = ""
    phone: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A note and its facts."""

    text: str
    facts: Facts


@dataclass(slots=True)
class _Numbers:
    """Issues placeholders: mostly in order of appearance as the product does, sometimes at random, never twice."""

    rng: Random
    ordered: bool
    used: dict[str, set[int]] = field(default_factory=dict)

    def new(self, kind: str) -> str:
        used = self.used.setdefault(kind, set())
        number = len(used) + 1
        if not self.ordered:
            number = self.rng.choice([n for n in range(1, 13) if n not in used])
        used.add(number)
        return f"[{kind}_{number}]"


def _invented(rng: Random) -> str:
    """A phrase in no list, so that copying is learned and not the list."""
    word = "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4)))
    side = rng.choice(("left ", "right ", "lower ", "upper ", ""))
    return rng.choice(
        (
            f"{word} syndrome",
            f"{word} pain",
            f"a {word} infection",
            f"pain in the {side}{rng.choice(lexicon.BODY)}",
            f"swelling of the {side}{rng.choice(lexicon.BODY)}",
            f"an injury to the {side}{rng.choice(lexicon.BODY)}",
            f"{word} {rng.choice(lexicon.BODY)} pain",
            f"{rng.choice(lexicon.COMPLAINTS)} and {rng.choice(lexicon.COMPLAINTS)}",
        )
    )


def _word(rng: Random, words: tuple[str, ...], chance: float = 0.15) -> str:
    return _invented(rng) if rng.random() < chance else rng.choice(words)


def _make_facts(rng: Random, numbers: _Numbers) -> Facts:
    def some(chance: float, value: str) -> str:
        return value if rng.random() < chance else ""

    doctor = numbers.new("NAME") if rng.random() < 0.2 else ""
    patient = numbers.new("NAME")
    plans = rng.sample(lexicon.PLANS, rng.choice((1, 1, 2)))
    if rng.random() < 0.1:
        plans[0] = "referral for " + _invented(rng)
    return Facts(
        patient=patient,
        complaint=_word(rng, lexicon.COMPLAINTS),
        plans=tuple(plans),
        duration=some(0.6, rng.choice(lexicon.DURATIONS)),
        diagnosis=some(0.8, _word(rng, lexicon.DIAGNOSES)),
        drug=some(0.6, rng.choice(lexicon.DRUGS)),
        date=numbers.new("DATE") if rng.random() < 0.75 else "",
        place=numbers.new(rng.choice(("ORG", "LOCATION"))) if rng.random() < 0.6 else "",
        doctor=doctor or (numbers.new("NAME") if rng.random() < 0.4 else ""),
        phone=numbers.new("PHONE") if rng.random() < 0.3 else "",
        number=numbers.new("ID") if rng.random() < 0.35 else "",
    )


def joined(items: list[str]) -> str:
    """A list as people write it."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def todo(facts: Facts) -> list[str]:
    """What is to be done: the drug first."""
    return ([facts.drug] if facts.drug else []) + list(facts.plans)


def _plan_text(rng: Random, facts: Facts) -> str:
    drug, plans = facts.drug, joined(list(facts.plans))
    if rng.random() < 0.3 or not drug:
        return rng.choice(
            (
                "Plan: {t}.",
                "The plan is {t}.",
                "P: {t}.",
                "Advised {t}.",
                "We agreed on {t}.",
                "Next steps: {t}.",
                "Recommend {t}.",
            )
        ).format(t=joined(todo(facts)))
    return rng.choice(
        (
            "Started on {d}. Plan: {p}.",
            "Plan: start {d}, {p}.",
            "We will start {d} and arrange {p}.",
            "Started {d}, for {p}.",
            "P: {d}; {p}.",
            "I have prescribed {d} and arranged {p}.",
            "Prescribed {d}. Plan is {p}.",
            "Treatment: {d}. Follow-up: {p}.",
            "Commenced on {d} 500 mg twice daily. For {p}.",
            "Given {d} 20 mg once daily, then {p}.",
            "Plan: {d} and {p}.",
        )
    ).format(d=drug, p=plans)


def _complaint_text(rng: Random, facts: Facts, who: str) -> str:
    lasting = (
        rng.choice((" for {d}", " over {d}", ", {d}", " for the last {d}")).format(d=facts.duration)
        if facts.duration
        else ""
    )
    if facts.duration.startswith("the past"):
        lasting = f" for {facts.duration}"
    text = rng.choice(
        (
            "{w} presents with {c}{l}.",
            "{w} came with {c}{l}.",
            "{w} complains of {c}{l}.",
            "{w} has had {c}{l}.",
            "{w} was seen with {c}{l}.",
            "{w} reports {c}{l}.",
            "{w} was admitted with {c}{l}.",
            "Presenting complaint: {c}{l}.",
            "{w} attended because of {c}{l}.",
            "{w} c/o {c}{l}.",
            "S: {c}{l}.",
        )
    )
    return text.format(w=who, c=facts.complaint, l=lasting)


def _diagnosis_text(rng: Random, facts: Facts) -> str:
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
        )
    ).format(x=facts.diagnosis)


def _noise(rng: Random, numbers: _Numbers) -> str:
    """A sentence that no question asks about, often with a placeholder that must not be taken."""
    kind = rng.randrange(12)
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
        )
    )()


def _who(rng: Random, facts: Facts, numbers: _Numbers) -> str:
    age = rng.choice((numbers.new("AGE"), f"{rng.randint(18, 89)}-year-old")) if rng.random() < 0.4 else ""
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


def _seen(rng: Random, facts: Facts) -> str:
    """Where and when, as a sentence opening; empty if the note says neither."""
    date, place = facts.date, facts.place
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
            )
        ).format(d=date, p=place)
    if date:
        return rng.choice(("Seen on {d}.", "Date: {d}.", "Visit {d}.", "{d}.", "Reviewed on {d}.")).format(d=date)
    if place:
        return rng.choice(("Seen at {p}.", "{p}.", "Clinic: {p}.", "Reviewed at {p}.")).format(p=place)
    return ""


def _extras(rng: Random, facts: Facts) -> list[str]:
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


def _body(rng: Random, facts: Facts, numbers: _Numbers, who: str) -> list[str]:
    middle = [_complaint_text(rng, facts, who)]
    noise = [_noise(rng, numbers) for _ in range(rng.choice((0, 0, 1, 1, 2, 3)))]
    if noise and rng.random() < 0.5:
        middle.append(noise.pop())
    if facts.diagnosis:
        middle.append(_diagnosis_text(rng, facts))
    middle.append(_plan_text(rng, facts))
    for sentence in noise:
        middle.insert(rng.randint(1, len(middle)), sentence)
    return middle


def _letter(rng: Random, facts: Facts, numbers: _Numbers) -> str:
    opening = f"Dear Dr {facts.doctor}," if facts.doctor else rng.choice(("Dear colleague,", "Dear Doctor,"))
    subject = rng.choice(("Re: {p}", "Re {p}{n}", "Patient: {p}")).format(
        p=facts.patient, n=f", {facts.number}" if facts.number else ""
    )
    who = rng.choice((facts.patient, "This patient", "The patient", "She", "He"))
    thanks = rng.choice(("Thank you for referring this patient.", "", "I reviewed this patient today.", ""))
    parts = [thanks, _seen(rng, facts), *_body(rng, facts, numbers, who)]
    if facts.phone:
        parts.append(f"Tel {facts.phone}.")
    if facts.number and facts.number not in subject:
        parts.append(f"MRN {facts.number}.")
    return f"{opening}\n{subject}\n{' '.join(p for p in parts if p)}\n{rng.choice(_CLOSINGS)}"


def _form(rng: Random, facts: Facts, numbers: _Numbers) -> str:
    heads = [rng.choice(("Patient: {p}", "Name: {p}", "Patient name: {p}")).format(p=facts.patient)]
    if rng.random() < 0.3:
        heads.append(rng.choice((f"DOB: {numbers.new('DATE')}", f"Age: {numbers.new('AGE')}")))
    heads += [f"{rng.choice(('Doctor', 'Clinician', 'Seen by'))}: {facts.doctor}"] if facts.doctor else []
    heads += [seen] if (seen := _seen(rng, facts)) else []
    heads += _extras(rng, facts)
    rest = heads[1:]
    rng.shuffle(rest)
    who = rng.choice(("Patient", "The patient", facts.patient, "She", "He"))
    return "\n".join([heads[0], *rest, *_body(rng, facts, numbers, who)])


def _free(rng: Random, facts: Facts, numbers: _Numbers) -> str:
    who = _who(rng, facts, numbers)
    parts = [seen] if (seen := _seen(rng, facts)) else []
    if facts.doctor:
        doctor = rng.choice(
            ("Seen by Dr {n}.", "Dr {n}, ward round.", "Ward round with Dr {n}.", "Consultant: Dr {n}.", "Doctor: {n}.")
        )
        parts.append(doctor.format(n=facts.doctor))
    rng.shuffle(parts)
    tail = _extras(rng, facts)
    body = _body(rng, facts, numbers, who)
    if facts.patient not in body[0]:
        body[0] = f"{facts.patient}. {body[0]}"
    if rng.random() < 0.3:
        return " ".join([*body, *parts, *tail])
    return " ".join([*parts, *body, *tail])


def make_note(rng: Random) -> Note:
    """One note in one of three styles."""
    numbers = _Numbers(rng, ordered=rng.random() < 0.5)
    facts = _make_facts(rng, numbers)
    style = rng.choice((_letter, _form, _free, _free))
    return Note(style(rng, facts, numbers), facts)
