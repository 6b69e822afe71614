"""Serial number of a device or lot of a product, beside its label: "SN 6 148 207", "lotto HK7720914", "S/N: 12-345"."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.guards import is_measure
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_OF = "(?:d[eio] |du |da |del |di |of )?"
_SERIAL = (
    rf"serial|serien|seriennr|seriennummer|serienr|serienummer|sn|"
    rf"n(?:[°ºo]|\.[ °ºo]?|r|um[eé]ro|úmero)? ?{_OF}s[eé]rie|"
    "matricola|udi|chargen?-?b|ch\\.-b|gerätenummer|gerätenr|device id|implant id"
)
_LOT = "lot|lotnummer|lotnr|lote|lotto|batch|chargennummer|chargennr|chargen|ch-b|partijnummer|partij"
_DEVICE = (
    "transmitter|transmetteur|trasmettitore|transmisor|transmissor|zender|sensor|generator|aggregat|boîtier|boitier|"
    "sonde|scope|endoscope|dispositivo|dispositif|device|pump|pompe|pompa|pumpe|bomba|implant|implantat|pacemaker|"
    "schrittmacher|stimulateur|marcapasos|concentrador|concentrator|terminal|bolsa|bag|ventilator|catheter|stent|"
    "katheter|lead|electrode|elektrode"
)
_MARK = r"(?:n[or]|num|number|nummer|numero|n[°º]|n\.[°ºo]|n|id|code|#)(?![^\W\d_])"
_LINK = rf"\.?[ \t]{{0,2}}[-:=#]?[ \t]{{0,2}}(?:{_MARK}[.:]?[ \t:=#-]{{0,3}})?[\"'(]?"
_RUN = r"(?-i:[A-Z0-9][A-Z0-9./-]{2,25}+)(?![\w@])"
_GROUPS = r"\d{1,4}(?: \d{3,4}){1,4}(?!\w|[.,/:-]\d)"
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\Z|\d{4}[./-]\d{1,2}(?:[./-]\d{1,2})?\Z|\d{1,2}[./](?:19|20)\d\d\Z")
_YEAR = re.compile(r"(?:19|20)\d\d\Z")
_RANGE = re.compile(r"\d{1,4}(?:\.\d{1,3})?[-/]\d{1,4}(?:\.\d{1,3})?\Z|\d{3}-\d{3}-\d{4}\Z|\d{1,4}\.\d{1,2}\Z")


def _serial(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """At least three digits, or six signs of which two are digits; no date, no range, no measurement, no telephone."""
    while end > start and not text[end - 1].isalnum():
        end -= 1
    value = text[start:end]
    digits = sum(c.isdigit() for c in value)
    letters = sum(c.isalpha() for c in value)
    if digits < 2 or digits + letters < (6 if digits < 3 else 4) or letters > digits + 5 or is_measure(text, end):
        return None
    if _DATE.match(value) or _YEAR.match(value) or _RANGE.match(value):
        return None
    return start, end, 0


def _starts() -> tuple[str, ...]:
    words = {"s", "sn", "n", "no", "nº", "nr", "numero", "numéro", "número", "num", "noserie", "nosérie", "ch"}
    words |= {"ra", "rv", "lv", "serial", "charge", "chargen", "device", "implant", "ref"}
    words |= {"sériennr", "nserie", "nsérie", "nrserie", "nrsérie", "nºserie", "nºsérie"}
    every = f"{_SERIAL}|{_LOT}|{_DEVICE}"
    words |= {
        word + end for word in every.split("|") if word.isalpha() for end in ("", "no", "nr", "id", "number", "n")
    }
    return tuple(sorted(words | {word + "nummer" for word in ("serien", "chargen", "lot", "geräte", "device")}))


_B = r"(?<![^\W_])"
_PATTERNS = (
    rf"{_B}(?P<cue>{_SERIAL}){_LINK}(?P<value>{_GROUPS}|{_RUN})",
    # Spanish "s/n" is a house without a number: a postcode follows
    (
        rf"{_B}(?P<cue>s/n)(?:[ \t]?[:#][ \t]{{0,2}}|[ \t](?=(?:[A-Z./-]{{0,9}}\d){{6}}))"
        rf"(?P<value>{_GROUPS}|{_RUN})"
    ),
    rf"{_B}(?P<cue>{_LOT}){_LINK}(?P<value>(?=(?:[A-Z./-]{{0,9}}\d){{4}}|[A-Z0-9./-]{{0,9}}[A-Z]){_RUN})",
    (
        rf"{_B}(?P<cue>(?-i:Charge|Ch\.)):? {{1,2}}"
        rf"(?P<value>(?-i:(?=[A-Z0-9./-]{{0,9}}[A-Z]))(?=(?:[A-Z./-]{{0,9}}\d){{3}}){_RUN})"
    ),
    rf"{_B}(?P<cue>(?-i:Charge|CHARGE|Ch)):[ \t]{{1,2}}(?P<value>(?=(?:[A-Z./-]{{0,9}}\d){{5}}){_RUN})",
    rf"{_B}(?P<cue>(?-i:REF))[ :#]{{1,3}}(?P<value>(?=(?:[A-Z./-]{{0,9}}\d){{4}}){_RUN})",
    # a word for a device without "no.": letters and five digits
    (
        rf"{_B}(?P<cue>{_DEVICE}){_LINK}"
        rf"(?P<value>(?=(?:[A-Z./-]{{0,9}}\d){{5}})(?-i:(?=[A-Z0-9./-]{{0,12}}[A-Z])){_RUN})"
    ),
    rf"{_B}(?P<cue>(?-i:RA|RV|LV))[ :]{{1,2}}(?P<value>(?-i:[A-Z]{{3}}\d{{6,8}}[A-Z]?)(?![\w@]))",
    (
        rf"{_B}(?P<cue>transmitter|transmetteur|trasmettitore|transmisor|transmissor|zender)[ :]{{1,3}}"
        r"(?P<value>(?-i:\d[A-Z0-9]{5})(?![\w@]))"
    ),
)


RECOGNIZER = Recognizer(
    kind="device_serial",
    type=Type.ID,
    patterns=_PATTERNS,
    scores=Scores(cued=800),
    starts=_starts(),
    guarded=False,
    refine=_serial,
)

EXAMPLES = Examples(
    match=(
        "SN «6 148 207») + ACB",
        "Pumpen-SN «1048832», mit",
        "S/N: «CX-99-4471»",
        "serial no. «PJN402817S»",
        "Pacemaker serial «PJN402817S»,",
        "Serien-Nr. «RNB618402H», implantiert",
        "Olympus, Seriennr. «2814739»",
        "Pompe n° série «CADD-5581902».",
        "concentrador n.º serie «INV-5PL-20771»,",
        "número de serie «AB12345»",
        "DR (Medtronic), matricola «RNB330917G»",
        "Nu pomp (serienr. «MMT-1884-00931»)",
        "nail lot no. «PFN-8841207-B», lag",
        "Stamaril batch «T3F291V», given",
        "Batch «2307148A». Went",
        "Componenti: lotto «HK7720914».",
        "Rede (lote «LX88-0312»).",
        "Ch.-B.: «AHBVC123»",
        "Chargen-Nr. «X4471»",
        "Charge «FE8823», Impfung",
        "REF «5940-12-4471»",
        "mit Dexcom G6, Transmitter «8N4KTR»)",
        "PM boîtier «PJN612088S» contrôlé",
        "Sonden: RA «PJN4471820» / RV links",
        "dispositivo n.º «PWP-330918»",
    ),
    no_match=(
        "a lot of 1000 patients",
        "lot 2024",
        "lot 212-555-0187",
        "batch 12",
        "serial 12/03/2024",
        "serial troponin 450",
        "serial ECGs",
        "REF 3.5-5.1",
        "Charge 12",
        "in charge 2024",
        "charge 12000 copies",
        "SN 12",
        "Avenida Juan Carlos I, s/n 28046 Madrid",
        "sensor G6",
        "pump 120 ml",
        "pacemaker DDD 60",
        "stent 3.0x15 mm",
        "a lot 100-200",
        "lead V1-V4",
        "matricola",
        "ICD F32.1",
        "ICD N1234567",
    ),
)
