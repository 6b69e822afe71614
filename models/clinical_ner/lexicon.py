"""The words the generator draws from, and the hash that keeps training and development words apart.

Law: a name, place, eponym or brand belongs to exactly one part (`train` or `dev`), decided by its SHA-256, so that
no name seen in training is ever used for measuring. Nothing here reads a clock or draws a random number.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LANGS", "SCRIPT_LANGS", "Lexicon", "NameGroup", "Part", "load_lexicon", "part_of"]

LANGS = ("en", "de", "es", "fr", "it", "nl", "pt")
SCRIPT_LANGS = ("si", "ta", "ar")
"""Languages of other scripts: Sinhala and Tamil have word pieces of their own, Arabic is read in Latin letters."""
_HOME = {
    "si": ("sinhala", "sinhala_script", "sinhala_script"),
    "ta": ("tamil", "tamil_script", "tamil_script"),
    "ar": ("gulf", "arabic_script", "arabic_script"),
}
Part = str
"""`train` or `dev`."""

_DEV_SHARE = 0.15
_EPONYM_DEV_SHARE = 0.3


def part_of(word: str, dev_share: float = _DEV_SHARE) -> Part:
    """Return the part a word belongs to; letter case does not matter, since the tokenizer ignores it."""
    first = int.from_bytes(hashlib.sha256(word.casefold().encode()).digest()[:4], "big")
    return "dev" if first / 2**32 < dev_share else "train"


@dataclass(frozen=True, slots=True)
class NameGroup:
    """Given names and surnames of one region."""

    given: tuple[str, ...]
    last: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything a template slot can be filled with, for one part."""

    groups: tuple[NameGroup, ...]
    home: dict[str, tuple[NameGroup, ...]]
    """Groups that belong to a language's own region: used for half of its names."""
    cities: tuple[str, ...]
    own_cities: dict[str, tuple[str, ...]]
    """Cities in the script of a language."""
    countries: dict[str, tuple[str, ...]]
    streets: dict[str, tuple[str, ...]]
    saints: tuple[str, ...]
    org_stems: tuple[str, ...]
    org_tails: tuple[str, ...]
    org_names: tuple[str, ...]
    companies: tuple[str, ...]
    eponyms: tuple[str, ...]
    brands: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    """Common words of a language, for sentences that mean nothing and identify nobody."""
    terms: dict[str, tuple[str, ...]]
    """Medical words of a language: substances, diseases, findings."""


def _kept(words: list[str], part: Part, share: float = _DEV_SHARE) -> tuple[str, ...]:
    return tuple(sorted({w for w in words if w and part_of(w, share) == part}))


def load_lexicon(
    folder: Path,
    part: Part,
    *,
    extra: dict[str, dict[str, list[str]]] | None = None,
    words: dict[str, tuple[str, ...]] | None = None,
    terms: dict[str, tuple[str, ...]] | None = None,
) -> Lexicon:
    """Read the hand lists below `folder` and add `extra`: region -> given, last, cities, streets, companies."""
    hand = tomllib.loads((folder / "hand.toml").read_text("utf8"))
    places = {k: v.split("|") for k, v in tomllib.loads((folder / "places.toml").read_text("utf8")).items()}
    negatives = {k: v.split("|") for k, v in tomllib.loads((folder / "negatives.toml").read_text("utf8")).items()}
    raw = {k: {f: v.replace("_", "\u00a0").split(" ") for f, v in g.items()} for k, g in hand.items()}
    groups = {
        k: NameGroup(*(_kept([w.replace("\u00a0", " ") for w in g[f]], part) for f in ("given", "last")))
        for k, g in raw.items()
    }
    companies: list[str] = []
    cities, streets = list(places["cities"]), {x: list(places["streets_" + x]) for x in LANGS}
    home: dict[str, list[NameGroup]] = {x: [] for x in LANGS}
    for region, found in sorted((extra or {}).items()):
        group = NameGroup(_kept(found["given"], part), _kept(found["last"], part))
        if group.given and group.last:
            groups[region] = group
            if region[:2] in home:
                home[region[:2]].append(group)
        cities += found["cities"]
        companies += found["companies"]
        streets.get(region[:2], streets["en"]).extend(found["streets"])
    for lang, names in _HOME.items():
        home[lang] = [groups[name] for name in names]
    return Lexicon(
        groups=tuple(g for k, g in groups.items() if g.given and g.last and not k.endswith("_script")),
        home={k: tuple(v) for k, v in home.items()},
        cities=_kept(cities, part),
        own_cities={x: _kept(places["cities_" + x], part) for x in SCRIPT_LANGS},
        countries={x: tuple(places.get("countries_" + x, places["countries"])) for x in (*LANGS, *SCRIPT_LANGS)},
        streets={x: _kept(streets[x if x in streets else "en"], part) for x in (*LANGS, *SCRIPT_LANGS)},
        saints=tuple(places["saints"]),
        org_stems=tuple(places["org_stems"]),
        org_tails=tuple(places["org_tails"]),
        org_names=tuple(places["org_names"]),
        companies=_kept(companies, part) or ("Lanka Hospitals PLC",),
        eponyms=_kept(negatives["eponyms"], part, _EPONYM_DEV_SHARE),
        brands=_kept(negatives["brands"], part, _EPONYM_DEV_SHARE),
        words=words or {},
        terms=terms or {},
    )
