"""Before the first record: a new log, its enrolment, and the demonstration that does both on one computer.

request = create(folder, origin="hospital.example/cordon/<uuid>", grant=Grant(policy, software), at=now, random=rng)
... the officer answers with `audit.officer.enrol` ...
enrol(folder, note)
"""

from dataclasses import dataclass
from pathlib import Path

from audit import officer, shapes
from audit.checkpoint import BadSignatureError, Note, Signer, Vkey, parse_statement, sign_statement, verify_statement
from audit.log.disk import Disk, translate
from audit.log.recovery import NEXT_KEY, SUBJECT_KEY, read_key
from audit.log.store import WAL
from audit.log.values import AuditDamaged, AuditError, NotEnrolled, Refused
from audit.record import Instant
from audit.seal import Identity, Random
from audit.shapes import b64
from audit.strictjson import MalformedError, dumps
from audit.tree import EMPTY_ROOT
from audit.wal import FILE_BYTES, Header, encode_header, scan

__all__ = ["DEMO_SITE", "Grant", "create", "create_demo", "enrol", "read_officer"]

DEMO_SITE = "demo.invalid"
_TRUST, _KEYRING, _IDENTITY = "trust.json", "keyring.age", "demo.identity"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a computer asks to be enrolled with: the digests of its policy and software."""

    policy: str
    software: str


def create(path: Path, *, origin: str, grant: Grant, at: Instant, random: Random) -> bytes:
    """Make the keys and the empty log of a computer; return its request to the officer."""
    disk = Disk(path)
    seed = random(32)
    signer = Signer(origin, seed)
    body = {"v": 1, "origin": origin, "t": at.time(), "epoch0": str(signer.vkey)}
    request = sign_statement("enrol-request", body | {"policy": grant.policy, "software": grant.software}, signer)
    try:
        disk.lock()
        if disk.exists(WAL) or any(disk.names("notes")):
            raise Refused("there is a log in this directory already; a new one needs a new directory")
        disk.write(SUBJECT_KEY, random(32))
        next_key = {"v": 1, "epoch": 0, "seed": b64(seed)}
        shapes.check("files", "next_key", next_key)
        disk.write(NEXT_KEY, dumps(next_key))
        disk.create_wal(WAL + ".new", encode_header(Header(origin, 0, EMPTY_ROOT)), FILE_BYTES).close()
        disk.rename(WAL + ".new", WAL)
    except OSError as error:
        raise translate(error, "making a log") from None
    finally:
        disk.unlock()
    return request


def enrol(path: Path, note: bytes) -> None:
    """Store the officer's first answer. Whose key it is, the administrator has compared by voice."""
    disk = Disk(path)
    try:
        disk.lock()
        if any(disk.names("notes")):
            raise Refused("this log is enrolled; later enrolments go through the running service")
        origin = scan(disk.read(WAL)).header.origin
        _, signer = read_key(disk, NEXT_KEY, origin)
        body = parse_statement(Note.parse(note), "enrolment")
        verify_statement(Note.parse(note), "enrolment", Vkey.parse(body["officer"]), origin)
        if body["epoch0"] != str(signer.vkey):
            raise Refused("the enrolment is for another log")
        disk.write("notes/enrolment-0.note", note)
    except FileNotFoundError:
        raise NotEnrolled("no log here yet; run `cordon audit init`") from None
    except OSError as error:
        raise translate(error, "storing an enrolment") from None
    except (MalformedError, BadSignatureError, AuditDamaged):
        raise Refused("the enrolment is not genuine, or is for another log") from None
    finally:
        disk.unlock()


def create_demo(path: Path, *, uuid: str, grant: Grant, at: Instant, random: Random) -> None:
    """Make `audit/` and `officer/` below `path`: the real steps, but both keys on one computer, and marked so."""
    origin = f"{DEMO_SITE}/cordon/{uuid}"
    request = create(path / "audit", origin=origin, grant=grant, at=at, random=random)
    months = officer.months_from(at.month(), 2)
    identity = Identity(random(32))
    keyring = officer.with_months(officer.new_keyring(DEMO_SITE, [identity.recipient()], random), months, random)
    terms = officer.Terms(months, (grant.policy,), (grant.software,), custody="same-machine", retention_months=6)
    disk = Disk(path / "officer")
    try:
        disk.write(_IDENTITY, identity.secret().encode() + b"\n")
        disk.write(_KEYRING, officer.seal_keyring(keyring, random, "same-machine"))
        disk.write(_TRUST, keyring.trust().encode())
    except OSError as error:
        raise translate(error, "making the officer's keys") from None
    enrol(path / "audit", officer.enrol(request, keyring, terms, at.time()))


def read_officer(path: Path) -> tuple[officer.Trust, officer.Keyring]:
    """Read the demonstration's officer: `officer/` of `create_demo`."""
    disk = Disk(path)
    try:
        identity = Identity.parse(disk.read(_IDENTITY).decode("ascii").strip())
        return officer.Trust.parse(disk.read(_TRUST)), officer.open_keyring(disk.read(_KEYRING), [identity])
    except (OSError, ValueError):
        raise AuditError("audit_unavailable", "the officer's keys cannot be read") from None
