"""Every attack of the specification on a real package, with what a verifier must answer. One function, one attack.

The attacker sits in the newest epoch and holds its keys; a docstring says when he has more or less. Each function gets
a copy of a sound log and returns the package that he hands to the officer. `ATTACKS` is the list; the vectors of
docs/formats/audit-v1 are made from it (tests/kit/vectors.py), and both verifiers must agree on every one.
"""

import io
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from audit import officer
from audit.checkpoint import Checkpoint, Note, Signer, checkpoint_code, sign_checkpoint, sign_statement
from audit.export.bundle import Draft, _own, write_package
from audit.log import read_directory
from audit.log.disk import Disk
from audit.officer import Keyring
from audit.record import Entry
from audit.seal import Identity
from audit.shapes import b64
from audit.strictjson import dumps, loads
from audit.verify import Anchors
from tests.kit.audit_forger import Forger, put
from tests.kit.audit_house import ORIGIN, SHA, House, Remembering, blocked, outcome, proc

Checks = dict[str, str]
GAPS, NO, YES, UNKNOWN = "VERIFIED WITH GAPS", "NOT VERIFIED", "VERIFIED", "CANNOT TELL"


@dataclass
class Scene:
    """A sound log of some epochs, copied for one attack."""

    house: House
    keyring: Keyring | None = None
    anchors: Anchors = field(default_factory=Anchors)
    _forger: Forger | None = None

    @property
    def forger(self) -> Forger:
        self._forger = self._forger or Forger(self.house)
        return self._forger

    @property
    def newest(self) -> int:
        return len(self.forger.chain().epochs) - 1

    @property
    def key(self) -> Signer:
        """The signing key of the newest epoch."""
        return self.forger.signer(self.newest)

    def anchored(self, size: int) -> None:
        """The officer looked when the log had this size; she keeps the note."""
        note = (self.house.folder / f"log/checkpoints/{size:012d}").read_bytes()
        self.anchors = Anchors(book=(officer.anchor(note, self.house.keyring, 1_795_000_000),))

    def forge(self, signer: Signer | None = None, checkpoint: bytes | None = None) -> bytes:
        """Write the changed leaves back, seal them as well as the keys allow, and pack."""
        key = signer or (self.key if checkpoint is None else None)
        size = int(self.forger.checkpoint.split(b"\n")[1])
        self.forger.drop_kept([size])
        self.forger.write(key, checkpoint)
        return self.pack(key)

    def pack(self, signer: Signer | None = None) -> bytes:
        return package_of(self.house, signer or self.key)


@dataclass(frozen=True)
class Attack:
    """`checks`: the checks that must not pass, and their state; all others pass or were not run."""

    name: str
    epochs: int
    make: Callable[[Scene], bytes]
    verdict: str
    checks: Checks
    only: bool = True
    """False: `checks` are some of those that fail."""


ATTACKS: list[Attack] = []


def attack(
    verdict: str, checks: Checks, *, epochs: int = 2, only: bool = True
) -> Callable[[Callable[[Scene], bytes]], Callable[[Scene], bytes]]:
    def register(make: Callable[[Scene], bytes]) -> Callable[[Scene], bytes]:
        ATTACKS.append(Attack(make.__name__, epochs, make, verdict, checks, only))
        return make

    return register


# --- scenes


def sound_log(folder: Path, epochs: int) -> House:
    """A run of one exchange, a refusal and a heartbeat for each epoch; every random byte is remembered."""
    house = House(folder, random=Remembering()).enrol()
    for number in range(epochs):
        log = house.open()
        house.evidence(log, "start")
        house.exchange(log, number)
        log.block(blocked(), at=house.clock.pass_ms(100))
        log.tick(at=house.clock.pass_ms(300_000))
        log.stop("stop", at=house.clock.pass_ms(100))
        house.clock.reboot()
    return house


