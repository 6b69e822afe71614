"""Number of a record, announced by its label: MRN, chart, accession, Fallnummer, NHC, IPP, nosologico, utente, more."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_STRONG = (
    r"mrn|m\.r\.n|uhid|urn|medical record(?: number| no)?|hospital (?:no|number|id)|patient (?:id|no|number|ref)|"
    r"patient identifier|unit (?:no|number)|clinic (?:no|number)|accession(?: no| number)?|specimen (?:id|no|number)|"
    r"encounter (?:id|no|number)|visit (?:id|no|number)|chart (?:no|number|id)|"
    r"(?:fall|patienten|aufnahme|befund|versicherten|akten|auftrags|proben|fallnr|patient)-?(?:nummer|nr|id|kennung)|"
    r"n\.?h\.?c|nass|cipa|n[ºo°]? ?col|colegiado|historia(?: clínica| clinica)?(?: no)?|episodio|"
    r"ipp|nda|dossier(?: no| n°)?|rpps|finess|cartella(?: clinica)?|nosologico|tessera sanitaria|"
    r"patiënt-?nummer|patientnummer|dossiernummer|n[ºo°]? ?utente|utente|processo|identifiant patient"
)
_WEAK = (
    r"chart|file|record|sample|lab|specimen|encounter|visit|episode|admission|case|claim|policy|member|membership|"
    r"insurance|account|acct|licen[cs]e|registration|reg|serial|device|udi|vehicle|plate|certificate|reference|ref|"
    r"document|application|invoice|order|booking|appointment|student|employee|staff|badge|"
    r"expediente|póliza|poliza|afiliado|adhérent|adherent|assuré|assicurato|pratica|polis|apólice|aktenzeichen|"
    r"vertrag|kunden|rechnung|karte|requête|requete|demanda|solicitud|auto|recurso"
)
_MARK = r"(?:no|nr|number|num|id|n°|#|code|n)"
_LINK = rf"[\"']?[ \t:=#.°º*|-]{{0,6}}(?:{_MARK}[ \t:=#.°-]{{1,4}})?(?:is |was )?[\"'(]?"
_MARKED = rf"[\"'s]{{0,2}}[ \t_-]{{0,2}}{_MARK}[\"']?[ \t:=#.°-]{{0,4}}(?:is |was )?[\"'(]?"
_LETTERED = (
    r"mrn|uhid|nhc|ipp|(?:fall|patienten|aufnahme|befund|versicherten|akten|auftrags|proben|patient|pat\.?)-?"
    r"(?:nummer|nr|id|kennung)|patient id|hospital (?:number|id)"
)
_VALUE = r"(?:\d{2} \d{2} \d{4,6}|\d{2} \d{8}|\d{3,8}(?: \d{3,8}){1,3}|[A-Z0-9][A-Z0-9./-]{2,23}+)(?![\w@])"

_GERMAN = (
    "fall",
    "patienten",
    "aufnahme",
    "befund",
    "versicherten",
    "akten",
    "auftrags",
    "proben",
    "fallnr",
    "patient",
)
_STARTS = (
    "mrn", "m", "uhid", "urn", "medical", "hospital", "unit", "clinic", "accession", "nhc", "n", "no", "nass", "cipa",
    "nocol", "ncol", "colegiado", "historia", "episodio", "ipp", "nda", "dossier", "rpps", "finess", "cartella",
    "nosologico", "tessera", "patiënt", "patiëntnummer", "patientnummer", "dossiernummer", "noutente", "nutente",
    "utente", "processo", "identifiant", "license", "licence", "nos", "nr",
    *(stem + end for stem in _GERMAN for end in ("", "nummer", "nr", "id", "kennung")),
    *(word for word in _WEAK.split("|") if word.isalpha()),
)  # fmt: skip
_DATE = re.compile(r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})\Z")
_YEAR = re.compile(r"(?:19|20)\d\d\Z")


def _trimmed(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    while end > start and not text[end - 1].isalnum():
        end -= 1
    value = text[start:end]
    if " " in value and value.upper() != value:
        return None
    digits = sum(c.isdigit() for c in value)
    letters = sum(c.isalpha() for c in value)
    if digits < 2 or len(value) < 3 or letters > digits + 3 or _DATE.match(value) or _YEAR.match(value):
        return None
    return start, end, 0


RECOGNIZER = Recognizer(
    kind="record_number",
    type=Type.ID,
    patterns=(
        rf"(?<![^\W_])(?P<cue>{_STRONG}){_LINK}(?P<value>{_VALUE})",
        rf"(?<![^\W_])(?P<cue>{_WEAK}){_MARKED}(?P<value>{_VALUE})",
        rf"(?<![^\W_])(?P<cue>{_LETTERED}){_LINK}(?P<value>[A-Z]{{1,4}} \d{{2,10}})(?![\w@])",
        r"(?<![^\W_])(?P<cue>n[or°]s?)[. ]{1,3}(?P<value>\d{4,7} ?/ ?\d{2,4})(?!\w|[./,]\d)",
    ),
    starts=_STARTS,
    scores=Scores(cued=850),
    guarded=False,
    refine=_trimmed,
    kinds=(
        ("m.r.n", "mrn"),
        ("mrn", "mrn"),
        ("medical record", "mrn"),
        ("accession", "accession"),
        ("specimen", "specimen"),
        ("sample", "specimen"),
        ("encounter", "encounter"),
        ("episod", "encounter"),
        ("visit", "encounter"),
        ("claim", "claim"),
        ("policy", "insurance"),
        ("insurance", "insurance"),
        ("member", "insurance"),
        ("account", "account"),
        ("license", "licence"),
        ("licence", "licence"),
        ("serial", "device"),
        ("device", "device"),
        ("vehicle", "vehicle"),
    ),
)

EXAMPLES = Examples(
    match=(
        "MRN «12345678»",
        "MRN: «A-10234», stable",
        "patient id = «PT-2024-0017».",
        "NHC: «2569870».",
        "NASS: «26 63514095».",
        "NºCol: «28 28 20943».",
        "Fallnummer: «2024-001234»",
        "accession no. «S24-1180»",
        "IPP «8001234567»",
        "claim number «88-AB-1201»",
        "Hospital No «H123456» ward",
        '{"mrn": "«88123»"}',
        "application no. «47289/99»",
        "Versichertennr   «OXG 79»",
    ),
    no_match=(
        "case: 45-year-old man",
        "visit 2019",
        "chart review 12",
        "file attached",
        "policy changed in 2020",
        "admission 12/03/2021",
        "account for 20%",
        "lab 5.6",
        "MRN unknown",
        "no 120/80 today",
        "patient id see 120 below",
    ),
)
