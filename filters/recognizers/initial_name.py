"""Name written with initials: "K. Thevarajah", "M. N. Rizwan", "G.J. ter Braak"."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.name_patterns import PARTICLE
from filters.recognizers.base import Examples, Recognizer, Scores
from filters.recognizers.labelled_name import CAPITAL, is_thing

__all__ = ["EXAMPLES", "RECOGNIZER", "is_latin"]

_WORD = rf"(?:{CAPITAL}['’])?{CAPITAL}[^\W\d_]{{2,30}}(?:[-'’][^\W\d_]{{2,30}})?"
_INITIALS = rf"(?:{CAPITAL}\.(?:-(?={CAPITAL}\.))?[ ]?){{1,3}}"
_NEXT = rf"(?: {CAPITAL}[^\W\d_]{{3,30}})?"
_SPECIES = (
    "coli aureus difficile diff pylori pneumoniae pneumophila aeruginosa faecalis faecium albicans glabrata "
    "tuberculosis burgdorferi epidermidis pyogenes agalactiae influenzae catarrhalis meningitidis gonorrhoeae jejuni "
    "enterica typhi cloacae marcescens mirabilis maltophilia baumannii fragilis perfringens tetani botulinum "
    "monocytogenes trachomatis falciparum vivax fumigatus neoformans gondii lamblia histolytica stercoralis leprae "
    "avium bovis hominis anthracis cereus lugdunensis saprophyticus viridans sapiens elegans"
)
_ANATOMY = (
    "carotis cava porta portae vertebralis saphena basilica cephalica quadriceps biceps triceps deltoideus masseter "
    "vagus medianus ulnaris radialis femoralis tibialis peroneus fibularis facialis trigeminus opticus phrenicus "
    "subclavia poplitea mesenterica lienalis hepatica renalis iliaca jugularis brachialis axillaris gastrica "
    "appendicularis supraspinatus infraspinatus subscapularis pectoralis psoas glutaeus gluteus rectus obliquus "
    "sartorius gracilis soleus gastrocnemius temporalis basilaris cerebri pericallosa suralis ischiadicus recurrens "
    "circumflexa coronaria dorsalis profunda lumbalis thoracica interossea oculomotorius abducens accessorius "
    "hypoglossus crohn basedow parkinson bechterew hodgkin alzheimer meulengracht menière dupuytren azygos "
    "laryngeus fib flutter bleed"
)
_REFUSED = frozenset(f"{_SPECIES} {_ANATOMY}".split())
_LATIN = re.compile(r"(?:alis|aris|icus|eus|inatus|oideus|oris|icum|erior|idea|atica)\Z")
_SHORT_WORDS = (
    "gi gu po iv im sc pr pv am pm us uk un dc tb zn zb ob va uu ie eg uo ss cf rx tc ac pc nb ps cc ef lp "
    "sl od os bd tds hiv usa nhs ad av mr ev ct asl ao pa gp er ed ic su oa dr ca pt rm ecg ii iii vi ix xi"
)
_SHORT = frozenset(_SHORT_WORDS.split())
_BEFORE = re.compile(r"([^\W\d_][\w-]{0,30})[ \t]{1,3}\Z")
_ABBREVIATED = re.compile(r"(?<![^\W_])[a-z]\.[ \t]{0,2}\Z")
_LETTERED = (
    "vitamin vitamina vitamine vitamines hepatitis hépatite hepatite epatite hep type typ tipo grade grad "
    "grado grau stage "
    "stadium stade group gruppe grupo groupe gruppo bed room ward bay unit block child class klasse classe "
    "factor faktor "
    "influenza plan option point appendix category section schritt abschnitt punkt teil part figure fig "
    "table arm cohort "
    "protein lead pugh kinder hormon koenzym streptokokken graft scenario question answer level model step "
    "annex letter "
    "via viale piazza ospedale hospital rua calle avenue rue av avda straat laan corso largo plaza place kh klinik "
    "krankenhaus sankt azienda policlinico clinica istituto presidio casa parrocchia chiesa streptococcus "
    "staphylococcus "
    "paillasse box salle chambre zimmer kamer sala stanza letto lit cama o ou oder or y und et e of and "
    "morbus nervus arteria vena musculus ramus i the a is was and/or"
)
_NO_CUE = frozenset(_LETTERED.split())
_LINE_LETTER = re.compile(r"(?m)^[ \t]{0,8}([A-Z])[.)][ \t]")
_SPLIT = re.compile(r"[. ]{1,4}")


def is_latin(word: str) -> bool:
    """Return whether a word behind one letter names a muscle, a nerve, a vessel, a species or a morbus."""
    flat = word.casefold()
    return flat in _REFUSED or _LATIN.search(flat) is not None


def _person(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Refuse lists, abbreviations, species, anatomy and the beginning of a sentence behind a lone letter."""
    value = text[start:end]
    parts = [part for part in _SPLIT.split(value) if part]
    initials = "".join(part for part in parts if len(part) == 1).casefold()
    names = [part for part in parts if len(part) > 2 and part[0].isupper()]
    if not names or initials in _SHORT or is_latin(names[0]) or is_thing(names[0]):
        return None
    if (names[0].isupper() and len(names[0]) < 5) or (len(names[0]) < 4 and text[end : end + 1] == "."):
        return None
    if len(names) > 1 and is_thing(names[-1]):
        end -= len(names[-1]) + 1
    before = text[max(0, start - 40) : start].rpartition("\n")[2]
    if len(initials) == 1 and not _sure(text, start, before):
        return None
    return None if _ABBREVIATED.search(before) else (start, end, 0)


