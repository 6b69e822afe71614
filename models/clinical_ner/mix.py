"""What the model learns from: generated notes, public labelled sets, and real prose that names nobody.

Law: `held_out(id)` decides by hash which background documents and multiNER blocks are never trained on; everything
here is a function of the rows it is given.

    background   English clinical prose without labels: only sentences that cannot hold an identifier are used
    meddocan     Spanish clinical cases, labelled, in pieces of about 420 characters
    multiner     English sentences with persons, places and organisations; dates are not labelled there, so masked
    prose        running text of other languages (manual pages): no identifiers after filtering
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from models.clinical_ner.generate import Example, Span

__all__ = [
    "background_sentences",
    "common_words",
    "held_out",
    "meddocan",
    "multiner",
    "prose_examples",
    "sandwich",
    "to_examples",
]

Row = Mapping[str, Any]
LABELS = {"PERSON", "LOCATION", "ORG", "DATE", "AGE", "PHONE", "EMAIL", "ID", "URL"}

_SENTENCE = re.compile(r"[^\n.!?]+[.!?]*[ \n]*")
_TITLE = re.compile(r"\b(?:Dr|Drs|Mr|Mrs|Ms|Miss|Prof|Doctor [A-Z]|Nurse [A-Z])\b\.?", re.ASCII)
_DATE = re.compile(
    r"\b(?:jan(?:uary)?|feb(?:ruary)?|april|june|july|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|yesterday|last (?:week|month|year|night)|ago"
    r"|(?:19|20)\d\d|\d{1,2}/\d{1,2}(?:/\d{2,4})?|next (?:week|month|year))\b|\bMay \d|\bMarch\b|\d{5,}",
    re.IGNORECASE,
)
_AGE = re.compile(r"\b(\d{1,3})(?=[ -]?(?:years?[ -]old|y/?o\b|year[ -]old|years of age))")
_CAPITAL = re.compile(r"\b[A-Z][a-z]+\b")
_WORD = re.compile(r"[^\W\d_]{2,}")
_NUMBERISH = re.compile(
    r"\d[\d./-]*|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
_PLACE = re.compile(
    r"\b(?:Hospital|Clinic|Center|Centre|University|Institute|Street|Avenue|County|Emergency Department of)\b"
)


def held_out(key: str, share: float) -> bool:
    """Say whether the document of this id is kept for measuring."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32 < share


def common_words(rows: Iterable[Row], *, least: int = 2) -> frozenset[str]:
    """Return words that occur in lower case at least `least` times: a capital on one of these means nothing."""
    seen: dict[str, int] = {}
    for row in rows:
        for m in _WORD.finditer(row["text"]):
            word = m.group()
            if word.islower():
                seen[word] = seen.get(word, 0) + 1
    return frozenset(w for w, n in seen.items() if n >= least)


def _plain(sentence: str, common: frozenset[str], names: frozenset[str]) -> bool:
    if _TITLE.search(sentence) or _DATE.search(sentence) or _PLACE.search(sentence):
        return False
    if any(m.group().lower() not in common for m in _CAPITAL.finditer(sentence)):
        return False
    return not names.intersection(w.lower() for w in _WORD.findall(sentence))


def background_sentences(rows: Sequence[Row], *, share: float = 0.3, given: frozenset[str] = frozenset()) -> list[str]:
    """Return runs of 60 to about 420 characters of clinical prose in which nobody can be named.

    Dialogues are in lower case, so rare words that are given names (`given`) or a listed patient's name anywhere in
    the rows also end a run.
    """
    listed = {w.lower() for r in rows for n in r.get("patient_names") or () for w in _WORD.findall(n)}
    frequent = common_words(rows, least=12)
    rare_names = (given | listed) - frequent
    common = common_words(rows) - rare_names
    out: list[str] = []
    for row in rows:
        if held_out(row["id"], share):
            continue
        own = {w.lower() for n in row.get("patient_names") or () for w in _WORD.findall(n)}
        names = rare_names | own
        run = ""
        for m in _SENTENCE.finditer(row["text"]):
            if _plain(m.group(), common, names) and len(run) < 420:
                run += m.group()
                continue
            if len(run) >= 60:
                out.append(run.strip())
            run = m.group() if _plain(m.group(), common, names) else ""
        if len(run) >= 60:
            out.append(run.strip())
    return out


