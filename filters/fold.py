"""Text as detection reads it, and the way back: folded and decoded views with offset maps.

Law: detection reads views, replacing happens on the raw text, and `view.span(a, b)` is the only way from one to the
other. A span always covers whole clusters (a character and its marks) and whole encoded runs, so a replacement can
never leave half a letter or half an escape behind. Folding loses nothing that identifies: it only makes different
spellings of the same characters equal (UAX #15, UTS #39).

    view = fold("５３６-９０-４３９９")      view.text == "536-90-4399"
    for view in views(text): ...        # the folded text, then what was hidden in encodings
    normal(Type.NAME, " Ana\\u00a0PEREIRA.") == "ana pereira"
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

from filters.findings import Type
from filters.parts import Form
from filters.words import MARKS

__all__ = ["TooEncodedError", "View", "fold", "normal", "opaque_runs", "views"]

_LINEAR = -1
"""In `View._ends`: this piece maps character by character."""

_BORING = "\x00-\x7fÀ-ÖØ-öø-ıĴ-ľŁ-ňŊ-žƀ-ƿ°§"
"""ASCII and precomposed Latin letters: no mark, no compatibility form, folding leaves them alone."""
_RUN = re.compile(f"[^{_BORING}]+")
_LEADER = re.compile(r"\.{4,}|_{4,}|-{4,}|={4,}|\*{4,}|·{4,}")
_TOKEN = re.compile(r"[\w@]+")

_QUOTES = {
    **dict.fromkeys("‘’‚‛′‵`´ʹʼʻʽ＇", "'"),
    **dict.fromkeys("“”„‟″‶«»＂", '"'),
    "\u2212": "-", "\u2043": "-", "\u2044": "/", "\u2215": "/", "\ufe63": "-",
}  # fmt: skip

_LOOKALIKES = str.maketrans(
    # Cyrillic, Greek, Armenian and a few others: UTS #39 confusables with a one-letter Latin skeleton.
    "аеорсухіјѕһԁԛԝѵАВЕЅІЈКМНОРСТУХѴΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγινορυօսհոցքＡӏǀ",
    "aeopcyxijshdqwvABESIJKMHOPCTYXVABEZHIKMNOPTYXayivopuouhngqAll",
)  # fmt: skip
_HAS_LOOKALIKE = re.compile("[" + "".join(map(chr, _LOOKALIKES)) + "]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ0-9@]")


@dataclass(frozen=True, slots=True)
class View:
    """One reading of a raw text.

    Attributes:
        text: what detectors read.
        parent: the view this one was made from, or None when made from the raw text itself.
    """

    text: str
    parent: View | None
    _starts: tuple[int, ...]
    _raws: tuple[int, ...]
    _ends: tuple[int, ...]

    def span(self, a: int, b: int) -> tuple[int, int]:
        """Return the raw span of `text[a:b]` (not empty), widened to whole clusters and encoded runs."""
        i = bisect_right(self._starts, a) - 1
        j = bisect_right(self._starts, b - 1) - 1
        start = self._raws[i] + (a - self._starts[i] if self._ends[i] == _LINEAR else 0)
        end = self._ends[j] if self._ends[j] != _LINEAR else self._raws[j] + b - self._starts[j]
        return (start, end) if self.parent is None else self.parent.span(start, end)

    def __repr__(self) -> str:
        return f"View({len(self.text)})"


class _Mapper:
    """Builds a `View` left to right from pieces that keep their length and pieces that do not."""

    __slots__ = ("_ends", "_length", "_out", "_raws", "_starts")

    def __init__(self) -> None:
        self._out: list[str] = []
        self._length = 0
        self._starts: list[int] = []
        self._raws: list[int] = []
        self._ends: list[int] = []

    def keep(self, text: str, raw: int) -> None:
        """Add `text`, character by character the raw text from `raw`."""
        if text:
            self._open(raw, _LINEAR)
            self._put(text)

    def lump(self, text: str, raw: int, end: int) -> None:
        """Add `text`, which as a whole stands for the raw text from `raw` to `end`."""
        if text:
            self._open(raw, end)
            self._put(text)

    def view(self, parent: View | None) -> View:
        """Return the view."""
        if not self._starts:
            self._open(0, _LINEAR)
        return View("".join(self._out), parent, tuple(self._starts), tuple(self._raws), tuple(self._ends))

    def _open(self, raw: int, end: int) -> None:
        self._starts.append(self._length)
        self._raws.append(raw)
        self._ends.append(end)

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._length += len(text)


def fold(text: str) -> View:
    """Return the normalised view of `text`."""
    return _refold(text, None)


def _refold(text: str, parent: View | None) -> View:
    """Fold `text`, which is the text of `parent`, so that spans lead to the raw text of `parent`."""
    mapper = _Mapper()
    done = 0
    for match in _RUN.finditer(text):
        start = match.start()
        if start > done and _joins(text[start]):
            start -= 1  # the mark belongs to the plain letter before it
        mapper.keep(text[done:start], done)
        _clusters(text, start, match.end(), mapper)
        done = match.end()
    mapper.keep(text[done:], done)
    view = mapper.view(parent)
    if _HAS_LOOKALIKE.search(view.text):
        plain = _TOKEN.sub(_unmask, view.text)
        view = View(plain, parent, view._starts, view._raws, view._ends)
    return _shrink(view)


def _joins(char: str) -> bool:
    return unicodedata.category(char) in {"Mn", "Mc", "Me", "Cf"}


def _clusters(text: str, start: int, end: int, mapper: _Mapper) -> None:
    i = start
    while i < end:
        j = i + 1
        while j < end and _joins(text[j]):
            j += 1
        plain = _plain(text[i:j])
        if len(plain) == 1 and j == i + 1:
            mapper.keep(plain, i)
        else:
            mapper.lump(plain, i, j)
        i = j


def _plain(cluster: str) -> str:
    kept = "".join(_QUOTES.get(c, c) for c in cluster if not _is_dropped(c))
    return "".join(_plain_char(c) for c in unicodedata.normalize("NFKC", kept))


def _is_dropped(char: str) -> bool:
    return unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _plain_char(char: str) -> str:
    if char < "\x80":
        return char
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Zs":
        return " "
    if category == "Pd":
        return "-"
    return _QUOTES.get(char, char)


def _unmask(match: re.Match[str]) -> str:
    token = match.group()
    return token.translate(_LOOKALIKES) if _LATIN.search(token) else token


def _shrink(view: View) -> View:
    """Form leaders ("Name ........ X") shrink to two, or patterns would pay for every dot (trap `url_redos`)."""
    if not _LEADER.search(view.text):
        return view
    mapper = _Mapper()
    done = 0
    for match in _LEADER.finditer(view.text):
        mapper.keep(view.text[done : match.start()], done)
        mapper.lump(match.group()[:2], match.start(), match.end())
        done = match.end()
    mapper.keep(view.text[done:], done)
    return mapper.view(view)


# ---- normal form ----------------------------------------------------------------------------------------------

_SPACE = re.compile(r"\s+")
_OUTER = re.compile(rf"\A(?:(?![{MARKS}])[\W_])+|(?:(?![{MARKS}])[\W_])+\Z")
_WORDY = frozenset({Type.NAME, Type.LOCATION, Type.ORG, Type.TEXT, Type.MARKED})
_CASELESS = frozenset({Type.EMAIL, Type.ID, Type.DATE, Type.AGE})


def normal(kind: Type, text: str) -> str:
    """Return the form in which two spellings of one value are equal. Never fuzzy: a false merge swaps two people.

    NAME LOCATION ORG TEXT MARKED: case-folded, outer punctuation stripped. EMAIL ID DATE AGE: case-folded,
    separators kept ("20-12345" and "201-2345" are two people). PHONE: digits, with a leading `+`.
    URL IP SECRET: exact but for folding and white space.
    """
    plain = text if text.isascii() and not _LEADER.search(text) else fold(text).text
    flat = _SPACE.sub(" ", plain).strip()
    if kind in _WORDY:
        return _OUTER.sub("", flat).casefold() or flat.casefold()
    if kind in _CASELESS:
        return flat.casefold()
    if kind is Type.PHONE:
        return ("+" if flat.lstrip("( ").startswith("+") else "") + "".join(c for c in flat if c.isdigit())
    return flat


# ---- decoded views --------------------------------------------------------------------------------------------

_ROUNDS = 3
_BESIDE = 64
_BUDGET_FLOOR = 4096
"""Short texts may hold a few nested encodings; the budget bounds work, and work on them is small."""

_B64 = "A-Za-z0-9+/_-"
_ENCODED = re.compile(
    r"(?P<percent>(?:%[0-9A-Fa-f]{2})+)"
    r"|(?P<entity>&(?:#[0-9]{1,7};?|#[xX][0-9A-Fa-f]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};))"
    r"|(?P<escape>(?:\\u[0-9A-Fa-f]{4})+|\\[\"/])"
    rf"|(?<![{_B64}])(?P<base64>(?:[{_B64}]{{60,76}}\r?\n)+[{_B64}]{{2,76}}={{0,2}}|[{_B64}]{{16,}}={{0,2}})"
)
_ESCAPE = re.compile(r"(?:\\u[0-9A-Fa-f]{4})+|\\[\"\\/bfnrt]")
_LONG_RUN = re.compile(rf"(?<![{_B64}])[{_B64}]{{16}}")
_OPAQUE = re.compile(rf"(?<![={_B64}])(?:[={_B64}]{{60,}}\r?\n)*[={_B64}]{{60,}}")


class TooEncodedError(Exception):
    """The readings of a text would exceed the budget: it cannot be inspected, so it is refused."""


def views(text: str, form: Form = Form.TEXT) -> tuple[View, ...]:
    """Return every reading of `text`: first the folded text itself, then what encodings in it say.

    The first view of a JSON document has its escapes undone, so a span never cuts one.

    Raises:
        TooEncodedError: all views together would hold more than twice the text.
    """
    if form in (Form.JSON, Form.SCHEMA):
        base = _unescaped(text)
    elif form is Form.NAME:
        base = fold(text.replace("_", " "))  # a word of `\\w` must not hide the number beside it
    else:
        base = fold(text)
    found = [base]
    budget = max(2 * len(text), len(text) + _BUDGET_FLOOR) - len(base.text)
    layer = [base]
    for _ in range(_ROUNDS):
        layer = [view for parent in layer for view in _decoded(parent)]
        budget -= sum(len(view.text) for view in layer)
        if budget < 0:
            raise TooEncodedError
        found += layer
    return tuple(found)


def opaque_runs(text: str) -> tuple[tuple[int, int], ...]:
    """Return runs of 200 or more base64 or hex characters that are not encoded text: nobody can inspect them."""
    spans = (match.span() for match in _OPAQUE.finditer(text))
    return tuple((a, b) for a, b in spans if b - a >= 200 and _from_base64(text[a:b]) is None)


def _unescaped(text: str) -> View:
    if "\\" not in text:
        return fold(text)
    mapper = _Mapper()
    done = 0
    for match in _ESCAPE.finditer(text):
        mapper.keep(text[done : match.start()], done)
        mapper.lump(_from_escape(match.group()) or "", match.start(), match.end())
        done = match.end()
    mapper.keep(text[done:], done)
    view = mapper.view(None)
    return _refold(view.text, view)


def _decoded(parent: View) -> list[View]:
    text = parent.text
    if "%" not in text and "&" not in text and "\\" not in text and not _LONG_RUN.search(text):
        return []
    runs: list[tuple[int, int, str]] = []
    for match in _ENCODED.finditer(text):
        plain = _DECODERS[match.lastgroup or ""](match.group())
        if plain is not None and plain != match.group():
            runs.append((*match.span(), plain))
    return [_window(parent, group) for group in _neighbours(runs)]


def _neighbours(runs: list[tuple[int, int, str]]) -> list[list[tuple[int, int, str]]]:
    groups: list[list[tuple[int, int, str]]] = []
    for run in runs:
        if groups and run[0] - groups[-1][-1][1] <= 2 * _BESIDE:
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups


def _window(parent: View, runs: list[tuple[int, int, str]]) -> View:
    text = parent.text
    done = max(0, runs[0][0] - _BESIDE)
    while done and not text[done - 1].isspace() and runs[0][0] - done < 2 * _BESIDE:
        done -= 1
    stop = min(len(text), runs[-1][1] + _BESIDE)
    while stop < len(text) and not text[stop].isspace() and stop - runs[-1][1] < 2 * _BESIDE:
        stop += 1
    mapper = _Mapper()
    for start, end, plain in runs:
        mapper.keep(text[done:start], done)
        mapper.lump(plain, start, end)
        done = end
    mapper.keep(text[done:stop], done)
    view = mapper.view(parent)
    return _refold(view.text, view)


def _from_percent(run: str) -> str | None:
    return _readable(bytes.fromhex(run.replace("%", "")))


def _from_entity(run: str) -> str | None:
    return html.unescape(run)


def _from_escape(run: str) -> str | None:
    try:
        plain = json.loads(f'"{run}"')
    except ValueError:
        return None
    return str(plain)


def _from_base64(run: str) -> str | None:
    flat = "".join(run.split()).rstrip("=").replace("-", "+").replace("_", "/")
    if len(flat) % 4 == 1:
        return None
    try:
        return _readable(base64.b64decode(flat + "=" * (-len(flat) % 4), validate=True))
    except binascii.Error:
        return None


def _readable(raw: bytes) -> str | None:
    try:
        plain = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    shown = sum(c.isprintable() or c in "\t\r\n" for c in plain)
    return plain if plain and shown * 10 >= len(plain) * 9 else None


_DECODERS = {"percent": _from_percent, "entity": _from_entity, "escape": _from_escape, "base64": _from_base64}
