"""How detection fails: a code and nothing else.

Law: whatever a detector throws may quote the text it read, so nothing of it passes this border; one code for every
accident, no cause, no partial result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from filters.fold import TooEncodedError

__all__ = ["AnalystCanary", "AnalystFault", "translated", "verify_span"]

_T = TypeVar("_T")
_MOST = 1000


class AnalystFault(Exception):  # noqa: N818 - the name of the condition, as in the error table
    """Detection did not finish. `code` is a key of the error table; there is never any text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AnalystCanary(AnalystFault):
    """A detector does not find its own example: the service must not start. `kind` says which."""

    def __init__(self, kind: str) -> None:
        super().__init__("analyst_canary")
        self.kind = kind


def verify_span(start: int, end: int, score: int, length: int) -> None:
    """Raise unless a detector's answer lies in its text and its score is a number of ours.

    A span beside the text would hide nothing, and a score that is no number would lose every comparison in silence.
    """
    if not (0 <= start < end <= length and 0 <= score <= _MOST):
        raise AnalystFault("analyst_fault")


def translated(work: Callable[[], _T]) -> _T:
    """Do `work`; every accident becomes a fault with a code (trap `exception_quotes_text`)."""
    try:
        return work()
    except AnalystFault:
        raise
    except TooEncodedError:
        raise AnalystFault("text_too_encoded") from None
    except Exception:  # noqa: BLE001 - foreign border
        raise AnalystFault("analyst_fault") from None