def copied(original: House, folder: Path) -> Scene:
    """A copy to be spoiled; clock and randomness go on from where the original stopped."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original.path, folder)
    house = House(folder, clock=type(original.clock)(**vars(original.clock)), random=original.random)
    house.keyring, house.trust, house.identities = original.keyring, original.trust, original.identities
    return Scene(house, house.keyring)


def package_of(house: House, signer: Signer) -> bytes:
    """What the workstation hands out, its manifest signed by this key; leaves may be nonsense."""
    snapshot = read_directory(house.folder)
    point, t = snapshot.checkpoint, house.clock().time()
    own = _own(b"")
    names = tuple(sorted({*own, *snapshot.names}))
    contents = ((name, own.get(name) or snapshot.read(name)) for name in names)
    rows = [[name, len(data), sha256(data).hexdigest()] for name, data in contents]
    facts = {"origin": point.origin, "size": point.size, "root": b64(point.root), "from": 0, "to": point.size - 1}
    draft = Draft(dumps({"v": 1, **facts, "t": t, "files": rows}), names, 0, point.size - 1)
    body = {"v": 1, "origin": ORIGIN, "t": t, "sha": draft.sha, "size": draft.size}
    out = io.BytesIO()
    write_package(out, snapshot, draft, sign_statement("manifest", body, signer))
    return out.getvalue()


def files_of(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip as the product writes it: names sorted, times fixed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr, info.compress_type = 3, 0o644 << 16, compression
            archive.writestr(info, files[name])
    return out.getvalue()


# --- nothing is wrong


@attack(YES, {})
def sound(scene: Scene) -> bytes:
    return scene.pack()


@attack(YES, {})
def sound_and_deflated(scene: Scene) -> bytes:
    """Somebody packed it again with another program."""
    return zipped(files_of(scene.pack()), zipfile.ZIP_DEFLATED)


@attack(YES, {})
def sound_with_anchor_and_paper(scene: Scene) -> bytes:
    size = scene.forger.chain().epochs[1].start
    scene.anchored(size)
    code = checkpoint_code(Checkpoint(ORIGIN, size, scene.forger.root(size)))
    scene.anchors = replace(scene.anchors, paper=(code.upper(),))
    return scene.pack()


@attack(YES, {})
def sound_without_keyring(scene: Scene) -> bytes:
    scene.keyring = None
    return scene.pack()


@attack(YES, {})
def erased_by_order(scene: Scene) -> bytes:
    """An erasure that the officer ordered and the workstation carried out."""
    place = scene.forger.find("R")
    log = scene.house.open()
    scene.house.evidence(log, "start")
    log.accept(officer.erase(scene.house.seal(), [place, place + 1], "erasure-request", "T-1"), at=scene.house.clock())
    log.stop("stop", at=scene.house.clock())
    scene._forger = None
    return scene.pack()


@attack(YES, {})
def month_purged_by_order(scene: Scene) -> bytes:
    """The key of a month was destroyed and its contents deleted, by an order in the log."""
    house = scene.house
    month = house.clock().month()
    house.clock.reboot(15 * 24 * 3_600_000)
    log = house.open()
    house.evidence(log, "start")
    log.accept(officer.purge(house.seal(), month, "destroyed", "T-2"), at=house.clock.pass_ms(10))
    log.stop("stop", at=house.clock.pass_ms(10))
    scene._forger = None
    scene.keyring = officer.retire_month(house.keyring, month)
    return scene.pack()


@attack(YES, {})
def one_day_of_a_longer_log(scene: Scene) -> bytes:
    """Contents of one day only; the structure is whole."""
    scene.house.clock.reboot(26 * 3_600_000)
    scene.house.run(1)
    day = scene.house.clock().hour()[:10]
    return scene.house.package((day, day))


# --- the table of section 2: epoch 4 of 0..4, every current key in the attacker's hands


@attack(NO, {"V06": "fail"}, epochs=5, only=False)
def edit_a_record_inside_a_closed_epoch(scene: Scene) -> bytes:
    key = scene.key
    scene.forger.edit(scene.forger.find("H", 2), {"open": 3})
    return scene.forge(key)


@attack(NO, {"V06": "fail"}, epochs=5, only=False)
def delete_a_record_inside_a_closed_epoch(scene: Scene) -> bytes:
    key = scene.key
    del scene.forger.leaves[scene.forger.find("H", 2)]
    scene.forger.renumber()
    return scene.forge(key)


@attack(NO, {"V03": "fail"}, epochs=5, only=False)
def truncate_inside_an_epoch(scene: Scene) -> bytes:
    key = scene.key
    starts = [epoch.start for epoch in scene.forger.chain().epochs]
    del scene.forger.leaves[starts[2] + 3 :]
    scene.forger.drop_kept(starts[3:])
    return scene.forge(key)


def _to_boundary(scene: Scene, epoch: int, *, stop: bool) -> bytes:
    """Cut the log to just after the hand-over of the newest epoch: the only boundary whose key he still holds."""
    key, start = scene.key, scene.forger.chain().epochs[epoch].start
    cut = start + 1 if stop else start + 2
    del scene.forger.leaves[cut:]
    return scene.forge(key)


@attack(GAPS, {"V10": "gap"}, epochs=5)
def truncate_to_an_epoch_boundary(scene: Scene) -> bytes:
    """The start is left, its run is gone: shown as a gap, not as forgery."""
    scene.house.clock.pass_ms(20 * 60_000)
    return _to_boundary(scene, 4, stop=False)


@attack(NO, {"V08": "fail"}, epochs=5)
def truncate_to_an_epoch_boundary_before_the_anchor(scene: Scene) -> bytes:
    scene.anchors = Anchors(book=(scene.house.anchor(),))
    return _to_boundary(scene, 4, stop=True)


@attack(YES, {}, epochs=5)
def truncate_to_an_epoch_boundary_after_the_anchor(scene: Scene) -> bytes:
    """Beyond any verifier, and said so: later records could be altered by who controlled the service since then."""
    scene.anchored(scene.forger.chain().epochs[2].start)
    return _to_boundary(scene, 4, stop=True)


@attack(YES, {}, epochs=5)
def edit_inside_the_current_epoch(scene: Scene) -> bytes:
    scene.anchored(scene.forger.chain().epochs[4].start)
    key = scene.key
    scene.forger.edit(scene.forger.find("H", 4), {"open": 3})
    return scene.forge(key)


@attack(NO, {"V08": "fail"}, epochs=5)
def edit_inside_the_current_epoch_before_the_anchor(scene: Scene) -> bytes:
    scene.anchors = Anchors(book=(scene.house.anchor(),))
    key = scene.key
    scene.forger.edit(scene.forger.find("H", 4), {"open": 3})
    return scene.forge(key)


def _cut_the_end(scene: Scene) -> bytes:
    """Cut epoch 3 short, hand over again from there with the key of epoch 4, and pretend a crash."""
    chain, key = scene.forger.chain(), scene.key
    start = chain.epochs[4].start
    cut = start - 3
    old, tail = scene.forger.leaves[start], scene.forger.leaves[start + 1 :]
    del scene.forger.leaves[cut:]
    body = loads(Note.parse(Entry.parse(old).body or b"").text.split("\n")[1].encode())
    note = sign_statement("handover", body | {"size": cut, "root": b64(scene.forger.root(cut))}, key)
    scene.forger.leaves.append(Entry.clear(cut, "K", note, hour=Entry.parse(old).hour).leaf())
    scene.forger.leaves += [leaf for leaf in tail if Entry.parse(leaf).epoch is None]
    scene.forger.renumber()
    scene.forger.drop_kept([start])
    return scene.forge(key)


@attack(GAPS, {"V07": "gap", "V10": "gap"}, epochs=5)
def cut_the_end_of_the_last_closed_epoch(scene: Scene) -> bytes:
    """Shown as a gap, because a crash looks the same; an anchor decides."""
    return _cut_the_end(scene)


@attack(NO, {"V08": "fail"}, epochs=5, only=False)
def cut_the_end_of_the_last_closed_epoch_before_the_anchor(scene: Scene) -> bytes:
    scene.anchored(scene.forger.chain().epochs[4].start)
    return _cut_the_end(scene)


# --- without any key


@attack(NO, {"V04": "fail"}, only=False)
def edit_without_a_key(scene: Scene) -> bytes:
    seal, key = scene.forger.checkpoint, scene.key
    scene.forger.edit(scene.forger.find("H"), {"open": 3})
    scene.forger.write(checkpoint=seal)
    return scene.pack(key)


@attack(NO, {"V05": "fail"}, only=False)
def delete_a_record(scene: Scene) -> bytes:
    key = scene.key
    del scene.forger.leaves[scene.forger.find("B")]
    return scene.forge(key)


@attack(NO, {"V05": "fail"}, only=False)
def double_a_record(scene: Scene) -> bytes:
    key = scene.key
    scene.forger.leaves.insert(5, scene.forger.leaves[5])
    return scene.forge(key)


@attack(NO, {"V05": "fail"}, only=False)
def swap_two_records(scene: Scene) -> bytes:
    key, leaves = scene.key, scene.forger.leaves
    one, other = scene.forger.find("R", 1), scene.forger.find("Z", 1)
    leaves[one], leaves[other] = leaves[other], leaves[one]
    return scene.forge(key)


@attack(NO, {"V13": "fail", "V16": "fail"})
def swap_two_blobs(scene: Scene) -> bytes:
    one, other = scene.forger.blob(scene.forger.find("R")), scene.forger.blob(scene.forger.find("R", 1))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    return scene.pack()


@attack(NO, {"V16": "fail"}, only=False)
def replay_a_blob_of_an_earlier_epoch(scene: Scene) -> bytes:
    """The newest request gets the content of an older one, and a line that fits it."""
    key, forger = scene.key, scene.forger
    old, new = Entry.parse(forger.leaves[forger.find("R")]), Entry.parse(forger.leaves[forger.find("R", 1)])
    forger.leaves[new.seq] = replace(new, digest=old.digest, length=old.length).leaf()
    return scene.forge(key)


@attack(NO, {"V16": "fail"})
def blob_of_another_machine(scene: Scene) -> bytes:
    key, forger = scene.key, scene.forger
    entry = Entry.parse(forger.leaves[forger.find("R", 1)])
    foreign = bytes(reversed(forger.blob(entry.seq).read_bytes()))
    fresh = replace(entry, digest=sha256(foreign).hexdigest())
    forger.leaves[entry.seq] = fresh.leaf()
    put(forger.blob(entry.seq), foreign)
    return scene.forge(key)


@attack(NO, {"V06": "fail"})
def replay_a_segment_file(scene: Scene) -> bytes:
    shutil.copy(scene.house.folder / "seg/000000.age", scene.house.folder / "seg/000001.age")
    return scene.pack()


@attack(NO, {"V05": "fail"}, only=False)
def strip_a_hand_over(scene: Scene) -> bytes:
    key = scene.key
    del scene.forger.leaves[scene.forger.chain().epochs[1].start]
    scene.forger.renumber()
    return scene.forge(key)


@attack(NO, {"V07": "fail"})
def seal_old_records_again_with_a_newer_key(scene: Scene) -> bytes:
    """A later key, backdated: the third hole of journald sealing."""
    size = scene.forger.chain().epochs[1].start - 2
    note = sign_checkpoint(Checkpoint(ORIGIN, size, scene.forger.root(size)), scene.key)
    put(scene.house.folder / f"log/checkpoints/{size:012d}", note)
    return scene.pack()


@attack(NO, {"V07": "fail"}, only=False)
def closed_epoch_signed_again_by_the_next_key(scene: Scene) -> bytes:
    """The closing rule: a long tail that no key of its own epoch signed is a failure, not a crash."""
    key, start = scene.key, scene.forger.chain().epochs[1].start
    beat = scene.forger.leaves[scene.forger.find("H")]
    scene.forger.leaves[start:start] = [beat] * 2
    scene.forger.renumber()
    _statement_at(scene, start + 2, key)
    scene.forger.drop_kept([start])
    return scene.forge(key)


def _statement_at(scene: Scene, seq: int, key: Signer) -> None:
    entry = Entry.parse(scene.forger.leaves[seq])
    body = loads(Note.parse(entry.body or b"").text.split("\n")[1].encode())
    note = sign_statement("handover", body | {"size": seq, "root": b64(scene.forger.root(seq))}, key)
    scene.forger.leaves[seq] = Entry.clear(seq, "K", note, hour=entry.hour).leaf()


@attack(NO, {"V06": "fail"}, only=False)
def key_history_from_elsewhere(scene: Scene) -> bytes:
    key, seq = scene.key, scene.forger.chain().epochs[1].start
    entry = Entry.parse(scene.forger.leaves[seq])
    spoiled = (entry.body or b"").replace(b'"epoch":1', b'"epoch":2')
    scene.forger.leaves[seq] = Entry.clear(seq, "K", spoiled, hour=entry.hour).leaf()
    return scene.forge(key)


@attack(NO, {"V09": "fail"})
def two_checkpoints_of_one_size(scene: Scene) -> bytes:
    size = len(scene.forger.leaves)
    put(
        scene.house.folder / f"log/checkpoints/{size - 1:012d}",
        sign_checkpoint(Checkpoint(ORIGIN, size - 1, bytes(32)), scene.key),
    )
    return scene.pack()


@attack(NO, {"V05": "fail"})
def an_absurd_size(scene: Scene) -> bytes:
    put(scene.house.folder / "log/checkpoint", sign_checkpoint(Checkpoint(ORIGIN, 2**53 - 1, bytes(32)), scene.key))
    return _with_manifest_of(scene, 2**53 - 1, bytes(32))


def _with_manifest_of(scene: Scene, size: int, root: bytes) -> bytes:
    """Pack a directory whose checkpoint lies about its size; the manifest lies along."""
    lying = (scene.house.folder / "log/checkpoint").read_bytes()
    put(scene.house.folder / "log/checkpoint", scene.forger.checkpoint)
    files = files_of(scene.pack())
    manifest = loads(files["manifest.json"])
    files["log/checkpoint"] = lying
    rows = [row if row[0] != "log/checkpoint" else [row[0], len(lying), _sha(lying)] for row in manifest["files"]]
    return zipped(_signed(scene, files, manifest | {"size": size, "root": b64(root), "files": rows}))


def _signed(scene: Scene, files: dict[str, bytes], manifest: dict[str, object]) -> dict[str, bytes]:
    data = dumps(manifest)
    body = {"v": 1, "origin": ORIGIN, "t": manifest["t"], "sha": _sha(data), "size": len(data)}
    return files | {"manifest.json": data, "manifest.note": sign_statement("manifest", body, scene.key)}


def _sha(data: bytes) -> str:
    return sha256(data).hexdigest()


@attack(NO, {"V03": "fail"})
def seal_by_an_unknown_key(scene: Scene) -> bytes:
    key = scene.key
    scene.forger.write(Signer(ORIGIN, b"\x05" * 32))
    return scene.pack(key)


@attack(NO, {"V03": "fail"})
def manifest_by_an_unknown_key(scene: Scene) -> bytes:
    return scene.pack(Signer(ORIGIN, b"\x05" * 32))


@attack(NO, {"V02": "fail"})
def another_officer(scene: Scene) -> bytes:
    stranger = officer.new_keyring("hospital.example", scene.house.keyring.recipients, Remembering())
    scene.house.trust, scene.keyring = stranger.trust(), stranger
    return scene.pack()


@attack(NO, {"V08": "fail"})
def anchor_above_the_log(scene: Scene) -> bytes:
    size = len(scene.forger.leaves)
    note = sign_checkpoint(Checkpoint(ORIGIN, size + 5, scene.forger.root(size)), scene.key)
    scene.anchors = Anchors(book=(officer.anchor(note, scene.house.keyring, 5),))
    return scene.pack()


@attack(NO, {"V08": "fail"})
def paper_code_of_another_history(scene: Scene) -> bytes:
    scene.anchors = Anchors(paper=(checkpoint_code(Checkpoint(ORIGIN, 5, scene.forger.root(6))),))
    return scene.pack()


@attack(UNKNOWN, {"V08": "unknown"})
def paper_code_that_cannot_be_read(scene: Scene) -> bytes:
    scene.anchors = Anchors(paper=("5-x",))
    return scene.pack()


@attack(YES, {})
def anchor_nobody_trusted_signed(scene: Scene) -> bytes:
    """It fixes nothing: the result stays self-attested."""
    stranger = officer.new_keyring("hospital.example", scene.house.keyring.recipients, Remembering())
    note = (scene.house.folder / "log/checkpoint").read_bytes()
    scene.anchors = Anchors(book=(officer.anchor(note, stranger, 5), b"junk"))
    return scene.pack()


@attack(YES, {})
def demonstration_claiming_to_be_anchored(scene: Scene) -> bytes:
    """Keys made on the same computer: self-attested, whatever anchors exist."""
    folder = scene.house.path.parent / "demonstration"
    shutil.rmtree(folder, ignore_errors=True)
    demo = House(folder, random=Remembering(), custody="same-machine").enrol().run(1)
    scene.house, scene.keyring, scene._forger = demo, demo.keyring, None
    scene.anchors = Anchors(book=(demo.anchor(),))
    return scene.pack()


@attack(NO, {"V08": "fail"})
def yesterdays_directory_restored(scene: Scene) -> bytes:
    """A backup or a disk image: with an anchor it is found."""
    yesterday = scene.house.path.parent / "yesterday"
    shutil.rmtree(yesterday, ignore_errors=True)
    shutil.copytree(scene.house.path, yesterday)
    scene.house.run(1)
    scene.anchors = Anchors(book=(scene.house.anchor(),))
    shutil.rmtree(scene.house.path)
    shutil.copytree(yesterday, scene.house.path)
    scene._forger = None
    return scene.pack()


# --- contents


@attack(NO, {"V13": "fail"})
def blob_gone_without_an_order(scene: Scene) -> bytes:
    scene.forger.blob(scene.forger.find("B", 1)).unlink()
    return scene.pack()


@attack(UNKNOWN, {"V15": "unknown"})
def segment_file_missing(scene: Scene) -> bytes:
    (scene.house.folder / "seg/000001.age").unlink()
    return scene.pack()


@attack(UNKNOWN, {"V15": "unknown"})
def keyring_without_the_month(scene: Scene) -> bytes:
    scene.keyring = officer.retire_month(scene.house.keyring, "202611")
    return scene.pack()


@attack(NO, {"V23": "fail"})
def second_reader_of_the_segments(scene: Scene) -> bytes:
    folder = scene.house.path.parent / "two-readers"
    shutil.rmtree(folder, ignore_errors=True)
    house = House(folder, random=Remembering())
    extra = (house.clock().month(), Identity(b"\x09" * 32).secret())
    house.keyring = replace(house.keyring, months=(*house.keyring.months, extra))
    house.enrol().run(1)
    scene.house, scene.keyring, scene._forger = house, house.keyring, None
    return scene.pack()


@attack(NO, {"V14": "fail"})
def forged_order(scene: Scene) -> bytes:
    house = scene.house
    log = house.open()
    house.evidence(log, "start")
    stranger = officer.new_keyring("hospital.example", house.keyring.recipients, Remembering())
    order = officer.erase((stranger, ORIGIN, house.clock().time()), [3], "error", "T-1")
    with log._core.writing:
        log._put("T", {"note": order.decode()}, house.clock())
    log.stop("stop", at=house.clock())
    scene._forger = None
    return scene.pack()


@attack(GAPS, {"V14": "gap"})
def order_not_carried_out(scene: Scene) -> bytes:
    house, place = scene.house, scene.forger.find("R")
    saved = {path: path.read_bytes() for path in (scene.forger.blob(place), scene.forger.blob(place + 1))}
    log = house.open()
    house.evidence(log, "start")
    log.accept(officer.erase(house.seal(), [place, place + 1], "error", "T-1"), at=house.clock())
    log.stop("stop", at=house.clock())
    for path, data in saved.items():
        put(path, data)
    scene._forger = None
    return scene.pack()


def _last_beat(scene: Scene, change: Callable[[bytes], bytes]) -> bytes:
    key, place = scene.key, scene.forger.find("H", 1)
    scene.forger.edit(place, change(Entry.parse(scene.forger.leaves[place]).body or b""))
    return scene.forge(key)


_SPELLINGS: Sequence[tuple[str, Callable[[bytes], bytes]]] = (
    ("unknown_key", lambda body: body[:-1] + b',"more":1}'),
    ("duplicate_key", lambda body: body.replace(b'"open":0', b'"open":0,"open":0')),
    ("number_with_a_point", lambda body: body.replace(b'"open":0', b'"open":1.0')),
    ("minus_zero", lambda body: body.replace(b'"open":0', b'"open":-0')),
    ("leading_zero", lambda body: body.replace(b'"open":0', b'"open":00')),
    ("number_beyond_2_53", lambda body: body.replace(b'"open":0', b'"open":9007199254740993')),
    ("spaces", lambda body: body.replace(b",", b", ")),
    ("line_end_of_windows", lambda body: body + b"\r\n"),
    ("byte_order_mark", lambda body: b"\xef\xbb\xbf" + body),
    ("odd_escape", lambda body: body.replace(b'"boot"', b'"b\\u006fot"')),
    ("prototype_key", lambda body: body[:-1] + b',"__proto__":{}}'),
    ("true_for_a_number", lambda body: body.replace(b'"open":0', b'"open":true')),
)


def _register_spellings() -> None:
    for name, change in _SPELLINGS:
        ATTACKS.append(
            Attack(f"malformed_{name}", 2, lambda scene, change=change: _last_beat(scene, change), NO, {"V17": "fail"})
        )


_register_spellings()


@attack(NO, {"V05": "fail"}, only=False)
def unknown_kind(scene: Scene) -> bytes:
    key, place = scene.key, scene.forger.find("H", 1)
    scene.forger.leaves[place] = scene.forger.leaves[place].replace(b" H ", b" D ")
    return scene.forge(key)


@attack(NO, {"V05": "fail"}, only=False)
def line_with_leading_zero(scene: Scene) -> bytes:
    key, place = scene.key, scene.forger.find("H", 1)
    scene.forger.leaves[place] = scene.forger.leaves[place].replace(b"cordon1 ", b"cordon1 0", 1)
    return scene.forge(key)


@attack(NO, {"V24": "fail"})
def too_many_signatures(scene: Scene) -> bytes:
    line = "— somebody ".encode() + b"A" * 88 + b"\n"
    files = files_of(scene.pack())
    return zipped(files | {"manifest.note": files["manifest.note"] + line * 16})


@attack(NO, {"V02": "fail"})
def a_failing_known_key_beside_a_good_one(scene: Scene) -> bytes:
    path = scene.house.folder / "notes/enrolment-0.note"
    note = path.read_bytes()
    good = note.splitlines(keepends=True)[-1]
    name, key = good.split(b" ")[1], good.split(b" ")[2]
    bad = b"\xe2\x80\x94 " + name + b" " + key[:8] + (b"B" if key[8:9] == b"A" else b"A") + key[9:]
    path.write_bytes(note + bad)
    return scene.pack()


@attack(NO, {"V03": "fail"})
def base64_in_a_second_spelling(scene: Scene) -> bytes:
    """The last digit of the manifest's signature carries spare bits; only one spelling counts."""
    files = files_of(scene.pack())
    note = files["manifest.note"]
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    place = len(note.rstrip(b"=\n")) - 1
    spelled = alphabet[alphabet.index(note[place]) ^ 1]
    return zipped(files | {"manifest.note": note[:place] + bytes([spelled]) + note[place + 1 :]})


