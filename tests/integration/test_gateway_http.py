"""Byte files over a plain socket: each has one expected status and code, however the bytes are cut, on both families.

`{HOST}`, `{PORT}`, `{TOKEN}` and `{TOKEN_CUT}` in a file are filled in; an empty code means that the HTTP parser itself
refused, in plain text, or that there is no error.
"""

from __future__ import annotations

import asyncio
import csv
import json
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from proxy.asking import Limits
from tests.kit.gateway import Running, running

FOLDER = Path(__file__).parent / "access"
with (FOLDER / "expected.tsv").open(encoding="utf-8", newline="") as _file:
    CASES = [(row["name"], int(row["status"]), row["code"]) for row in csv.DictReader(_file, delimiter="\t")]

SLOW_ONES = {"body-very-deep", "long-header", "many-headers", "long-target", "bad-chunk"}
"""Not byte by byte: large, or (the last) refused by the time limit of the body instead of by the parser."""


def _filled(name: str, house: Running, host: str) -> bytes:
    raw = (FOLDER / f"{name}.http").read_bytes()
    for hole, value in (
        (b"{HOST}", f"{host}:{house.port}".encode()), (b"{PORT}", str(house.port).encode()),
        (b"{TOKEN}", house.token.encode()), (b"{TOKEN_CUT}", house.token[:-1].encode()),
    ):  # fmt: skip
        raw = raw.replace(hole, value)
    return raw


async def _exchange(port: int, address: str, pieces: list[bytes]) -> tuple[int, dict[str, str], bytes]:
    """Send the pieces, read until the server closes or has said all; status 0 if it closed without a word."""
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    got = bytearray()
    with sock:
        await loop.sock_connect(sock, (address, port))
        with suppress(ConnectionError):  # refused while still sending
            for piece in pieces:
                await loop.sock_sendall(sock, piece)
                await asyncio.sleep(0)
        with suppress(ConnectionError):
            async with asyncio.timeout(20):
                while not _is_whole(bytes(got), pieces) and (data := await loop.sock_recv(sock, 65536)):
                    got += data
    if not got:
        return 0, {}, b""
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    return int(status_line.split(" ")[1]), headers, body


def _is_whole(got: bytes, pieces: list[bytes]) -> bool:
    head, end, body = got.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
    is_head = b"".join(pieces[:4]).startswith(b"HEAD")
    return bool(end) and (is_head or (length.isdigit() and len(body) >= int(length)))


def _code(body: bytes, headers: dict[str, str]) -> str:
    if not headers.get("content-type", "").startswith("application/json") or not body:
        return ""
    said = json.loads(body)
    error = said.get("error", {})
    return str((error if isinstance(error, dict) else said).get("code", ""))


async def _check(house: Running, case: tuple[str, int, str], *, address: str, host: str, step: int) -> list[str]:
    """What is wrong with the answer to one case; nothing, if nothing is."""
    name, status, code = case
    raw = _filled(name, house, host)
    pieces = [raw[i : i + step] for i in range(0, len(raw), step)]
    got, headers, body = await _exchange(house.port, address, pieces)
    wrong: list[str] = []
    parser_refused = (status, code) == (400, "")
    if parser_refused and got == 0 and step == 1:
        return []  # closed while we were still sending, which resets the connection and loses the reply
    if (got, _code(body, headers)) != (status, code):
        wrong.append(f"{name}: {got} {_code(body, headers)!r} instead of {status} {code!r}")
    if any(header.startswith("access-control") for header in headers):
        wrong.append(f"{name}: a CORS header")
    if code and house.token.encode() in body:
        wrong.append(f"{name}: the token came back")
    if code and headers.get("cache-control") != "no-store":
        wrong.append(f"{name}: may be kept")
    return wrong


@pytest.mark.parametrize(("address", "host"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
async def test_every_byte_file(tmp_path: Path, address: str, host: str) -> None:
    assert len(CASES) >= 45
    async with running(tmp_path) as house:
        wrong = [line for case in CASES for line in await _check(house, case, address=address, host=host, step=1 << 20)]
    assert wrong == []


async def test_every_byte_file_byte_by_byte(tmp_path: Path) -> None:
    cases = [case for case in CASES if case[0] not in SLOW_ONES]
    async with running(tmp_path) as house:
        wrong = [
            line for case in cases for line in await _check(house, case, address="127.0.0.1", host="127.0.0.1", step=1)
        ]
    assert wrong == []


def test_every_file_has_an_expectation() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.http")) == sorted(name for name, _, _ in CASES)


async def test_no_refused_request_reaches_a_handler(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        for case in CASES:
            await _check(house, case, address="127.0.0.1", host="127.0.0.1", step=1 << 20)
        good = sum(
            status == 200 and _filled(name, house, "h").startswith((b"POST /v1/chat/completions", b"POST /api/chat"))
            for name, status, _ in CASES
        )
        assert len(house.gateway.seen) == good
        refused = {code for _, code in house.gateway.refused}
    assert {"wrong_host", "origin_refused", "token_missing", "bad_json"} <= refused


async def test_wrong_tokens_run_out_and_a_good_one_still_works(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        wrong = _filled("token-wrong", house, "127.0.0.1")
        answers = [await _exchange(house.port, "127.0.0.1", [wrong]) for _ in range(12)]
        good, _, _ = await _exchange(house.port, "127.0.0.1", [_filled("ok-post", house, "127.0.0.1")])
    assert [status for status, _, _ in answers] == [401] * 10 + [429] * 2
    assert 1 <= int(answers[-1][1]["retry-after"]) <= 6
    assert answers[0][1]["www-authenticate"] == "Bearer"
    assert good == 200


async def test_a_body_that_does_not_come_is_408(tmp_path: Path) -> None:
    async with running(tmp_path, limits=Limits(body_s=0.1)) as house:
        raw = _filled("ok-post", house, "127.0.0.1")
        status, headers, body = await _exchange(house.port, "127.0.0.1", [raw[:-5]])
    assert (status, _code(body, headers)) == (408, "body_too_slow")
    assert headers["connection"] == "close"


async def test_ten_megabytes_without_a_length_are_413(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\n"
            f"Authorization: Bearer {house.token}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        ).encode()
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        status, headers, body = await _exchange(house.port, "127.0.0.1", [head, *[chunk] * 10])
    assert (status, _code(body, headers)) == (413, "body_too_large")


async def test_headers_of_every_reply(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        for name in ("ok-post", "ok-get-models", "token-none", "unknown-path", "method-get-chat", "ok-health-no-token"):
            _, headers, _ = await _exchange(house.port, "127.0.0.1", [_filled(name, house, "127.0.0.1")])
            assert headers["server"] == "cordon"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-frame-options"] == "DENY"
            assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert len(headers["x-request-id"]) == 32
