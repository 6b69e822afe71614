"""A site's policy that says only what differs: the file it extends is read first, then its own keys go over it.

Law: a table is merged key by key, every other value is replaced whole; nothing can be taken away, only said anew. The
result is read by the same strict reader as a file that says everything, so a key that is not known is still refused,
and a protection is still given up only under a name that says so.

    name = "ward-7"                     the name of this file
    extends = "hospital"                any policy of the library or the site; never itself, not even by a detour
    title = "Ward 7"
    [pii]
    facility_names = "keep"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies.model import PolicyError
from policies.tables import read_toml

__all__ = ["chain_of", "merged"]

_DEEPEST = 4
"""Files that build on each other; more than that nobody can read in their head."""


def chain_of(name: str, library: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the names a policy is built from, itself first.

    Raises:
        PolicyError: `policy_unknown`, `policy_invalid`.
    """
    chain = [name]
    while (base := read_toml(library[chain[-1]], chain[-1]).get("extends")) is not None:
        where = f"{chain[-1]}.extends"
        if not isinstance(base, str) or base not in library:
            raise PolicyError("policy_invalid", f"{where} names no policy")
        if base in chain:
            raise PolicyError("policy_invalid", f"{where} leads back to itself")
        chain.append(base)
        if len(chain) > _DEEPEST:
            raise PolicyError("policy_invalid", f"{where} is more than {_DEEPEST} files deep")
    return tuple(chain)


def merged(chain: tuple[str, ...], library: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the document that the files of a chain say together."""
    whole: dict[str, Any] = {}
    for name in reversed(chain):
        whole = _over(whole, read_toml(library[name], name))
        whole.pop("extends", None)
    return whole


def _over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Put the keys of `own` over those of `base`."""
    result = dict(base)
    for key, value in own.items():
        below = result.get(key)
        result[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result
