"""Build the Debian package from a folder of wheels: `python debian/build.py --wheels FOLDER --out FOLDER`.

    1 the wheels are those of the lock file   2 unpacked below /opt/cordon   3 units, settings, manual
    4 control files   5 times and modes set   6 `dpkg-deb`

Law: nothing is asked of a network and nothing of the computer it runs on goes in: no path, no time, no user, no order
of a directory. Two builds from the same wheels have the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SYSTEMD = ROOT / "systemd"
PREFIX = Path("opt/cordon")
RELEASES = {"3.11": ("deb12", "3.12"), "3.13": ("deb13", "3.14")}
"""Minor version of Python -> the Debian release that has it, and the first version that does not fit: a virtual
environment belongs to one minor version."""
_PROGRAMS = {"cordon": "proxy.__main__", "cordon-panel-host": "proxy.cli.panel_host"}
_HOSTS = {
    "etc/chromium/native-messaging-hosts": "chromium.json",
    "etc/opt/chrome/native-messaging-hosts": "chromium.json",
    "etc/opt/edge/native-messaging-hosts": "chromium.json",
    "usr/lib/mozilla/native-messaging-hosts": "firefox.json",
}
"""Where each browser looks for the program that connects a managed panel without digits."""
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")
_UNIT_KINDS = ("*.service", "*.socket", "*.timer")
_DROPPED = re.compile(r"(^|/)(__pycache__|tests?)/|\.(pyc|pyx|pxd|c|cpp|h)$")
"""Left out of the libraries: their own tests and sources, a fifth of their size. numpy and spaCy need what is below."""
_NOT_RUN = re.compile(r"^llama_cpp/(include/|lib/cmake/|lib/pkgconfig/|lib/libllama-common|server/)")
"""Of llama.cpp: headers, build files, what only its own programs use, and the Python package's server."""
_KEPT = re.compile(r"^(numpy/(_core|random|lib|testing|ma)|spacy/|thinc/|llama_cpp/)")


def main() -> int:
    """Build one package; its path is the only line of stdout."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--wheels", required=True, type=Path, help="a folder made by debian/wheels.sh")
    parser.add_argument("--out", required=True, type=Path, help="where the package goes")
    parser.add_argument("--python", default="3.11", choices=sorted(RELEASES), help="of the Debian release (3.11)")
    parser.add_argument("--level", default=9, type=int, help="of the compression, 1 to 19")
    args = parser.parse_args()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _last_commit())
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cordon-deb-") as folder:
        tree = Path(folder) / "tree"
        version = _software(tree, args.wheels, args.python)  # 1, 2
        _system(tree)  # 3
        name = f"cordon_{version}+{RELEASES[args.python][0]}_amd64.deb"
        _control(tree, f"{version}+{RELEASES[args.python][0]}", args.python)  # 4
        _settle(tree, epoch)  # 5
        _pack(tree, args.out / name, epoch, args.level)  # 6
    print(args.out / name)
    return 0


def _last_commit() -> str:
    return subprocess.run(
        ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"], check=True, capture_output=True, text=True
    ).stdout.strip()


# ---- software --------------------------------------------------------------------------------------------------------


def _software(tree: Path, wheels: Path, python: str) -> str:
    """Unpack the locked wheels and our own as a virtual environment would hold them; returns our version."""
    site = tree / PREFIX / "lib" / f"python{python}" / "site-packages"
    site.mkdir(parents=True)
    for wheel in sorted(_locked(wheels)):
        _unpack(wheel, site)
    (own,) = wheels.glob("cordon_proxy-*.whl")
    _unpack(own, site)
    _link_doubles(site / "llama_cpp/lib")
    bin_ = tree / PREFIX / "bin"
    bin_.mkdir()
    (bin_ / "python").symlink_to("/usr/bin/python3")
    (bin_ / "python3").symlink_to("python")
    (tree / PREFIX / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n", encoding="ascii"
    )
    # -I: neither the environment nor the current directory decides what is imported.
    (tree / "usr/bin").mkdir(parents=True)
    for name, module in _PROGRAMS.items():
        launcher = f"#!/opt/cordon/bin/python -IB\nimport sys\n\nfrom {module} import main\n\nsys.exit(main())\n"
        (bin_ / name).write_text(launcher, encoding="ascii")
        (bin_ / name).chmod(0o755)
        (tree / "usr/bin" / name).symlink_to(f"/opt/cordon/bin/{name}")
    return own.name.split("-")[1]


def _locked(wheels: Path) -> Iterator[Path]:
    """One wheel for each line of the lock file; a missing one stops the build."""
    for line in (ROOT / "requirements/run.txt").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"([a-z0-9.\-]+)==([^ ]+)", line):
            name = re.sub(r"[-.]+", "_", found[1])
            fitting = [p for p in wheels.glob("*.whl") if p.name.lower().startswith(f"{name}-{found[2]}-")]
            if len(fitting) != 1:
                sys.exit(f"cordon: {len(fitting)} wheels of {found[1]} {found[2]} in {wheels}; nothing was built")
            yield fitting[0]


def _unpack(wheel: Path, site: Path) -> None:
    """Libraries and packages only: no scripts, which name the interpreter they were made with."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            name = re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", entry.filename)
            if entry.is_dir() or _is_dropped(name):
                continue
            target = site / name
            target.parent.mkdir(parents=True, exist_ok=True)
            data = archive.read(entry)
            if name.endswith(".dist-info/RECORD"):  # it names what is left out too, with digests that differ by build
                lines = data.decode("utf-8").splitlines(keepends=True)
                data = "".join(line for line in lines if not _is_dropped(line.partition(",")[0])).encode("utf-8")
            target.write_bytes(data)


