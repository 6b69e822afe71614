"""A person connects the panel to the real service, sees what a model would see, asks, and reads."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

import httpx

from proxy.access import OWN_EXTENSION
from proxy.clients import proof_key_of
from proxy.proof import Hello, proof_of
from tests.kit.service import Running, demo_service, examined, records

NOTE = "Summarise for the ward: Nimal Perera, NIC 851234567V, has fever since Monday and a cough."
ORIGIN = f"chrome-extension://{OWN_EXTENSION}"
NONCE = bytes(range(32))


def paired(service: Running, browser: httpx.Client) -> tuple[str, dict[str, object]]:
    """`cordon pair` in one window, the digits typed in the other; the token, and what the command said at the end."""
    words = [
        sys.executable,
        "-I",
        "-m",
        "proxy",
        "pair",
        "--json",
        "--socket",
        str(service.house.settings.access.socket),
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        code = json.loads(command.stdout.readline())["code"]
        token = browser.post("/cordon/v1/pair", json={"code": code, "remember": False}).json()["token"]
        ended = json.loads(command.stdout.readline())
    assert command.returncode == 0
    return token, ended


def events_of(text: str) -> list[tuple[str, dict]]:
    blocks = [block.split("\n") for block in text.split("\n\n")[:-1]]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def test_from_the_digits_to_the_answer(tmp_path: Path) -> None:
    with demo_service(tmp_path) as service:
        house = service.house
        host = f"127.0.0.1:{house.port}"
        with httpx.Client(base_url=f"http://{host}", headers={"Origin": ORIGIN}, timeout=120) as browser:
            token, ended = paired(service, browser)
            hello = {"nonce": urlsafe_b64encode(NONCE).decode().rstrip("="), "kid": ended["kid"]}
            proof = browser.post("/cordon/v1/hello", json=hello).json()
            browser.headers["Authorization"] = f"Bearer {token}"
            status = browser.post("/cordon/v1/status", json={}).json()
            ask = {"messages": [{"role": "user", "content": NOTE}], "marked": ["cough"]}
            shown = browser.post("/cordon/v1/preview", json=ask).json()
            stale = browser.post("/cordon/v1/ask", json=ask | {"marked": [], "sha256": shown["sha256"]})
            answer = browser.post("/cordon/v1/ask", json=ask | {"sha256": shown["sha256"]})
            browser.post("/cordon/v1/unpair", json={})
            after = browser.post("/cordon/v1/status", json={})
    wanted = proof_of(proof_key_of(token), Hello(str(ended["kid"]), NONCE, 0, host, ORIGIN), "ok")
    assert proof == {"proof": wanted, "state": "ok"}
    assert status["model"] == {"id": house.settings.models.answer, "demo": True}
    assert status["evidence"]["level"] == "E1"
    assert status["client"]["kid"] == ended["kid"]
    chips = {part["placeholder"]: part["original"] for part in shown["parts"] if "placeholder" in part}
    assert {"Nimal Perera", "851234567V", "cough"} <= set(chips.values())
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "preview_changed")
    told = events_of(answer.text)
    assert [name for name, _ in told[:-1]] == ["answer"] * (len(told) - 1)
    assert (told[-1][0], told[-1][1]["finish"] in ("stop", "length")) == ("done", True)
    assert after.status_code == 401
    kinds = [(kind, record.get("dialect")) for _, kind, record in records(house) if kind in ("R", "B")]
    assert ("R", "panel") in kinds
    assert ("B", "panel") in kinds  # the preview that was out of date
    seen = examined(house)
    assert seen.verdict == "VERIFIED", [c for c in seen.checks if c.result != "pass"]
