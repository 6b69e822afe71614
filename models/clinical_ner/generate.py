"""Clinical text of people who do not exist, with every identifier marked.

Law: nothing is copied from a real record. `Generator(lexicon, templates, seed).documents(n)` is a function of its
arguments: the same seed gives the same documents.

    {slot}   an identifier (`slots.SLOTS`) or a word from the template file's lists
    <a|b>    one of the choices, resolved from the inside out
"""

from __future__ import annotations

import random
import re
import string
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.clinical_ner.lexicon import LANGS, Lexicon
from models.clinical_ner.slots import SLOTS, Filler

__all__ = ["Example", "Generator", "Span", "Templates", "load_templates"]

Span = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Example:
    """A text, its identifiers, and the stretches whose label nobody knows (`masked`: no gradient)."""

    text: str
    spans: tuple[Span, ...]
    lang: str
    source: str
    masked: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates of one language."""

    pii: tuple[str, ...]
    plain: tuple[str, ...]
    lists: dict[str, tuple[str, ...]]


def load_templates(folder: Path) -> dict[str, Templates]:
    """Read `<lang>.toml` of every language."""
    found = {}
    for lang in LANGS:
        raw = tomllib.loads((folder / f"{lang}.toml").read_text("utf8"))
        lists = {k: tuple(v) for k, v in raw["lists"].items()}
        found[lang] = Templates(tuple(raw["templates"]["pii"]), tuple(raw["templates"]["plain"]), lists)
    return found


_CHOICE = re.compile(r"<([^<>]*\|[^<>]*)>")
_SLOT = re.compile(r"\{(\w+)\}")
_SYLLABLES = [
    "xe",
    "lo",
    "vi",
    "ra",
    "zo",
    "ta",
    "mi",
    "pra",
    "cor",
    "nex",
    "lan",
    "tri",
    "syn",
    "am",
    "be",
    "clo",
    "dex",
    "flu",
    "gly",
    "lev",
    "ox",
    "pro",
    "ri",
    "sul",
    "ven",
    "za",
    "qui",
    "o",
]
_ENDINGS = [
    "ra",
    "da",
    "va",
    "xa",
    "lis",
    "tin",
    "pril",
    "zol",
    "mab",
    "ium",
    "ex",
    "an",
    "ix",
    "al",
    "or",
    "ol",
    "in",
    "ta",
    "nib",
    "dex",
    "vir",
    "sta",
]
_OCR = {"0": "O", "1": "l", "5": "S", "rn": "m", "l": "1", "e": "c", "m": "rn"}


class Generator:
    """Draws documents of one language mix from one lexicon."""

    def __init__(self, lexicon: Lexicon, templates: dict[str, Templates], seed: int) -> None:
        self._lexicon, self._templates, self._rng = lexicon, templates, random.Random(seed)

    def documents(self, count: int, langs: tuple[str, ...], *, plain_share: float = 0.35) -> Iterator[Example]:
        """Yield `count` documents, languages in turn; `plain_share` of the sentences hold no identifier."""
        for i in range(count):
            yield self.document(langs[i % len(langs)], plain_share=plain_share)

    def document(self, lang: str, *, plain_share: float = 0.35) -> Example:
        """Draw one to four sentences or lines and join them."""
        rng, templates = self._rng, self._templates[lang]
        size = rng.choice((1, 1, 1, 2, 2, 3, 4))
        pieces = [
            self.sentence(lang, rng.choice(templates.plain if rng.random() < plain_share else templates.pii))
            for _ in range(size)
        ]
        joined = _join(pieces, rng.choice(("\n", " ", " ", "\n\n")))
        draw = rng.random()
        if draw < 0.12:
            joined = self._noisy(*joined, rate=0.02)
        elif draw < 0.2:
            joined = _without_punctuation(*joined)
        return Example(joined[0], joined[1], lang, "generator")

    def sentence(self, lang: str, template: str) -> tuple[str, tuple[Span, ...]]:
        """Fill one template."""
        rng = self._rng
        while _CHOICE.search(template):
            template = _CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), template)
        filler = Filler(self._lexicon, lang, rng)
        out, spans, at = [], [], 0
        length = 0
        for _ in range(64):
            m = _SLOT.search(template, at)
            if m is None:
                break
            out.append(template[at : m.start()])
            length += m.start() - at
            surface, label = self._fill(m.group(1), filler, lang)
            if label:
                spans.append((length, length + len(surface), label))
            elif _SLOT.search(surface):
                surface = _SLOT.sub(lambda s: self._fill(s.group(1), filler, lang)[0], surface)
            out.append(surface)
            length += len(surface)
            at = m.end()
        out.append(template[at:])
        return "".join(out), tuple(spans)

    def _fill(self, slot: str, filler: Filler, lang: str) -> tuple[str, str]:
        if slot in SLOTS:
            label, draw = SLOTS[slot]
            return draw(filler), label
        rng, lists = self._rng, self._templates[lang].lists
        if slot in lists:
            return rng.choice(lists[slot]), ""
        return self._word(slot, lang), ""

    def _word(self, slot: str, lang: str) -> str:
        rng, lexicon = self._rng, self._lexicon
        pool = lexicon.words.get(lang) or ("bracket", "gravel", "kettle", "river", "paper")
        fixed = {
            "num": lambda: str(rng.choice((rng.randint(1, 20), rng.randint(20, 200), rng.randint(1, 1000)))),
            "digit": lambda: str(rng.randint(1, 9)),
            "bignum": lambda: str(rng.randint(10**6, 10**9)),
            "letter": lambda: rng.choice(string.ascii_uppercase),
            "time": lambda: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
            "eponym": self._eponym,
            "brand": lambda: rng.choice(lexicon.brands) if rng.random() < 0.6 else self._coined(),
            "court": lambda: rng.choice(("Mr", "Mrs", "Ms", "Mr.", "")),
            "words": lambda: " ".join(rng.choice(pool) for _ in range(rng.randint(2, 6))),
            "wordlist": lambda: rng.choice(("-", " ", ", ")).join(rng.choice(pool) for _ in range(rng.randint(3, 7))),
        }
        return fixed[slot]()

    def _eponym(self) -> str:
        """A known eponym, or any surname: what stands before "disease" names no patient, whoever it was."""
        if self._rng.random() < 0.6:
            return self._rng.choice(self._lexicon.eponyms)
        return self._rng.choice(self._rng.choice(self._lexicon.groups).last)

    def _coined(self) -> str:
        """A drug name nobody sells."""
        parts = [self._rng.choice(_SYLLABLES) for _ in range(self._rng.randint(2, 3))]
        return ("".join(parts) + self._rng.choice(_ENDINGS)).capitalize()

    def _noisy(self, text: str, spans: tuple[Span, ...], *, rate: float) -> tuple[str, tuple[Span, ...]]:
        """Swap, drop or misread characters; offsets follow."""
        rng = self._rng
        out: list[str] = []
        place = [0] * (len(text) + 1)
        for i, char in enumerate(text):
            place[i] = sum(map(len, out[-1:])) + (place[i - 1] if i else 0)
            if char.isalnum() and rng.random() < rate:
                out.append(rng.choice(("", char * 2, _OCR.get(char, char), rng.choice(string.ascii_lowercase))))
            else:
                out.append(char)
        place[len(text)] = sum(map(len, out))
        moved = tuple((place[a], place[b], label) for a, b, label in spans if place[b] > place[a])
        return "".join(out), moved


def _join(pieces: list[tuple[str, tuple[Span, ...]]], glue: str) -> tuple[str, tuple[Span, ...]]:
    text, spans = "", []
    for piece, marks in pieces:
        if text:
            text += glue
        spans += [(a + len(text), b + len(text), label) for a, b, label in marks]
        text += piece
    return text, tuple(spans)


def _without_punctuation(text: str, spans: tuple[Span, ...]) -> tuple[str, tuple[Span, ...]]:
    """Turn punctuation outside identifiers into spaces, as dictation and speech recognition do; offsets stay."""
    inside = {i for a, b, _ in spans for i in range(a, b)}
    chars = [c if i in inside or c not in ",.;:!?()" else " " for i, c in enumerate(text)]
    return "".join(chars), spans
