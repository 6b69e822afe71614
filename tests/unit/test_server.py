"""The application as a whole: its routes, its settings, and what it refuses while it stops."""

from __future__ import annotations

import os
from pathlib import Path

import aiohttp.http_parser
import httpx
import pytest

from proxy.exchange import CallerKind
from proxy.server import make_runner, verify_parser
from tests.kit.gateway import MODEL, running

BODY = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}


def test_the_c_parser_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    verify_parser()
    monkeypatch.setattr("proxy.server.HttpRequestParser", aiohttp.http_parser.HttpRequestParserPy)
    with pytest.raises(RuntimeError, match="C parser"):
        verify_parser()


async def test_every_route_is_known_and_only_those_of_the_manual(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        app = house.app
    paths = {route.resource.canonical for route in app.router.routes() if route.resource is not None}
    manual = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    listed = {word.strip("`,").replace("{id}", "{name}") for line in manual.splitlines() if line.startswith("| `/")
              for word in line.split("|")[1].split()}  # fmt: skip
    assert paths == listed


async def test_runner_settings(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        runner = make_runner(house.app)
        kept = runner._kwargs
    assert kept["access_log"] is None
    assert (kept["keepalive_timeout"], kept["max_line_size"], kept["max_field_size"], kept["max_headers"]) == (
        15,
        2048,
        4096,
        48,
    )
    assert (kept["lingering_time"], kept["handler_cancellation"], kept["auto_decompress"]) == (2, True, False)
    assert house.app._client_max_size == 1 << 20


async def test_the_caller_reaches_the_journey(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        headers = {"Authorization": f"Bearer {house.token}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.port}", headers=headers) as client:
            reply = await client.post("/v1/chat/completions", json=BODY)
            shown = await client.post("/cordon/v1/preview", json=BODY)
    exchange, _ = house.gateway.seen[0]
    assert exchange.id == reply.headers["x-request-id"]
    assert (exchange.caller.uid, exchange.caller.kind, exchange.caller.label) == (os.getuid(), CallerKind.TOKEN, "test")
    assert exchange.dialect == "openai"
    assert shown.json()["messages"][0]["parts"] == [{"text": "hello"}]
