"""Everything that can be refused is refused before anything is started, in one sentence that says what to do."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from proxy.activation import Inherited
from proxy.clock import read_boot_id
from proxy.config import (
    AccessSettings,
    AuditSettings,
    ConfigError,
    ModelsSettings,
    PolicySettings,
    Settings,
    environment,
)
from proxy.journal import open_journal
from proxy.launch import (
    Ground,
    LaunchError,
    Prepared,
    _boot_id,
    _gateway,
    _named_users,
    _sentence,
    _stand_on,
    _warn,
    _workers,
    engine_spec,
    prepare,
)  # fmt: skip
from proxy.listeners import bind_loopback
from proxy.plan import GatewayPlan, LockOrder
from proxy.preflight import Preflight
from proxy.workers.border import parse_arguments
from proxy.workers.engine.launch import plan_from_json

SHA = "ab" * 32
GROUND = Ground(Inherited({}, None), None, "905da152-6663-41d3-8596-439821c02f07")


def settings(folder: Path, **changed: object) -> Settings:
    """The bundled models under the shipped policy; `models`, `engine`, `policy`, `access` replace fields."""
    made = Settings(
        access=AccessSettings(dir=folder / "access", socket=folder / "api.sock"),
        models=ModelsSettings(dir=folder, answer="demo-chat", guard="demo-guard", demo_models=True),
        policy=PolicySettings(name="hospital", dir=folder, calibration_dir=folder),
        audit=AuditSettings(dir=folder / "audit"),
    )
    for name, fields in changed.items():
        part = type(getattr(made, name))(**{**getattr(made, name).model_dump(), **fields})  # type: ignore[arg-type]
        made = made.model_copy(update={name: part})
    return made


def outside(folder: Path, **changed: object) -> Settings:
    """A server outside answers, under a policy of the site that allows it."""
    says = 'name = "outside"\nextends = "hospital"\ntitle = "A server outside"\nevidence_min = "E0"\nengine = "any"\n'
    (folder / "outside.toml").write_text(says)
    engine = {"kind": "http", "base_url": "http://127.0.0.1:8081/v1", "model": "big"}
    return settings(folder, **{"engine": engine, "policy": {"name": "outside"}, **changed})


def test_the_bundled_house_can_be_prepared(tmp_path: Path) -> None:
    got = prepare(settings(tmp_path))
    assert got.answer is not None
    assert got.guard is not None
    assert (got.answer.model.id, got.guard.model.id, got.policy.name) == ("demo-chat", "demo-guard", "hospital")
    assert got.policy.calibration_basis == "demo"


def test_a_server_outside_has_no_answer_model_and_keeps_the_guard(tmp_path: Path) -> None:
    got = prepare(outside(tmp_path))
    assert got.answer is None
    assert got.guard is not None


def test_a_policy_may_demand_the_embedded_engine(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="demands the embedded engine"):
        prepare(outside(tmp_path, policy={"name": "hospital"}))


@pytest.mark.parametrize("months", [60, 121])
def test_a_policy_bounds_how_long_the_log_is_kept(tmp_path: Path, months: int) -> None:
    with pytest.raises(LaunchError, match="kept 72 to 120 months"):
        prepare(settings(tmp_path, policy={"name": "hipaa-safe-harbor"}, audit={"retention_months": months}))
    assert prepare(settings(tmp_path, policy={"name": "hipaa-safe-harbor"})).policy.retention.log_months_least == 72


def test_a_policy_bounds_the_length_of_an_answer(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(
        'name = "short"\nextends = "hospital"\ntitle = "Short answers"\n[limits]\nanswer_tokens = 64\n'
    )
    spec = engine_spec(prepare(settings(tmp_path, policy={"name": "short"})))
    for number in spec.descriptors.values():
        os.close(number)
    roles = plan_from_json(spec.arguments[spec.arguments.index("--plan") + 1]).models
    assert {role.max_tokens for role in roles} == {64}


def test_a_policy_that_does_not_judge_loads_no_guard(tmp_path: Path) -> None:
    assert prepare(settings(tmp_path, policy={"name": "unsafe-allow-all"})).guard is None


def site_catalogue(folder: Path, sha256: str = "", role: str = "guard") -> Path:
    path = folder / "site.toml"
    path.write_text(
        f'[[model]]\nid = "own"\nrole = "{role}"\nfamily = "gemma2"\nhf_id = "x/y"\nfile = "own.gguf"\nbytes = 1\n'
        f'sha256 = "{sha256}"\nlicence = "none"\ncontext = 4096\nmodalities = ["text"]\nkv_mib = 0\n'
        "sampling = { temperature = 1.0, top_p = 0.95, top_k = 64 }\nempty_thought = false\nscenarios = []\n"
    )
    return path


def not_there(folder: Path) -> Settings:
    return settings(folder, models={"answer": "demo-chta"})


def a_guard_as_answer(folder: Path) -> Settings:
    return settings(folder, models={"answer": "demo-guard"})


def no_demonstration(folder: Path) -> Settings:
    return settings(folder, models={"demo_models": False})


def not_approved(folder: Path) -> Settings:
    return settings(folder, models={"guard": "shieldgemma-2b"})


def no_file(folder: Path) -> Settings:
    return settings(folder, models={"guard": "own", "catalogue": site_catalogue(folder, SHA)})


def no_calibration(folder: Path) -> Settings:
    (folder / "own.gguf").write_bytes(b"x")
    return settings(folder, models={"guard": "own", "catalogue": site_catalogue(folder, SHA)})


def a_broken_calibration(folder: Path) -> Settings:
    (folder / f"{SHA[:16]}.toml").write_text("not = [toml")
    return no_calibration(folder)


def no_catalogue(folder: Path) -> Settings:
    return settings(folder, models={"catalogue": folder / "nothing.toml"})


def a_broken_catalogue(folder: Path) -> Settings:
    (folder / "broken.toml").write_text("[[model]]\nid = 7\n")
    return settings(folder, models={"catalogue": folder / "broken.toml"})


def no_policy(folder: Path) -> Settings:
    return settings(folder, policy={"name": "clinic"})


def a_broken_policy(folder: Path) -> Settings:
    (folder / "clinic.toml").write_text('name = "clinic"\n')
    return settings(folder, policy={"name": "clinic"})


def no_guard(folder: Path) -> Settings:
    return settings(folder, models={"guard": ""})


@pytest.mark.parametrize(
    ("case", "error", "words"),
    [
        (not_there, ConfigError, ("models.answer", "demo-chta", "Known:", "demo-chat")),
        (a_guard_as_answer, ConfigError, ("models.answer", "no answer model demo-guard")),
        (no_demonstration, ConfigError, ("demonstration only", "models.demo_models = true")),
        (not_approved, ConfigError, ("models.guard", "not approved", "sha256sum", "[models.pins]")),
        (no_file, ConfigError, ("models.guard", "own.gguf is missing", "Copy the file there")),
        (no_calibration, LaunchError, ("no calibration", "cordon policy calibrate")),
        (a_broken_calibration, LaunchError, ("the policy cannot be used", "calibration")),
        (no_catalogue, ConfigError, ("models.catalogue cannot be read",)),
        (a_broken_catalogue, ConfigError, ("model",)),
        (no_policy, LaunchError, ("the policy cannot be used", "clinic")),
        (a_broken_policy, LaunchError, ("the policy cannot be used",)),
        (no_guard, LaunchError, ("models.guard is empty", "Name a guard")),
    ],
)
def test_every_refusal_is_a_sentence_that_says_nothing_was_started(
    tmp_path: Path, case: Callable[[Path], Settings], error: type[Exception], words: tuple[str, ...]
) -> None:
    with pytest.raises(error) as caught:
        prepare(case(tmp_path))
    sentence = str(caught.value)
    for word in (*words, "nothing was started"):
        assert word in sentence
    assert "\n" not in sentence


def test_names_of_users_become_numbers(tmp_path: Path) -> None:
    named = _named_users(settings(tmp_path, access={"allow_keyless_local_user": ("root", 1000)}))
    assert named.access.allow_keyless_local_user == (0, 1000)


def test_an_unknown_user_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"unknown user; nothing was started"):
        _named_users(settings(tmp_path, access={"allow_keyless_local_user": ("nobody-of-that-name",)}))


def warned(prepared: Prepared) -> list[tuple[str, str]]:
    stream = io.StringIO()
    _warn(prepared, open_journal(stream))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [(line["event"], line.get("policy") or line.get("basis") or line.get("evidence", "")) for line in lines]


def test_what_weakens_the_service_is_said_in_the_journal(tmp_path: Path) -> None:
    assert warned(prepare(settings(tmp_path))) == [("thresholds_not_measured", "demo")]
    got = warned(prepare(outside(tmp_path, policy={"name": "unsafe-allow-all"})))
    assert got == [("unsafe_policy", "unsafe-allow-all"), ("engine_outside_the_cordon", "E0")]
    measured = prepare(settings(tmp_path))
    assert warned(replace(measured, policy=replace(measured.policy, calibration_basis="measured"))) == []


def orders(prepared: Prepared) -> dict[str, LockOrder]:
    specs = _workers(prepared, GROUND)
    for spec in specs:
        for number in spec.descriptors.values():
            os.close(number)
    return {spec.role: LockOrder.model_validate_json(parse_arguments(spec.arguments).lock) for spec in specs}


def test_only_the_connector_may_connect_and_only_to_its_port(tmp_path: Path) -> None:
    assert {role: o.ports for role, o in orders(prepare(settings(tmp_path))).items()} == {"analyst": (), "engine": ()}
    http = orders(prepare(outside(tmp_path)))
    assert {role: o.ports for role, o in http.items()} == {"analyst": (), "engine": (), "http": (8081,)}
    assert all((o.own_namespaces, o.read, o.write) == (True, (), ()) for o in http.values())
    bare = orders(prepare(outside(tmp_path, policy={"name": "unsafe-allow-all"}, models={"guard": ""})))
    assert set(bare) == {"analyst", "http"}


def test_the_engine_is_given_open_files_and_their_digests(tmp_path: Path) -> None:
    prepared = prepare(settings(tmp_path, engine={"parallel": 2, "threads": 3}))
    spec = engine_spec(prepared)
    try:
        assert set(spec.descriptors) == {"model.answer", "model.guard"}
        plan = plan_from_json(parse_arguments(spec.arguments).plan)
        assert [(m.role, m.id, m.descriptor, m.path) for m in plan.models] == [
            ("answer", "demo-chat", spec.descriptors["model.answer"], None),
            ("guard", "demo-guard", spec.descriptors["model.guard"], None),
        ]
        assert prepared.answer is not None
        assert (plan.models[0].sha256, plan.models[0].slots, plan.threads) == (prepared.answer.sha256, 2, 3)
        assert os.fstat(plan.models[0].descriptor or -1).st_size == prepared.answer.path.stat().st_size
        assert not os.get_inheritable(spec.descriptors["model.guard"])
    finally:
        for number in spec.descriptors.values():
            os.close(number)


def test_the_gateway_is_told_digests_and_may_write_two_folders(tmp_path: Path) -> None:
    prepared = prepare(settings(tmp_path))
    sockets = bind_loopback(0)
    spec = _gateway(prepared, replace(GROUND, sockets=Inherited({"listen.http.0": sockets[0]}, None)))
    given = parse_arguments(spec.arguments)
    plan, order = GatewayPlan.model_validate_json(given.plan), LockOrder.model_validate_json(given.lock)
    assert spec.descriptors == {"listen.http.0": sockets[0].fileno()}
    for sock in sockets:
        sock.close()
    assert (plan.unit, plan.counters, plan.swap_max, plan.boot_id) == ("none", {}, -1, GROUND.boot_id)
    assert plan.settings == prepared.settings
    assert prepared.guard is not None
    assert (plan.guard is not None and plan.guard.sha256) == prepared.guard.sha256
    assert order.write == (str(tmp_path / "audit"), str(tmp_path / "access"))
    assert order.ports == ()
    assert plan.uid == os.getuid()
    assert set(plan.filters) == {"gateway", "analyst", "engine"}
    other = _gateway(prepare(settings(tmp_path, engine={"threads": 3})), GROUND)
    assert GatewayPlan.model_validate_json(parse_arguments(other.arguments).plan).config != plan.config


# ---- under a unit ----------------------------------------------------------------------------------------------------

FACTS = Preflight(
    0, 0, 4096, 0, "cordon.service " + "ab" * 16, False, False, 4026531840, 1, ("landlock",), 1 << 30, {}
)  # fmt: skip


def test_under_a_unit_the_facts_are_those_that_root_wrote(tmp_path: Path) -> None:
    prepared = prepare(settings(tmp_path))
    ground = replace(GROUND, preflight=FACTS)
    given = parse_arguments(_gateway(prepared, ground).arguments)
    plan, order = GatewayPlan.model_validate_json(given.plan), LockOrder.model_validate_json(given.lock)
    assert (plan.unit, plan.swap_max, plan.host.netns) == (FACTS.unit, 0, 4026531840)
    assert plan.counters == {
        "systemd:cordon.service:IPEgressBytes": 0,
        "systemd:cordon.socket:IPEgressBytes": 4096,
    }
    assert order.own_namespaces is False
    specs = _workers(prepared, ground)
    for number in {n for spec in specs for n in spec.descriptors.values()}:
        os.close(number)
    engine = next(spec for spec in specs if spec.role == "engine")
    assert plan_from_json(parse_arguments(engine.arguments).plan).memory_bytes == 1 << 30
    assert not any(LockOrder.model_validate_json(parse_arguments(s.arguments).lock).own_namespaces for s in specs)


def stood_on(monkeypatch: pytest.MonkeyPatch, facts: Preflight, weak: tuple[str, ...], least: str) -> list[str]:
    monkeypatch.setattr("proxy.launch.read_preflight", lambda: facts)
    monkeypatch.setattr("proxy.launch.unit_weaknesses", lambda _: weak)
    stream = io.StringIO()
    policy = SimpleNamespace(evidence_min=least)
    _stand_on(policy, open_journal(stream))  # type: ignore[arg-type]
    return [json.loads(line)["code"] for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("facts", "weak", "says"),
    [
        (replace(FACTS, egress_bytes=None), (), "ip-accounting-missing"),
        (FACTS, ("PrivateNetwork", "IPAddressDeny"), "PrivateNetwork, IPAddressDeny"),
        (replace(FACTS, port6_taken=True), (), "another program holds"),
        (replace(FACTS, reload_needed=True), (), "daemon-reload"),
    ],
)
def test_a_unit_that_protects_less_is_refused(
    monkeypatch: pytest.MonkeyPatch, facts: Preflight, weak: tuple[str, ...], says: str
) -> None:
    with pytest.raises(LaunchError, match=says) as caught:
        stood_on(monkeypatch, facts, weak, "E1")
    assert "nothing was started" in str(caught.value)


def test_unless_the_policy_asks_for_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = replace(FACTS, egress_bytes=None)
    assert stood_on(monkeypatch, weak, ("MemorySwapMax",), "E0") == ["ip-accounting-missing", "MemorySwapMax"]
    assert stood_on(monkeypatch, FACTS, (), "E1") == []


def test_the_boot_is_what_the_unit_passed_on() -> None:
    env = environment()
    assert _boot_id(env.model_copy(update={"boot": "905da152666341d38596439821c02f07"})) == GROUND.boot_id
    assert _boot_id(env.model_copy(update={"boot": ""})) == read_boot_id()


def test_what_an_administrator_reads_in_the_status() -> None:
    assert _sentence("audit_not_enrolled").startswith("audit_not_enrolled: This computer is not enrolled")
    assert "journalctl --namespace=cordon" in _sentence("lock:seccomp")


def test_the_status_names_what_did_not_hold() -> None:
    said = _sentence("confinement_failed (control:fastopen,netns-shared)")
    assert said.startswith("confinement_failed (control:fastopen,netns-shared): A test of the confinement failed")
