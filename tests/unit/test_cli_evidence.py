"""`cordon audit status` and `cordon check` say in words what a running service measured last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.cli import api, audit_computer, examine_host
from tests.kit.audit_house import quick_folder
from tests.kit.commands import cordon, settings_file
from tests.unit.test_cli_check import checked, enrolled, port, said

__all__ = ["port"]
folder = pytest.fixture(quick_folder)
MEASURED = {"level": "E1", "sentence": "No way out was found."}


def running(monkeypatch: pytest.MonkeyPatch, evidence: dict[str, str] | None) -> None:
    """A service that has the log open and tells its evidence."""
    monkeypatch.setattr("proxy.cli.audit_offline.is_writing", lambda _: True)
    for module in (audit_computer, examine_host):
        monkeypatch.setattr(module, "evidence_now", lambda _: evidence)


def test_status_says_level_and_sentence(folder: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings_file(folder, port)
    enrolled(folder, config)
    assert "measured while the service runs" in cordon("audit", "status", "--config", config).out
    running(monkeypatch, MEASURED)
    ran = cordon("audit", "status", "--config", config)
    assert "E1. No way out was found." in ran.out
    assert json.loads(cordon("audit", "status", "--config", config, "--json").out)["evidence"] == MEASURED


def test_check_says_it_too_and_a_level_too_low_is_no_answer(
    folder: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings_file(folder, port)
    enrolled(folder, config)
    monkeypatch.setattr(examine_host, "_wanted", lambda _: "E1")
    running(monkeypatch, MEASURED)
    assert said(checked(config)[1], "evidence") == [("good", "E1. No way out was found.")]
    running(monkeypatch, {"level": "E0", "sentence": "Not measured."})
    assert said(checked(config)[1], "evidence") == [("silent", "E0. Not measured.")]
    running(monkeypatch, None)
    assert said(checked(config)[1], "evidence") == []


def test_nobody_is_asked_where_nobody_listens(tmp_path: Path) -> None:
    assert api.evidence_now(tmp_path / "nobody.sock") is None
