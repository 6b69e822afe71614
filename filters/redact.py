"""Replace what was found, so that nothing that identifies a person is left for a model to see.

Law: text and findings go in, text comes out; the vault is the only thing that remembers. Structure is never rewritten:
a JSON document stays the same document, and an identifier in a name that a program reads ends the request. The last
look runs on every result; there is no way to a `RedactionResult` around it.

    with Vault() as vault:
        result = redact(parts, found, vault, actions=actions)
        result.texts[0].reveal()           "Pt [NAME_1], DOB [DATE_1]"
        result.counts                      (("BIRTH_DATE", 1), ("PERSON", 1))
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from filters.findings import Finding, Found, Source
from filters.fold import normal
from filters.leaks import Look, verify_no_leaks
from filters.leaves import Leaf, keys_of, leaves_of
from filters.parts import Form, Part, PatientText, RedactedText
from filters.vault import Action, Actions, RedactionError, Vault
from filters.words import MARKS

__all__ = ["RedactionError", "RedactionResult", "redact"]

_Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class RedactionResult:
    """A request after replacement and the last look.

    Attributes:
        texts: one per part, in the same order.
        counts: replaced findings by kind, upper case, sorted.
        kept: findings that were left standing, by kind, upper case, sorted.
    """

    texts: tuple[RedactedText, ...]
    counts: tuple[tuple[str, int], ...]
    kept: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Hole:
    """A span of a part that is dealt with as one value."""

    start: int
    end: int
    finding: Finding
    action: Action
    value: PatientText
    quoted: bool
    """The placeholder needs quotes of its own: it stands for a bare JSON number."""


def redact(parts: Sequence[Part], found: Found, vault: Vault, *, actions: Actions) -> RedactionResult:
    """Replace the findings in all parts of one request.

    1. The analyst's answer must fit the parts: anything else is a fault, not something to work around.
    2. A kind the policy refuses ends the request.
    3. Look-alikes in the text are taken out of circulation before the first number is issued.
    4. Findings become holes: clipped to what may be replaced, cut around look-alikes.
    5. Numbers are issued in the order of discovery.
    6. Holes are filled.
    7. The last look.

    The caller must not send anything if this raises, and must close the vault in any case.

    Raises:
        RedactionError: `analyst_fault pii_refused text_too_encoded identifier_in_structure too_many_identifiers
            key_collision redaction_incomplete`.
    """
    _verify_fits(parts, found)
    _refuse(parts, found, actions)
    reserved = vault.reserve(parts)
    plans = tuple(
        _plan(part, findings, spans, actions)
        for part, findings, spans in zip(parts, found.parts, reserved, strict=True)
    )
    for hole in _discovered(plans):
        vault.issue(hole.finding.type, hole.value.reveal())
    texts, looks = [], []
    for part, plan, kept in zip(parts, plans, found.kept, strict=True):
        text, left = _fill(part, plan, kept, vault)
        _verify_keys(part, text)
        texts.append(RedactedText(text))
        looks.append(Look(part.index, part.form, text, left))
    verify_no_leaks(looks, found.spread)
    return RedactionResult(tuple(texts), _counts(plans), _kept_counts(plans, found))


def _verify_fits(parts: Sequence[Part], found: Found) -> None:
    if not len(parts) == len(found.parts) == len(found.kept):
        raise RedactionError("analyst_fault")
    for part, findings, kept in zip(parts, found.parts, found.kept, strict=True):
        done = 0
        for finding in findings:
            if not done <= finding.start < finding.end <= len(part.text):
                raise RedactionError("analyst_fault", part=part.index)
            done = finding.end
        if any(not 0 <= f.start < f.end <= len(part.text) for f in kept):
            raise RedactionError("analyst_fault", part=part.index)


def _refuse(parts: Sequence[Part], found: Found, actions: Actions) -> None:
    hits = [
        (part.index, finding.kind)
        for part, findings in zip(parts, found.parts, strict=True)
        for finding in findings
        if actions.of(finding) is Action.REFUSE
    ]
    if hits:
        raise RedactionError("pii_refused", kinds=tuple(sorted({kind for _, kind in hits})), part=hits[0][0])


# ---- holes ----------------------------------------------------------------------------------------------------


def _plan(part: Part, findings: Sequence[Finding], reserved: _Spans, actions: Actions) -> tuple[_Hole, ...]:
    """Return the disjoint holes of a part, sorted."""
    if not findings:
        return ()
    if part.form is Form.NAME:
        return _no_identifier(part, findings, actions)
    leaves = leaves_of(part.text.reveal(), part.form) if part.form in (Form.JSON, Form.SCHEMA) else None
    if leaves is None:
        return tuple(_holes_in_text(part, findings, reserved, actions))
    return _strictest(_holes_in_leaves(part, findings, leaves, _Cutter(reserved, actions)))


def _no_identifier(part: Part, findings: Sequence[Finding], actions: Actions) -> tuple[_Hole, ...]:
    kinds = {f.kind for f in findings if actions.of(f) is not Action.KEEP}
    if kinds:
        raise RedactionError("identifier_in_structure", kinds=tuple(sorted(kinds)), part=part.index)
    return ()


def _holes_in_text(part: Part, findings: Iterable[Finding], reserved: _Spans, actions: Actions) -> Iterator[_Hole]:
    text = part.text.reveal()
    cutter = _Cutter(reserved, actions)
    for finding in findings:
        for start, end in cutter.cut(finding.start, finding.end, text):
            yield _Hole(start, end, finding, cutter.actions.of(finding), PatientText(text[start:end]), quoted=False)


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Cuts spans around the look-alikes that stay in the text."""

    reserved: _Spans
    """Sorted by start."""
    actions: Actions

    def cut(self, start: int, end: int, text: str) -> Iterator[tuple[int, int]]:
        """Yield what is left of a span; a rest without a letter or digit identifies nobody."""
        after = bisect_left(self.reserved, (end, 0))
        inside = [
            span
            for span in self.reserved[max(0, bisect_left(self.reserved, (start, 0)) - 1) : after]
            if span[1] > start
        ]
        if not inside:
            yield start, end
            return
        done = start
        for a, b in [*inside, (end, end)]:
            if any(map(str.isalnum, text[done:a])):
                yield done, a
            done = max(done, b)


