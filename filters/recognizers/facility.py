"""Facility: a word for one with a proper name beside it: Thamesview Surgery, Klinikum Kassel, EHPAD Les Tilleuls.

Law: at least one word of the name is no everyday, medical or general word, or it is a saint's; the line is never left.
"""

from __future__ import annotations

import re

from filters.eponyms import is_eponym, is_medicine
from filters.findings import Type
from filters.proper_names import (
    GENERAL,
    SAINTS,
    STEM,
    flat_of,
    is_general,
    name_after,
    name_before,
    words_of,
)
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]


_KINDS = (
    "kinder|frauen|haut|augen|zahn|kreis|bezirks|unfall|stadt|universitäts|uni|lungenfach|lungen|fach|tages|herz|"
    "rotkreuz|privat|landes|bundeswehr|reha|rehabilitations|sucht|schmerz|rheuma|nieren|haus|kantons|insel|"
    "gesundheits|zentral"
)
_HOUSES = "klinik|kliniken|klinikum|krankenhaus|hospital|spital|zentrum"
_GERMAN = (
    "hausarztpraxis|gemeinschaftspraxis|zahnarztpraxis|kinderarztpraxis|frauenarztpraxis|facharztpraxis|praxis|"
    "apotheke|pflegeheim|altenpflegeheim|seniorenheim|altenheim|seniorenresidenz|seniorenzentrum|seniorenstift|"
    "pflegezentrum|pflegedienst|hospiz|sozialstation|mvz|institut"
)
_BEHIND = (  # the name stands behind: Spanish, French, Italian, Dutch, Portuguese
    "hôpital|clinique|polyclinique|ehpad|chu|chr|chru|cabinet|centre|maternité|pharmacie|laboratoire|maison|"
    "ospedale|policlinico|clinica|presidio|poliambulatorio|rsa|casa|aou|ausl|asst|istituto|farmacia|residenza|"
    "clínica|policlínica|policlínico|sanatorio|centro|residencia|ambulatorio|consultorio|laboratorio|instituto|"
    "complejo|fundación|fundação|fondazione|fondation|maternidade|maternidad|usf|ubs|upa|caps|psf|lar|farmácia|"
    "laboratório|unidade|ziekenhuis|streekziekenhuis|kinderziekenhuis|umc|az|uz|wzc|zorgcentrum|verpleeghuis|"
    "verzorgingshuis|woonzorgcentrum|revalidatiecentrum|huisartsenpraktijk|groepspraktijk|gezondheidscentrum|kliniek|"
    "apotheek|huisartsenpost|hospice"
)
_ENGLISH = (
    "clinic|polyclinic|infirmary|surgery|practice|sanatorium|pharmacy|home|center|institute|unit|imaging|rehab|"
    "diagnostics|radiology|laboratories|general"
)
_COMPOUND = [f"{kind}{house}" for kind in _KINDS.split("|") for house in _HOUSES.split("|")]
_GERMANS = frozenset([*_COMPOUND, *_HOUSES.split("|"), *_GERMAN.split("|")]) - {"hospital"}
_BEHINDS = frozenset([*_BEHIND.split("|"), "hospital"])
_BEFORES = frozenset([*_ENGLISH.split("|"), "hospital", "hospice", "centre", "umc"])
_CAPITALS = words_of("umc az uz wzc chu chr chru rsa aou ausl asst usf ubs upa caps psf mvz")
_NEEDS_KIND = words_of(
    "centre centro casa maison institut residencia residenza unidade zentrum presidio complejo cabinet laboratoire"
)
"""They name a facility only with what it is for: "Centro de Salud", "Casa di cura", "Zentrum für Neurologie"."""
_OF_KIND = {
    "home": words_of("nursing care residential rest retirement"),
    "casa": words_of("riposo cura repouso saúde salud anziani idosos"),
    "maison": words_of("retraite santé repos"),
    "unidade": words_of("saúde"),
    "residencia": words_of("mayores ancianos geriátrica virgen san santa"),
    "residenza": words_of("anziani sanitaria assistenziale"),
}
_AT = re.compile(r"(?:(?<=^)|(?<=[ \n(]))(?:[Aa]t|[Ff]rom|[Tt]o|[Bb]y|[Vv]ia|@) \Z")
_AT_ONLY = words_of("imaging rehab diagnostics radiology general laboratories")
_BEFORE_CLINICA = re.compile(
    r"(?:(?<=^)|(?<=[ \n:'’,(]))(?:la|una|na|da|alla|dalla|in|presso|en|a|em|della|de) \Z", re.IGNORECASE
)

