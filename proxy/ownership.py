"""Our four packages have common names; make sure that what was imported is ours.

`proxy.py` of PyPI, say, would silently write into `proxy/`. Law: each of the four names lies under one directory, and
that directory is the one this file is in; else nothing starts.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["OwnershipError", "verify_packages"]

_NAMES = ("proxy", "filters", "policies", "audit")


class OwnershipError(Exception):
    """Another distribution owns one of our package names."""


def verify_packages() -> None:
    """Raise OwnershipError unless all four packages are ours alone."""
    home = Path(__file__).resolve().parent.parent
    for name in _NAMES:
        spec = find_spec(name)
        places = [Path(p).resolve() for p in (spec.submodule_search_locations or ())] if spec else []
        if places != [home / name]:
            raise OwnershipError(
                f"the package `{name}` is not Cordon's own alone; nothing was started. "
                "Install Cordon into a virtual environment of its own"
            )
        if not (home / name / "py.typed").exists():
            raise OwnershipError(f"the package `{name}` is incomplete; nothing was started. Install Cordon again")
