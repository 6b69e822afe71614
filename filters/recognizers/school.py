"""School, nursery, university by the word beside its name: Kita Elbpiraten, Thornhill Primary School, lycée Cézanne."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.proper_names import is_general, name_after, name_before, words_of
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_BEHIND = (
    "kita|kindertagesstätte|kindergarten|kinderkrippe|grundschule|realschule|hauptschule|gesamtschule|förderschule|"
    "oberschule|mittelschule|berufsschule|gymnasium|schule|hochschule|universität|école|ecole|collège|lycée|crèche|"
    "maternelle|université|escuela|colegio|guardería|instituto|ies|ceip|universidad|universitat|escola|colégio|"
    "creche|jardim|universidade|agrupamento|scuola|asilo|liceo|università|roc|basisschool|kinderdagverblijf|kdv|"
    "crèche|middelbare|universiteit|hogeschool|university|college"
)
_BEFORE = (
    "school|college|academy|nursery|kindergarten|preschool|primary|prep|university|montessori|gesamtschule|gymnasium|"
    "schule|grundschule|realschule"
)
_CAPITALS = words_of("ies ceip roc kdv")
_BEHINDS = frozenset(_BEHIND.split("|"))
_BEFORES = frozenset(_BEFORE.split("|"))
_GERMAN = words_of(
    "kita kindertagesstätte kindergarten kinderkrippe grundschule realschule hauptschule gesamtschule förderschule "
    "oberschule mittelschule berufsschule gymnasium schule hochschule universität"
)
_LOWER = words_of("école ecole collège lycée crèche escuela colegio guardería escola colégio creche scuola asilo liceo")
_OF = r"(?:de|da|do|du|di|d['’]|des|del|della|dos|das|la|le|les|los|las)"
_LEVEL_WORDS = (
    "primaria|primario|elementare|media|materna|infanzia|secondaria|superiore|maternelle|primaire|élémentaire|básica|"
    "basica|secundária|secundaria|infantil|pública|publica|superior|classico|scientifico|tecnico"
)
_LEVEL = re.compile(
    rf" (?:(?:{_OF} ?){{0,1}}(?:dell['’]|per l['’])?(?i:{_LEVEL_WORDS})(?![^\W_])(?: e (?i:{_LEVEL_WORDS})(?![^\W_]))?)"
)
_SAINTED = re.compile(r"(?<![\w-])(?:St\.?|Saint|Holy|Our Lady) ?(?:of )?[A-ZÀ-Þ][\w'’]{2,20} \Z")
_UNIVERSITY = re.compile(
    r" (?:of|de|di|du|van|d['’]|degli Studi di|do|da|des) ?(?:la )?([A-ZÀ-Þ][\w'’-]{2,24})(?![\w-])"
)
_OF_ART = words_of("surgeons physicians radiology medicine nursing obstetricians anaesthetists cardiology")


def _named(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Find the name beside the noun, on the side where its language puts it."""
    value, noun = text[start:end], text[start:end].casefold()
    if (noun in _CAPITALS and not value.isupper()) or (noun not in _BEHINDS and not value[0].isupper()):
        return None
    if noun in ("universität", "university", "college") or noun.startswith("universi"):
        place = _UNIVERSITY.match(text, end)
        if place and value[0].isupper() and place[1].casefold() not in _OF_ART and not is_general(place[1]):
            return start, place.end(), 0
    if start and text[start - 1] == "-":
        return _hyphened(text, start, end) if value[0].isupper() and noun in _GERMAN else None
    if (
        noun in _BEHINDS
        and noun not in ("university", "college", "jardim", "asilo")
        and (value[0].isupper() or noun in _LOWER)
    ):
        level = _LEVEL.match(text, end)
        last, _ = name_after(text, level.end() if level else end, shouted=False)
        if last > 0 and not (noun == "instituto" and not level) and (level or _is_close(text, end, noun, last)):
            return start, last, 0
    return _english(text, start, end, noun) if noun in _BEFORES - _GERMAN and value[0].isupper() else None


def _is_close(text: str, end: int, noun: str, last: int) -> bool:
    """A word in lower case right behind ("Schule am Montag", "école de Lyon") makes it a school of somewhere."""
    between = text[end:last]
    if noun in ("schule", "colegio", "escuela", "scuola", "escola", "école", "collège", "lycée", "gymnasium"):
        return re.match(r" (?:de|di|da|in|am|en|a|à) (?=[A-ZÀ-Þ][^\W_]*\Z)", between) is None
    return True


def _hyphened(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    head = start
    while head and (text[head - 1] == "-" or text[head - 1].isalnum()) and start - head < 60:
        head -= 1
    name = text[head : start - 1]
    return None if not name[:1].isupper() or is_general(name) or name.isupper() else (head, end, 0)


def _english(text: str, start: int, end: int, noun: str) -> tuple[int, int, int] | None:
    first, words = name_before(text, start, shouted=text[start:end].isupper())
    if first < 0 or (noun in ("primary", "prep") and not _SAINTED.search(text[max(0, start - 40) : start])):
        return None
    if noun == "college" and any(word.casefold() in ("royal", "american", "british", "medical") for word in words):
        return None
    tail = re.match(r" of [A-Z][a-z]{2,20}", text[end : end + 24])
    return None if tail else (first, end, 0)


_NOUNS = sorted(_BEHINDS | _BEFORES, key=lambda noun: (-len(noun), noun))

RECOGNIZER = Recognizer(
    kind="school",
    type=Type.ORG,
    patterns=(rf"(?<!\w)(?i:{'|'.join(_NOUNS)})(?![\w-])",),
    scores=Scores(shape=700),
    starts=tuple(_NOUNS),
    guarded=False,
    exact_case=True,
    refine=_named,
)

EXAMPLES = Examples(
    match=(
        "Erzieherinnen der «Kita Elbpiraten» berichten",
        "besucht die «Geschwister-Scholl-Gesamtschule» in",
        "am «Gymnasium Nordpark» seit",
        "scolarisé à l'«école Jules-Vallès».",
        "au «lycée Paul Cézanne», en",
        "insegna alla «Scuola primaria Collodi» di",
        "«Escola Básica Vasco Santana»",
        "Frequenta o «Colégio da Rainha Santa».",
        "va al «CEIP Miguel Hernández» y",
        "opleiding aan het «ROC Leijgraaf»",
        "at «St. Bridget's Prep». Deformity",
        "goes to «Thornhill Primary School» now",
        "«University of Colombo»",
        "Professor an der «Universität Rostock»",
        "«Université de Bordeaux»",
        "«Little Acorns Nursery» called",
    ),
    no_match=(
        "School of Medicine",
        "Royal College of Surgeons",
        "in primary school, High School",
        "geht in die Schule am Montag",
        "Kindergarten seit August",
        "special needs school",
        "la escuela primaria",
        "Scuola di Specializzazione",
        "Medical School",
        "Hochschule für Medizin",
        "the University Hospital",
        "Bowel Prep",
        "Nursery nurse",
        "école maternelle",
    ),
)