def _is_dropped(name: str) -> bool:
    return bool(".data/" in name or _NOT_RUN.match(name) or (_DROPPED.search(name) and not _KEPT.match(name)))


# ---- system ----------------------------------------------------------------------------------------------------------


def _system(tree: Path) -> None:
    units = tree / "usr/lib/systemd/system"
    for pattern in _UNIT_KINDS:
        for unit in SYSTEMD.glob(pattern):
            _copy(unit, units / unit.name)
    for folder, place in (
        ("sysusers.d", "usr/lib/sysusers.d"), ("tmpfiles.d", "usr/lib/tmpfiles.d"),
        ("modules-load.d", "usr/lib/modules-load.d"), ("preset", "usr/lib/systemd/system-preset"),
        ("dropins", str(PREFIX / "share/dropins")),
    ):  # fmt: skip
        for file in (SYSTEMD / folder).iterdir():
            _copy(file, tree / place / file.name)
    _copy(SYSTEMD / "preflight", tree / PREFIX / "libexec/preflight", 0o755)
    _copy(HERE / "cordon.toml", tree / "etc/cordon/cordon.toml")
    _zip(HERE / "cordon.1", tree / "usr/share/man/man1/cordon.1.gz")
    _zip(ROOT / "CHANGELOG.md", tree / "usr/share/doc/cordon/changelog.gz")
    _copy(ROOT / "docs/hospital-install.md", tree / "usr/share/doc/cordon/hospital-install.md")
    _copy(HERE / "copyright", tree / "usr/share/doc/cordon/copyright")
    _copy(HERE / "cordon-pair.desktop", tree / "usr/share/applications/cordon-pair.desktop")
    for place, manifest in _HOSTS.items():
        _copy(ROOT / "extension/native" / manifest, tree / place / "org.cordon.pair.json")


def _copy(source: Path, target: Path, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def _zip(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(source.read_bytes(), mtime=0))


# ---- package ---------------------------------------------------------------------------------------------------------


def _control(tree: Path, version: str, python: str) -> None:
    control = tree / "DEBIAN"
    control.mkdir()
    size = sum(p.stat().st_size for p in tree.rglob("*") if p.is_file() and not p.is_symlink()) // 1024
    fields = (HERE / "control.in").read_text(encoding="utf-8")
    values = {"VERSION": version, "PYTHON": python, "TOO_NEW": RELEASES[python][1], "SIZE": str(size)}
    for key, value in values.items():
        fields = fields.replace(f"@{key}@", value)
    (control / "control").write_text(fields, encoding="utf-8")
    kept = [
        "/etc/cordon/cordon.toml",
        *(f"/{place}/org.cordon.pair.json" for place in _HOSTS if place.startswith("etc/")),
    ]
    (control / "conffiles").write_text("".join(f"{path}\n" for path in kept), encoding="ascii")
    _copy(HERE / "templates", control / "templates")
    for name in _SCRIPTS:
        _copy(HERE / name, control / name, 0o755)
    files = sorted(p for p in tree.rglob("*") if p.is_file() and not p.is_symlink() and control not in p.parents)
    sums = (f"{hashlib.md5(p.read_bytes(), usedforsecurity=False).hexdigest()}  {p.relative_to(tree)}\n" for p in files)
    (control / "md5sums").write_text("".join(sums), encoding="utf-8")


def _link_doubles(tree: Path) -> None:
    """A wheel cannot hold links, so a library lies in it once for each of its names."""
    for longest in sorted(tree.rglob("lib*.so.*.*.*")):
        for name in (longest.name.rsplit(".", 2)[0], longest.name.split(".so.")[0] + ".so"):
            double = longest.with_name(name)
            if double.is_file() and double.read_bytes() == longest.read_bytes():
                double.unlink()
                double.symlink_to(longest.name)


def _settle(tree: Path, epoch: int) -> None:
    """One time for everything, and modes that do not depend on the builder's umask."""
    for path in sorted(tree.rglob("*"), reverse=True):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    tree.chmod(0o755)
    os.utime(tree, (epoch, epoch))


def _pack(tree: Path, package: Path, epoch: int, level: int) -> None:
    command = ["dpkg-deb", "--root-owner-group", "-Zzstd", f"-z{level}", "--build", str(tree), str(package)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)})


if __name__ == "__main__":
    sys.exit(main())
