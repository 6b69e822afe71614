"""May this caller speak? A pure function over the facts of one request.

Law: the checks stand in the order of `docs/api.md`, "Who may ask"; the first that fails answers. Nothing here looks at
a path: that a route needs no token is a property of its handler (`Route.kind`), because an escaped path once slipped
past a comparison of texts. Host, Origin and Sec-Fetch-Site stop web pages; only the token or the kernel's word about
the peer says who somebody is.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from proxy.exchange import Caller, CallerKind

__all__ = [
    "INSTALLED_ORIGIN", "METRICS", "OWN_EXTENSION", "SECURITY_HEADERS", "USE", "AccessRules",
    "Client", "Listener", "Refusal", "Registry", "RequestFacts",
    "Route", "RouteKind", "admit", "bearer_of",
]  # fmt: skip

USE = "use"
METRICS = "metrics"

OWN_EXTENSION = "mlkgfecoihfnfokacibcilhjmfleklof"
"""The id of Cordon's own extension for Chromium: it follows from the public key in `extension/manifest.json`."""

INSTALLED_ORIGIN = re.compile(r"moz-extension://[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The form of an extension's Origin in Firefox: a UUID of its own for every installation."""

SECURITY_HEADERS = (
    "host", "origin", "authorization", "content-type", "content-length", "content-encoding", "transfer-encoding",
    "sec-fetch-site",
)  # fmt: skip
"""Headers that decide something; each may stand once (RFC 9110 section 5.3 lets a recipient refuse the rest)."""

_JSON_TYPES = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})
_READING = frozenset({"GET", "HEAD"})


class Listener(enum.StrEnum):
    """Which kind of socket a request came through."""

    TCP = "tcp"
    UNIX = "unix"


class RouteKind(enum.Enum):
    """What a handler asks of its caller."""

    DIALECT = enum.auto()
    """A dialect of programs: scope `use`; the only kind that a keyless user may reach over TCP."""
    PUBLIC = enum.auto()
    """Health: no token."""
    METRICS = enum.auto()
    """Scope `metrics`, or the administrator on the unix socket."""
    PANEL = enum.auto()
    """The browser panel: scope `use`, Origin allowed."""
    PANEL_PUBLIC = enum.auto()
    """Proof and pairing: TCP and an extension's Origin, no token."""
    LOCAL = enum.auto()
    """Management of tokens: the unix socket only."""


@dataclass(frozen=True, slots=True)
class Route:
    """A handler's own statement about who may call it and how. `name` is a closed label for journal and metrics."""

    name: str
    kind: RouteKind
    methods: frozenset[str]


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """All that the decision may look at. `headers` holds the security headers, names in lower case, repeats kept."""

    listener: Listener
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    peer_uid: int | None

    def one(self, name: str) -> str | None:
        """The value of a header, or None if it is absent."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Settings of access, resolved at start.

    Attributes:
        port: the port that Host must name.
        extension_ids: ids of the browser extensions that may send an Origin.
        keyless_uids: users whose programs need no token over TCP.
        own_uid: in user mode the user the service runs for, else None.
    """

    port: int
    extension_ids: frozenset[str] = frozenset()
    keyless_uids: frozenset[int] = frozenset()
    own_uid: int | None = None

    @property
    def origins(self) -> frozenset[str]:
        """Origins that may be present, compared as they are, without patterns."""
        return frozenset(f"chrome-extension://{name}" for name in self.extension_ids)


@dataclass(frozen=True, slots=True)
class Client:
    """What the registry knows about a presented token that it found."""

    kid: str
    uid: int
    kind: CallerKind
    origin: str
    scopes: frozenset[str]
    label: str
    expires_s: int


