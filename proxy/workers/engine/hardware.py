"""What this computer can give a model: free memory, physical cores, instruction sets.

Law: read by the command line and the supervisor, never by the locked engine; what cannot be read counts as not there.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cpu_flags", "memory_available", "memory_total", "missing_cpu_flags", "physical_cores"]

_ROOT = Path("/")
_NEEDED_FLAGS = ("avx2", "f16c", "fma")
"""What a distributed build of llama.cpp is compiled for; an older x86 processor dies of it."""
_NO_LIMIT = 1 << 60
"""Version 1 groups write a number near 2**63 for "no limit"."""


def memory_available(root: Path = _ROOT) -> int:
    """Bytes that may be used without swapping: MemAvailable, or less if a control group allows less."""
    return min((_meminfo(root), *_group_rooms(root)))


def physical_cores(root: Path = _ROOT) -> int:
    """Physical cores this process may use: hyper-threads do not help a model, slow cores hold it up."""
    cores: dict[str, int] = {}
    for number in os.sched_getaffinity(0) if root == _ROOT else _numbers(root):
        folder = root / f"sys/devices/system/cpu/cpu{number}"
        siblings = _text(folder / "topology/thread_siblings_list") or str(number)
        cores[siblings] = _number(folder / "cpu_capacity") or _number(folder / "cpufreq/cpuinfo_max_freq")
    fastest = max(cores.values(), default=0)
    return max(1, sum(speed * 10 >= fastest * 7 for speed in cores.values()))


def memory_total(root: Path = _ROOT) -> int:
    """Bytes of memory in this computer."""
    return _meminfo(root, "MemTotal:")


def cpu_flags(root: Path = _ROOT) -> frozenset[str] | None:
    """Instruction sets of an x86 processor; None on another one."""
    lines = [line for line in _text(root / "proc/cpuinfo").splitlines() if line.startswith("flags")]
    return frozenset(lines[0].partition(":")[2].split()) if lines else None


def missing_cpu_flags(root: Path = _ROOT) -> tuple[str, ...]:
    """Instruction sets an x86 processor should have and does not; empty on other processors."""
    flags = cpu_flags(root)
    return () if flags is None else tuple(flag for flag in _NEEDED_FLAGS if flag not in flags)


def _meminfo(root: Path, name: str = "MemAvailable:") -> int:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def _group_rooms(root: Path) -> list[int]:
    """Limit less use of every control group above this process, version 2 and 1."""
    rooms = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            rooms += _rooms(root / "sys/fs/cgroup", path, ("memory.max", "memory.current", "inactive_file"))
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            rooms += _rooms(root / "sys/fs/cgroup/memory", path, names)
    return rooms


def _rooms(top: Path, path: str, names: tuple[str, str, str]) -> list[int]:
    limit_name, used_name, cache_name = names
    rooms = []
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    for depth in range(len(parts) + 1):
        folder = top.joinpath(*parts[:depth])
        limit = _number(folder / limit_name)
        if 0 < limit < _NO_LIMIT:
            # inactive page cache is counted as used, and given back when asked for
            rooms.append(max(0, limit - _number(folder / used_name) + _stat(folder / "memory.stat", cache_name)))
    return rooms


def _numbers(root: Path) -> list[int]:
    found = (root / "sys/devices/system/cpu").glob("cpu[0-9]*")
    return [int(path.name.removeprefix("cpu")) for path in found]


def _stat(path: Path, name: str) -> int:
    words = (line.split() for line in _text(path).splitlines())
    return next((int(word[1]) for word in words if word[0] == name), 0)


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdecimal() else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
