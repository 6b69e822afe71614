"""What a site adds to the detectors: recognizers of its own, words always replaced, words that are never names.

Law: a site's rule is held to ours. Its pattern is linear by construction, it finds its examples and leaves its counter
examples, and it takes no name that exists; otherwise it is refused with a sentence, before anything is read. An allowed
word clears only a whole value that nothing but a model or a shape says is one: "Dr Codman" and "Ann Codman" stay names.

    site = Site.read({"rules": [...], "deny": [["ORG", "Lotus Ward"]], "allow": ["Codman"]})
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from filters.findings import Type
from filters.fold import fold, normal
from filters.kinds import DENIED, known_kinds
from filters.lint import PatternRefused, paths, verify_linear
from filters.recognizers import Entry
from filters.recognizers.base import Examples, Recognizer, Scores, bounded
from filters.scan import RANKS, Hit, Places, Scanner
from filters.words import words

__all__ = ["NO_SITE", "Deny", "Site", "SiteRefused"]

_BALANCED = 500
_GAP = 3
"""Characters between two words of one phrase, at most."""


class SiteRefused(Exception):  # noqa: N818 - it names what happened to the rule
    """A rule of the site cannot be used. The sentence names the rule, never a text of a person."""


@dataclass(frozen=True, slots=True)
class Site:
    """The additions, checked.

    Attributes:
        entries: recognizers with their examples.
        deny: (type, phrase), always replaced.
        allow: phrases in normal form.
    """

    entries: tuple[Entry, ...] = ()
    deny: tuple[tuple[Type, str], ...] = ()
    allow: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def read(cls, lists: Mapping[str, Any]) -> Site:
        """Build from the lists of a policy.

        Raises:
            SiteRefused: a rule that is not safe, does not find its examples, or has the name of a kind that exists.
        """
        entries = tuple(_entry(rule) for rule in lists["rules"])
        taken = known_kinds() | {"marked"}
        for entry in entries:
            kind = entry.recognizer.kind
            if kind in taken:
                raise SiteRefused(f"pii.site {kind}: a kind of this name exists; choose another name")
            _verify_examples(entry)
        deny = tuple((Type(type_), phrase) for type_, phrase in lists["deny"])
        return cls(entries, deny, frozenset(normal(Type.NAME, phrase) for phrase in lists["allow"]))

    def lines(self) -> tuple[str, ...]:
        """Everything that could change a finding, for the digest of the catalogue."""
        rules = (repr((e.recognizer.kind, e.recognizer.type.value, e.recognizer.patterns, e.recognizer.scores,
                       e.recognizer.cues)) for e in self.entries)  # fmt: skip
        return (*rules, *(f"{t.value}:{phrase}" for t, phrase in self.deny), *sorted(self.allow))


NO_SITE = Site()


class Deny:
    """The words always replaced: a dictionary over the words of a text, one pass."""

    __slots__ = ("_by_first",)

    def __init__(self, phrases: Iterable[tuple[Type, str]]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], Type]]] = {}
        for type_, phrase in sorted(phrases, key=lambda p: (-len(p[1]), p[1])):
            key = tuple(word.text for word in words(fold(phrase).text))
            if key:
                self._by_first.setdefault(key[0], []).append((key, type_))

    def hits(self, text: str, place: Places | None = None) -> Iterator[Hit]:  # noqa: ARG002
        """Yield every occurrence, the longest phrase at each word."""
        if not self._by_first:
            return
        run = list(words(text))
        for i, word in enumerate(run):
            for key, type_ in self._by_first.get(word.text, ()):
                last = i + len(key) - 1
                if last < len(run) and all(
                    run[i + k].text == part and (not k or run[i + k].start - run[i + k - 1].end <= _GAP)
                    for k, part in enumerate(key)
                ):
                    # the site's word for a ward beats the model's guess that it is a person
                    rank = 3 if type_ in (Type.ID, Type.TEXT) else min(RANKS[type_], RANKS[Type.NAME])
                    yield Hit(word.start, run[last].end, type_, DENIED, 1000, rank, cued=True)
                    break


def _entry(rule: Mapping[str, Any]) -> Entry:
    kind = rule["kind"]
    try:
        verify_linear(rule["pattern"])
        paths(rule["pattern"])
    except PatternRefused as refused:
        raise SiteRefused(f"pii.site {kind}: the pattern is refused, {refused.why}") from None
    recognizer = Recognizer(
        kind=kind,
        type=Type(rule["type"]),
        patterns=(bounded(rule["pattern"]),),
        scores=Scores(shape=rule["shape"], cued=rule["cued"]),
        cues=tuple(rule["cues"]),
        guarded=False,
        exact_case=True,
    )
    return Entry(recognizer, Examples(tuple(rule["match"]), tuple(rule["no_match"])), "A rule of this site.")


def _verify_examples(entry: Entry) -> None:
    scanner = Scanner([entry.recognizer])
    kind = entry.recognizer.kind
    for n, example in enumerate(entry.examples.match, 1):
        span = (example.index("«"), example.index("»") - 1)
        if span not in _spans(scanner, example.replace("«", "").replace("»", "")):
            raise SiteRefused(f"pii.site {kind}: it does not find the value of its {_nth(n)} example")
    for n, example in enumerate(entry.examples.no_match, 1):
        if _spans(scanner, example):
            raise SiteRefused(f"pii.site {kind}: it finds something in its {_nth(n)} example that must not match")


def _spans(scanner: Scanner, text: str) -> Sequence[tuple[int, int]]:
    view = fold(text)
    return [view.span(hit.start, hit.end) for hit in scanner.hits(view.text) if hit.score >= _BALANCED]


def _nth(n: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(n, f"{n}th")
