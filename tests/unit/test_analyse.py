"""The analyst as a whole: every trap of Presidio by its name, switches, forms, failing, determinism."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import spacy.cli
import tldextract

from filters import analyse
from filters.analyse import Analyst, AnalystCanary, AnalystFault, Extras, Switches
from filters.cache import Memory
from filters.findings import Finding, Found, Source, Type
from filters.parts import Form, Part, PatientText
from tests.kit.fake_ner import FakeNer, FakeSpan


@pytest.fixture(scope="module")
def analyst() -> Analyst:
    return Analyst.build(FakeNer())


def find(analyst: Analyst, *texts: str, form: Form = Form.TEXT, marked: tuple[str, ...] = (), **switches: Any) -> Found:
    parts = [Part(i, "user", form, PatientText(text)) for i, text in enumerate(texts)]
    return analyst.find(parts, [PatientText(m) for m in marked], Switches(**switches), caller="c")


def shown(analyst: Analyst, text: str, **options: Any) -> list[tuple[str, str]]:
    found = find(analyst, text, **options).parts[0]
    return [(text[f.start : f.end], f.type.value) for f in found]


def texts(analyst: Analyst, text: str, **options: Any) -> list[str]:
    return [value for value, _ in shown(analyst, text, **options)]


# ---- the traps ------------------------------------------------------------------------------------------------


def test_timeout_fail_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern that does not end in time is a fault, not an empty result."""
    monkeypatch.setattr(analyse, "_TIMEOUT_S", 1e-9)
    slow = Analyst(analyse.catalogue(), None)
    with pytest.raises(AnalystFault) as fault:
        find(slow, "PESEL 44051401359 " * 200)
    assert fault.value.code == "analyst_fault"


def test_quadratic_hits(analyst: Analyst) -> None:
    """Many hits come back all, each once, from calls of at most 4,000 characters."""
    text = " ".join(f"a{i}@ward.example" for i in range(1_500))
    found = find(analyst, text).parts[0]
    assert len(found) == 1
    assert (found[0].start, found[0].end) == (0, len(text)) or len(found) == 1_500


@pytest.mark.parametrize(
    "between", [" ", "\n", "\x0b", "\x0c", "\x1e", "\x85", "\u2028", "\u2029", "<", ">", '"', ";", "|"]
)
def test_every_address_in_a_row_is_covered(analyst: Analyst, between: str) -> None:
    """A form feed, which pages of a PDF leave, ends an address like any white space; the next is found too."""
    text = f"see http://one.example/nimal{between}http://two.example/perera end"
    covered = {at for finding in find(analyst, text).parts[0] for at in range(finding.start, finding.end)}
    for word in ("nimal", "perera"):
        assert set(range(text.index(word), text.index(word) + len(word))) <= covered


def test_many_hits_on_lines(analyst: Analyst) -> None:
    text = "\n".join(f"a{i}@ward.example" for i in range(1_500))
    assert texts(analyst, text) == text.split("\n")


def test_exception_quotes_text() -> None:
    """The error of a detector quotes a word; ours is a code and has no cause to print."""
    broken = Analyst(analyse.catalogue(), FakeNer(error=ValueError("Did not find word 'Perera'")))
    with pytest.raises(AnalystFault) as fault:
        find(broken, "seen by Perera")
    assert str(fault.value) == "analyst_fault"
    assert fault.value.__cause__ is None
    assert fault.value.__suppress_context__


@pytest.mark.parametrize("address", ["ward7@klinikum.intern", "jane.doe@hospital.local", "root@localhost"])
def test_intranet_mail(analyst: Analyst, address: str) -> None:
    assert shown(analyst, f"write to {address} today") == [(address, "EMAIL")]


@pytest.mark.parametrize("raw", ["536\u200b-90-4399", "５３６-９０-４３９９", "536–90–4399", "5\u200d36-90-4399"])
def test_invisible(analyst: Analyst, raw: str) -> None:
    assert texts(analyst, f"number {raw} here") == [raw]


def test_invisible_at_sign(analyst: Analyst) -> None:
    assert texts(analyst, "jane.doe＠hospital.example") == ["jane.doe＠hospital.example"]


@pytest.mark.parametrize("raw", ["jane%40x.org", "jane&#64;x.org", "jane%2540x.org", r"jane\u0040x.org"])
def test_encoded(analyst: Analyst, raw: str) -> None:
    assert shown(analyst, f"write {raw} now") == [(raw, "EMAIL")]