_QUALIFIERS = words_of("base teaching district general national university provincial regional royal divisional")
_ADJECTIVE = re.compile(r"[A-ZÄÖÜ][a-zäöüß]{2,20}(?<!lich)(?<!isch)(?<!iv)(?<!al)(?<!är)(?<!nd)(?<!ell)er\Z")
_CARRIERS = words_of(
    "Vivantes Asklepios Helios Sana Median Marien BG DRK KfH Ameos Paracelsus Caritas AWO Johanniter Malteser "
    "Charité Elisabeth"
)


def _german_before(text: str, start: int) -> int:
    """Where a German name begins in front of its noun: St. Michael Krankenhaus, Altonaer Klinik; else `start`."""
    first, words = name_before(text, start, shouted=False)
    near = words[0] if words else ""
    if first >= 0 and (_ADJECTIVE.match(near) and len(near) > 5 and not is_general(near)):
        return start - 1 - len(near)
    saint = len(words) > 1 and flat_of(words[1]) in SAINTS
    if first >= 0 and saint:
        return text.rfind(words[1], 0, start)
    for word in words:
        if word in _CARRIERS:
            return text.rfind(word, 0, start)
    return start


def _german(text: str, start: int, end: int, noun: str, head: int) -> tuple[int, int, int] | None:
    if not text[start].isupper():
        return None
    last, kind = name_after(text, end, shouted=text[start:end].isupper())
    if noun.endswith("praxis") and last < 0:
        doctor = _DOCTOR.match(text, end)
        last = doctor.end() if doctor else -1
    first = _german_before(text, head)
    prefixed = head < start and not is_general(text[head : start - 1]) and not text[head : start - 1].isupper()
    if noun in _NEEDS_KIND and not kind and not prefixed:
        return None
    if last < 0 and first == head and not prefixed:
        return None
    carried = _CARRIED.search(text[max(0, first - 40) : first])
    return first - len(carried.group()) if carried else first, max(last, end), 0


def _behind(text: str, start: int, end: int, noun: str) -> tuple[int, int, int] | None:
    value = text[start:end]
    last, kind = name_after(text, end, shouted=value.isupper() and noun not in _CAPITALS)
    doctor = _NAMED_DOCTOR.match(text, end) if noun == "hospital" and last < 0 else None
    last = doctor.end() if doctor else last
    saint = noun == "residencia" and value[0].isupper() and _SAINT.match(text, end) is not None
    fits = saint or (kind in _OF_KIND.get(noun, (kind,)) and (noun not in _NEEDS_KIND or bool(kind)))
    place = value[0].islower() and last > 0 and _OF_PLACE.search(text[end:last]) is not None
    if last < 0 or not fits or place or _is_adjective(text, start, noun):
        return None
    return (start, last, 0) if _is_written_so(value, noun) else None


def _is_written_so(value: str, noun: str) -> bool:
    return value.isupper() if noun in _CAPITALS else noun != "lar" or value[0].isupper()


def _is_adjective(text: str, start: int, noun: str) -> bool:
    """ "Historia clínica" is no clinic."""
    if noun not in ("clínica", "clinica") or not start or text[start - 1] != " " or text[start - 2] in ".:,;-–":
        return False
    if text[start].islower() and not _BEFORE_CLINICA.search(text[max(0, start - 10) : start]):
        return True
    return _CLINICAL.search(text[max(0, start - 20) : start]) is not None


def _english(text: str, start: int, end: int, noun: str) -> tuple[int, int, int] | None:
    shouted = text[start:end].isupper()
    first, words = name_before(text, start, shouted=shouted)
    if first < 0 or not text[start].isupper() or (noun == "surgery" and shouted):
        return None
    near = flat_of(words[0])
    bare = [word.removesuffix("'s").removesuffix("’s") for word in words]
    weak = noun in ("centre", "center", "unit", "institute") and near not in GENERAL and not STEM.match(near)
    away = noun in _AT_ONLY and (near.endswith("or") or not _AT.search(text[max(0, first - 6) : first]))
    known = noun not in ("hospital", "home", "infirmary") and any(is_eponym(w) or is_medicine(w) for w in bare)
    romance = any(_ROMANCE_WORD.search(flat_of(word)) for word in words if is_general(word))
    if weak or away or known or romance or near not in _OF_KIND.get(noun, (near,)):
        return None
    return first, end, 0


