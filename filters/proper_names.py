"""How a proper name beside a noun is read: "Kita Elbpiraten", "Thamesview Surgery", "Hospital de la Santa Creu".

Law: at least one word of a name is no everyday, medical or general word, or it is a saint's; the line is never left.
"""

from __future__ import annotations

import re

from filters.calendar_words import MONTHS, WEEKDAYS
from filters.lexicon import common_words

__all__ = ["GENERAL", "SAINTS", "STEM", "flat_of", "is_general", "name_after", "name_before", "words_of"]


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


_PARTICLES = words_of(
    "de del della delle dei degli di da do dos das du des d' der den het van la las le les los el il lo al of the 't "
    "en-"
)
_LINKS = words_of("für for und and et y e & i am an rechts der im zum zur beim voor per para pour à")
_ANDS = words_of("und and et y e &")
_FOR = words_of("für for voor")
SAINTS = words_of("st saint sainte san santa santo sant sankt sint são sta ste lady lady's ladys senhora señora virgen")
_SHORT_SAINTS = words_of("st sta ste")
_HALT = words_of(
    "dr dra prof dott dottssa herr herrn frau mr mrs ms miss mme mlle sig sra sr señor tel fax email dhr mevr "
    "dob mrn nhs datum date fecha data dear sehr calle paseo avda avd avenida plaza carretera ctra rua rue via str"
) | frozenset(f"{MONTHS}|{WEEKDAYS}".split("|"))
_LEADING = words_of("royal holy little old new great north south east west mount upper lower blue king queen")
_BARE = words_of("bon our")
_BEFORE_OF = words_of("lady heart c church prince king queen duke sisters sons isle")
_NAMELIKE = words_of(
    "street road park avenue lane bridge rose green hill valley river lake wood stone church spring house sea"
)
GENERAL = words_of(
    "nursing care residential rest retirement base teaching district provincial regional national government central "
    "centrale zentral university universitario universitari universitaria universitaire universitair universiteit "
    "university's children's childrens women's womens men's patient's patients' people's veterans veterans' medical "
    "hospital hospitals clinic clinics surgery centre center health family private public local rural urban county "
    "state city town village municipal community outpatient outpatients inpatient day night weekend virtual online "
    "cottage general tertiary secondary primary elective bariatric robotic mohs laparoscopic plastic urgent previous "
    "prior recent same current open major minor emergency walk-in drop-in follow-up pre-op post-op one-stop two-week "
    "rapid access travel warfarin inr depot memory pain burns rehab rehabilitation dialysis renal stroke cancer "
    "tumor tumour genetics genomics diagnostic diagnostics trauma heart lung liver kidney brain spine breast eye ear "
    "nose throat skin foot hand hip knee bone joint vein wound feet fracture sleep hearing balance falls frailty "
    "transplant maternity birth birthing antenatal midwifery women children baby babies adult adolescent youth "
    "senior acute intensive critical high dependency step-down assessment admission admissions discharge observation "
    "mri ct resonance magnetic doppler weighted diffusion tensor perfusion contrast cross-sectional advanced further "
    "repeat best clinical good group nurse doctor gp evidence-based scope visited attended called please mental "
    "mentale mental-health salud saúde santé salute sanità social sociale sozial medico médico médica medica medici "
    "medicina medicine médicine médecine medizin médical médicale medische medisch medicinale klinik klinikum "
    "kliniken krankenhaus innere inneren medizinische medizinischen akademisches akademische lehrkrankenhaus "
    "städtisches städtische städtischen evangelisches katholisches allgemeines allgemeine fachübergreifende "
    "überörtliche gemeinschaftspraxis praxis poliklinik hals nasen ohren hno augen haut frauen kinder jugend männer "
    "geburtshilfe unfall plastische ästhetische rekonstruktive wiederherstellende gefäß thorax hand fuß wirbelsäule "
    "herz lunge leber niere nieren schmerz sucht schlaf tages privat akut uni reha kur mutter kind abteilung "
    "sekretariat ambulanz station notaufnahme zentrale chefarzt chefärztin direktor direktorin leitung oberarzt "
    "oberärztin stationsarzt patient patientin aufnahme entlassung verlegung befund arztbrief bericht telefon "
    "anmeldung adresse stempel bereich campus haus zentrum institut fachbereich versorgungszentrum medizinisches mvz "
    "schwerpunkt schwerpunktpraxis folgetag clínico clinico clínica clinica hospitalario hospitalier hospitaliers "
    "hospitalière hospitalar ospedaliero ospedaliera sanitario sanitaria sanitarie sanitário sanitaires general "
    "generale généraux général générale geral nacional nazionale national nationale provinciale comarcal distrital "
    "estadual federal civil civile militar militare público publica pública pubblico privé privée privado privada "
    "local locale materno infantil maternal pediátrico pediátrica pediatrico mayores ancianos anziani anziano idosos "
    "agées âgées geriátrico geriátrica riposo cura repos repouso retraite noche notte nuit dia día jour diurno "
    "giorno ricerca ricovero investigación investigação recherche studio estudios études atención atenção primaria "
    "primária especialidades especializada urgencias urgenze urgences emergencia emergencias emergência diagnóstico "
    "diagnostico diagnósticos imagen imagem immagini análisis analisi análises sangue sangre docente referencia "
    "referência alta complejidad soins santé médicaux universitaria consulta consultas externas paciente paziente "
    "patiente médecin medico enfermería servicio servizio service serviço sección área unidad unità unité unidade "
    "tipo traslado ingreso ingresado alta remitido derivado procedente historia historial informe planta sala "
    "habitación reparto reparti ufficio direzione direttore directeur directora jefe nhc cip centro centre istituto "
    "instituto convenzionata accreditata comunale central équipe equipo assistenziale assistita familiar família "
    "famille familia básica basica quirúrgica quirurgica chirurgica chirurgico quirúrgico dental dentaire "
    "odontológica veterinaria veterinária tumori mutualiste turno "
    "comunitaria comunitario ospedale hôpital farmacia pharmacie comunità accoglienza "
    "anticancéreux algemeen algemene academisch afdeling afdelingen poli polikliniek spoed spoedeisende opname "
    "ontslag dienst huisarts huisartsen apotheek revalidatie verpleeghuis zorg ouderen kinderen psychiatrisch "
    "psychiatrische universitaire course number letter note notes ward room bed stay visit visits review appointment "
    "appt discharge admission episode record records file manager team staff admin reception pharmacist anxiety "
    "acquired associated goed matig redelijk gut reduziert stabil bueno buen"
)
STEM = re.compile(
    r"[ck](?:ardi|árdi)|neur|gastr|hepat|pneum|pulm|neph|nefr|néphr|urol|on[ck]olo|h(?:ä|ae|e|é)mat|ematol|derm|"
    r"rh?eum|endo[ck]r|diabet|ps[iy][ckq]|p(?:ä|ae|e|é|i)d[ií]?atr|pedi[aá]|g[eé]r[ií]?[ao]|gyn|gin[eä][ck]|obst|"
    r"ostet|geburts|orth?op|traum|ch?ir[uú]r|cirug|surg|an(?:ä|ae|e)st|radiol|radiot|röntg|nu[ck]lear|nuklear|immun|"
    r"infe[ckt]|allerg|patholog|patolog|anatom|histol|[zc][yi]tol|mi[ck]robiol|labor|biolog|bio[ck]h|bioqu|ph[yi]s|"
    r"f[iy]si|kiné|ergoth|logop|audio|oto|oph?th?al|oftal|zahn|dent|odont|stomat|maxill|mund|kiefer|vas[ck]u|gef(?:ä|"
    r"ae)ß|thorax|thora[ck]|tora[ck]|vis[zc]er|allgemein|trans?plant|trapiant|dial[iy]|h(?:ä|e|é)modi|pall?iat|"
    r"toxi[ck]|tropen|geneti|génét|metab|stoffw|ern(?:ä)hr|nutri|diät|diet|epilep|thyr|tiroid|schildd|senolog|mammo|"
    r"prostat|pro[ck]t|[ck]olopro|endos[ck]|ultras|sonogr|e[ck]ogr|e[ck]ho|tomogr|imagi|imaging|ambul|stationä|"
    r"notfall|urgen|emerg|rettung|r[eé]ha|réédu|riab|reab|neonat|néonat|p[eé]rinat|anten|gen[eé]ral|universit|lungen|"
    r"herz|brust|wirbel|intensiv|interdisz|sport|arbeitsm|lehrk|fach"
)
_ENDING = re.compile(
    r"(?:log[iy]e?s?|log[ií]a|logic(?:al|a|o)|logisch\w{0,3}|logique|logico|iatr\w{0,6}|ektomie|ectomy|itis|"
    r"plast(?:y|ie)|s[ck]op[yi]e?|gra(?:ph|f)[iyí][ea]?|th?erap(?:ie|y|ia)|terapia|pathy|pathie|"
    r"medi[zcs]i[nj]\w{0,4}|chirurg\w{0,4}|ische[rnsm]?|metr(?:ie|y)|liche[rnsm]?|ationen|heit|keit|ung|ungen|tag|"
    r"tage|abend|gespräch|termin|aufenthalt|iert|[eo]nal|ical|ental|atal|scopic|edic|genic|ective|ative|oscopic|"
    r"aesthetic|ologist|ician|ing|ción|ções|ção|zione|zioni)\Z"
)
_COMMON = common_words() - _NAMELIKE
_ELIDED = re.compile(r"(?:dell|nell|all|d|l|s|t)['’](?=\w)", re.IGNORECASE)
_NEXT = re.compile(r" ([^\s,;:()«»\"/|<>]{1,40})")
_LAST = re.compile(r"(?:^|(?<=\s)|(?<=[(«\"/|:]))([^\s,;:()«»\"/|<>]{1,40}) \Z")
_MOST = 8
_REACH = 100
_DATED = re.compile(rf" \d{{1,2}} de (?i:{MONTHS})(?!\w)")