# --- what the service itself can still not hide


@attack(GAPS, {"V19": "gap"})
def policy_changed_without_a_record(scene: Scene) -> bytes:
    key = scene.key
    scene.forger.edit(scene.forger.find("S", 1), {"policy": SHA["gateway"]})
    return scene.forge(key)


@attack(GAPS, {"V19": "gap", "V22": "gap"})
def unknown_software(scene: Scene) -> bytes:
    key = scene.key
    scene.forger.edit(scene.forger.find("S", 1), {"software": {"version": "0.2.0", "sha": SHA["gateway"]}})
    return scene.forge(key)


@attack(GAPS, {"V11": "gap"}, only=False)
def clock_that_jumped(scene: Scene) -> bytes:
    key = scene.key
    scene.forger.edit(scene.forger.find("H", 1), {"t": "2026-11-20T23:00:00.000+05:30"})
    return scene.forge(key)


def _one_more_run(scene: Scene, act: Callable[[House, object], None]) -> bytes:
    house = scene.house
    log = house.open()
    house.evidence(log, "start")
    act(house, log)
    log.stop("stop", at=house.clock.pass_ms(10))
    scene._forger = None
    return scene.pack()


@attack(GAPS, {"V10": "gap"})
def heartbeat_hidden(scene: Scene) -> bytes:
    return _one_more_run(scene, lambda house, log: log.tick(at=house.clock.pass_ms(13 * 60_000)))


