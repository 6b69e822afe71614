"""How long the verifier page takes for a long log, in two browsers, against the command line on the same package.

    python -m benchmarks.browser_verifier --records 50000

The records are real: sealed, signed and packed by the rules of the format. Needs Chromium, Firefox and
`npm ci --ignore-scripts` in tests/browser. All three must give the same verification.json, or there is no table.
"""

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from audit.officer import Keyring, seal_keyring
from audit.seal import Identity
from audit.verifier.page import verifier_page
from audit.verify import examine, read_package
from benchmarks.table import machine, show
from tests.kit.long_log import LongLog
from tests.kit.second_verifier import BROWSER, REASONS, RELEASE, second_verifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        case, expected, rows = _case(folder, chosen.records)
        for browser, script in (("Chromium", ("verifier/timing.mjs",)), ("Firefox", _FIREFOX)):
            rows.append(_browser(browser, script, (folder / "verify.html", case, folder / browser), expected))
        header = ("who", "seconds", "CPU seconds", "records per CPU second", "same bytes")
        show("Checking a package and opening every record of it", header, rows)
        print(f"\n{machine()}")


_FIREFOX = ("--experimental-websocket", "--no-warnings", "verifier/firefox.mjs")


def _case(folder: Path, records: int) -> tuple[Path, bytes, list[tuple[str, ...]]]:
    """Make a package and the officer's files; time the command line's examination, and the page's in Node."""
    case = folder / "case"
    case.mkdir()
    log = LongLog(records, records)
    identity = Identity(os.urandom(32))
    keyring = type(log.keyring)(
        log.keyring.site,
        log.keyring.sign_seed,
        log.keyring.witness_seed,
        (identity.recipient(), identity.recipient()),
        log.keyring.months,
    )
    (case / "package.zip").write_bytes(log.package())
    (case / "trust.json").write_bytes(log.trust.encode())
    (case / "keyring.age").write_bytes(seal_keyring(keyring, os.urandom))
    (case / "demo.identity").write_text(identity.secret() + "\n")
    (folder / "verify.html").write_bytes(verifier_page(REASONS, RELEASE))
    started, busy = time.perf_counter(), time.process_time()
    with (case / "package.zip").open("rb") as file:
        found = examine(read_package(file), log.trust, keyring)
    spent, busy = time.perf_counter() - started, time.process_time() - busy
    count = found.totals["records"]
    rows = [("command line", f"{spent:.1f}", f"{busy:.1f}", f"{count / busy:,.0f}", "-")]
    rows.append(_node(folder, (log, keyring, (case / "package.zip").read_bytes()), found.encode(), count))
    return case, found.encode(), rows


def _node(folder: Path, asked: tuple[LongLog, Keyring, bytes], expected: bytes, count: int) -> tuple[str, ...]:
    """The very script of the page without a page: the one way to know the processor time of JavaScript alone."""
    log, keyring, package = asked
    before, started = _children(), time.perf_counter()
    with second_verifier(folder) as other:
        answer = other.examine(package, log.trust, keyring)
    spent, busy = time.perf_counter() - started, _children() - before
    same = "yes" if answer.json == expected else "NO"
    return "the page's script in Node", f"{spent:.1f}", f"{busy:.1f}", f"{count / busy:,.0f}", same


def _browser(name: str, script: tuple[str, ...], places: tuple[Path, ...], expected: bytes) -> tuple[str, ...]:
    command = ["node", *script, *map(str, places)]
    ran = subprocess.run(command, check=False, cwd=BROWSER, capture_output=True, text=True, timeout=900)
    if ran.returncode != 0:
        raise SystemExit(ran.stderr[-2000:])
    said = json.loads(ran.stdout)
    given = (places[2] / "verification.json").read_bytes()
    same = "yes" if given == expected else "NO"
    return name, f"{said['ms'] / 1000:.1f}", "-", "-", same


def _children() -> float:
    """Processor seconds of the processes that we started and that have ended; those of a browser are not ours alone."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