def _holes_in_leaves(
    part: Part, findings: Iterable[Finding], leaves: Sequence[Leaf], cutter: _Cutter
) -> Iterator[_Hole]:
    """Clip each finding to the leaves it touches: between leaves there is only punctuation of JSON."""
    starts = [leaf.start for leaf in leaves]
    done = 0
    for finding in findings:
        first = max(0, bisect_right(starts, finding.start) - 1)
        for leaf in leaves[first : bisect_left(starts, finding.end)]:
            start, end = max(leaf.start, finding.start, done), min(leaf.end, finding.end)
            if start >= end:
                continue
            if leaf.structure and cutter.actions.of(finding) is not Action.KEEP:
                raise RedactionError("identifier_in_structure", kinds=(finding.kind,), part=part.index)
            for hole in _holes_in_leaf(part.text.reveal(), leaf, (start, end), finding=finding, cutter=cutter):
                done = done if hole.quoted else hole.end
                yield hole


def _holes_in_leaf(
    text: str, leaf: Leaf, span: tuple[int, int], *, finding: Finding, cutter: _Cutter
) -> Iterator[_Hole]:
    action = cutter.actions.of(finding)
    if leaf.number:
        number = PatientText(text[leaf.start : leaf.end])
        yield _Hole(leaf.start, leaf.end, finding, action, number, quoted=True)
        return
    for cut in cutter.cut(*span, text):
        start, end = leaf.whole_escapes(text, *cut)
        value = json.loads(f'"{text[start:end]}"', strict=False)
        yield _Hole(start, end, finding, action, PatientText(value), quoted=False)


_STRENGTH = {action: strength for strength, action in enumerate(Action)}


def _strictest(holes: Iterable[_Hole]) -> tuple[_Hole, ...]:
    """A bare number is one hole however many findings touch it; the strictest action wins."""
    chosen: dict[int, _Hole] = {}
    for hole in holes:
        rival = chosen.get(hole.start)
        if rival is None or _STRENGTH[hole.action] > _STRENGTH[rival.action]:
            chosen[hole.start] = hole
    return tuple(chosen.values())


# ---- numbers --------------------------------------------------------------------------------------------------


