"""Given name behind a word for kin or household: "moglie Pooja", "echtgenote Truus", "Mum (Lien)"."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores
from filters.recognizers.labelled_name import CAPITAL, is_thing, name_end
from filters.recognizers.role_name import acts

__all__ = ["EXAMPLES", "RECOGNIZER"]

_KIN = (
    # en
    "wife|husband|daughter|mother|father|mum|mom|mummy|dad|daddy|brother|sister|aunt|auntie|uncle|niece|nephew|"
    "grandson|granddaughter|grandmother|grandfather|granny|grandma|grandpa|nan|stepson|stepdaughter|stepmother|"
    "stepfather|girlfriend|boyfriend|fiance|fiancee|fiancé|fiancée|neighbour|neighbor|friend|carer|caregiver|helper|"
    "flatmate|housemate|roommate|twin|boy|toddler|partner|spouse|cousin|"
    # es pt
    "esposa|esposo|marido|mujer|mulher|hija|hijo|filha|filho|hermana|hermano|irmã|irmão|abuela|abuelo|avó|avô|tía|tío|"
    "tia|tio|nuera|yerno|nora|genro|vecina|vecino|vizinha|vizinho|nieta|nieto|neta|neto|sobrina|sobrino|sobrinha|"
    "sobrinho|cuñada|cuñado|cunhada|cunhado|suegra|suegro|sogra|sogro|pareja|compañera|compañero|companheira|"
    "companheiro|namorada|namorado|novia|novio|amiga|amigo|cuidadora|cuidador|madre|padre|mãe|pai|mamá|papá|"
    # fr
    "mère|père|fille|fils|sœur|soeur|frère|épouse|époux|mari|femme|compagne|compagnon|conjoint|conjointe|tante|oncle|"
    "nièce|neveu|cousine|grand-mère|grand-père|belle-fille|belle-sœur|beau-frère|belle-mère|gendre|voisine|voisin|"
    "amie|ami|kiné|maman|papa|"
    # it
    "moglie|marito|figlia|figlio|sorella|fratello|nonna|nonno|zia|zio|nipote|cugina|cugino|nuora|genero|"
    "suocera|suocero|"
    "cognata|cognato|compagna|compagno|convivente|badante|mamma|papà|fidanzata|fidanzato|amica|amico|"
    # nl
    "echtgenote|echtgenoot|zoon|dochter|moeder|vader|zus|broer|oma|opa|oom|nicht|neef|schoonzoon|schoondochter|"
    "schoonzus|schoonmoeder|schoonvader|zwager|buurvrouw|buurman|vriendin|vriend|mantelzorger|mantelzorgster|kleinzoon|"
    "kleindochter|stiefzoon|stiefdochter|zusje|broertje|zoontje|dochtertje"
)
_KIN_DE = (
    "Tochter|Sohn|Ehefrau|Ehemann|Bruder|Schwester|Mutter|Vater|Enkel|Enkelin|Nichte|Neffe|Schwiegersohn|"
    "Schwiegertochter|Schwiegermutter|Schwiegervater|Lebensgefährte|Lebensgefährtin|Lebensgefährten|Partner|Partnerin|"
    "Oma|Opa|Tante|Onkel|Freundin|Freund|Pflegemutter|Pflegevater|Pflegekind|Großmutter|Großvater|Cousin|Cousine|"
    "Nachbarin|Nachbar|Schwager|Schwägerin|Stiefvater|Stiefmutter|Stiefsohn|Stieftochter|Zwillingsbruder|"
    "Zwillingsschwester|Verlobte|Verlobter|Verlobten|Ehegatte|Ehegattin|Gattin|Gatte|Mama|Papa"
)
_OWNER_DE = (
    "seine|seiner|seinem|seinen|sein|ihre|ihrer|ihrem|ihren|ihr|meine|meiner|meinem|meinen|mein|unsere|unserer|"
    "die|der|dem|den|vom|zur|zum"
)
_OWNER_EN = "his|her|my|their|our|your|the|s|elder|eldest|younger|youngest|older|only|to|with|and|by|w"
_BOTH = f"{_KIN}|{_KIN_DE}|son|grandmere|Schwester"
_UPPER_KIN = "|".join(word[0].upper() + word[1:] for word in _KIN.split("|") if word != "nora")
_QUOTE = "[„“”\"»«'‚‘’]?"
_VALUE = rf"(?P<value>{CAPITAL}[^\W\d_]{{1,30}})"
_TITLES_WORDS = (
    "dr prof mr mrs ms miss mx herr frau herrn sra srta sr mme mlle monsieur madame sig signora signor mevr "
    "mevrouw dhr meneer don doña dona christmas ted god theresa type mental luke"
)
_TITLES = frozenset(_TITLES_WORDS.split())
_AFTER = re.compile(r"[ \t]{0,2}(?:/|&|\+|:|=|[-–] ?\d|['’]s (?:disease|syndrome)|syndrome|disease)")
_ENDS = re.compile(r"[„“”\"»«'‚‘’)]|[ ]?[,;/&+–-]|[ ](?:\d|und|and|et|e|y|en|Tel|tel|\()")


def _relative(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Refuse what runs in families: diseases, abbreviations, professions; and titles."""
    word = text[start:end]
    flat = word.casefold()
    if flat in _TITLES or (word.isupper() and len(word) < 6) or len(word) < 3 or word[-1].isupper() > word.isupper():
        return None
    if is_thing(word):
        return (start, end, 0) if acts(text, start, end) and text[start - 2 : start - 1].islower() else None
    done = name_end(text, start, most=3)
    if done == start or _AFTER.match(text, done) or text[start:done].endswith("."):
        return None
    bracket = text.rfind("(", max(0, start - 3), start)
    if bracket >= 0 and not _ENDS.match(text, done):
        return None
    return start, done, 0


