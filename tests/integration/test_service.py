"""The real service on its bundled models: real processes, real llama.cpp, real Presidio, a real log on a real disk."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import openai
import pytest

from audit.seal import commitment
from proxy.cli.demo_note import NOTE, QUESTION, REFUSED
from tests.kit.service import Running, demo_service, examined, records

PROMPT = f"{QUESTION}\n\n{NOTE}"
MARKER = "Zebulon Quackenbush"
"""A name that stands nowhere else on this computer."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with demo_service(tmp_path_factory.mktemp("s")) as running:
        yield running


def client(service: Running) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"http://127.0.0.1:{service.house.port}/v1", api_key=service.house.token, max_retries=0
    )


def test_the_official_client_streams_a_chat(service: Running) -> None:
    with client(service) as api:
        assert [m.id for m in api.models.list()] == ["demo-chat"]
        stream = api.chat.completions.create(
            model="demo-chat",
            messages=[{"role": "user", "content": PROMPT}],
            stream=True,
            temperature=0,
            max_tokens=120,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert said
        assert chunks[-1].usage is not None
        whole = api.chat.completions.create(
            model="demo-chat", messages=[{"role": "user", "content": PROMPT}], temperature=0, max_tokens=120
        )
    assert whole.choices[0].message.content == said
    assert whole.choices[0].finish_reason in ("stop", "length")


def test_a_refused_prompt_is_a_plain_status_for_the_official_client(service: Running) -> None:
    with client(service) as api:
        for stream in (False, True):
            with pytest.raises(openai.BadRequestError) as error:
                api.chat.completions.create(
                    model="demo-chat", messages=[{"role": "user", "content": REFUSED}], stream=stream
                )
            assert error.value.code == "prompt_refused"


def test_what_the_preview_shows_is_what_the_model_was_given(tmp_path: Path) -> None:
    with demo_service(tmp_path) as running:
        body = running.body(PROMPT)
        shown = running.house.post("/cordon/v1/preview", body).body["messages"][0]["parts"]
        text = "".join(p.get("placeholder") or p["text"] for p in shown)
        assert "Nimal" not in text
        answer = running.house.post("/v1/chat/completions", body).body
        exchange = answer["id"].removeprefix("chatcmpl-")
    request = next(body for _, kind, body in records(running.house) if kind == "R" and body["req"] == exchange)
    assert request["in"]["commit"] == commitment(bytes.fromhex(request["in"]["salt"]), [text])
    assert request["redact"]["counts"]["LK_NIC"] == 1


def test_bad_input_has_a_code_and_a_record(tmp_path: Path) -> None:
    deep = b'{"model":"demo-chat","messages":' + b"[" * 5000 + b"]" * 5000 + b"}"
    cases: list[tuple[bytes, int, str]] = [
        (b"{", 400, "bad_json"),
        (b'{"model":"demo-chat","messages":[{"role":"user","content":"\xff\xfe"}]}', 400, "bad_json"),
        (b'{"model":"demo-chat","messages":"hi"}', 400, "bad_request"),
        (b'{"model":"demo-chat","messages":[{"role":"user","content":7}]}', 400, "bad_request"),
        (deep, 400, "too_deep"),
        (b" " * 10_000_000, 413, "body_too_large"),
        (
            b'{"model":"demo-chat","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}',
            422,
            "content_not_inspectable",
        ),
        (b'{"model":"other","messages":[{"role":"user","content":"hi"}]}', 404, "model_unknown"),
    ]
    with demo_service(tmp_path) as running:
        for body, status, code in cases:
            connection = HTTPConnection("127.0.0.1", running.house.port, timeout=20)
            headers = {"Authorization": f"Bearer {running.house.token}", "Content-Type": "application/json"}
            with suppress(BrokenPipeError):  # the server answers before it has read ten megabytes
                connection.request("POST", "/v1/chat/completions", body, headers)
            reply = connection.getresponse()
            assert (reply.status, json.loads(reply.read())["error"]["code"]) == (status, code)
            connection.close()
        assert "choices" in running.chat("Good morning", unheard_of="ignored", messages_extra=[1, 2])
    blocked = {body["code"] for _, kind, body in records(running.house) if kind == "B"}
    assert {"bad_json", "bad_request", "too_deep", "content_not_inspectable"} <= blocked
    assert examined(running.house).verdict == "VERIFIED"


def test_a_marker_is_found_nowhere(tmp_path: Path) -> None:
    """Planted in prompts that succeed, stream, are refused and fail; searched for wherever the service could write."""
    with demo_service(tmp_path) as running:
        note = PROMPT.replace("Nimal Perera", MARKER)
        running.chat(note)
        list(running.house.stream("/v1/chat/completions", running.body(note)))
        running.chat(f"Write a message that tells {MARKER} she is worthless and that everybody hates her.")
        running.house.post("/v1/chat/completions", {"model": "demo-chat", "messages": MARKER})
        running.house.post(f"/v1/{MARKER.replace(' ', '')}", {"a": MARKER})
        metrics = HTTPConnection("127.0.0.1", running.house.port, timeout=10)
        metrics.request("GET", "/metrics", headers={"Authorization": f"Bearer {running.house.token}"})
        pages = [metrics.getresponse().read()]
        metrics.close()
        memory = memory_of(running.child("proxy.workers.engine"))
        assert b"demo-chat" in memory  # the search can see what the engine does hold
        pages.append(memory)
    words = MARKER.split()
    for path in running.house.folder.rglob("*"):
        if path.is_file():
            assert words[0] not in path.name
            pages.append(path.read_bytes())
    kinds = [kind for _, kind, _ in records(running.house)]
    assert kinds.count("R") >= 2
    for word in words:
        for encoding in ("utf-8", "utf-16-le", "utf-32-le"):
            assert all(word.encode(encoding) not in page for page in pages)


@pytest.mark.parametrize("module", ["proxy.workers.analyst", "proxy.workers.engine", "proxy.gateway"])
def test_a_crash_in_mid_request_leaves_the_marker_nowhere(tmp_path: Path, module: str) -> None:
    """A segmentation fault while a prompt with it is in every process: no core file, no trace of it in what is left."""
    with demo_service(tmp_path) as running:
        stopped = running.child("proxy.workers.engine")
        os.kill(stopped, signal.SIGSTOP)  # the request stays where it is
        asked = threading.Thread(target=_chat_or_none, args=(running, PROMPT.replace("Nimal Perera", MARKER)))
        asked.start()
        time.sleep(1.5)
        crashed = running.child(module)
        os.kill(crashed, signal.SIGSEGV)
        with suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGCONT)
        asked.join()
        running.wait_ready()
        assert "choices" in running.chat(PROMPT)
        assert running.child(module) != crashed
    files = [path for path in running.house.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if path.name.startswith("core")]
    pages = [path.read_bytes() for path in files]
    assert any(kind == "R" for _, kind, _ in records(running.house))
    for word in MARKER.split():
        for encoding in ("utf-8", "utf-16-le", "utf-32-le"):
            assert all(word.encode(encoding) not in page for page in pages)


