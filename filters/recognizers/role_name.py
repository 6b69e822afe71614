"""Name right behind what a person is: "Dienstarzt Tietjen", "nurse Perera", "enfermera Lucía"."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.lexicon import common_words
from filters.name_patterns import PARTICLE, WORD
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

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
    "enfermeira|enfermeiro|cirurgião|cirurgiã|parteira"
)
_OTHERS = (
    "dr dr. prof prof. herr herrn frau mr mrs ms miss sir practitioner specialist manager team unit ward office clinic "
    "surgery hospital department service station abteilung praxis klinik termin visite befund aufnahme nachmittag "
    "vormittag montag dienstag mittwoch donnerstag freitag samstag sonntag morgen abend nacht und oder mit für zur zum "
    "stadt gemeinde versicherung krankenkasse pflegekasse bundesrepublik land freistaat firma klinik rechtsanwalt "
    "innere medizin chirurgie anästhesie kardiologie neurologie in im am an auf the and or of for to has was is will "
    "general orthopaedic vascular cardiac neuro paediatric obstetric mr. physician "
    "officer fellow lead educator supervisor assistant partner trainee consultant surgeon nurse midwife led review"
)
_TITLES = frozenset(_OTHERS.split())
_NOBODY = _TITLES | common_words()
_POSITION = re.compile(r"(?:(?<!qu)(?<!qv)ists?|[stnr]icians?|titians?|ologen?|ologin|iater(?:in)?)\Z")
"""How words for a speciality end: "Consultant Nephrologist", "Oberarzt Kardiologe"; Lindquist is a name."""


def _somebody(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Take off words of everyday text at both ends; refuse what holds nothing else."""
    words = text[start:end].split(" ")
    while words and _is_position(words[-1]):
        end -= len(words.pop()) + 1
    while words and words[0].casefold() in _TITLES:
        start += len(words.pop(0)) + 1
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
    starts=tuple(_ROLES.replace("sage-femme", "sage").split("|")),
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
        "Facharzt für Innere Medizin",
        "In der Familie Asthma",
        "die beklagte Krankenkasse lehnt",
    ),
)