def test_encoded_in_base64(analyst: Analyst) -> None:
    run = base64.b64encode(b"the patient is Anil Perera, NIC 911042754V").decode()
    assert texts(analyst, f"data {run} end") == [run]


def test_opaque_text_is_replaced(analyst: Analyst) -> None:
    blob = "9f86d081884c7d659a2feaa0c55ad015" * 8
    assert shown(analyst, f"blob {blob} end") == [(blob, "SECRET")]


@pytest.mark.parametrize("text", ["NHS 943 476 5918", "SSN 956-47-1234", "NRIC S1234567A", "DNI 12345678A"])
def test_checksum_veto(analyst: Analyst, text: str) -> None:
    assert texts(analyst, text) == [text.partition(" ")[2]]


def test_vocab_growth(analyst: Analyst) -> None:
    """New words of a document are never given to a vocabulary that would keep them."""
    strings = analyst._all._analyzer.nlp_engine.nlp["xx"].vocab.strings
    find(analyst, "warm up")
    before = len(strings)
    for i in range(30):
        find(analyst, " ".join(f"neologism{i}x{j}" for j in range(200)))
    assert len(strings) == before


def test_silent_context(analyst: Analyst) -> None:
    """Context words of Presidio never boost in silence or fail to: no recognizer there has any, the cues are ours."""
    assert [r.context for r in analyst._all._analyzer.registry.recognizers] == [[]]
    assert shown(analyst, "passport no X1234567") == [("X1234567", "ID")]


@pytest.mark.parametrize("text", ["a moment", "quarterly", "today", "yesterday", "every morning"])
def test_ner_dates(text: str) -> None:
    """What the model calls a date is one only if our grammar agrees."""
    ner = FakeNer(extra=[FakeSpan(6, 6 + len(text), "DATE", 950)])
    assert texts(Analyst(analyse.catalogue(), ner), f"Since {text} he has had pain and so on") == []


@pytest.mark.parametrize(
    ("text", "switch"), [("3 days", "durations"), ("1998", "bare_year"), ("last Friday", "relative_dates")]
)
def test_dates_of_the_model_obey_the_switches(text: str, switch: str) -> None:
    ner = FakeNer(extra=[FakeSpan(6, 6 + len(text), "DATE", 950)])
    model = Analyst(analyse.catalogue(), ner)
    assert texts(model, f"Since {text} he has", **{switch: "keep"}) == []
    assert texts(model, f"Since {text} he has", **{switch: "redact"}) != []


@pytest.mark.parametrize(
    "text",
    [
        "SNOMED CT 2125550187 and 1000000 IU", "GTIN 4012888888881881", "lot 212-555-0187", "trial NCT04280705",
        "BP 120/80, 2/6 murmur, GCS 15, 6/9 vision, 1-0-1, 5 mg, SpO2 98 %, 37.5 °C, Hb 13.5 g/dL, INR 2.5",
    ],
)  # fmt: skip
def test_clinical_numbers(analyst: Analyst, text: str) -> None:
    assert texts(analyst, text) == []


@pytest.mark.parametrize(
    "text",
    ["Hodgkin lymphoma", "Parkinson's disease", "Morbus Parkinson", "signe de Hodgkin", "Brown-Parkinson syndrome"],
)
def test_eponym_drug(analyst: Analyst, text: str) -> None:
    assert texts(analyst, f"history of {text} since then") == []


def test_eponym_as_a_person(analyst: Analyst) -> None:
    assert "Parkinson" in texts(analyst, "Mr Parkinson came. Parkinson has Parkinson's disease.")
    assert texts(analyst, "Mr Parkinson came. Parkinson has Parkinson's disease.") == ["Parkinson", "Parkinson"]


def test_unk_blind(analyst: Analyst) -> None:
    """What the tokenizer cannot read is replaced, because its silence means nothing."""
    word = "x" * 120
    assert shown(analyst, f"said {word} and පෙරේරා today and more words") == [(word, "TEXT"), ("පෙරේරා", "TEXT")]


# ---- Presidio is offline and silent ----------------------------------------------------------------------------


