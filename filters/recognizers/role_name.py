"""Name right behind what a person is: "Dienstarzt Tietjen", "nurse Perera", "enfermera Lucía"."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.lexicon import common_words, ordinary_words
from filters.name_patterns import PARTICLE, WORD
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER", "acts"]

_ROLES = (
    "nurse|matron|midwife|physiotherapist|therapist|dietitian|pharmacist|paramedic|surgeon|consultant|"
    "carer|caregiver|chaplain|interpreter|"
    "pfleger|pflegerin|krankenpfleger|krankenpflegerin|krankenschwester|dienstarzt|dienstärztin|oberarzt|oberärztin|"
    "chefarzt|chefärztin|assistenzarzt|assistenzärztin|stationsarzt|stationsärztin|hausarzt|hausärztin|notarzt|"
    "notärztin|facharzt|fachärztin|hebamme|physiotherapeut|physiotherapeutin|ergotherapeut|ergotherapeutin|logopäde|"
    "logopädin|psychologe|psychologin|sozialarbeiter|sozialarbeiterin|betreuer|betreuerin|hausarztpraxis|"
    "gemeinschaftspraxis|kinderarzt|kinderärztin|zahnarzt|zahnärztin|frauenarzt|"
    "frauenärztin|augenarzt|augenärztin|hautarzt|hautärztin|amtsarzt|amtsärztin|gutachter|gutachterin|"
    "kläger|klägerin|klägers|beklagter|beklagten|beklagte|zeuge|zeugin|antragsteller|antragstellerin|"
    "dolmetscher|dolmetscherin|nachbar|nachbarin|eheleute|"
    "enfermera|enfermero|cirujano|cirujana|anestesista|fisioterapeuta|matrona|celador|celadora|"
    "infirmière|infirmier|chirurgien|chirurgienne|kinésithérapeute|sage-femme|"
    "infermiera|infermiere|chirurgo|ostetrica|fisioterapista|"
    "verpleegkundige|huisarts|chirurg|verloskundige|fysiotherapeut|"
    "enfermeira|enfermeiro|cirurgião|cirurgiã|parteira|"
    "social worker|key worker|keyworker|care coordinator|healthcare assistant|play therapist|speech therapist|"
    "travailleuse sociale|travailleur social|assistante sociale|assistant social|aide-soignante|psychologue|"
    "orthophoniste|diététicienne|trabajadora social|trabajador social|psicóloga|psicólogo|logopeda|nutricionista|"
    "assistente sociale|assistente social|psicologa|psicologo|logopedista|terapeuta|maatschappelijk werker|"
    "maatschappelijk werkster|wijkverpleegkundige|praktijkondersteuner|diëtiste|logopediste|fysio"
)
_OTHERS = (
    "dr dr. prof prof. herr herrn frau mr mrs ms miss sir practitioner specialist manager team unit ward office clinic "
    "surgery hospital department service station abteilung praxis klinik termin visite befund aufnahme nachmittag "
    "vormittag montag dienstag mittwoch donnerstag freitag samstag sonntag morgen abend nacht und oder mit für zur zum "
    "stadt gemeinde versicherung krankenkasse pflegekasse bundesrepublik land freistaat firma klinik rechtsanwalt "
    "innere medizin chirurgie anästhesie kardiologie neurologie in im am an auf the and or of for to has was is will "
    "general orthopaedic vascular cardiac neuro paediatric obstetric mr. physician "
    "neurosurgeon cardiologist officer fellow lead educator supervisor assistant partner trainee consultant "
    "surgeon nurse midwife led review"
)
_TITLES = frozenset(_OTHERS.split())
_NOBODY = _TITLES | common_words()
_POSITION = re.compile(r"(?:(?<!qu)(?<!qv)ists?|[stnr]icians?|titians?|ologen?|ologin|iater(?:in)?)\Z")
"""How words for a speciality end: "Consultant Nephrologist", "Oberarzt Kardiologe"; Lindquist is a name."""


_ACTS = re.compile(
    r" (?:said|says|gave|gives|called|calls|rang|noted|notes|reported|reports|came|comes|will|is|was|has|had|asked|"
    r"asks|told|tells|helps|helped|took|takes|saw|sees|lives|visits|visited|cares|thinks|thought|wants|brings|brought|"
    r"drives|dice|avisa|llama|vive|ayuda|refiere|dit|signale|appelle|vit|aide|riferisce|chiama|aiuta|abita|"
    r"zegt|belt|helpt|"
    r"woont|komt|diz|disse|ligou|mora|ajuda|sagt|sagte|berichtet|kommt|wohnt|hilft)(?![^\W_])"
)
_ORDINARY = ordinary_words()


def acts(text: str, start: int, end: int) -> bool:
    """Return whether an everyday word with a capital does something: "nurse Tan said"."""
    word = text[start:end]
    flat = word.casefold()
    return word.istitle() and flat not in _ORDINARY | _TITLES and _ACTS.match(text, end) is not None


def _somebody(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Take off words of everyday text at both ends; refuse what holds nothing else."""
    words = text[start:end].split(" ")
    if len(words) == 1 and text[max(0, start - 2) : start - 1].islower() and acts(text, start, end):
        return None if _POSITION.search(words[0]) else (start, end, 0)
    while words and _is_position(words[-1]):
        end -= len(words.pop()) + 1
    while words and words[0].casefold() in _TITLES:
        start += len(words.pop(0)) + 1
    while words and words[-1].islower():
        words.pop()
    if len(words) > 1 and words[0].islower() and words[-1].isupper() and len(words[-1]) < 4:
        return None
    return (start, start + len(" ".join(words)), 0) if any(word[:1].isupper() for word in words) else None


def _is_position(word: str) -> bool:
    flat = word.casefold()
    return flat in _NOBODY or _POSITION.search(flat) is not None


RECOGNIZER = Recognizer(
    kind="role_name",
    type=Type.NAME,
    patterns=(
        rf"(?<![\w-])(?P<cue>(?i:{_ROLES})) (?P<value>{PARTICLE}{PARTICLE}{WORD}(?: {PARTICLE}{WORD})?)(?![^\W_])",
    ),
    scores=Scores(cued=600),
    starts=tuple(sorted({re.split("[ -]", role)[0] for role in _ROLES.split("|")})),
    guarded=False,
    exact_case=True,
    refine=_somebody,
)

EXAMPLES = Examples(
    match=(
        "verständigte den Dienstarzt «Tietjen». Laborchemisch",
        "nurse «Perera» gave it",
        "teilte der Klägerin «Boateng» mit",
        "Die Physiotherapeutin «Geok Mansour» übte",
        "la enfermera «Lucía» avisa",
        "Gemeinschaftspraxis «Lebbe» und",
        "l'infirmière «Le Goff» passe",
        "by the surgeon «De Silva» today",
        "nurse «Lindquist» called",
        "Nurse Practitioner «Sarah» saw her",
        "the nurse «Tan» said he slept",
        "travailleuse sociale «Phuong Lê» au",
        "social worker «Adaeze Obi» rang",
    ),
    no_match=(
        "nurse Practitioner clinic",
        "Oberarzt Dr. med.",
        "the consultant Cardiologist",
        "Hausarzt Termin am",
        "Consultant Nephrologist",
        "Nurse Consultant, clinic",
        "the surgeon said",
        "nurse in charge",
        "the nurse Manager said",
        "Facharzt für Innere Medizin",
        "In der Familie Asthma",
        "die beklagte Krankenkasse lehnt",
    ),
)
