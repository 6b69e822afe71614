"""A site's own models: three kinds through one interface, from one sealed folder, with no way out and no guess."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import filters.ner
from filters.analyse import Analyst, AnalystCanary, AnalystFault, Extras
from filters.findings import Source
from filters.parts import Form, Part, PatientText
from filters.plugins import LABELS, NerPlugin, PluginRefused, PluginSpan, graded, joined
from filters.switches import Switches
from proxy.plugin_folder import load_plugin, read_manifest
from tests.kit.fake_ner import FakeNer
from tests.kit.plugin_folders import gliner_folder, seal, spacy_folder, token_classifier_folder

KINDS: dict[str, Callable[[Path], Path]] = {
    "spacy": spacy_folder, "token-classifier": token_classifier_folder, "gliner": gliner_folder,
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("plugins")
    return {kind: make(root / kind) for kind, make in KINDS.items()}


def _find(plugin: NerPlugin, text: str, **switches: Any) -> list[tuple[str, str, Source]]:
    analyst = Analyst.build(FakeNer(), Extras(plugins=(plugin,)))
    found = analyst.find([Part(0, "user", Form.TEXT, PatientText(text))], [], Switches(**switches))
    return [(text[f.start : f.end], f.kind, f.source) for f in found.parts[0]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_adds_what_the_bundled_model_does_not_know(kind: str, folders: dict[str, Path]) -> None:
    plugin = load_plugin(folders[kind])
    assert plugin.id == f"tiny-{kind}"
    text = "Seen by Quimby . John Smith lives in Kandy , MRN 20-12345 ."
    assert _find(plugin, text) == [
        ("Quimby", "person", Source.PLUGIN),
        ("John Smith", "person", Source.NER),
        ("Kandy", "location", Source.NER),
        ("20-12345", "mrn", Source.PATTERN),
    ]


@pytest.mark.parametrize("kind", ["token-classifier", "gliner"])
def test_words_at_any_place_of_a_long_text_are_found_as_alone(kind: str, folders: dict[str, Path]) -> None:
    """The windows of a plug-in have no seams."""
    plugin = load_plugin(folders[kind])
    for before in (0, 100, 119, 120, 149, 150, 223, 224, 254, 256, 700):
        text = "the " * before + "Vexley today" + " the" * 300
        assert [(text[s.start : s.end], s.label) for s in plugin.spans(text)] == [("Vexley", "PERSON")], before


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_text_gives_the_same_spans(kind: str, folders: dict[str, Path]) -> None:
    plugin = load_plugin(folders[kind])
    text = "Seen by Thrupp . Lives in Mudchester ."
    once = plugin.spans(text)
    plugin.spans("another text")
    assert plugin.spans(text) == once == load_plugin(folders[kind]).spans(text)
    assert plugin.spans("") == ()


def test_offsets_are_code_points_and_pieces_are_joined_to_words(folders: dict[str, Path]) -> None:
    text = "🏥 é Quimby-Vexley's clinic in Gorbals"
    spans = load_plugin(folders["token-classifier"]).spans(text)
    found = [(text[s.start : s.end], s.label) for s in spans]
    assert found == [("Quimby-Vexley", "PERSON"), ("Gorbals", "ORG")]


@pytest.mark.parametrize("kind", KINDS)
def test_guards_and_switches_hold_for_a_plugin_too(kind: str, folders: dict[str, Path]) -> None:
    plugin = load_plugin(folders[kind])
    assert _find(plugin, "the Quimby syndrome in the clinic") == []
    assert _find(plugin, "Seen by Quimby .", drop=("NAME",)) == []


def test_a_plugin_changes_the_digest_of_the_catalogue(folders: dict[str, Path]) -> None:
    plugin = load_plugin(folders["gliner"])
    with_it = Analyst.build(FakeNer(), Extras(plugins=(plugin,)))
    assert with_it.catalogue_digest != Analyst.build(FakeNer()).catalogue_digest


def test_a_plugin_that_misses_its_example_keeps_the_service_from_starting(tmp_path: Path) -> None:
    folder = token_classifier_folder(tmp_path / "p")
    seal(folder, kind="token-classifier", labels={"PATIENT": "PERSON"}, examples=("Seen by «nobody» .",))
    with pytest.raises(AnalystCanary) as fault:
        Analyst.build(FakeNer(), Extras(plugins=(load_plugin(folder),)))
    assert fault.value.kind == "tiny-token-classifier"


def test_an_answer_that_is_no_number_is_a_fault_without_text(tmp_path: Path) -> None:
    plugin = load_plugin(token_classifier_folder(tmp_path / "p", broken=True))
    with pytest.raises(AnalystFault) as fault:
        _find(plugin, "lives in gorbals")
    assert (fault.value.code, str(fault.value)) == ("analyst_fault", "analyst_fault")


# ---- the folder ------------------------------------------------------------------------------------------------


def _spoil(folder: Path, name: str, change: Callable[[str], str]) -> None:
    path = folder / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "cordon-plugin.toml").unlink(), "cordon-plugin.toml cannot be read"),
        (lambda f: _spoil(f, "cordon-plugin.toml", lambda _: "id = "), "is not TOML"),
        (lambda f: _spoil(f, "cordon-plugin.toml", lambda s: "colour = 1\n" + s), "colour: Extra inputs"),
        (lambda f: _spoil(f, "cordon-plugin.toml", lambda s: s.replace('"PERSON"', '"HUMAN"')), "HUMAN is none of"),
        (lambda f: _spoil(f, "cordon-plugin.toml", lambda s: s.replace("«", "")), "one value between « and »"),
        (lambda f: (f / "extra.py").write_text("print()"), "extra.py is not listed"),
        (lambda f: (f / "config.json").unlink(), "config.json is listed, but is not a file"),
        (lambda f: _spoil(f, "config.json", lambda s: s + " "), "config.json is another file than the one listed"),
        (lambda f: ((f / "config.json").rename(f.parent / "c"), (f / "config.json").symlink_to(f.parent / "c")),
         "is not a file of the folder"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_as_sealed_is_refused(spoil: Any, sentence: str, tmp_path: Path) -> None:
    folder = token_classifier_folder(tmp_path / "p")
    read_manifest(folder)
    spoil(folder)
    with pytest.raises(PluginRefused, match=sentence):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("model.onnx", "no model", "cannot load model.onnx"),
        ("tokenizer.json", "{}", "tokenizer.json is missing or no tokenizer"),
        ("config.json", "{}", "has no id2label"),
        ("config.json", '{"id2label": {"0": "O"}}', "none of the labels"),
    ],
)
def test_a_model_that_is_none_is_refused(name: str, content: str, sentence: str, tmp_path: Path) -> None:
    folder = token_classifier_folder(tmp_path / "p")
    (folder / name).write_text(content, encoding="utf-8")
    seal(folder, kind="token-classifier", labels={"PATIENT": "PERSON"})
    with pytest.raises(PluginRefused, match=sentence):
        load_plugin(folder)


def test_a_pipeline_that_spacy_does_not_know_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "meta.json").write_text("{}")
    with pytest.raises(PluginRefused, match="spaCy cannot load this pipeline"):
        load_plugin(seal(folder, kind="spacy", labels={"PERSON": "PERSON"}))


def test_a_bert_is_no_gliner(tmp_path: Path) -> None:
    folder = token_classifier_folder(tmp_path / "p")
    with pytest.raises(PluginRefused, match="no GLiNER model"):
        load_plugin(seal(folder, kind="gliner", labels={"person": "PERSON"}))


def test_no_socket_is_opened_and_no_torch_imported(folders: dict[str, Path]) -> None:
    code = (
        "import sys\n"
        "def watch(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'): raise SystemExit(event)\n"
        "sys.addaudithook(watch)\n"
        "from pathlib import Path\n"
        "from proxy.plugin_folder import load_plugin\n"
        "for folder in sys.argv[1:]:\n"
        "    assert load_plugin(Path(folder)).spans('Seen by Quimby .'), folder\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, *map(str, folders.values())], check=True, cwd=root)


# ---- small things ----------------------------------------------------------------------------------------------


def test_the_labels_are_those_of_the_bundled_model() -> None:
    assert LABELS == filters.ner.LABELS


def test_the_scale() -> None:
    assert [graded(share, 500) for share in (0.0, 0.499, 0.5, 0.75, 1.0)] == [0, 0, 500, 749, 999]
    assert graded(0.31, 300) >= 500


def test_joining() -> None:
    words = [PluginSpan(0, 3, "PERSON", 900), PluginSpan(4, 7, "PERSON", 700), PluginSpan(8, 9, "ORG", 600)]
    assert joined("Ana Eva X", words) == (PluginSpan(0, 7, "PERSON", 700), PluginSpan(8, 9, "ORG", 600))
    assert len(joined("Ana\nEva X", words)) == 3
