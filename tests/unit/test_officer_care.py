"""`cordon officer drill | retire-month`: keys that open on the day they are needed, and keys that never open again."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from audit.officer import new_keyring, seal_keyring, with_months
from audit.seal import Identity
from proxy.cli.officer_care import DRILL, days_since_drill
from proxy.cli.officer_keys import open_identity, read_keyring
from tests.kit.audit_house import quick_folder
from tests.kit.commands import Ran, cordon, write_officer

folder = pytest.fixture(quick_folder)


@pytest.fixture
def keys(folder: Path) -> Path:
    identities = {name: Identity(secrets.token_bytes(32)) for name in ("nimali", "ruwan")}
    ring = new_keyring("hospital.example", [i.recipient() for i in identities.values()], secrets.token_bytes)
    ring = with_months(ring, ("202001", "202002", "209912"), secrets.token_bytes)
    return write_officer(folder / "keys", ring, identities)


def drill(keys: Path, *more: object) -> Ran:
    return cordon("officer", "drill", "--dir", keys, *more)


def test_a_drill_opens_with_each_identity_and_is_noted(keys: Path) -> None:
    assert days_since_drill(keys, 0) is None
    ran = drill(keys)
    assert ran.status == 0, ran.err
    assert "nimali.identity.age" in ran.out
    assert "ruwan.identity.age" in ran.out
    assert "2020-01 to 2099-12" in ran.out
    at = json.loads((keys / DRILL).read_text())["at"]
    assert days_since_drill(keys, at + 181 * 86_400) == 181
    assert json.loads(drill(keys, "--json").out)["recipients"] == 2


def test_an_identity_that_does_not_open_fails_the_drill(keys: Path) -> None:
    (keys / "ruwan.identity.age").write_text(Identity(secrets.token_bytes(32)).secret() + "\n")
    ran = drill(keys)
    assert (ran.status, "would not help you" in ran.err) == (1, True)
    assert not (keys / DRILL).exists()


def test_one_identity_is_no_drill(keys: Path) -> None:
    assert drill(keys, "--identity", keys / "nimali.identity.age").status == 64


def retire(keys: Path, month: str, *more: object) -> Ran:
    words = ("--dir", keys, "--month", month, "--identity", keys / "nimali.identity.age")
    return cordon("officer", "retire-month", *words, *more)


def test_a_month_is_gone_from_the_keyring_and_old_copies_are_named(keys: Path) -> None:
    (keys / "keyring.age.bak").write_bytes((keys / "keyring.age").read_bytes())
    ran = retire(keys, "2020-01", "--yes")
    assert ran.status == 0, ran.err
    assert "keyring.age.bak" in ran.out
    ring = read_keyring(keys / "keyring.age", [open_identity(keys / "ruwan.identity.age", lambda _: "")])
    assert [month for month, _ in ring.months] == ["202002", "209912"]
    assert len(ring.recipients) == 2
    assert retire(keys, "2020-01", "--yes").status == 2  # there is nothing left to destroy


def test_nothing_is_destroyed_without_a_yes_or_in_its_time(keys: Path) -> None:
    before = (keys / "keyring.age").read_bytes()
    assert retire(keys, "2020-01").status == 1
    assert retire(keys, "2099-12", "--yes").status == 2
    assert retire(keys, "2020-1", "--yes").status == 64
    assert (keys / "keyring.age").read_bytes() == before


def test_a_keyring_with_one_recipient_is_refused_as_ever(keys: Path) -> None:
    alone = Identity(secrets.token_bytes(32))
    ring = new_keyring("hospital.example", [alone.recipient()], secrets.token_bytes)
    ring = with_months(ring, ("202001",), secrets.token_bytes)
    (keys / "keyring.age").write_bytes(seal_keyring(ring, secrets.token_bytes, "same-machine"))
    (keys / "nimali.identity.age").write_text(alone.secret() + "\n")
    ran = retire(keys, "2020-01", "--yes")
    assert (ran.status, "second recipient" in ran.err) == (2, True)
