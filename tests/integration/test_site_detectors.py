"""The whole service with what a site adds: words, identifiers and a model of its own, inside the analyst's lock."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.cli.demo_house import ANSWER, GUARD
from proxy.config import AccessSettings, AuditSettings, DetectorSettings, ModelsSettings, PolicySettings, Settings
from proxy.launch import LaunchError, prepare
from proxy.policy_files import shipped_policies
from tests.kit.plugin_folders import token_classifier_folder
from tests.kit.service import Running, enrolled_house

RULES = """
[[pii.site]]
kind = "lotus_number"
type = "ID"
pattern = 'LX-\\d{6}'
scores = { shape = 600 }
examples = { match = ["see «LX-123456» now", "at «LX-000001»"], no_match = ["LX-12", "LX-1234567"] }

[pii.deny]
ORG = ["Lotus Ward"]
"""


def _settings(folder: Path, rules: str = RULES) -> Settings:
    text = shipped_policies()["hospital"].decode().replace('name = "hospital"', 'name = "site"')
    (folder / "site.toml").write_text(text.replace('evidence_min = "E1"', 'evidence_min = "E0"') + rules)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return Settings(
        access=AccessSettings(port=port, dir=folder / "access", socket=folder / "run" / "api.sock"),
        models=ModelsSettings(dir=folder, answer=ANSWER, guard=GUARD, demo_models=True),
        policy=PolicySettings(name="site", dir=folder, calibration_dir=folder),
        detectors=DetectorSettings(plugins=(token_classifier_folder(folder / "plugin"),)),
        audit=AuditSettings(dir=folder / "audit", site="demo.invalid"),
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("site")
    house = enrolled_house(folder, _settings(folder))
    with house.serving(lambda _: None):
        yield Running(house)


def _seen(service: Running, text: str) -> str:
    body = {"messages": [{"role": "user", "content": text}]}
    shown = service.house.post("/cordon/v1/preview", body).body["messages"][0]["parts"]
    return "".join(part.get("placeholder") or part["text"] for part in shown)


def test_the_model_sees_none_of_what_the_site_names(service: Running) -> None:
    text = "Quimby of lotus ward, number LX-123456, BP 120/80"
    assert _seen(service, text) == "[NAME_1] of [ORG_1], number [ID_1], BP 120/80"


def test_an_analyst_that_is_started_again_knows_it_too(service: Running) -> None:
    service.kill("proxy.workers.analyst")
    time.sleep(0.3)
    service.wait_ready()
    assert _seen(service, "Quimby on Lotus Ward") == "[NAME_1] on [ORG_1]"


def test_a_rule_that_is_refused_starts_nothing(tmp_path: Path) -> None:
    settings = _settings(tmp_path, RULES.replace("LX-\\d{6}", "LX-\\d+"))
    with pytest.raises(LaunchError, match=r"nothing was started.*lotus_number: the pattern is refused"):
        prepare(settings)
