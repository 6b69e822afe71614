"""Whatever a detector does instead of its work, nothing is sent, and one record says why.

Every detector is broken in every way: it throws with the patient's name in its message, answers beside the text, with
a score that is no number, never, or is gone. First each recognizer alone, then each sort of detector through the real
link and pipeline, in the prompt and in the answer. The name must not be in anything that is left over.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from filters import redact as redact_module
from filters.analyse import Analyst, AnalystFault, Extras
from filters.cache import Memory
from filters.findings import Finding, Found, Source, Type
from filters.parts import Form, Part, PatientText
from filters.recognizers import catalogue
from filters.stock import STOCK
from filters.switches import Switches
from filters.vault import RedactionError, Vault
from proxy import pipeline
from proxy.exchange import (
    Broken,
    Caller,
    CallerKind,
    Conversation,
    Event,
    Exchange,
    Message,
    Prompt,
    Refused,
    Role,
    Sampling,
)
from proxy.plugin_folder import load_plugin
from tests.kit.fake_ner import FakeNer, FakeSpan
from tests.kit.linked import linked
from tests.kit.plugin_folders import token_classifier_folder
from tests.kit.rooms import FakeHouse
from tests.kit.stock_examples import STOCK_EXAMPLES

MARKER = "Novak"
NOTE = f"Patient {MARKER} Perera, NIC 911042754V, card 4012888888881881, seen by Quimby, lives in gorbals."
NAN = float("nan")


def thrown(text: str, start: int, end: int) -> Any:
    raise ValueError(text[start:end] + text + MARKER)


SPOILED: dict[str, Callable[[str, int, int], Any]] = {
    "throws": thrown,
    "beside the text": lambda text, start, end: (start, len(text) + 9, 900),
    "before the text": lambda text, start, end: (-3, end, 900),
    "backwards": lambda text, start, end: (end + 5, start - 5, 900),
    "no number": lambda text, start, end: (start, end, NAN),
    "too sure": lambda text, start, end: (start, end, 5_000),
    "no answer at all": lambda text, start, end: (start, end),
}  # fmt: skip


@pytest.fixture(scope="module")
def patterns() -> Analyst:
    return Analyst.build(None)


@contextmanager
def spoiled(analyst: Analyst, kind: str, how: Callable[[str, int, int], Any]) -> Iterator[None]:
    """Make one recognizer of an analyst answer so."""
    readers = analyst._patterns._analyzer.registry.recognizers[0]._readers
    scanners: list[Any] = [analyst._whole, *(r for r in readers if hasattr(r, "_ready"))]
    before = [scanner._ready for scanner in scanners]
    for scanner in scanners:
        scanner._ready = tuple(
            replace(one, recognizer=replace(one.recognizer, refine=how)) if one.recognizer.kind == kind else one
            for one in scanner._ready
        )
    try:
        yield
    finally:
        for scanner, ready in zip(scanners, before, strict=True):
            scanner._ready = ready


def verify_faulty(work: Callable[[], object]) -> None:
    """A code and nothing else."""
    with pytest.raises(AnalystFault) as fault:
        work()
    shown = "".join(traceback.format_exception(fault.value))
    assert (fault.value.code, str(fault.value)) == ("analyst_fault", "analyst_fault")
    assert fault.value.__suppress_context__ or fault.value.__context__ is None
    assert MARKER not in shown + repr(fault.value)


def found(analyst: Analyst, text: str) -> object:
    return analyst.find([Part(0, "user", Form.TEXT, PatientText(text))], [], Switches(), caller="c")


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.recognizer.kind)
def test_each_recognizer(patterns: Analyst, entry: Any) -> None:
    text = entry.examples.match[0].replace("«", "").replace("»", "") + f"\n{MARKER}"
    for how in SPOILED.values():
        with spoiled(patterns, entry.recognizer.kind, how):
            verify_faulty(lambda: found(patterns, text))
    found(patterns, text)  # and it is well again


@pytest.mark.parametrize("stock", STOCK, ids=lambda stock: stock.kind)
def test_each_recognizer_kept_from_presidio(patterns: Analyst, stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = STOCK_EXAMPLES[stock.kind].replace("«", "").replace("»", "") + f"\n{MARKER}"
    readers = patterns._patterns._analyzer.registry.recognizers[0]._readers
    adapter = next(r for r in readers if getattr(r, "_stock", None) == stock)

    def validate(value: str) -> bool:
        raise ValueError(value + MARKER)

    monkeypatch.setattr(adapter._object, "validate_result", validate)
    verify_faulty(lambda: found(patterns, text))


_SPANS = {
    "throws": FakeNer(error=ValueError(MARKER)),
    "beside the text": FakeNer(extra=[FakeSpan(0, 10_000, "PERSON", 900)]),
    "before the text": FakeNer(extra=[FakeSpan(-4, 5, "PERSON", 900)]),
    "backwards": FakeNer(extra=[FakeSpan(9, 3, "PERSON", 900)]),
    "no number": FakeNer(extra=[FakeSpan(0, 5, "PERSON", NAN)]),  # type: ignore[arg-type] # that is the fault
    "too sure": FakeNer(extra=[FakeSpan(0, 5, "PERSON", 1001)]),
    "unknown label": FakeNer(extra=[FakeSpan(0, 5, "SPECIES", 900)]),
}


@pytest.mark.parametrize("how", _SPANS)
def test_the_model(how: str) -> None:
    verify_faulty(lambda: found(Analyst(catalogue(), _SPANS[how]), NOTE))


class Broken_:  # noqa: N801 - a plug-in
    """A plug-in that answers as a broken model does."""

    id = digest = "broken"
    labels: dict[str, str] = {}  # noqa: RUF012 - read only
    languages = ("en",)
    examples = ("x",)

    def __init__(self, model: FakeNer) -> None:
        self._model = model

    def spans(self, text: str) -> Any:
        return self._model.spans(text)


@pytest.mark.parametrize("how", _SPANS)
def test_a_plugin(how: str) -> None:
    verify_faulty(lambda: found(Analyst(catalogue(), FakeNer(), Extras(plugins=(Broken_(_SPANS[how]),))), NOTE))


# ---- through the link and the pipeline ---------------------------------------------------------------------------


class Armed:
    """An analyst whose given step is broken; the other one works."""

    def __init__(self, analyst: Analyst, step: str, fault: Callable[[Callable[[], Any]], Any]) -> None:
        self._analyst, self._step, self._fault = analyst, step, fault
        self.catalogue_digest = analyst.catalogue_digest

    def find(self, *args: Any, **named: Any) -> Any:
        return self._run("find", lambda: self._analyst.find(*args, **named))

    def look(self, *args: Any) -> Any:
        return self._run("look", lambda: self._analyst.look(*args))

    def _run(self, step: str, work: Callable[[], Any]) -> Any:
        return self._fault(work) if step == self._step else work()


class Quick:
    """Finds the name by looking for it: where only the time counts."""

    catalogue_digest = "quick"

    def find(self, parts: Any, *_: Any, **__: Any) -> Found:
        return Found(tuple(self.look(part.text.reveal()) for part in parts), tuple(() for _ in parts), ())

    def look(self, text: str, *_: Any) -> tuple[Finding, ...]:
        at = text.find(MARKER)
        return () if at < 0 else (Finding(at, at + len(MARKER), Type.NAME, "person", 900, Source.PATTERN),)


class Vaults:
    """Every vault of the pipeline, in order."""

    def __init__(self) -> None:
        self.made: list[Vault] = []

    def __call__(self) -> Vault:
        self.made.append(Vault())
        return self.made[-1]


@pytest.fixture
def vaults(monkeypatch: pytest.MonkeyPatch) -> Vaults:
    made = Vaults()
    monkeypatch.setattr(pipeline, "Vault", made)
    return made


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Everything any logger says at its most talkative, and everything printed."""
    with caplog.at_level(logging.DEBUG):
        yield lambda: caplog.text + "".join(capfd.readouterr())


