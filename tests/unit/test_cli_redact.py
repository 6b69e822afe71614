"""`cordon redact`: what is shown is what was found; a row that fails carries a code and no text."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from filters.findings import Finding, Source, Type
from policies.load import read_regime
from proxy.build import rules_of
from proxy.cli.explain import grounds_of, recognizers_by_kind
from proxy.cli.redact import COLOURS, Redactor, coloured
from proxy.cli.redact_page import Looked
from proxy.config import PolicySettings
from proxy.errors import CordonError
from proxy.policy_files import read_rules, shipped_policies
from tests.kit.commands import cordon
from tests.kit.plugin_folders import token_classifier_folder
from tests.kit.policies import files

NOTE = "Nimal Perera, NIC 911042754V, was seen on 3 March 2024. Mail nimal@example.com for <b>results</b>."
ORIGINALS = ("Nimal Perera", "911042754V", "nimal@example.com")


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    """The detectors, loaded once."""
    return Redactor.under(PolicySettings())


@pytest.fixture
def loaded(redactor: Redactor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds the detectors already loaded."""
    monkeypatch.setattr(Redactor, "under", classmethod(lambda cls, policy, plugins: read_rules(policy) and redactor))


def test_what_is_found_is_replaced_and_the_spans_are_its_places(redactor: Redactor) -> None:
    looked = redactor.look(NOTE)
    assert not any(original in looked.redacted for original in ORIGINALS)
    found = {NOTE[f.start : f.end] for f in looked.findings}
    assert set(ORIGINALS) <= found
    assert redactor.look("") == Looked("", (), "", policy="hospital")


def test_in_a_conversation_one_person_is_one_placeholder(redactor: Redactor) -> None:
    ask, answer = redactor.replace((("user", "How is Nimal Perera?"), ("assistant", "Nimal Perera is well.")))
    (placeholder,) = re.findall(r"\[[A-Z]+_\d+\]", ask)
    assert placeholder in answer
    assert "Nimal" not in ask + answer


def test_to_look_refuses_nothing_but_to_replace_does() -> None:
    library = files("library")
    text = library["hospital"] + b"\n"
    library["hospital"] = text.replace(b"[pii.kinds]", b'[pii.in]\nEMAIL = "refuse"\n[pii.kinds]')
    regime = read_regime("hospital", library=library, guidelines=files("guidelines"))
    strict = Redactor(rules_of(regime, None, this_year=2026))
    assert "nimal@example.com" not in strict.look(NOTE).redacted
    with pytest.raises(CordonError) as caught:
        strict.replace((("user", NOTE),))
    assert "example.com" not in str(caught.value)


def test_an_unknown_policy_is_a_configuration_error() -> None:
    ran = cordon("redact", "--policy", "no-such", "x.txt")
    assert (ran.status, "no-such" in ran.err) == (78, True)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff"])