class Registry(Protocol):
    """Looks a token up."""

    def match(self, presented: str) -> Client | None:
        """Compare with every stored hash; None if no live entry has it."""
        ...

    def knows_origin(self, uid: int, origin: str, *, pairing: bool) -> bool:
        """Whether a token of this user is bound to this Origin; `pairing`: whether it may ask for one now."""
        ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a caller may not speak: a code of `proxy.errors`."""

    code: str


def admit(
    facts: RequestFacts, route: Route | None, *, clients: Registry, rules: AccessRules, now_s: float
) -> Caller | Refusal:
    """Decide. `route` is None when no handler has this path.

    The caller must still: apply the bucket of wrong tokens to `token_unknown`, bound the body, and never answer a
    request with anything but what the matched handler says.
    """
    if code := _form(facts) or _names(facts, route, clients, rules):  # 1 to 6
        return Refusal(code)
    if route is not None and (code := _method(facts, route)):  # 7, for a path that exists
        return Refusal(code)
    if code := _body_type(facts):  # 8
        return Refusal(code)
    caller = _identity(facts, route, clients, rules, now_s)  # 9
    if isinstance(caller, Refusal):
        return caller
    if route is None:  # 7, for a path without a handler: strangers do not learn which paths exist
        return Refusal("not_found")
    return _scope(facts, route, rules, caller)  # 10


def _form(facts: RequestFacts) -> str | None:
    """Rules 1 and 2: the shape of the request."""
    names = [name for name, _ in facts.headers]
    if len(set(names)) != len(names):
        return "duplicate_header"
    if not facts.target.startswith("/") or facts.target.startswith("//"):
        return "bad_target"
    return None


def _names(facts: RequestFacts, route: Route | None, clients: Registry, rules: AccessRules) -> str | None:
    """Rules 3 to 6: Host, peer, Origin, Sec-Fetch-Site."""
    if not _host_is_ours(facts, rules.port):
        return "wrong_host"
    if facts.peer_uid is None:
        return "peer_unknown"
    origin = facts.one("origin")
    if origin is None:
        return "browser_refused" if facts.one("sec-fetch-site") is not None else None
    if (
        facts.listener is not Listener.TCP
        or route is None
        or not _panel_of(origin, facts.peer_uid, route, clients, rules)
    ):
        return "origin_refused"
    return None


def _panel_of(origin: str, uid: int, route: Route | None, clients: Registry, rules: AccessRules) -> bool:
    """Whether an Origin is that of a panel: a fixed one by its id, one made at installation (Firefox) by its token."""
    if route is None or route.kind not in (RouteKind.PANEL, RouteKind.PANEL_PUBLIC):
        return False
    return origin in rules.origins or clients.knows_origin(uid, origin, pairing=route.kind is RouteKind.PANEL_PUBLIC)


def _host_is_ours(facts: RequestFacts, port: int) -> bool:
    host = facts.one("host")
    if facts.listener is Listener.UNIX:
        return host is not None  # any single Host; the path of the socket is the name
    if host in (f"127.0.0.1:{port}", f"[::1]:{port}"):
        return True
    # A browser always sends one of the two; a program that says `localhost` sends neither.
    from_browser = facts.one("origin") is not None or facts.one("sec-fetch-site") is not None
    return host == f"localhost:{port}" and not from_browser


def _method(facts: RequestFacts, route: Route) -> str | None:
    if facts.method not in route.methods and not (facts.method == "HEAD" and "GET" in route.methods):
        return "method_not_allowed"
    if facts.method in _READING and facts.one("origin") is not None:
        return "method_not_allowed"
    return None


def _body_type(facts: RequestFacts) -> str | None:
    if facts.method in _READING:
        return None
    kind = facts.one("content-type")
    if kind is None or kind.lower() not in _JSON_TYPES or facts.one("content-encoding") is not None:
        return "content_type"
    return None


def _identity(
    facts: RequestFacts, route: Route | None, clients: Registry, rules: AccessRules, now_s: float
) -> Caller | Refusal:
    """Rule 9: who asks."""
    if facts.peer_uid is None:
        return Refusal("peer_unknown")
    nobody = Caller(facts.peer_uid, CallerKind.UID, "", "", frozenset())
    if route is not None and route.kind in (RouteKind.PUBLIC, RouteKind.PANEL_PUBLIC):
        return nobody
    if facts.listener is Listener.UNIX:
        return Caller(facts.peer_uid, CallerKind.UID, "", "", frozenset({USE}))
    if facts.one("authorization") is None and _keyless(facts, route, rules):
        return Caller(facts.peer_uid, CallerKind.UID, "", "", frozenset({USE}))
    if (presented := bearer_of(facts)) is None:
        stranger = rules.own_uid is not None and facts.peer_uid != rules.own_uid
        return Refusal("peer_other_user" if stranger else "token_missing")
    client = clients.match(presented)
    return _of_token(facts, facts.peer_uid, client, now_s)


def _of_token(facts: RequestFacts, uid: int, client: Client | None, now_s: float) -> Caller | Refusal:
    if client is None:
        return Refusal("token_unknown")
    if client.expires_s <= now_s:
        return Refusal("token_expired")
    if client.uid != uid:
        return Refusal("token_other_user")
    origin = facts.one("origin")
    wanted = client.origin if client.kind is CallerKind.EXTENSION else None
    if origin != wanted:
        return Refusal("token_other_origin")
    return Caller(client.uid, client.kind, client.kid, client.label, client.scopes)


def _keyless(facts: RequestFacts, route: Route | None, rules: AccessRules) -> bool:
    """A listed user's program on a dialect route; a request with a browser's marks never counts as one."""
    marks = facts.one("origin") is not None or facts.one("sec-fetch-site") is not None
    return not marks and route is not None and route.kind is RouteKind.DIALECT and facts.peer_uid in rules.keyless_uids


def bearer_of(facts: RequestFacts) -> str | None:
    """The presented token. The scheme is case-insensitive (RFC 9110 section 11.1); nothing else is a credential."""
    scheme, _, token = (facts.one("authorization") or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _scope(facts: RequestFacts, route: Route, rules: AccessRules, caller: Caller) -> Caller | Refusal:
    """Rule 10: does the identity reach this handler?"""
    match route.kind:
        case RouteKind.PUBLIC:
            return caller
        case RouteKind.PANEL_PUBLIC:
            ours = facts.listener is Listener.TCP and facts.one("origin") is not None
            return caller if ours else Refusal("origin_refused")
        case RouteKind.LOCAL:
            return caller if facts.listener is Listener.UNIX else Refusal("not_found")
        case RouteKind.METRICS:
            return caller if METRICS in caller.scopes or _administrator(facts, rules) else Refusal("scope_missing")
        case RouteKind.DIALECT | RouteKind.PANEL:
            return caller if USE in caller.scopes else Refusal("scope_missing")


def _administrator(facts: RequestFacts, rules: AccessRules) -> bool:
    administrators: Iterable[int | None] = (0, rules.own_uid)
    return facts.listener is Listener.UNIX and facts.peer_uid in administrators
