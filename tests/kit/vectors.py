"""The test vectors of docs/formats/audit-v1: how they are written from the attacks, and how a test reads them.

`python -m tests.kit.vectors FOLDER` writes a new set. It is done once for a version of the format: keys and salts are
fresh each time, and a vector that changed would say nothing about the readers of the old one.
"""

import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from audit.officer import Keyring, Trust
from audit.shapes import unb64
from audit.strictjson import dumps, loads
from audit.verify import Anchors, examine, read_package
from tests.kit.attacks import ATTACKS, build, files_of, zipped

FOLDER = Path(__file__).parents[2] / "docs/formats/audit-v1"


@dataclass(frozen=True)
class Vector:
    """One package, the officer's keys, and the answer of every correct verifier."""

    name: str
    package: bytes
    trust: Trust
    keyring: Keyring | None
    anchors: Anchors
    verdict: str
    checks: dict[str, str]
    """Checks that do not pass, with their state."""
    answer: str
    """SHA-256 of verification.json."""


def read_keyring(text: str) -> Keyring:
    """Read an opened keyring, as the vectors hold them."""
    body = loads(text.encode())
    seeds = unb64(body["sign"]["seed"]), unb64(body["witness"]["seed"])
    return Keyring(body["site"], *seeds, tuple(body["recipients"]), tuple(map(tuple, body["months"])))


def vectors() -> Iterator[Vector]:
    """Yield every committed vector."""
    table = json.loads((FOLDER / "vectors.json").read_text("ascii"))
    with zipfile.ZipFile(FOLDER / "objects.zip") as objects:
        content = {name: objects.read(name) for name in objects.namelist()}
    for row in table["cases"]:
        if "raw" in row:
            package = (FOLDER / row["raw"]).read_bytes()
        else:
            names = {name: sha for name, sha in table["bases"][row["base"]].items() if name not in row["drop"]}
            package = zipped({name: content[sha] for name, sha in (names | row["put"]).items()})
        keys = table["keys"][row["keys"]]
        yield Vector(
            name=row["name"],
            package=package,
            trust=Trust.parse(keys["trust"].encode()),
            keyring=read_keyring(keys["keyring"]) if row["keyring"] else None,
            anchors=Anchors(tuple(note.encode() for note in row["anchors"]), tuple(row["paper"])),
            verdict=row["verdict"],
            checks=row["checks"],
            answer=row["answer"],
        )


def rows_of_the_document() -> list[str]:
    """Return the lines that docs/formats/audit-v1.md must hold: name, verdict, checks that do not pass."""
    rows = []
    for row in json.loads((FOLDER / "vectors.json").read_text("ascii"))["cases"]:
        checks = ", ".join(f"{check} {state}" for check, state in row["checks"].items()) or "-"
        rows.append(f"| `{row['name']}` | {row['verdict']} | {checks} |")
    return rows


def write(folder: Path) -> None:
    """Write a whole new set."""
    (folder / "raw").mkdir(parents=True)
    objects: dict[str, bytes] = {}
    table: dict[str, object] = {"format": "cordon1 test vectors", "v": 1}
    keys: dict[str, dict[str, str]] = {}
    bases: dict[str, dict[str, str]] = {}
    rows = []

    def named(files: dict[str, bytes]) -> dict[str, str]:
        objects.update({sha256(data).hexdigest(): data for data in files.values()})
        return {name: sha256(data).hexdigest() for name, data in sorted(files.items())}

    with tempfile.TemporaryDirectory() as work:
        for attack, scene, package in build(Path(work)):
            keyring = scene.keyring or scene.house.keyring
            known = {"trust": scene.house.trust.encode().decode(), "keyring": dumps(keyring.body()).decode()}
            name = next((name for name, pair in keys.items() if pair == known), f"officer-{len(keys)}")
            keys[name] = known
            found = examine(read_package(io.BytesIO(package)), scene.house.trust, scene.keyring, scene.anchors)
            states = {check.id: check.state for check in found.checks if check.state not in ("pass", "not_run")}
            row: dict[str, object] = {
                "name": attack.name,
                "keys": name,
                "keyring": scene.keyring is not None,
                "anchors": [note.decode() for note in scene.anchors.book],
                "paper": list(scene.anchors.paper),
                "verdict": found.verdict,
                "checks": states,
                "answer": sha256(found.encode()).hexdigest(),
            }
            base = f"epochs-{attack.epochs}"
            row |= _placed(folder, attack.name, package, (base, bases, named))
            rows.append(row)
    table |= {"keys": keys, "bases": bases, "cases": rows}
    (folder / "vectors.json").write_text(json.dumps(table, indent=1) + "\n")
    with zipfile.ZipFile(folder / "objects.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(objects.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


def _placed(folder: Path, name: str, package: bytes, known: tuple) -> dict[str, object]:
    """Say a package as the difference from another one, or keep it whole where its zip is the point."""
    base, bases, named = known
    try:
        files = files_of(package)
    except (zipfile.BadZipFile, NotImplementedError):
        files = {}
    if not files or zipped(files) != package:
        (folder / f"raw/{name}.zip").write_bytes(package)
        return {"raw": f"raw/{name}.zip"}
    shas = named(files)
    original = bases.setdefault(base, shas)
    put = {path: sha for path, sha in shas.items() if original.get(path) != sha}
    return {"base": base, "put": put, "drop": sorted(original.keys() - shas.keys())}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
    print(f"{len(ATTACKS)} vectors")
