"""Place name behind words that say where somebody lives, was born, comes from or travels to."""

from __future__ import annotations

import re

from filters.calendar_words import MONTHS, WEEKDAYS
from filters.findings import Type
from filters.lexicon import common_words, ordinary_words
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_CAPITAL = "A-ZÀ-ÖØ-ÞĆČĐĞİŁŃŚŞŠŹŻŽŐ"
_WORD = rf"(?:St\. ?|[Ll]['’])?[{_CAPITAL}][^\W\d_]{{1,24}}(?:[-'’][^\W\d_]{{1,20}}){{0,3}}"
_JOIN = (
    "de la|de los|de las|de|del|dei|della|di|da|do|dos|das|upon|under|sur|sous|en|am|an der|ob der|in|the|la|le|"
    "les|aan den|van"
)
_TOWN = rf"{_WORD}(?: (?:(?:{_JOIN}) )?{_WORD}){{0,2}}"
_DAY = r"\d{1,2}[./-] ?\d{1,2}[./-] ?\d{2,4}"
_MONTH = r"(?:\d{1,2}(?:er|º|\.|st|nd|rd|th)? (?:de |of |di )?[^\W\d_]{3,10}\.?,? (?:de |del )?)?\d{4}"
_WHEN = rf"(?:,? (?:(?:am|im|le|il|el|op|on|em|en|in|nel|dia) )?(?:{_DAY}|{_MONTH}),?)?"
_WITH = "(?: (?:alone|now|currently|independently|mostly|back|(?:with|w/) [^\\W\\d_]{1,12}(?: [^\\W\\d_]{1,12})?))?"