@attack(GAPS, {"V18": "gap"})
def evidence_level_raised_by_hand(scene: Scene) -> bytes:
    bad = [proc("gateway") | {"no_new_privs": 0}, proc("analyst"), proc("engine")]
    return _one_more_run(scene, lambda house, log: house.evidence(log, procs=bad))


@attack(GAPS, {"V20": "gap"})
def tick_hidden(scene: Scene) -> bytes:
    def act(house: House, log: object) -> None:
        old = log._evidence
        house.evidence(log)
        log._evidence = old
        house.exchange(log)

    return _one_more_run(scene, act)


@attack(GAPS, {"V18": "gap", "V20": "gap"})
def old_evidence(scene: Scene) -> bytes:
    def act(house: House, log: object) -> None:
        for _ in range(7):
            log.tick(at=house.clock.pass_ms(300_000))
        house.exchange(log)

    return _one_more_run(scene, act)


@attack(GAPS, {"V25": "gap"})
def interrupted_request(scene: Scene) -> bytes:
    return _one_more_run(scene, lambda house, log: house.begin(log))


@attack(GAPS, {"V10": "gap"}, only=False)
def crashed_run(scene: Scene) -> bytes:
    """The process ended without a stop record; what it had acknowledged is there."""
    house = scene.house
    disk = Disk(house.folder)
    log = house.open(disk)
    house.evidence(log, "start")
    log.close(house.begin(log), outcome(), at=house.clock.pass_ms(50))
    disk.unlock()
    house.clock.reboot()
    return _one_more_run(scene, lambda house, log: None)