def _discovered(plans: Sequence[Sequence[_Hole]]) -> list[_Hole]:
    """Return the holes that need a number, in the order their values were discovered.

    A value found by a detector was discovered where it stands. One that is only known from elsewhere was discovered
    when both its source and its first occurrence had been read. So a request that continues another one numbers
    everything of the earlier one as before, and the engine's prefix stays valid.
    """
    since: dict[str, int] = {}
    for index, plan in enumerate(plans):
        for hole in plan:
            if hole.finding.source is not Source.KNOWN:
                for mark in _marks(hole):
                    since.setdefault(mark, index)
    ranked = [
        (_rank(hole, index, since), index, hole.start, hole)
        for index, plan in enumerate(plans)
        for hole in plan
        if hole.action is Action.PSEUDONYMISE
    ]
    return [hole for *_, hole in sorted(ranked, key=lambda entry: entry[:3])]


def _rank(hole: _Hole, index: int, since: dict[str, int]) -> tuple[int, int]:
    if hole.finding.source is not Source.KNOWN:
        return index, 0
    whole, *parts = _marks(hole)
    source = since.get(whole)
    if source is None:
        source = max((since.get(mark, index) for mark in parts), default=index)
    return max(index, source), 1


_WORD = re.compile(rf"(?:[^\W_]|[{MARKS}])+")


def _marks(hole: _Hole) -> list[str]:
    """What a value can be recognised by: itself, its words, its digits."""
    whole = normal(hole.finding.type, hole.value.reveal())
    digits = "".join(filter(str.isdigit, whole))
    words = _WORD.findall(whole)
    return [whole, digits] if len(digits) >= 7 else [whole, *words]


# ---- replacing ------------------------------------------------------------------------------------------------


def _fill(part: Part, plan: Sequence[_Hole], kept: Iterable[Finding], vault: Vault) -> tuple[str, _Spans]:
    """Return the redacted text, and where in it the spans stand that may stay."""
    text = part.text.reveal()
    out: list[str] = []
    runs: list[tuple[int, int, int]] = []
    done = length = 0
    for hole in [h for h in plan if h.action is not Action.KEEP]:
        runs.append((done, hole.start, length))
        written = _written(hole, vault)
        out += (text[done : hole.start], written)
        length += hole.start - done + len(written)
        done = hole.end
    runs.append((done, len(text), length))
    out.append(text[done:])
    stays = [(f.start, f.end) for f in kept] + [(h.start, h.end) for h in plan if h.action is Action.KEEP]
    return "".join(out), tuple(_moved(stays, runs))


def _written(hole: _Hole, vault: Vault) -> str:
    if hole.action is Action.MASK:
        placeholder = f"[{hole.finding.type}]"
    else:
        placeholder = vault.issue(hole.finding.type, hole.value.reveal())
    return f'"{placeholder}"' if hole.quoted else placeholder


def _moved(spans: Iterable[tuple[int, int]], runs: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
    """Translate spans of the original to the redacted text; `runs` are (start, end, new start) of what was copied."""
    starts = [start for start, _, _ in runs]
    for a, b in spans:
        for start, end, new in runs[max(0, bisect_right(starts, a) - 1) : bisect_left(starts, b)]:
            if max(a, start) < min(b, end):
                yield new + max(a, start) - start, new + min(b, end) - start


def _verify_keys(part: Part, text: str) -> None:
    """Two keys of one object that were different must still be."""
    if part.form is not Form.JSON or text == part.text.reveal():
        return
    before = keys_of(part.text.reveal())
    after = keys_of(text) if before else []
    seen: dict[tuple[int, str], str] = {}
    for (owner, old), (_, new) in zip(before, after, strict=True):
        if seen.setdefault((owner, new), old) != old:
            raise RedactionError("key_collision", part=part.index)


def _counts(plans: Iterable[Iterable[_Hole]]) -> tuple[tuple[str, int], ...]:
    replaced = Counter(h.finding.kind.upper() for plan in plans for h in plan if h.action is not Action.KEEP)
    return tuple(sorted(replaced.items()))


def _kept_counts(plans: Iterable[Iterable[_Hole]], found: Found) -> tuple[tuple[str, int], ...]:
    left = Counter(h.finding.kind.upper() for plan in plans for h in plan if h.action is Action.KEEP)
    left.update(f.kind.upper() for findings in found.kept for f in findings)
    return tuple(sorted(left.items()))
