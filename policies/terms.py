"""What a policy says about sizes, times and strictness: limits, retention, window, injection, tightened places.

Law: every number has a bound that is written here; a range must not be empty; what is tightened must be asked at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from policies.model import PLACES, Cap, Injection, Limits, Retention, Tightening, Window
from policies.tables import Table

__all__ = ["read_injection", "read_limits", "read_retention", "read_thoughts", "read_tightened", "read_window"]

_MOST_CHARS = 1_000_000
_MOST_TURNS = 10_000
_MOST_TOKENS = 32_768
_MOST_MONTHS = 600
_WINDOW_TOKENS = (48, 512)
"""Shorter windows judge half sentences, longer ones hold text back for too long."""


def read_limits(table: Table) -> Limits:
    """Read `[limits]`."""
    read = Limits(
        prompt_chars=table.whole("prompt_chars", 1, _MOST_CHARS),
        turns=table.whole("turns", 1, _MOST_TURNS),
        answer_tokens=table.whole("answer_tokens", 1, _MOST_TOKENS),
    )
    table.close()
    return read


def read_retention(table: Table) -> Retention:
    """Read `[retention]`. Six months is the least that any log is kept (AI Act, Art. 26(6))."""
    least = table.whole("log_months_least", 6, _MOST_MONTHS)
    most = table.whole("log_months_most", least, _MOST_MONTHS)
    table.close()
    return Retention(least, most)


def read_window(table: Table) -> Window:
    """Read `[safety.window]`."""
    low, high = _WINDOW_TOKENS
    least = table.whole("least_tokens", low, high)
    most = table.whole("most_tokens", least, high)
    percent = table.whole("guard_percent", 10, 90)
    table.close()
    return Window(least, most, percent)


def read_thoughts(safety: Table) -> bool:
    """Read `thoughts`, the one key that may be absent: a policy that does not speak of them shows none."""
    return safety.has("thoughts") and safety.word("thoughts", ("show", "drop")) == "show"


def read_injection(table: Table) -> Injection:
    """Read `[injection]`."""
    read = Injection(Cap(table.word("tools", Cap)), Cap(table.word("documents", Cap)))
    table.close()
    return read


def read_tightened(safety: Table, guidelines: Sequence[str]) -> tuple[Tightening, ...]:
    """Read `[safety.caps.<place>]` and `[safety.block_at_most.<place>]`."""
    caps = _places(safety.optional("caps"), guidelines, at_most=False)
    most = _places(safety.optional("block_at_most"), guidelines, at_most=True)
    return (*caps, *most)


def _places(table: Table, guidelines: Sequence[str], *, at_most: bool) -> tuple[Tightening, ...]:
    found = []
    for place, rules in table.rest(Table.table):
        if place not in PLACES:
            raise table.refuse(place, f"is none of {', '.join(PLACES)}")
        for guideline, value in rules.rest(_most if at_most else _cap):
            if guideline not in guidelines:
                raise rules.refuse(guideline, "is not a question of this policy")
            cap, most = (None, int(value)) if at_most else (Cap(value), None)
            found.append(Tightening(place, guideline, cap, most))
    return tuple(found)


def _cap(table: Table, key: str) -> str:
    return table.word(key, (Cap.FLAG, Cap.BLOCK))


def _most(table: Table, key: str) -> str:
    value = table.number(key)
    if not 0 < value <= 1:
        raise table.refuse(key, "is not over 0 and at most 1")
    return str(round(value * 10_000))
