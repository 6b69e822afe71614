"""Duration, frequency, time of day: no date unless a policy says so, and often what a model mistakes for one."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_UNIT = (
    r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|h|days?|d|weeks?|wks?|w|months?|mo|years?|yrs?|tage?n?|stunden?|"
    r"minuten?|wochen?|monate?n?|jahre?n?|horas?|minutos?|días?|dias?|semanas?|mes(?:es)?|años?|heures?|jours?|semaines?|"
    r"mois|ans?|années?|or[ae]|giorn[oi]|settiman[ae]|mes[ei]|ann[oi]|uur|dag(?:en)?|weken|maand(?:en)?|jaar|anos?)"
)

_OLD = r"\w|[ -](?:old|of age|de edad|alt|oud)"

RECOGNIZER = Recognizer(
    kind="duration",
    type=Type.DATE,
    patterns=(
        rf"(?<![\w.,/])\d{{1,3}}(?:[.,]\d)?(?:[ ]?(?:-|to|bis|a|à)[ ]?\d{{1,3}})?[ -]?{_UNIT}(?!{_OLD})",
        r"(?<!\w)(?:x|q)[ ]?\d{1,2}[ ]?(?:h|d|w|mo?|days?|weeks?|hrs?|hours?)(?!\w)",
        r"(?<![\w:.])(?:[01]?\d|2[0-3])[:.][0-5]\d(?::[0-5]\d)?(?:[ ]?(?:[ap]\.?m\.?|h|hrs|uhr|uur))?(?![\w:]|\.\d)",
        r"(?<!\w)\d{1,2}[ ]?[ap]\.?m\.?(?!\w)",
    ),
    starts=("#", "x", "q"),
    scores=Scores(shape=510),
    guarded=False,
)

EXAMPLES = Examples(
    match=("for «3 days»", "«x5d»", "a «2-year» history", "«q8h»", "at «08:30»", "seit «5 Tagen»", "hace «3 meses»"),
    no_match=("3 mg", "last Friday", "12/03/2021", "days", "daily", "BP 120/80"),
)