@attack(YES, {})
def access_list_changed(scene: Scene) -> bytes:
    """Who may ask is on record; it needs no approval."""
    change = {"what": "access", "old": "", "new": SHA["other"]}
    return _one_more_run(scene, lambda house, log: log.append("C", change, at=house.clock.pass_ms(10)))


@attack(YES, {})
def notes_taken_into_the_log(scene: Scene) -> bytes:
    """An anchor handed back, a review, an approval: the anchor fixes the history without a book."""

    def act(house: House, log: object) -> None:
        for note in (
            house.anchor(),
            officer.review(house.seal(), (0, 5), "no-finding", "T-4"),
            officer.approve(house.seal(), "software", SHA["gateway"], "T-5"),
        ):
            log.accept(note, at=house.clock.pass_ms(10))

    return _one_more_run(scene, act)


@attack(YES, {})
def model_in_another_program(scene: Scene) -> bytes:
    """Nothing is wrong, and nothing may be said about the network."""
    facts = {"engine": "http", "engine_addr": "127.0.0.1:8080", "level": "E0", "reasons": ["engine-http"]}
    return _one_more_run(scene, lambda house, log: house.evidence(log, **facts))


@attack(YES, {})
def control_test_that_failed(scene: Scene) -> bytes:
    """Recorded truly: a call that must fail did not. The sentence about the network is not said."""
    gateway = proc("gateway")
    first, *rest = gateway["controls"]
    procs = [gateway | {"controls": [first | {"got": "ok"}, *rest]}, proc("analyst"), proc("engine")]
    facts = {"procs": procs, "level": "E0", "reasons": [f"control:{first['name']}"]}
    return _one_more_run(scene, lambda house, log: house.evidence(log, **facts))


