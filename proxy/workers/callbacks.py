"""Room for ctypes callbacks, set aside before the lock; llama.cpp's binding makes a handful.

Law: called before the lock, by the engine's roles alone. A ctypes callback is a few bytes of code made at run time. A
libffi built with static trampolines maps them from its own file; one built without (Debian 12's 3.4.4) asks for memory
that is writable and executable at once, which the lock refuses for good reason. So the callbacks' page is taken first:
libffi keeps it when they are freed and serves later ones from it.

The hole this leaves: on such a system one page of the engine stays writable and executable. It holds trampolines only,
and code put there is bound by the same filter; but it is a page the other processes do not have, and `writable_code`
counts it.
"""

import ctypes
import os

__all__ = ["reserve_callbacks", "writable_code"]


def reserve_callbacks(count: int) -> None:
    """Make libffi hold room for this many callbacks."""
    kind = ctypes.CFUNCTYPE(None)
    held = [kind(_nothing) for _ in range(count)]
    del held


def _nothing() -> None:
    """Be a callback."""


def writable_code() -> int:
    """Return how many pages of this process are writable and executable at once. Before the seal: it opens a file."""
    page = os.sysconf("SC_PAGE_SIZE")
    found = 0
    with open("/proc/self/maps", encoding="ascii", errors="replace") as lines:
        for line in lines:
            addresses, rights = line.split(maxsplit=2)[:2]
            if "w" in rights and "x" in rights:
                first, last = (int(address, 16) for address in addresses.split("-"))
                found += (last - first) // page
    return found
