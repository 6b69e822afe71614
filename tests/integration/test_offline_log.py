"""The log of a real service, then written to without it: nothing must look as if something else had run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.cli.demo_house import DemoHouse, build_house
from proxy.config import load_settings
from tests.kit.commands import cordon


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> DemoHouse:
    """A demonstration's house in which the service ran once and answered once."""
    made = build_house(tmp_path_factory.mktemp("data"))
    with made.serving(lambda _: None):
        words = ("--config", made.folder / "cordon.toml", "--json", "--wait", "60")
        running = cordon("audit", "export", *words)
        assert running.status == 0, running.err
        package = Path(json.loads(running.out)["package"])
        assert package.parent == made.folder / "outbox"
        keys = made.folder / "officer"
        named = (
            "--trust",
            keys / "trust.json",
            "--keyring",
            keys / "keyring.age",
            "--identity",
            keys / "demo.identity",
        )
        verified = cordon("audit", "verify", package, *named)
        assert verified.out.splitlines()[0].strip() == "VERIFIED", verified.out
        status = json.loads(cordon("audit", "status", "--config", made.folder / "cordon.toml", "--json").out)
        assert status["writing"] is True
        assert "a Cordon is already running" in cordon("check", "--config", made.folder / "cordon.toml", "--json").out
        messages = [{"role": "user", "content": "Seen by Nimal Perera."}]
        reply = made.post("/v1/chat/completions", {"model": "demo-chat", "messages": messages})
        assert reply.status == 200
    return made


def kinds(folder: Path) -> str:
    lines = cordon("audit", "records", folder, "--json").out.splitlines()
    return "".join(json.loads(line)["kind"] for line in lines)


def test_an_export_without_the_service_is_no_change_of_anything(house: DemoHouse) -> None:
    assert kinds(house.folder) == "SCEORZEX"  # who may ask, evidence, and the package of the running service
    ran = cordon("audit", "export", "--config", house.folder / "cordon.toml", "--out", house.folder, "--json")
    assert ran.status == 0
    assert kinds(house.folder) == "SCEORZEXSOX"
    package = json.loads(ran.out)["package"]
    for path in (house.folder, package):
        verified = cordon("audit", "verify", path)
        assert verified.out.splitlines()[0].strip() == "VERIFIED"
        assert verified.status == 0
        assert "Perera" not in verified.out


def test_a_changed_setting_is_a_change(house: DemoHouse) -> None:
    config = house.folder / "changed.toml"
    config.write_text((house.folder / "cordon.toml").read_text() + "[engine]\nmax_tokens = 77\n")
    assert load_settings(config).engine.max_tokens == 77
    before = kinds(house.folder)
    assert cordon("audit", "export", "--config", config, "--out", house.folder).status == 0
    assert kinds(house.folder) == before + "SCOX"


def test_a_damaged_registry_is_nothing_to_the_log(house: DemoHouse) -> None:
    registry = house.folder / "access" / "clients.json"
    content = registry.read_bytes()
    registry.write_bytes(b"nonsense")
    try:
        ran = cordon("audit", "export", "--config", house.folder / "cordon.toml", "--out", house.folder)
    finally:
        registry.write_bytes(content)
    assert ran.status == 0
