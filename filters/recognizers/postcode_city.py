"""Postal code with its town: "74532 Ilshofen", "5401 BC Uden", "1000-205 Lisboa", "Singapore 310456", "Colombo 05"."""

from __future__ import annotations

import re

from filters.calendar_words import MONTHS, WEEKDAYS
from filters.findings import Type
from filters.lexicon import common_words, ordinary_words
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_CAPITAL = "A-ZÀ-ÖØ-ÞĆČĐĞİŁŃŚŞŠŹŻŽŐ"
_WORD = rf"(?:St\. ?|L['’])?[{_CAPITAL}][^\W\d_]{{2,24}}(?:[-'’][^\W\d_]{{1,20}}){{0,4}}"
_JOIN = "de la|de los|de|del|da|do|dos|am|an der|ob der|im|in|upon|sur|la|aan den|cedex"
_TOWN = rf"{_WORD}(?: (?:(?:{_JOIN}) )?{_WORD}){{0,2}}(?: \([A-Z]{{2}}\))?"
_STOP = r"(?![\w'’]|-\w)"
_LEFT = r"(?:^|(?<=\n)|(?<=[;,(·|/:] )|(?<=[;|,(])|(?<=[–-] )|(?<=\d )|(?<=\d[a-z] )|(?<= (?:in|te|en|em|di|de|to|ad) )"
_BEFORE = rf"{_LEFT}|(?<= [aà] )|(?<=from )|(?<=nach )|(?<=aus )|(?<=CEP )|(?<=PLZ )|(?<=CAP )|(?<=CP ))"
_EDGE = r"(?=[ \t]{0,4}(?:$|[\n,;)|·]|[.–-](?:[ \n]|$)))"
_HOUSE = r"(?<!\w)\d{1,4}[a-zA-Z]?(?:[-/][0-9IVX]{1,3})?(?:, ?|;|\n| ?[–·-] ?| te | )"
_UNITS = "MG|ML|IU|IE|UI|UE|CC|KG|CM|MM|HZ|KB|MB|DL|UL|NG|PG|NM|AM|PM|EH|CH|CP|KM|HR|MW|WH|GY|KJ|MJ|AA|AD|BC(?! [A-Z])"
_CITIES = (
    "Ahmedabad|Bangalore|Bengaluru|Bhopal|Chandigarh|Chennai|Coimbatore|Delhi|Goa|Guwahati|Hyderabad|Indore|Jaipur|"
    "Kochi|"
    "Kolkata|Kozhikode|Lucknow|Madurai|Mumbai|Mysore|Mysuru|Nagpur|New Delhi|Patna|Pune|Surat|Thane|Thiruvananthapuram|"
    "Trivandrum|Vadodara|Visakhapatnam"
)
_ISLAND = (
    "Ampara|Anuradhapura|Badulla|Batticaloa|Boralesgamuwa|Dambulla|Dehiwala|Galle|Gampaha|Hambantota|Homagama|Jaffna|"
    "Kaduwela|"
    "Kalmunai|Kalutara|Kandy|Kegalle|Kelaniya|Kilinochchi|Kotte|Kurunegala|Maharagama|Malabe|Mannar|Matale|Matara|"
    "Moneragala|"
    "Moratuwa|Mount Lavinia|Negombo|Nugegoda|Nuwara Eliya|Panadura|Peradeniya|Piliyandala|Polonnaruwa|Puttalam|"
    "Rajagiriya|"
    "Ratnapura|Trincomalee|Vavuniya|Wattala"
)
_ROADS = "Road|Street|Lane|Avenue|Mawatha|Place|Gardens|Rd|St|Ave"
_NO_TOWN_WORDS = (
    "schritte zellen probanden teilnehmer teilnehmerinnen euro eur franken dollar thrombozyten leukozyten erythrozyten "
    "steps copies kopien copie copias copias personen menschen geburten frauen männer kinder fälle tote einheiten iu "
    "patients pacientes pazienti patiënten meter gramm gram kalorien kcal stück mal minuten stunden tage jahre wochen "
    "anti nach seit vor bei mit und oder der die das el la los las le les les il lo the a an "
    "tfno tlfno tlf tel telf teléfono telefono telefon téléphone phone fax correo email mail no "
    "hüft knie tep cabg pci nstemi stemi"
)
_NO_TOWN = frozenset(_NO_TOWN_WORDS.split())
_NEVER = _NO_TOWN | common_words() | ordinary_words() | frozenset(f"{MONTHS}|{WEEKDAYS}".split("|"))
_TOWNS_TOO_WORDS = "essen bath reading nice split tours hamm hall bad san santa saint sankt la le les st new"
_TOWNS_TOO = frozenset(_TOWNS_TOO_WORDS.split())
_STARTS = (
    *("#", "d", "de", "f", "fr", "i", "it", "e", "es", "ch", "at", "a", "b", "be", "l", "dk", "singapore", "colombo"),
    *(name.split(" ")[0].lower() for name in f"{_CITIES}|{_ISLAND}|{_ROADS}".split("|")),
)
_COUNT = re.compile(r"(?:zyten|cytes|ungen|tomie|itis|ose|ämie|logie|gramm|infarkt|fraktur|patient\w{0,5})\Z")
_FIRST = re.compile(rf"[{_CAPITAL}][^\W\d_]{{2,25}}")


