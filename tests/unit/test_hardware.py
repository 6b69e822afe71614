"""Probing reads the files Linux writes, in both generations of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.workers.engine.hardware import memory_available, missing_cpu_flags, physical_cores

_MIB = 1 << 20


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


_MEMINFO = {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    1048576 kB\n"}
_V2 = {"proc/self/cgroup": "0::/a/b\n"}
_V1 = {"proc/self/cgroup": "4:memory:/x\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "mib"),
    [
        ({}, 0),
        (_MEMINFO, 1024),
        ({**_MEMINFO, **_V2, "sys/fs/cgroup/a/memory.max": "max"}, 1024),
        ({**_MEMINFO, **_V2, "sys/fs/cgroup/a/memory.max": str(500 * _MIB),
          "sys/fs/cgroup/a/memory.current": str(100 * _MIB),
          "sys/fs/cgroup/a/memory.stat": f"anon 5\ninactive_file {20 * _MIB}\n"}, 420),
        ({**_MEMINFO, **_V2, "sys/fs/cgroup/a/b/memory.max": str(_MIB),
          "sys/fs/cgroup/a/b/memory.current": str(2 * _MIB)}, 0),
        ({**_MEMINFO, **_V1, "sys/fs/cgroup/memory/x/memory.limit_in_bytes": str((1 << 63) - 4096)}, 1024),
        ({**_MEMINFO, **_V1, "sys/fs/cgroup/memory/x/memory.limit_in_bytes": str(300 * _MIB)}, 300),
        ({**_MEMINFO, **_V1, "sys/fs/cgroup/memory/memory.limit_in_bytes": str(200 * _MIB)}, 200),
    ],
)  # fmt: skip
def test_memory(tmp_path: Path, files: dict[str, str], mib: int) -> None:
    assert memory_available(_write(tmp_path, files)) == mib * _MIB


def _cpu(number: int, siblings: str, speed: int) -> dict[str, str]:
    folder = f"sys/devices/system/cpu/cpu{number}"
    return {f"{folder}/topology/thread_siblings_list": siblings, f"{folder}/cpufreq/cpuinfo_max_freq": str(speed)}


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 1),
        ({**_cpu(0, "0-1", 5), **_cpu(1, "0-1", 5), **_cpu(2, "2-3", 5), **_cpu(3, "2-3", 5)}, 2),
        ({**_cpu(0, "0", 50), **_cpu(1, "1", 48), **_cpu(2, "2", 30), **_cpu(3, "3", 30)}, 2),
    ],
)
def test_cores(tmp_path: Path, files: dict[str, str], cores: int) -> None:
    assert physical_cores(_write(tmp_path, files)) == cores


def test_this_machine_has_something() -> None:
    assert memory_available() > 0
    assert physical_cores() >= 1


def test_instruction_sets(tmp_path: Path) -> None:
    assert missing_cpu_flags(tmp_path) == ()
    assert missing_cpu_flags(_write(tmp_path, {"proc/cpuinfo": "flags : sse2 fma\n"})) == ("avx2", "f16c")
    assert missing_cpu_flags(_write(tmp_path, {"proc/cpuinfo": "flags\t: avx2 f16c fma\n"})) == ()
