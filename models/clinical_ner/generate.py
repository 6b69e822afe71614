"""Clinical text of people who do not exist, with every identifier marked.

Law: nothing is copied from a real record. `Generator(lexicon, templates, seed).documents(n)` is a function of its
arguments: the same seed gives the same documents.

    %rule%   one of the rule's sentences (`templates/rules/`), down to the last
    <a|b>    one of the choices, resolved from the inside out
    {slot}   an identifier (`slots.SLOTS`) or a word from the template file's lists

A tenth of the sentences, by hash, is never used in training: the development part measures with these.
"""

from __future__ import annotations

import random
import re
import string
import tomllib
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.clinical_ner.lexicon import LANGS, SCRIPT_LANGS, Lexicon, Part, part_of
from models.clinical_ner.slots import SLOTS, Filler

__all__ = ["Example", "Generator", "Span", "Templates", "load_letters", "load_templates"]

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
    """The templates of one language. `pii` and `plain` may hold %rules%; the composed ones stand beside the others."""

    pii: tuple[str, ...]
    plain: tuple[str, ...]
    composed_pii: tuple[str, ...]
    composed_plain: tuple[str, ...]
    rules: dict[str, tuple[str, ...]]
    lists: dict[str, tuple[str, ...]]

    @property
    def sentences(self) -> int:
        """Return how many sentences were written: whole templates and alternatives of rules, titles left out."""
        ruled = (sentence for name, found in self.rules.items() if name not in _TITLES for sentence in found)
        return len({*self.pii, *self.plain, *ruled})


_TITLES = frozenset({"title", "anr", "dr"})
_HELD_OUT = 0.1


def _part(sentences: Sequence[str], part: Part | None, *, may_be_none: bool = False) -> tuple[str, ...]:
    """Return the sentences of a part; where it would have none, all of them, unless it may."""
    kept = tuple(s for s in sentences if part is None or part_of(s, _HELD_OUT) == part)
    return kept if kept or may_be_none else tuple(sentences)


def load_templates(folder: Path, part: Part | None = "train") -> dict[str, Templates]:
    """Read the templates of every language; `part` None reads the sentences of both parts."""
    found = {}
    for lang in (*LANGS, *SCRIPT_LANGS):
        raw = tomllib.loads((folder / f"{lang}.toml").read_text("utf8"))
        path = folder / "rules" / f"{lang}.toml"
        more = tomllib.loads(path.read_text("utf8")) if path.exists() else {"rules": {}, "composed": {}}
        plain = _part(raw["templates"]["plain"], part, may_be_none=path.exists())
        rules = {k: tuple(v) if k in _TITLES else _part(v, part) for k, v in more["rules"].items()}
        if "neg" in rules:
            rules["neg"] += plain
        found[lang] = Templates(
            _part(raw["templates"]["pii"], part, may_be_none=path.exists()),
            plain,
            tuple(more["composed"].get("pii", ())),
            tuple(more["composed"].get("plain", ())),
            rules,
            {k: tuple(v) for k, v in raw["lists"].items()},
        )
    return found


_CHOICE = re.compile(r"<([^<>]*\|[^<>]*)>")
_SLOT = re.compile(r"\{(\w+)\}")
_RULE = re.compile(r"%([a-z]+)%")
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
_COMPOSED = 0.5
_OCR = {"0": "O", "1": "l", "5": "S", "rn": "m", "l": "1", "e": "c", "m": "rn"}


def _lead(surface: str, label: str) -> int:
    """Return how much of a slot is a label word: "ext 3467" names a telephone by its number alone."""
    return len(surface) - len(surface.removeprefix("ext ")) if label == "PHONE" else 0


class Generator:
    """Draws documents of one language mix from one lexicon."""

    def __init__(self, lexicon: Lexicon, templates: dict[str, Templates], seed: int) -> None:
        self._lexicon, self._templates, self._rng = lexicon, templates, random.Random(seed)

    def documents(self, count: int, langs: tuple[str, ...], *, plain_share: float = 0.35) -> Iterator[Example]:
        """Yield `count` documents, languages in turn; `plain_share` of the sentences hold no identifier."""
        for i in range(count):
            yield self.document(langs[i % len(langs)], plain_share=plain_share)

    def document(self, lang: str, *, plain_share: float = 0.35) -> Example:
        """Draw a composed document, or one to four sentences or lines, and join them."""
        rng, templates = self._rng, self._templates[lang]
        plain = rng.random() < plain_share
        composed = templates.composed_plain if plain else templates.composed_pii
        if composed and (rng.random() < _COMPOSED or not (templates.pii and templates.plain)):
            pieces = [self.sentence(lang, rng.choice(composed))]
        else:
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
        elif draw < 0.26:
            joined = self._wrapped(*joined)
        elif draw < 0.3:
            joined = self._run_together(*joined)
        return Example(joined[0], joined[1], lang, "generator")

    def sentence(self, lang: str, template: str) -> tuple[str, tuple[Span, ...]]:
        """Fill one template."""
        rng = self._rng
        rules = self._templates[lang].rules
        while _RULE.search(template):
            template = _RULE.sub(lambda m: rng.choice(rules[m.group(1)]), template)
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
                spans.append((length + _lead(surface, label), length + len(surface), label))
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
            "med": lambda: rng.choice(lexicon.terms.get(lang) or pool),
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

    def _wrapped(self, text: str, spans: tuple[Span, ...]) -> tuple[str, tuple[Span, ...]]:
        """Break lines at spaces, also within a name, as mail programs and printers do; offsets stay."""
        width, column, out = self._rng.randint(24, 90), 0, []
        for char in text:
            column = 0 if char == "\n" else column + 1
            broken = char == " " and column > width
            out.append("\n" if broken else char)
            column = 0 if broken else column
        return "".join(out), spans

    def _run_together(self, text: str, spans: tuple[Span, ...]) -> tuple[str, tuple[Span, ...]]:
        """Lose a space after some commas, stops and colons, as hurried typing does; offsets follow."""
        lost = [m.start() + 1 for m in re.finditer(r"[,.:;] ", text) if self._rng.random() < 0.5]
        inside = {i for a, b, _ in spans for i in range(a, b)}
        lost = [i for i in lost if i not in inside]
        kept = [i for i in range(len(text)) if i not in set(lost)]
        moved = tuple((a - bisect(lost, a), b - bisect(lost, b - 1), label) for a, b, label in spans)
        return "".join(text[i] for i in kept), moved

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


def load_letters(path: Path, lang: str) -> tuple[dict[str, Templates], tuple[str, ...], tuple[str, ...]]:
    """Read letters that only measure: their templates, and given names and surnames that may stand in them."""
    raw = tomllib.loads(path.read_text("utf8"))
    rules = {k: tuple(v) for k, v in raw["rules"].items()}
    templates = Templates((), (), tuple(raw["composed"]["pii"]), (), rules, {})
    return {lang: templates}, tuple(raw["names"]["given"].split()), tuple(raw["names"]["last"].split())
