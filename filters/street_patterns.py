"""How streets are written, as pieces of patterns, and what looks like one and is none.

Law: no piece captures but by name; every quantifier is bounded.
"""

from __future__ import annotations

import re

from filters.calendar_words import MONTHS, WEEKDAYS
from filters.lexicon import common_words

__all__ = [
    "ADDRESS_END", "BARE", "BEFORE", "CAPITAL", "ENGLISH", "FLOOR", "FRENCH", "GERMANIC", "HOUSE", "ITALIAN", "LAND",
    "LOWER_ROAD", "LOWER_WORD", "MORE", "NO", "NUMBER", "OF", "ON", "ONE", "PORTUGUESE", "REFERS", "ROOM", "SG",
    "SPOKEN", "TITLED", "WORD", "address",
]  # fmt: skip

CAPITAL = "A-ZÀ-ÖØ-Þ"
HOUSE = r"\d{1,4}(?:[a-zA-Z](?![^\W\d_]))?(?:[-/](?:\d{1,3}|I{1,3}|hs|bis))?(?![\w%])"
NO = "(?:n[º°.]{1,2} ?)?"
FLOOR = r"(?:,? ?\d{1,2}\.?[º°ªoa]\.? ?(?:[A-Z](?!\w)|dcha|izda|izq|[Ee]sq\.?|[Dd]to\.?|andar)?)?"
ROOM = r"(?:,? (?:casa|apto?\.?|sala|bloco|lote) ?\d{1,4}[A-Z]?(?!\w))?"
GERMANIC = (
    "stra(?:ß|ss)e|str\\.|gasse|allee|chaussee|ufer|straat|laan|gracht|kade|singel|plantsoen|dijk|plein|dreef|steeg"
)
ENGLISH = "Street|Road|Avenue|Lane|Drive|Close|Crescent|Terrace|Gardens|Mawatha|Boulevard|Highway|Rd|Ave|Blvd"
FRENCH = "rue|avenue|boulevard|bd|impasse|allée|quai|chemin|route|square"
BEFORE = (
    "calle|c/|avda\\.?|avenida|av\\.|paseo|ronda|rúa|carrer|travessa|rua|Via|Viale|Piazza|Corso|Calle|C/|Avda\\.?|"
    "Avenida|Av\\.|Paseo|Plaza|Ronda|Rua|Travessa|Praça|Largo|Rúa|Carrer|Camino|Carretera|Ctra\\.|Pasaje|"
    "Estrada|Alameda|Viale|V\\.le|Piazzale|P\\.zza|C\\.so|Vicolo|Strada|Contrada|Lungomare|Laan"
)
OF = "(?:(?:de|du|des|la|las|los|le|les|l'|del|di|da|do|dos|das|della|dei|van|san|saint|sainte|santa) ?)?"
WORD = rf"[{CAPITAL}][^\W\d_.]{{1,24}}"
TITLED = rf"{OF}{OF}{WORD}"
ONE = rf"(?<![\w-])[{CAPITAL}][^\W\d_]{{1,24}}(?:[- ][{CAPITAL}]?[^\W\d_]{{1,24}})?"
NUMBER = r"(?<![\w./-])\d{1,4}[A-Za-z]?(?:/\d{1,4}[A-Za-z]?)?,?"

