"""One mapping per exchange between what a person is called and what a model may call them.

Law: the mapping is bijective. Two values never share a placeholder, one value never has two, and a literal that already
looks like a placeholder is never issued. The vault lives in memory, forgets everything on `close()`, and its `repr` is
counts. Nothing is matched fuzzily: a false merge would hand one patient's name to another.

    with Vault() as vault:
        vault.reserve(parts)                              first: what the text itself already says
        vault.issue(Type.NAME, "Ana Pereira")             "[NAME_1]"
        vault.issue(Type.NAME, "ANA  PEREIRA")            "[NAME_1]"
        vault.original("[NAME_1]")                        (Type.NAME, PatientText(11))
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from filters.findings import Finding, Type
from filters.fold import TooEncodedError, View, normal, views
from filters.parts import Part, PatientText

__all__ = ["LONGEST", "LOOKALIKE", "PLACEHOLDER", "Action", "Actions", "RedactionError", "Vault"]

_TYPES = "|".join(Type)
PLACEHOLDER = re.compile(rf"\[({_TYPES})_([1-9][0-9]{{0,3}})\]")
"""A placeholder exactly as Cordon writes it."""

LOOKALIKE = re.compile(
    rf"\\?[\[【]\s{{0,8}}({_TYPES})\s{{0,8}}\\?[_\s-]\s{{0,8}}0{{0,8}}([1-9][0-9]{{0,3}})\s{{0,8}}\\?[\]】]",
    re.IGNORECASE,
)
"""What a reader, or a model, could take for a placeholder; read in folded views, where `［` is already `[`."""

_MOST = 9999
_SURE_PHONE = 9
LONGEST = len("[LOCATION_9999]")
"""Characters of the longest placeholder."""


class RedactionError(Exception):
    """The request cannot be made safe to send. Holds a code, kinds and a part number, never text."""

    def __init__(self, code: str, *, kinds: tuple[str, ...] = (), part: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.kinds = kinds
        self.part = part


class Action(enum.StrEnum):
    """What happens to a finding in a prompt, weakest first."""

    KEEP = "keep"
    PSEUDONYMISE = "pseudonymise"
    MASK = "mask"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Actions:
    """What a policy does with findings: a kind overrides its type, the rest is pseudonymised."""

    types: tuple[tuple[Type, Action], ...] = ()
    kinds: tuple[tuple[str, Action], ...] = ()

    @classmethod
    def named(cls, types: Sequence[tuple[str, str]], kinds: Sequence[tuple[str, str]]) -> Actions:
        """Build from the words of a policy file."""
        return cls(tuple((Type(t), Action(a)) for t, a in types), tuple((k, Action(a)) for k, a in kinds))

    def of(self, finding: Finding) -> Action:
        """Return the action for `finding`. What a person marked is always pseudonymised."""
        if finding.type is Type.MARKED:
            return Action.PSEUDONYMISE
        for kind, action in self.kinds:
            if kind == finding.kind:
                return action
        for type_, action in self.types:
            if type_ is finding.type:
                return action
        return Action.PSEUDONYMISE


class Vault:
    """The mapping of one exchange; a context manager."""

    __slots__ = ("_closed", "_keys", "_next", "_originals", "_reserved", "_starts")

    def __init__(self) -> None:
        self._closed = False
        self._forget()

    def _forget(self) -> None:
        self._keys: dict[tuple[Type, str], str] = {}
        self._originals: dict[str, tuple[Type, PatientText]] = {}
        self._reserved: set[str] = set()
        self._next: dict[Type, int] = {}
        self._starts: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget every value. A closed vault answers nothing."""
        self._closed = True
        self._forget()

    def __repr__(self) -> str:
        counts = {t: sum(1 for kind, _ in self._keys if kind is t) for t in Type}
        shown = ", ".join(f"{t}={n}" for t, n in counts.items() if n)
        return f"Vault({'closed' if self._closed else shown})"

    def __reduce__(self) -> str:
        raise TypeError("Vault is not pickled")

    def reserve(self, parts: Sequence[Part]) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Take every look-alike in any reading of any part out of circulation.

        Returns:
            Per part, the raw spans of look-alikes that stand there openly. They stay as they are; one that is
            hidden in an encoding blocks its number too, but its span may hold other things and is not protected.

        Raises:
            RedactionError: `text_too_encoded`.
        """
        self._verify_open()
        if self._keys:
            raise RuntimeError("reserve comes before the first issue")
        return tuple(self._reserve(part) for part in parts)

    def _reserve(self, part: Part) -> tuple[tuple[int, int], ...]:
        try:
            readings = views(part.text.reveal(), part.form)
        except TooEncodedError:
            raise RedactionError("text_too_encoded", part=part.index) from None
        for view in readings[1:]:
            self._block(view)
        return self._block(readings[0])

    def _block(self, view: View) -> tuple[tuple[int, int], ...]:
        spans = []
        for match in LOOKALIKE.finditer(view.text):
            self._reserved.add(f"[{match[1].upper()}_{match[2]}]")
            spans.append(view.span(*match.span()))
        return tuple(spans)

    def issue(self, type_: Type, value: str) -> str:
        """Return the placeholder of `value`; the first surface seen is the one restored.

        Raises:
            RedactionError: `too_many_identifiers`.
        """
        self._verify_open()
        key = (type_, _key(type_, value))
        known = self._keys.get(key)
        if known is not None:
            return known
        placeholder = self._new(type_)
        self._keys[key] = placeholder
        self._originals[placeholder] = (type_, PatientText(value))
        self._starts.update(placeholder[:n] for n in range(1, len(placeholder)))
        return placeholder

    def _new(self, type_: Type) -> str:
        n = self._next.get(type_, 1)
        while f"[{type_}_{n}]" in self._reserved:
            n += 1
        if n > _MOST:
            raise RedactionError("too_many_identifiers", kinds=(type_.value,))
        self._next[type_] = n + 1
        return f"[{type_}_{n}]"

    def lookup(self, type_: Type, value: str) -> str | None:
        """Return the placeholder of `value`, or None if it has none."""
        self._verify_open()
        return self._keys.get((type_, _key(type_, value)))

    def original(self, placeholder: str) -> tuple[Type, PatientText] | None:
        """Return type and first surface behind an issued placeholder, or None for any other text."""
        self._verify_open()
        return self._originals.get(placeholder)

    def issued(self) -> tuple[str, ...]:
        """Return the issued placeholders in the order of issue."""
        self._verify_open()
        return tuple(self._originals)

    def begins(self, text: str) -> bool:
        """Whether `text` is a proper beginning of an issued placeholder."""
        return len(text) < LONGEST and text in self._starts

    def knows(self, value: str) -> bool:
        """Whether `value` equals, in the normal form of any type, a value of this exchange."""
        self._verify_open()
        return any((type_, _key(type_, value)) in self._keys for type_ in self._next)

    def _verify_open(self) -> None:
        if self._closed:
            raise RuntimeError("the vault is closed")


def _key(type_: Type, value: str) -> str:
    """Return the identity of a value within its type.

    A phone number is compared by its digits, if it is surely one: with under nine digits it could be a record number
    ("20-12345" and "201-2345" are two people), with letters an extension ("ext 5" is no last digit), and without
    digits it would be equal to every other one without. Those are compared as they are written.
    """
    key = normal(type_, value)
    if type_ is Type.PHONE and (len(key) < _SURE_PHONE or any(c.isalpha() for c in value)):
        return " ".join(value.casefold().split())
    return key or value
