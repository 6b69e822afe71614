"""The report's table of what was measured: one row as long as nothing changes, and every reason in words."""

from __future__ import annotations

import html
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from audit import evidence
from audit.export.dossier import Dossier
from audit.report.network import network_table
from audit.words import ENGLISH, words_of
from tests.kit.dossiers import dossier_of, eventful

_WORDS = tomllib.loads((Path(__file__).parents[2] / "audit/english.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dossier(tmp_path_factory: pytest.TempPathFactory) -> Dossier:
    return dossier_of(eventful(tmp_path_factory.mktemp("log")))


def told(dossier: Dossier, language: str = "en", **changes: Any) -> list[str]:
    """The rows, without markup, of a log whose last evidence was changed."""
    records = dict(dossier.records)
    at = max(seq for seq, (kind, _) in records.items() if kind == "E")
    records[at] = ("E", {**records[at][1], **changes})
    page = str(network_table(Dossier(dossier.found, records), words_of(language)))
    rows = re.findall("<tr>(.*?)</tr>", page, re.DOTALL)[1:]
    return [" ".join(html.unescape(re.sub("<[^>]+>", " ", row)).split()) for row in rows]


def test_the_same_over_two_starts_is_one_row(dossier: Dossier) -> None:
    (row,) = told(dossier)
    assert "in 2 starts" in row
    assert "192 tests in 3 processes: every way out was refused, and what must work worked." in row
    assert "No network interface but a loopback one of their own." in row
    assert "Run by a user, without the system unit" in row


def test_a_unit_and_its_counters_begin_a_new_row(dossier: Dossier) -> None:
    counters = [
        {"src": "systemd:cordon.service:IPEgressBytes", "value": 0, "includes_loopback": 0},
        {"src": "systemd:cordon.socket:IPEgressBytes", "value": 4096, "includes_loopback": 1},
    ]
    first, second = told(dossier, unit=f"cordon.service {'ab' * 16}", counters=counters)
    assert "in 2 starts" not in first
    assert second.endswith("System unit abababab")
    assert "Counted by systemd: 0 bytes out of the service, 4096 bytes to callers through its port." in second


def test_a_test_that_failed_is_named_and_a_missing_process_told(dossier: Dossier) -> None:
    body = next(body for kind, body in dossier.records.values() if kind == "E")
    gateway, analyst, _ = body["procs"]
    name = gateway["controls"][0]["name"]
    failing = {**gateway, "controls": [{**gateway["controls"][0], "got": "ok"}, *gateway["controls"][1:]]}
    row = told(dossier, procs=[failing, analyst])[-1]
    assert "not measured" in row
    assert f"Not as it must be: {name}." in row
    assert "A process was missing, or did not answer." in row


def test_a_server_and_a_stranger_are_named(dossier: Dossier) -> None:
    loopback = {"accepted": 3, "peers": [], "non_loopback": 1}
    row = told(dossier, engine="http", engine_addr="127.0.0.1:9911", loopback=loopback)[-1]
    assert "The answering model is another program, at 127.0.0.1:9911;" in row
    assert "3 callers, and 1 from an address that is not this computer's own loopback." in row


def test_every_reason_has_words() -> None:
    source = Path(evidence.__file__).read_text(encoding="utf-8")
    codes = set(re.findall(r'yield "([a-z-]+)"', source))
    assert codes == set(_WORDS["network_reasons"])


def test_without_evidence_there_is_no_table_and_many_rows_are_cut(dossier: Dossier) -> None:
    assert str(network_table(Dossier(dossier.found, {}), ENGLISH)) == ""
    body = next(body for kind, body in dossier.records.values() if kind == "E")
    records = {seq: ("E", {**body, "unit": f"cordon.service {seq:032x}"}) for seq in range(45)}
    assert "5 earlier rows are left out." in str(network_table(Dossier(dossier.found, records), ENGLISH))