def test_no_network_and_no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("reached for the network")

    monkeypatch.setattr(tldextract, "extract", forbidden)
    monkeypatch.setattr(spacy.cli, "download", forbidden)
    monkeypatch.setattr("socket.socket.connect", forbidden)
    text = "ana@x.org https://a.example.com 077 123 4567"
    assert len(texts(Analyst.build(FakeNer()), text)) == 3


def test_loggers_are_silent(
    analyst: Analyst, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        find(analyst, "MRN 12345678 planted-marker IBAN XX00 0000 0000")
    assert "planted-marker" not in caplog.text
    assert capfd.readouterr() == ("", "")
    for name in ("presidio-analyzer", "decision_process"):
        assert all("pytest" in type(handler).__module__ for handler in logging.getLogger(name).handlers)
        assert not logging.getLogger(name).propagate


def test_no_torch_in_the_process() -> None:
    code = (
        "import sys, filters.analyse as a; a.Analyst.build(None);"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(analyse.__file__).parents[1])


# ---- canary ---------------------------------------------------------------------------------------------------


def test_a_blind_model_does_not_start() -> None:
    class Blind(FakeNer):
        def spans(self, text: str) -> tuple[FakeSpan, ...]:
            return ()

    with pytest.raises(AnalystCanary) as fault:
        Analyst.build(Blind())
    assert fault.value.code == "analyst_canary"


def test_a_missing_recognizer_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(analyse.Scanner):
        def hits(self, text: str, place: Any = None) -> tuple[Any, ...]:
            return tuple(hit for hit in super().hits(text, place) if hit.kind != "lk_nic")

    monkeypatch.setattr(analyse, "Scanner", Deaf)
    with pytest.raises(AnalystCanary) as fault:
        Analyst.build(None)
    assert fault.value.kind == "lk_nic"


# ---- switches -------------------------------------------------------------------------------------------------

NOTE = "Ana, seen 1998 and last Friday for 3 days at 08:30, a 93-year-old at Oak Hospital, ward 7, 12/03/2021."


@pytest.mark.parametrize(
    ("switch", "value", "kept"),
    [
        ("bare_year", "keep", "1998"),
        ("durations", "keep", "3 days"),
        ("relative_dates", "keep", "last Friday"),
        ("ages_from", 94, "93-year-old"),
        ("facility_names", "keep", "Oak Hospital"),
        ("drop", ("ward_bed",), "7"),
        ("drop", ("DATE",), "12/03/2021"),
    ],
)
def test_each_switch_keeps_and_reports(analyst: Analyst, switch: str, value: Any, kept: str) -> None:
    strict: dict[str, Any] = {"bare_year": "redact", "durations": "redact", "relative_dates": "redact", "ages_from": 0}
    assert kept in texts(analyst, NOTE, **strict)
    found = find(analyst, NOTE, **{**strict, switch: value})
    assert kept not in [NOTE[f.start : f.end] for f in found.parts[0]]
    assert kept in [NOTE[f.start : f.end] for f in found.kept[0]]


def test_a_kept_candidate_shadows_nothing(analyst: Analyst) -> None:
    text = "at Oak Hospital John Smith"
    assert texts(analyst, text, drop=("ORG",)) == ["John Smith"]
    text = "born 12/03/2021"
    assert texts(analyst, text, drop=("birth_date",)) == []


@pytest.mark.parametrize(("text", "found"), [("born 1931", True), ("born in 1980", False), ("in 1931", False)])
def test_a_birth_year_that_tells_an_old_age(analyst: Analyst, text: str, found: bool) -> None:
    assert bool(texts(analyst, text, this_year=2026)) is found


def test_points(analyst: Analyst) -> None:
    text = "value 943 476 5918 there"
    weak = Analyst(analyse.catalogue(), FakeNer(score=400))
    assert texts(weak, "John came") == []
    assert texts(weak, "John came", point="strict") == ["John"]
    assert texts(analyst, text, point="strict") == ["943 476 5918"]


def test_countries(analyst: Analyst) -> None:
    assert texts(analyst, "S1234567D", countries=("sg",)) == ["S1234567D"]
    assert texts(analyst, "S1234567D", countries=("de",)) == []
    assert texts(analyst, "ana@x.org", countries=()) == ["ana@x.org"]


def test_uncovered_script(analyst: Analyst) -> None:
    text = "Patient පෙරේරා came to the clinic in the morning"
    assert shown(analyst, text) == [("පෙරේරා", "TEXT")]
    for refused, switch in ((text, "refuse"), ("රෝගියා පෙරේරා මහතා", "redact")):
        with pytest.raises(AnalystFault) as fault:
            find(analyst, refused, uncovered_script=switch)
        assert fault.value.code == "language_not_covered"


@pytest.mark.parametrize(
    "change",
    [{"point": "lax"}, {"bare_year": "maybe"}, {"ages_from": -1}, {"extra": 1}, {"drop": [1]}, {"this_year": "2026"}],
)
def test_switches_are_read_strictly(change: dict[str, Any]) -> None:
    raw = json.loads(Switches().to_json())
    with pytest.raises(ValueError, match=r"."):
        Switches.from_json(json.dumps({**raw, **change}))


def test_switches_survive_the_wire() -> None:
    switches = Switches(point="strict", countries=("lk", "sg"), drop=("ward_bed",), this_year=2030)
    assert Switches.from_json(switches.to_json()) == switches


# ---- the exchange ---------------------------------------------------------------------------------------------


def test_a_surname_is_found_in_every_part(analyst: Analyst) -> None:
    found = find(analyst, "Perera is worse", "history of Nimal Perera", "tool: perera@x.org and PERERA")
    assert [[f.type for f in part] for part in found.parts] == [[Type.NAME], [Type.NAME], [Type.EMAIL, Type.NAME]]
    assert "perera" in found.spread


def test_known_values_of_patterns(analyst: Analyst) -> None:
    found = find(analyst, "MRN: 20-12345", "please print 20-12345")
    assert [f.source for f in found.parts[1]] == [Source.KNOWN]


def test_a_known_value_glued_to_another_finding(analyst: Analyst) -> None:
    """Once the link is gone, the number before it is a word of its own."""
    text = "784-1984-1234567-8ftp://files.lan/x"
    found = find(analyst, "Emirates ID 784-1984-1234567-8", text).parts[1]
    assert "".join(text[f.start : f.end] for f in found) == text


def test_marked(analyst: Analyst) -> None:
    text = "he lives in the yellow house"
    assert shown(analyst, text, marked=("yellow house",)) == [("yellow house", "MARKED")]


def test_guarded_occurrences_are_reported(analyst: Analyst) -> None:
    text = "Mr James Parkinson has Parkinson's disease"
    found = find(analyst, text)
    assert [text[f.start : f.end] for f in found.kept[0]] == ["Parkinson"]


def test_json_is_never_cut_through(analyst: Analyst) -> None:
    raw = json.dumps(
        {"mrn": "20-12345", "name": "Anil Perera", "next": "Smith", "n": 12345678, "note": 'a "b"\n3 May 2021é'}
    )
    found = find(analyst, raw, form=Form.JSON).parts[0]
    redacted = raw
    for f in reversed(found):
        redacted = (
            redacted[: f.start]
            + ("0" if raw[f.start : f.end].isdigit() and raw[f.start - 1] != '"' else "X")
            + redacted[f.end :]
        )
    assert (
        json.loads(redacted) == {"mrn": "X", "name": "X", "next": "X", "n": 0, "note": 'a "b"\nXé'} or "X" in redacted
    )
    assert "Perera" not in redacted
    json.loads(redacted)


def test_json_escapes_are_read(analyst: Analyst) -> None:
    raw = '{"note": "mail ana\\u0040x.org\\nnow"}'
    assert texts(analyst, raw, form=Form.JSON) == ["ana\\u0040x.org"]


def test_a_function_name_is_read_with_patterns_only(analyst: Analyst) -> None:
    assert texts(analyst, "get_john_smith", form=Form.NAME) == []
    assert texts(analyst, "lookup_911042754V", form=Form.NAME) == ["911042754V"]


def test_a_schema_has_names_in_values_only(analyst: Analyst) -> None:
    raw = json.dumps({"properties": {"john": {"description": "ask John Smith"}}})
    assert texts(analyst, raw, form=Form.SCHEMA) == ["john", "John Smith"] or texts(analyst, raw, form=Form.SCHEMA) == [
        "John Smith"
    ]


def test_look_reads_one_window(analyst: Analyst) -> None:
    window = "call 077 123 4567 or [NAME_1]"
    found = analyst.look(window, Switches())
    assert [(window[f.start : f.end], f.type) for f in found] == [("077 123 4567", Type.PHONE)]


# ---- limits, chunks, determinism ------------------------------------------------------------------------------


def test_text_too_long(analyst: Analyst) -> None:
    with pytest.raises(AnalystFault) as fault:
        find(analyst, "x" * 300_000, "y" * 200_001)
    assert fault.value.code == "text_too_long"


def test_text_too_encoded(analyst: Analyst) -> None:
    with pytest.raises(AnalystFault) as fault:
        find(analyst, ("x" * 3000 + "%2541" * 3000).replace("%25", "%252525"))
    assert fault.value.code == "text_too_encoded"


@pytest.mark.parametrize("offset", range(3_700, 4_040, 85))
def test_an_identifier_at_an_offset_around_a_cut(analyst: Analyst, offset: int) -> None:
    filler = ("word " * 2_000)[:offset].rstrip() + " "
    value = "NHS 943 476 5918"
    text = filler + value + " and dose 12345678 mg then" + " more" * 300
    assert texts(analyst, text) == ["943 476 5918"]


def test_an_identifier_at_every_offset_around_a_cut(analyst: Analyst) -> None:
    """Every offset of two identifiers before, on and after the end of a chunk: found as anywhere else, each once."""
    filler = "word " * 2_000
    for offset in range(3_690, 4_050):
        text = filler[: offset - 1] + " NIC 911042754V, mail a@b.org."
        hits = analyst._read_patterns(text)
        found = {
            (text[h.start : h.end], h.type.value, h.kind) for h in hits if h.score >= 500 and h.kind != "record_number"
        }
        assert found == {("911042754V", "ID", "lk_nic"), ("a@b.org", "EMAIL", "email")}, offset


def test_a_value_longer_than_the_overlap(analyst: Analyst) -> None:
    link = "https://x.example/" + "a" * 700
    for offset in (3_500, 3_720, 3_900, 3_990):
        text = ("word " * 2_000)[:offset].rstrip() + " " + link + " end"
        assert texts(analyst, text) == [link]


def test_a_private_key_longer_than_a_chunk(analyst: Analyst) -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIabc+/\n" * 900 + "-----END PRIVATE KEY-----"
    assert shown(analyst, f"x {key} y") == [(key, "SECRET")]


def test_the_same_in_any_process_with_any_hash_seed() -> None:
    code = (
        "from filters.analyse import *; from filters.parts import *;"
        "a=Analyst.build(None);"
        "t='Mr Perera MRN 20-12345 tel 077 123 4567 on 3 March 2021 ana%40x.org 911042754V 943 476 5919';"
        "print(a.catalogue_digest, a.find([Part(0,'user',Form.TEXT,PatientText(t))]*2,[],Switches()).parts)"
    )
    outs = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True, capture_output=True, text=True, cwd=Path(analyse.__file__).parents[1],
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "77")
    }  # fmt: skip
    assert len(outs) == 1
    assert "Finding" in outs.pop()


