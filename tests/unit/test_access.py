"""`admit` in rows and in properties: total, deterministic, and nothing missing ever opens a door."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access import (
    METRICS,
    OWN_EXTENSION,
    SECURITY_HEADERS,
    USE,
    AccessRules,
    Client,
    Listener,
    Refusal,
    RequestFacts,
    Route,
    RouteKind,
    admit,
    bearer_of,
)
from proxy.errors import ERRORS
from proxy.exchange import Caller, CallerKind

NOW = 1_800_000_000
ID = "a" * 32
ORIGIN = f"chrome-extension://{ID}"
FIREFOX = "moz-extension://01234567-89ab-cdef-0123-456789abcdef"
RULES = AccessRules(8642, frozenset({ID}), frozenset({1003}))
OWN = replace(RULES, own_uid=1000)
CHAT = Route("chat", RouteKind.DIALECT, frozenset({"POST"}))
LIST = Route("models", RouteKind.DIALECT, frozenset({"GET"}))
HEALTH = Route("healthz", RouteKind.PUBLIC, frozenset({"GET"}))
METER = Route("metrics", RouteKind.METRICS, frozenset({"GET"}))
PANEL = Route("preview", RouteKind.PANEL, frozenset({"POST"}))
HELLO = Route("hello", RouteKind.PANEL_PUBLIC, frozenset({"POST"}))
LOCAL = Route("clients", RouteKind.LOCAL, frozenset({"POST"}))
ROUTES = (CHAT, LIST, HEALTH, METER, PANEL, HELLO, LOCAL, None)


@dataclass(slots=True)
class Book:
    """A registry with a few tokens; counts how often it was asked."""

    asked: list[str] = field(default_factory=list)
    pairing: bool = False

    def knows_origin(self, uid: int, origin: str, *, pairing: bool) -> bool:
        return uid == 1000 and (origin == FIREFOX or (pairing and self.pairing))

    def match(self, presented: str) -> Client | None:
        self.asked.append(presented)
        use, metrics = frozenset({USE}), frozenset({METRICS})
        entries = {
            "good": Client("k1", 1000, CallerKind.TOKEN, "", use, "script", NOW + 1),
            "late": Client("k2", 1000, CallerKind.TOKEN, "", use, "old", NOW),
            "other": Client("k3", 1001, CallerKind.TOKEN, "", use, "theirs", NOW + 1),
            "panel": Client("k4", 1000, CallerKind.EXTENSION, ORIGIN, use, "panel", NOW + 1),
            "meter": Client("k5", 1000, CallerKind.TOKEN, "", metrics, "meter", NOW + 1),
        }
        return entries.get(presented)


def _post(token: str | None = "good", **headers: str) -> RequestFacts:
    given_headers = {"host": "127.0.0.1:8642", "content-type": "application/json"}
    given_headers |= {"authorization": f"Bearer {token}"} if token else {}
    given_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestFacts(Listener.TCP, "POST", "/v1/chat/completions", tuple(given_headers.items()), 1000)


def _get(token: str | None = "good", **headers: str) -> RequestFacts:
    facts = _post(token, **headers)
    kept = tuple(h for h in facts.headers if h[0] != "content-type")
    return replace(facts, method="GET", headers=kept)


def _unix(facts: RequestFacts, uid: int = 1000) -> RequestFacts:
    return replace(facts, listener=Listener.UNIX, peer_uid=uid)


def _code(facts: RequestFacts, route: Route | None = CHAT, rules: AccessRules = RULES) -> str:
    got = admit(facts, route, clients=Book(), rules=rules, now_s=NOW)
    return got.code if isinstance(got, Refusal) else "ok"


@pytest.mark.parametrize(
    ("facts", "route", "code"),
    [
        (_post(), CHAT, "ok"),
        (_get(), LIST, "ok"),
        (replace(_get(), method="HEAD"), LIST, "ok"),
        (_get(None), HEALTH, "ok"),
        (_post(host="localhost:8642"), CHAT, "ok"),
        (_post(host="[::1]:8642"), CHAT, "ok"),
        (_post(None), CHAT, "token_missing"),
        (_post("bad"), CHAT, "token_unknown"),
        (_post("late"), CHAT, "token_expired"),
        (_post("other"), CHAT, "token_other_user"),
        (_post("panel"), CHAT, "token_other_origin"),
        (_post("meter"), CHAT, "scope_missing"),
        (_get("meter"), METER, "ok"),
        (_get(), METER, "scope_missing"),
        (_post(origin="null"), CHAT, "origin_refused"),
        (_post(origin=ORIGIN), CHAT, "origin_refused"),
        (_post("panel", origin=ORIGIN), PANEL, "ok"),
        (_post(origin=ORIGIN), PANEL, "token_other_origin"),
        (_post("panel"), PANEL, "token_other_origin"),
        (_post("panel", origin=ORIGIN + "b"), PANEL, "origin_refused"),
        (_post("panel", origin=ORIGIN.upper()), PANEL, "origin_refused"),
        (_post(None, origin=ORIGIN), HELLO, "ok"),
        (_post(None), HELLO, "origin_refused"),
        (_post(sec_fetch_site="none"), CHAT, "browser_refused"),
        (_post(host="localhost:8642", sec_fetch_site="none"), CHAT, "wrong_host"),
        (_post(host="localhost:8642", origin=ORIGIN), PANEL, "wrong_host"),
        (_post(host="evil.test"), CHAT, "wrong_host"),
        (replace(_post(), peer_uid=None), CHAT, "peer_unknown"),
        (replace(_post(origin="null"), peer_uid=None), CHAT, "peer_unknown"),
        (_get(), CHAT, "method_not_allowed"),
        (replace(_post(), method="OPTIONS"), CHAT, "method_not_allowed"),
        (replace(_post(), method="put"), CHAT, "method_not_allowed"),
        (_post(content_type="text/plain"), CHAT, "content_type"),
        (_post(content_encoding="gzip"), CHAT, "content_type"),
        (_post(), None, "not_found"),
        (_post(None), None, "token_missing"),
        (_post(), LOCAL, "not_found"),
        (replace(_post(), target="//v1"), CHAT, "bad_target"),
        (replace(_post(), target="http://127.0.0.1/v1"), CHAT, "bad_target"),
        (replace(_post(), target=""), CHAT, "bad_target"),
    ],
)
def test_rows(facts: RequestFacts, route: Route | None, code: str) -> None:
    assert _code(facts, route) == code


@pytest.mark.parametrize(
    ("facts", "route", "code"),
    [
        (_unix(_post(None)), CHAT, "ok"),
        (_unix(_post("bad")), CHAT, "ok"),
        (_unix(_post(None, host="anything")), CHAT, "ok"),
        (_unix(_post(None, origin=ORIGIN)), PANEL, "origin_refused"),
        (_unix(_post(None, sec_fetch_site="none")), CHAT, "browser_refused"),
        (_unix(_post(None)), LOCAL, "ok"),
        (_unix(_post(None)), HELLO, "origin_refused"),
        (_unix(_get(None)), METER, "scope_missing"),
        (_unix(_get(None), 0), METER, "ok"),
    ],
)
def test_rows_of_the_unix_socket(facts: RequestFacts, route: Route | None, code: str) -> None:
    assert _code(facts, route) == code


def test_unix_needs_one_host() -> None:
    facts = _unix(_post(None))
    assert _code(replace(facts, headers=facts.headers[1:])) == "wrong_host"


@pytest.mark.parametrize("name", SECURITY_HEADERS)
def test_a_security_header_stands_once(name: str) -> None:
    facts = _post()
    assert _code(replace(facts, headers=(*facts.headers, (name, "a"), (name, "a")))) == "duplicate_header"


def test_the_caller_is_who_the_token_says() -> None:
    got = admit(_post(), CHAT, clients=Book(), rules=RULES, now_s=NOW)
    assert got == Caller(1000, CallerKind.TOKEN, "k1", "script", frozenset({USE}))
    assert isinstance(got, Caller)
    assert got.id == "uid:1000/k1"


def test_an_origin_made_at_installation_is_known_by_its_token_or_while_its_user_pairs() -> None:
    book = Book()

    def code(route: Route, origin: str, uid: int = 1000) -> str:
        facts = replace(_post(None, origin=origin), peer_uid=uid)
        got = admit(facts, route, clients=book, rules=RULES, now_s=NOW)
        return got.code if isinstance(got, Refusal) else "ok"

    other = FIREFOX.replace("0", "1")
    assert code(HELLO, FIREFOX) == "ok"
    assert code(PANEL, FIREFOX) == "token_missing"
    assert code(CHAT, FIREFOX) == "origin_refused"
    assert code(HELLO, FIREFOX, 1001) == code(PANEL, FIREFOX, 1001) == "origin_refused"
    assert code(HELLO, other) == "origin_refused"
    book.pairing = True
    assert code(HELLO, other) == "ok"
    assert code(PANEL, other) == "origin_refused"


def test_keyless_users_get_only_the_dialects() -> None:
    keyless = replace(_post(None), peer_uid=1003)
    assert _code(keyless) == "ok"
    assert _code(keyless, PANEL) == "token_missing"
    assert _code(keyless, METER) == "method_not_allowed"
    assert _code(replace(_get(None), peer_uid=1003), METER) == "token_missing"
    assert _code(replace(_post("bad"), peer_uid=1003)) == "token_unknown"
    assert _code(replace(_post(None), peer_uid=1004)) == "token_missing"


def test_in_user_mode_others_need_their_own_token() -> None:
    assert _code(_post(), CHAT, OWN) == "ok"
    assert _code(_post(None), CHAT, OWN) == "token_missing"
    stranger = replace(_post(None), peer_uid=1001)
    assert _code(stranger, CHAT, OWN) == "peer_other_user"
    assert _code(stranger, None, OWN) == "peer_other_user"
    assert _code(replace(_post("other"), peer_uid=1001), CHAT, OWN) == "ok"
    assert _code(replace(_post("good"), peer_uid=1001), CHAT, OWN) == "token_other_user"
    assert _code(_unix(_get(None)), METER, OWN) == "ok"


def test_bearer() -> None:
    assert bearer_of(_post("x y")) == "x y"
    for value in ("Basic abc", "Bearer", "Bearer  ", "abc", "Token abc"):
        assert bearer_of(_post(None, authorization=value)) is None
    assert bearer_of(_post(None, authorization="bEARER abc")) == "abc"


_values = st.one_of(
    st.sampled_from(
        ["127.0.0.1:8642", "application/json", "Bearer good", "Bearer panel", ORIGIN, "none", "null", "evil"]
    ),
    st.text(max_size=20),
)
_facts = st.builds(
    RequestFacts,
    listener=st.sampled_from(Listener),
    method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "PUT", "x"]),
    target=st.one_of(st.sampled_from(["/", "/v1/models", "//x", "*", ""]), st.text(max_size=10)),
    headers=st.lists(st.tuples(st.sampled_from(SECURITY_HEADERS), _values), max_size=8).map(tuple),
    peer_uid=st.sampled_from([None, 0, 1000, 1001, 1003]),
)
_near = st.builds(
    _post, token=st.sampled_from(["good", "panel", "bad", None]), origin=st.sampled_from([ORIGIN, "null"])
)
_any = st.one_of(_facts, _near, st.sampled_from([_post(), _get(), _unix(_post(None))]))
_routes = st.sampled_from(ROUTES)


@given(_any, _routes)
def test_total_and_deterministic(facts: RequestFacts, route: Route | None) -> None:
    first = admit(facts, route, clients=Book(), rules=RULES, now_s=NOW)
    assert first == admit(facts, route, clients=Book(), rules=RULES, now_s=NOW)
    assert isinstance(first, Caller) or first.code in ERRORS


@given(_any, st.sampled_from([CHAT, PANEL]))
def test_an_admitted_request_over_tcp_has_every_fact(facts: RequestFacts, route: Route) -> None:
    if _code(facts, route) != "ok" or facts.listener is Listener.UNIX:
        return
    assert facts.peer_uid == 1000 or (facts.peer_uid == 1003 and route is CHAT)
    assert (facts.one("host") or "").endswith(":8642")
    if facts.peer_uid == 1000:
        assert facts.one("authorization") is not None


@given(_any, _routes, st.integers(0, 8))
def test_taking_a_required_fact_away_never_admits(facts: RequestFacts, route: Route | None, drop: int) -> None:
    """Host, content type, token and peer are required; taking one away turns no refusal into admission."""
    required = {"host", "content-type"} | ({"authorization"} if facts.peer_uid != 1003 else set())
    headers = facts.headers
    if drop >= len(headers):
        less = replace(facts, peer_uid=None)
    elif headers[drop][0] in required and sum(h[0] == headers[drop][0] for h in headers) == 1:
        less = replace(facts, headers=headers[:drop] + headers[drop + 1 :])
    else:
        return
    if _code(facts, route) != "ok":
        assert _code(less, route) != "ok" or headers[drop][0] == "authorization"


@given(_facts)
def test_the_target_decides_nothing_but_its_form(facts: RequestFacts) -> None:
    assert _code(replace(facts, target="/a"), CHAT) == _code(replace(facts, target="/healthz"), CHAT)


def test_our_own_extension_is_the_one_of_the_manifest() -> None:
    """A Chromium id is the first half of SHA-256 of the public key, its hex digits written as a to p."""
    manifest = json.loads((Path(__file__).parents[2] / "extension" / "manifest.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(base64.b64decode(manifest["key"])).hexdigest()[:32]
    assert "".join(chr(ord("a") + int(digit, 16)) for digit in digest) == OWN_EXTENSION