# --- the zip


@attack(NO, {"V01": "fail"})
def file_added(scene: Scene) -> bytes:
    return zipped(files_of(scene.pack()) | {"evidence/more": b"x"})


@attack(NO, {"V01": "fail"})
def file_removed(scene: Scene) -> bytes:
    files = files_of(scene.pack())
    return zipped({name: data for name, data in files.items() if not name.startswith("seg/")})


@attack(NO, {"V01": "fail"})
def file_changed(scene: Scene) -> bytes:
    files = files_of(scene.pack())
    return zipped(files | {"log/checkpoint": files["log/checkpoint"] + b"x"})


@attack(NO, {"V24": "fail"})
def name_that_climbs_out(scene: Scene) -> bytes:
    return zipped(files_of(scene.pack()) | {"../evil": b"x"})


@attack(NO, {"V24": "fail"})
def name_with_a_backslash(scene: Scene) -> bytes:
    return zipped(files_of(scene.pack()) | {"log\\checkpoint": b"x"})


@attack(NO, {"V24": "fail"})
def secret_state_inside(scene: Scene) -> bytes:
    return zipped(files_of(scene.pack()) | {"state/next.key": b"x"})


@attack(NO, {"V24": "fail"})
def zip_bomb(scene: Scene) -> bytes:
    return zipped(files_of(scene.pack()) | {"evidence/bomb": bytes(10**6)}, zipfile.ZIP_DEFLATED)