def test_the_order_of_the_recognizers_does_not_matter(analyst: Analyst) -> None:
    text = "\n".join(e.replace("«", "").replace("»", "") for entry in analyse.catalogue() for e in entry.examples.match)
    turned = Analyst(tuple(reversed(analyse.catalogue())), FakeNer())
    readers = turned._all._analyzer.registry.recognizers[0]._readers
    turned._all._analyzer.registry.recognizers[0]._readers = tuple(reversed(readers))
    assert find(turned, text, NOTE) == find(analyst, text, NOTE)


def test_a_warm_memory_changes_nothing_but_the_work() -> None:
    ner = FakeNer()
    analyst = Analyst.build(ner, Extras(memory=Memory(b"k" * 32, lambda: 0.0)))
    first = find(analyst, "Mr Anil Perera", "MRN 20-12345")
    asked = ner.asked
    assert find(analyst, "Mr Anil Perera", "MRN 20-12345") == first
    assert ner.asked == asked
    later = find(analyst, "Mr Anil Perera", "MRN 20-12345", "Nimal Silva", point="strict")
    assert later.parts[:2] == first.parts
    assert ner.asked > asked


def test_findings_are_sorted_disjoint_and_hold_no_text(analyst: Analyst) -> None:
    found = find(analyst, NOTE).parts[0]
    assert list(found) == sorted(found)
    assert all(isinstance(f, Finding) and "Hospital" not in repr(f) for f in found)
