"""What an invented clinic note says, in redacted form. Pure: one seed, one set of facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from models.demo import lexicon

__all__ = ["Facts", "Numbers", "joined", "make_facts", "todo"]

_SYLLABLES = tuple(
    "ka,ro,min,tel,sa,vo,der,lin,pa,tor,gen,fos,ul,bre,nax,ito,mer,dol,cys,tra,hep,ar,ne,zo,qui,lam".split(",")  # noqa: SIM905 - shorter to read
)


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


@dataclass(slots=True)
class Numbers:
    """Issues placeholders: mostly in order of appearance as the product does, sometimes at random, never twice."""

    rng: Random
    ordered: bool
    used: dict[str, set[int]] = field(default_factory=dict)

    def new(self, kind: str) -> str:
        """A placeholder of this kind that the note does not hold yet."""
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


def _complaint(rng: Random) -> str:
    if rng.random() < 0.25:
        return " and ".join(rng.sample(lexicon.COMPLAINTS, 2))
    return _word(rng, lexicon.COMPLAINTS)


def make_facts(rng: Random, numbers: Numbers) -> Facts:
    """Draw the facts of one note."""

    def some(chance: float, value: str) -> str:
        return value if rng.random() < chance else ""

    doctor = numbers.new("NAME") if rng.random() < 0.2 else ""
    patient = numbers.new("NAME")
    drug = rng.choice(lexicon.DRUGS) + (f" {rng.choice(lexicon.DOSES)}" if rng.random() < 0.45 else "")
    date = numbers.new("DATE") if rng.random() < 0.75 else ""
    place = numbers.new(rng.choice(("ORG", "LOCATION"))) if rng.random() < 0.6 else ""
    return Facts(
        patient=patient,
        complaint=_complaint(rng),
        plans=tuple(_make_plans(rng, numbers)),
        duration=some(0.6, _lasting(rng)),
        diagnosis=some(0.8, _word(rng, lexicon.DIAGNOSES)),
        drug=some(0.6, drug),
        date=date,
        place=place,
        doctor=doctor or (numbers.new("NAME") if rng.random() < 0.4 else ""),
        phone=numbers.new("PHONE") if rng.random() < 0.3 else "",
        number=numbers.new("ID") if rng.random() < 0.35 else "",
    )


def _lasting(rng: Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(lexicon.DURATIONS)
    number, unit = rng.randint(2, 14), rng.choice(("day", "week", "month", "hour", "year"))
    return rng.choice((f"{number} {unit}s", f"{number} {unit}s", f"1 {unit}", "a few days", "24 hours", "a week"))


def _make_plans(rng: Random, numbers: Numbers) -> list[str]:
    """One to three things to do; some name a person, a day or a place."""
    plans = rng.sample(lexicon.PLANS, rng.choice((1, 1, 2)))
    if rng.random() < 0.1:
        plans[0] = "referral for " + _invented(rng)
    if rng.random() < 0.4:
        who, day, place = numbers.new("NAME"), numbers.new("DATE"), numbers.new(rng.choice(("ORG", "LOCATION")))
        plans[-1] = rng.choice(
            (
                f"review by Dr {who} on {day}",
                f"review by Dr {who}",
                f"review on {day}",
                f"follow-up on {day}",
                f"follow-up at {place} on {day}",
                f"referral to Dr {who}",
                f"referral to {place}",
                f"return on {day}",
                f"appointment with Dr {who} on {day}",
                f"transfer to {place}",
                f"review in {rng.randint(2, 8)} weeks",
            )
        )
    return plans


def joined(items: list[str]) -> str:
    """A list as people write it."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def todo(facts: Facts) -> list[str]:
    """What is to be done: the drug first."""
    return ([facts.drug] if facts.drug else []) + list(facts.plans)