@attack(NO, {"V24": "fail"})
def name_twice(scene: Scene) -> bytes:
    return _directory_twice(scene.pack())


def _directory_twice(data: bytes) -> bytes:
    """List the first file of the directory a second time."""
    end = data.rfind(b"PK\5\6")
    count = int.from_bytes(data[end + 10 : end + 12], "little") + 1
    size, start = (
        int.from_bytes(data[end + 12 : end + 16], "little"),
        int.from_bytes(data[end + 16 : end + 20], "little"),
    )
    row_end = data.find(b"PK\1\2", start + 4)
    row = data[start:row_end]
    counts = count.to_bytes(2, "little") * 2 + (size + len(row)).to_bytes(4, "little")
    return data[:row_end] + row + data[row_end : end + 8] + counts + data[end + 16 :]


@attack(NO, {"V24": "fail"})
def link_inside(scene: Scene) -> bytes:
    link = io.BytesIO(scene.pack())
    with zipfile.ZipFile(link, "a") as archive:
        info = zipfile.ZipInfo("evidence/link", (1980, 1, 1, 0, 0, 0))
        info.external_attr = 0o120777 << 16
        archive.writestr(info, b"/etc/passwd")
    return link.getvalue()


@attack(NO, {"V24": "fail"})
def something_after_the_zip(scene: Scene) -> bytes:
    return scene.pack() + b"more"


@attack(NO, {"V24": "fail"})
def cut_download(scene: Scene) -> bytes:
    return scene.pack()[:-1000]


def build(folder: Path) -> Iterator[tuple[Attack, Scene, bytes]]:
    """Make every attack in turn; the packages differ from run to run, the answers do not."""
    logs = {epochs: sound_log(folder / f"sound-{epochs}", epochs) for epochs in (2, 5)}
    for one in ATTACKS:
        scene = copied(logs[one.epochs], folder / "copy")
        yield one, scene, one.make(scene)
