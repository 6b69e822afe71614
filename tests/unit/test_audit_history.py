"""What clear records leave behind: digests in force, starts, orders. The same after a restart as before it."""

import pytest

from audit import officer
from audit.chain import BrokenChainError, BrokenOrderError
from audit.checkpoint import Note, Vkey, parse_statement
from audit.history import DIGESTS, History, body_of, digests_of
from audit.log import read_directory
from audit.record import Entry
from audit.strictjson import MalformedError
from audit.tree import read_bundle
from tests.kit.audit_house import ORIGIN, SHA, House, quick_folder

folder = pytest.fixture(quick_folder)


def leaves(house: House) -> list[bytes]:
    snapshot = read_directory(house.folder)
    names = sorted(name for name in snapshot.names if "/entries/" in name)
    return [leaf for name in names for leaf in read_bundle(snapshot.read(name))]


def empty(house: House) -> History:
    note = Note.parse((house.folder / "notes/enrolment-0.note").read_bytes())
    return History.of(ORIGIN, Vkey.parse(parse_statement(note, "enrolment")["epoch0"]))


def read(house: House) -> History:
    history = empty(house)
    for leaf in leaves(house):
        history.feed(Entry.parse(leaf), leaf)
    return history


@pytest.fixture
def house(folder):
    return House(folder).enrol().run(1)


def test_a_day(house):
    history = read(house)
    assert (history.starts, history.clean, history.order.seq) == (1, True, 9)
    assert history.tree.root() == read_directory(house.folder).checkpoint.root
    assert history.digests["policy"] == SHA["policy"]
    assert set(history.digests) == set(DIGESTS)
    assert history.month_of(0) == "202611"


def test_a_restart_counts_and_an_open_run_is_not_clean(house):
    house.open()._disk.unlock()
    history = read(house)
    assert (history.starts, history.clean) == (2, False)


def test_changes_put_digests_in_force_approvals_do_not(house):
    log = house.open()
    house.evidence(log, "start")
    log.accept(officer.approve(house.seal(), "policy", SHA["engine"], "T-1"), at=house.clock())
    assert read(house).digests["policy"] == SHA["policy"]
    log.append("C", {"what": "policy", "new": SHA["gateway"]}, at=house.clock())
    assert read(house).digests["policy"] == SHA["gateway"]


def test_orders_cover_records(house):
    log = house.open()
    house.evidence(log, "start")
    ticket = house.exchange(log, 1)
    log.accept(officer.erase(house.seal(), [ticket.seq, ticket.seq + 1], "error", "T-1"), at=house.clock())
    history = read(house)
    covered = [entry.seq for leaf in leaves(house) if history.covers(entry := Entry.parse(leaf))]
    assert covered == [ticket.seq, ticket.seq + 1]


def test_a_purge_covers_a_month_if_it_deletes(house):
    house.clock.reboot(20 * 24 * 3_600_000)
    log = house.open()
    house.evidence(log, "start")
    log.accept(officer.purge(house.seal(), "202611", "kept", "T-1"), at=house.clock())
    history = read(house)
    covered = {entry.epoch for leaf in leaves(house) if history.covers(entry := Entry.parse(leaf))}
    assert covered == {0}
    assert history.purged == {"202611"}


def test_models_and_engine_have_one_digest_each(house):
    body = body_of(Entry.parse(leaves(house)[1]))
    first = digests_of(body)
    assert digests_of(body | {"engine": "http"})["engine"] != first["engine"]
    assert digests_of(body | {"models": {"answer": SHA["policy"], "guard": SHA["other"]}})["model"] != first["model"]
    assert all(len(digest) == 64 for digest in first.values())


def test_what_does_not_continue_is_refused(house):
    rows = leaves(house)
    history = empty(house)
    with pytest.raises(BrokenOrderError):
        history.feed(Entry.parse(rows[1]), rows[1])
    history.feed(Entry.parse(rows[0]), rows[0])
    with pytest.raises(BrokenOrderError):
        history.feed(Entry.parse(rows[0]), rows[0])
    forged = Entry.clear(1, "H", b'{"v":1}', hour="2026-11-20T03Z")
    with pytest.raises(MalformedError):
        history.feed(forged, forged.leaf())
    other = House(house.path / "other").enrol()
    other.random(32)
    stranger = History.of(ORIGIN, officer.new_keyring("x.y", [], other.random).signer().vkey)
    with pytest.raises(BrokenChainError):
        stranger.feed(Entry.parse(rows[0]), rows[0])
