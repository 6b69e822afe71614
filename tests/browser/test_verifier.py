"""The verifier page in real browsers, opened from disk: the command line's answer, byte for byte, and no way out."""

import hashlib
import http.server
import io
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from audit.checkpoint import Note, verify_cosignature
from audit.export.columns import HEADERS, exchanges, row
from audit.export.csv_file import write_csv
from audit.export.dossier import open_dossier
from audit.officer import seal_keyring
from audit.record import Caller
from audit.seal import age_encrypt_passphrase
from audit.verifier.page import ENGINE_MODULES, engine, verifier_page
from audit.verify import Anchors, Verification, examine, read_package
from tests.kit.audit_house import House, Remembering
from tests.kit.second_verifier import BROWSER, REASONS, RELEASE, second_verifier

PASSPHRASE = "aaaaa-bbbbb-ccccc-ddddd"
HTML = "<img src=x onerror=alert(1)>"
PARTS = Path(__file__).parents[2] / "audit/verifier"
MODULES = sorted((PARTS / "js").glob("*.js"))


@dataclass
class Case:
    """What an officer has in her folder, and what the command line says of it."""

    folder: Path
    house: House
    package: bytes
    anchors: Anchors
    found: Verification = field(init=False)
    csv: bytes = field(init=False)

    def __post_init__(self) -> None:
        file, house = io.BytesIO(self.package), self.house
        self.found = examine(read_package(file), house.trust, house.keyring, self.anchors)
        dossier = open_dossier(read_package(file), house.trust, house.keyring, self.anchors)
        self.csv = write_csv(HEADERS, (row(exchange, REASONS) for exchange in exchanges(dossier)))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Two days, forty requests, a caller whose name is markup, an interrupted request, an anchor of the first day."""
    folder = tmp_path_factory.mktemp("officer")
    house = House(tmp_path_factory.mktemp("house"), random=Remembering()).enrol()
    for day in range(2):
        log = house.open()
        house.evidence(log, "start")
        for number in range(20):
            house.exchange(log, number, "refused" if number % 5 == 4 else "ok")
        house.begin(log, 99, caller=Caller(HTML, "token", "=1+1"))
        log.tick(at=house.clock.pass_ms(300_000))
        house.evidence(log, "stop")
        log.stop("stop", at=house.clock.pass_ms(100))
        if day == 0:
            anchor = house.anchor()
        house.clock.reboot(3_600_000)
    package = house.package()
    (folder / "cordon-export.zip").write_bytes(package)
    (folder / "trust.json").write_bytes(house.trust.encode())
    (folder / "keyring.age").write_bytes(seal_keyring(house.keyring, os.urandom))
    secret = f"# nimali\n{house.identities[1].secret()}\n".encode()
    (folder / "nimali.identity.age").write_bytes(age_encrypt_passphrase(PASSPHRASE, secret, os.urandom))
    (folder / "first-day.note").write_bytes(anchor)
    (folder / "passphrase.txt").write_text(PASSPHRASE)
    (folder / "demo.identity").write_text(house.identities[0].secret() + "\n")
    return Case(folder, house, package, Anchors(book=(anchor,)))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "verify.html"
    path.write_bytes(verifier_page(REASONS, RELEASE))
    return path


@pytest.fixture(scope="module")
def lookout() -> Iterator[tuple[int, list[str]]]:
    """A server that nobody must reach."""
    reached: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reached.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, reached
    server.shutdown()
    thread.join()


def node(*words: str | Path) -> dict[str, Any]:
    ran = subprocess.run(["node", *map(str, words)], cwd=BROWSER, capture_output=True, text=True, timeout=570)
    assert ran.returncode == 0, ran.stderr[-3000:]
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


@pytest.fixture(scope="module")
def seen(
    case: Case, page: Path, lookout: tuple[int, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """One long visit in Chromium."""
    out = tmp_path_factory.mktemp("chromium")
    return node("verifier/chromium.mjs", page, case.folder, out, str(lookout[0]))


def test_chromium_gives_the_verdict_of_the_command_line(seen: dict[str, Any], case: Case) -> None:
    assert seen["verdict"] == case.found.verdict == "VERIFIED WITH GAPS"
    assert (seen["focused"], seen["errors"], seen["dialogs"]) == ("verdict", [], 0)
    assert "was interrupted" in seen["result"]
    assert "You fixed the history up to record" in seen["result"]
    assert "The passphrase does not open nimali.identity.age. Nothing was checked." in seen["wrong"]
    assert seen["buttonBefore"] is True


def test_chromium_saves_the_same_bytes(seen: dict[str, Any], case: Case) -> None:
    verification, csv, anchor = map(Path, seen["saved"])
    assert verification.read_bytes() == case.found.encode()
    assert csv.read_bytes() == case.csv
    note = Note.parse(anchor.read_bytes())
    verify_cosignature(note, case.house.trust.witness)
    later = examine(
        read_package(io.BytesIO(case.package)), case.house.trust, case.house.keyring, Anchors((anchor.read_bytes(),))
    )
    assert later.independence["size"] == case.found.size
    assert f"History is fixed up to record {case.found.size - 1}." in seen["afterAnchor"]


def test_records_can_be_found_and_are_never_markup(seen: dict[str, Any]) -> None:
    assert seen["all"] == "Showing 42 of 42. Page 1 of 2."
    assert seen["filtered"] == "Showing 8 of 42; filter: result answer withheld. Page 1 of 1."
    assert seen["found"] == "Showing 2 of 42; filter: “<img” in any column. Page 1 of 1."
    assert (seen["staff"], seen["images"]) == (HTML + "=1+1", 0)
    assert seen["record"]["caller"] == {"id": HTML, "kind": "token", "role": "=1+1"}


def test_nothing_leaves_the_page(seen: dict[str, Any], lookout: tuple[int, list[str]]) -> None:
    assert set(seen["escapes"].values()) <= {"held", "out"}
    assert {name for name, result in seen["escapes"].items() if result == "out"} <= {"beacon"}  # accepted, then dropped
    assert lookout[1] == []
    assert {re.split(r"[:/]", address)[0] for address in seen["requests"] if "leak" not in address} <= {"file", "blob"}
    assert seen["stored"] == ["", 0, 0]
    assert seen["forgotten"] == ["", 0, ""]


def test_a_package_read_in_windows(seen: dict[str, Any], case: Case) -> None:
    assert seen["windows"].encode() == examine(read_package(io.BytesIO(case.package)), case.house.trust).encode()


def test_less_keys_and_no_worker(seen: dict[str, Any], case: Case) -> None:
    assert "(outer structure only; contents were not opened)" in seen["structure"]
    assert seen["alone"] == case.found.verdict


def test_everyone_can_use_it(seen: dict[str, Any]) -> None:
    assert seen["axe"] == {name: [] for name in seen["axe"]}
    assert len(seen["axe"]) == 8
    assert not any(seen[f"{name}Overflow"] for name in ("dark", "narrow", "smallest", "forced"))


def test_firefox_gives_the_same_bytes(case: Case, page: Path, tmp_path: Path) -> None:
    said = node("--experimental-websocket", "--no-warnings", "verifier/firefox.mjs", page, case.folder, tmp_path)
    assert (said["problem"], said["verdict"], said["held"]) == ("", case.found.verdict, "held")
    assert said["pager"] == "Showing 42 of 42. Page 1 of 2."
    assert (tmp_path / "verification.json").read_bytes() == case.found.encode()
    assert (tmp_path / "records.csv").read_bytes() == case.csv


def test_the_page_is_one_closed_file(page: Path) -> None:
    text = page.read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert re.sub(r"'sha256-[^']*'", "DIGEST", policy[1]) == (
        "default-src 'none'; script-src DIGEST DIGEST; style-src DIGEST; connect-src 'none'; img-src data: blob:; "
        "worker-src blob:; form-action 'none'; base-uri 'none'; webrtc 'block'"
    )
    assert re.findall(r'(?:src|href)="[^"]*"|@import|url\(', text) == []
    assert verifier_page(REASONS, RELEASE) == page.read_bytes()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_text_is_never_written_as_markup(path: Path) -> None:
    source = path.read_text()
    banned = (
        r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\b|new Function|(local|session)Storage|indexedDB"
    )
    assert re.findall(banned, source) == []
    assert len(source.splitlines()) <= 400


def test_every_module_is_in_the_page() -> None:
    assert {path.stem for path in MODULES} == {*ENGINE_MODULES, "view", "app"}


def test_the_cryptography_is_what_npm_gives(tmp_path: Path) -> None:
    committed = (PARTS / "vendor/crypto.js").read_bytes()
    assert hashlib.sha256(committed).hexdigest() == (PARTS / "vendor/crypto.js.sha256").read_text().strip()
    built = tmp_path / "crypto.js"
    subprocess.run(["node", "verifier/build_crypto.mjs", built], cwd=BROWSER, check=True, timeout=120)
    assert built.read_bytes() == committed
    notice = " ".join((PARTS.parents[1] / "NOTICE").read_text().split())
    for name in re.findall(r"^(@noble/\S+ \S+), Copyright", committed.decode(), re.MULTILINE):
        assert name in notice
    assert b"Permission is hereby granted" in committed


def test_the_parts_against_published_values(tmp_path: Path) -> None:
    script = tmp_path / "engine.mjs"
    script.write_text(engine(REASONS, RELEASE) + "export default Cordon;\n")
    command = ["node", "--test", "verifier/units.test.mjs"]
    environment = os.environ | {"CORDON_ENGINE": str(script)}
    ran = subprocess.run(command, cwd=BROWSER, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert "# fail 0" in ran.stdout


def test_a_table_cell_for_cell(case: Case, tmp_path: Path) -> None:
    with second_verifier(tmp_path) as other:
        said = other.examine(case.package, case.house.trust, case.house.keyring, case.anchors, csv=True)
    assert said.csv is not None
    assert said.csv.encode() == case.csv
