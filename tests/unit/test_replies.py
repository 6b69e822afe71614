"""Error replies: form by path, headers by status."""

from __future__ import annotations

import json

import pytest
from aiohttp.test_utils import make_mocked_request

from proxy.dialects.ollama import DIALECT as OLLAMA
from proxy.dialects.openai import DIALECT
from proxy.errors import ERRORS, CordonError
from proxy.replies import REQUEST_ID, refusal, stamp


def _reply(code: str, path: str = "/v1/models", **more: int):
    request = make_mocked_request("GET", path)
    request[REQUEST_ID] = "r1"
    return refusal(request, CordonError(code, **more), (DIALECT, OLLAMA))


@pytest.mark.parametrize("code", ERRORS)
def test_every_code_has_its_status_and_says_whether_to_repeat(code: str) -> None:
    reply = _reply(code)
    assert reply.status == ERRORS[code].status
    assert ("Retry-After" in reply.headers) == (reply.status in (429, 503))
    assert (reply.headers.get("X-Should-Retry") == "false") == (reply.status not in (429, 503))
    assert ("WWW-Authenticate" in reply.headers) == (reply.status == 401)
    assert json.loads(reply.body)["error"]["code"] == code


def test_form_by_path() -> None:
    assert set(json.loads(_reply("not_found", "/v1/x").body)["error"]) == {
        "message",
        "type",
        "param",
        "code",
        "request_id",
    }
    assert set(json.loads(_reply("not_found", "/x").body)["error"]) == {"code", "message", "next", "request_id"}


@pytest.mark.parametrize("path", ["/api/pull", "/api/chat?x=1", "/", "/?x=1"])
def test_form_of_ollama(path: str) -> None:
    assert set(json.loads(_reply("not_found", path).body)) == {"error", "code", "request_id"}


@pytest.mark.parametrize(("given", "told"), [(None, "5"), (0, "5"), (3, "3"), (1000, "60")])
def test_retry_after_is_between_1_and_60(given: int | None, told: str) -> None:
    reply = _reply("engine_busy") if given is None else _reply("engine_busy", retry_after_s=given)
    assert reply.headers["Retry-After"] == told


async def test_stamp() -> None:
    request = make_mocked_request("GET", "/")
    reply = _reply("not_found")
    await stamp(request, reply)
    assert reply.headers["Server"] == "cordon"
    assert "X-Request-Id" not in reply.headers
