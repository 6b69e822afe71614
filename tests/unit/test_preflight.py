"""What root wrote down is believed only if it is exactly what the script writes, and every protection can be missed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.preflight import PROTECTIONS, Preflight, PreflightRefused, read_preflight, unit_weaknesses

SCRIPT = Path(__file__).parents[2] / "systemd" / "preflight"
GOOD = {
    **{name: min(values) for name, values in PROTECTIONS.items() if values},
    "IPEgressBytes": "0",
    "IPIngressBytes": "0",
    "InvocationID": "5e955f28d8804c40b68bf9dac0ecf176",
    "FragmentPath": "/usr/lib/systemd/system/cordon.service",
    "DropInPaths": "",
    "NeedDaemonReload": "no",
    "cordon.socket": "4096",
    "cordon-ip6.socket": "0",
    "ip6": "yes active",
    "unit_sha256": "ab" * 32,
    "host_netns": "net:[4026531840]",
    "tcp_fastopen": "1",
    "lsm": "lockdown,capability,landlock",
    "mem_available_kb": "2048",
    "BindReadOnlyPaths": "/usr:/usr:rbind -/etc/passwd:/etc/passwd:rbind",
    "BindPaths": "/run/cordon:/run/cordon:rbind",
    "NoExecPaths": "+/var/lib/cordon/audit +/var/lib/cordon/access +/dev/shm +/tmp",
    "SystemCallFilter": "accept4 read write socket",
    "MemoryMax": "22748860416",
    "TasksMax": "256",
    **{f"{unit}:ActiveState": "active" for unit in ("cordon.socket", "cordon-ip6.socket", "cordon-api.socket")},
}

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(*, mode: int = 0o444, **changed: str | None) -> Path:
        values = GOOD | {name.replace("_dot_", "."): value for name, value in changed.items()}
        path = tmp_path / "preflight"
        path.unlink(missing_ok=True)
        path.write_text("".join(f"{key}={value}\n" for key, value in values.items() if value is not None))
        path.chmod(mode)
        return path

    return write


def read(path: Path) -> Preflight:
    return read_preflight(path, owner=os.getuid())


def test_facts_of_a_good_start(written: Written) -> None:
    got = read(written())
    assert (got.egress_bytes, got.ingress_bytes, got.socket_egress_bytes, got.swap_max) == (0, 0, 4096, 0)
    assert got.unit == f"cordon.service {'ab' * 16}"
    assert (got.host_netns, got.tcp_fastopen, got.memory_bytes) == (4026531840, 1, 2048 * 1024)
    assert got.lsm == ("lockdown", "capability", "landlock")
    assert not got.reload_needed
    assert not got.port6_taken
    assert unit_weaknesses(got) == ()


@pytest.mark.parametrize("nothing", ["", "[no data]", "18446744073709551615", "many"])
def test_a_counter_that_is_not_kept_is_not_zero(written: Written, nothing: str) -> None:
    assert read(written(IPEgressBytes=nothing)).egress_bytes is None


def test_swap_without_a_limit_is_unknown_and_a_weakness(written: Written) -> None:
    got = read(written(MemorySwapMax="infinity"))
    assert got.swap_max == -1
    assert unit_weaknesses(got) == ("MemorySwapMax",)


@pytest.mark.parametrize(("state", "taken"), [("yes failed", True), ("no inactive", False), ("yes active", False)])
def test_a_stranger_on_the_sixth_protocol(written: Written, state: str, taken: bool) -> None:
    assert read(written(ip6=state)).port6_taken is taken


def test_a_unit_file_that_changed_on_disk(written: Written) -> None:
    assert read(written(NeedDaemonReload="yes")).reload_needed


@pytest.mark.parametrize("name", sorted(PROTECTIONS))
def test_each_protection_removed_is_named(written: Written, name: str) -> None:
    got = unit_weaknesses(read(written(**{name: "no" if PROTECTIONS[name] != {""} else "cap_net_raw"})))
    expected = (
        () if name in {"BindReadOnlyPaths", "BindPaths", "SystemCallFilter", "MemoryMax", "TasksMax"} else (name,)
    )
    assert got == expected  # for a list, one harmless word more or less is no weakness


def test_a_socket_that_a_site_switched_off_is_no_door(written: Written) -> None:
    off = {"cordon_dot_socket:ActiveState": "inactive", "cordon_dot_socket:IPAddressAllow": ""}
    assert unit_weaknesses(read(written(**off))) == ()
    on = {"cordon_dot_socket:IPAddressAllow": ""}
    assert unit_weaknesses(read(written(**on))) == ("cordon.socket:IPAddressAllow",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SystemCallFilter", ""), ("SystemCallFilter", "~mount"), ("SystemCallFilter", "read connect"),
        ("SystemCallFilter", "read io_uring_setup"), ("BindReadOnlyPaths", "/usr:/usr:rbind /run:/run:rbind"),
        ("BindPaths", "/home:/home:rbind"), ("NoExecPaths", "+/tmp"), ("NoExecPaths", ""), ("BindPaths", ""),
        ("MemoryMax", "infinity"), ("TasksMax", "infinity"),
    ],
)  # fmt: skip
def test_lists_that_let_too_much_in(written: Written, name: str, value: str) -> None:
    assert unit_weaknesses(read(written(**{name: value}))) == (name,)


@pytest.mark.parametrize("change", [{"lsm": None}, {"unit_sha256": "x"}, {"host_netns": ""}, {"Surprise": "1"}])
def test_a_file_that_the_script_did_not_write_is_refused(written: Written, change: dict[str, str | None]) -> None:
    with pytest.raises(PreflightRefused, match="nothing was started"):
        read(written(**change))


def test_a_doubled_line_is_refused(written: Written) -> None:
    path = written()
    path.chmod(0o644)
    path.write_text(path.read_text() + "lsm=\n")
    path.chmod(0o444)
    with pytest.raises(PreflightRefused, match="not one that the script writes"):
        read(path)


@pytest.mark.parametrize("mode", [0o644, 0o446, 0o400])
def test_a_file_that_others_could_write_is_refused(written: Written, mode: int) -> None:
    with pytest.raises(PreflightRefused, match="root"):
        read(written(mode=mode))


def test_another_owner_a_link_and_nothing_are_refused(written: Written, tmp_path: Path) -> None:
    with pytest.raises(PreflightRefused, match="root"):
        read_preflight(written(), owner=os.getuid() + 1)
    (tmp_path / "link").symlink_to(written())
    with pytest.raises(PreflightRefused):
        read(tmp_path / "link")
    with pytest.raises(PreflightRefused, match="systemctl start cordon"):
        read(tmp_path / "missing")


def test_the_script_writes_every_line_that_is_read() -> None:
    script = SCRIPT.read_text(encoding="utf-8")
    missing = [key for key in GOOD if (name := key.rpartition(":")[2]) not in script and not name.endswith(".socket")]
    assert missing == []
    assert "chmod 444" in script
    assert "cordon-ip6.socket" in script
