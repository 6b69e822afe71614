"""Health insurers and funds, by name; a name that is an ordinary word or a short form counts only beside a cue."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_SURE = (
    # Germany
    "AOK|Techniker Krankenkasse|BARMER|Barmer Ersatzkasse|Barmer Krankenkasse|Barmer GEK|DAK-Gesundheit|"
    "DAK Gesundheit|Kaufmännische Krankenkasse|hkk Krankenkasse|Siemens-Betriebskrankenkasse|IKK classic|"
    "IKK gesund plus|IKK Südwest|IKK Brandenburg und Berlin|IKK Nord|mhplus BKK|Audi BKK|BMW BKK|Bosch BKK|"
    "Mobil Krankenkasse|Salus BKK|VIACTIV|Pronova BKK|pronova BKK|Novitas BKK|BIG direkt gesund|SVLFG|"
    "Knappschaft-Bahn-See|Debeka|Barmenia|Signal Iduna|SIGNAL IDUNA|HanseMerkur|Deutsche Rentenversicherung|"
    "Deutschen Rentenversicherung|"
    # Austria, Switzerland
    "ÖGK|Österreichische Gesundheitskasse|BVAEB|AUVA|UNIQA|Wiener Städtische|Helsana|Visana|SWICA|Swica|Sympany|"
    "Groupe Mutuel|ÖKK|Suva Luzern|SUVA|Concordia Versicherung|CSS Versicherung|Sanitas Krankenversicherung|"
    # France, Belgium, Luxembourg
    "MGEN|MGEFI|Harmonie Mutuelle|Malakoff Humanis|AG2R La Mondiale|Groupama|MAAF Santé|MACIF|MATMUT|Solidaris|"
    "Partenamut|Mutualité Chrétienne|Christelijke Mutualiteit|Caisse nationale de santé|"
    # Italy, Spain, Portugal
    "UniSalute|Unisalute|Metasalute|UnipolSai|Previmedical|Reale Mutua|Adeslas|Asisa|ASISA|DKV|Mapfre|MAPFRE|Muface|"
    "MUFACE|ISFAS|MUGEJU|Mutualia|Fremap|FREMAP|Ibermutua|Asepeyo|ASEPEYO|Caser Seguros|Sanitas Seguros|"
    "Mutua Madrileña|Multicare|AdvanceCare|ADSE|"
    # Netherlands, Britain, Ireland
    "Zilveren Kruis|Menzis|Zorg en Zekerheid|ONVZ|Univé|FBTO|UWV|Bupa|BUPA|Vitality Health|VitalityHealth|AXA Health|"
    "AXA PPP|Aviva|Laya Healthcare|VHI Healthcare|VHI|Vhi Healthcare|Irish Life Health|"
    # United States, Australia, Asia, the Gulf, Latin America
    "Aetna|Cigna|UnitedHealthcare|United Healthcare|Blue Cross Blue Shield|Blue Cross and Blue Shield|BCBS|"
    "Blue Shield|Kaiser Permanente|Molina Healthcare|Anthem Blue Cross|TRICARE|Tricare|EmblemHealth|Medibank|"
    "Medibank Private|HCF Health|nib Health|Great Eastern Life|Income Insurance|NTUC Income|Prudential Assurance|"
    "AIA Singapore|AIA Insurance|Ceylinco|Sri Lanka Insurance|Janashakthi|Softlogic Life|Union Assurance|"
    "Daman Health|Thiqa|Oman Insurance|Orient Insurance|Star Health|HDFC Ergo|ICICI Lombard|Bajaj Allianz|Niva Bupa|"
    "Care Health Insurance|New India Assurance|OSDE|EsSalud|Unimed|Bradesco Saúde|SulAmérica|Hapvida|Nueva EPS"
)
_ORDINARY = (
    "TK|DAK|KKH|HEK|hkk|HKK|SBK|BKK|IKK|Barmer|Knappschaft|Allianz|Gothaer|Sanitas|Concordia|Atupri|CSS|KPT|EGK|"
    "Agrisano|Assura|Suva|CZ|VGZ|DSW|ASR|Ohra|OHRA|Fidelidade|Tranquilidade|Médis|Ageas|Caser|Oscar|Anthem|Humana|"
    "Vitality|WPA|Axa|AXA|AIA|Prudential|Income|Daman|Neuron|NextCare|Orient|nib|HBF|HCF|Apicil|Alan|Swiss Life|"
    "Mobiliar|Generali|Zurich|Zürich|Baloise|Ethias|CM|OZ|SURA|Sura|IESS|PAMI|Laya|April|MAIF|Maif|MAAF|Macif|Matmut|"
    "Unipol|Cattolica|Helan|INSS|Centene"
)
_CUES = (
    "krankenkasse|krankenversicherung|kasse|pflegekasse|kk|versicherung|kostenträger|insurer|insurance|assicurazione|"
    "cassa malati|mutuelle|caisse|assurance|seguro|aseguradora|seguradora|seguros|verzekering|verzekeraar|"
    "zorgverzekeraar|ziekenfonds|mutualiteit|mutua|payer|health plan|obra social|insured with|insured by|"
    "versichert bei|assicurato con|assicurata con|verzekerd bij"
)
_REGION = "[A-ZÀ-Þ][^\\W\\d_]{3,18}(?:-[A-ZÀ-Þ][^\\W\\d_]{2,18})?"
_NO_REGION = "(?!Versicher|Pflege|Nummer|Karte|Bescheid|Antrag|Herr|Frau|Mitglied)"
_LONGER = (
    rf"AOK (?:PLUS|NORDWEST|NordWest|{_NO_REGION}{_REGION})",
    rf"BKK (?:VBU|ProVita|firmus|{_NO_REGION}[A-ZÄÖÜ][a-zäöüß]{{3,20}})",
    r"BG (?:BAU|ETEM|Verkehr|RCI|Holz und Metall|Nahrungsmittel und Gastgewerbe)",
    r"CPAM (?:de la |de |du |des |d['’])[A-ZÀ-Þ][\w'’-]{2,24}",
    rf"Deutschen? Rentenversicherung (?:Bund|Nord|{_REGION})",
    r"(?:BCBS|Blue Cross Blue Shield|Blue Cross and Blue Shield) of [A-Z][a-z]{3,15}(?: [A-Z][a-z]{3,15})?",
)
_FIRST = re.compile(r"[^\W\d_]+")


def _either(names: str) -> str:
    return "|".join(re.escape(name) for name in sorted(set(names.split("|")), key=lambda name: (-len(name), name)))


def _starts() -> tuple[str, ...]:
    """The first word of every name and cue, in small letters."""
    names = f"{_SURE}|{_CUES}|BKK|BG|CPAM".split("|")
    return tuple(sorted({found.group().lower() for name in names if (found := _FIRST.match(name))}))


_CUED = rf"(?<![\w-])(?i:{_either(_CUES)})(?: ist| is| es)? ?:? ?[(«\"]?"

RECOGNIZER = Recognizer(
    kind="insurer",
    type=Type.ORG,
    patterns=(
        rf"(?<![\w-])(?:{'|'.join(_LONGER)}|{_either(_SURE)})(?![\w-])",
        rf"{_CUED}(?P<value>{_either(_ORDINARY)})(?![\w-])",
    ),
    scores=Scores(shape=700),
    starts=_starts(),
    guarded=False,
    exact_case=True,
)

EXAMPLES = Examples(
    match=(
        "Krankenkasse «AOK Niedersachsen», Versichertennummer",
        "Transportschein über «AOK PLUS».",
        "KK: «IKK classic» T 220",
        "Krankenkasse: «TK», Nr.",
        "UV-Träger: «BG Holz und Metall»",
        "«BKK Voralb» lehnt ab",
        "Caisse : «MGEN» – n°",
        "cassa malati «Visana» ha",
        "affilié à la «CPAM de la Gironde»",
        "aseguradora «Sanitas» autoriza",
        "póliza de «Adeslas» vigente",
        "viatura, seguro «Fidelidade».",
        "Verzekering «VHI». Paracetamol",
        "verzekerd bij «CZ» sinds",
        "covered by «Blue Cross Blue Shield of Texas».",
        "insurance: «Humana» PPO",
        "«Aetna» denied it",
    ),
    no_match=(
        "TK 38,5",
        "CT CSS normal",
        "Nutrición Humana",
        "Knappschaft",
        "April 2024",
        "DSW visit",
        "condizioni Generali",
        "the insurance company",
        "VGZ plan, CM of the wound",
        "income support, Orient himself",
        "IKK 3",
        "BG 6.2 mmol",
    ),
)