def flat_of(word: str) -> str:
    """Return a word in small letters, without quotation marks and an article drawn to it."""
    return _ELIDED.sub("", word.strip(".'’“”*_").casefold(), count=1)


def is_general(word: str) -> bool:
    """Return whether a word names no single place: everyday, medical, a month, a number, an abbreviation."""
    flat = flat_of(word).replace("’", "'")
    bare = flat.removesuffix("'s")
    if len(bare) < 3 or any(c.isdigit() for c in bare) or flat in _HALT:
        return True
    if "-" in bare:
        return all(is_general(part) for part in word.split("-") if part)
    known = flat in GENERAL or bare in GENERAL or bare in _COMMON
    return known or STEM.match(bare) is not None or _ENDING.search(bare) is not None


def _is_name(word: str, shouted: bool) -> bool:
    core = _ELIDED.sub("", word, count=1)
    if not core[:1].isupper() or is_general(word):
        return False
    return shouted or not core.strip(".-").isupper() or len(core) > 5


class _Walk:
    """What has been read of the words behind a noun."""

    __slots__ = ("end", "kind", "particle", "saint", "shouted", "speciality")

    def __init__(self, *, shouted: bool) -> None:
        self.end, self.kind, self.shouted = -1, "", shouted
        self.speciality = self.saint = self.particle = False

    def takes(self, word: str, flat: str, at: int) -> bool:
        """Take the next word, which ends at `at`, or say that it is no part of the name."""
        if flat in SAINTS:
            self.saint = True
            self.end = at if self.end > 0 and word[:1].isupper() else self.end
        elif flat in _PARTICLES or (flat in _LINKS and self.end < 0):
            joined = flat in _ANDS and bool(self.kind)
            self.speciality = joined or flat in _FOR or (self.speciality and flat not in _PARTICLES)
            self.particle = True
        elif self._is_named(word, flat):
            self.end, self.saint, self.particle = at, False, False
        else:
            return self._takes_general(word, flat)
        return True

    def _is_named(self, word: str, flat: str) -> bool:
        if self.saint:
            return word[:1].isupper() or (self.end < 0 and flat not in _COMMON and len(flat) > 3)
        return not self.speciality and _is_name(word, self.shouted)

    def _takes_general(self, word: str, flat: str) -> bool:
        capital = word[:1].isupper() and (self.end < 0 or self.particle)
        if not capital and (self.end >= 0 or (flat not in GENERAL and STEM.match(flat) is None)):
            return False
        self.kind = self.kind or flat
        self.particle = False
        self.speciality = self.speciality and not capital
        return True


