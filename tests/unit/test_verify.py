"""Semantic attacks on a log, each with the check that must catch it, and what must never be said of a sound one."""

import io
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import officer
from audit.checkpoint import Checkpoint, Note, Signer, checkpoint_code, sign_checkpoint, sign_statement
from audit.log import read_directory
from audit.record import Entry
from audit.seal import Identity
from audit.shapes import b64
from audit.strictjson import loads
from audit.verify import Anchors, examine, from_directory, plain_words, texts
from tests.kit.audit_forger import Forger, put
from tests.kit.audit_house import ORIGIN, SHA, House, Remembering, outcome, pack, proc, quick_folder, states

folder = pytest.fixture(scope="module")(quick_folder)


@pytest.fixture(scope="module")
def five_epochs(folder: Path) -> House:
    """Epochs 0 to 4, a clean day each; the randomness is remembered, so tests can hand out keys."""
    house = House(folder / "origin", random=Remembering()).enrol()
    for _ in range(5):
        house.run(2)
        house.clock.reboot()
    return house


@pytest.fixture
def house(five_epochs: House, folder: Path) -> House:
    """A copy to be spoiled."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(five_epochs.path, copy)
    spoiled = House(copy, clock=type(five_epochs.clock)(**vars(five_epochs.clock)), random=five_epochs.random)
    spoiled.keyring, spoiled.trust = five_epochs.keyring, five_epochs.trust
    return spoiled


@pytest.fixture
def forger(house: House) -> Forger:
    return Forger(house)


def result(house: House, anchors: Anchors | None = None) -> tuple[str, dict[str, str]]:
    found = house.examine(anchors)
    reached = {check: state for check, state in states(found).items() if state != "not_run"}
    return found.verdict, reached


def anchored(house: House, size: int) -> Anchors:
    """The officer looked when the log had this size."""
    note = (house.folder / f"log/checkpoints/{size:012d}").read_bytes()
    return Anchors(book=(officer.anchor(note, house.keyring, 1_795_000_000),))


def test_a_sound_log_is_verified(house):
    assert result(house) == ("VERIFIED", {})
    found = house.examine(Anchors(book=(house.anchor(),)))
    assert found.independence == {"level": "I1", "size": 55, "t": "2026-11-20T05:27:40Z"}


# --- without any key


def test_a_flipped_byte(house, forger):
    place = forger.find("H", 2)
    forger.leaves[place] = forger.leaves[place].replace(b'"open":0', b'"open":1')
    bundle = house.folder / "log/tile/entries/000.p/55"
    data = bundle.read_bytes()
    bundle.write_bytes(data.replace(b'"open":0', b'"open":1', 1))
    verdict, found = result(house)
    assert verdict == "NOT VERIFIED"
    assert found["V04"] == "fail"


def test_a_flipped_byte_with_all_tiles_made_to_fit(house, forger):
    place = forger.find("H", 2)
    forger.edit(place, {"open": 3})
    assert result(forger.write()) == ("NOT VERIFIED", {"V04": "fail"})


def test_the_first_difference_is_named(house, forger):
    place = forger.find("H", 2)
    tiles = {path: path.read_bytes() for path in (house.folder / "log/tile/0").rglob("*") if path.is_file()}
    forger.edit(place, {"open": 3})
    forger.write()
    for path, data in tiles.items():
        path.write_bytes(data)
    words = "\n".join(plain_words(house.examine()))
    assert f"Records do not match the seal: first difference at no. {place}" in words


@pytest.mark.parametrize("fit", [False, True])
def test_a_deleted_record(forger, fit):
    del forger.leaves[forger.find("B", 1)]
    if fit:
        forger.renumber()
    verdict, found = result(forger.write())
    assert verdict == "NOT VERIFIED"
    assert found["V05"] == "fail"


def test_a_doubled_record(forger):
    forger.leaves.insert(10, forger.leaves[10])
    assert result(forger.write())[1]["V05"] == "fail"


@pytest.mark.parametrize("fit", [False, True])
def test_a_swapped_pair(forger, fit):
    first, second = forger.find("R", 1), forger.find("R", 2)
    forger.leaves[first], forger.leaves[second] = forger.leaves[second], forger.leaves[first]
    if fit:
        forger.renumber()
    assert result(forger.write())[0] == "NOT VERIFIED"


def test_a_truncated_tail_without_a_key(forger):
    del forger.leaves[-3:]
    assert result(forger.write())[0] == "NOT VERIFIED"


def test_a_swapped_blob(house, forger):
    one, two = forger.blob(forger.find("R", 0)), forger.blob(forger.find("R", 1))
    one_data, two_data = one.read_bytes(), two.read_bytes()
    one.write_bytes(two_data)
    two.write_bytes(one_data)
    assert result(house) == ("NOT VERIFIED", {"V13": "fail", "V16": "fail"})


def test_a_blob_gone_without_an_order(house, forger):
    forger.blob(forger.find("Z", 1)).unlink()
    verdict, found = result(house)
    assert verdict == "NOT VERIFIED"
    assert found["V13"] == "fail"


def test_a_missing_segment_file_is_unknown_not_forged(house):
    (house.folder / "seg/000002.age").unlink()
    verdict, found = result(house)
    assert (verdict, found["V15"]) == ("CANNOT TELL", "unknown")


def test_a_segment_of_another_epoch(house):
    shutil.copy(house.folder / "seg/000001.age", house.folder / "seg/000002.age")
    assert result(house) == ("NOT VERIFIED", {"V06": "fail"})


def test_another_officer(house):
    stranger = officer.new_keyring("hospital.example", house.keyring.recipients, Remembering())
    found = examine(from_directory(read_directory(house.folder)), stranger.trust(), stranger)
    assert found.verdict == "NOT VERIFIED"
    assert states(found)["V02"] == "fail"
    assert states(found)["V04"] == "not_run"
    assert found.claims == ()


# --- the table of the threat model: epoch 4 of 0..4, every current key in the attacker's hands


def test_editing_a_closed_epoch(forger):
    key = forger.signer(4)
    forger.edit(forger.find("H", 2), {"open": 3})
    verdict, found = result(forger.write(key))
    assert verdict == "NOT VERIFIED"
    assert found["V06"] == "fail"


def test_truncating_to_an_epoch_boundary(house, forger):
    anchors = anchored(house, forger.chain().epochs[3].start)
    boundary = forger.chain().epochs[2].start
    seal = (house.folder / f"log/checkpoints/{boundary:012d}").read_bytes()
    later = [epoch.start for epoch in forger.chain().epochs[3:]]
    del forger.leaves[boundary:]
    forger.drop_kept([*later, 55])
    forger.write(checkpoint=seal)
    assert result(house)[0] != "NOT VERIFIED"
    assert result(house, anchors) == ("NOT VERIFIED", {"V08": "fail"})


def test_truncating_after_the_anchor_is_beyond_us(house, forger):
    anchors = anchored(house, forger.chain().epochs[2].start)
    boundary = forger.chain().epochs[3].start
    seal = (house.folder / f"log/checkpoints/{boundary:012d}").read_bytes()
    del forger.leaves[boundary:]
    forger.drop_kept([forger.chain().epochs[3].start if len(forger.chain().epochs) > 3 else 0, 44, 55])
    forger.write(checkpoint=seal)
    assert result(house, anchors)[0] == "VERIFIED"


def test_editing_the_current_epoch_is_beyond_us_until_the_next_anchor(house, forger):
    key = forger.signer(4)
    anchor = Anchors(book=(house.anchor(),))
    forger.edit(forger.find("H", 4), {"open": 3})
    forger.drop_kept([55])
    forger.write(key)
    assert result(house) == ("VERIFIED", {})
    assert result(house, anchor)[1]["V08"] == "fail"


def test_cutting_the_end_of_the_last_closed_epoch(house, forger):
    """Cut epoch 3 short, hand over again from there with the key of epoch 4, and pretend a crash."""
    chain, key = forger.chain(), forger.signer(4)
    anchors = anchored(house, chain.epochs[4].start)
    cut = chain.epochs[4].start - 4
    old = forger.leaves[chain.epochs[4].start]
    tail = forger.leaves[chain.epochs[4].start + 1 :]
    del forger.leaves[cut:]
    body = Note.parse(Entry.parse(old).body).text.split("\n")[1]
    statement = loads(body.encode()) | {"size": cut, "root": b64(forger.root(cut))}
    note = sign_statement("handover", statement, key)
    forger.leaves.append(Entry.clear(cut, "K", note, hour=Entry.parse(old).hour).leaf())
    forger.leaves += [leaf for leaf in tail if Entry.parse(leaf).epoch is None]
    forger.renumber()
    forger.drop_kept([chain.epochs[4].start, 55])
    forger.write(key)
    verdict, found = result(house)
    assert verdict == "VERIFIED WITH GAPS"
    assert found["V07"] == "gap"
    assert found["V10"] == "gap"
    assert result(house, anchors)[1]["V08"] == "fail"


def test_old_records_sealed_again_with_a_newer_key(house, forger):
    key = forger.signer(4)
    size = forger.chain().epochs[2].start
    put(
        house.folder / f"log/checkpoints/{size:012d}", sign_checkpoint(Checkpoint(ORIGIN, size, forger.root(size)), key)
    )
    assert result(house) == ("NOT VERIFIED", {"V07": "fail"})


def test_a_closed_epoch_without_its_own_seal(house, forger):
    """The closing rule: the long tail of an unsigned epoch is a failure, not a crash."""
    chain, key = forger.chain(), forger.signer(4)
    start = chain.epochs[4].start
    beat = Entry.parse(forger.leaves[forger.find("H", 3)])
    forger.leaves[start:start] = [beat.leaf()] * 2
    forger.renumber()
    statement_of(forger, start + 2, key)
    forger.drop_kept([start, 55])
    forger.write(key)
    assert result(house)[1]["V07"] == "fail"


def statement_of(forger: Forger, seq: int, key) -> None:
    """Sign the K at `seq` again so that it fits its new place."""
    entry = Entry.parse(forger.leaves[seq])
    body = loads(Note.parse(entry.body).text.split("\n")[1].encode())
    note = sign_statement("handover", body | {"size": seq, "root": b64(forger.root(seq))}, key)
    forger.leaves[seq] = Entry.clear(seq, "K", note, hour=entry.hour).leaf()


def test_a_key_history_from_elsewhere(forger):
    key = forger.signer(4)
    seq = forger.chain().epochs[4].start
    entry = Entry.parse(forger.leaves[seq])
    forger.leaves[seq] = Entry.clear(seq, "K", entry.body.replace(b'"epoch":4', b'"epoch":5'), hour=entry.hour).leaf()
    assert result(forger.write(key))[1]["V06"] == "fail"


def test_a_stripped_handover(forger):
    key = forger.signer(4)
    del forger.leaves[forger.chain().epochs[4].start]
    forger.renumber()
    assert result(forger.write(key))[0] == "NOT VERIFIED"


def test_two_histories_signed(house, forger):
    key = forger.signer(4)
    put(house.folder / "log/checkpoints/000000000050", sign_checkpoint(Checkpoint(ORIGIN, 50, bytes(32)), key))
    assert result(house) == ("NOT VERIFIED", {"V09": "fail"})


def test_an_absurd_size_costs_no_time(house, forger):
    for size in (600, 10**15, 2**53 - 1):
        put(house.folder / "log/checkpoint", sign_checkpoint(Checkpoint(ORIGIN, size, bytes(32)), forger.signer(4)))
        verdict, found = result(house)
        assert (verdict, found["V05"]) == ("NOT VERIFIED", "fail")


def test_a_seal_by_an_unknown_key(house, forger):
    assert result(forger.write(Signer(ORIGIN, b"\x05" * 32)))[1]["V03"] == "fail"


# --- anchors


def test_an_anchor_above_the_log(house, forger):
    root = forger.root(55)
    note = sign_checkpoint(Checkpoint(ORIGIN, 60, root), forger.signer(4))
    anchors = Anchors(book=(officer.anchor(note, house.keyring, 5),))
    assert result(house, anchors)[1]["V08"] == "fail"
    assert "Records after no. 54 were cut off" in "\n".join(plain_words(house.examine(anchors)))


def test_an_anchor_nobody_trusted_signed_fixes_nothing(house):
    stranger = officer.new_keyring("hospital.example", house.keyring.recipients, Remembering())
    note = officer.anchor((house.folder / "log/checkpoint").read_bytes(), stranger, 5)
    found = house.examine(Anchors(book=(note, b"junk")))
    assert (found.verdict, found.independence["level"]) == ("VERIFIED", "I0")


def test_paper_codes(house, forger):
    right = checkpoint_code(Checkpoint(ORIGIN, 30, forger.root(30)))
    found = house.examine(Anchors(paper=(right.upper(),)))
    assert (found.verdict, found.independence) == ("VERIFIED", {"level": "I1", "size": 30, "t": None})
    for wrong, state in (
        (right.replace("30-", "31-"), "fail"),
        (right.replace("30-", "99-"), "fail"),
        ("30-x", "unknown"),
    ):
        assert states(house.examine(Anchors(paper=(wrong,))))["V08"] == state


def test_a_demonstration_is_never_independent(folder):
    house = House(folder / "demo", custody="same-machine").enrol().run(1)
    found = house.examine(Anchors(book=(house.anchor(),)))
    assert (found.verdict, found.independence["level"]) == ("VERIFIED", "I0")
    assert "demo" in found.claims
    assert "self-attested" in found.claims


# --- what a service that is itself the attacker can still not hide


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda body: body[:-1] + b',"more":1}', "V17"),
        (lambda body: body.replace(b'"open":0', b'"open":0,"open":0'), "V17"),
        (lambda body: body.replace(b'"open":0', b'"open":1.0'), "V17"),
        (lambda body: body.replace(b'"open":0', b'"open":-0'), "V17"),
        (lambda body: body.replace(b'"open":0', b'"open":00'), "V17"),
        (lambda body: body.replace(b",", b", "), "V17"),
        (lambda body: body + b"\r\n", "V17"),
        (lambda body: b"\xef\xbb\xbf" + body, "V17"),
        (lambda body: body.replace(b'"open":0', b'"open":true'), "V17"),
        (lambda body: body.replace(b'"v":1', b'"v":2'), "V17"),
        (lambda body: body.replace(b'"boot"', b'"b\\u006fot"'), "V17"),
    ],
)
def test_malformed_clear_records(forger, change, check):
    key, place = forger.signer(4), forger.find("H", 4)
    forger.edit(place, change(Entry.parse(forger.leaves[place]).body))
    forger.drop_kept([55])
    verdict, found = result(forger.write(key))
    assert (verdict, found[check]) == ("NOT VERIFIED", "fail")


@pytest.mark.parametrize(
    "change",
    [
        lambda leaf: leaf.replace(b" H ", b" D "),
        lambda leaf: leaf.replace(b"cordon1 ", b"cordon1  "),
        lambda leaf: leaf.replace(b"cordon1 ", b"cordon2 "),
        lambda leaf: leaf.replace(b"cordon1 ", b"cordon1 0"),
        lambda leaf: leaf.replace(b"Z\n", b"Z\r\n"),
        lambda leaf: leaf.replace(b" - - ", b" 4 9 "),
    ],
)
def test_malformed_lines(forger, change):
    key, place = forger.signer(4), forger.find("H", 4)
    forger.leaves[place] = change(forger.leaves[place])
    forger.drop_kept([55])
    verdict, found = result(forger.write(key))
    assert (verdict, found["V05"]) == ("NOT VERIFIED", "fail")


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_forgery_stops_the_examination(five_epochs, folder, data):
    """Whatever an attacker who can sign writes into clear records, the answer is an answer."""
    path = folder / "fuzz"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(five_epochs.path, path)
    house = House(path, clock=five_epochs.clock, random=five_epochs.random)
    house.keyring, house.trust = five_epochs.keyring, five_epochs.trust
    forger = Forger(house)
    key, start = forger.signer(4), forger.chain().epochs[4].start
    clear = [entry for entry in forger.entries()[start + 1 :] if entry.body is not None]
    for _ in range(data.draw(st.integers(1, 3))):
        entry = data.draw(st.sampled_from(clear))
        body = bytearray(entry.body)
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from([b"9", b"0", b"", b"A", b'"', b"}", b"-1", b"99999999"])
        )
        forger.leaves[entry.seq] = Entry.clear(entry.seq, entry.kind, bytes(body), hour=entry.hour).leaf()
    forger.drop_kept([55])
    found = forger.write(key).examine()
    assert found.encode()
    assert plain_words(found)


def test_a_policy_changed_without_a_record(forger):
    key = forger.signer(4)
    forger.edit(forger.find("S", 4), {"policy": SHA["gateway"]})
    forger.drop_kept([55])
    assert result(forger.write(key)) == ("VERIFIED WITH GAPS", {"V19": "gap"})


def test_a_first_policy_nobody_granted(folder):
    house = House(folder / "granted")
    house.policy = SHA["gateway"]
    house.enrol().run(1)
    assert result(house)[1] == {"V19": "gap"}


def test_an_unknown_software_version(forger):
    key = forger.signer(4)
    forger.edit(forger.find("S", 4), {"software": {"version": "0.2.0", "sha": SHA["gateway"]}})
    forger.drop_kept([55])
    assert result(forger.write(key))[1] == {"V19": "gap", "V22": "gap"}


def test_a_clock_that_jumped(forger):
    key, place = forger.signer(4), forger.find("H", 4)
    forger.edit(place, {"t": "2026-11-20T23:00:00.000+05:30"})
    forger.drop_kept([55])
    assert "V11" in result(forger.write(key))[1]


def test_a_heartbeat_hidden(house):
    log = house.open()
    house.evidence(log, "start")
    log.tick(at=house.clock.pass_ms(13 * 60_000))
    house.evidence(log, "stop")
    log.stop("stop", at=house.clock.pass_ms(10))
    assert result(house) == ("VERIFIED WITH GAPS", {"V10": "gap"})
    assert house.examine().periods[-1]["label"] == "on"
    assert "cut" in [period["label"] for period in house.examine().periods]


def test_a_forged_order(house):
    log = house.open()
    house.evidence(log, "start")
    stranger = officer.new_keyring("hospital.example", house.keyring.recipients, Remembering())
    order = officer.erase((stranger, ORIGIN, house.clock().time()), [3], "error", "T-1")
    with log._core.writing:
        log._put("T", {"note": order.decode()}, house.clock())
    log.stop("stop", at=house.clock())
    assert result(house)[1]["V14"] == "fail"


def test_an_order_not_carried_out(house, forger):
    place = forger.find("R", 1)
    saved = {path: path.read_bytes() for path in (forger.blob(place), forger.blob(place + 1))}
    log = house.open()
    house.evidence(log, "start")
    log.accept(officer.erase(house.seal(), [place, place + 1], "error", "T-1"), at=house.clock())
    log.stop("stop", at=house.clock())
    assert result(house) == ("VERIFIED", {})
    for path, data in saved.items():
        put(path, data)
    assert result(house)[1] == {"V14": "gap"}


def test_no_sentence_spans_what_nobody_measured(house):
    house.clock.reboot(3_600_000)
    house.run(1)
    words = [line for line in plain_words(house.examine()) if line.startswith("No network path")]
    assert len(words) == 3
    assert "3 more stretches" in "\n".join(plain_words(house.examine()))
    assert len(house.examine().evidence_spans) == 6
    log = house.open()
    house.evidence(log, "start")
    house.evidence(log, procs=[proc("gateway"), proc("analyst")], level="E0", reasons=["child-missing"])
    log.stop("stop", at=house.clock.pass_ms(10))
    found = house.examine()
    assert "no-path" not in found.claims
    assert "not-measured" in found.claims


def test_a_level_raised_by_hand(house):
    log = house.open()
    house.evidence(log, "start")
    gateway = proc("gateway") | {"no_new_privs": 0}
    house.evidence(log, procs=[gateway, proc("analyst"), proc("engine")])
    log.stop("stop", at=house.clock.pass_ms(10))
    found = house.examine()
    assert states(found) == {"V18": "gap"}
    assert "claims more than it shows" in "\n".join(plain_words(found))


def test_a_hidden_tick(house):
    log = house.open()
    house.evidence(log, "start")
    old = log._evidence
    house.evidence(log)
    log._evidence = old
    house.exchange(log)
    house.evidence(log, "stop")
    log.stop("stop", at=house.clock.pass_ms(10))
    assert result(house)[1] == {"V20": "gap"}


def test_old_evidence(house):
    log = house.open()
    house.evidence(log, "start")
    for _ in range(7):
        log.tick(at=house.clock.pass_ms(300_000))
    house.exchange(log)
    log.stop("stop", at=house.clock.pass_ms(10))
    assert result(house)[1] == {"V18": "gap", "V20": "gap"}


def test_an_interrupted_request(house):
    log = house.open()
    house.evidence(log, "start")
    house.begin(log)
    log.stop("stop", at=house.clock())
    found = house.examine()
    assert states(found) == {"V25": "gap"}
    assert found.totals["interrupted"] == 1


def test_a_second_reader_of_the_segments(folder):
    house = House(folder / "stanza")
    month = house.clock().month()
    extra = (month, Identity(b"\x09" * 32).secret())
    house.keyring = replace(house.keyring, months=(*house.keyring.months, extra))
    house.enrol().run(1)
    assert result(house)[1]["V23"] == "fail"


def test_structure_only_without_a_keyring(house):
    found = examine(from_directory(read_directory(house.folder)), house.trust)
    assert (found.verdict, found.scope, found.evidence_min) == ("VERIFIED", "structure", None)
    assert {check.id for check in found.checks if check.state == "not_run"} == {
        "V15",
        "V16",
        "V17",
        "V18",
        "V20",
        "V21",
        "V23",
        "V25",
    }
    assert "contents were not opened" in plain_words(found)[0]


def test_a_keyring_without_the_month(house):
    house.keyring = officer.retire_month(house.keyring, "202611")
    found = house.examine()
    assert (found.verdict, states(found)["V15"]) == ("CANNOT TELL", "unknown")


def test_evidence_and_off_time_sum_to_the_period(house):
    found = house.examine()
    assert found.evidence_min == {"E0": 0, "E1": 25, "gap": 0}
    assert found.claims == ("seal", "tamper-evident", "self-attested", "measured", "no-path")


# --- packages


@pytest.fixture(scope="module")
def packed(folder: Path) -> tuple[House, bytes]:
    house = House(folder / "packed").enrol().run(1)
    return house, house.package()


def rebuilt(data: bytes, change=lambda names: names, compression: int = zipfile.ZIP_STORED) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        names = {info.filename: old.read(info) for info in old.infolist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as new:
        for name, content in change(names).items():
            new.writestr(name, content)
    return out.getvalue()


def test_a_package_is_verified_and_reproducible(packed):
    house, data = packed
    found = house.examine_package(data)
    assert (found.verdict, states(found)) == ("VERIFIED", {})
    assert house.examine_package(rebuilt(data, compression=zipfile.ZIP_DEFLATED)).verdict == "VERIFIED"
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        names = package.namelist()
        assert names == sorted(names)
        assert not [name for name in names if name.startswith("state")]


def test_the_same_snapshot_gives_the_same_bytes(house):
    log = house.open()
    house.evidence(log, "start")
    assert pack(log, house.clock()) == pack(log, house.clock())


def test_an_answer_after_midnight_is_not_missing(house):
    """A request at the end of the chosen day, its outcome on the next: not an interruption."""
    midnight = 24 * 3_600_000 - house.clock.utc_ms % (24 * 3_600_000)
    house.clock.reboot(midnight - 30_000)
    log = house.open()
    house.evidence(log, "start")
    day = house.clock().hour()[:10]
    late = house.begin(log, 3)
    log.close(late, outcome(), at=house.clock.pass_ms(40_000))
    house.evidence(log, "stop")
    log.stop("stop", at=house.clock.pass_ms(10))
    house.clock.reboot()
    found = house.examine_package(house.package((day, day)))
    assert (found.verdict, states(found), found.range[1]) == ("VERIFIED", {}, late.seq)
    assert house.examine_package(house.package()).totals["interrupted"] == 0


def test_a_package_of_one_day(house):
    house.clock.reboot(26 * 3_600_000)
    house.run(1)
    day = house.clock().hour()[:10]
    found = house.examine_package(house.package((day, day)))
    assert (found.verdict, states(found)) == ("VERIFIED", {})
    assert found.range[0] > 50
    assert found.size > found.totals["records"]
    with pytest.raises(ValueError, match="no records"):
        house.package(("2020-01-01", "2020-01-02"))


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda names: names | {"log/checkpoint": names["log/checkpoint"] + b"x"}, "V01"),
        (lambda names: {name: data for name, data in names.items() if not name.startswith("seg/")}, "V01"),
        (lambda names: names | {"evidence/more": b"x"}, "V01"),
        (lambda names: {name: data for name, data in names.items() if name != "manifest.note"}, "V01"),
        (lambda names: {name: data for name, data in names.items() if name != "manifest.json"}, "V24"),
        (lambda names: names | {"manifest.json": names["manifest.json"] + b"\n"}, "V24"),
        (lambda names: names | {"manifest.json": names["manifest.json"].replace(b'"from":0', b'"from":1')}, "V03"),
        (lambda names: names | {"../evil": b"x"}, "V24"),
        (lambda names: names | {"/etc/passwd": b"x"}, "V24"),
        (lambda names: names | {"log\\checkpoint": b"x"}, "V24"),
        (lambda names: names | {"state/next.key": b"x"}, "V24"),
        (lambda names: names | {"evidence/ü": b"x"}, "V24"),
        (lambda names: names | {"log/": b""}, "V24"),
    ],
)
def test_spoiled_packages(packed, change, check):
    house, data = packed
    found = house.examine_package(rebuilt(data, change))
    assert found.verdict == "NOT VERIFIED"
    assert states(found)[check] == "fail"


def test_hostile_zips(packed):
    house, data = packed
    doubled = io.BytesIO(data)
    with zipfile.ZipFile(doubled, "a") as package, pytest.warns(UserWarning, match="Duplicate"):
        package.writestr("log/checkpoint", b"x")
    bomb = rebuilt(data, lambda names: names | {"evidence/bomb": bytes(10**6)}, zipfile.ZIP_DEFLATED)
    link = io.BytesIO(data)
    with zipfile.ZipFile(link, "a") as package:
        info = zipfile.ZipInfo("evidence/link")
        info.external_attr = 0o120777 << 16
        package.writestr(info, b"/etc/passwd")
    for hostile in (b"", b"PK", data[:100], doubled.getvalue(), bomb, link.getvalue()):
        found = house.examine_package(hostile)
        assert (found.verdict, states(found)["V24"]) == ("NOT VERIFIED", "fail")
        assert plain_words(found)[0] == "NOT VERIFIED"


def test_seventeen_signatures_in_a_package(packed):
    house, data = packed
    line = b"\xe2\x80\x94 somebody " + b"A" * 88 + b"\n"
    found = house.examine_package(
        rebuilt(data, lambda names: names | {"manifest.note": names["manifest.note"] + line * 16})
    )
    assert states(found)["V24"] == "fail"


def test_every_kind_of_flipped_byte_is_seen(packed):
    """Mutation: a changed byte is never VERIFIED, except where a zip stores nothing of meaning."""
    house, data = packed
    harmless = meaningless(data)
    for place in range(0, len(data), 97):
        broken = bytearray(data)
        broken[place] ^= 0x20
        found = house.examine_package(bytes(broken))
        assert found.verdict == "NOT VERIFIED" or place in harmless, place


def meaningless(data: bytes) -> set[int]:
    """Header fields of a zip that say nothing about content: versions, times, attributes, counted sizes."""
    places: set[int] = set()
    for match in re.finditer(rb"PK\x03\x04", data):
        places |= {match.start() + offset for offset in range(4, 26)}
    for match in re.finditer(rb"PK\x01\x02", data):
        places |= {
            match.start() + offset for offset in (*range(4, 8), 9, *range(12, 16), *range(20, 26), *range(28, 41))
        }
    return places | set(range(len(data) - 22, len(data)))


# --- words


def test_verification_bytes_do_not_depend_on_the_tool(packed):
    house, data = packed
    first, second = house.examine_package(data).encode(), house.examine_package(data).encode()
    assert first == second
    assert b"cordon " not in first


def test_no_sentence_says_too_much():
    said = str(texts()).lower()
    forbidden = (
        "proves no data left",
        "guarantee",
        "tamper-proof",
        "unhackable",
        "air-gapped",
        "certified",
        "compliant with",
        "securely deleted",
        "100 %",
        "100%",
    )
    for words in forbidden:
        assert words not in said


def test_every_check_has_words(house, forger):
    for row in texts()["checks"].values():
        assert row["title"]
    (house.folder / "seg/000002.age").unlink()
    for line in plain_words(house.examine()):
        assert "{" not in line
