"""Children are started with what they are given and nothing else; who dies is replaced; who keeps dying stays down."""

from __future__ import annotations

import ast
import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.workers.supervisor import CHILD_ENVIRONMENT, ChildSpec, Hooks, Supervisor


class Stage:
    """A supervisor with test children; `said` and `lines` are what it reported."""

    def __init__(
        self,
        worker: dict[str, object],
        gateway: dict[str, object] | None = None,
        hooks: Hooks = Hooks(),  # noqa: B008
    ) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []
        self.lines: list[str] = []
        self.supervisor = Supervisor(
            spec("gateway", gateway or {}),
            (spec("engine", worker),),
            report=lambda event, **facts: self.said.append((event, facts)),
            lines=self.lines.append,
            hooks=hooks,
        )

    def run(self, until: str, seconds: float = 20) -> int:
        """Run until a journal line or report contains `until`, then stop as systemd would."""
        done = threading.Event()

        def watch() -> None:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and not done.is_set():
                if any(until in line for line in self.lines) or any(until in f"{s}" for s in self.said):
                    break
                time.sleep(0.02)
            if not done.is_set():
                os.kill(os.getpid(), signal.SIGTERM)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            return self.supervisor.run()
        finally:
            done.set()
            watcher.join()

    def count(self, event: str, role: str) -> int:
        return sum(1 for name, facts in self.said if name == event and facts.get("role") == role)


def spec(role: str, plan: dict[str, object]) -> ChildSpec:
    return ChildSpec(role, "tests.kit.child", ("--plan", json.dumps({"role": role, **plan})))


@pytest.fixture(autouse=True)
def _signals():
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_clean_life_starts_both_and_stops_the_gateway_first() -> None:
    stage = Stage({})
    assert stage.run("environment") == 0
    assert stage.count("child_started", "gateway") == 1
    assert stage.count("child_started", "engine") == 1
    assert ("ready", {"role": "gateway"}) in stage.said


def test_children_inherit_no_environment() -> None:
    stage = Stage({})
    stage.run("environment")
    line = next(line for line in stage.lines if line.startswith("environment"))
    assert set(ast.literal_eval(line.removeprefix("environment "))) <= {*CHILD_ENVIRONMENT, "LC_CTYPE"}


def test_a_worker_that_dies_once_is_replaced_and_its_link_reaches_the_gateway(tmp_path: Path) -> None:
    stage = Stage({"once": str(tmp_path / "marker")})
    assert stage.run("attached engine ping") == 0
    assert stage.count("child_started", "engine") == 2
    assert "attached engine ping" in stage.lines


def test_a_worker_that_keeps_dying_is_left_down_and_the_gateway_hears_it() -> None:
    stage = Stage({"die": "always"})
    assert stage.run("down engine") == 0
    assert stage.count("child_left_down", "engine") == 1
    assert stage.count("child_started", "engine") == 3


def test_a_worker_that_cannot_be_configured_ends_the_service_with_78() -> None:
    stage = Stage({"die": "config"})
    assert stage.run("never") == 78
    assert ("child_failed", {"role": "engine", "code": "analyst_canary"}) in stage.said


def test_the_gateway_may_ask_for_a_worker_to_be_killed() -> None:
    stage = Stage({}, {"kill": "engine"})
    assert stage.run("attached engine ping") == 0
    assert stage.count("child_killed", "engine") == 1


def told(seen: list[str], ping_s: float | None = None) -> Hooks:
    return Hooks(
        ready=lambda: seen.append("ready"),
        failed=seen.append,
        alive=lambda: seen.append("alive"),
        stopping=lambda: seen.append("stopping"),
        ping_s=ping_s,
    )


def test_the_manager_is_told_in_order_and_the_sign_of_life_is_the_gateways() -> None:
    seen: list[str] = []
    stage = Stage({}, hooks=told(seen, ping_s=0.05))
    stage.run("attached", seconds=1)
    assert (seen[0], seen[-1]) == ("ready", "stopping")
    assert seen.count("alive") >= 2


def test_a_stuck_loop_gives_no_sign_of_life() -> None:
    seen: list[str] = []
    stage = Stage({}, {"stuck": True}, hooks=told(seen, ping_s=0.05))
    stage.run("attached", seconds=1)
    assert "alive" not in seen


def test_a_refusal_of_a_child_is_told_before_the_end() -> None:
    seen: list[str] = []
    assert Stage({"die": "config"}, hooks=told(seen)).run("nothing") == 78
    assert seen.index("analyst_canary") < seen.index("stopping")


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        (["control:dns", "netns-shared"], "confinement_failed (control:dns,netns-shared)"),
        (["Nimal has asthma"], "confinement_failed"),  # a child that was taken over may say anything
        (["x" * 500], "confinement_failed"),
    ],
)
def test_a_lock_that_does_not_hold_is_told_with_its_reasons(reasons: list[str], said: str) -> None:
    seen: list[str] = []
    assert Stage({"die": "lock", "reasons": reasons}, hooks=told(seen)).run("nothing") == 78
    assert said in seen


def test_where_a_child_crashed_is_told() -> None:
    stage = Stage({"die": "crash"})
    stage.run("child_left_down")
    places = [str(facts["place"]) for event, facts in stage.said if event == "crashed_at"]
    assert {place.rpartition(":")[2] for place in places} >= {"worker", "main"}
    assert {place.split(":")[0] for place in places} >= {"tests/kit/child.py"}
    assert stage.count("crashed", "engine") == stage.count("child_exited", "engine")


def test_a_worker_that_never_lives_ends_a_service_that_nobody_waits_for_yet() -> None:
    seen: list[str] = []
    stage = Stage({"die": "always"}, {"never_ready": True}, hooks=told(seen))
    assert stage.run("nothing") == 1
    assert "engine_failing" in seen


def test_a_gateway_that_was_just_started_has_some_grace() -> None:
    seen: list[str] = []
    hooks = replace(told(seen, ping_s=0.05), grace_s=30.0)
    Stage({}, {"stuck": True}, hooks=hooks).run("attached", seconds=1)
    assert "alive" in seen