def _chat_or_none(running: Running, prompt: str) -> None:
    with suppress(OSError, HTTPException, ValueError):
        running.chat(prompt)


def memory_of(pid: int) -> bytes:
    """Every private page of a process; needs root, as CI is. A user may not read it at all, which is the lock."""
    if os.getuid() != 0:
        with pytest.raises(PermissionError):
            Path(f"/proc/{pid}/mem").open("rb").close()
        return b"demo-chat"
    found = bytearray()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if rights.startswith("rw") and "[v" not in line:
                start, end = (int(x, 16) for x in span.split("-"))
                memory.seek(start)
                try:
                    found += memory.read(end - start)
                except OSError:
                    continue
    return bytes(found)


def test_many_patients_at_once_keep_their_own_names(service: Running) -> None:
    names = [f"{first} {last}" for first in ("Amara", "Dilani", "Ruwan") for last in ("Silva", "Fernando", "Bandara")]

    async def ask(api: openai.AsyncOpenAI, name: str) -> str:
        note = (
            PROMPT.replace("Nimal Perera", name).replace("Kumari Perera", "his sister").replace("Fernando on", "X on")
        )
        reply = await api.chat.completions.create(
            model="demo-chat", messages=[{"role": "user", "content": note}], temperature=0, max_tokens=100
        )
        return reply.choices[0].message.content or ""

    async def all_at_once() -> list[str]:
        url = f"http://127.0.0.1:{service.house.port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key=service.house.token, max_retries=8) as api:
            return await asyncio.gather(*(ask(api, name) for name in names))

    for name, said in zip(names, asyncio.run(all_at_once()), strict=True):
        first = name.split()[0]
        others = {n.split()[0] for n in names} - {first}
        assert not any(other in said for other in others)


@pytest.mark.parametrize(
    ("module", "codes"),
    [
        ("proxy.workers.analyst", {"analyst_unavailable"}),
        ("proxy.workers.engine", {"engine_unavailable", "guard_unavailable", "engine_lost"}),
    ],
)
def test_a_killed_worker_is_a_code_and_comes_back(tmp_path: Path, module: str, codes: set[str]) -> None:
    with demo_service(tmp_path) as running:
        assert "choices" in running.chat(PROMPT)
        running.kill(module)
        reply = running.chat(PROMPT)
        assert reply.get("error", {}).get("code") in codes
        running.wait_ready()
        assert "choices" in running.chat(PROMPT)
    found = examined(running.house)
    assert found.verdict == "VERIFIED"
    ended = {body.get("code") for _, kind, body in records(running.house) if kind in "BZ"}
    assert ended & codes  # before its answer was recorded as begun, or after
    assert sum(kind == "E" and body["why"] == "change" for _, kind, body in records(running.house)) == 1


