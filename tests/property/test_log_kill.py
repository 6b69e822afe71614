"""kill -9 of a real process that writes: what it said was durable is there, and at most one record more.

The child prints a record's number after `begin`, `close` or `block` returned. It is killed at a moment chosen by how
much it has printed, so the kill falls into writing, integration and epoch starts alike.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from audit.log import read_directory
from audit.record import Entry
from audit.tree import read_bundle
from tests.kit.audit_house import DAY_MS, House, quick_folder, states

folder = pytest.fixture(quick_folder)
ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import sys
from pathlib import Path
from tests.kit.audit_house import Clock, DAY_MS, House, blocked, outcome, begin

house = House(Path(sys.argv[1]), clock=Clock(utc_ms=int(sys.argv[2]), boot="99999999-2222-4333-8444-555555555555"))
log = house.open()
house.evidence(log, "start")
for turn in range(10_000):
    ticket = log.begin(begin(turn), at=house.clock.pass_ms(10))
    print(ticket.seq, flush=True)
    print(log.close(ticket, outcome(), at=house.clock.pass_ms(10)), flush=True)
    print(log.block(blocked(), at=house.clock.pass_ms(10)), flush=True)
    log.tick(at=house.clock.pass_ms(DAY_MS // 40))
"""


@pytest.mark.parametrize("after", [1, 11, 40, 125])
def test_a_killed_process_loses_nothing_it_acknowledged(folder, after):
    house = House(folder).enrol().run(1)
    house.clock.utc_ms += DAY_MS
    command = [sys.executable, "-c", CHILD, str(folder), str(house.clock.utc_ms)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ.get("PATH", "")}
    said: list[int] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as child:
        for line in child.stdout:
            said.append(int(line))
            if len(said) == after:
                child.send_signal(signal.SIGKILL)
                break
        said += [int(line) for line in child.stdout if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL
    before = len(leaves(house))
    house.clock.reboot(2 * 24 * 3_600_000)
    log = house.open()
    house.evidence(log, "start")
    log.stop("stop", at=house.clock.pass_ms(10))
    found = leaves(house)
    kinds = {entry.seq: entry.kind for entry in found}
    assert len(kinds) == len(found) >= before
    assert [kinds[seq] for seq in said] == [("R", "Z", "B")[turn % 3] for turn in range(len(said))]
    restart = max(entry.seq for entry in found if entry.kind == "K")
    written = [seq for seq, kind in kinds.items() if kind in "RZB" and said[0] <= seq < restart]
    assert 0 <= len(written) - len(said) <= 1
    verification = house.examine()
    assert verification.verdict == "VERIFIED WITH GAPS"
    assert set(states(verification)) <= {"V07", "V10", "V18", "V20", "V25"}


def leaves(house: House) -> list[Entry]:
    snapshot = read_directory(house.folder)
    names = sorted(name for name in snapshot.names if "/entries/" in name)
    return [Entry.parse(leaf) for name in names for leaf in read_bundle(snapshot.read(name))]