async def asked(house: FakeHouse, text: str = NOTE) -> list[Event]:
    who = Caller(1000, CallerKind.UID, "", "test", frozenset())
    prompt = Prompt(Conversation((Message(Role.USER, PatientText(text)),)), Sampling("demo-clinic"))
    exchange = Exchange("x1", who, "openai", True, 60_000, 0)
    async with aclosing(pipeline.journey(exchange, prompt, house.rooms())) as events:
        return [event async for event in events]


def verify_ended(house: FakeHouse, vaults: Vaults, step: str, code: str, events: list[Event]) -> None:
    """The code, nothing sent, one record of it, nothing open, and no name in anything."""
    house.verify_settled()
    assert [repr(vault) for vault in vaults.made] == ["Vault(closed)"]
    if step == "find":
        assert events == [Refused(code)]
        assert house.engine.cleared == []
        assert house.log.records == [("B", "x1", f"find:{code}")]
    else:
        assert events[-1] == Broken(code)
        assert not any("Released" in type(event).__name__ for event in events)
        assert house.log.records == [("R", "x1", ""), ("Z", "x1", code)]
        assert MARKER not in house.engine.cleared[0].conversation.messages[0].content.reveal()
    assert MARKER not in repr(events) + repr(house.log.records)


def _raises(work: Callable[[], Any]) -> Any:
    work()
    raise RuntimeError(NOTE)


