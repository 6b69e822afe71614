"""What callers and the world do in the middle of an answer; after each, the journey was closed."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from proxy.access import AccessRules
from proxy.asking import Limits
from proxy.clients import NewClient
from proxy.exchange import Caller, CallerKind, Event, Exchange, Finish, Finished, Opened, Prompt, Usage
from tests.kit.gateway import MODEL, Running, released, running, until

MARKER = "Zebulon-Quixote-7731"
BODY = {"model": MODEL, "messages": [{"role": "user", "content": MARKER}]}
EXTENSION = "a" * 32


async def endless(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
    """An answer without an end."""
    yield Opened(MODEL, ())
    while True:
        await asyncio.sleep(0)
        yield released("word " * 2000)


async def waiting(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
    """An answer that begins and then takes for ever."""
    yield Opened(MODEL, ())
    yield released("word")
    await asyncio.Event().wait()


async def mistaken(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
    """A journey with a mistake of ours in it."""
    yield Opened(MODEL, ())
    yield released("word")
    raise ValueError(MARKER)


async def unfinished(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
    """A journey that forgets its last event."""
    yield Opened(MODEL, ())
    yield released("word")


def _http(house: Running, token: str | None = None, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{house.port}",
        headers={"Authorization": f"Bearer {token or house.token}", **headers},
    )


def _local(house: Running) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url="http://cordon", transport=httpx.AsyncHTTPTransport(uds=str(house.api)))


async def _ask(client: httpx.AsyncClient, *, stream: bool = False) -> httpx.Response:
    return await client.post("/v1/chat/completions", json=BODY | {"stream": stream})


async def _settled(house: Running) -> dict[str, object]:
    """Wait until the journey was closed and its line written; return the line."""
    await until(lambda: house.gateway.closed.is_set() and house.journal.lines)
    return house.journal.lines[-1]


async def test_a_client_that_leaves_closes_the_journey(tmp_path: Path) -> None:
    async with running(tmp_path, endless) as house:
        async with (
            _http(house) as client,
            client.stream("POST", "/v1/chat/completions", json=BODY | {"stream": True}) as reply,
        ):
            async for _ in reply.aiter_bytes():
                break
        line = await _settled(house)
        assert (line["outcome"], house.control.answers.places) == ("cancelled", [])


async def test_a_client_that_leaves_while_nothing_is_written(tmp_path: Path) -> None:
    async with running(tmp_path, waiting) as house:
        async with _http(house) as client:
            with suppress(httpx.ReadTimeout):
                await client.post("/v1/chat/completions", json=BODY, timeout=0.3)
        assert (await _settled(house))["outcome"] == "cancelled"


async def test_a_client_that_never_reads_is_cut_off(tmp_path: Path) -> None:
    async with running(tmp_path, endless, limits=Limits(write_s=0.3)) as house:
        raw = json.dumps(BODY | {"stream": True}).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\n"
            f"Authorization: Bearer {house.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", house.port)) as sock:
            sock.sendall(head.encode() + raw)
            line = await _settled(house)
        assert (line["outcome"], line["code"]) == ("cancelled", "client_slow")


@pytest.mark.parametrize("journey", [mistaken, unfinished])
async def test_our_mistakes_are_an_error_event_without_an_end_mark(tmp_path: Path, journey: object) -> None:
    async with running(tmp_path, journey) as house, _http(house) as client:  # type: ignore[arg-type] # parametrised
        streamed = await _ask(client, stream=True)
        whole = await _ask(client)
        assert [line["outcome"] for line in house.journal.lines if line["event"] == "exchange"] == ["broken", "broken"]
        assert MARKER not in str(house.journal.lines)
    events = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: ")]
    assert "[DONE]" not in streamed.text
    assert events[-1]["error"]["code"] == "internal"
    assert events[-1]["error"]["request_id"] == streamed.headers["x-request-id"]
    assert whole.status_code == 500
    assert MARKER not in whole.text + streamed.text


async def test_stop_ends_open_answers_and_refuses_new_ones(tmp_path: Path) -> None:
    async with running(tmp_path, waiting) as house, _http(house) as client:
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(_ask(client, stream=stream)) for stream in (True, False)]
            await until(lambda: len(house.control.answers.places) == 2)
            house.control.stop()
        later, alive, ready = await _ask(client), await client.get("/healthz"), await client.get("/readyz")
    streamed, whole = (task.result() for task in asked)
    assert '"code":"stopping"' in streamed.text
    assert "[DONE]" not in streamed.text
    assert [whole.status_code, later.status_code, alive.status_code, ready.status_code] == [503, 503, 200, 503]
    assert later.json()["error"]["code"] == "stopping"
    assert int(later.headers["retry-after"]) >= 1


async def test_tokens_are_managed_on_the_unix_socket_and_revoking_ends_answers(tmp_path: Path) -> None:
    async with running(tmp_path, waiting) as house, _local(house) as local:
        made = (await local.post("/cordon/v1/clients", json={"op": "add", "label": "script", "days": 1})).json()
        assert made["token"].startswith("cordon_")
        async with _http(house, made["token"]) as client, asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(_ask(client, stream=True))
            await until(lambda: house.control.answers.places)
            gone = await local.post("/cordon/v1/clients", json={"op": "revoke", "kid": made["kid"]})
        async with _http(house, made["token"]) as client:
            after = await _ask(client)
        listed = (await local.post("/cordon/v1/clients", json={"op": "list"})).text
    assert gone.json() == {"revoked": 1}
    assert '"code":"token_unknown"' in asked.result().text
    assert (after.status_code, after.json()["error"]["code"]) == (401, "token_unknown")
    assert made["token"] not in listed
    assert '"state":"revoked"' in listed


async def test_an_extension_has_two_open_answers_at_most(tmp_path: Path) -> None:
    rules = AccessRules(0, frozenset({EXTENSION}), own_uid=os.getuid())
    async with running(tmp_path, waiting, rules=rules) as house:
        made = NewClient("panel", os.getuid(), 1, CallerKind.EXTENSION, origin=f"chrome-extension://{EXTENSION}")
        token = house.gateway.clients.add(made, now_s=1)
        assert token
        places = house.control.answers
        caller = _caller(CallerKind.EXTENSION)
        with places.place(caller), places.place(caller):
            with pytest.raises(Exception, match="too_many_requests"), places.place(caller):
                pass
            with places.place(_caller(CallerKind.TOKEN)):
                assert len(places.places) == 3


def _caller(kind: CallerKind) -> Caller:
    return Caller(1000, kind, "kid" if kind is CallerKind.EXTENSION else "other", "", frozenset({"use"}))


async def test_health_readiness_and_metrics(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _http(house) as client, _local(house) as local:
        await _ask(client)
        await client.post("/v1/chat/completions", json=BODY, headers={"Origin": f"http://{MARKER}"})
        ready = await client.get("/readyz")
        house.gateway.parts["engine"] = "engine_failing"
        unready = await client.get("/readyz")
        health = await client.get("/healthz")
        refused = await client.get("/metrics")
        metrics = await local.get("/metrics")
        scoped = house.gateway.clients.add(
            NewClient("prometheus", os.getuid(), 1, scopes=frozenset({"metrics"})), now_s=2_000_000_000
        )
        async with _http(house, scoped) as prometheus:
            assert (await prometheus.get("/metrics")).status_code == 200
            assert (await _ask(prometheus)).json()["error"]["code"] == "scope_missing"
    assert health.json() == {"status": "ok"}
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert (unready.status_code, unready.json()["parts"]["engine"]) == (503, "engine_failing")
    assert refused.json()["error"]["code"] == "scope_missing"
    assert 'cordon_exchanges_total{dialect="openai",outcome="ok"} 1.0' in metrics.text
    assert 'cordon_access_refusals_total{code="origin_refused",listener="tcp"} 1.0' in metrics.text
    assert MARKER not in metrics.text
    assert house.token not in metrics.text


async def test_the_journal_line_has_no_text(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _http(house, **{"X-Note": MARKER, "User-Agent": MARKER}) as client:
        await client.post(f"/v1/chat/completions?q={MARKER}", json=BODY)
        await client.post(f"/v1/{MARKER}", json=BODY)
        await client.get(f"/v1/models/{MARKER}")
    assert MARKER not in str(house.journal.lines)
    assert MARKER not in str(house.gateway.refused)
    line = house.journal.lines[0]
    assert (line["event"], line["outcome"], line["status"], line["route"]) == (
        "exchange",
        "ok",
        200,
        "chat_completions",
    )


async def test_another_user_of_this_computer_is_refused_even_with_the_token(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs a second user: run as root")
    program = (
        "import os, sys, socket, http.client, encodings.idna\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "for token in (sys.argv[2], ''):\n"
        "    c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))\n"
        "    c.request('GET', '/v1/models', headers={'Authorization': 'Bearer ' + token} if token else {})\n"
        "    print(c.getresponse().read().decode())\n"
        "try: socket.socket(socket.AF_UNIX).connect(sys.argv[3])\n"
        "except OSError as error: print(type(error).__name__)\n"
    )
    async with running(tmp_path) as house:
        arguments = [sys.executable, "-I", "-c", program, str(house.port), house.token, str(house.api)]
        done = await asyncio.to_thread(subprocess.run, arguments, capture_output=True, text=True, check=False)
    with_token, without, unix = done.stdout.splitlines()
    assert json.loads(with_token)["error"]["code"] == "token_other_user"
    assert json.loads(without)["error"]["code"] == "peer_other_user"
    assert unix == "PermissionError"


async def test_connections_are_limited_and_freed(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        limit = house.hall.connections.limits.per_uid
        socks = [socket.create_connection(("127.0.0.1", house.port)) for _ in range(limit + 5)]
        await until(lambda: house.hall.connections.open.total() == limit)
        async with _http(house) as client:
            with pytest.raises(httpx.TransportError):
                await client.get("/healthz")
        for sock in socks:
            sock.close()
        await until(lambda: not house.hall.connections.open.total())
        async with _http(house) as client:
            assert (await client.get("/healthz")).status_code == 200
        assert b"cordon_connections_refused_total" in house.metrics.render()


async def test_many_at_once_keep_their_own_answers(tmp_path: Path) -> None:
    async def ask(house: Running, name: str) -> str:
        async with _http(house) as client:
            body = {"model": MODEL, "messages": [{"role": "user", "content": f"note of {name}"}]}
            return str(
                (await client.post("/v1/chat/completions", json=body)).json()["choices"][0]["message"]["content"]
            )

    names = [f"patient-{n}" for n in range(30)]
    async with running(tmp_path) as house:
        answers = await asyncio.gather(*(ask(house, name) for name in names))
    assert answers == [f"note of {name}" for name in names]


async def test_a_finished_answer_is_settled_before_its_last_bytes(tmp_path: Path) -> None:
    closed: list[bool] = []

    async def journey(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        yield Opened(MODEL, ())
        yield released("word")
        closed.append(True)  # stands for the durable record: `Finished` comes only after it
        yield Finished(Finish.STOP, Usage(1, 1), ())

    async with running(tmp_path, journey) as house, _http(house) as client:
        reply = await _ask(client)
    assert closed == [True]
    assert reply.status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: 127", b"dribble"])
async def test_a_head_that_does_not_come_is_closed(tmp_path: Path, sent: bytes) -> None:
    async def dribble(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"X-A: a\r\n")
            await asyncio.sleep(0.02)

    async with running(tmp_path, keepalive_s=0.2) as house, asyncio.TaskGroup() as tasks:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        if sent == b"dribble":
            writer.write(b"GET /healthz HTTP/1.1\r\n")
            dribbling = tasks.create_task(dribble(writer))
        else:
            writer.write(sent)
        with suppress(ConnectionError):
            async with asyncio.timeout(5):
                assert await reader.read() == b""
        if sent == b"dribble":
            dribbling.cancel()
        writer.close()
