"""`cordon token` against a service that listens."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from proxy.__main__ import main
from tests.kit.gateway import Running, running


async def _run(house: Running, *words: str) -> int:
    return await asyncio.to_thread(main, ["token", *words, "--socket", str(house.api)])


async def test_a_life(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(tmp_path) as house:
        assert await _run(house, "create", "script", "--days", "2", "--scope", "use", "--scope", "metrics") == 0
        token = capsys.readouterr().out.strip()
        found = house.gateway.clients.match(token)
        assert found is not None
        assert found.scopes == {"use", "metrics"}
        assert await _run(house, "list") == 0
        table = capsys.readouterr().out
        assert found.kid in table
        assert token not in table
        assert await _run(house, "list", "--json") == 0
        assert {c["label"] for c in json.loads(capsys.readouterr().out)} == {"test", "script"}
        assert await _run(house, "revoke", found.kid) == 0
        assert await _run(house, "revoke", found.kid) == 1
        assert house.gateway.clients.match(token) is None


async def test_what_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(tmp_path) as house:
        assert await _run(house, "create", "x" * 61) == 2
        assert "wrong type or value" in capsys.readouterr().err


def test_no_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o700)
    assert main(["token", "list", "--socket", str(tmp_path / "api.sock")]) == 2
    assert "cordon serve" in capsys.readouterr().err


def test_a_directory_of_everybody_is_not_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    assert main(["token", "list", "--socket", str(folder / "api.sock")]) == 2
    assert "nothing was sent" in capsys.readouterr().err


def test_no_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "list", "--config", str(tmp_path / "none.toml")]) == 2
    assert "no settings file" in capsys.readouterr().err
