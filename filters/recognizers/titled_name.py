"""Name right behind a title ("Frau von Çetin", "Dr. med. M. Polat"): whatever the model thinks, that is a person."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.name_patterns import INITIAL, PARTICLE, WORD
from filters.recognizers.base import Examples, Recognizer, Scores
from filters.recognizers.initial_name import is_latin
from filters.recognizers.labelled_name import is_thing, name_end

__all__ = ["EXAMPLES", "RECOGNIZER"]

_TITLES = (
    "Mr|Mrs|MRS|Ms|Miss|Mx|Dr|Drs|Dra|Prof|Professor|Sir|Herrn?|HERRN?|Frau|FRAU|Fräulein|Sra|Srta|Señora?|Dña|Doña|"
    "Mme|MME|Mlle|Monsieur|Madame|Mademoiselle|Maître|Sig\\.ra|Signora?|Dott|Dottor|Dottoressa|Dhr|Mevr|Mevrouw|Meneer|"
    "señora?|doña|madame|monsieur|mademoiselle|signora?|dottor|dottoressa|mevrouw|meneer"
)
_HONOURS = (
    "Mdm|MDM|Madam|Mw|mw|dhr|mevr|dr|Dres|M\\.|MM\\.|Sr|SRA|Sr\\.ª|Sr\\.a|Srs|Sig\\.|Sig\\.na|Sigg\\.|"
    "Dott\\.ssa|dott|dott\\.ssa|"
    "sig\\.|sig\\.ra|Fr\\.|Hr\\.|Hrn\\.|Pfr|Prim|Enf|Enf\\.ª|Enfª|Téc|Tec\\.|Dª|D\\.ª|D\\.|Don|don|Dona|dona|seu|Seu|"
    "Encik|Puan|Cik|Tuan|Haji|Hajah|Hajjah|Smt|Shri|Smti|Sister|Schwester|Vpk|Zr|Zuster|zuster|Br\\.|pastoor|Pastoor|"
    "Pastor|Rev|Reverend|Imam|Rabbi|Senhora?|senhora?|Enfermeira|Maestra|Mestre|sor|Sor|soeur|sœur|suor|Suor|Dom|Ustaz|"
    "collega|Kollege|Kollegin|Dipl\\.-Med"
)
"""Also words or letters of everyday text: what follows is looked at twice."""
_LEARNED = "PD|Univ|Priv|Doz|med|Med|rer|nat|phil|dent|vet|jur|habil|Dipl|Ing|Psych|Doktor|Doctor|h\\.c"
_MORE = rf"(?:(?:{_TITLES}|{_LEARNED})\.?[ \t-]{{1,2}})?"
_SOMEBODY = f"{PARTICLE}{PARTICLE}(?:{INITIAL} {{0,2}})?(?:{INITIAL} {{0,2}})?{WORD}"
_OTHERS = (
    "president chairman speaker secretary minister judge mayor coroner "
    "he she it they we you his her their this that the there then who was is has had will and or but if in on at of to "
    "after before when with no not please patient patients madam colleague colleagues nurse sister matron "
    "er sie es wir ihr ihre sein der die dem den ein eine und oder aber wenn nach vor bei mit kein keine bitte wurde "
    "war hat ist sowie kollege kollegin kollegen doktor professor oberarzt oberärztin chefarzt chefärztin "
    "assistenzarzt stationsarzt hausarzt patientin präsident direktor richter rechtsanwalt pfarrer "
    "el la los las un una en al del pero si su doctor doctora director juez presidente paciente directora "
    "le les une il elle dans après mais docteur professeur président juge collègue "
    "lo gli nel dopo ma dottore avvocato collega het een hij zij dokter collega os as um uma ele ela"
)
_NOBODY = frozenset(_OTHERS.split())
_SURE = (
    "Mdm",
    "MDM",
    "Mw",
    "mw",
    "dhr",
    "mevr",
    "Encik",
    "Puan",
    "Cik",
    "Smt",
    "Hrn",
    "Dott.ssa",
    "Sig",
    "Sig.na",
    "Hr",
    "Pfr",
)


_BEFORE = re.compile(
    r"(?:vitamin|vitamina|vitamine|hepatitis|typ|type|grad|\d|\.[A-Z]|[-/])[ \t]{0,2}\Z", re.IGNORECASE
)
_WEAK = re.compile(rf"(?:{_HONOURS}|[sm]einer? Frau|[Ii]hrer? Frau)\.?[ \t]{{1,2}}\Z")
_GERMAN = re.compile(r"(?:Herrn?|Frau|Fr\.|Hr\.|Schwester|med\.)[^\n]{0,20}\Z")
"""Nouns have capitals in German: one name more, and no second."""
_BARE = re.compile(r"(?<![\w-])(?:seu|Seu|Sr|Fr|M|D|Br|MM)\.?[ \t]{1,2}\Z")


def _somebody(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Refuse the beginning of a sentence, and a title behind a title; take the rest of the name."""
    words = [word for word in text[start:end].replace(".", ". ").split(" ") if word and not word.endswith(".")]
    if not words or words[-1].casefold() in _NOBODY:
        return None
    before = text[max(0, start - 24) : start]
    weak = _WEAK.search(before)
    last = words[-1]
    bare = _BARE.search(before)
    if weak is not None and ((bare is not None and is_latin(last)) or not _is_name(last, before)):
        return None
    if bare is not None and _BEFORE.search(before[: bare.start()]):
        return None
    return start, max(end, _further(text, start, end)), 0


