"""Management of tokens: everybody their own, root all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.access import AccessRules
from proxy.clients import Clients
from proxy.dialects.fields import Fields
from proxy.errors import CordonError
from proxy.manage import Managed, manage

ID = "abcdefghijklmnopabcdefghijklmnop"
ORIGIN = f"chrome-extension://{ID}"
FIREFOX = "moz-extension://01234567-89ab-cdef-0123-456789abcdef"
RULES = AccessRules(8642, frozenset({ID}))


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    return Clients(tmp_path / "access" / "clients.json")


def _do(clients: Clients, asker: int, /, **wish: object) -> Managed:
    return manage(Fields(wish), uid=asker, clients=clients, rules=RULES, now_s=1_800_000_000)


def _body(done: Managed) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(done.body)
    return loaded


def test_own_tokens(clients: Clients) -> None:
    made = _body(_do(clients, 1000, op="add", label="script"))
    assert made["scopes"] == ["use"]
    assert made["expires"] == 1_800_000_000 + 90 * 86_400
    found = clients.match(str(made["token"]))
    assert found is not None
    assert found.uid == 1000
    listed = _do(clients, 1000, op="list")
    assert str(made["token"]).encode() not in listed.body
    assert b"sha256" not in listed.body
    assert b"proof_key" not in listed.body
    assert _body(_do(clients, 1001, op="list")) == {"clients": []}
    assert _do(clients, 1001, op="revoke", kid=made["kid"]) == Managed(b'{"revoked":0}')
    assert _do(clients, 1000, op="revoke", kid=made["kid"]).ended == {made["kid"]}


@pytest.mark.parametrize("origin", [ORIGIN, FIREFOX])
def test_a_managed_panel_gets_a_token_of_its_origin(clients: Clients, origin: str) -> None:
    made = _body(_do(clients, 1000, op="panel", origin=origin))
    found = clients.match(str(made["token"]))
    assert found is not None
    assert (found.kind, found.origin, found.uid) == ("extension", origin, 1000)
    assert made["expires"] == 1_800_000_000 + 43_200


@pytest.mark.parametrize(
    "origin", ["", "null", ORIGIN[:-1] + "a", ORIGIN + "/", FIREFOX + "0", "https://evil.test", ORIGIN.upper()]
)
def test_only_an_extension_s_origin_gets_one(clients: Clients, origin: str) -> None:
    with pytest.raises(CordonError, match="origin_refused"):
        _do(clients, 1000, op="panel", origin=origin)
    assert clients.entries == ()


def test_root_manages_all(clients: Clients) -> None:
    _do(clients, 0, op="add", label="for another", uid=1000, scopes=["metrics"], days=3)
    _do(clients, 1001, op="add", label="own", uid=1001)
    assert len(_body(_do(clients, 0, op="list"))["clients"]) == 2  # type: ignore[arg-type] # JSON of a test
    assert len(_do(clients, 0, op="revoke", kid="all").ended) == 2


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"op": "add", "label": "x", "uid": 1001}, "scope_missing"),
        ({"op": "add"}, "bad_request"),
        ({"op": "add", "label": ""}, "bad_request"),
        ({"op": "add", "label": "x", "scopes": ["god"]}, "bad_request"),
        ({"op": "add", "label": "x", "days": 1000}, "bad_request"),
        ({"op": "revoke"}, "bad_request"),
        ({"op": "pair"}, "bad_request"),
        ({}, "bad_request"),
    ],
)
def test_refusals(clients: Clients, wish: dict[str, object], code: str) -> None:
    with pytest.raises(CordonError, match=code):
        _do(clients, 1000, **wish)
    assert clients.entries == ()
