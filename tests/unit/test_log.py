"""The log from the corridor's side: what is durable when, what is refused with which code, and that it verifies."""

import contextlib
import hashlib
import json
import shutil
import threading

import pytest

from audit import officer
from audit.log import AuditError, Log, NotEnrolled, Refused, read_directory
from audit.record import Caller, Entry
from audit.shapes import check
from audit.strictjson import loads
from audit.tree import read_bundle
from tests.kit.audit_house import (
    BOOT,
    ORIGIN,
    SHA,
    START_MS,
    Clock,
    House,
    begin,
    blocked,
    outcome,
    quick_folder,
    states,
)

folder = pytest.fixture(quick_folder)


@pytest.fixture
def house(folder):
    return House(folder).enrol()


def entries(house: House) -> list[Entry]:
    snapshot = read_directory(house.folder)
    names = sorted(name for name in snapshot.names if "/entries/" in name)
    return [Entry.parse(leaf) for name in names for leaf in read_bundle(snapshot.read(name))]


def kinds(house: House) -> str:
    return "".join(entry.kind for entry in entries(house))


def test_a_short_day_is_whole(house):
    house.run()
    assert kinds(house) == "KSERZRZRZBHEX"
    found = house.examine()
    assert (found.verdict, states(found)) == ("VERIFIED", {})
    assert found.totals["requests"] == found.totals["answered"] == 3
    assert found.totals["blocked"] == 1
    assert found.totals["removed"] == {"PERSON": 3, "PHONE": 6}


def test_several_days_and_reboots_are_whole(house):
    for _ in range(3):
        house.run()
        house.clock.reboot()
    assert kinds(house) == "KSERZRZRZBHEX" * 3
    assert (house.examine().verdict, states(house.examine())) == ("VERIFIED", {})


def test_without_enrolment_nothing_runs(folder):
    house = House(folder)
    with pytest.raises(NotEnrolled) as caught:
        house.open()
    assert caught.value.code == "audit_not_enrolled"
    assert "cordon demo" in caught.value.detail


def test_two_writers_are_refused(house):
    log = house.open()
    with pytest.raises(AuditError) as caught:
        house.open()
    assert caught.value.code == "audit_unavailable"
    log.stop("stop", at=house.clock())
    house.open().stop("stop", at=house.clock())


def test_nothing_begins_before_evidence(house):
    log = house.open()
    for action in (lambda: house.begin(log), lambda: log.block(blocked(), at=house.clock())):
        with pytest.raises(AuditError) as caught:
            action()
        assert caught.value.code == "audit_unavailable"
    house.evidence(log, "start")
    house.exchange(log)


def test_a_ticket_closes_once(house):
    log = house.open()
    house.evidence(log, "start")
    ticket = house.exchange(log)
    assert log.open_exchanges == 0
    with pytest.raises(ValueError, match="not open"):
        log.close(ticket, outcome(), at=house.clock())


def test_begin_is_durable_when_it_returns(house):
    log = house.open()
    house.evidence(log, "start")
    ticket = house.begin(log)
    found = (house.folder / "state/wal").read_bytes()
    assert f"cordon1 {ticket.seq} R 0 1 ".encode() in found
    again = House(house.path, clock=house.clock)
    copy_after_kill(house, again)
    reopened = again.open()
    reopened.stop("stop", at=again.clock())
    assert "RKS" in kinds(again)


def copy_after_kill(house: House, again: House) -> None:
    """What a killed process leaves: the same files, the lock released by the kernel."""
    again.folder = house.path / "copy"
    shutil.copytree(house.folder, again.folder)


def test_killed_process_leaves_an_interrupted_request_and_a_gap(house):
    log = house.open()
    house.evidence(log, "start")
    house.exchange(log)
    house.begin(log, 5)
    again = House(house.path, clock=house.clock)
    copy_after_kill(house, again)
    again.clock.pass_ms(20_000)
    reopened = again.open()
    again.evidence(reopened, "start")
    reopened.stop("stop", at=again.clock.pass_ms(100))
    found = again.examine()
    assert found.verdict == "VERIFIED WITH GAPS"
    assert set(states(found)) == {"V07", "V10", "V25"}
    assert found.totals["interrupted"] == 1


def test_the_reader_of_the_disk_finds_no_text(house):
    log = house.open()
    house.evidence(log, "start")
    log.begin(begin(subject="MRN-4711-MARKER"), at=house.clock())
    log.stop("stop", at=house.clock())
    for path in house.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"4711" not in data
            assert b"cough" not in data
    assert "MRN-4711" not in repr(begin(subject="MRN-4711-MARKER"))