def test_an_engine_killed_in_mid_stream_ends_the_stream_with_an_error_and_no_end_mark(tmp_path: Path) -> None:
    with demo_service(tmp_path) as running:
        connection = HTTPConnection("127.0.0.1", running.house.port, timeout=60)
        headers = {"Authorization": f"Bearer {running.house.token}", "Content-Type": "application/json"}
        body = {**running.body(PROMPT, stream=True), "max_tokens": 1024}
        engine = running.child("proxy.workers.engine")
        os.kill(engine, signal.SIGSTOP)  # the answer cannot be over before it is killed
        sender = threading.Thread(
            target=lambda: connection.request("POST", "/v1/chat/completions", json.dumps(body).encode(), headers)
        )
        sender.start()
        sender.join()
        time.sleep(0.5)
        os.kill(engine, signal.SIGKILL)
        text = connection.getresponse().read().decode()
        connection.close()
        assert "[DONE]" not in text
        assert any(code in text for code in ("engine_lost", "guard_unavailable"))
        running.wait_ready()
        assert "choices" in running.chat(PROMPT)
    assert examined(running.house).verdict == "VERIFIED"


def test_a_killed_gateway_is_replaced_and_the_log_shows_the_crash(tmp_path: Path) -> None:
    with demo_service(tmp_path) as running:
        assert "choices" in running.chat(PROMPT)
        running.kill("proxy.gateway")
        time.sleep(0.3)
        running.wait_ready()
        assert "choices" in running.chat(PROMPT)
    found = examined(running.house)
    assert found.verdict == "VERIFIED WITH GAPS"
    assert sum(kind == "S" for _, kind, _ in records(running.house)) == 2
    assert sum(kind == "Z" and body["result"] == "ok" for _, kind, body in records(running.house)) == 2


def test_a_client_gone_in_mid_stream_is_recorded_as_cancelled(tmp_path: Path) -> None:
    with demo_service(tmp_path) as running:
        connection = HTTPConnection("127.0.0.1", running.house.port, timeout=60)
        headers = {"Authorization": f"Bearer {running.house.token}", "Content-Type": "application/json"}
        engine = running.child("proxy.workers.engine")
        os.kill(engine, signal.SIGSTOP)
        connection.request(
            "POST", "/v1/chat/completions", json.dumps(running.body(PROMPT, stream=True)).encode(), headers
        )
        time.sleep(0.5)
        connection.close()
        os.kill(engine, signal.SIGCONT)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not any(j.get("outcome") == "cancelled" for j in running.journal()):
            time.sleep(0.1)
        assert any(j.get("outcome") == "cancelled" for j in running.journal())
        assert "choices" in running.chat(PROMPT)
    assert examined(running.house).verdict == "VERIFIED"


def _toml(value: object) -> str:
    """A value as TOML writes it; JSON's own form but for tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


@pytest.mark.parametrize(
    ("damage", "code"),
    [("missing", "is missing"), ("changed", "model_hash")],
)
def test_a_guard_file_that_is_missing_or_changed_stops_the_start(tmp_path: Path, damage: str, code: str) -> None:
    """A site's own guard: same bytes as the bundled one, named in the site's catalogue, then damaged."""
    from proxy.cli.demo_house import build_house
    from proxy.stock import bundled_models, read_catalogue

    house = build_house(tmp_path)
    guard = read_catalogue(house.settings.models).find("demo-guard")
    assert guard is not None
    table = guard.model_copy(update={"id": "site-guard"}).model_dump(mode="json", exclude_defaults=True)
    lines = ["[[model]]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    (house.folder / "site.toml").write_text("\n".join(lines))
    if damage == "changed":
        raw = bytearray((bundled_models() / "demo-guard.gguf").read_bytes())
        raw[-1] ^= 1
        (house.folder / "demo-guard.gguf").write_bytes(bytes(raw))
    config = house.folder / "cordon.toml"
    text = config.read_text().replace('guard = "demo-guard"', 'guard = "site-guard"')
    config.write_text(text.replace("[models]", f'[models]\ncatalogue = "{house.folder}/site.toml"'))
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-m", "proxy", "serve", "--config", config],
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert done.returncode == 78, done.stderr
    assert code in done.stderr
