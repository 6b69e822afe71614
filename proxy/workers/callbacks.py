"""Room for ctypes callbacks, set aside before the lock; llama.cpp's binding makes a handful.

Law: called before the lock, by the engine's roles alone. A ctypes callback is a few bytes of code made at run time. A
libffi built with static trampolines maps them from its own file; one built without (Debian 12's 3.4.4) asks for memory
that is writable and executable at once or, where that is refused, maps a memory file twice, once for writing and once
for executing. The lock refuses all of it, for good reason; so one page is taken first, after the kernel was told to
refuse the first way. libffi keeps the page when its callbacks are freed and serves later ones from it.

The hole this leaves: with such a libffi the engine can write what it executes, in that one page, which holds
trampolines only. Code put there is bound by the same filter. The other processes have no such page. `writable_code`
counts pages of the worse kind, which are left only where the kernel is older than Linux 6.3.
"""

import ctypes
import os

__all__ = ["is_callback_room", "reserve_callbacks", "writable_code"]


def reserve_callbacks(count: int) -> None:
    """Make libffi hold room for this many callbacks."""
    kind = ctypes.CFUNCTYPE(None)
    held = [kind(_nothing) for _ in range(count)]
    del held


def is_callback_room(target: str) -> bool:
    """Say whether a descriptor, by what it points to, is libffi's memory file."""
    return target.startswith("/memfd:libffi")


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