ITALIAN = "via|viale|largo|piazza|piazzale|corso|vicolo|strada|contrada|lungomare"
ADDRESS_END = r"(?=[ \t]{0,3}(?:$|[\n,;)(·|]|[.–-](?:[ \n]|$)| (?:in|te|a|ad|presso|int|scala|e|con|di) ))"
ON = (
    "Am|Im|An der|An den|An dem|Auf der|Auf dem|Auf den|Zum|Zur|Zu den|Hinter der|Hinter dem|Unter den|Vor dem|"
    "Bei der|In der"
)
LOWER_WORD = "[a-z'’]{3,16}"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_UNITS = "one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
SPOKEN = f"(?:(?:{_TENS})(?:[ -](?:{_UNITS}))?|{_TEENS}|{_UNITS})"
LOWER_ROAD = "street|road|avenue|lane|close|crescent|terrace|gardens"
SG = "Ave|Avenue|Street|St|Road|Rd|Drive|Lane|Link|Crescent|Lorong|Central"
PORTUGUESE = "(?:Rua|Travessa|Avenida|Alameda|rua|travessa|avenida) (?:(?:de|da|do|das|dos) )?"
LAND = "(?:Quinta|Monte|Largo|Estrada|Praça|Bairro|Comunidade) (?:da|do|das|dos) "
REFERS = "habite|habitant|demeurant|demeure|domicilié|domiciliée|adresse ?:?|Adresse ?:?|réside|résidant|sise?"
BARE = "rue|avenue|boulevard|quai|impasse|chemin|place|square|cours|allée|route"
MORE = rf"(?:[- ]{OF}{WORD})?(?:[- ]{WORD})?"
_COMMON = common_words()
_DATES = frozenset(f"{MONTHS}|{WEEKDAYS}".split("|"))
_GERMAN_ON = re.compile(rf"(?:{ON}) (?P<noun>[^ \d]{{2,40}})")
_LABEL = re.compile(r"(?:Adres|Adresse|Anschrift|Address|Adresa|Indirizzo|Dirección|Morada|Wohnhaft|Wohnort) ")
_SMALL = re.compile(rf"(?P<number>{SPOKEN}|\d{{1,4}}[a-z]?)? ?(?P<name>[a-z'’ ]{{3,40}}) (?P<noun>{LOWER_ROAD})")
_NO_NAME_WORDS = (
    "the this that these those his her its our your their main busy wet icy country dirt back side middle slow fast"
    " bus "
    "minute minutes hour hours day days week weeks mile miles metre metres meter meters times time way ways off for"
    " and "
    "with from into onto over under down across along around near next same every each one two long short open public "
    "private local cross major minor heavy very too get got was were are had has have more other another hard quiet"
    " dark "
    "empty inside outside left right own new old cycle traffic rough bumpy narrow steep slippery village hospital town "
    "people cars patients accidents person car patient accident close contacts rocky out not but about walk walking"
)
_NO_NAME = frozenset(_NO_NAME_WORDS.split())
_ENGLISH_NO_WORDS = "the this that main busy wet across along off cross dirt country every slippery icy on in at"
_ENGLISH_NO = frozenset(_ENGLISH_NO_WORDS.split())
_WAY = re.compile(
    r"(?:\w{0,8}atem|harn|gallen|luft|infektions|übertragungs|verkehrs|rück|arbeits|schul|zugangs|lymph|leitungs)weg|"
    r"\w{0,12}(?:arbeits|bett|pflege|heim|therapie|dialyse|ausbildungs|park|sitz|kita)platz",
    re.IGNORECASE,
)
_CLOSE = re.compile(r"(?:close|gardens|lane|terrace)\Z")


def address(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Take a label off; refuse "Im Verlauf 3" and "in the middle lane"."""
    value = text[start:end]
    label = _LABEL.match(value)
    if label is not None:
        return start + label.end(), end, 0
    on = _GERMAN_ON.match(value)
    if on is not None:
        noun = on.group("noun").casefold()
        return None if noun in _DATES or (noun in _COMMON and not _has_code(text, end)) else (start, end, 0)
    if _WAY.match(value) is not None:
        return None
    small = _SMALL.fullmatch(value)
    if small is not None:
        return (start, end, 0) if _is_spoken_street(small) else None
    return None if _is_everyday(value) else (start, end, 0)


def _is_everyday(value: str) -> bool:
    words = re.findall(r"[^\W\d_]{2,40}", value)
    if words and words[-1] in LOWER_ROAD.split("|") and value.endswith(words[-1]):
        return words[0].casefold() in (_DATES if value[0].isdigit() else _COMMON) | _ENGLISH_NO
    lower = value[0].islower() and value.split(" ", maxsplit=1)[0] in ITALIAN.split("|")
    return lower and any(word.casefold() in _DATES or word.isupper() for word in words[1:])


def _has_code(text: str, end: int) -> bool:
    return re.match(r"[,;·]?[ \n]{1,2}(?:[A-Z]{1,2}-)?\d{4,5} [A-ZÄÖÜ]", text[end : end + 16]) is not None


def _is_spoken_street(found: re.Match[str]) -> bool:
    words = found.group("name").split()
    if any(word in _NO_NAME or re.fullmatch(SPOKEN, word) for word in words):
        return False
    known = [word for word in words if word in _COMMON]
    return not known or (found.group("number") is not None and _CLOSE.search(found.group("noun")) is None)
