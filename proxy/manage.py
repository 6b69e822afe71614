"""Management of tokens for a user of this computer, over the unix socket only.

Law: everybody manages their own tokens; user 0 may list and revoke for all and make one for another user. A token is in
one reply once and nowhere else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from proxy.access import INSTALLED_ORIGIN, AccessRules
from proxy.clients import PANEL_DAYS, ClientEntry, Clients, NewClient, RegistryError
from proxy.dialects.fields import Fields
from proxy.errors import CordonError
from proxy.exchange import CallerKind

__all__ = ["Managed", "manage"]

_DAYS = 90
_MAX_UID = 2**32 - 2


@dataclass(frozen=True, slots=True)
class Managed:
    """The reply, and the tokens that ended with it."""

    body: bytes
    ended: frozenset[str] = frozenset()


def manage(wish: Fields, *, uid: int, clients: Clients, rules: AccessRules, now_s: float) -> Managed:
    """Do `{op: list | add | panel | revoke, ...}`. Raises CordonError `bad_request` or `origin_refused`."""
    match wish.need_text("op"):
        case "list":
            seen = [_shown(e) for e in clients.entries if uid in (0, e.uid)]
            return Managed(_json({"clients": seen}))
        case "add":
            return _add(wish, uid, clients, now_s)
        case "panel":
            return _panel(wish, uid, clients, rules, now_s)
        case "revoke":
            before = {e.kid for e in clients.entries if e.state == "ok"}
            count = clients.revoke(wish.need_text("kid"), uid=None if uid == 0 else uid)
            after = {e.kid for e in clients.entries if e.state == "ok"}
            return Managed(_json({"revoked": count}), frozenset(before - after))
        case _:
            raise CordonError("bad_request")


def _add(wish: Fields, uid: int, clients: Clients, now_s: float) -> Managed:
    owner = wish.integer("uid", 0, _MAX_UID)
    if owner not in (None, uid) and uid != 0:
        raise CordonError("scope_missing")
    scopes = frozenset(str(scope) for scope in wish.items("scopes")) or frozenset({"use"})
    days = wish.number("days", 0, 365)
    label, life = wish.need_text("label"), _DAYS if days is None else days
    new = NewClient(label, uid if owner is None else owner, life, scopes=scopes)
    try:
        token = clients.add(new, now_s=now_s)
    except RegistryError:
        raise CordonError("bad_request") from None
    return Managed(_json({"token": token} | _shown(clients.entries[-1])))


def _panel(wish: Fields, uid: int, clients: Clients, rules: AccessRules, now_s: float) -> Managed:
    """A token for the panel of this user's browser, asked for by the native messaging host that the browser started."""
    origin = wish.need_text("origin")
    if origin not in rules.origins and not INSTALLED_ORIGIN.fullmatch(origin):
        raise CordonError("origin_refused")
    new = NewClient("panel, managed", uid, PANEL_DAYS, kind=CallerKind.EXTENSION, origin=origin)
    try:
        token = clients.add(new, now_s=now_s)
    except RegistryError:
        raise CordonError("bad_request") from None
    return Managed(_json({"token": token} | _shown(clients.entries[-1])))


def _shown(entry: ClientEntry) -> dict[str, object]:
    """An entry without its hash and key."""
    return {
        "kid": entry.kid, "uid": entry.uid, "kind": entry.kind, "label": entry.label, "scopes": list(entry.scopes),
        "made": entry.made, "expires": entry.expires, "state": entry.state,
    }  # fmt: skip


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii")