def test_a_value_outside_its_shape_refuses_the_exchange(house):
    log = house.open()
    house.evidence(log, "start")
    with pytest.raises(AuditError) as caught:
        house.begin(log, caller=Caller("x" * 65, "uid"))
    assert caught.value.code == "audit_unavailable"
    assert "x" * 65 not in str(caught.value)
    house.exchange(log)


def test_tick_writes_heartbeats_and_asks_for_evidence(house):
    log = house.open()
    assert log.tick(at=house.clock()).evidence
    house.evidence(log, "start")
    assert not log.tick(at=house.clock.pass_ms(1000)).evidence
    for _ in range(16):
        due = log.tick(at=house.clock.pass_ms(60_000), asleep_ms=7)
    assert due.evidence
    log.stop("stop", at=house.clock())
    beats = [json.loads(entry.body) for entry in entries(house) if entry.kind == "H"]
    assert [beat["asleep_ms"] for beat in beats] == [35, 35, 35]


def test_tick_signs_what_waits(house):
    log = house.open()
    house.evidence(log, "start")
    house.exchange(log)
    before = read_directory(house.folder).checkpoint.size
    log.tick(at=house.clock.pass_ms(30_000))
    assert read_directory(house.folder).checkpoint.size == before
    log.tick(at=house.clock.pass_ms(31_000))
    assert read_directory(house.folder).checkpoint.size == before + 2


def test_tick_signs_after_256_records(house):
    log = house.open()
    house.evidence(log, "start")
    for number in range(128):
        house.exchange(log, number) if number < 3 else log.close(
            log.begin(begin(number), at=house.clock()), outcome(), at=house.clock()
        )
    log.tick(at=house.clock())
    assert read_directory(house.folder).checkpoint.size == 3 + 256


def test_an_epoch_ends_after_a_day(house):
    log = house.open()
    house.evidence(log, "start")
    for turn in range(140):
        log.tick(at=house.clock.pass_ms(640_000))
        if turn % 2:
            house.evidence(log)
    house.exchange(log)
    house.evidence(log, "stop")
    log.stop("stop", at=house.clock.pass_ms(10))
    assert kinds(house).count("K") == 2
    found = house.examine()
    assert (found.verdict, states(found)) == ("VERIFIED", {})


def test_an_epoch_ends_at_a_new_month(house):
    house.clock.utc_ms += 10 * 24 * 3_600_000 + 5 * 3_600_000
    log = house.open()
    house.evidence(log, "start")
    while kinds(house).count("K") == 1:
        log.tick(at=house.clock.pass_ms(600_000))
        house.evidence(log)
    assert house.clock().month() == "202612"
    log.stop("stop", at=house.clock.pass_ms(10))
    assert (house.examine().verdict, states(house.examine())) == ("VERIFIED", {})


def test_months_run_out(house):
    log = house.open()
    house.evidence(log, "start")
    house.clock.utc_ms += 100 * 24 * 3_600_000
    for action in (lambda: log.tick(at=house.clock()), lambda: house.begin(log)):
        with pytest.raises(AuditError) as caught:
            action()
        assert caught.value.code == "audit_keys_expired"
    house.clock.utc_ms -= 100 * 24 * 3_600_000
    house.exchange(log)
    log.stop("stop", at=house.clock())
    house.clock.utc_ms += 100 * 24 * 3_600_000
    with pytest.raises(AuditError) as caught:
        house.open()
    assert caught.value.code == "audit_keys_expired"


def test_the_end_of_keys_is_announced(house):
    log = house.open()
    assert log.tick(at=house.clock()).warn_days is None
    house.clock.utc_ms += 45 * 24 * 3_600_000
    assert log.tick(at=house.clock()).warn_days < 60


@pytest.mark.parametrize("back_ms", [3 * 60_000, 3_600_000, 400 * 24 * 3_600_000, START_MS])
def test_a_clock_set_back_is_a_finding_not_a_crash(house, back_ms):
    log = house.open()
    house.evidence(log, "start")
    house.exchange(log)
    house.clock.utc_ms = max(0, house.clock.utc_ms - back_ms)
    house.exchange(log)
    log.tick(at=house.clock.pass_ms(300_000))
    house.evidence(log, "stop")
    log.stop("stop", at=house.clock.pass_ms(10))
    log = house.open()
    house.evidence(log, "start")
    log.stop("stop", at=house.clock.pass_ms(10))
    found = house.examine()
    assert found.verdict == "VERIFIED WITH GAPS"
    assert states(found)["V11"] == "gap"


