"""The panel's addresses on the real server: pairing, proof, preview, question, status, and the end of a token."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from proxy.access import AccessRules
from proxy.caps import Buckets
from proxy.clients import proof_key_of
from proxy.exchange import Event, Exchange, Finish, Finished, Opened, Prompt, Refused, Usage, Withheld
from proxy.panel import Days, browser_of
from proxy.proof import Hello, proof_of
from tests.kit.gateway import Running, echo, released, running, until

ID = "abcdefghijklmnopabcdefghijklmnop"
ORIGIN = f"chrome-extension://{ID}"
FIREFOX = "moz-extension://01234567-89ab-cdef-0123-456789abcdef"
MESSAGES = [{"role": "user", "content": "hello there"}]
NONCE = "A" * 43
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


class House:
    """A running server, a browser at its port, and the user at its unix socket."""

    def __init__(self, house: Running, origin: str) -> None:
        self.running = house
        self.origin = origin
        base = f"http://127.0.0.1:{house.port}"
        self.browser = httpx.AsyncClient(base_url=base, headers={"Origin": origin, "User-Agent": CHROME})
        self.user = httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(house.api)), base_url="http://cordon")

    async def offer(self) -> str:
        reply = await self.user.post("/cordon/v1/pairing", json={})
        assert reply.status_code == 200, reply.text
        return str(reply.json()["code"])

    async def pair(self, code: str | None = None, *, remember: bool = False) -> httpx.Response:
        wish = {"code": await self.offer() if code is None else code, "remember": remember}
        return await self.browser.post("/cordon/v1/pair", json=wish)

    async def paired(self) -> str:
        token = str((await self.pair()).json()["token"])
        self.browser.headers["Authorization"] = f"Bearer {token}"
        return token

    async def say(self, name: str, body: dict[str, object]) -> httpx.Response:
        return await self.browser.post(f"/cordon/v1/{name}", json=body)


@asynccontextmanager
async def house_at(folder: Path, journey=echo, *, origin: str = ORIGIN) -> AsyncIterator[House]:
    rules = AccessRules(0, frozenset({ID}), frozenset(), os.getuid())
    async with running(folder, journey, rules=rules) as house:
        made = House(house, origin)
        try:
            yield made
        finally:
            await made.browser.aclose()
            await made.user.aclose()


def code_of(reply: httpx.Response) -> str:
    return "ok" if reply.status_code == 200 else str(reply.json()["error"]["code"])


async def test_a_code_becomes_a_token_of_this_user_and_this_origin(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        waiting = asyncio.ensure_future(house.user.post("/cordon/v1/pairing/wait", json={}))
        reply = await house.pair(remember=True)
        await house.user.post("/cordon/v1/pairing/wait", json={})
        waiting.cancel()
        entry = house.running.gateway.clients.entries[-1]
        assert set(reply.json()) == {"token", "kid", "expires"}
        assert (entry.kind, entry.origin, entry.uid) == ("extension", ORIGIN, os.getuid())
        assert (entry.expires - entry.made, entry.remembered) == (30 * 86_400, True)
        short = (await house.pair()).json()
        entry = house.running.gateway.clients.entries[-1]
        assert (entry.kid, entry.expires - entry.made) == (short["kid"], 43_200)
        assert b'cordon_pairings_total{result="paired"} 2.0' in house.running.metrics.render()


async def test_the_one_who_waits_is_told_who_paired(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        code = await house.offer()
        waiting = asyncio.ensure_future(house.user.post("/cordon/v1/pairing/wait", json={}))
        kid = (await house.pair(code)).json()["kid"]
        ended = (await waiting).json()
        assert (ended["state"], ended["kid"], ended["browser"]) == ("paired", kid, "Chrome or Chromium")


async def test_wrong_codes_close_the_window_and_the_waiter_is_told(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        code = await house.offer()
        waiting = asyncio.ensure_future(house.user.post("/cordon/v1/pairing/wait", json={}))
        wrong = "00000000" if code != "00000000" else "11111111"
        codes = [code_of(await house.pair(wrong)) for _ in range(5)] + [code_of(await house.pair(code))]
        assert codes == ["pairing_code_wrong"] * 5 + ["pairing_closed"]
        assert (await waiting).json() == {"state": "guessed"}
        more = [await house.pair(code) for _ in range(5)]
        assert code_of(more[-1]) == "too_many_attempts"
        assert int(more[-1].headers["Retry-After"]) >= 1


async def test_without_an_offer_there_is_nothing_to_guess(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        assert code_of(await house.pair("12345678")) == "pairing_closed"
        assert code_of(await house.user.post("/cordon/v1/pairing/wait", json={})) == "pairing_closed"
        over_tcp = await house.browser.post("/cordon/v1/pairing", json={})
        assert code_of(over_tcp) == "origin_refused"
        token = {"Authorization": f"Bearer {house.running.token}"}
        async with httpx.AsyncClient(base_url=house.browser.base_url, headers=token) as program:
            assert code_of(await program.post("/cordon/v1/pairing", json={})) == "not_found"
            assert code_of(await program.post("/cordon/v1/pair", json={"code": "1"})) == "origin_refused"


async def test_the_service_proves_that_it_gave_the_token(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        pairing = (await house.pair()).json()
        kid, key = pairing["kid"], proof_key_of(pairing["token"])
        host = f"127.0.0.1:{house.running.port}"

        async def proven(kid: str) -> str:
            reply = (await house.say("hello", {"nonce": NONCE, "kid": kid})).json()
            want = proof_of(key, Hello(kid, bytes(32), 0, host, ORIGIN), reply["state"])
            return reply["state"] if reply["proof"] == want else "unproven"

        assert await proven(kid) == "ok"
        assert await proven("0" * 16) == "unproven"
        house.running.gateway.clients.revoke(kid, uid=None)
        assert await proven(kid) == "revoked"
        assert code_of(await house.say("hello", {"nonce": NONCE[1:], "kid": kid})) == "bad_request"


async def test_hello_has_a_limit_of_its_own_for_every_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.panel.Buckets", lambda size, _: Buckets(size, 1e9))  # nothing comes back meanwhile
    async with house_at(tmp_path) as house:
        kid = (await house.pair()).json()["kid"]
        unknown = [code_of(await house.say("hello", {"nonce": NONCE, "kid": f"{n:016x}"})) for n in range(21)]
        assert (unknown[:20], unknown[20]) == (["ok"] * 20, "too_many_attempts")
        assert code_of(await house.say("hello", {"nonce": NONCE, "kid": kid})) == "ok"


async def test_a_panel_asks_exactly_what_it_was_shown(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        await house.paired()
        shown = (await house.say("preview", {"messages": MESSAGES})).json()
        reply = await house.say("ask", {"messages": MESSAGES, "marked": ["there"], "sha256": shown["sha256"]})
        assert reply.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        events = [block.split("\n") for block in reply.text.split("\n\n")[:-1]]
        assert [name for name, _ in events] == ["event: answer", "event: answer", "event: done"]
        exchange, prompt = house.running.gateway.seen[0]
        assert (prompt.seen, prompt.sampling.model) == (shown["sha256"], "")
        assert exchange.dialect == "panel"
        assert json.loads(events[-1][1].removeprefix("data: "))["exchange"] == exchange.id


async def _changed(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
    del exchange, prompt
    yield Refused("preview_changed")


async def test_an_out_of_date_preview_is_answered_by_the_new_one(tmp_path: Path) -> None:
    async with house_at(tmp_path, _changed) as house:
        await house.paired()
        reply = await house.say("ask", {"messages": MESSAGES, "sha256": "1" * 64})
        assert (reply.status_code, reply.json()["error"]["code"]) == (409, "preview_changed")
        assert reply.json()["preview"]["messages"][0]["parts"] == [{"text": "hello there"}]
        assert reply.headers["X-Should-Retry"] == "false"


async def _refusing(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
    del exchange
    if prompt.conversation.messages[-1].content.reveal() == "before":
        yield Refused("prompt_refused", "dangerous")
        return
    yield Opened("demo-clinic", ())
    yield released("so far")
    yield Withheld("response_refused", "sexual")


async def test_refusals_before_and_in_an_answer_name_their_rule(tmp_path: Path) -> None:
    async with house_at(tmp_path, _refusing) as house:
        await house.paired()
        before = {"messages": [{"role": "user", "content": "before"}], "sha256": "1" * 64}
        reply = await house.say("ask", before)
        assert (reply.status_code, reply.json()["error"]["rule"]) == (400, "dangerous")
        inside = await house.say("ask", {"messages": MESSAGES, "sha256": "1" * 64})
        assert inside.status_code == 200
        assert inside.text.count("event: ") == 2
        assert '"rule":"sexual"' in inside.text


async def test_status_counts_the_caller_s_own_day(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        await house.paired()
        await house.say("ask", {"messages": MESSAGES, "sha256": "1" * 64})
        await house.say("ask", {"messages": MESSAGES, "sha256": "nonsense"})
        status = (await house.say("status", {})).json()
        assert status["today"] == {"answered": 1, "refused": 0, "failed": 1}
        assert status["client"]["kid"] == house.running.gateway.clients.entries[-1].kid
        on_socket = (await house.user.post("/cordon/v1/status", json={})).json()
        assert on_socket["client"] is None


async def test_unpair_ends_the_token_and_what_is_open(tmp_path: Path) -> None:
    opened = asyncio.Event()

    async def slow(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        del exchange, prompt
        yield Opened("demo-clinic", ())
        yield released("one")
        opened.set()
        await asyncio.sleep(30)
        yield Finished(Finish.STOP, Usage(1, 1), ())

    async with house_at(tmp_path, slow) as house:
        await house.paired()
        answer = asyncio.ensure_future(house.say("ask", {"messages": MESSAGES, "sha256": "1" * 64}))
        await opened.wait()
        assert (await house.say("unpair", {})).json() == {"revoked": 1}
        text = (await answer).text
        assert text.endswith("\n\n")
        assert '"code":"token_unknown"' in text
        assert code_of(await house.say("status", {})) == "token_unknown"
        assert code_of(await house.user.post("/cordon/v1/unpair", json={})) == "bad_request"


async def test_firefox_is_known_by_the_origin_it_paired_with(tmp_path: Path) -> None:
    async with house_at(tmp_path, origin=FIREFOX) as house:
        assert code_of(await house.pair("12345678")) == "origin_refused"  # no window is open
        await house.paired()
        assert code_of(await house.say("status", {})) == "ok"
        house.browser.headers["Origin"] = FIREFOX.replace("0", "1")
        assert code_of(await house.say("status", {})) == "origin_refused"


async def test_a_panel_that_leaves_stops_the_model(tmp_path: Path) -> None:
    async def endless(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        del exchange, prompt
        yield Opened("demo-clinic", ())
        while True:
            yield released("more ")
            await asyncio.sleep(0.01)

    async with house_at(tmp_path, endless) as house:
        await house.paired()
        body = {"messages": MESSAGES, "sha256": "1" * 64}
        async with house.browser.stream("POST", "/cordon/v1/ask", json=body) as reply:
            await anext(reply.aiter_bytes())
        await until(house.running.gateway.closed.is_set)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (CHROME, "Chrome or Chromium"),
        (CHROME + " Edg/156.0", "Edge"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "Firefox"),
        ("", "a browser"),
        ("<script>", "a browser"),
    ],
)
def test_a_browser_s_name_comes_from_a_closed_list(agent: str, name: str) -> None:
    assert browser_of(agent) == name


def test_the_counts_of_a_day_end_with_it() -> None:
    days = Days()
    for outcome in ("ok", "refused", "withheld", "broken", "rejected", "cancelled"):
        days.count(1, outcome, 0)
    assert (days.of(1, 86_399).answered, days.of(1, 0).refused, days.of(1, 0).failed) == (1, 2, 2)
    assert days.of(2, 0) == days.of(1, 86_400)