def test_a_text_that_cannot_be_read(loaded: None, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    ran = cordon("redact", tmp_path / "x")
    assert (ran.status, ran.out, "nothing was done" in ran.err) == (2, "", True)


def test_for_a_person_the_text_the_redacted_text_and_a_legend(loaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(NOTE))
    ran = cordon("redact", "--explain")
    assert ran.status == 0
    shown, rest = ran.out.split("what a model would read")
    replaced, reasons = rest.split("because")
    assert "Nimal Perera" in shown
    assert "Nimal Perera" not in replaced
    assert "[NAME_1]" in replaced
    assert re.search(r"18-28 +911042754V +ID lk_nic +99 % +its form, and its check digit", reasons)


def test_why_something_was_found_is_said_in_words(redactor: Redactor) -> None:
    text = "NHS 943 476 5918, NIC 911042754V, John Smith, IP 10.0.0.7, passport 71234567 and මාලා, Smith again"
    by_kind = {f.kind: grounds_of(f, recognizers_by_kind()) for f in redactor.look(text).findings}
    assert by_kind["uk_nhs"] == "its form, beside a word that announces it"
    assert by_kind["lk_nic"] == "its form, and its check digit is right"
    assert by_kind["person"] == "the name finder took it for one"
    made = {
        Source.KNOWN: "the same value was found elsewhere in the text",
        Source.MARKED: "a person marked it",
        Source.PLUGIN: "a model of this site took it for one",
    }
    for source, words in made.items():
        assert grounds_of(Finding(0, 1, Type.NAME, "person", 900, source), recognizers_by_kind()) == words
    for kind, words in (("site_word", "always replaces"), ("mac", "of Presidio"), ("lotus", "rule of this site")):
        assert words in grounds_of(Finding(0, 1, Type.ID, kind, 600, Source.PATTERN), recognizers_by_kind())


def test_a_model_of_ones_own_can_be_tried(tmp_path: Path) -> None:
    folder = token_classifier_folder(tmp_path / "p")
    (tmp_path / "note.txt").write_text("Seen by Quimby .")
    ran = cordon("redact", "--plugin", folder, "--explain", tmp_path / "note.txt")
    assert (ran.status, "[NAME_1]" in ran.out) == (0, True)
    (folder / "config.json").unlink()
    ran = cordon("redact", "--plugin", folder, tmp_path / "note.txt")
    assert (ran.status, "config.json is listed, but is not a file of the folder" in ran.err) == (78, True)


def test_the_settings_bring_policy_and_plugins(tmp_path: Path) -> None:
    folder = token_classifier_folder(tmp_path / "p")
    shipped = shipped_policies()["hospital"].decode().replace('name = "hospital"', 'name = "site"')
    (tmp_path / "site.toml").write_text(shipped + '[pii.deny]\nORG = ["Lotus Ward"]\n')
    (tmp_path / "cordon.toml").write_text(
        f'[policy]\nname = "site"\ndir = "{tmp_path}"\n[detectors]\nplugins = ["{folder}"]\n'
    )
    (tmp_path / "note.txt").write_text("Quimby of lotus ward")
    ran = cordon("redact", "--config", tmp_path / "cordon.toml", tmp_path / "note.txt")
    assert (ran.status, "[NAME_1] of [ORG_1]" in ran.out) == (0, True)


def test_a_text_without_identifiers(loaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("How is asthma treated?"))
    assert "nothing found" in cordon("redact").out


def test_the_page_is_one_file_that_runs_nothing(loaded: None, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text(NOTE + "<script>alert(1)</script>")
    ran = cordon("redact", "--html", tmp_path / "note.txt")
    assert ran.status == 0
    assert "default-src 'none'" in ran.out
    assert "<script" not in ran.out
    assert "&lt;b&gt;results" in ran.out
    assert "src=" not in ran.out.replace("default-src", "")
    assert '<mark class="NAME">Nimal Perera<b>NAME</b></mark>' in ran.out


def test_what_stays_is_said_in_both_views(loaded: None, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Nimal Perera on ward 7B for 3 days")
    for ran in (cordon("redact", tmp_path / "note.txt"), cordon("redact", "--html", tmp_path / "note.txt")):
        assert "policy hospital" in ran.out
        assert re.search(r"left as it is: .*ward_bed 1", ran.out)


def test_the_page_says_why_when_asked(loaded: None, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text(NOTE + "<script>")
    plain, reasons = (cordon("redact", "--html", *more, tmp_path / "note.txt").out for more in ((), ("--explain",)))
    assert "because" not in plain
    assert "<th>because" in reasons
    assert "its form, and its check digit is right" in reasons
    assert "<script" not in reasons


def test_rows_have_offsets_in_code_points(loaded: None, tmp_path: Path) -> None:
    text = "\U0001f600 é " + NOTE
    (tmp_path / "in").write_text(
        json.dumps({"id": "a", "text": text}) + "\n\n" + json.dumps({"id": 2, "text": ""}) + "\n"
    )
    ran = cordon("redact", "--jsonl", tmp_path / "in", tmp_path / "out")
    assert (ran.status, ran.out) == (0, "")
    one, two = map(json.loads, (tmp_path / "out").read_text().splitlines())
    assert set(one) == {"id", "redacted", "spans"}
    spans = {text[s["start"] : s["end"]]: s for s in one["spans"]}
    assert spans["Nimal Perera"]["label"] == "PERSON"
    assert spans["911042754V"]["label"] == "ID"
    assert all(0 < s["score"] <= 1 for s in one["spans"])
    assert two == {"id": 2, "redacted": "", "spans": []}


def test_a_row_that_fails_carries_a_code_and_no_text(loaded: None, tmp_path: Path) -> None:
    rows = [
        "nonsense",
        "[]",
        json.dumps({"id": 1}),
        json.dumps({"id": 2, "text": 7}),
        json.dumps({"id": 3, "text": NOTE}),
    ]
    (tmp_path / "in").write_text("\n".join(rows))
    ran = cordon("redact", "--jsonl", tmp_path / "in", tmp_path / "out")
    assert ran.status == 2
    assert "4 of 5 rows" in ran.err
    said = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [row.get("code") for row in said[:2]] == ["bad_json"] * 2
    assert all(set(row) == {"id", "code"} for row in said[:4])
    assert said[4]["id"] == 3


def test_every_type_has_a_colour_that_white_letters_can_be_read_on() -> None:
    def channel(value: int) -> float:
        c = value / 255
        return c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4

    assert set(COLOURS) == set(Type)
    for colour in COLOURS.values():
        red, green, blue = (channel(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        assert 1.05 / (luminance + 0.05) >= 4.5  # WCAG 2.2, contrast of text


def test_colours_lie_on_the_findings(redactor: Redactor) -> None:
    looked = redactor.look(NOTE)
    view = coloured(looked.text, looked.findings)
    assert view.plain == NOTE
    assert {(span.start, span.end) for span in view.spans} == {(f.start, f.end) for f in looked.findings}


def test_the_default_policy_of_the_command_is_shipped() -> None:
    assert "hospital" in shipped_policies()