def to_examples(texts: Iterable[str], lang: str, source: str) -> list[Example]:
    """Make examples of texts without identifiers; ages are marked by their pattern."""
    return [
        Example(t, tuple((m.start(1), m.end(1), "AGE") for m in _AGE.finditer(t)), lang, source) for t in texts if t
    ]


def _pieces(text: str, spans: Sequence[Span], size: int) -> Iterator[tuple[int, int]]:
    inside = {i for a, b, _ in spans for i in range(a + 1, b)}
    start = 0
    while start < len(text):
        end = min(len(text), start + size)
        while end < len(text) and (end in inside or not text[end - 1].isspace()):
            end += 1
        yield start, end
        start = end


def _usable(span: Mapping[str, Any], text: str) -> bool:
    """Say whether a label is one of ours; a few record numbers of that set mark a word ("madre") by mistake."""
    if span["label"] == "ID":
        return any(c.isdigit() for c in text[span["start"] : span["end"]])
    return span["label"] in LABELS


def meddocan(rows: Iterable[Row], *, size: int = 420) -> list[Example]:
    """Cut labelled Spanish cases into pieces that split no identifier."""
    out = []
    for row in rows:
        spans = [(s["start"], s["end"], s["label"]) for s in row["spans"] if _usable(s, row["text"])]
        for a, b in _pieces(row["text"], spans, size):
            inside = tuple((x - a, y - a, label) for x, y, label in spans if a <= x and y <= b)
            out.append(Example(row["text"][a:b], inside, "es", "meddocan"))
    return out


def multiner(rows: Iterable[Row], *, share: float = 0.1, block: int = 200) -> list[Example]:
    """Take the English sentences; numbers and months are masked, because that set does not label dates."""
    out = []
    for row in rows:
        number = int(row["id"].rsplit("-", 1)[-1])
        if row["lang"] != "en" or held_out(f"multiner-block-{number // block}", share):
            continue
        spans = tuple((s["start"], s["end"], s["label"]) for s in row["spans"] if s["label"] in LABELS)
        free = [m.span() for m in _NUMBERISH.finditer(row["text"])]
        masked = tuple((a, b) for a, b in free if not any(a < y and x < b for x, y, _ in spans))
        out.append(Example(row["text"], spans, "en", "multiner", masked))
    return out


def prose_examples(texts: Mapping[str, Sequence[str]], rng: random.Random, per_lang: int) -> list[Example]:
    """Draw pieces of running prose of each language."""
    out: list[Example] = []
    for lang, pieces in sorted(texts.items()):
        out += to_examples(rng.sample(list(pieces), min(per_lang, len(pieces))), lang, "prose")
    return out


def sandwich(
    generated: Iterable[Example], filling: Mapping[str, Sequence[str]], rng: random.Random, *, share: float = 0.35
) -> Iterator[Example]:
    """Put some generated documents between sentences of real prose, so that identifiers also stand in long text."""
    glue: Callable[[], str] = lambda: rng.choice((" ", "\n", " "))  # noqa: E731 - two lines for a choice of white space
    for doc in generated:
        pool = filling.get(doc.lang)
        if not pool or rng.random() >= share:
            yield doc
            continue
        before = _short(rng.choice(pool), rng) + glue() if rng.random() < 0.7 else ""
        after = glue() + _short(rng.choice(pool), rng) if rng.random() < 0.6 else ""
        shift = len(before)
        ages = [
            (m.start(1) + at, m.end(1) + at, "AGE")
            for part, at in ((before, 0), (after, shift + len(doc.text)))
            for m in _AGE.finditer(part)
        ]
        spans = tuple(sorted([(a + shift, b + shift, label) for a, b, label in doc.spans] + ages))
        yield Example(before + doc.text + after, spans, doc.lang, "sandwich")


def _short(text: str, rng: random.Random) -> str:
    sentences = [m.group() for m in _SENTENCE.finditer(text)]
    start = rng.randrange(len(sentences))
    return "".join(sentences[start : start + rng.randint(1, 2)]).strip()[:260]
