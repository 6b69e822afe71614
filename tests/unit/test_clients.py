"""The token registry: what is on disk, who is found, and that a broken file stops instead of opening."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest

from proxy.clients import DAY_S, Clients, NewClient, RegistryError, proof_key_of
from proxy.exchange import CallerKind

NOW = 1_800_000_000.5


def _path(folder: Path) -> Path:
    return folder / "access" / "clients.json"


def _new(label: str = "script", uid: int = 1000, days: float = 1) -> NewClient:
    return NewClient(label, uid, days)


def test_a_token_is_found_again_and_is_not_in_the_file(tmp_path: Path) -> None:
    clients = Clients(_path(tmp_path))
    token = clients.add(_new(), now_s=NOW)
    raw = _path(tmp_path).read_text()
    assert len(token) == 50
    assert token not in raw
    assert token[7:] not in raw
    for registry in (clients, Clients(_path(tmp_path))):
        found = registry.match(token)
        assert found is not None
        assert (found.uid, found.label, found.expires_s) == (1000, "script", int(NOW) + DAY_S)
        assert found.kid == hashlib.sha256(token.encode()).hexdigest()[:16]
        assert registry.match(token[:-1]) is None
        assert registry.match("\udcff") is None
    assert stat.S_IMODE(_path(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(_path(tmp_path).parent.stat().st_mode) == 0o700


def test_the_vector_of_the_server_proof() -> None:
    token = "cordon_" + "A" * 43
    assert hashlib.sha256(token.encode()).hexdigest()[:16] == "93719bf5bdc7b928"
    assert proof_key_of(token).hex() == "abb23e0cc883c6abee6c2c56feb5351ddcd1e21751203250bf9b5f921ace3642"


def test_every_stored_hash_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = Clients(_path(tmp_path))
    tokens = [clients.add(_new(str(n)), now_s=NOW) for n in range(4)]
    compared: list[str] = []
    real = __import__("hmac").compare_digest

    def counting(stored: str, presented: str) -> bool:
        compared.append(stored)
        return bool(real(stored, presented))

    monkeypatch.setattr("proxy.clients.hmac.compare_digest", counting)
    assert clients.match(tokens[0]) is not None
    assert len(compared) == 4


def test_revoke_one_all_and_only_own(tmp_path: Path) -> None:
    clients = Clients(_path(tmp_path))
    mine, also, theirs = (clients.add(_new("a", uid), now_s=NOW) for uid in (1000, 1000, 1001))
    kid = clients.entries[0].kid
    assert clients.revoke(kid, uid=1001) == 0
    assert clients.revoke(kid, uid=1000) == 1
    assert clients.revoke(kid, uid=1000) == 0
    assert clients.match(mine) is None
    assert clients.match(also) is not None
    assert clients.revoke("all", uid=None) == 2
    assert clients.match(theirs) is None
    assert not clients.has_uid(1000)
    dead = Clients(_path(tmp_path)).entries[0]
    assert (dead.state, dead.sha256, dead.label, dead.scopes) == ("revoked", "", "", ())
    assert dead.proof_key
    assert clients.match("") is None  # a dead entry has an empty hash, and nothing hashes to that


def test_expiry(tmp_path: Path) -> None:
    clients = Clients(_path(tmp_path))
    clients.add(_new(days=1), now_s=NOW)
    assert clients.expire(now_s=NOW) == 0
    assert clients.expire(now_s=NOW + 2 * DAY_S) == 1
    assert clients.entries[0].state == "expired"
    assert clients.expire(now_s=NOW + 2 * DAY_S) == 0
    assert clients.expire(now_s=NOW + 40 * DAY_S) == 1
    assert clients.entries == ()


def test_every_change_tells_the_new_digest(tmp_path: Path) -> None:
    told: list[str] = []
    clients = Clients(_path(tmp_path), on_change=told.append)
    clients.add(_new(), now_s=NOW)
    clients.revoke("all", uid=None)
    assert len(set(told)) == 2
    assert told[-1] == clients.digest == hashlib.sha256(_path(tmp_path).read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "new",
    [
        NewClient("", 1, 1), NewClient("a" * 61, 1, 1), NewClient("a\nb", 1, 1), NewClient("a", 1, 0),
        NewClient("a", 1, 366),
        NewClient("a", 1, 1, scopes=frozenset()), NewClient("a", 1, 1, scopes=frozenset({"root"})),
    ],
)  # fmt: skip
def test_what_cannot_be_added(tmp_path: Path, new: NewClient) -> None:
    clients = Clients(_path(tmp_path))
    with pytest.raises(RegistryError):
        clients.add(new, now_s=NOW)
    assert clients.entries == ()


def test_at_most_64_per_user(tmp_path: Path) -> None:
    clients = Clients(_path(tmp_path))
    for n in range(64):
        clients.add(_new(str(n)), now_s=NOW)
    with pytest.raises(RegistryError, match="64"):
        clients.add(_new(), now_s=NOW)
    clients.add(_new(uid=7), now_s=NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[:-9],
        lambda raw: "[]",
        lambda raw: raw.replace('"version": 1', '"version": 2'),
        lambda raw: raw.replace('"uid": 1000', '"uid": "1000"'),
        lambda raw: raw.replace('"uid": 1000', '"uid": true'),
        lambda raw: raw.replace('"kind": "token"', '"kind": "god"'),
        lambda raw: raw.replace('"label": "script",', ""),
        lambda raw: raw.replace('"uid": 1000', '"uid": 1000, "extra": 1'),
    ],
)
def test_a_damaged_file_stops_the_start(tmp_path: Path, change: object) -> None:
    Clients(_path(tmp_path)).add(_new(), now_s=NOW)
    _path(tmp_path).write_text(change(_path(tmp_path).read_text()))  # type: ignore[operator] # parametrised
    with pytest.raises(RegistryError, match="make new tokens"):
        Clients(_path(tmp_path))


def test_unreadable_and_unwritable(tmp_path: Path) -> None:
    _path(tmp_path).mkdir(parents=True)
    with pytest.raises(RegistryError, match="cannot be read"):
        Clients(_path(tmp_path))
    clients = Clients(tmp_path / "file" / "clients.json")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RegistryError, match="cannot be written"):
        clients.add(_new(), now_s=NOW)
    assert clients.entries == ()  # what is not on disk did not happen


def test_kinds_survive_the_file(tmp_path: Path) -> None:
    clients = Clients(_path(tmp_path))
    origin = "chrome-extension://" + "a" * 32
    token = clients.add(NewClient("p", 5, 0.5, CallerKind.EXTENSION, frozenset({"use"}), origin), now_s=NOW)
    found = Clients(_path(tmp_path)).match(token)
    assert found is not None
    assert (found.kind, found.origin) == (CallerKind.EXTENSION, origin)
    assert json.loads(_path(tmp_path).read_text())["clients"][0]["remembered"] is False
