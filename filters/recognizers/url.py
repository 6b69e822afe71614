"""Web, file and intranet address: scheme, www, UNC path, internal host names, or a host with a well-known ending."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_REST = re.compile(r"[^\s<>\"]*")
_ENDS = re.compile(r"[\s<>\"]")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,15}\Z", re.IGNORECASE)
_EARLIER = re.compile(r"[a-z]://[^\s<>\"]", re.IGNORECASE)
_LOOK_BACK = 256
_MAX_HOST = 253
_TRAILING = ".,;:!?'*_)]}"
_PAIRS = {")": "(", "]": "[", "}": "{"}

_INTERNAL = "local|lan|intern|internal|intranet|corp|home\\.arpa|localdomain"
_PUBLIC = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|health|clinic|hospital|bank|eu|uk|de|fr|es|it|nl|pt|ch|at|be|lk|"
    "sg|ae|in|us|ca|au|br|mx|ie|pl|se|no|dk|fi|ru|jp|cn|kr|tr|za|co|me|tv"
)


def _within_another(text: str, at: int) -> bool:
    """Whether an address that began before in the same run reaches over this one ("http://a.http://a."): each would
    reach to the end of the run, and so many would cost its square.
    """
    run = _ENDS.split(text[max(0, at - _LOOK_BACK) : at])[-1]
    return _EARLIER.search(run) is not None


def _whole(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Take the scheme or host before the pattern and everything up to white space, without closing punctuation."""
    if text.startswith("://", start):
        scheme = _SCHEME.search(text[max(0, start - 16) : start])
        if scheme is None or _within_another(text, start):
            return None
        start -= len(scheme.group())
    elif text[start] == ".":
        dot = start
        while start > max(0, dot - _MAX_HOST) and (text[start - 1].isalnum() or text[start - 1] in "._-"):
            start -= 1
        while start < dot and not text[start].isalnum():
            start += 1
        if start == dot or (start > 0 and text[start - 1] in "@%"):
            return None
    rest = _REST.match(text, end)
    end = rest.end() if rest else end
    while end > start and text[end - 1] in _TRAILING:
        opening = _PAIRS.get(text[end - 1])
        if opening and text.count(opening, start, end) >= text.count(text[end - 1], start, end):
            break
        end -= 1
    return (start, end, 0) if end > start else None


RECOGNIZER = Recognizer(
    kind="url",
    type=Type.URL,
    patterns=(
        r"://[^\s<>\"]",
        r"(?<![\w.@%-])www\d?\.[\w-]{1,63}+",
        r"\\\\(?<![\w\\]\\\\)[\w.-]{1,64}+\\[\w$]",
        rf"\.(?:{_INTERNAL})(?![\w.@-])",
        rf"\.(?:{_INTERNAL}|{_PUBLIC})(?::\d{{1,5}})?/[\w~%?#-]",
        r"\.(?:com|org|net|edu|gov|info)(?![\w.@-])",
    ),
    whole=True,
    scores=Scores(shape=800),
    anchors=("://", "www", "\\\\", ".lo", ".la", ".in", ".co", ".ho", ".or", ".ne", ".ed", ".go", "/"),
    guarded=False,
    refine=_whole,
)

EXAMPLES = Examples(
    match=(
        "see «https://portal.example.org/p?id=12».",
        "open «www.example.com/x» now",
        "login at «chase.bank/login», please",
        r"file on «\\ward-srv\patients$\scan.pdf»",
        "host «pacs01.klinikum.intern»",
        "(«http://a.example/b_(c)»)",
        "«ftp://user:pw@files.lan/x»",
        "visit «example.org»!",
    ),
    no_match=("and/or", "e.g. this", "mg/kg/day", "see Fig.2", "4.5 vs. 6.7", "http: nothing", "b.i.d./t.i.d."),
)
