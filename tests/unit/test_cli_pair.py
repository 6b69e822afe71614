"""`cordon pair` against the real server: digits, port, and how it ends. `cli/api.py` trusts one socket only."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from proxy.__main__ import main
from proxy.access import AccessRules
from proxy.cli import api, pair
from proxy.cli.api import ask_service
from proxy.cli.pair import foreign_listener
from proxy.exchange import Event, Exchange, Prompt, Refused
from tests.kit.gateway import Running, running

ID = "abcdefghijklmnopabcdefghijklmnop"


async def _nothing(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
    del exchange, prompt
    yield Refused("not_ready")


async def pair_with(folder: Path, capsys: pytest.CaptureFixture[str], code_of) -> tuple[int, list[str]]:
    """Run the command beside a panel that types what `code_of` makes of the digits; status and printed lines."""
    async with running(folder, _nothing, rules=AccessRules(0, frozenset({ID}), frozenset(), os.getuid())) as house:
        words = ["pair", "--json", "--socket", str(house.api)]
        command = asyncio.ensure_future(asyncio.to_thread(main, words))
        lines: list[str] = []
        while not lines:
            await asyncio.sleep(0.02)
            lines += capsys.readouterr().out.splitlines()
        await _type(house, code_of(json.loads(lines[0])["code"]))
        status = await command
        return status, lines + capsys.readouterr().out.splitlines()


async def _type(house: Running, codes: list[str]) -> None:
    base, headers = f"http://127.0.0.1:{house.port}", {"Origin": f"chrome-extension://{ID}"}
    async with httpx.AsyncClient(base_url=base, headers=headers) as browser:
        for code in codes:
            await browser.post("/cordon/v1/pair", json={"code": code})


async def test_the_panel_that_types_the_digits_is_paired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = await pair_with(tmp_path, capsys, lambda code: [code])
    assert status == 0
    ended = json.loads(lines[1])
    assert (ended["state"], ended["browser"]) == ("paired", "a browser")


async def test_somebody_who_guesses_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = await pair_with(tmp_path, capsys, lambda code: [code[::-1] + "0"] * 5)
    assert status == 1
    assert json.loads(lines[1]) == {"state": "guessed"}


async def test_for_a_person_there_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, _nothing, rules=AccessRules(0, frozenset({ID}), frozenset(), os.getuid())) as house:
        monkeypatch.setattr("proxy.pairing.LIFE_S", 1)
        monkeypatch.setattr("proxy.panel.LIFE_S", 1)
        status = await asyncio.to_thread(main, ["pair", "--socket", str(house.api)])
    shown = capsys.readouterr()
    assert status == 1
    assert "Type these digits into the Cordon panel" in shown.out
    assert "two minutes are over" in shown.err


def test_a_listener_of_another_user_is_found_on_either_family() -> None:
    def look(owners: dict[int, int | None]):
        return lambda family, _port: owners.get(family)

    trusted = frozenset({0, 1000})
    assert foreign_listener(8642, trusted, look({socket.AF_INET: 1000, socket.AF_INET6: 0})) is None
    assert foreign_listener(8642, trusted, look({socket.AF_INET: 1000, socket.AF_INET6: 1001})) == 1001
    assert foreign_listener(8642, trusted, look({socket.AF_INET: 1001})) == 1001
    assert foreign_listener(8642, trusted, look({})) is None


async def test_a_port_of_another_user_stops_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair, "foreign_listener", lambda *_: 4711)
    async with running(tmp_path, _nothing) as house:
        status = await asyncio.to_thread(main, ["pair", "--socket", str(house.api)])
    shown = capsys.readouterr()
    assert (status, shown.out) == (2, "")
    assert "another user's program (uid 4711). Do not pair." in shown.err


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o702])
async def test_a_socket_others_could_have_put_there_is_not_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: int
) -> None:
    async with running(tmp_path, _nothing) as house:
        house.api.parent.chmod(mode)
        assert await asyncio.to_thread(main, ["pair", "--socket", str(house.api)]) == 2
        house.api.parent.chmod(0o700)
    assert "could be written by others" in capsys.readouterr().err


async def test_a_listener_of_another_account_is_not_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "unix_peer", lambda _: 4711)
    async with running(tmp_path, _nothing) as house:
        args = argparse.Namespace(socket=house.api, config=None)
        assert await asyncio.to_thread(ask_service, args, "/cordon/v1/clients", {"op": "list"}) is None
    assert "another user (uid 4711)" in capsys.readouterr().err


def test_without_a_service_there_is_a_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pair", "--socket", str(tmp_path / "api.sock")]) == 2
    assert "is `cordon serve` running?" in capsys.readouterr().err