def _place(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Refuse a count of things and a year with its event; cut words of everyday text behind the town."""
    value = text[start:end]
    names = list(_FIRST.finditer(value))
    if not names:
        return start, end, 0
    first = names[0].group().casefold()
    if (first in _NEVER and first not in _TOWNS_TOO) or _COUNT.search(first):
        return None
    if first in _TOWNS_TOO and len(names) == 1 and len(first) < 4:
        return None
    for match in names[1:]:
        if match.group().casefold() in _NEVER - _TOWNS_TOO and value[match.start() - 1] == " ":
            cut = value[: match.start()].rstrip()
            return start, start + len(cut), 0
    return start, end, 0


RECOGNIZER = Recognizer(
    kind="postcode_city",
    type=Type.LOCATION,
    patterns=(
        # 74532 Ilshofen, D-80331 München, 00162 Roma (RM), 86020-110 Londrina
        rf"{_BEFORE}(?P<value>(?:(?:DE|D|F|FR|I|IT|E|ES)-)?\d{{5}}(?:-\d{{3}})? {_TOWN}){_STOP}",
        # 3010 Bern, CH-8001 Zürich; not 2012 Appendektomie
        (
            rf"(?:^|(?<=\n)|(?<=[,;|·(] )|(?<=[–-] )|(?<= te )|(?<=PLZ ))(?P<value>(?!20\d\d|"
            rf"19\d\d)[1-9]\d{{3}} {_TOWN}){_STOP}{_EDGE}"
        ),
        rf"{_HOUSE}(?P<value>[1-9]\d{{3}} {_TOWN}){_STOP}{_EDGE}",
        rf"(?<!\w)(?:CH|AT|A|B|BE|L|DK)-[1-9]\d{{3}} {_TOWN}{_STOP}",
        # 5401 BC Uden
        rf"{_BEFORE}(?P<value>[1-9]\d{{3}} ?(?!(?:{_UNITS}) )[A-Z]{{2}}(?:,? | – ){_TOWN}){_STOP}{_EDGE}",
        rf"{_HOUSE}(?P<value>[1-9]\d{{3}} ?(?!(?:{_UNITS})(?!\w))[A-Z]{{2}})(?!\w)",
        r"(?<=[;|])[1-9]\d{3} ?[A-Z]{2}(?=[;|])",
        # 1000-205 Lisboa
        rf"(?<![\w./-])\d{{4}}-\d{{3}} {_TOWN}{_STOP}",
        rf"{_HOUSE}(?P<value>\d{{4}}-\d{{3}})(?![\w-])",
        # Singapore 310456, Chennai 600 028, Colombo 05, Nugegoda 10250
        r"(?<!\w)Singapore,? \(?\d{6}\)?(?!\w)",
        rf"(?<!\w)(?:{_CITIES})(?:,? | ?[–-] ?)[1-8]\d{{2}} ?\d{{3}}(?![\w-])",
        (
            r"(?<!\w)Colombo(?:,? |-)(?:0[1-9]|1[0-5]|[1-9])(?![\w/.:-]\d| ?[:/]\d|\w)(?! ?(?:weeks|days|years|times|"
            r"hours)(?!\w))"
        ),
        rf"(?<!\w)(?:{_ISLAND}),? \d{{5}}(?![\w-])",
        rf"(?<!\w)(?:{_ROADS}), ?(?P<value>{_WORD}(?: {_WORD})? \d{{5}})(?![\w-])",
    ),
    scores=Scores(shape=650),
    starts=_STARTS,
    exact_case=True,
    refine=_place,
)

EXAMPLES = Examples(
    match=(
        "Im Weiler 9\n«74532 Ilshofen»\n",
        "Marktstätte 20; «D-78462 Konstanz», wohnhaft",
        "Piazza Bologna 22, «00162 Roma (RM)»",
        "Cedex, «38200 Vienne», France",
        "Am Wall 88 · «28195 Bremen»",
        "C/ Dulzaina, 2 – «47012 Valladolid»",
        "Infektiologie\n«3010 Bern»\n",
        "rue Haute 4, «1180 Bruxelles»",
        "Kerkstraat 3a – «5401 BC Uden»\n",
        "Dorpsdijk 71, «4311 AK»",
        "«1000-205 Lisboa»",
        "Rua A 12, «2910-520 Setúbal»",
        "CEP «86020-110 Londrina»",
        "Block 12, «Singapore 310456»",
        "lives in «Colombo 05».",
        "Temple Road, «Nugegoda 10250»",
        "Adyar, «Chennai 600 020»",
        "«CH-8001 Zürich»",
        "\n«74523 Schwäbisch Hall»\n",
    ),
    no_match=(
        "20000 Einheiten Heparin",
        "walks 10000 Steps",
        "10000 Schritte am Tag",
        "12345 Patienten",
        ", 15000 Thrombozyten, ",
        "2012 Appendektomie",
        "2019 Januar",
        "\n1993 Karaganda\n",
        "5000 IE Heparin",
        ", 1000 MG Paracetamol",
        "ProBNP 2310 Kreatinin",
        "Leukozyten 12000 Neutrophile",
        "500-1000 mg",
        "Colombo 3 days ago",
        "Colombo 10:30",
        "geboren 3420 Gramm",
        "2015 Hüft-TEP",
    ),
)
