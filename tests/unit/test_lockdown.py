"""The seam between a child's command line and its lock: what was ordered is what holds, or the child says why not."""

from __future__ import annotations

import pytest

from tests.kit.locked_child import run_child, user_namespaces

_SEAM = """
import pathlib, tempfile
from proxy.workers.border import Arguments, Control
from proxy.workers.lockdown import Lockdown, lock_child

ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
control = Control(theirs.detach())
link, far = socket.socketpair()
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "mine").mkdir()
(folder / "other").mkdir()
(folder / "secret").write_text("x")
own = {own}
order = {{"own_namespaces": own, "write": [str(folder / "mine")], "read": []}}
descriptors = {{"control": control.socket.fileno(), "link.engine": link.fileno(), "out": 1, "err": 2}}

def tried(work):
    try:
        work()
        return "ok"
    except OSError as error:
        return error.__class__.__name__
"""


def seam() -> str:
    return _SEAM.format(own=user_namespaces())


def test_what_was_ordered_holds_and_is_told() -> None:
    got = run_child(
        seam(),
        """
        ours.close(); far.close()
        before = tried(lambda: (folder / "secret").read_text())
        locked = lock_child(Role.GATEWAY, Arguments(descriptors, json.dumps(order), "{}"), control)
        facts = json.loads(locked.facts())
        answer({
            "before": before,
            "keys": sorted(facts),
            "role": facts["proc"]["role"],
            "writable": [p["path"] for p in facts["writable"]] == [str(folder / "mine")],
            "peers": sorted(u["peer"] for u in facts["proc"]["fds"]["unix"]),
            "unexpected": facts["proc"]["fds"]["unexpected"],
            "seccomp": facts["proc"]["seccomp"],
            "mine": tried(lambda: (folder / "mine" / "a").write_text("x")),
            "other": tried(lambda: (folder / "other" / "a").write_text("x")),
            "secret": tried(lambda: (folder / "secret").read_text()),
        })
        """,
    )
    assert isinstance(got, dict)
    assert got["keys"] == ["core", "lo", "proc", "reasons", "writable"]
    assert (got["before"], got["role"], got["seccomp"], got["writable"]) == ("ok", "gateway", 2, True)
    assert got["peers"] == ["engine", "supervisor"]
    assert got["unexpected"] == []
    assert (got["mine"], got["other"], got["secret"]) == ("ok", "PermissionError", "PermissionError")


@pytest.mark.parametrize(
    ("name", "peer"), [("control", "supervisor"), ("link", "gateway"), ("link.http", "engine"), ("diag", "")]
)
def test_the_other_end_of_a_descriptor_is_known_by_its_name(name: str, peer: str) -> None:
    got = run_child(f"from proxy.workers.lockdown import _peer\nanswer(_peer({name!r}))\n")
    assert got == peer


def test_a_child_that_cannot_be_locked_says_the_code_and_has_nothing() -> None:
    """A kernel that refuses the seccomp filter: refused by a filter that was there before."""
    got = run_child(
        seam(),
        """
        order["own_namespaces"] = False
        descriptors["ours"] = ours.fileno()
        refuse_beforehand(("seccomp", 1))
        locked = lock_child(Role.ANALYST, Arguments(descriptors, json.dumps(order), "{}"), control)
        ours.settimeout(5)
        answer([locked is None, json.loads(ours.recv(4096))])
        """,
    )
    assert isinstance(got, list)
    assert got[0] is True
    assert list(got[1]) == ["failed"]
    assert got[1]["failed"].startswith("lock:")


def test_only_the_engine_has_a_seal() -> None:
    got = run_child(
        seam(),
        """
        locked = lock_child(Role.ANALYST, Arguments(descriptors, json.dumps(order), "{}"), control)
        try:
            locked.seal()
        except LockError as error:
            answer(error.code)
        """,
    )
    assert got == "seal-role"
