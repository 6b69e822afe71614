"""The inbox and the outbox: what an officer's note, a request and a hostile file become."""

import io
import json
import os
from pathlib import Path

import pytest

from audit import officer
from audit.log import AuditError, Refused
from audit.verify import read_package
from proxy.post import MAX_BYTES, Handled, NothingThere, PostBox, pack, request_of, verified_days
from tests.kit.audit_house import House, quick_folder, states

folder = pytest.fixture(quick_folder)


class Office:
    """A workstation with an open log, and its post."""

    def __init__(self, folder: Path) -> None:
        self.house = House(folder).enrol().run(2)
        self.house.clock.pass_ms(60_000)
        self.log = self.house.open()
        self.house.evidence(self.log, "start")
        self.post = PostBox.beside(self.house.folder)
        self.post.tidy()

    def now(self):
        return self.house.clock.pass_ms(10)

    def handle(self) -> list[Handled]:
        return list(self.post.handle(self.log, self.now))

    def packages(self) -> list[Path]:
        return sorted(self.post.outbox.iterdir())


@pytest.fixture
def office(folder):
    return Office(folder)


def test_a_request_becomes_a_package_that_verifies_and_a_record(office):
    office.post.put("export-1.json", request_of(None))
    assert office.post.answer("export-1.json") is None
    (handled,) = office.handle()
    assert handled.done
    (package,) = office.packages()
    assert package.name in handled.said
    assert office.post.answer("export-1.json") == handled
    assert office.handle() == []
    found = office.house.examine_package(package.read_bytes())
    assert (found.verdict, states(found)) == ("VERIFIED", {})
    office.log.stop("stop", at=office.now())
    kinds = [entry.kind for entry in entries(office)]
    assert kinds.count("O") == 1


def entries(office):
    from tests.kit.audit_forger import Forger

    return Forger(office.house).entries()


def test_an_anchor_and_an_order_are_taken_into_the_log(office):
    note = office.house.anchor()
    office.post.put("anchor.note", note)
    office.post.put("review.note", officer.review(office.house.seal(), (0, 3), "no-finding", "R-1"))
    said = {handled.name: handled.said for handled in office.handle()}
    assert {name: text.split()[-1] for name, text in said.items()} == {"anchor.note": "A", "review.note": "V"}
    assert (office.post.inbox / "done" / "anchor.note").read_bytes() == note


def test_a_forged_note_is_refused_with_a_reason(office):
    note = office.house.anchor().replace(b"hospital", b"hospitel")
    office.post.put("anchor.note", note)
    (handled,) = office.handle()
    assert not handled.done
    assert (office.post.inbox / "refused" / "anchor.note.txt").read_text() == f"{handled.said}\n"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (b"[]", "not an export request"),
        (b"{", "not an export request"),
        (b'{"v":2}', "not an export request"),
        (b'{"v":1,"path":"/etc"}', "not an export request"),
        (b'{"v":1,"from":"2026-11-20"}', "YYYY-MM-DD"),
        (b'{"v":1,"from":"../..","to":"2026-11-20"}', "YYYY-MM-DD"),
        (b'{"v":1,"from":"2026-11-21","to":"2026-11-20"}', "after the last"),
        (b'{"v":1,"from":"2001-01-01","to":"2001-01-02"}', "no records"),
    ],
)
def test_requests_that_make_no_sense(office, request_, words):
    office.post.put("export-1.json", request_)
    (handled,) = office.handle()
    assert not handled.done
    assert words in handled.said
    assert office.packages() == []


def test_hostile_files_are_never_followed_and_never_block(office, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(office.house.anchor())
    inbox = office.post.inbox
    (inbox / "link.note").symlink_to(secret)
    os.mkfifo(inbox / "pipe.note")
    (inbox / "large.note").write_bytes(b"x" * (MAX_BYTES + 1))
    (inbox / ".hidden").write_bytes(b"x")
    (inbox / "-rf.note").write_bytes(b"x")
    (inbox / "folder.note").mkdir()
    handled = office.handle()
    assert sorted(item.name for item in handled) == ["large.note", "link.note", "pipe.note"]
    assert not any(item.done for item in handled)
    assert secret.read_bytes() == office.house.anchor()
    assert sorted(os.listdir(inbox)) == ["-rf.note", ".hidden", "folder.note", "refused"]


def test_a_log_that_fails_leaves_the_file_for_later(office):
    office.post.put("anchor.note", office.house.anchor())
    office.log.stop("stop", at=office.now())
    with pytest.raises(AuditError):
        office.handle()
    assert (office.post.inbox / "anchor.note").is_file()
    office.log = office.house.open()
    assert [item.done for item in office.handle()] == [True]


def test_a_full_outbox_is_said_and_leaves_nothing(office):
    for path in (office.post.outbox,):
        path.rmdir()
        path.write_bytes(b"")  # a file where the folder should be
    office.post.put("export-1.json", request_of(None))
    (handled,) = office.handle()
    assert "cannot be written" in handled.said


def test_there_is_never_a_package_without_its_record(office, folder):
    class Failing:
        def __getattr__(self, name):
            if name == "append":
                raise AuditError("audit_unavailable", "injected")
            return getattr(office.log, name)

    with pytest.raises(AuditError):
        pack(Failing(), office.now, None, office.post.outbox)
    assert office.packages() == []


def test_what_a_killed_process_left_is_dropped(office):
    left = office.post.outbox / ".cordon-export_x.new"
    left.write_bytes(b"half")
    office.post.tidy()
    assert not left.exists()


def test_some_at_a_time_and_not_for_ever(office):
    for number in range(11):
        office.post.put(f"review-{number:02d}.note", b"nothing")
    assert [len(office.handle()) for _ in range(3)] == [8, 3, 0]


def test_days(office):
    assert verified_days("2026-11-01", "2026-11-30") == ("2026-11-01", "2026-11-30")
    with pytest.raises(Refused):
        verified_days("2026-13-01", "2026-13-02")
    assert json.loads(request_of(("2026-11-01", "2026-11-30"))) == {"v": 1, "from": "2026-11-01", "to": "2026-11-30"}
    with pytest.raises(NothingThere):
        pack(office.log, office.now, ("2001-01-01", "2001-01-02"), office.post.outbox)
    path, size = pack(office.log, office.now, None, office.post.outbox)
    assert read_package(io.BytesIO(path.read_bytes())).complaints == ()
    assert str(size) in path.name
