"""The native messaging host: one message in, a token of the right Origin out, and nothing for anybody else."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.access import AccessRules
from proxy.cli.panel_host import origin_of
from tests.kit.gateway import running

ID = "abcdefghijklmnopabcdefghijklmnop"
ORIGIN = f"chrome-extension://{ID}"
FIREFOX = "moz-extension://01234567-89ab-cdef-0123-456789abcdef"
ASK = {"op": "token"}


def framed(message: object) -> bytes:
    raw = json.dumps(message).encode()
    return struct.pack("=I", len(raw)) + raw


def host(api: Path, *arguments: str, stdin: bytes) -> tuple[int, dict[str, object] | None]:
    """Start the program as a browser does."""
    words = [sys.executable, "-I", "-m", "proxy.cli.panel_host", "--socket", str(api), *arguments]
    done = subprocess.run(words, input=stdin, capture_output=True, timeout=30, check=False)
    if not done.stdout:
        return done.returncode, None
    length = struct.unpack("=I", done.stdout[:4])[0]
    assert len(done.stdout) == 4 + length
    return done.returncode, json.loads(done.stdout[4:])


async def test_the_panel_that_the_browser_names_gets_its_token(tmp_path: Path) -> None:
    async with running(tmp_path, rules=AccessRules(0, frozenset({ID}), frozenset(), os.getuid())) as house:
        status, reply = await asyncio.to_thread(host, house.api, ORIGIN + "/", stdin=framed(ASK))
        lied = {**ASK, "origin": FIREFOX}
        _, second = await asyncio.to_thread(host, house.api, ORIGIN + "/", stdin=framed(lied))
        _, stranger = await asyncio.to_thread(host, house.api, "chrome-extension://" + "b" * 32, stdin=framed(ASK))
        clients = house.gateway.clients
        found = [clients.match(str((r or {}).get("token", ""))) for r in (reply, second, stranger)]
    assert status == 0
    assert [f.origin if f else None for f in found] == [ORIGIN, ORIGIN, None]
    assert set(reply or {}) == {"token", "kid", "expires"}
    assert stranger == {"error": "not_ready"}


@pytest.mark.parametrize(
    "stdin", [b"", b"\x00", struct.pack("=I", 0), struct.pack("=I", 1 << 20) + b"{}", struct.pack("=I", 3) + b"{{{"]
)
def test_what_is_no_message_is_not_answered(tmp_path: Path, stdin: bytes) -> None:
    assert host(tmp_path / "api.sock", ORIGIN, stdin=stdin) == (2, None)


@pytest.mark.parametrize("message", [[], "token", {}, {"op": "revoke"}, {"op": ["token"]}])
def test_it_does_one_thing(tmp_path: Path, message: object) -> None:
    assert host(tmp_path / "api.sock", ORIGIN, stdin=framed(message)) == (0, {"error": "bad_request"})


def test_without_a_service_it_says_so(tmp_path: Path) -> None:
    assert host(tmp_path / "api.sock", ORIGIN, stdin=framed(ASK)) == (0, {"error": "not_ready"})


@pytest.mark.parametrize(
    ("arguments", "message", "origin"),
    [
        ([ORIGIN + "/"], {}, ORIGIN),
        ([ORIGIN], {"origin": FIREFOX}, ORIGIN),
        (["/usr/lib/mozilla/native-messaging-hosts/org.cordon.pair.json", "id"], {"origin": FIREFOX}, FIREFOX),
        (["/some/file", "id"], {"origin": ORIGIN}, None),  # in Firefox nobody is a Chromium extension
        (["/some/file", "id"], {}, None),
        ([], {"origin": "null"}, None),
        ([], {"origin": 7}, None),
    ],
)
def test_whose_origin_it_is(arguments: list[str], message: dict[str, object], origin: str | None) -> None:
    assert origin_of(arguments, message) == origin
