"""`cordon check`: every value has its origin, every part is looked at, and the answer is one of three."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.cli import examine_host
from proxy.cli.check import COMMANDS
from proxy.cli.examine_host import Level
from proxy.config import Settings
from proxy.hostfacts import expected_filters
from proxy.preflight import Preflight
from tests.kit.audit_house import quick_folder
from tests.kit.commands import cordon, officer_folder, settings_file
from tests.kit.gateway import running
from tests.kit.locked_child import user_namespaces

folder = pytest.fixture(quick_folder)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def checked(config: Path) -> tuple[int, dict[str, Any]]:
    ran = cordon("check", "--config", config, "--json")
    return ran.status, json.loads(ran.out)


def said(found: dict[str, Any], part: str) -> list[tuple[str, str]]:
    return [(point["level"], point["says"]) for point in found["found"] if point["part"] == part]


def enrolled(folder: Path, config: Path) -> None:
    """Take the computer through its enrolment."""
    assert cordon("audit", "init", "--config", config, "--out", folder).status == 0
    keys = officer_folder(folder / "keys")
    words = ("--dir", keys, "--identity", keys / "nimali.identity.age", "--out", folder / "e.note", "--yes")
    assert cordon("enrol", folder / "enrol-request.note", *words).status == 0
    assert cordon("audit", "accept", folder / "e.note", "--config", config, "--yes").status == 0


def test_an_enrolled_computer_would_start_and_answer(folder: Path, port: int) -> None:
    config = settings_file(folder, port)
    enrolled(folder, config)
    status, found = checked(config)
    assert (status, found["starts"], found["answers"]) == (0, True, True)
    assert said(found, "log")[0][0] == "good"
    assert said(found, "port") == [("good", said(found, "port")[0][1])]
    ran = cordon("check", "--config", config)
    assert "would start and answer" in ran.out


def test_each_value_says_where_it_comes_from(folder: Path, port: int) -> None:
    _, found = checked(settings_file(folder, port))
    rows = found["settings"]
    assert rows["access.port"] == {"value": port, "origin": "cordon.toml"}
    assert rows["engine.deadline_s"] == {"value": 300, "origin": "default"}
    whole = Settings().model_dump(mode="json")
    assert set(rows) == {f"{section}.{key}" for section, table in whole.items() for key in table}
    table = cordon("check", "--config", folder / "cordon.toml").out
    assert all(key in table for key in rows)


def test_without_a_log_it_would_start_and_refuse(folder: Path, port: int) -> None:
    config = settings_file(folder, port)
    status, found = checked(config)
    assert (status, found["starts"], found["answers"]) == (1, True, False)
    assert "cordon audit init" in said(found, "log")[0][1]
    assert cordon("audit", "init", "--config", config, "--out", folder).status == 0
    status, found = checked(config)
    assert status == 1
    assert "enrolled" in said(found, "log")[0][1]
    assert "refuse every question" in cordon("check", "--config", config).out
    (folder / "audit" / "state" / "wal").write_bytes(b"nonsense")
    status, found = checked(config)
    assert (status, "cannot be read" in said(found, "log")[0][1]) == (1, True)


def test_nothing_is_made_by_looking(folder: Path, port: int) -> None:
    config = settings_file(folder, port)
    cordon("check", "--config", config)
    assert [path.name for path in folder.iterdir()] == ["cordon.toml"]


def test_settings_that_are_none(folder: Path) -> None:
    ran = cordon("check", "--config", folder / "nowhere.toml")
    assert (ran.status, ran.out) == (78, "")
    (folder / "c.toml").write_text("[access]\ncolour = 1\n")
    ran = cordon("check", "--config", folder / "c.toml")
    assert (ran.status, "access.colour" in ran.err) == (78, True)


# ---- models, policy --------------------------------------------------------------------------------------------


def embedded(folder: Path, port: int, models: str, policy: str = "hospital") -> Path:
    config = folder / "cordon.toml"
    config.write_text(
        f'[access]\nport = {port}\ndir = "{folder}/a"\nsocket = "{folder}/s"\n[models]\ndir = "{folder}"\n{models}\n'
        f'[policy]\nname = "{policy}"\n[audit]\ndir = "{folder}/audit"\n'
    )
    return config


def test_the_bundled_models_are_approved_and_marked(folder: Path, port: int) -> None:
    models = 'answer = "demo-chat"\nguard = "demo-guard"\ndemo_models = true'
    status, found = checked(embedded(folder, port, models))
    assert status == 1  # only the log is missing
    for part in ("answer", "guard"):
        level, says = said(found, part)[0]
        assert (level, "for demonstration only" in says) == ("remark", True)
    assert said(found, "policy")[0][0] == "good"
    assert said(found, "calibration") == [("remark", said(found, "calibration")[0][1])]
    assert "not measured" in said(found, "calibration")[0][1]


def test_demonstration_models_must_be_wanted(folder: Path, port: int) -> None:
    status, found = checked(embedded(folder, port, 'answer = "demo-chat"\nguard = "demo-guard"'))
    assert (status, found["starts"]) == (78, False)
    assert [said(found, part)[0][0] for part in ("answer", "guard")] == ["stops", "stops"]


def test_every_problem_is_named_at_once(folder: Path, port: int) -> None:
    models = 'answer = "no-such-model"\nguard = "shieldgemma-2b"'
    status, found = checked(embedded(folder, port, models, "no-such-policy"))
    assert status == 78
    assert "there is no answer model" in said(found, "answer")[0][1]
    assert "is missing" in said(found, "guard")[0][1]
    assert "policy_unknown" in said(found, "policy")[0][1]
    assert said(found, "log")
    assert said(found, "landlock")
    assert "would not start" in cordon("check", "--config", folder / "cordon.toml").out


def test_a_file_that_is_present_is_held_against_its_pin(folder: Path, port: int) -> None:
    file = folder / "shieldgemma-2b-Q8_0.gguf"
    file.write_bytes(b"weights")
    models = 'answer = "demo-chat"\nguard = "shieldgemma-2b"\ndemo_models = true'
    _, found = checked(embedded(folder, port, models))
    assert "not approved yet" in said(found, "guard")[0][1]
    digest = hashlib.sha256(b"weights").hexdigest()
    status, found = checked(embedded(folder, port, f'{models}\n[models.pins]\n"shieldgemma-2b" = "{digest}"'))
    assert said(found, "guard")[0][0] == "good"
    assert status == 78  # nobody calibrated it
    assert "no calibration" in said(found, "calibration")[0][1]
    file.write_bytes(b"other weights")
    _, found = checked(embedded(folder, port, f'{models}\n[models.pins]\n"shieldgemma-2b" = "{digest}"'))
    assert said(found, "guard") == [("stops", said(found, "guard")[0][1])]
    assert "another file" in said(found, "guard")[0][1]


def test_a_policy_that_judges_needs_a_guard(folder: Path, port: int) -> None:
    status, found = checked(embedded(folder, port, 'answer = "demo-chat"\nguard = ""\ndemo_models = true'))
    assert status == 78
    assert [point for point in found["found"] if point["level"] == "stops"]


def test_a_catalogue_that_is_none(folder: Path, port: int) -> None:
    (folder / "models.toml").write_text("[[model]]\n")
    status, found = checked(embedded(folder, port, f'catalogue = "{folder}/models.toml"'))
    assert status == 78
    assert said(found, "models")[0][0] == "stops"


# ---- port ------------------------------------------------------------------------------------------------------


def test_a_port_that_somebody_has_stops(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(0)
        status, found = checked(settings_file(folder, other.getsockname()[1]))
    assert status == 78
    assert said(found, "port")[0][0] == "stops"


async def test_a_cordon_that_runs_there_is_recognised(folder: Path) -> None:
    async with running(folder) as house:
        config = settings_file(folder, house.port)
        _, found = await asyncio.to_thread(checked, config)
    assert said(found, "port") == [("remark", f"a Cordon is already running on port {house.port}")]


# ---- confinement -----------------------------------------------------------------------------------------------


def test_confinement_is_said_in_words(folder: Path, port: int) -> None:
    _, found = checked(settings_file(folder, port))
    assert said(found, "seccomp")[0][0] == "good"
    assert said(found, "namespaces")[0][0] == ("good" if user_namespaces() else "remark")
    assert len(said(found, "landlock")) == 1


@pytest.mark.parametrize(
    ("name", "level"), [("unsafe-allow-all", "remark"), ("hospital", "silent"), ("none", "silent")]
)
def test_what_is_missing_matters_as_much_as_the_policy_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, level: str
) -> None:
    """On a computer whose kernel offers neither: a policy that asks for E1 would refuse every question."""
    monkeypatch.setattr(examine_host, "take_namespaces", lambda **_: False)
    monkeypatch.setattr(examine_host, "landlock_abi", lambda: 0)
    config = settings_file(folder)
    config.write_text(config.read_text().replace("unsafe-allow-all", name))
    _, found = checked(config)
    assert said(found, "namespaces")[0][0] == level
    assert said(found, "landlock")[0][0] == level


def test_an_attempt_that_breaks_is_a_no() -> None:
    def broken() -> bool:
        raise OSError

    assert not examine_host._forked(broken)
    assert examine_host._forked(lambda: True)
    assert not examine_host._forked(lambda: False)


def test_the_filters_are_those_the_processes_must_have() -> None:
    digests = expected_filters()
    assert json.loads(cordon("check", "--filters", "--json").out) == digests
    first, *programs = cordon("check", "--filters").out.split("\n\n")
    assert [line.split() for line in first.splitlines()] == [[role, digest] for role, digest in digests.items()]
    assert [text.partition(" (")[0] for text in programs] == [
        "gateway, its lock", "analyst, its lock", "engine, its lock", "engine, its seal once the model is loaded",
    ]  # fmt: skip
    assert "refuse with EAFNOSUPPORT: socket\n" in programs[0]


def test_levels_have_words_and_an_order() -> None:
    assert sorted(Level) == [Level.GOOD, Level.REMARK, Level.SILENT, Level.STOPS]
    assert len({level.word for level in Level}) == 4
    assert COMMANDS[0].example.startswith("cordon check")


def facts(**changed: object) -> Preflight:
    good = Preflight(
        egress_bytes=0, ingress_bytes=0, socket_egress_bytes=0, swap_max=0, unit="cordon.service " + "ab" * 16,
        reload_needed=False, port6_taken=False, host_netns=1, tcp_fastopen=1, lsm=(), memory_bytes=1, settings={},
    )  # fmt: skip
    return replace(good, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "missing", "expected"),
    [
        ({}, (), ("good", "every protection of the shipped unit was in force")),
        ({}, ("PrivateNetwork",), ("stops", "weaker than the shipped one in PrivateNetwork")),
        ({"egress_bytes": None}, (), ("stops", "does not count")),
    ],
)
def test_the_unit_of_the_last_start_is_looked_at(
    folder: Path, port: int, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object],
    missing: tuple[str, ...], expected: tuple[str, str],
) -> None:  # fmt: skip
    written = folder / "preflight"
    written.touch()
    monkeypatch.setattr(examine_host, "PREFLIGHT", written)
    monkeypatch.setattr(examine_host, "read_preflight", lambda: facts(**changed))
    monkeypatch.setattr(examine_host, "unit_weaknesses", lambda _: missing)
    monkeypatch.setattr(examine_host, "_wanted", lambda _: "E1")
    _, found = checked(settings_file(folder, port))
    assert any(
        got == expected[0] and expected[1] in words for got, words in [*said(found, "unit"), *said(found, "bytes")]
    )
    assert said(found, "namespaces")[0][0] == "good"


def test_a_port_that_systemd_holds_for_us_is_not_asked(
    folder: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine_host, "_held_for_us", lambda _: True)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        _, found = checked(settings_file(folder, port))
    assert "held by systemd" in said(found, "port")[0][1]
    assert not examine_host._is_cordon(port)
