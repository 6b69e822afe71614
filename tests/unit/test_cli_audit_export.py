"""`cordon audit export | checkpoint | accept` beside a running service, and without one."""

from __future__ import annotations

import fcntl
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit.checkpoint import Checkpoint, Note, checkpoint_code
from audit.log import Refused
from proxy.cli.audit_export import month_days
from proxy.post import Handled, PostBox
from tests.kit.audit_house import quick_folder
from tests.kit.commands import Ran, cordon, officer_folder, settings_file

folder = pytest.fixture(quick_folder)


@pytest.fixture
def enrolled(folder: Path) -> Path:
    config = settings_file(folder)
    keys = officer_folder(folder / "keys")
    assert cordon("audit", "init", "--config", config, "--out", folder).status == 0
    words = ("--dir", keys, "--identity", keys / "nimali.identity.age", "--yes", "--months", "2")
    assert cordon("enrol", folder / "enrol-request.note", *words, "--out", folder / "e.note").status == 0
    assert cordon("audit", "accept", folder / "e.note", "--config", config, "--yes").status == 0
    return folder


def audit(place: Path, verb: str, *more: object) -> Ran:
    return cordon("audit", verb, *more, "--config", place / "cordon.toml")


@contextmanager
def service(place: Path, answer: Handled) -> Iterator[PostBox]:
    """Somebody who holds the lock of the log, and answers the first letter as he is told."""
    post = PostBox.beside(place / "audit")
    post.tidy()

    def reply() -> None:
        for _ in range(200):
            for letter in post.inbox.glob("*.*"):
                if letter.is_file() and not letter.name.startswith("."):
                    post._file(Handled(letter.name, answer.done, answer.said))
                    return
            time.sleep(0.02)

    with (place / "audit" / "state" / "lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        answering = threading.Thread(target=reply)
        answering.start()
        yield post
        answering.join()


def test_a_running_service_is_asked_by_the_inbox(enrolled: Path) -> None:
    with service(enrolled, Handled("", True, "written: cordon-export_x.zip (12 records)")) as post:
        (post.outbox / "cordon-export_x.zip").write_bytes(b"package")
        ran = audit(enrolled, "export", "--month", "2026-11", "--json", "--wait", "20", "--out", enrolled)
    assert json.loads(ran.out) == {"package": str(enrolled / "cordon-export_x.zip"), "records": 12}
    asked = next((post.inbox / "done").glob("export-*.json"))
    assert json.loads(asked.read_text()) == {"v": 1, "from": "2026-11-01", "to": "2026-11-30"}


def test_a_refusal_of_the_service_is_said(enrolled: Path) -> None:
    with service(enrolled, Handled("", False, "there are no records on these days")):
        ran = audit(enrolled, "export", "--wait", "20")
    assert (ran.status, "no records on these days" in ran.err) == (1, True)


def test_without_patience_the_request_is_left(enrolled: Path) -> None:
    post = PostBox.beside(enrolled / "audit")
    post.tidy()
    with (enrolled / "audit" / "state" / "lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ran = audit(enrolled, "export", "--last-month")
    assert ran.status == 0
    assert str(post.outbox) in ran.out
    asked = json.loads(next(post.inbox.glob("export-*.json")).read_text())
    assert asked["from"].endswith("-01")


def test_a_note_goes_the_same_way(enrolled: Path) -> None:
    (enrolled / "anchor.note").write_bytes(b"a note")
    with service(enrolled, Handled("", True, "accepted: record 7, kind A")):
        ran = audit(enrolled, "accept", enrolled / "anchor.note", "--wait", "20")
    assert (ran.status, "accepted: record 7" in ran.out) == (0, True)
    with service(enrolled, Handled("", False, "the note was not signed by the enrolled officer")):
        ran = audit(enrolled, "accept", enrolled / "anchor.note", "--wait", "20")
    assert (ran.status, "not signed" in ran.err) == (1, True)


def test_an_inbox_that_cannot_be_written_is_said(enrolled: Path) -> None:
    with (enrolled / "audit" / "state" / "lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        (enrolled / "a.note").write_bytes(b"a note")
        for ran in (audit(enrolled, "export"), audit(enrolled, "accept", enrolled / "a.note")):
            assert (ran.status, "cannot be written" in ran.err) == (2, True)


def test_a_checkpoint_is_copied_once_and_verifies(enrolled: Path) -> None:
    assert audit(enrolled, "checkpoint").status == 2  # nothing is signed yet
    assert audit(enrolled, "export", "--out", enrolled).status == 0
    PostBox.beside(enrolled / "audit").tidy()
    said = json.loads(audit(enrolled, "checkpoint", "--json").out)
    again = json.loads(audit(enrolled, "checkpoint", "--json").out)
    assert said == again
    point = Checkpoint.parse(Note.parse(Path(said["checkpoint"]).read_bytes()).text)
    assert (point.size, checkpoint_code(point)) == (said["records"], said["code"])
    assert f"On paper: {said['code']}" in audit(enrolled, "checkpoint").out


@pytest.mark.parametrize(
    "words",
    [
        ("--month", "2026-13"),
        ("--month", "2026-11", "--last-month"),
        ("--from", "2026-11-01"),
        ("--from", "1", "--to", "2"),
    ],
)
def test_days_that_make_no_sense(enrolled: Path, words: tuple[str, ...]) -> None:
    ran = audit(enrolled, "export", *words)
    assert (ran.status, "nothing was written" in ran.err) == (64, True)


def test_months_end_on_their_last_day() -> None:
    assert month_days("2028-02") == ("2028-02-01", "2028-02-29")
    with pytest.raises(Refused):
        month_days("2028-2")
