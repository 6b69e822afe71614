"""Age of a person, in the words of seven languages."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_N = r"(?<![\w.,/-])\d{1,3}"

_LABELS = "aged?|edad|edad de|alter|âge|età|età di|leeftijd|idade|idade de"

RECOGNIZER = Recognizer(
    kind="age",
    type=Type.AGE,
    patterns=(
        _N + r"[ -]?(?:(?:years?|yrs?)[ -]{1,2}(?:old|of age)|y\.?[/ ]?o\.?)(?!\w)",
        rf"(?<!\w)(?:{_LABELS})[ :]{{0,3}}(?P<value>\d{{1,3}})(?![\w%]|[.,/]\d)",
        _N + r"[- ]?(?:jährig(?:e[rsnm]?)?|jaehrig(?:e[rsnm]?)?|jarige?|j\.)(?![\w])",
        _N + r" (?:jahre alt|jaar oud|años(?: de edad)?|ans(?! après)|anni|anos(?: de idade)?)(?![\w])",
        r"(?<!\w)(?P<value>(?:eigh|nine)ty(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?)[- ]years?[- ]old",
    ),
    starts=(
        "#",
        "age",
        "aged",
        "edad",
        "alter",
        "âge",
        "età",
        "leeftijd",
        "idade",
        "eighty",
        "ninety",
    ),
    scores=Scores(shape=600, cued=600),
    guarded=False,
)

EXAMPLES = Examples(
    match=(
        "a «76-year-old» man",
        "«45 yo» female",
        "aged «93»",
        "eine «58-jährige» Patientin",
        "varón de «53 años de edad»",
        "paziente di «81 anni»",
        "«34 y/o» with cough",
    ),
    no_match=("5 mg", "2-year history", "for 3 years", "age-related", "stage 3", "120/80"),
)
