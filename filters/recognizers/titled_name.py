"""Name right behind a title ("Frau von Çetin", "Dr. med. M. Polat"): whatever the model thinks, that is a person."""

from __future__ import annotations

from filters.findings import Type
from filters.name_patterns import INITIAL, PARTICLE, WORD
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_TITLES = (
    "Mr|Mrs|MRS|Ms|Miss|Mx|Dr|Drs|Dra|Prof|Professor|Sir|Herrn?|HERRN?|Frau|FRAU|Fräulein|Sra|Srta|Señora?|Dña|Doña|"
    "Mme|MME|Mlle|Monsieur|Madame|Mademoiselle|Maître|Sig\\.ra|Signora?|Dott|Dottor|Dottoressa|Dhr|Mevr|Mevrouw|Meneer|"
    "señora?|doña|madame|monsieur|mademoiselle|signora?|dottor|dottoressa|mevrouw|meneer"
)
_LEARNED = "PD|Univ|Priv|Doz|med|rer|nat|phil|dent|vet|jur|habil|Dipl|Ing|Psych|Doktor|Doctor|h\\.c"
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


def _somebody(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Refuse the beginning of a sentence, and a title behind a title."""
    words = [word for word in text[start:end].replace(".", ". ").split(" ") if word and not word.endswith(".")]
    return None if not words or words[-1].casefold() in _NOBODY else (start, end, 0)


RECOGNIZER = Recognizer(
    kind="titled_name",
    type=Type.NAME,
    patterns=(rf"(?<![\w-])(?P<cue>{_TITLES})\.?[ \t]{{1,2}}{_MORE}{_MORE}{_MORE}(?P<value>{_SOMEBODY})(?![^\W_])",),
    scores=Scores(cued=800),
    starts=tuple(sorted({word.lower() for word in _TITLES.replace("?", "").replace("\\.ra", "").split("|")} | {
        "herr", "signor", "señor"
    })),
    guarded=False,
    exact_case=True,
    refine=_somebody,
)  # fmt: skip

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
    ),
)
