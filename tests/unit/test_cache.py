"""The memory of messages: hit equals miss, nobody sees another's, bounds hold, no text inside."""

from __future__ import annotations

import functools
import gc
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import settle
from filters.analyse import Analyst, Extras
from filters.cache import Memory
from filters.findings import Found
from filters.local import Local
from filters.parts import Form, Part, PatientText
from filters.switches import Switches
from tests.kit.fake_ner import FakeNer

KEY = b"k" * 32
MARKER = "rekram-detnalp"
"""Backwards, so that the text itself stands in no constant."""
EMPTY = Local((), mostly_uncovered=False)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Finder:
    calls: list[str] = field(default_factory=list)

    def local(self, memory: Memory, text: str, caller: str = "a", digest: str = "d", form: Form = Form.TEXT) -> Local:
        def find() -> Local:
            self.calls.append("asked")
            return EMPTY

        return memory.local(caller, digest, form, text, find)


def test_a_message_is_read_once() -> None:
    memory, finder = Memory(KEY, Clock()), Finder()
    assert finder.local(memory, "x") is finder.local(memory, "x")
    assert len(finder.calls) == 1


@pytest.mark.parametrize(
    "other", [{"caller": "b"}, {"digest": "e"}, {"form": Form.JSON}, {"text": "y"}, {"caller": "ad", "digest": ""}]
)
def test_anything_else_is_a_miss(other: dict[str, object]) -> None:
    memory, finder = Memory(KEY, Clock()), Finder()
    finder.local(memory, "x")
    finder.local(memory, **{"text": "x", **other})  # type: ignore[arg-type] # keyword table
    assert len(finder.calls) == 2


def test_least_recently_used_goes_first() -> None:
    memory, finder = Memory(KEY, Clock()), Finder()
    for i in range(4_096):
        finder.local(memory, str(i))
    finder.local(memory, "0")
    finder.local(memory, "new")
    assert len(memory) == 4_096
    before = len(finder.calls)
    finder.local(memory, "0")
    assert len(finder.calls) == before
    finder.local(memory, "1")
    assert len(finder.calls) == before + 1


def test_idle_for_half_an_hour_is_forgotten() -> None:
    clock = Clock()
    memory, finder = Memory(KEY, clock), Finder()
    finder.local(memory, "x")
    clock.now = 1_799
    finder.local(memory, "x")
    clock.now = 1_799 + 1_800
    finder.local(memory, "y")
    assert len(memory) == 1
    finder.local(memory, "x")
    assert len(finder.calls) == 3


def test_clear_forgets() -> None:
    memory, finder = Memory(KEY, Clock()), Finder()
    finder.local(memory, "x")
    memory.clear()
    assert len(memory) == 0


def test_a_failed_reading_is_not_remembered() -> None:
    memory = Memory(KEY, Clock())

    def fail() -> Local:
        raise ValueError("fault")

    with pytest.raises(ValueError, match="fault"):
        memory.local("a", "d", Form.TEXT, "x", fail)
    assert len(memory) == 0


def test_no_text_stays_inside() -> None:
    memory, finder = Memory(KEY, Clock()), Finder()
    finder.local(memory, MARKER[::-1])
    reachable, todo = [], [memory]
    while todo:
        item = todo.pop()
        reachable.append(item)
        if len(reachable) < 10_000 and not isinstance(item, type):
            todo += [
                r
                for r in gc.get_referents(item)
                if type(r).__module__ in ("builtins", "filters.cache", "collections")
                and not isinstance(r, type)
                and not callable(r)
            ]
    assert not any(isinstance(item, str) and MARKER[::-1] in item for item in reachable)
    assert repr(memory) == "Memory(1)"


def test_what_is_kept_of_a_conversation_is_no_text() -> None:
    """Everything that can be reached from a memory in use, offsets, hashes and notes included."""
    memory = Memory(KEY, Clock())
    analyst = Analyst.build(FakeNer(), Extras(memory=memory))
    marks = ("Zebulon", "Quackenbush", "zq-77123", "851234567V")
    _find(analyst, [f"Mr {marks[0]} {marks[1]}, NIC {marks[3]}", f"MRN {marks[2]} of Quackenbush", "Mr Perera"])
    seen: set[int] = set()
    todo: list[object] = [memory._entries]
    texts: list[str] = []
    while todo:
        item = todo.pop()
        if id(item) in seen or isinstance(item, type | ModuleType) or callable(item):
            continue
        seen.add(id(item))
        if isinstance(item, str | bytes):
            texts.append(item if isinstance(item, str) else item.decode("latin-1"))
        todo += gc.get_referents(item)
    assert len(memory) == 3
    assert any(text == "lk_nic" for text in texts)  # the walk sees the kinds of what was found
    for mark in (*marks, "Perera"):
        assert not [text for text in texts if mark.casefold() in text.casefold()]


def test_the_key_is_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Memory(b"short", Clock())


