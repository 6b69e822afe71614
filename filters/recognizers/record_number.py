"""Number of a record, announced by its label: MRN, chart, accession, Fallnummer, NHC, IPP, nosologico, utente, more."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.guards import is_measure
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_STRONG = (
    r"mrn|m\.r\.n|uhid|urn|medical record(?: number| no)?|hospital (?:no|number|id)|patient (?:id|no|number|ref)|"
    r"patient identifier|unit (?:no|number)|clinic (?:no|number)|accession(?: no| number)?|specimen (?:id|no|number)|"
    r"encounter (?:id|no|number)|visit (?:id|no|number)|chart (?:no|number|id)|clinic book (?:no|number)|"
    r"(?:fall|patienten|aufnahme|befund|versicherten|akten|auftrags|proben|fallnr|patient)-?(?:nummer|nr|id|kennung)|"
    r"n\.?h\.?c|nass|cipa|n[ºo°]? ?col|colegiado|historia(?: clínica| clinica)?(?: no)?|episodio|"
    r"ipp|nda|dossier(?: no| n°)?|rpps|finess|cartella(?: clinica)?|nosologico|tessera sanitaria|"
    r"patiënt-?nummer|patientnummer|dossiernummer|n[ºo°]? ?utente|utente|processo|identifiant patient|"
    r"prontuário|prontuario|opname-?id|rijksregisternr|rijksregisternummer|v-nummer"
)
_WEAK = (
    r"chart|file|folder|record|sample|lab|specimen|encounter|visit|episode|admission|case|claim|policy|member|"
    r"membership|insurance|ins|account|acct|acc|licen[cs]e|lic|registration|reg|serial|device|udi|vehicle|plate|"
    r"certificate|reference|ref|document|application|invoice|order|booking|appointment|student|employee|staff|badge|"
    r"complaint|incident|referral|ticket|job|plan|passport|visa|hosp|hospital|permit|card|receipt|"
    r"expediente|expte|exp|póliza|poliza|afiliado|afiliación|siniestro|pasaporte|cédula|cedula|céd|matrícula|matricula|"
    r"biopsia|folio|tarjeta|licencia|adhérent|adherent|assuré|allocataire|matricule|séjour|passeport|police|"
    r"assicurato|pratica|polizza|verbale|accettazione|protocollo|passaporto|patente|ricetta|impegnativa|"
    r"polis|polisnr|kenmerk|accessie|verzekerden|afspraak|paspoort|rijksregister|opname|patiënt|"
    r"apólice|protocolo|residência|passaporte|proc|carteira|carteirinha|ficha|laudo|registro|registo|"
    r"aktenzeichen|geschäftszeichen|az|gz|vers|versicherung|versicherungs|versicherten|unters|untersuchungs|eing|"
    r"eingang|eingangs|fall|pat|patienten|aufnahme|befund|akten|auftrag|auftrags|proben|kv|einsatz|vorgang|vorgangs|"
    r"mitglied|mitglieds|ausweis|personalausweis|reisepass|rentenversicherung|sozialversicherung|sozialversicherungs|"
    r"schaden|chiffre|beleg|histo|journal|register|vertrag|kunden|rechnung|karte|requête|requete|demanda|solicitud|"
    r"auto|recurso"
)
_CODED = (
    r"(?:our |your |complaint )?ref|reference|complaint|case|claim|policy|member|invoice|passport|accession|file|"
    r"folder|record|account|acct|permit|licen[cs]e|booking|aktenzeichen|geschäftszeichen|az|gz|fall|chiffre|vorgang|kenmerk|"
    r"befund|dossier|séjour|police|matricule|passeport|passaporto|patente|polizza|protocollo(?: certificato)?|"
    r"permesso di soggiorno|carta d['’]identità|carta di identità|accettazione|nosologico|verbale|pratica|"
    r"(?:numero )?cartella|codice|expediente|expte|exp|póliza|poliza|siniestro|pasaporte|cédula|cedula|céd\.? ?prof|"
    r"matrícula|"
    r"permiso de residencia|tarjeta(?: sanitaria)?|folio|afiliado|cód|colegiado|col|polis|paspoort|polisnr|patiëntnr|"
    r"dossiernr|zaak|apólice|passaporte|proc|processo|protocolo|título de residência|carteira|ficha|registro|reg|"
    r"cod\.? ?reg|ambulancerit|einsatz|certificado|folder no|lic|mitglied|reisepass|personalausweis|ausweis"
)
_LETTERS = (
    r"GMC|NMC|SLMC|PRC|PTR|HCPC|GPhC|NISS|INSZ|NAM|RAMQ|RNM|RNE|CPF|CNS|NIS|AHV|AVS|BSN|AGB|RIZIV|INAMI|BIG|LANR|BSNR|PID|"
    r"MDN|SVNR|QID|RPPS|ADELI|NUHSA|CURP|RUT|SIP|NSS|CUIL|CIP|H\.? ?C\.?|NIF|CRM(?:[-/ ][A-Z]{2})?|"
    r"CRP(?=:? \d{1,2}/\d)|COREN(?:[-/ ][A-Z]{2})?|OM|CMP|M\. ?[NP]\.?|MN|R\. ?M\.|RM|C\.?C|C\.?I|TI/CC|"
    r"DNI|SINAN|UR|MRN|UHID|NHI|DVA|NIC|IC|KVNR|SVN|[Cc]arteir(?:a|inha)|"
    r"NISS/INSZ|AME|MSP|HN|H\.[ªa]|Hª|hª|IK|VSNR|Fall|Pat|Autogenerado|TAO|PIN|EMRN|Matr|Identifikationsnummer"
)
_GROWN = (
    "polis|dossier|patiënt|patient|opname|accessie|afspraak|zaak|klant|verzekerden|rijksregister|eingangs|eing|einsatz|"
    "untersuchungs|unters|versicherungs|vers|vorgangs|vertrags|kunden|mitglieds|ausweis|pass|reisepass|personalausweis|"
    "pat|kv|journal|histo|labor|register|rechnungs|karten|rentenversicherungs|sozialversicherungs|schaden|beleg|ref"
)
_MARK = r"(?:no|nr|number|nummer|numero|número|num|id|n°|nº|n\.[º°o]|#|code|n)(?![^\W\d_])"
_LINK = rf"[\"']?[ \t:=#.°º*|-]{{0,6}}(?:{_MARK}[ \t:=#.°-]{{1,4}})?(?:is |was )?[\"'(]?"
_MARKED = rf"(?:[\"']?[.\t _-][ \t_-]{{0,2}}{_MARK}|#|n°|nº)[\"']?[ \t:=#.°-]{{0,4}}(?:is |was )?[\"'(]?"
_LETTERED = (
    r"mrn|uhid|nhc|ipp|(?:fall|patienten|aufnahme|befund|versicherten|akten|auftrags|proben|patient|pat\.?)-?"
    r"(?:nummer|nr|id|kennung)|patient id|hospital (?:number|id)|licence|license|passport"
)
_VALUE = (
    r"(?:\d{2} \d{6} [A-Z] \d{3}|\d{2} \d{2} \d{4,6}|"
    r"\d{2} \d{8}|(?:[A-Z] ?)?\d{3,8}(?: \d{3,8}){1,3}|\d{2} \d{4} \d{4}|"
    r"[A-Z0-9][A-Z0-9./-]{2,23}+)(?![\w@])"
)
_RUN = r"(?-i:[A-Z0-9][A-Z0-9./-]{2,23}+)(?![\w@])"
_SOME = r"(?=(?:[A-Z./-]{0,9}\d)"
_WITH_LETTER = r"(?-i:(?=[\d./-]{0,12}[A-Z]))"
_GROUPS = (
    r"(?-i:(?:[A-Z]{1,4} )?\d{1,8}(?:[ ./-]\d{1,12}){1,6}(?: [A-Z]{1,2}\d?(?: \d{3})?(?!\w)|-[\dA-Z](?!\w))?)"
    r"(?!\w|[@%]|[.,:/-]\d)"
)
_OF = r"(?:(?:d[eiou]|del|della|da|do|dell|van|of) |d['’])?"
_PREFIXED = (
    r"adhérent|adherent|dossier|séjour|examen|allocataire|assuré|matricule|contrat|police|passeport|patient|"
    r"sécurité sociale|acceso|biopsia|afiliado|expediente|póliza|colegiado|tarjeta|historia|episodio|"
    r"petición|siniestro|cédula|pratica|polizza|cartella|verbale|accettazione|protocollo|tessera|impegnativa|utente|processo|apólice|"
    r"beneficiário|prontuário|carteira|cartão|benefício|protocolo|inscrito|registro|registo|nosologico|ricetta"
)
_INSURERS = r"kk|aok|ikk|tk|bkk|barmer|dak|knappschaft|krankenkasse|kasse|vers|versichert|versichertennummer"

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
_WORD = re.compile(r"[^\W\d_]+")
_ENDS = ("nr", "nummer", "id", "kennung")


def _starts() -> tuple[str, ...]:
    """The first word of every label, and German and Dutch stems with the word for "number" grown to them."""
    words = {
        "m",
        "n",
        "no",
        "nº",
        "nos",
        "nr",
        "num",
        "numero",
        "numéro",
        "número",
        "nocol",
        "nºcol",
        "ncol",
        "nutente",
    }
    words |= {
        "noutente",
        "nºutente",
        "nhc",
        "patiëntnummer",
        "h",
        "hª",
        "opnameid",
        "license",
        "licence",
        "our",
        "your",
    }
    words |= {word + "n" for word in ("polis", "ref", "az")}
    words |= {"hc", "cc", "ci", "carteira", "carteirinha", "mn", "mp", "ti"}
    for labels in (_STRONG, _WEAK, _CODED, _LETTERS, _PREFIXED, _INSURERS):
        words |= {first.group() for first in map(_WORD.match, labels.lower().split("|")) if first}
    return tuple(sorted(words | {stem + end for stem in (*_GERMAN, *_GROWN.split("|")) for end in _ENDS}))


_STARTS = _starts()
_DATE = re.compile(
    r"[0-3]?\d[./-][0-3]?\d[./-](?:19|20)?\d\d(?:\Z| )|\d{4}[./-]\d{1,2}[./-]\d{1,2}(?:\Z| )|"
    r"(?:0?\d|1[012])[./](?:19|20)\d\d\Z|\d{1,2}\.\d{1,2}\.(?:\d{2,4})?-\d{1,2}\.\d{1,2}\.(?:\d{2,4})?\Z"
)
_YEAR = re.compile(r"(?:19|20)\d\d(?:[/-](?:19|20)?\d\d)?\Z")
_RANGE = re.compile(r"\d{1,4}(?:\.\d{1,3})?-\d{1,4}(?:\.\d{1,3})?\Z|\d{1,3}\.\d{1,3}\Z|\d{2,3}/\d{2,3}\Z")
_STUDY = re.compile(r"NCT|ISRCTN|ICD|COVID|SARS|DSM|\d{1,3}\.\d{1,3}[-/ ]\d{1,3}\.\d{1,3}\Z", re.IGNORECASE)
_TAIL = re.compile(r" [A-Z](?=[\n,;)]|\Z)")
_LABORATORY = re.compile(r"(?:ref|reference|lab|record|sample|case|visit|folder)[^\w\n]{0,3}\Z", re.IGNORECASE)
_SURE = 8


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
    if _STUDY.match(value) or (digits < _SURE and is_measure(text, end)):
        return None
    if _RANGE.match(value) and _LABORATORY.search(text, max(0, start - 14), start):
        return None
    tail = _TAIL.match(text, end) if "/" in value else None
    return start, tail.end() if tail else end, 0


_B = r"(?<![^\W_])"
_NO_PRESSURE = r"(?!\d{1,3}/\d{1,3}(?!\d)|\d{1,4}-\d{1,4}(?![\d-]))"
_PATTERNS = (
    rf"{_B}(?P<cue>{_STRONG}){_LINK}(?P<value>{_VALUE})",
    rf"{_B}(?P<cue>{_WEAK}){_MARKED}(?P<value>{_VALUE})",
    rf"{_B}(?P<cue>(?:{_GROWN})-?(?:nr|nummer|id|kennung))(?![^\W\d_]){_LINK}(?P<value>{_VALUE})",
    rf"{_B}(?P<cue>{_LETTERED}){_LINK}(?P<value>[A-Z]{{1,5}} \d{{2,10}}(?-i: [A-Z]\d{{2}}[A-Z]{{2}})?)(?![\w@])",
    rf"{_B}(?P<cue>n[or°]s?)[. ]{{1,3}}(?P<value>\d{{4,7}} ?/ ?\d{{2,4}})(?!\w|[./,]\d)",
    # a label without "no.": letters and four digits, or six digits; behind a colon, three and five
    (
        rf"{_B}(?P<cue>{_CODED})\.?[ \t]{{1,2}}(?:is )?\(?"
        rf"(?P<value>(?:{_SOME}{{4}}){_WITH_LETTER}|{_SOME}{{6}}){_NO_PRESSURE}){_RUN})"
    ),
    (
        rf"{_B}(?P<cue>{_CODED})\.?[ \t]?:[ \t]{{0,3}}"
        rf"(?P<value>(?:{_SOME}{{3}}){_WITH_LETTER}|{_SOME}{{5}})){_RUN})"
    ),
    # German courts and offices: Az. HRO-FE 2024/771, Aktenzeichen: 12 XVII 345/21
    (
        rf"{_B}(?P<cue>az|aktenzeichen|gz|geschäftszeichen|gesch\.-?z)\.?:?[ \t]{{1,2}}"
        r"(?P<value>(?-i:(?:\d{1,4} )?[A-ZÄÖÜ]{1,5}(?:-[A-Z]{1,4})? \d{1,6}/\d{1,4})(?![\w/]))"
    ),
    # registers known by their letters: GMC 7049921, NAM THIR 4806 1512, CRM/SP 40.227
    (
        rf"{_B}(?P<cue>(?-i:{_LETTERS}))(?![^\W\d_])\.?[ \t]?(?:(?:{_MARK}|reg)\.?[ \t]?)?[:#]?[ \t]{{0,2}}"
        rf"(?P<value>(?=(?:[A-Z ./-]{{0,5}}\d){{4}}){_GROUPS}|{_SOME}{{4}}){_RUN})"
    ),
    # n° adhérent 0834-77120-B, N.º de biopsia: B23-018847
    (
        rf"{_B}(?P<cue>(?:n[°ºor]?|n\.[°ºo]|num|numero|numéro|número)\.?[ \t]?{_OF}(?:{_PREFIXED}))"
        rf"[ \t]{{0,2}}:?[ \t]{{1,2}}(?P<value>{_GROUPS}|{_RUN})"
    ),
    # a number that says so only by its sign: Nr. A-7719204, n° 80756.003.417.229
    (
        rf"{_B}(?P<cue>n[°ºor]|n\.[ºo])\.?:?[ \t]{{1,2}}"
        rf"(?P<value>(?:{_SOME}{{5}}){_WITH_LETTER}|(?=(?:\d{{2,6}}[./-]){{2}}){_SOME}{{8}})){_RUN})"
    ),
    # German and Austrian health cards, some words behind the insurer
    (
        rf"{_B}(?P<cue>{_INSURERS})(?![^\W_])[^\d\n]{{1,20}}?"
        r"(?P<value>(?-i:(?<![A-Z])[A-Z]) ?\d{3} ?\d{3} ?\d{3}(?!\w))"
    ),
)


RECOGNIZER = Recognizer(
    kind="record_number",
    type=Type.ID,
    patterns=_PATTERNS,
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
        "Complaint ref «CMP/24/0117».",
        "Ref: «US/2024/30771»  Ward 7B",
        "Folder no. «P/1120/23»",
        "Eingangs-Nr.: «E/21/048813»   Eingang",
        "BG-Aktenzeichen: «22/3317-085 Z»\nUV",
        "(Az. «51.3-2217/14», Fr. G",
        "Aktenzeichen «GA-C19-20/12-4471»",
        "KK: IKK classic «T 220 487 135»",
        "Eing.-Nr. «H24-11920»",
        "NISS «93.04.11-286.57»",
        "NAM «THIR 4806 1512», 75 ans",
        "opname-id «OPN/2025/00871»",
        "Obs: RNM «F418820-K»",
        "CRM/RS «40.227»",
        "GMC «7049921»",
        "n° adhérent «0834-77120-B»",
        "N.º utente: «287 441 903»",
        "permesso di soggiorno «I18447092»",
        "passport «PAB551208»",
        "Debeka Nr. «6203.118.774»",
        "(Az. «HRO-FE 2024/771») bei",
        "Betreuung, Aktenzeichen: «12 XVII 345/21»",
        "Rentenversicherungsnummer: «53 220870 W 514»",
        "cédula «1-0744-0512», vecina",
        "/ CC «1.098.744.512» /",
        "HC «219.774»",
        "Carteira «0 032 884100927315 4»",
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
        "Ref: 135-145",
        "case 120/80",
        "Aufnahme: 12.03.-15.03.2024",
        "Fall 2024",
        "reference range 3.5-5.1",
        "visit 2019-2020",
        "file 12/03/2024",
        "CC 1200 mL",
        "trial ref NCT04280705",
        "n° 12 et 13",
        "dossier 2019",
        "RM 12/03/2024",
        "in 2025. CRP 142. 12 days",
        "OR 0.61, 95% CI 0.38-0.97",
        "HR 1.2 (CI 1.02 1.45)",
    ),
)
