"""Name behind a greeting, where the line stops or a comma follows: "Dear Anil,", "Oi Panagiotis,", "Liebe Jana!"."""

from __future__ import annotations

from filters.findings import Type
from filters.lexicon import common_words
from filters.name_patterns import PARTICLE, WORD
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_GREETINGS = (
    "dear|hi|hello|hey|hallo|liebe|lieber|moin|servus|hola|querido|querida|estimado|estimada|bonjour|bonsoir|salut|"
    "cher|chère|ciao|caro|cara|gentile|gentilissimo|gentilissima|salve|hoi|beste|lieve|dag|oi|olá|caríssimo|caríssima|"
    "prezado|prezada"
)
_OTHERS = (
    "sir sirs madam doctor dr colleague colleagues team all everyone everybody both parents family friend friends "
    "patient patients mum mom dad nurse sister ward gp reader committee practice department "
    "herr herrn frau kollege kollegin kollegen kolleginnen zusammen alle team familie eltern patient patientin "
    "patienten mama papa schwester oma opa freunde leser angehörige doktor professor "
    "doctor doctora colega colegas compañero compañera compañeros equipo todos amigo amiga señor señora paciente "
    "docteur confrère consœur collègue collègues monsieur madame mesdames messieurs tous maman papa ami amie "
    "dottore dottoressa dott collega colleghi collega signore signora tutti paziente mamma papà nonna amico amica "
    "dokter collega meneer mevrouw allemaal team mama papa oma opa zuster patiënt mensen "
    "doutor doutora colega colegas equipa equipe senhor senhora todos mãe pai amigo amiga professor professora "
    "god lord chatgpt gemma assistant cordon computer bot ai there again"
)
_END = r"(?=[,!:;]|[ \t]{0,4}(?:\n|\Z))"
_NOBODY = frozenset(_OTHERS.split()) | common_words()


def _somebody(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Refuse roles and everyday words."""
    words = [word for word in text[start:end].split(" ") if word[:1].isupper()]
    return None if any(word.casefold() in _NOBODY for word in words) else (start, end, 0)


RECOGNIZER = Recognizer(
    kind="greeting_name",
    type=Type.NAME,
    patterns=(rf"(?<![\w-])(?P<cue>(?i:{_GREETINGS}))[ \t]{{1,2}}(?P<value>{WORD}(?: {PARTICLE}{WORD})?){_END}",),
    scores=Scores(cued=700),
    starts=tuple(_GREETINGS.split("|")),
    guarded=False,
    exact_case=True,
    refine=_somebody,
)

EXAMPLES = Examples(
    match=(
        "Dear «Anil», thank you",
        "Oi «Panagiotis», tudo bem?",
        "Liebe «Jana»! Wie besprochen",
        "Bonjour «Ama», peux-tu voir",
        "Hola «Hilmy Uwlan», te paso lo de",
        "Ciao «Vesna»,\nil referto",
        "Beste «Noor van Dijk»,\nbedankt",
    ),
    no_match=(
        "Dear Colleague,",
        "Hello Doctor, my knee",
        "Lieber Herr Kollege,",
        "Hallo Zusammen,",
        "Cher Confrère,",
        "Estimados compañeros:",
        "Hi Team!",
        "hi there, what is",
        "Gentile Collega,",
        "Dear Patients,",
    ),
)
