"""What a site adds to the detectors, as values: `policies/site.py` reads them, the corridor hands them on."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NO_ADDITIONS", "SiteLists", "SiteRule"]


@dataclass(frozen=True, slots=True)
class SiteRule:
    """One identifier kind of a site; examples of `match` hold the value between « and »."""

    kind: str
    type: str
    pattern: str
    cues: tuple[str, ...]
    shape: int
    cued: int
    match: tuple[str, ...]
    no_match: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteLists:
    """Everything a site adds. `deny` is (type, phrase), `allow` is phrases, both sorted."""

    rules: tuple[SiteRule, ...] = ()
    deny: tuple[tuple[str, str], ...] = ()
    allow: tuple[str, ...] = ()


NO_ADDITIONS = SiteLists()
