"""What the demonstration shows, from replies as the service gives them and from a real log."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from audit.log.setup import read_officer
from audit.log.snapshot import read_directory
from audit.reader import open_records
from audit.verify import from_directory
from filters.parts import PatientText
from proxy.cli.command import Exit
from proxy.cli.demo import _answer, _journey, _matches, _refused, _Show, _title, _verified, _withheld, _words
from proxy.cli.demo_house import DemoFailed, Reply
from proxy.cli.demo_note import REFUSED, WITHHELD
from proxy.exchange import Caller, CallerKind, Conversation, Exchange, Message, Prompt, Role, Sampling
from tests.kit.audit_house import quick_folder
from tests.kit.gateway_house import housed

tmp_path = pytest.fixture(name="tmp_path")(quick_folder)
PARTS = [
    {"text": "Seen: "},
    {"placeholder": "[NAME_1]", "type": "NAME", "original": "Nimal Perera"},
    {"text": ", phone "},
    {"placeholder": "[PHONE_1]", "type": "PHONE", "original": "077 [bold]123[/bold]"},
    {"text": ". [red]x[/red]"},
]
PREVIEW = Reply(200, {"messages": [{"role": "user", "parts": PARTS}], "counts": {"NAME": 1, "PHONE": 1}})


def chunk(text: str | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-x1", "choices": [{"delta": {"content": text}, "finish_reason": finish}], **more}


class House:
    """Replies from a list; remembers what was asked."""

    def __init__(self, *replies: Reply, events: tuple[dict[str, Any], ...] = ()) -> None:
        self.replies, self.events, self.asked = list(replies), events, []
        self.folder, self.port = Path("/demo"), 8642
        self.settings = SimpleNamespace(audit=SimpleNamespace(dir=Path("/demo/audit")))

    def post(self, path: str, body: dict[str, Any]) -> Reply:
        self.asked.append((path, body))
        return self.replies.pop(0)

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        self.asked.append((path, body))
        yield from self.events


def show_of(house: object) -> _Show:
    return _Show(Console(record=True, width=100, file=io.StringIO()), house)  # type: ignore[arg-type]


def seen(show: _Show) -> str:
    return show.console.export_text()


def test_the_note_what_the_model_receives_and_the_answer() -> None:
    house = House(PREVIEW, events=(chunk("Nimal "), chunk("Perera is [b]well[/b]."), chunk(None, "stop")))
    show = show_of(house)
    _journey(show, "the note")
    text = seen(show)
    assert "found: 1 name, 1 phone" in text
    assert "Seen: Nimal Perera, phone 077 [bold]123[/bold]. [red]x[/red]" in text
    assert "Seen: [NAME_1], phone [PHONE_1]. [red]x[/red]" in text
    assert "Nimal Perera is [b]well[/b]." in text
    assert "put back: Nimal Perera" in text
    assert show.received == "Seen: [NAME_1], phone [PHONE_1]. [red]x[/red]"
    assert (show.exchange, show.answer) == ("x1", "Nimal Perera is [b]well[/b].")
    assert show.placeholders == ("[NAME_1]", "[PHONE_1]")
    (previewed, one), (asked, two) = house.asked
    assert (previewed, asked) == ("/cordon/v1/preview", "/v1/chat/completions")
    assert one["messages"] == two["messages"]
    assert one["messages"][0]["content"].endswith("the note")


def test_an_answer_without_a_name_says_so() -> None:
    show = show_of(House(events=(chunk("Well."),)))
    show.originals = ("Nimal Perera",)
    _answer(show, "q")
    assert "put back: nothing" in seen(show)


def test_a_refused_preview_and_a_broken_answer_end_the_demonstration_with_the_sentence() -> None:
    error = {"error": {"code": "not_ready", "message": "The service is still starting."}}
    with pytest.raises(DemoFailed, match=r"the preview was refused: The service is still starting\."):
        _journey(show_of(House(Reply(503, error))), "note")
    with pytest.raises(DemoFailed, match=r"no answer: The service is still starting\."):
        _answer(show_of(House(events=(chunk("a"), error))), "q")


def test_a_refused_prompt_shows_status_code_and_sentence() -> None:
    show = show_of(House(Reply(400, {"error": {"code": "prompt_refused", "message": "The policy refuses."}})))
    _refused(show)
    assert "HTTP 400 prompt_refused: The policy refuses." in seen(show)


def test_a_prompt_that_was_answered_after_all_is_not_called_refused() -> None:
    show = show_of(House(Reply(200, {"choices": []})))
    _refused(show)
    text = seen(show)
    assert "HTTP 200 answered" in text
    assert REFUSED[:40] in text


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (
            (chunk(""), chunk(None, "content_filter", cordon={"code": "response_refused"})),
            "finish_reason content_filter (response_refused), 0 characters were released",
        ),
        (
            (chunk("abc"), {"error": {"code": "engine_lost", "message": "m"}}),
            "finish_reason error (engine_lost), 3 characters were released",
        ),
        ((chunk("abc"), chunk(None, "stop")), "finish_reason stop (answered), 3 characters were released"),
    ],
)
def test_a_withheld_answer_shows_how_much_of_it_left(events: tuple[dict[str, Any], ...], words: str) -> None:
    show = show_of(House(events=events))
    _withheld(show)
    text = seen(show)
    assert words in text
    assert WITHHELD[:40] in text


def test_the_title_says_that_it_is_a_demonstration() -> None:
    show = show_of(House())
    _title(show.console)
    assert "Demonstration only" in seen(show)


def test_every_kind_that_is_shown_has_its_words_and_the_rest_none() -> None:
    assert _words("B", {"stage": "judge", "code": "prompt_refused"}) == "blocked at judge: prompt_refused (-)"
    assert _words("B", {"stage": "judge", "code": "x", "rule": "hate/prompt"}).endswith("(hate/prompt)")
    assert _words("E", {"level": "E1", "procs": [{"controls": [1, 2]}, {"controls": [3]}]}) == (
        "network evidence, level E1, 3 control tests"
    )
    assert _words("R", {"redact": {"counts": {"NAME": 2, "ID": 1}}, "safety": {"verdict": "flag"}}) == (
        "request, 3 identifiers replaced, prompt flag"
    )
    assert _words("H", {}) == ""


async def logged(folder: Path, text: str) -> str:
    """A short day in a real log; returns what the model received."""
    async with housed(folder) as yard:
        await yard.ledger.open()
        who = Caller(1000, CallerKind.UID, "", "t", frozenset())
        exchange = Exchange("x1", who, "openai", True, 60_000, int(yard.clock.mono_s() * 1000))
        asked = Prompt(Conversation((Message(Role.USER, PatientText(text)),)), Sampling("demo-clinic"))
        async for _ in yard.house.run(exchange, asked):
            pass
        yard.clock.pass_ms(1_000)
        await yard.ledger.close()
    return text


def over(folder: Path, received: str) -> _Show:
    house = House()
    house.folder, house.settings = folder, SimpleNamespace(audit=SimpleNamespace(dir=folder / "audit"))
    show = show_of(house)
    show.received, show.exchange = received, "x1"
    return show


async def test_the_log_is_checked_and_what_was_shown_is_held_against_it(tmp_path: Path) -> None:
    received = await logged(tmp_path, "hello [NAME_1]")
    show = over(tmp_path, received)
    assert _verified(show) == Exit.DONE
    text = seen(show)
    assert "VERIFIED" in text
    assert "it matches the commitment in the log" in text
    assert "start no. 1 of version 0.1.0" in text
    assert "its outcome: ok, 5 characters released" in text
    assert str(tmp_path) in text.replace("\n", "")


@pytest.mark.parametrize(("received", "name"), [("hello [NAME_2]", "x1"), ("hello", "x2")])
async def test_something_else_shown_than_received_is_said_and_is_no_success(
    tmp_path: Path, received: str, name: str
) -> None:
    await logged(tmp_path, "hello")
    show = over(tmp_path, received)
    show.exchange = name
    assert _verified(show) == Exit.NO
    assert "does NOT match the commitment" in seen(show)


async def test_a_log_that_was_changed_is_no_success(tmp_path: Path) -> None:
    received = await logged(tmp_path, "hello")
    trust, keyring = read_officer(tmp_path / "officer")
    package = from_directory(read_directory(tmp_path / "audit"))
    assert _matches(over(tmp_path, received), open_records(package, trust, keyring))
    blobs = sorted(p for p in (tmp_path / "audit").rglob("*") if p.is_file() and "tile" in str(p))
    raw = bytearray(blobs[-1].read_bytes())
    raw[len(raw) // 2] ^= 1
    blobs[-1].chmod(0o600)
    blobs[-1].write_bytes(bytes(raw))
    show = over(tmp_path, received)
    assert _verified(show) == Exit.NO
    assert "NOT VERIFIED" in seen(show)