def test_104_days_of_uptime(folder):
    house = House(folder, clock=Clock(boot_ms=2**53 // 1_000_000)).enrol().run()
    assert house.examine().verdict == "VERIFIED"


def test_changes_between_starts_are_recorded_and_need_approval(house):
    house.run()
    house.software, house.policy = SHA["other"], SHA["gateway"]
    house.run()
    changes = [json.loads(entry.body) for entry in entries(house) if entry.kind == "C"]
    assert [(change["what"], change["new"]) for change in changes] == [
        ("policy", SHA["gateway"]),
        ("software", SHA["other"]),
    ]
    assert states(house.examine()) == {"V19": "gap", "V22": "gap"}
    log = house.open()
    house.evidence(log, "start")
    for what, new in (("policy", SHA["gateway"]), ("software", SHA["other"])):
        assert log.accept(officer.approve(house.seal(), what, new, "T-7"), at=house.clock()).kind == "C"
    log.stop("stop", at=house.clock())
    assert (house.examine().verdict, states(house.examine())) == ("VERIFIED", {})


def test_a_running_change_is_recorded(house):
    log = house.open()
    house.evidence(log, "start")
    log.append("C", {"what": "policy", "new": SHA["gateway"]}, at=house.clock())
    log.stop("stop", at=house.clock())
    assert states(house.examine()) == {"V19": "gap"}
    house.policy = SHA["gateway"]
    house.run()
    assert kinds(house).count("C") == 1


def test_only_corridor_kinds_are_appended(house):
    log = house.open()
    for kind in "KSXHATPVRZBD":
        with pytest.raises(ValueError, match="own method"):
            log.append(kind, {}, at=house.clock())
    with pytest.raises(AuditError):
        log.append("E", {"level": "E1"}, at=house.clock())


def test_accept_anchor_review_and_enrolment(house):
    house.run()
    anchor = house.anchor()
    log = house.open()
    house.evidence(log, "start")
    assert log.accept(anchor, at=house.clock()).kind == "A"
    assert log.accept(officer.review(house.seal(), (0, 5), "no-finding", "T-1"), at=house.clock()).kind == "V"
    house.keyring = officer.with_months(house.keyring, officer.months_from("202611", 6), house.random)
    terms = officer.Terms(officer.months_from("202611", 6), (SHA["policy"],), (SHA["software"],))
    assert (
        log.accept(officer.enrol(house.request, house.keyring, terms, house.clock().time()), at=house.clock()).kind
        == "C"
    )
    log.stop("stop", at=house.clock())
    house.run()
    found = house.examine()
    assert (found.verdict, states(found)) == ("VERIFIED", {})
    assert found.independence["level"] == "I1"
    assert found.independence["size"] == 13


def test_erasing_one_person(house):
    log = house.open()
    house.evidence(log, "start")
    first, second = house.exchange(log, 1), house.exchange(log, 2)
    order = officer.erase(house.seal(), [first.seq, first.seq + 1], "erasure-request", "T-2")
    assert log.accept(order, at=house.clock()).kind == "T"
    house.evidence(log, "stop")
    log.stop("stop", at=house.clock())
    found = house.examine()
    assert (found.verdict, states(found)) == ("VERIFIED", {})
    assert found.totals["erased"] == 2
    assert found.totals["answered"] == 1
    digests = {entry.seq: entry.digest for entry in entries(house)}
    blobs = {path.name for path in (house.folder / "blob").rglob("*")}
    assert digests[first.seq] not in blobs
    assert digests[second.seq] in blobs
    frames = (house.folder / "state/wal").read_bytes()
    assert digests[first.seq].encode() not in frames


def test_what_may_not_be_erased(house):
    log = house.open()
    evidence = house.evidence(log, "start")
    for seqs, reason in (([evidence], "only requests"), ([999], "do not exist"), ([0], "only requests")):
        with pytest.raises(Refused, match=reason):
            log.accept(officer.erase(house.seal(), seqs, "error", "T-3"), at=house.clock())
    with pytest.raises(Refused, match="still being written"):
        log.accept(officer.purge(house.seal(), house.clock().month(), "kept", "T-4"), at=house.clock())


def test_a_month_is_purged(house):
    house.run()
    month = house.clock().month()
    house.clock.reboot(20 * 24 * 3_600_000)
    log = house.open()
    house.evidence(log, "start")
    assert log.accept(officer.purge(house.seal(), month, "destroyed", "T-5"), at=house.clock()).kind == "P"
    log.stop("stop", at=house.clock())
    house.keyring = officer.retire_month(house.keyring, month)
    found = house.examine()
    assert (found.verdict, states(found)) == ("VERIFIED", {})
    assert found.totals["purged"] == 9
    assert not (house.folder / "seg/000000.age").exists()


@pytest.mark.parametrize("note", [b"", b"x" * (2**20 + 1), b"cordon1/review\n{}\n\n", b"\xff\n\n"])
def test_junk_in_the_inbox_is_refused(house, note):
    log = house.open()
    with pytest.raises(Refused):
        log.accept(note, at=house.clock())
    house.evidence(log, "start")
    house.exchange(log)


def test_foreign_notes_are_refused(house, folder):
    stranger = House(folder / "b")
    stranger.random(5)
    stranger.keyring = officer.new_keyring("hospital.example", stranger.keyring.recipients, stranger.random)
    house.run()
    other_anchor = officer.anchor((house.folder / "log/checkpoint").read_bytes(), stranger.keyring, 5)
    log = house.open()
    for note in (
        officer.review((stranger.keyring, ORIGIN, house.clock().time()), (0, 1), "finding", "T-6"),
        officer.review((house.keyring, "a.b/cordon/x", house.clock().time()), (0, 1), "finding", "T-6"),
        other_anchor,
        house.request,
    ):
        with pytest.raises(Refused):
            log.accept(note, at=house.clock())


def test_threads_share_one_log(house):
    log = house.open()
    house.evidence(log, "start")
    errors = []

    def work(number: int) -> None:
        try:
            for turn in range(15):
                ticket = log.begin(begin(number * 100 + turn), at=house.clock())
                log.close(ticket, outcome(), at=house.clock())
        except Exception as error:  # noqa: BLE001 - collected for the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        log.tick(at=house.clock.pass_ms(61_000))
    for thread in threads:
        thread.join()
    house.evidence(log, "stop")
    log.stop("stop", at=house.clock())
    assert errors == []
    found = house.examine()
    assert found.totals["answered"] == 90
    assert found.verdict != "NOT VERIFIED"
    assert "V25" not in states(found)


def test_a_log_in_use_can_be_viewed(house):
    """Someone examines the directory while the service signs: the view is whole every time."""
    log = house.open()
    house.evidence(log, "start")
    stopped = threading.Event()

    def write() -> None:
        for _ in range(120):  # bounded: each look reads all that was written before
            if stopped.wait(0.01):
                return
            house.exchange(log)
            log.tick(at=house.clock.pass_ms(61_000))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(12):
            with contextlib.suppress(AuditError):  # written too fast to be viewed
                assert house.examine().verdict != "NOT VERIFIED"
    finally:
        stopped.set()
        writer.join()
    log.stop("stop", at=house.clock())


def test_after_the_end_nothing_is_recorded(house):
    log = house.open()
    house.evidence(log, "start")
    log.stop("fault", at=house.clock(), code="confinement_failed")
    for action in (lambda: house.begin(log), lambda: log.tick(at=house.clock()), lambda: house.evidence(log)):
        with pytest.raises(AuditError) as caught:
            action()
        assert caught.value.code == "audit_unavailable"
    assert json.loads(entries(house)[-1].body)["code"] == "confinement_failed"


def test_bodies_are_what_the_format_says(house):
    house.run(1)
    for entry in entries(house):
        if entry.body is not None and entry.kind != "K":
            check("records", entry.kind, loads(entry.body))
    start = json.loads(entries(house)[1].body)
    assert start["prev"] == {"size": 0, "clean": 1}
    assert start["boot"] == BOOT


def test_recheck_sees_a_changed_bundle(house):
    house.run()
    log = house.open()
    assert log.recheck(at=house.clock()).result == "pass"
    bundle = next(path for path in (house.folder / "log/tile/entries").rglob("*") if path.is_file())
    data = bytearray(bundle.read_bytes())
    data[60] ^= 1
    bundle.write_bytes(data)
    assert log.recheck(at=house.clock()).result == "fail"


def test_a_policy_is_kept_under_its_digest(house):
    log = house.open()
    log.keep_policy(b"name = 'hospital'\n")
    digest = hashlib.sha256(b"name = 'hospital'\n").hexdigest()
    assert (house.folder / f"policy/{digest}.toml").read_bytes() == b"name = 'hospital'\n"


def test_open_is_a_log(house):
    assert isinstance(house.open(), Log)
