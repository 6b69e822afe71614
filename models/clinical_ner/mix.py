"""What the model learns from: generated notes, public labelled sets, and real prose that names nobody.

Law: `held_out(id)` decides by hash which background documents and multiNER blocks are never trained on; everything
here is a function of the rows it is given.

    background   English clinical prose without labels: only sentences that cannot hold an identifier are used
    renamed      sentences of it in which nobody but a listed patient stands, with another name in its place
    meddocan     Spanish clinical cases, labelled, in pieces of about 420 characters
    multiner     English, Sinhala and Tamil sentences with persons, places and organisations; dates are not labelled
                 there, so masked
    court, tab, generic   the halves of the public development sets that are trained on; the other halves measure
    written      whole documents written for training, with their identifiers marked, each time with other names in it
    prose        running text of other languages (manual pages): no identifiers after filtering
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from filters.romanise import romanise
from models.clinical_ner.generate import Example, Span

__all__ = [
    "background_sentences",
    "common_words",
    "held_out",
    "is_kept_back",
    "meddocan",
    "multiner",
    "prose_examples",
    "public_pieces",
    "renamed",
    "romanised",
    "sandwich",
    "to_examples",
    "unmarked",
    "written",
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
_TITLED = re.compile(r"\b(?:Dr|Drs|Mr|Mrs|Ms|Miss|Prof)\b\.? ?([^\W\d_]+)", re.IGNORECASE)
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


def renamed(
    rows: Sequence[Row], draw: Callable[[], str], *, share: float = 0.3, given: frozenset[str] = frozenset()
) -> list[Example]:
    """Return runs of sentences around a listed patient's name, with `draw()` instead of every name, and marked."""
    frequent = common_words(rows, least=12)
    listed = {w.lower() for r in rows for n in r.get("patient_names") or () for w in _WORD.findall(n)}
    rare_names = (given | listed) - frequent
    common = common_words(rows) - rare_names
    out = []
    for row in rows:
        own = {w for n in row.get("patient_names") or () for w in _WORD.findall(n)}
        own |= {w.lower() for w in own if w.lower() not in frequent}
        if held_out(row["id"], share) or not own:
            continue
        sentences = [m.group() for m in _SENTENCE.finditer(row["text"])]
        plain = [_plain(_without(s, own), common, rare_names) for s in sentences]
        for at, sentence in enumerate(sentences):
            if not plain[at] or not own.intersection(_WORD.findall(sentence)):
                continue
            before = sentences[at - 1] if at and plain[at - 1] else ""
            after = sentences[at + 1] if at + 1 < len(sentences) and plain[at + 1] else ""
            out.append(_with_names(before + sentence + after, own, draw))
    return out


def _without(sentence: str, own: set[str]) -> str:
    """Return the sentence without the patient's name and the title before it."""
    kept = _TITLED.sub(lambda m: "" if m.group(1) in own else m.group(), sentence)
    return _WORD.sub(lambda m: "" if m.group() in own else m.group(), kept)


def _with_names(text: str, own: set[str], draw: Callable[[], str]) -> Example:
    made, spans, at = "", [], 0
    for m in _WORD.finditer(text):
        if m.group() not in own:
            continue
        gap, name = text[at : m.start()], draw()
        made += gap
        start = spans.pop()[0] if spans and gap == " " else len(made)
        made += name.lower() if m.group().islower() else name
        spans.append((start, len(made), "PERSON"))
        at = m.end()
    made += text[at:]
    ages = [(m.start(1), m.end(1), "AGE") for m in _AGE.finditer(made)]
    return Example(made, tuple(sorted(spans + ages)), "en", "renamed")


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


def multiner(
    rows: Iterable[Row], *, share: float = 0.1, block: int = 200, langs: tuple[str, ...] = ("en", "si", "ta")
) -> list[Example]:
    """Take the sentences of some languages; numbers and months are masked, because that set does not label dates."""
    out = []
    for row in rows:
        number = int(row["id"].rsplit("-", 1)[-1])
        if row["lang"] not in langs or held_out(f"multiner-block-{number // block}", share):
            continue
        spans = tuple((s["start"], s["end"], s["label"]) for s in row["spans"] if s["label"] in LABELS)
        free = [m.span() for m in _NUMBERISH.finditer(row["text"])]
        masked = tuple((a, b) for a, b in free if not any(a < y and x < b for x, y, _ in spans))
        out.append(Example(row["text"], spans, row["lang"], "multiner", masked))
    return out


_HALF = 0.5
_BLOCK = 20