def _sure(text: str, start: int, before: str) -> bool:
    """One initial: not the mark of a list, not the last letter of a sentence."""
    if not before.strip(" \t-*•\"'“„«("):
        letter = text[start]
        marks = {match.group(1) for match in _LINE_LETTER.finditer(text)}
        return not marks & {chr(ord(letter) - 1), chr(ord(letter) + 1)}
    if before.rstrip().endswith(("º", "°")):
        return False
    word = _BEFORE.search(before)
    return word is None or (word.group(1).casefold() not in _NO_CUE and not word.group(1).isupper())


RECOGNIZER = Recognizer(
    kind="initial_name",
    type=Type.NAME,
    patterns=(
        (
            rf"(?<![\w.'’/+&-])(?P<value>{_INITIALS}{PARTICLE}{PARTICLE}{_WORD}{_NEXT})"
            r"(?![^\W_]|-\w)"
        ),
    ),
    scores=Scores(shape=560),
    guarded=False,
    exact_case=True,
    refine=_person,
)

EXAMPLES = Examples(
    match=(
        "Bed 3 «K. Thevarajah» 72M CAP",
        "accepting «M. N. Rizwan», 21",
        "discussed with «N. Achterberg» today",
        "«J. K. Silva», SHO",
        "dhr. «G.J. ter Braak», geb. 22-09-1947",
        "pT1.\n«M. Szabo», Consultant",
        "Conclusie: geen.\n«M.C. van den Heuvel», huisarts",
        "Gracias, «L. Osácar» (busca 6614)",
        "by «J.-P. Lefèvre» and",
        "(«A. Chowdhury»)",
    ),
    no_match=(
        "A. Plan\nB. Treatment",
        "A. Zephyr\nB. Something\nC. Other",
        "hepatitis B. Patient well",
        "grew E. Coli in urine",
        "MRSA and S. Aureus",
        "C. Difficile toxin",
        "vitamin D. Please check",
        "i. V. Gabe von",
        "z. B. Patienten mit",
        "o. B. Lunge frei",
        "M. Crohn seit 2009",
        "N. Medianus links",
        "M. le Maire",
        "I.V. Ceftriaxone given",
        "Ospedale S. Orsola",
        "10 A.M. Ximena",
    ),
)
