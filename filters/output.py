"""Look for personal data that the model added, and mask it before it is released.

Law: the text alone decides where it is looked at, so an answer is treated the same however it arrives, and nothing is
released that was not looked at with what stands before and after it. Issued placeholders and values of this exchange
are not new and pass; everything else follows the policy's actions. Runs on redacted text, before restoration.

    scan.feed(text)                             or scan.finish()
    while (window := scan.due()) is not None:
        released = scan.settle(window, await analyst.look(window.text))

A tool call is not a stream of text but one JSON document: `scan.whole_json(arguments, findings)`.
"""

from __future__ import annotations

import enum
import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from filters.findings import Finding, Type
from filters.leaves import Leaf, keys_of, leaves_of
from filters.parts import Form, RedactedText
from filters.vault import LOOKALIKE, RedactionError, Vault

__all__ = ["OutAction", "OutActions", "OutputRefused", "OutputScan", "Window"]

_BACK = 256
"""Characters already passed on that a window shows again, so that a value cut by a release is seen whole."""
_AHEAD = 64
"""Characters behind a release that were looked at too."""
_LEAST, _WORD, _MOST = 96, 240, 1024
_ENDS = frozenset(".!?…।。؟")
_CLOSING = frozenset("\"'”’»)]}")


class OutputRefused(Exception):  # noqa: N818 - a refusal by the policy is an outcome, not an error
    """The policy refuses a kind of data that the answer holds. Names kinds, never text."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        super().__init__("output refused")
        self.kinds = kinds


class OutAction(enum.StrEnum):
    """What happens to new personal data in an answer."""

    MASK = "mask"
    KEEP = "keep"
    REFUSE = "refuse"


_DEFAULT = dict.fromkeys((Type.EMAIL, Type.PHONE, Type.ID, Type.SECRET, Type.IP), OutAction.MASK)
"""People, places and years stay: guidelines and papers are cited by them."""


@dataclass(frozen=True, slots=True)
class OutActions:
    """What a policy does with findings in an answer, by type."""

    types: tuple[tuple[Type, OutAction], ...] = ()

    @classmethod
    def named(cls, types: Sequence[tuple[str, str]]) -> OutActions:
        """Build from the words of a policy file."""
        return cls(tuple((Type(t), OutAction(a)) for t, a in types))

    def of(self, finding: Finding) -> OutAction:
        """Return the action for `finding`."""
        chosen = next((action for type_, action in self.types if type_ is finding.type), None)
        return chosen or _DEFAULT.get(finding.type, OutAction.KEEP)


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of an answer to be looked at.

    Attributes:
        text: what the analyst reads: the end of what was passed on, then the buffer up to a checkpoint.
        start: where the buffer begins in it.
        last: whether the answer ends here.
    """

    text: RedactedText
    start: int
    last: bool


class _Tally:
    """Decides about each finding by the value it covers, and counts."""

    __slots__ = ("_actions", "_vault", "kept", "known", "masked", "refused")

    def __init__(self, vault: Vault, actions: OutActions) -> None:
        self._vault = vault
        self._actions = actions
        self.masked: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self.known = 0
        self.refused: set[str] = set()

    def masks(self, finding: Finding, value: str) -> bool:
        """Whether `value` has to be masked. A value of this exchange is not new."""
        if self._vault.knows(value):
            self.known += 1
            return False
        action = self._actions.of(finding)
        if action is OutAction.REFUSE:
            self.refused.add(finding.kind)
        elif action is OutAction.KEEP:
            self.kept[finding.kind.upper()] += 1
        else:
            self.masked[finding.kind.upper()] += 1
            return True
        return False

    def verify_none_refused(self) -> None:
        """Raise if a refused kind was seen."""
        if self.refused:
            raise OutputRefused(tuple(sorted(self.refused)))


