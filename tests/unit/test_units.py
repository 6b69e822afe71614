"""The units say what the design needs, and fall into none of the known traps. Read as text: nothing is started.

Where systemd's own tools are installed they are asked too.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from proxy.preflight import PROTECTIONS

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
SERVICES = sorted(path.name for path in SYSTEMD.glob("*.service"))
SOCKETS = sorted(path.name for path in SYSTEMD.glob("*.socket"))
SHARED = "# --- shared hardening"


def settings(name: str) -> dict[str, list[str]]:
    """Return the settings of a unit in order; a repeated one keeps all its values."""
    found: dict[str, list[str]] = {}
    for line in (SYSTEMD / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def shared_block(name: str) -> list[str]:
    text = (SYSTEMD / name).read_text(encoding="utf-8")
    return text[text.index(SHARED) :].split("\n\n", 1)[0].splitlines()


def test_the_set_is_complete() -> None:
    assert SERVICES == ["cordon-export.service", "cordon.service"]
    assert SOCKETS == ["cordon-api.socket", "cordon-diag.socket", "cordon-ip6.socket", "cordon.socket"]


def test_the_shared_block_is_the_same_in_every_service() -> None:
    main, export = shared_block("cordon.service"), shared_block("cordon-export.service")
    assert len(main) == len(export) == 37
    different = {(a, b) for a, b in zip(main, export, strict=True) if a != b}
    assert different == {
        ("UMask=0077", "UMask=0007"),
        ("RestrictAddressFamilies=AF_UNIX", "RestrictAddressFamilies=none"),
    }


@pytest.mark.parametrize("name", SERVICES)
def test_the_network_is_empty_and_io_uring_is_closed(name: str) -> None:
    unit = settings(name)
    assert unit["PrivateNetwork"] == ["yes"]
    assert unit["IPAddressDeny"] == ["any"]
    assert "IPAddressAllow" not in unit
    refused = next(value for value in unit["SystemCallFilter"] if value.startswith("~"))
    # @system-service contains @aio, and io_uring goes round socket filters
    assert {"@aio", "io_uring_setup", "connect", "shutdown", "bind"} <= set(refused.removeprefix("~").split())
    assert unit["SystemCallErrorNumber"] == ["EPERM"]  # the default signal kills the service at start
    assert unit["DevicePolicy"] == ["closed"]
    assert unit["LimitCORE"] == ["1"]  # 0 still starts a handler


def test_the_lock_may_be_made_under_the_unit() -> None:
    allowed = settings("cordon.service")["SystemCallFilter"][0].split()
    assert {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"} <= set(allowed)


def test_the_file_system_is_an_allow_list() -> None:
    unit = settings("cordon.service")
    assert unit["RootDirectory"] == ["/var/lib/cordon-root"]  # below /usr it would bind itself into itself
    assert unit["RootDirectoryStartOnly"] == ["yes"]
    assert "TemporaryFileSystem" not in unit  # dropped without a word beside ProtectSystem=strict
    assert "ExecPaths" not in unit
    writable = {
        *unit["BindPaths"][0].split(),
        "/var/lib/cordon/audit",
        "/var/lib/cordon/access",
        "/dev/shm",
        "/tmp",
        "/var/tmp",
    }
    for path in unit["NoExecPaths"][0].split():  # naming a read-only path would make it writable
        assert path.startswith("+")
        assert path[1:] in writable
    assert "PrivateUsers" not in unit  # every caller of the Unix socket would be nobody


def test_failing_starts_do_not_give_the_port_away() -> None:
    assert settings("cordon.service")["StartLimitIntervalSec"] == ["0"]
    for name in SOCKETS:
        unit = settings(name)
        assert unit["FlushPending"] == ["yes"]
        assert unit["TriggerLimitIntervalSec"] == ["0"]
        assert unit["Service"] == ["cordon.service"]


def test_listeners_are_on_loopback_and_have_names() -> None:
    names = {name: settings(name)["FileDescriptorName"][0] for name in SOCKETS}
    assert names == {
        "cordon.socket": "http",
        "cordon-ip6.socket": "http",
        "cordon-api.socket": "api",
        "cordon-diag.socket": "diag",
    }
    for name, address, allowed in (
        ("cordon.socket", "127.0.0.1:8642", "127.0.0.1"),
        ("cordon-ip6.socket", "[::1]:8642", "::1"),
    ):
        unit = settings(name)
        assert unit["ListenStream"] == [address]
        assert unit["BindToDevice"] == ["lo"]
        assert (unit["IPAddressDeny"], unit["IPAddressAllow"]) == (["any"], [allowed])
        assert unit["IPAccounting"] == ["yes"]


def test_the_service_takes_every_socket() -> None:
    unit = settings("cordon.service")
    assert set(unit["Sockets"][0].split()) == set(unit["Also"][0].split()) == set(SOCKETS)
    assert unit["RestartPreventExitStatus"] == ["64 78"]


def test_libraries_are_told_to_stay_at_home() -> None:
    (environment,) = settings("cordon.service")["Environment"]
    assert {"HF_HUB_OFFLINE=1", "ORT_DISABLE_TELEMETRY=1", "HOME=/nonexistent"} <= set(environment.split())


def test_every_bound_path_has_a_mount_point() -> None:
    unit = settings("cordon.service")
    made = {
        line.split()[1]
        for line in (SYSTEMD / "tmpfiles.d/cordon.conf").read_text().splitlines()
        if re.match("[dfL]", line)
    }
    bound = [path.lstrip("-+") for key in ("BindPaths", "BindReadOnlyPaths") for path in unit[key][0].split()]
    for path in bound:
        if not path.startswith("/run/"):  # /run is mounted fresh
            assert f"/var/lib/cordon-root{path}" in made, path


def test_users_of_the_units_are_made() -> None:
    made = {tuple(line.split()[:2]) for line in (SYSTEMD / "sysusers.d/cordon.conf").read_text().splitlines()}
    assert {("u", "cordon"), ("u", "cordon-export"), ("g", "cordon-users"), ("g", "cordon-audit")} <= made


def test_the_preset_names_units_that_exist() -> None:
    lines = (SYSTEMD / "preset/80-cordon.preset").read_text().splitlines()
    wanted = {name: verb for verb, name in (line.split() for line in lines if not line.startswith("#"))}
    assert all((SYSTEMD / name).exists() for name in wanted)
    assert wanted["cordon-export.timer"] == "disable"
    assert "cordon-diag.socket" not in wanted  # pulled in by the service


def test_the_preflight_writes_every_key_once() -> None:
    text = (SYSTEMD / "preflight").read_text()
    assert subprocess.run(["sh", "-n", str(SYSTEMD / "preflight")], check=False).returncode == 0
    for key in ("IPEgressBytes", "MemorySwapMax", "ip6=", "unit_sha256=", "host_netns=", "tcp_fastopen=", "lsm="):
        assert key in text
    assert (SYSTEMD / "preflight").stat().st_mode & 0o111


@pytest.mark.parametrize("name", [*SERVICES, *SOCKETS])
def test_no_unit_names_a_manual_page(name: str) -> None:
    assert "Documentation" not in settings(name)  # `verify` complains where the page is missing


def expected_scores() -> dict[str, float]:
    lines = (SYSTEMD / "SCORES").read_text().splitlines()
    return {name: float(score) for name, score in (line.split() for line in lines if not line.startswith("#"))}


def test_every_service_has_a_score() -> None:
    assert set(expected_scores()) == set(SERVICES)
    assert max(expected_scores().values()) <= 0.5


def test_systemd_itself_agrees() -> None:
    """Ask systemd-analyze, where it is installed; elsewhere the tests above stand alone."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return
    units = [str(path) for path in (*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.socket"), *SYSTEMD.glob("*.timer"))]
    verified = subprocess.run([tool, "verify", *units], capture_output=True, text=True, check=False)
    # /opt/cordon is there only where the package is installed
    ours = [line for line in verified.stderr.splitlines() if "cordon" in line and "/opt/cordon/" not in line]
    assert ours == []
    for name, score in expected_scores().items():
        command = [tool, "security", "--offline=true", "--threshold=5", str(SYSTEMD / name)]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", asked.stdout)
        assert found is not None, asked.stderr
        assert float(found[1]) <= score


@pytest.mark.parametrize(("name", "most"), [("nvidia", 0.5), ("rocm", 0.5), ("http-engine", 1.2)])
def test_a_drop_in_costs_what_is_said(tmp_path: Path, name: str, most: float) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return
    unit = (SYSTEMD / "cordon.service").read_text().partition("[Install]")[0]
    more = (SYSTEMD / f"dropins/{name}.conf").read_text().partition("[Service]")[2]
    (tmp_path / "cordon.service").write_text(unit + more)
    command = [tool, "security", "--offline=true", "--threshold=100", str(tmp_path / "cordon.service")]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", asked.stdout)
    assert found is not None, asked.stderr
    assert float(found[1]) <= most


NO_PROTECTION = {
    "Type", "NotifyAccess", "KillMode", "Sockets", "ExecStartPre", "ExecStart", "Environment", "WatchdogSec",
    "WatchdogSignal", "TimeoutStartSec", "TimeoutStopSec", "Restart", "RestartSec", "RestartPreventExitStatus",
    "OOMPolicy", "OOMScoreAdjust", "CPUWeight", "IOWeight", "LogNamespace", "StateDirectory", "ProcSubset",
    "RootDirectoryStartOnly", "MountAPIVFS",  # without these two the service does not start at all
    "Description", "After", "AssertControlGroupController", "StartLimitIntervalSec", "Also", "WantedBy",
}  # fmt: skip
NO_LOCK = {
    "Description",
    "Service",
    "WantedBy",
    "NoDelay",
    "DirectoryMode",
    "RemoveOnStop",
    "ConditionPathExists",
    "ListenStream",
    "FileDescriptorName",
    "BindIPv6Only",  # looked at on the socket itself, when it is taken over
}


def test_every_protection_of_the_units_is_looked_at_before_each_start() -> None:
    assert set(settings("cordon.service")) - NO_PROTECTION == {name for name in PROTECTIONS if ":" not in name} - {
        "IPAddressAllow"  # that it is not there
    }
    for socket in ("cordon.socket", "cordon-ip6.socket", "cordon-api.socket"):
        locks = {"TriggerLimitIntervalUSec" if name.startswith("TriggerLimit") else name for name in settings(socket)}
        locks -= NO_LOCK
        if socket == "cordon-api.socket":  # who may connect is decided by its mode, and it stays ours like the others
            locks -= {"FlushPending", "TriggerLimitIntervalUSec"}
        assert {f"{socket}:{name}" for name in locks} == {name for name in PROTECTIONS if name.startswith(socket)}
