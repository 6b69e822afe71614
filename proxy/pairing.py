"""Pairing a panel by eight digits that a person carries from one window of this computer to another.

    cordon pair -> open(uid) -> 8 digits, 120 s, 5 tries, once      panel -> redeem(uid, code) -> a token

Law: a window belongs to the user who asked for it over the unix socket and only that user's panel can use it; there is
none unless somebody asked. Time comes in. The digits are in one reply once, and in no log.
"""

from __future__ import annotations

import asyncio
import enum
import hmac
import secrets
from dataclasses import dataclass, field

from proxy.errors import CordonError

__all__ = ["LIFE_S", "TRIES", "Paired", "Pairings", "Window", "WindowState"]

LIFE_S = 120
TRIES = 5
_DIGITS = 8


class WindowState(enum.StrEnum):
    """How a window stands."""

    OPEN = "open"
    PAIRED = "paired"
    GUESSED = "guessed"
    """Closed by the fifth wrong code: something on this account is guessing."""
    EXPIRED = "expired"
    REPLACED = "replaced"
    """The user asked for another one."""


@dataclass(frozen=True, slots=True)
class Paired:
    """What came of a window."""

    kid: str
    browser: str
    expires_s: int


@dataclass(slots=True)
class Window:
    """One offer of a code."""

    code: str = field(repr=False)
    until_s: float
    tries: int = TRIES
    state: WindowState = WindowState.OPEN
    paired: Paired | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, state: WindowState) -> None:
        """Close it, once."""
        if self.state is WindowState.OPEN:
            self.state = state
            self.over.set()


@dataclass(slots=True)
class Pairings:
    """The windows, one a user."""

    windows: dict[int, Window] = field(default_factory=dict)

    def open(self, uid: int, *, now_s: float) -> Window:
        """Offer a code to a user's panel; an earlier offer ends."""
        if (earlier := self.windows.get(uid)) is not None:
            earlier.end(WindowState.REPLACED)
        code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
        window = self.windows[uid] = Window(code, now_s + LIFE_S)
        return window

    def is_open(self, uid: int, *, now_s: float) -> bool:
        """Whether a code of this user may still be used."""
        return self._live(uid, now_s) is not None

    def redeem(self, uid: int, code: str, *, now_s: float) -> Window:
        """Use a code. The window stays open until `Window.end`, so a failure to make the token can be tried again.

        Raises:
            CordonError: `pairing_closed` without an open window, `pairing_code_wrong` else.
        """
        window = self._live(uid, now_s)
        if window is None:
            raise CordonError("pairing_closed")
        if not hmac.compare_digest(window.code.encode(), code.encode("utf-8", "surrogatepass")):
            window.tries -= 1
            if window.tries <= 0:
                window.end(WindowState.GUESSED)
            raise CordonError("pairing_code_wrong")
        return window

    def _live(self, uid: int, now_s: float) -> Window | None:
        window = self.windows.get(uid)
        if window is not None and window.until_s <= now_s:
            window.end(WindowState.EXPIRED)
        return window if window is not None and window.state is WindowState.OPEN else None