def test_a_sketch_tells_the_words_of_a_text_to_its_own_memory_only() -> None:
    memory, other = Memory(KEY, Clock()), Memory(b"o" * 32, Clock())
    sketch = array("Q", memory.sketch(["Mr PERERA, 20-12345", "anil"]))
    assert list(sketch) == sorted(map(memory.hashed, ["mr", "perera", "20", "12345", "2012345", "anil"]))
    assert memory.hashed("perer") not in sketch
    assert other.hashed("perera") not in sketch
    assert b"perera" not in (memory.sketch(["perera"]) or b"")


def test_a_text_with_too_many_numbers_has_no_sketch_and_is_found_all_the_same() -> None:
    many = " ".join(f"{i:07d}" for i in range(3_000)) + " Mr Perera"
    memory = Memory(KEY, Clock())
    assert memory.sketch([many]) is None
    analyst, plain = Analyst.build(FakeNer(), Extras(memory=memory)), Analyst.build(FakeNer())
    parts = [Part(i, "user", Form.TEXT, PatientText(t)) for i, t in enumerate([many, "perera fell"])]
    once, twice = (analyst.find(parts, [], Switches(), caller="c") for _ in range(2))
    assert once == twice == plain.find(parts, [], Switches())


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were read again."""
    made: list[str] = []
    real = settle.views
    monkeypatch.setattr(settle, "views", lambda text, form: made.append(text) or real(text, form))
    return made


def _find(analyst: Analyst, texts: Sequence[str], switches: Switches | None = None) -> Found:
    parts = [Part(i, "user", Form.TEXT, PatientText(t)) for i, t in enumerate(texts)]
    return analyst.find(parts, [], switches or Switches(), caller="c")


_OLD = ["Mr Perera, NIC 851234567V", "stable, no pain", "call 077 123 4567", "seen with 20-123 again"]


def test_an_old_conversation_is_not_read_again(read: list[str]) -> None:
    analyst = Analyst.build(FakeNer(), Extras(memory=Memory(KEY, Clock())))
    found = _find(analyst, _OLD)
    read.clear()
    assert _find(analyst, _OLD) == found
    assert read == []


@pytest.mark.parametrize(
    ("new", "again"),
    [
        ("nothing new", []),
        ("Mr Silva came", []),
        ("MRN 20-123", ["seen with 20-123 again"]),
        ("MRN 123-20", ["seen with 20-123 again"]),  # its words, in another order: once too often
        ("tel 0771234567", ["call 077 123 4567"]),
        ("tel 077 123 4568", []),
    ],
)
def test_only_what_a_new_message_speaks_of_is_read_again(read: list[str], new: str, again: list[str]) -> None:
    analyst = Analyst.build(FakeNer(), Extras(memory=Memory(KEY, Clock())))
    _find(analyst, _OLD)
    read.clear()
    found = _find(analyst, [*_OLD, new])
    assert [text for text in read if text != new] == again
    assert found == _find(Analyst.build(FakeNer()), [*_OLD, new])


def test_a_message_that_changes_which_word_is_rare_changes_nothing_for_the_others(read: list[str]) -> None:
    old = ["Mr Anil Perera and Mr Nimal Perera", "call 077 123 4567 or 077 123 9999", "stable"]
    analyst = Analyst.build(FakeNer(), Extras(memory=Memory(KEY, Clock())))
    _find(analyst, old)
    read.clear()
    _find(analyst, [*old, "call 078 999 1111, 078 999 2222, 078 999 3333"])
    assert not set(old) & set(read)


_TEXTS = (
    "Mr Perera", "perera fell", "20-12345", "MRN 20-12345", "tel 077 123 4567", "0771234567", "nothing",
    "Anil\u200b Perera", "anil%20perera", "May came", "Rose May", "born 1931, aged 64", "x20-12345y", "077 1234", "567",
)  # fmt: skip


_POLICIES = (Switches(), Switches(point="strict"), Switches(ages_from=0, bare_year="redact"))


@given(
    st.lists(st.sampled_from(_TEXTS), max_size=6),
    st.sampled_from(_POLICIES),
    st.lists(st.sampled_from(["perera fell", "came", "Rose"]), max_size=1),
)
@settings(max_examples=150, deadline=None)
def test_with_a_memory_or_without_the_findings_are_the_same(
    texts: list[str], switches: Switches, marks: list[str]
) -> None:
    parts = [Part(i, "user", Form.TEXT, PatientText(t)) for i, t in enumerate(texts)]
    marked = [PatientText(mark) for mark in marks]
    with_memory, without = _analysts()
    assert with_memory.find(parts, marked, switches, caller="c") == without.find(parts, marked, switches, caller="c")


@functools.cache
def _analysts() -> tuple[Analyst, Analyst]:
    memory = Memory(KEY, Clock())
    return Analyst.build(FakeNer(), Extras(memory=memory)), Analyst.build(FakeNer())
