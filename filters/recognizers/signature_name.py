"""Name under the close of a letter: "Yours sincerely,", "Hochachtungsvoll", "Cordialement", a line, and who signs."""

from __future__ import annotations

from filters.findings import Type
from filters.name_patterns import INITIAL, PARTICLE, WORD
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_CLOSES = (
    r"Yours (?:sincerely|faithfully|truly)|Sincerely(?: yours)?|Best wishes|"
    r"(?:Kind|Best|Warm|With kind|With best) regards|"
    r"Hochachtungsvoll|Herzlich(?:e Grüße|st)?|Mit (?:freundlichen|kollegialen|besten|herzlichen) Grü(?:ß|ss)en|"
    r"Mit (?:freundlichem|kollegialem|bestem) Gru(?:ß|ss)|Freundliche Grü(?:ß|ss)e|"
    r"Atentamente|Un (?:cordial )?saludo|Saludos(?: cordiales)?|Cordialmente|"
    r"Cordialement|Bien à vous|Salutations distinguées|Sentiments distingués|Confraternellement|"
    r"Cordiali saluti|Distinti saluti|Met vriendelijke groete?n?|Hoogachtend|Met collegiale groete?n?|"
    r"Atenciosamente|Com os melhores cumprimentos|Cumprimentos"
)
_TITLE = r"(?:(?:Dr|Prof|Priv|Doz|PD|med|univ|Mr|Mrs|Ms|Herr|Frau|Dra|Sra|Dott|Drs)\.?-? ?)?"
_WORD = f"(?:{WORD}|{INITIAL})"
_NEXT = rf"(?:[ ]{PARTICLE}{PARTICLE}{_WORD})?"
_NAME = f"{PARTICLE}{_WORD}{_NEXT}{_NEXT}{_NEXT}"
_OTHERS = (
    "the department on for consultant registrar secretary klinik abteilung praxis i.a. i.v. gez team ward clinic staff "
    "reception thank thanks sent all dr prof herr frau"
)
_NOT = frozenset(_OTHERS.split())
_LINES = r"\r?\n(?:[ \t]{0,8}\r?\n)?(?:[ \t]{0,8}\r?\n)?[ \t]{0,8}"
_YOURS = "(?:Ihre?|Dein|Euer)?"
_AFTER = rf"[ ,.!]{{0,3}}{_YOURS}[ ,]{{0,2}}{_LINES}{_TITLE}{_TITLE}{_TITLE}"


def _signed(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Refuse a department or a position where the name should stand."""
    return None if text[start:end].split(" ", maxsplit=1)[0].casefold() in _NOT else (start, end, 0)


RECOGNIZER = Recognizer(
    kind="signature_name",
    type=Type.NAME,
    patterns=(rf"(?<!\w)(?P<cue>{_CLOSES}){_AFTER}(?P<value>{_NAME})(?![^\W_])",),
    scores=Scores(cued=750),
    starts=(
        "yours", "sincerely", "kind", "best", "warm", "with", "hochachtungsvoll", "herzlich", "herzliche", "herzlichst",
        "mit", "freundliche", "atentamente", "un", "saludos", "cordialmente", "cordialement", "bien", "salutations",
        "sentiments", "confraternellement", "cordiali", "distinti", "met", "hoogachtend", "atenciosamente", "com",
        "cumprimentos",
    ),
    guarded=False,
    exact_case=True,
    refine=_signed,
)  # fmt: skip

EXAMPLES = Examples(
    match=(
        "Yours sincerely,\n\n«Hannah Okafor»\nConsultant",
        "Herzlich, Ihr\n«Keng Brinkhoff»",
        "Hochachtungsvoll\n\n«Hiltrud Wagenknecht»",
        "Mit freundlichen Grüßen\nDr. med. «M. Polat»",
        "Atentamente,\nDra. «Lucía De La Torre»",
        "Cordialement,\n«Jean Le Goff»",
        "Met vriendelijke groet\n«P. van den Berg»",
    ),
    no_match=(
        "Kind regards to the team",
        "Best wishes\n\nthe ward",
        "with best regards",
        "Yours sincerely\n\nDepartment of Surgery",
        "Mit freundlichen Grüßen\n\nKlinik für Innere Medizin",
        "Best wishes\nTeam",
    ),
)