_CUES = (
    # English
    rf"(?:lives?|lived|living|resid(?:es?|ed|ing)){_WITH} (?:in|near)",
    rf"born{_WHEN} (?:in|at)",
    (
        "(?:resident|native|citizen) of|originally from|(?:back|returned|returning|came|comes|come|moved|flew|flying|"
        "flown|drove|emigrated|fled|visiting) from|(?:moved|moving|flew|flying|fly|flight|emigrated|"
        "travel(?:s|ed|led|ling|ing)?|trip|return(?:ed|ing)?)(?: back)? to|"
        "(?:holiday|vacation|based|raised|grew up) in|after return from"
    ),
    # German
    (
        r"(?:wohnhaft|wohnt|wohnend|lebt|lebend|lebte|ansässig|gemeldet|aufgewachsen)(?: (?:jetzt|derzeit|allein|seit"
        r" \d{4}))? in"
    ),
    rf"(?:geboren|geb\.|gebürtig){_WHEN} (?:in|aus)",
    (
        "(?:stammt|stammend|kommt|gebürtig|zurück|zurückgekehrt|flucht|geflüchtet|rückkehr|zugezogen|verzogen) aus|"
        "(?:reise|reiste|gereist|flug|verzogen|umgezogen|rückreise|zog) nach|(?:urlaub|skiurlaub|ferien|reha) in"
    ),
    # Dutch
    r"(?:woont|wonend|wonende|woonachtig|verblijft)(?: (?:nu|alleen|sinds \d{4}))? (?:in|te)",
    rf"(?:geboren|geb\.){_WHEN} te|(?:afkomstig|terug|gevlucht) uit|(?:verhuisde?|reis|reisde) naar|vakantie in",
    # French
    (
        "(?:habit(?:e|ent|ant|ait)|résid(?:e|ent|ant|ait)|vit|vivant|domicilié(?:e|s|es)?|demeurant|demeure|installée?)"
        "(?: seule?| désormais| actuellement)? à"
    ),
    rf"née?s?{_WHEN} (?:à|au|en)",
    (
        "(?:originaire|natif|native|revenant|revient|venant|provenance|retour) (?:de |du |d['’])|"
        "(?:voyage|séjour|vacances) (?:à|au|en)|parti(?:e|s)? (?:à|au)"
    ),
    # Italian
    (
        "(?:residente|risiede|residono|vive|abita|domiciliat[oa]|trasferit[oa]|dimora|viaggio)(?: (?:da sola?|ora))?"
        " (?:a|ad|in)"
    ),
    rf"nat[oa]{_WHEN} (?:a|ad|in)",
    "(?:originari[oa]|nativ[oa]) (?:di|della?)|(?:provenient[ei]|ritorno|rientrat[oa]|rientro|tornat[oa]) da(?:l|lla)?",
    # Spanish
    "(?:vive|viven|vivía|vivió|resident?e|domiciliad[oa]|domicilio|veranea|veraneos?|empadronad[oa])(?: sol[oa])? en",
    rf"naci(?:d[oa]|ó){_WHEN} en",
    (
        "(?:natural|procedente|oriund[oa]|originari[oa]|vecin[oa]|emigrad[oa] desde) de|(?:viaje|viajó|viajará|emigró|"
        "desplazad[oa]|trasladad[oa]|mudado|regresó) a|(?:llegad[oa]|vuelo|regresó|viajó|regreso) de(?:sde)?"
    ),
    # Portuguese
    "(?:mora|moro|reside|residente|vive|viver|emigrad[oa]|domiciliad[oa]|moradora?)(?: (?:sozinh[oa]|atualmente))? em",
    rf"nascid[oa]{_WHEN} em|nasceu{_WHEN} em",
    (
        "(?:natural|proveniente|vind[oa]|veio|chegad[oa]|chegou|moradora?|regressad[oa]|regressou) d[eo]|"
        "(?:emigrou|viajou|mudou-se|regressou) para|viagem (?:a|ao|à|para)"
    ),
    # Polish
    "w drodze (?:do|z)",
)  # fmt: skip
_LABELS = (
    "wohnort|geburtsort|geburtsland|place of birth|city|town|hometown|birthplace|ville|lieu de naissance|commune|"
    "woonplaats|geboorteplaats|ciudad|localidad|lugar de nacimiento|municipio|población|cidade|localidade|naturalidade|"
    "luogo|luogo di nascita|luogo di residenza|comune|comune di residenza|comune di nascita|residenza|residence"
)
_FIRST_WORDS = (
    "lives live lived living resides reside resided residing born resident native citizen originally back "
    "returned returning came comes come moved flew flying flown drove emigrated fled visiting moving fly flight "
    "travel travels traveled travelled traveling travelling trip return holiday vacation based raised grew after "
    "wohnhaft wohnt wohnend lebt lebend lebte ansässig gemeldet aufgewachsen geboren geb gebürtig stammt stammend "
    "kommt zurück zurückgekehrt flucht geflüchtet rückkehr zugezogen verzogen reise reiste gereist flug umgezogen "
    "rückreise zog urlaub skiurlaub ferien reha woont wonend wonende woonachtig verblijft afkomstig terug "
    "gevlucht verhuisd verhuisde reis reisde vakantie habite habitent habitant habitait réside résident résidant "
    "résidait vit vivant domicilié domiciliée domiciliés domiciliées demeurant demeure installé installée né née "
    "nés nées originaire natif revenant revient venant provenance retour voyage séjour vacances parti partie "
    "partis parties residente risiede vive abita domiciliato domiciliata trasferito trasferita dimora viaggio "
    "nato nata originario originaria nativo nativa proveniente provenienti ritorno rientrato rientrata rientro "
    "tornato tornata residono viven vivía vivió domiciliado domiciliada domicilio veranea veraneo veraneos "
    "empadronado empadronada nacido nacida nació natural procedente oriundo oriunda emigrado emigrada vecino "
    "vecina viaje viajó viajará emigró desplazado desplazada trasladado trasladada mudado regresó llegado llegada "
    "vuelo regreso mora moro viver morador moradora nascido nascida nasceu vindo vinda veio chegado chegada "
    "chegou regressado regressada regressou emigrou viajou mudou viagem w wohnort geburtsort geburtsland place "
    "city town hometown birthplace ville lieu commune woonplaats geboorteplaats ciudad localidad lugar municipio "
    "población cidade localidade naturalidade luogo comune residenza residence aus"
)
_STARTS = tuple(_FIRST_WORDS.split())
_FACILITY = re.compile(
    r"(?:(?<!\w)(?:home|house|hostel|hospitals?|hosp|clinic|centre|center|court|lodge|shelter|school|university|"
    r"college|prison|"
    r"surgery|practice|ward|unit|station|haus|hotel|klinik|klinikum|krankenhaus|heim|stift|zentrum|residenz|spital|"
    r"foyer|ehpad|hôpital|clinique|maison|centre|résidence|rsa|ospedale|clinica|casa|comunità|reparto|istituto|"
    r"hospital|clínica|residencia|residência|centro|lar|hogar|unidad|unidade|servicio|serviço|atención|ziekenhuis|"
    r"verpleeghuis|zorgcentrum|huize)|(?:pflege|alten|wohn|alters|kinder|senioren)heim|klinik(?:um|en)?|krankenhaus|"
    r"ziekenhuis|praxis)(?!\w)",
    re.IGNORECASE,
)
_NO_TOWN = re.compile(
    r"(?:schaft|ungen|ung|heit|keit|gruppe|einrichtung|wohnung|zimmer|verhältnissen?|haushalt|stock|etage|geschoss|"
    r"log(?:ía|ie|ia|y)|iatr(?:ía|ie|ia|y|ics)|cirug[íi]a|chirurgie)\Z"
)
_STREETS = (
    "via viale piazza corso largo vicolo strada contrada rua travessa avenida av praça estrada alameda calle c avda"
    " paseo "
    "plaza ronda carrer rúa rue avenue boulevard place chemin impasse quai allée flat apartment apt block blk no nr"
    " haus"
)
_OTHERS = (
    "urgencias urgências urgence urgences uci uvi uti upa samu ps er ed icu itu planta quirófano consultas consulta"
    " trauma "
    "medicina medicine medizin pronto soccorso domicilio domicile casa bloc réa réanimation rea ehpad foyer planta"
    " piso "
    "rente trennung scheidung partnerschaft familie ehe wg pension teilzeit deutscher rumänischer british english"
    " german "
    "french italian spanish dutch portuguese indian chinese polish turkish american bungalow sheltered residential "
    "nursing supported council dr dra mr mrs ms frau herr herrn sr sra dhr mw mme mlle sig signora his her this that "
    "un una une ein eine einem einer der die das dem den il la le les lo gli el los las o a os as um uma het een de "
    "general primary care vaginal natural semana octubre gravid covid uber taxi ambulance ambulância ambulancia"
)
_NEVER = frozenset(f"{_STREETS} {_OTHERS}".split()) | frozenset(f"{MONTHS}|{WEEKDAYS}".split("|"))
_TOWNS_TOO_WORDS = "essen bath reading nice split tours rosario flores cork hull rugby hamm lima perth"
_TOWNS_TOO = frozenset(_TOWNS_TOO_WORDS.split())
_ARTICLES_WORDS = (
    "la le les los las el al bad san santa st new ter den são santo saint sainte fort port sierra cabo monte costa"
    " puerto "
    "villa vila cape mount mt lake long west east north south united saudi great little isle buenos kuala sri the"
)
_ARTICLES = frozenset(_ARTICLES_WORDS.split())
_OPENERS_WORDS = "sierra costa puerto cabo santa san são st sankt bad buenos sri mount mt fort port vila"
_OPENERS = frozenset(_OPENERS_WORDS.split())
_WATERS_WORDS = "main see mare meer mer mar rhein inn sea water"
_WATERS = frozenset(_WATERS_WORDS.split())
_KNOWN = common_words() | ordinary_words()
_PIECE = re.compile(r"[^\s]{1,80}")