RECOGNIZER = Recognizer(
    kind="kin_name",
    type=Type.NAME,
    patterns=(
        rf"(?<![\w-])(?P<cue>{_KIN}|{_UPPER_KIN})[ \t]{_VALUE}",
        rf"(?<![\w-])(?P<cue>(?i:{_BOTH}))[ \t]{{0,2}}\({_QUOTE}{_VALUE}",
        rf"(?<![\w-])(?:{_OWNER_DE})[ \t](?P<cue>{_KIN_DE})[ \t]{_VALUE}",
        rf"(?<![\w-])(?:{_OWNER_EN})[ /](?P<cue>son)[ \t]{_VALUE}",
    ),
    scores=Scores(cued=620),
    starts=tuple(sorted({word.split("-")[0] for word in f"{_BOTH}|{_OWNER_DE}|{_OWNER_EN}".lower().split("|")})),
    guarded=False,
    exact_case=True,
    refine=_relative,
)

EXAMPLES = Examples(
    match=(
        "la moglie «Pooja» assiste",
        "Echtgenote «Truus» is mantelzorger",
        "Esposa «Cleusa» orientada",
        "sa mère «Fatou» et",
        "as wife «Maureen» has clinic",
        "neighbour «Phil» will come",
        "Filha «Socorro» é quem leva",
        "Mum («Lien») shown how to use pen",
        "laut Pflegemutter („«Silke»“) keine Absencen",
        "Tochter («Martina Grube-Schulz», Tel. 0176)",
        "passage kiné («Loïc»), famille",
        "mit seiner Tochter «Birgit», Krankenschwester",
        "seen w/ mum «Adaeze», 4d fever",
        "seen w/ mum, boy «Somto» 3, fever",
        "friend «Pat» helps with shopping",
        "lives with her son «Rohan» and",
        "Schoondochter «Hilde» contactpersoon",
    ),
    no_match=(
        "father Diabetes, mother IHD",
        "Mutter Asthma, Vater Herzinfarkt",
        "madre HTA",
        "mother Alzheimer's",
        "brother Type 1",
        "son Holter est normal",
        "son Médecin traitant",
        "father (MI at 52)",
        "Tochter (Studentin)",
        "sister (BRCA1 positive)",
        "seiner Mutter Kontakt aufgenommen",
        "wife Dr Perera",
        "Mutter (Diabetes)",
        "der Tochter Vollmacht erteilt",
        "daughter Informed by phone",
    ),
)