def name_after(text: str, at: int, *, shouted: bool) -> tuple[int, str]:
    """Return the end of the name behind a noun (or -1) and the first word of what the facility is for."""
    dated = _DATED.match(text, at)
    if dated:
        return dated.end(), ""
    walk = _Walk(shouted=shouted)
    for _ in range(_MOST):
        found = _NEXT.match(text, at)
        if found is None:
            break
        word = found[1].rstrip("'’*_“”")
        bare = word.rstrip(".")
        flat = flat_of(bare)
        ends = bare != word and flat not in _SHORT_SAINTS
        at = found.start(1) + len(bare if ends else word)
        if flat in _HALT or not flat:
            break
        if not walk.takes(bare, flat, at) or ends:
            break
    return walk.end, walk.kind


def name_before(text: str, start: int, *, shouted: bool) -> tuple[int, list[str]]:
    """Return where the name in front of a noun begins (or -1), and its words from the nearest on."""
    at, words, places = start, list[str](), list[int]()
    floor = max(0, start - _REACH, text.rfind("\n", 0, start) + 1)
    while len(words) < _MOST - 2:
        found = _LAST.search(text[floor:at])
        if found is None:
            break
        word, flat = found[1].lstrip("*_'“"), flat_of(found[1])
        full_stop = word.endswith(".") and flat not in _SHORT_SAINTS and len(flat) > 1
        joins = word in ("of", "the", "&") and words
        if flat in _HALT or full_stop or not (word[:1].isupper() or joins):
            break
        if words and words[-1] == "of" and flat not in _BEFORE_OF:
            break
        at = floor + found.end(1) - len(word)
        words.append(word)
        places.append(at)
        if at > 0 and text[at - 1] != " ":
            break
    while words and _is_leading(words):
        words.pop()
        places.pop()
    named = any(_is_name(word, shouted) or flat_of(word) in SAINTS for word in words)
    return (places[-1] if named else -1), words


def _is_leading(words: list[str]) -> bool:
    """The first word is no part of a name: "Visited", "of"; but "The Willows", "Royal Oaks"."""
    flat = flat_of(words[-1])
    if words[-1] in ("of", "the", "&"):
        return True
    if flat in ("the", "our"):
        return len(words) < 2 or (is_general(words[-2]) and flat_of(words[-2]) not in SAINTS)
    if flat in _LEADING or flat in SAINTS:
        return False
    return flat in GENERAL or (is_general(words[-1]) and flat not in _BARE) or flat.endswith(("ed", "ing"))
