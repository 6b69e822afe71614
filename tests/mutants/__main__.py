"""Take each defence away, in a copy of the project, and see that a test notices.

    python -m tests.mutants [NAME...]        every mutant whose name holds one of the words; all without words

Prints a line each; the status is 1 if one survived. It takes minutes and is not part of `make test`: what `make test`
asserts is that every entry still fits its file (`tests/architecture/test_mutants.py`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("proxy", "filters", "policies", "audit", "tests", "docs", "extension", "pyproject.toml")
_PASSED = 0


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defence and the tests that stand for it."""

    name: str
    threat: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def mutants() -> tuple[Mutant, ...]:
    """All of them, from every list beside this file."""
    lists = (path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.toml")))
    entries = (entry for text in lists for entry in tomllib.loads(text)["mutant"])
    return tuple(Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries)


def passes(tests: Iterable[str], copy: Path) -> bool:
    """Whether these tests pass in the copy."""
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(words, cwd=copy, capture_output=True, timeout=900, check=False).returncode == _PASSED


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether the tests still pass with the defence gone."""
    path = copy / mutant.file
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace(mutant.old, mutant.new, 1), encoding="utf-8")
    try:
        return passes(mutant.tests, copy)
    finally:
        path.write_text(before, encoding="utf-8")


def main() -> int:
    """Run the list."""
    words = sys.argv[1:]
    chosen = [m for m in mutants() if not words or any(word in m.name for word in words)]
    left = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            skip = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(source, copy / name, ignore=skip) if source.is_dir() else shutil.copy(source, copy)
        if not passes(sorted({path for mutant in chosen for path in mutant.tests}), copy):
            print("the tests fail without any change, so nothing can be said")
            return 2
        for mutant in chosen:
            alive = survives(mutant, copy)
            left += alive
            print(f"{'SURVIVED' if alive else 'noticed '}  {mutant.threat:<28} {mutant.name}", flush=True)
    print(f"{len(chosen) - left} of {len(chosen)} noticed")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
