"""A real systemd in a container of its own: a Debian tree, booted with unified control groups and no network but `lo`.

    tree = base_tree()                      made once in build/, from the mirror that apt is set up with
    with Machine.boot(tree, folder) as machine:
        machine.run("systemctl", "start", "cordon")

Law: it runs as root and leaves nothing behind: no process, no control group, no mount. What happens inside can reach no
other machine, because the container has no interface that leads to one. The recipe, with its reasons, is in
docs/adr/0003-lock.md; a denial may be nspawn's own, so the list of system calls it adds is the one that lets services
have BPF and Landlock.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["BUILD", "ROOT", "Machine", "Ran", "base_tree", "build_package", "codename", "pack", "why_not"]

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "boot"
Ran = subprocess.CompletedProcess[str]
_RELEASES = {(3, 11): "bookworm", (3, 13): "trixie"}
_PACKAGES = "systemd,systemd-sysv,dbus,python3,libgomp1,libstdc++6,procps,iproute2,adduser,debconf"
_START = """
set -e
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$2"
echo $$ > "/sys/fs/cgroup/$2/cgroup.procs"
exec systemd-nspawn -q --register=no --keep-unit --private-network -M cordon-test -D "$1" \
  "--system-call-filter=bpf perf_event_open pidfd_getfd @keyring" \
  "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
  -b --console=pipe
"""
_INSIDE = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


def why_not() -> str:
    """Say why no machine can be booted here; empty when it can."""
    if os.geteuid() != 0:
        return "booting systemd needs root"
    missing = [name for name in ("systemd-nspawn", "debootstrap", "dpkg-deb", "nsenter") if not shutil.which(name)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return "" if sys.version_info[:2] in _RELEASES else "no Debian release has this minor version of Python"


def codename() -> str:
    """The Debian release whose Python fits the wheels made here."""
    return _RELEASES[sys.version_info[:2]]


def base_tree() -> Path:
    """A minimal Debian, made once for each release."""
    tree = BUILD / codename()
    if not (tree / "done").exists():
        shutil.rmtree(tree, ignore_errors=True)
        BUILD.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", codename(), str(tree), _mirror()]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=900)
        (tree / "etc/machine-id").write_text("")
        (tree / "done").touch()
    return tree


def _mirror() -> str:
    """The first archive with a main component that apt knows, as it is set up on this computer."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    rows = [line.split() for line in listed.splitlines()]
    return next(row[0] for row in rows if len(row) == 3 and row[1] in _RELEASES.values() and row[2] == "main")


def build_package(out: Path) -> Path:
    """The package of the working tree, with llama.cpp as it was compiled for the tests."""
    wheels = BUILD / "wheels"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1760000000", "PYTHON": sys.executable}
    for stale in wheels.glob("cordon_proxy-*"):
        stale.unlink()
    script = [str(ROOT / "debian/wheels.sh"), str(wheels), "--native"]
    subprocess.run(script, check=True, env=environment, timeout=1200, stdout=subprocess.DEVNULL)
    return pack(wheels, out)


def pack(wheels: Path, out: Path) -> Path:
    """Build the package from wheels that are there."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = [sys.executable, str(ROOT / "debian/build.py"), "--wheels", str(wheels), "--out", str(out)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1760000000"}
    done = subprocess.run(
        [*command, "--python", minor, "--level", "1"],
        check=True, env=environment, timeout=900, capture_output=True, text=True,
    )  # fmt: skip
    return Path(done.stdout.strip())


class Machine:
    """One booted container."""

    def __init__(self, tree: Path, process: subprocess.Popen[bytes], leader: int, group: str) -> None:
        self.tree, self._process, self.leader, self._group = tree, process, leader, group

    @classmethod
    @contextmanager
    def boot(cls, base: Path, folder: Path) -> Iterator[Machine]:
        """Copy the tree, boot the copy, and stop it at the end."""
        tree, group = folder / "root", f"cordon-test-{os.getpid()}"
        subprocess.run(["cp", "-a", "--reflink=auto", f"{base}/.", str(tree)], check=True)
        with (folder / "console").open("wb") as console:
            process = subprocess.Popen(
                ["unshare", "-m", "--propagation", "private", "bash", "-c", _START, "start", str(tree), group],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        machine = None
        try:
            machine = cls(tree, process, _leader(process, folder / "console"), group)
            machine.wait_for(lambda: machine.run("systemctl", "is-system-running", check=False).stdout.strip() in _UP)
            yield machine
        finally:
            if machine is not None:
                os.kill(machine.leader, signal.SIGRTMIN + 4)  # systemd(1): power off
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)
            _remove_group(group)

    def run(self, *words: str, check: bool = True, text: str | None = None, timeout: float = 180) -> Ran:
        """Run a command inside, as root, in every namespace of the container."""
        done = self._inside(words, text, timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def _inside(self, words: tuple[str, ...], text: str | None, timeout: float) -> Ran:
        command = ["nsenter", "-t", str(self.leader), "-a", "--", *words]
        return subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=timeout, check=False, env=_INSIDE
        )

    def python(self, code: str, *, check: bool = True, timeout: float = 180) -> Any:
        """Run lines of Python inside, with the package's own interpreter; what they print is JSON."""
        done = self.run("/opt/cordon/bin/python", "-IB", "-c", code, check=check, timeout=timeout)
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", unit, "-p", name, "--value").stdout.strip()

    def journal(self, *words: str) -> list[dict[str, Any]]:
        """The service's lines since the machine booted."""
        done = self.run("journalctl", "--namespace=cordon", "-o", "cat", "--no-pager", *words)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the container."""
        target = self.tree / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    @contextmanager
    def dropin(self, unit: str, *lines: str) -> Iterator[None]:
        """A drop-in of an administrator, for as long as the block runs."""
        path = self.tree / f"etc/systemd/system/{unit}.d/50-test.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.run("systemctl", "daemon-reload")
        try:
            yield
        finally:
            path.unlink()
            self.run("systemctl", "daemon-reload")

    def wait_for(self, true: Any, seconds: float = 90) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.2)


_UP = ("running", "degraded")


def _leader(process: subprocess.Popen[bytes], console: Path) -> int:
    """The container's process 1, seen from outside."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        for child in _children(process.pid):
            try:
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return child
            except OSError:
                continue
        time.sleep(0.1)
    raise RuntimeError(f"systemd-nspawn did not start: {console.read_text(errors='replace')[-2000:]}")


def _children(pid: int) -> list[int]:
    found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*found, *(deeper for child in found for deeper in _children(child))]


def _remove_group(name: str) -> None:
    """nspawn leaves control groups behind; where it had to be killed, they still hold processes."""
    for top in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
        group = top / name
        if not group.is_dir():
            continue
        (group / "cgroup.kill").write_text("1")
        for _ in range(50):
            if "populated 0" in (group / "cgroup.events").read_text():
                break
            time.sleep(0.1)
        for folder in (*sorted(group.rglob("*"), reverse=True), group):
            if folder.is_dir():
                folder.rmdir()