def _is_name(word: str, before: str) -> bool:
    """A title that is nothing else makes a name of an everyday word: "Mdm Tan"."""
    if word.isupper() and len(word) < 4:
        return False
    return not is_thing(word) or (before.rstrip(" .\t").endswith(_SURE) and not word.isupper())


def _further(text: str, start: int, end: int) -> int:
    """The names behind the first one: to the end of a name, when a mark or a small word follows."""
    most = 1 if _GERMAN.search(text[max(0, start - 60) : start]) else 3
    done = (
        name_end(text, end + 1, most=most) if text[end : end + 1] == " " and text[end + 1 : end + 2].isalpha() else end
    )
    if done <= end + 1:
        return end
    following = text[done : done + 2]
    goes_on = not following.strip() or following[0] in ",;.)(\n/" or (following[0] == " " and following[1:].islower())
    return done if goes_on else end


RECOGNIZER = Recognizer(
    kind="titled_name",
    type=Type.NAME,
    patterns=(
        rf"(?<![\w-])(?P<cue>{_TITLES}|{_HONOURS})\.?[ \t]{{1,2}}{_MORE}{_MORE}{_MORE}(?P<value>{_SOMEBODY})(?![^\W_])",
    ),
    scores=Scores(cued=800),
    starts=tuple(
        sorted(
            {re.split(r"\\.|ª|-", word)[0].lower() for word in f"{_TITLES}|{_HONOURS}".replace("?", "").split("|")}
            | {"herr", "signor", "señor", "senhor", "dª", "enfª"}
        )
    ),
    guarded=False,
    exact_case=True,
    refine=_somebody,
)

EXAMPLES = Examples(
    match=(
        "Seen by Dr «Perera» today",
        "Mrs «O'Brien» slept well",
        "Frau «von Çetin» soll sich melden",
        "Herrn Prof. Dr. med. «M. Polat», Oberarzt",
        "FRAU «Das» wurde entlassen",
        "la Dra. «García-Ruiz» indica",
        "vu par Mme «Lefèvre»",
        "la signora «De Luca» riferisce",
        "mevrouw «van der Berg» belt",
        "Mr «J. K. Silva» was seen",
        "Frau Doktor «Meier» kommt",
        "restart apixaban for Mdm «Tan» tomorrow",
        "Votre patient, M. «Thierry Kerbrat», né",
        "Mw «Smeets», uit Geleen",
        "pastoor «Wever» bellen",
        "paciente don «Bartolomé Gallardo Núñez», nacido",
        "Dott.ssa «Chiamaka Obi»",
        "An Herrn Dipl.-Med. «Volkmar Seifert», 08",
        "durch Fr. «Pilz»",
        "INR da D. «Alzira»",
        "z. Hd. Schwester «Ludmila»",
        "Encik «Rahim» is in bed 4",
    ),
    no_match=(
        "Dear Sir or Madam",
        "the Dr. He said so",
        "MR angiography",
        "MS relapse",
        "Frau Kollegin, danke",
        "Herr Oberarzt,",
        "Miss a dose",
        "Dr. med. univ.",
        "DR changes in both eyes",
        "Ms 12",
        "Mr President said",
        "hepatitis D. Patient well",
        "vitamin D. Zephyrine",
        "M. Crohn seit 2009",
        "M. le Maire",
        "no seu Hospital",
        "Sister Ward called",
        "Fr. Termin um 9",
        "SR Diltiazem",
    ),
)