class OutputScan:
    """Scans one channel of one answer."""

    __slots__ = ("_buffer", "_ended", "_passed", "_pending", "_seen", "_tally")

    def __init__(self, vault: Vault, actions: OutActions) -> None:
        self._tally = _Tally(vault, actions)
        self._buffer = ""
        self._passed = ""
        self._seen = 0
        self._ended = False
        self._pending: Window | None = None

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """Masked findings by kind, upper case, sorted."""
        return tuple(sorted(self._tally.masked.items()))

    @property
    def kept(self) -> tuple[tuple[str, int], ...]:
        """New findings the policy lets pass, by kind, upper case, sorted."""
        return tuple(sorted(self._tally.kept.items()))

    @property
    def known(self) -> int:
        """How often a value of this exchange stood in the answer: a missed replacement, or a coincidence."""
        return self._tally.known

    def feed(self, text: str) -> None:
        """Take any cut of the answer."""
        self._buffer += text

    def finish(self) -> None:
        """The answer is complete: what is left becomes due."""
        self._ended = True

    def due(self) -> Window | None:
        """Return the next window, or None while more text is needed. The same one until it is settled."""
        if self._pending is None:
            place = self._checkpoint()
            last = place == 0 and self._ended and bool(self._buffer)
            if place or last:
                upto = len(self._buffer) if last else place
                self._pending = Window(RedactedText(self._passed + self._buffer[:upto]), len(self._passed), last)
        return self._pending

    def settle(self, window: Window, findings: Sequence[Finding]) -> str:
        """Return the text that may be released now.

        Args:
            window: the one `due` returned.
            findings: what the analyst found in it, in positions of `window.text`.

        Raises:
            OutputRefused: the policy ends the answer; nothing of this window may be released.
            RedactionError: `analyst_fault` if the findings do not fit the window.
        """
        if window is not self._pending:
            raise RuntimeError("this window is not due")
        text = window.text.reveal()
        _verify_fits(text, findings)
        self._pending = None
        place = len(text) - window.start
        hits = [
            _Hit(a - window.start, b - window.start, finding)
            for finding in findings
            for a, b in _around_placeholders(text, max(finding.start, window.start), finding.end)
        ]
        release = place if window.last else _release(self._buffer[:place], hits)
        self._seen = place - release
        passed = self._written(release, [hit for hit in hits if hit.end <= release])
        self._buffer = self._buffer[release:]
        self._passed = (self._passed + passed)[-_BACK:]
        return passed

    def whole_json(self, text: str, findings: Sequence[Finding]) -> str:
        """Return a complete JSON document (the arguments of a tool call) with what is new masked; it stays JSON.

        Raises:
            OutputRefused: as for `settle`.
            RedactionError: `analyst_fault`; `tool_call_malformed` if it is no JSON, or two keys become equal.
        """
        _verify_fits(text, findings)
        leaves = leaves_of(text, Form.JSON)
        if leaves is None:
            raise RedactionError("tool_call_malformed")
        out: list[str] = []
        done = 0
        for a, b, written in self._masks_in(text, findings, leaves):
            if a >= done:
                out += (text[done:a], written)
                done = b
        self._tally.verify_none_refused()
        masked = "".join((*out, text[done:]))
        _verify_keys(text, masked)
        return masked

    def _masks_in(
        self, text: str, findings: Sequence[Finding], leaves: Sequence[Leaf]
    ) -> Iterator[tuple[int, int, str]]:
        starts = [leaf.start for leaf in leaves]
        for finding in findings:
            first = max(0, bisect_left(starts, finding.start) - 1)
            for leaf in leaves[first : bisect_left(starts, finding.end)]:
                start, end = max(leaf.start, finding.start), min(leaf.end, finding.end)
                if leaf.number and start < end:
                    if self._tally.masks(finding, text[leaf.start : leaf.end]):
                        yield leaf.start, leaf.end, f'"[{finding.type}]"'
                    continue
                for a, b in _around_placeholders(text, start, end) if start < end else ():
                    x, y = leaf.whole_escapes(text, a, b)
                    if self._tally.masks(finding, json.loads(f'"{text[x:y]}"')):
                        yield x, y, f"[{finding.type}]"

    def _checkpoint(self) -> int:
        """Return the first place after what was looked at where the text may be looked at, or 0."""
        buffer = self._buffer
        for place in range(max(self._seen + 1, _LEAST), min(len(buffer), _MOST) + 1):
            if place == _MOST or (buffer[place - 1].isspace() and (place >= _WORD or _ends_sentence(buffer, place))):
                return place
        return 0

    def _written(self, upto: int, hits: Sequence[_Hit]) -> str:
        out: list[str] = []
        done = 0
        for hit in hits:
            if self._tally.masks(hit.finding, self._buffer[hit.start : hit.end]):
                out += (self._buffer[done : hit.start], f"[{hit.finding.type}]")
                done = hit.end
        self._tally.verify_none_refused()
        out.append(self._buffer[done:upto])
        return "".join(out)


@dataclass(frozen=True, slots=True)
class _Hit:
    """A finding, or what placeholders leave of it, in buffer positions."""

    start: int
    end: int
    finding: Finding


def _around_placeholders(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a span around placeholders and look-alikes; a rest without letter or digit vanishes."""
    near = LOOKALIKE.finditer(text, max(0, start - _AHEAD), min(len(text), end + _AHEAD))
    inside = [match.span() for match in near if match.end() > start and match.start() < end]
    done = start
    for a, b in [*inside, (end, end)]:
        if any(map(str.isalnum, text[done:a])):
            yield done, a
        done = max(done, b)


def _verify_fits(text: str, findings: Sequence[Finding]) -> None:
    done = 0
    for finding in findings:
        if not done <= finding.start < finding.end <= len(text):
            raise RedactionError("analyst_fault")
        done = finding.end


def _verify_keys(before: str, after: str) -> None:
    if len(set(keys_of(after))) != len(set(keys_of(before))):
        raise RedactionError("tool_call_malformed")


def _ends_sentence(buffer: str, place: int) -> bool:
    """Whether the white space before `place` ends a line or follows the end of a sentence."""
    if buffer[place - 1] == "\n":
        return True
    at = place - 2
    while at > 0 and buffer[at] in _CLOSING:
        at -= 1
    return at >= 0 and buffer[at] in _ENDS


def _release(buffer: str, hits: Sequence[_Hit]) -> int:
    """Return how much of a buffer may go: up to white space 64 before its end, and no finding is cut.

    At the longest buffer something has to go: without white space the cut falls inside a run, and if findings leave no
    place to cut before it, the first one is taken as it is seen now.
    """
    places = (p for p in range(len(buffer) - _AHEAD, 0, -1) if buffer[p - 1].isspace())
    release = _before(next(places, 0), hits)
    if release or len(buffer) < _MOST:
        return release
    release = _before(len(buffer) - _AHEAD, hits)
    return release or next(hit.end for hit in hits if hit.end > 0)


def _before(place: int, hits: Sequence[_Hit]) -> int:
    return next((hit.start for hit in hits if hit.start < place < hit.end), place)
