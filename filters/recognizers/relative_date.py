"""Date told from today: "last Friday", "vor drei Wochen", "hace dos meses"; "today" and "daily" are none."""

from __future__ import annotations

import re

from filters.calendar_words import WEEKDAYS
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_N = (
    r"(?:\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|a few|several|a couple of|"
    r"einem|einer|zwei|drei|vier|fünf|sechs|acht|zehn|un|una|une|uno|dos|tres|cuatro|cinco|seis|"
    r"deux|trois|quatre|cinq|huit|due|tre|quattro|cinque|sei|een|twee|drie|vijf|zes|um|uma|dois|duas|três|quatro)"
)
_UNIT = (
    r"(?:days?|weeks?|months?|years?|tage?n?|wochen?|monate?n?|jahre?n?|días?|dias?|semanas?|meses|mes|años?|jours?|"
    r"semaines?|mois|ans?|années?|giorn[oi]|settiman[ae]|mes[ei]|ann[oi]|dagen|dag|weken|week|maanden|maand|jaar|"
    r"anos?)"
)

_NEAR = "last|next|this past|this coming|this|past|coming|previous|following|on|since|by|until"
_NAH = "letzte[nrsm]?|nächste[nrsm]?|vergangene[nrsm]?|kommende[nrsm]?|am"

_SPAN_BEFORE = re.compile(r"(?<!\w)(?:for|over|in|during|within|throughout|of)(?: the)? \Z", re.IGNORECASE)


def _no_span(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """ "For the last week" is how long, not when."""
    is_span = text[start : start + 4].lower() == "last" and _SPAN_BEFORE.search(text[max(0, start - 20) : start])
    return None if is_span else (start, end, 0)


RECOGNIZER = Recognizer(
    kind="relative_date",
    type=Type.DATE,
    patterns=(
        rf"(?<!\w)(?:{_NEAR})[ ](?:{WEEKDAYS})(?!\w)",
        r"(?<!\w)(?:last|next)[ ](?:week|month|year|weekend|spring|summer|autumn|fall|winter|christmas|easter)(?!\w)",
        rf"(?<!\w){_N}[ ]{_UNIT}[ ](?:ago|geleden|fa|atrás|earlier today)(?!\w)",
        rf"(?<!\w)(?:vor|hace|il y a|há)[ ]{_N}[ ]{_UNIT}(?!\w)",
        rf"(?<!\w)(?:{_NAH})[ ](?:{WEEKDAYS}|woche|monat|jahr)(?!\w)",
        rf"(?<!\w)(?:el|la)[ ](?:{WEEKDAYS}|semana|mes|año)[ ](?:pasad[oa]|próxim[oa]|que viene)(?!\w)",
        rf"(?<!\w)(?:{WEEKDAYS}|la semaine|le mois|l'an|l'année)[ ](?:dernière?|prochaine?|passée?)(?!\w)",
        rf"(?<!\w)(?:{WEEKDAYS}|la settimana|il mese|l'anno)[ ](?:scors[oa]|prossim[oa])(?!\w)",
        rf"(?<!\w)(?:vorige?|afgelopen|volgende|komende)[ ](?:{WEEKDAYS}|week|maand|jaar)(?!\w)",
        rf"(?<!\w)(?:{WEEKDAYS}|semana|mês|ano)[ ](?:passad[oa]|que vem)(?!\w)",
    ),
    starts=(
        "#", "a", "an", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve",
        "several", "einem", "einer", "zwei", "drei", "vier", "fünf", "sechs", "acht", "zehn", "un", "una", "une",
        "uno", "dos", "tres", "cuatro", "cinco", "seis", "deux", "trois", "quatre", "cinq", "huit", "due", "tre",
        "quattro", "cinque", "sei", "een", "twee", "drie", "vijf", "zes", "um", "uma", "dois", "duas", "três",
        "quatro", "last", "next", "this", "past", "coming", "previous", "following", "on", "since", "by", "until",
        "vor", "hace", "il", "l", "la", "le", "el", "há", "letzte", "letzten", "letzter", "letztes", "letztem",
        "nächste", "nächsten", "nächster", "nächstes", "nächstem", "vergangene", "vergangenen", "kommende",
        "kommenden", "am", "vorig", "vorige", "afgelopen", "volgende", "komende", "semana", "mês", "ano",
        *WEEKDAYS.split("|"), "segunda", "terça", "quarta", "quinta", "sexta",
    ),
    scores=Scores(shape=560),
    refine=_no_span,
)  # fmt: skip

EXAMPLES = Examples(
    match=(
        "seen «last Friday» in",
        "review «next week»",
        "«three weeks ago» he fell",
        "«vor drei Wochen» gestürzt",
        "«hace dos meses» inicia",
        "«il y a trois semaines»",
        "«tre settimane fa»",
        "«drie weken geleden»",
        "«letzten Freitag»",
        "«semana passada»",
    ),
    no_match=(
        "today",
        "yesterday",
        "daily",
        "for 3 days",
        "weekly",
        "the last dose",
        "next to",
        "every week",
        "for the last week",
    ),
)