def is_kept_back(row: Row) -> bool:
    """Say whether a document of the public development sets is only measured on, never trained on.

    Court sentences of one judgment stand together, so blocks of neighbouring sentences are decided as one; generic
    sentences are decided by what is left without their identifiers, so that no filled-in template is on both sides.
    """
    if row["source"].startswith("presidio"):
        return held_out(_frame(row), _HALF)
    head, _, number = row["id"].rpartition("-")
    return held_out(f"{head}-{int(number) // _BLOCK}" if number.isdecimal() else row["id"], _HALF)


def _frame(row: Row) -> str:
    text = row["text"]
    for s in sorted(row["spans"], key=lambda s: -int(s["start"])):
        text = text[: s["start"]] + " " + text[s["end"] :]
    return " ".join(w.group().lower() for w in _WORD.finditer(text))


def public_pieces(rows: Iterable[Row], *, size: int = 420) -> list[Example]:
    """Cut the trained-on half of a labelled public set into pieces; what it tells to ignore gets no gradient."""
    out = []
    for row in rows:
        if is_kept_back(row):
            continue
        text = row["text"]
        spans = [(s["start"], s["end"], s["label"]) for s in row["spans"] if s["label"] in LABELS]
        unknown = [*row.get("ignore", ()), *(s for s in row["spans"] if s["label"] not in LABELS)]
        for a, b in _pieces(text, spans, size):
            inside = tuple((x - a, y - a, label) for x, y, label in spans if a <= x and y <= b)
            masked = tuple((max(s["start"], a) - a, min(s["end"], b) - a) for s in unknown)
            out.append(Example(text[a:b], inside, row["lang"], row["source"], tuple(m for m in masked if m[0] < m[1])))
    return out


_MARK = re.compile(rf"\[\[({'|'.join(sorted(LABELS))}):([^\[\]]{{1,300}})\]\]")
_NAME = re.compile(r"[^\W\d_]{3,}(?:[-' ][^\W\d_]{3,}){0,2}\Z")


def written(source: str, lang: str, draw: Callable[[], str] | None = None, *, size: int = 420) -> list[Example]:
    """Read documents with marks like `[[PERSON:Nimal Perera]]`, parted by lines of `=====`, and cut them into pieces.

    With `draw`, other names stand in the place of the marked ones: as many words, in capitals or small letters as they
    were, the same name for the same name throughout a document.
    """
    out = []
    for text, spans in unmarked(source, draw):
        for a, b in _pieces(text, spans, size):
            inside = tuple((x - a, y - a, label) for x, y, label in spans if a <= x and y <= b)
            out.append(Example(text[a:b], inside, lang, "written"))
    return out


def unmarked(source: str, draw: Callable[[], str] | None = None) -> list[tuple[str, list[Span]]]:
    """Read documents with marks: the text of each without them, and where the identifiers are."""
    documents = (document.strip("\n") for document in re.split(r"(?m)^={5}$", source))
    return [_unmarked(document, draw) for document in documents if document.strip()]


def _unmarked(document: str, draw: Callable[[], str] | None) -> tuple[str, list[Span]]:
    text, spans, at = "", [], 0
    names: dict[str, str] = {}
    for m in _MARK.finditer(document):
        label, surface = m.groups()
        text += document[at : m.start()]
        if draw is not None and label == "PERSON" and _NAME.match(surface):
            words = re.split(r"([-' ])", surface)
            names |= {word: _like(word, draw()) for word in words if word.isalpha() and word not in names}
            surface = "".join(names.get(word, word) for word in words)
        spans.append((len(text), len(text) + len(surface), label))
        text += surface
        at = m.end()
    return text + document[at:], spans


def _like(word: str, name: str) -> str:
    return name.lower() if word.islower() else name.upper() if word.isupper() else name


def romanised(example: Example) -> Example:
    """Return the example as the model will read it: Arabic letters as Latin ones."""
    latin = romanise(example.text)
    if latin is None:
        return example

    def moved(a: int, b: int) -> tuple[int, int]:
        inside = [place for place, start in enumerate(latin.starts) if a <= start < b]
        return (inside[0], inside[-1] + 1) if inside else (0, 0)

    spans = tuple((*moved(a, b), label) for a, b, label in example.spans)
    masked = tuple(moved(a, b) for a, b in example.masked)
    kept, free = tuple(s for s in spans if s[0] < s[1]), tuple(m for m in masked if m[0] < m[1])
    return Example(latin.text, kept, example.lang, example.source, free)


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
    sentences = [m.group() for m in _SENTENCE.finditer(text)] or [text]
    start = rng.randrange(len(sentences))
    return "".join(sentences[start : start + rng.randint(1, 2)]).strip()[:260]
