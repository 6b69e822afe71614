"""Evidence is what the processes say; who does not answer leaves a gap, and the windows follow one another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit.evidence import Loopback, Peer
from audit.log import SelfCheck
from audit.shapes import check
from proxy.evidence import Witness
from tests.kit.audit_house import SHA, quick_folder
from tests.kit.gateway_house import OwnLock, Yard, facts_of, housed

tmp_path = pytest.fixture(name="tmp_path")(quick_folder)
CHECKED = SelfCheck(5, "pass", "2026-11-20T10:00:00.000+05:30")


async def body(yard: Yard, why: str = "start"):
    made = await yard.witness.body(why, yard.clock.instant(), CHECKED)
    check("records", "E", {"v": 1, **yard.clock.instant().clock(), **made})
    return made


async def test_every_process_is_asked_and_all_in_order_is_e1(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        assert (yard.witness.level, yard.witness.reasons) == ("E0", ("not_ready",))
        made = await body(yard)
        assert [p["role"] for p in made["procs"]] == ["gateway", "analyst", "engine"]
        assert (made["level"], made["gaps"], made["why"]) == ("E1", [], "start")
        assert (yard.witness.level, yard.witness.reasons) == ("E1", ())
        assert made["self_check"] == CHECKED.body()
        assert made["paths"]["writable"][0]["path"] == "/var/lib/cordon/audit"


async def test_the_first_window_is_empty_and_holds_no_sleep_from_before_the_start(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        window = (await body(yard))["window"]
        assert window["from"] == window["to"]
        assert (window["from_ms"], window["to_ms"], window["asleep_ms"]) == (60_000, 60_000, 0)


async def test_windows_follow_one_another_and_count_the_sleep_between(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        first = await body(yard)
        yard.clock.pass_ms(900_000)
        yard.clock.sleep_ms(3_000)
        second = await body(yard, "tick")
        yard.clock.pass_ms(1_000)
        third = await body(yard, "tick")
        assert second["window"]["from"] == first["window"]["to"]
        assert third["window"]["from_ms"] == second["window"]["to_ms"]
        assert [b["window"]["asleep_ms"] for b in (first, second, third)] == [0, 3_000, 0]


@pytest.mark.parametrize("how", ["silent", "dead"])
@pytest.mark.parametrize("role", ["analyst", "engine"])
async def test_a_worker_that_does_not_answer_leaves_a_gap_and_lowers_the_level(
    tmp_path: Path, role: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "silent":
        monkeypatch.setattr("proxy.evidence._PROBE_S", 0.5)
    async with housed(tmp_path) as yard:
        first = await body(yard)
        yard.clock.pass_ms(1_000)
        if how == "silent":
            yard.workers[role].silent = True
        else:
            await yard.lose(role)
        made = await body(yard, "tick")
        assert [p["role"] for p in made["procs"]] == ["gateway", *({"analyst", "engine"} - {role})]
        assert [g["why"] for g in made["gaps"]] == [f"{role}-silent"]
        assert made["gaps"][0]["from"] == first["window"]["to"]
        assert made["level"] == "E0"
        assert "child-missing" in made["reasons"]


async def test_code_that_changed_since_the_start_is_seen_for_as_long_as_it_lasts(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await body(yard)
        facts = json.loads(facts_of("engine"))
        facts["proc"]["code"] = SHA["other"]
        yard.workers["engine"].told = json.dumps(facts)
        for _ in range(2):
            made = await body(yard, "tick")
            assert (made["level"], made["reasons"]) == ("E0", ["code-changed"])
        yard.workers["engine"].told = ""
        assert (await body(yard, "tick"))["level"] == "E1"


async def test_the_own_process_counts_too(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        made = await Witness(yard.house, OwnLock("analyst")).body("start", yard.clock.instant(), CHECKED)  # type: ignore[arg-type]
        assert (made["level"], "child-missing" in made["reasons"]) == ("E0", True)


async def test_callers_of_the_doors_are_in_the_record(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        yard.house.loopback = lambda: Loopback(3, (Peer(1000, 2), Peer(1001, 1)), 1)
        made = await body(yard)
        assert (made["loopback"]["accepted"], made["level"]) == (3, "E0")
        assert "non-loopback-peer" in made["reasons"]


async def test_a_server_outside_is_named_by_its_address_and_is_e0(tmp_path: Path) -> None:
    async with housed(tmp_path, engine="http") as yard:
        made = await body(yard)
        assert (made["level"], made["engine"], made["engine_addr"]) == ("E0", "http", "127.0.0.1:8081")
        assert [p["role"] for p in made["procs"]] == ["gateway", "analyst", "engine", "engine"]
        assert "engine-http" in made["reasons"]
        assert "child-missing" not in made["reasons"]


async def test_an_embedded_engine_has_no_address(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        assert "engine_addr" not in await body(yard)


async def test_counters_of_the_manager_stand_in_the_first_record_and_our_own_in_each(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        own = json.loads(facts_of("gateway")) | {"lo": [10, 20]}
        yard.witness._locked = type("Told", (), {"facts": lambda self: json.dumps(own)})()  # type: ignore[assignment]
        counted = {"systemd:cordon.service:IPEgressBytes": 0, "systemd:cordon.socket:IPEgressBytes": 512}
        yard.house.plan = yard.house.plan.model_copy(
            update={"unit": "cordon.service " + "ab" * 16, "counters": counted, "swap_max": 0}
        )
        first = await body(yard)
        assert {c["src"]: (c["value"], c["includes_loopback"]) for c in first["counters"]} == {
            "own:lo:rx_bytes": (10, 1),
            "own:lo:tx_bytes": (20, 1),
            "systemd:cordon.service:IPEgressBytes": (0, 0),
            "systemd:cordon.socket:IPEgressBytes": (512, 1),
        }
        assert (first["level"], first["paths"]["swap_max"]) == ("E1", 0)
        yard.clock.pass_ms(1_000)
        later = await body(yard, "tick")
        assert [c["src"] for c in later["counters"]] == ["own:lo:rx_bytes", "own:lo:tx_bytes"]
        assert later["level"] == "E1"
        assert yard.witness.broken() == ()


async def test_a_unit_whose_bytes_are_not_counted_is_e0(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        yard.house.plan = yard.house.plan.model_copy(update={"unit": "cordon.service " + "ab" * 16})
        made = await body(yard)
        assert (made["level"], made["reasons"]) == ("E0", ["ip-accounting-missing"])
        assert yard.witness.broken() == ("ip-accounting-missing",)