def _memory_that(fault: Callable[..., Any]) -> Any:
    memory = Memory(b"k" * 32, lambda: 0.0)
    return type("Spoiled", (), {
        "local": staticmethod(fault), "hashed": memory.hashed, "sketch": memory.sketch,
    })()  # fmt: skip


def _throwing_memory(*_: Any) -> Any:
    raise KeyError(NOTE)


def _shifted_memory(_caller: str, _digest: str, _form: Form, _text: str, read: Callable[[], Any]) -> Any:
    local = read()
    moved = tuple(replace(p, candidate=replace(p.candidate, start=p.candidate.start + 5_000,
                                               end=p.candidate.end + 5_000)) for p in local.found)  # fmt: skip
    return replace(local, found=moved)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_plugin(token_classifier_folder(tmp_path_factory.mktemp("plugin") / "p", broken=True))


@pytest.mark.parametrize("step", ["find", "look"])
@pytest.mark.parametrize("source", ["recognizer", "stock", "model", "plug-in", "foreign exception"])
async def test_a_broken_detector_through_the_link(
    source: str, step: str, plugin: Any, vaults: Vaults, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    analyst = Analyst.build(FakeNer())
    broken = analyst
    if source == "model":
        broken = Analyst(catalogue(), _SPANS["throws"])
    elif source == "plug-in":
        broken = Analyst(catalogue(), FakeNer(), Extras(plugins=(plugin,)))

    def fault(work: Callable[[], Any]) -> Any:
        if source == "foreign exception":
            return _raises(work)
        if source == "recognizer":
            with spoiled(analyst, "lk_nic", thrown):
                return work()
        if source == "stock":
            monkeypatch.setattr("filters.analyse._TIMEOUT_S", 1e-9)
        return work()

    house = FakeHouse()
    armed = Armed(analyst if broken is analyst else broken, step, fault)
    if broken is not analyst:  # the other step is answered by a sound one
        other = "look" if step == "find" else "find"
        setattr(armed, other, getattr(analyst, other))
    house.engine.answer = lambda cleared: ("PESEL 44051401359 and NIC 911042754V of Perera in gorbals. " * 20,)
    async with linked(armed) as (room, killed):
        house.analyst = room  # type: ignore[assignment] # the room itself
        events = await asked(house, NOTE + " PESEL 44051401359" * 200)
    verify_ended(house, vaults, step, "analyst_fault", events)
    assert not killed
    assert MARKER not in logged()


@pytest.mark.parametrize("fault", [_throwing_memory, _shifted_memory])
async def test_a_broken_cache(fault: Callable[..., Any], vaults: Vaults) -> None:
    analyst = Analyst(catalogue(), FakeNer(), Extras(memory=_memory_that(fault)))
    house = FakeHouse()
    async with linked(analyst) as (room, _):
        house.analyst = room  # type: ignore[assignment]
        events = await asked(house)
    assert isinstance(events[0], Refused)
    assert (events[0].code, house.engine.cleared, len(house.log.records)) == ("analyst_fault", [], 1)
    assert [repr(vault) for vault in vaults.made] == ["Vault(closed)"]


@pytest.mark.parametrize("step", ["find", "look"])
async def test_a_detector_that_never_answers(step: str, vaults: Vaults) -> None:
    release = threading.Event()
    armed = Armed(Quick(), step, lambda work: release.wait(30) and work())
    house = FakeHouse()
    try:
        async with linked(armed, hasty=True) as (room, killed):
            house.analyst = room  # type: ignore[assignment]
            events = await asked(house)
            release.set()
    finally:
        release.set()
    verify_ended(house, vaults, step, "analyst_timeout", events)
    assert killed == ["analyst"]


@pytest.mark.parametrize("step", ["find", "look"])
async def test_a_process_that_dies(step: str, vaults: Vaults) -> None:
    def die(work: Callable[[], Any]) -> Any:
        raise SystemExit  # the loop ends, the socket closes: what a killed process looks like from the gateway

    house = FakeHouse()
    async with linked(Armed(Analyst.build(FakeNer()), step, die)) as (room, _):
        house.analyst = room  # type: ignore[assignment]
        events = await asked(house)
    verify_ended(house, vaults, step, "analyst_unavailable", events)


async def with_last_look(thrown_there: Exception, house: FakeHouse, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    def look(*_: object) -> None:
        raise thrown_there

    monkeypatch.setattr(redact_module, "verify_no_leaks", look)
    async with linked(Quick()) as (room, _):
        house.analyst = room  # type: ignore[assignment]
        try:
            return await asked(house)
        except ValueError as mistake:
            caught = mistake
    raise caught


async def test_a_last_look_that_finds_one(vaults: Vaults, monkeypatch: pytest.MonkeyPatch) -> None:
    house = FakeHouse()
    events = await with_last_look(RedactionError("redaction_incomplete", part=0), house, monkeypatch)
    assert events == [Refused("redaction_incomplete")]
    assert (house.engine.cleared, house.log.records) == ([], [("B", "x1", "redact:redaction_incomplete")])
    assert [repr(vault) for vault in vaults.made] == ["Vault(closed)"]
    house.verify_settled()


async def test_a_last_look_that_fails(vaults: Vaults, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours: the server's border makes `internal` of it; the record is written before."""
    house = FakeHouse()
    with pytest.raises(ValueError, match="mistake"):
        await with_last_look(ValueError("mistake"), house, monkeypatch)
    assert (house.engine.cleared, house.log.records) == ([], [("B", "x1", "redact:internal")])
    assert [repr(vault) for vault in vaults.made] == ["Vault(closed)"]
    house.verify_settled()


async def test_a_sound_detector(vaults: Vaults) -> None:
    """The same house, nothing broken: the answer comes back with the name."""
    house = FakeHouse()
    async with linked(Analyst.build(FakeNer())) as (room, _):
        house.analyst = room  # type: ignore[assignment]
        events = await asked(house)
    assert [kind for kind, _, _ in house.log.records] == ["R", "Z"]
    assert "Perera" not in house.engine.cleared[0].conversation.messages[0].content.reveal()
    assert any("Released" in type(event).__name__ for event in events)
    assert vaults.made
