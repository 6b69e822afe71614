"""The description in `docs/openapi.json`: it names what the server has, and generated requests find no fault behind it.

Schemathesis makes requests from the description, valid ones and broken ones; each is sent to the real server with the
journey of the kit behind it. A reply is a documented status, never 5xx, and an error has a code of the table.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from proxy.access import AccessRules
from proxy.errors import ERRORS
from tests.kit.gateway import running

DESCRIPTION = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8"))
ID = "abcdefghijklmnopabcdefghijklmnop"
PANEL = {"/cordon/v1/hello", "/cordon/v1/pair"}
UNIX_ONLY = {"/cordon/v1/pairing", "/cordon/v1/pairing/wait", "/cordon/v1/clients"}
schema = schemathesis.openapi.from_dict(DESCRIPTION)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the server listens."""

    url: str
    api: str
    token: str


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A server in a thread of its own, for requests that are made one after another."""
    ready, done, found = threading.Event(), threading.Event(), []
    folder = tmp_path_factory.mktemp("openapi")

    async def serve() -> None:
        rules = AccessRules(0, frozenset({ID}), frozenset(), os.getuid())
        async with running(folder, rules=rules) as house:
            found.append(Target(f"http://127.0.0.1:{house.port}", str(house.api), house.token))
            ready.set()
            while not done.is_set():  # noqa: ASYNC110 - an event of another thread
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield found[0]
    done.set()
    thread.join(10)


def send(case: schemathesis.Case, target: Target) -> httpx.Response:
    """Send a generated request as the caller who belongs to its address."""
    made = case.as_transport_kwargs(base_url=target.url)
    headers = {
        str(k): str(v) for k, v in (made.get("headers") or {}).items() if k.lower() not in ("authorization", "host")
    }
    if case.operation.path in PANEL:
        headers["Origin"] = f"chrome-extension://{ID}"
    elif case.operation.path not in UNIX_ONLY:
        headers["Authorization"] = f"Bearer {target.token}"
    uds = target.api if case.operation.path in UNIX_ONLY else None
    body = made.get("data")
    if "json" in made:
        body = json.dumps(made["json"]).encode()
        headers["Content-Type"] = "application/json"
    with httpx.Client(transport=httpx.HTTPTransport(uds=uds), timeout=20) as client:
        return client.request(made["method"], made["url"], params=made.get("params"), headers=headers, content=body)


@schema.include(path_regex=".*").exclude(path="/cordon/v1/pairing/wait").parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_requests_find_no_fault(case: schemathesis.Case, target: Target) -> None:
    try:
        reply = send(case, target)
    except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeEncodeError):
        return  # a request this client cannot put on the wire; raw bytes are tests/integration/access
    documented = case.operation.definition.raw["responses"]
    assert reply.status_code < 500, (case.method, case.operation.path, reply.text)
    assert str(reply.status_code) in documented, (case.method, case.operation.path, reply.status_code)
    if reply.status_code >= 400 and reply.headers["Content-Type"].startswith("application/json"):
        said = reply.json()
        code = said["code"] if "code" in said else said["error"]["code"]
        assert ERRORS[code].status == reply.status_code


async def test_the_description_names_every_address_and_no_other(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        routes = list(house.app.router.routes())
    paths = {route.resource.canonical.replace("{name}", "{id}") for route in routes if route.resource is not None}
    assert paths == set(DESCRIPTION["paths"])


def test_every_documented_status_is_one_of_the_table() -> None:
    statuses = {str(entry.status) for entry in ERRORS.values()} | {"200"}
    for path, methods in DESCRIPTION["paths"].items():
        for operation in methods.values():
            assert set(operation["responses"]) <= statuses, path