def _is_word(word: str) -> bool:
    """Return whether this is everyday language and no place."""
    flat = word.casefold()
    if flat in _TOWNS_TOO:
        return False
    short = word.isupper() and len(word) < 5
    return short or flat in _NEVER or flat in _KNOWN or bool(_NO_TOWN.search(flat))


def _town(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Cut at the first word that belongs to no place name; a house that has a name is another kind."""
    line, _, _ = text[start : end + 24].partition("\n")
    if _FACILITY.search(line.partition(",")[0]):
        return None
    pieces = list(_PIECE.finditer(text, start, end))
    last = start
    for at, piece in enumerate(pieces):
        word = piece.group()
        if word[0].islower() and word[1:2] not in ("'", "’"):
            continue
        opening = at + 1 < len(pieces) and word.casefold().rstrip(".") in _ARTICLES
        before = pieces[at - 1].group().casefold().rstrip(".") if at else ""
        water = at > 0 and (word.casefold() in _WATERS or (before in _OPENERS and word.casefold() not in _NEVER))
        if not (opening or water) and (_is_word(word) or (at == 0 and word.casefold() in _ARTICLES)):
            if last > start:
                break
            return None
        last = last if opening else piece.end()
    return (start, last, 0) if last > start else None


RECOGNIZER = Recognizer(
    kind="residence",
    type=Type.LOCATION,
    patterns=(
        *(rf"(?<![\w-])(?P<cue>(?i:{cue}))(?:(?<=['’ ])| )(?P<value>{_TOWN})(?![\w'’]|-\w)" for cue in _CUES),
        rf"(?<![\w-])(?P<cue>(?i:{_LABELS})) ?: ?(?P<value>{_TOWN})(?![\w'’]|-\w)",
        rf"(?<![\w-])(?P<cue>aus) (?P<value>{_TOWN}) stammend(?:e[rnms]?)?(?!\w)",
    ),
    scores=Scores(cued=600),
    starts=_STARTS,
    guarded=False,
    exact_case=True,
    refine=_town,
)

EXAMPLES = Examples(
    match=(
        "retired, lives alone in «Slough» with",
        "Originally from «Homs»; now",
        "Back from «Sierra Leone» 6 days",
        "born in 1951 in «Addis Ababa», two",
        "Der Sohn lebt in «Split».",
        "geb. 02.02.1929 in «Königsberg», verwitwet",
        "wohnhaft in «Offenbach am Main», Bieberer",
        "aus «Plowdiw» stammende Frau",
        "vive en «Tudela de Duero» con su hija",
        "natural de «Mieres», jubilado",
        "née le 19 février 1934 à «Tende»",
        "originaire d'«Oran», vit",
        "Il se perd en revenant de «Concarneau».",
        "nata il 14/05/1942 a «Oleggio»",
        "Luogo: «Gravina in Puglia»\nCod. fiscale",
        "Vive a «Reggio Emilia» con",
        "geboren op 2 mei 1971 te «Tuzla»",
        "verhuisd naar «Delft», werkt",
        "mora em «Santarém», na",
        "Veio de «Feira de Santana» há um ano",
        "reside em «São Teotónio», Odemira",
        "born in «Leeds» on Monday",
        "woont in «Den Haag».",
    ),
    no_match=(
        "lives in Sheltered accommodation",
        "lives alone in Rosewood Care Home",
        "lebt in Trennung",
        "lebt in Wohngemeinschaft",
        "lebt in einem Pflegeheim",
        "wohnt in Haus Abendfrieden",
        "procedente de Urgencias",
        "procedente de Cardiología",
        "proveniente da Pronto Soccorso",
        "residente in Via Garibaldi",
        "vive in RSA",
        "vit à domicile",
        "retour de Bloc",
        "lives in the house",
        "born in March",
        "veio de UPA",
        "natural de parto",
        "kommt aus Dr. Meier",
        "lives in\nLeeds",
    ),
)