def _named(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Find the name beside the noun, on the side where its language puts it."""
    noun = text[start:end].casefold()
    head = start
    while (
        head
        and (text[head - 1] == "-" or text[head - 1].isalnum() or text[head - 1 : head + 1] == ".-")
        and start - head < 60
    ):
        head -= 1
    if noun in _GERMANS:
        return _german(text, start, end, noun, head)
    if head < start:
        return _german(text, start, end, noun, head) if noun == "hospital" else None
    before = _english(text, start, end, noun) if noun in _BEFORES else None
    behind = _behind(text, start, end, noun) if noun in _BEHINDS else None
    if behind:
        lead = text[max(0, start - 40) : start]
        qualified = (_QUALIFIED.search(lead) or _CARRIED.search(lead)) if noun == "hospital" else None
        return start - len(qualified.group()) if qualified else start, behind[1], 0
    return None if before and _ROMANCE.match(text, end) else before


_DOCTOR = re.compile(r" (?:(?:Drs?|Prof|med|dent)\. ){1,3}[A-ZÀ-Þ][^\W\d_]{2,24}(?:[- ](?=[A-ZÀ-Þ])[^\W\d_]{2,24})?")
_ROMANCE_WORD = re.compile(r"(?:ía|ica|ivo|iva|ción|digestivo)\Z")
_SAINT = re.compile(r" (?:Virgen|San|Santa|Santo|Nuestra|Nossa|Sagrad[oa]|Madre) [A-ZÀ-Þd]")
_OF_PLACE = re.compile(r"\A[^A-ZÀ-Þ]*[ ](?:de|di|da|do|du|d['’]) ?[A-ZÀ-Þ][^\W\d_]*\Z")
_ROMANCE = re.compile(r" (?:del?|da|do|di|della|General|Universitari[oa]?|\d)(?!\w)")
_CARRIED = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(_CARRIERS))}|Städtisches?|Evangelisches?|Katholisches?) \Z")
_NAMED_DOCTOR = re.compile(
    r"(?: [A-ZÀ-Þ][a-zà-ÿ]{3,15}){1,2} Dra?\. [A-ZÀ-Þ][^\W\d_]{2,20}(?: [A-ZÀ-Þ][^\W\d_]{2,20})?(?: "
    r"[A-ZÀ-Þ][^\W\d_]{2,20})?"
)
_QUALIFIED = re.compile(rf"(?<![\w-])(?<!ía )(?<!na )(?<!ia )(?i:{'|'.join(sorted(_QUALIFIERS))}) \Z")
_CLINICAL = re.compile(
    r"(?:histori[ae]|storia|história|evoluci[oó]n|evolução|sospecha|exploración|cartella|valutazione|relazione|"
    r"relación|"
    r"suspeita|avaliação|psicologia|psicología|genética|genetica|química) \Z",
    re.IGNORECASE,
)
_NOUNS = sorted({*_GERMANS, *_BEHINDS, *_BEFORES}, key=lambda noun: (-len(noun), noun))

RECOGNIZER = Recognizer(
    kind="facility",
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
        "GP «Thamesview Surgery».",
        "care at «Our Lady's Hospice»: she",
        "«Bon Secours Hospital»\nCork",
        "«Hamad Al Noor Diabetes Centre» wrote",
        "Signed Blessing, «The Willows Nursing Home»",
        "refer «KINGSMEAD TRANSPLANT UNIT» now",
        "«St.-Vinzenz-Hospital Dinslaken»",
        "«Thornbury Road Surgery» called",
        "Kollegen im «Klinikum Bergmannstrost Halle» und",
        "in der «Özdan-Klinik Addis Ababa» am",
        "Histologie («Institut für Pathologie Erlangen-Süd», Nr. 3)",
        "Praxisstempel: «MVZ Kardiologie Saarpfalz»\nPat.",
        "«Seniorenresidenz Weserblick», WB 2",
        "«Praxis Dr. Clasen» bittet",
        "«Ziekenhuis Vechtstroom»",
        "opname «AZ Sint-Godelieve» wegens",
        "«Polyclinique des Cèdres»",
        "à l'«hôpital Robert-Debré» hier",
        "«Cabinet de Radiologie des Deux Ponts»",
        "ospite: «RSA Madonna delle Grazie»",
        "in «casa di riposo Villa Serena» da",
        "«Lar Nossa Senhora do Amparo»",
        "ingresado en el «Hospital Clínico San Carlos» ayer",
        "«Centro de Salud Las Rozas»",
        "«UBS Jardim Europa»",
    ),
    no_match=(
        "Plastic Surgery follow-up in Diabetes Clinic",
        "the General Hospital and the Eye Clinic",
        "Stroke Unit, Intensive Care Unit",
        "Hospital Course: stable",
        "Klinik für Innere Medizin",
        "Universitätsklinik für Kinder- und Jugendmedizin",
        "Institut für Pathologie",
        "Medizinische Klinik I, Prof. Weber",
        "Praxis am Montag",
        "Historia Clínica López",
        "Hospital de Día",
        "en hôpital de jour",
        "Centre Hospitalier Universitaire",
        "Clinica chirurgica",
        "AZ Reduziert",
        "Parkinson's Clinic",
        "Farmacia Central",
        "casa Bianchi",
        "Magnetic Resonance Imaging",
        "Community Hospital\nSmith",
    ),
)
