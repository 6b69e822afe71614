"""The catalogue reads in its form and in no other."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from proxy.models import CatalogueError, load_catalogue, shipped_catalogue

_ENTRY = """
[[model]]
id = "{id}"
role = "answer"
family = "gemma4"
hf_id = "a/b"
file = "x.gguf"
bytes = {bytes}
sha256 = "{sha}"
licence = "Apache-2.0"
context = 8192
modalities = ["text"]
kv_mib = 1
sampling = {{ temperature = 1.0, top_p = 0.95, top_k = 64 }}
empty_thought = true
scenarios = [{scenarios}]
"""


def _entry(**changes: object) -> str:
    values = {"id": "some-model", "bytes": 10, "sha": "", "scenarios": "", **changes}
    return _ENTRY.format(**values)


def test_the_shipped_catalogue_is_in_form_and_names_the_defaults() -> None:
    catalogue = load_catalogue([shipped_catalogue()])
    assert catalogue.find("gemma-4-e4b-it").role == "answer"
    assert catalogue.find("shieldgemma-2b").role == "guard"
    assert catalogue.find("no-such-model") is None
    assert all(model.modalities[0] == "text" for model in catalogue.model)


def test_only_published_recommendations_are_recommended() -> None:
    catalogue = load_catalogue([shipped_catalogue()])
    assert catalogue.find("gemma-4-26b-a4b-it").scenarios == ()
    assert all(not model.scenarios for model in catalogue.model if model.demo)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[model]]\nid = 3", "model.0"),
        (_entry() + 'colour = "blue"', "colour"),
        (_entry(id="Big Model"), "id"),
        (_entry(bytes=0), "bytes"),
        (_entry(bytes='"10"'), "bytes"),
        (_entry(sha="abc"), "sha256"),
        (_entry(id="demo-x"), "demonstration"),
        (_entry(id="demo-x", sha="0" * 64, scenarios='"tiny"'), "demonstration"),
        (_entry().replace('"gemma4"', '"gemma2"'), "gemma2"),
        (_entry().replace("x.gguf", "../x.gguf"), "file"),
        (_entry() + _entry(), "two models"),
        ("[[model", "TOML"),
    ],
)
def test_anything_else_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(CatalogueError, match="no model was loaded") as caught:
        load_catalogue([text])
    assert place in str(caught.value)


def test_a_sites_own_file_hides_the_shipped_entry_and_changes_the_digest() -> None:
    shipped = load_catalogue([shipped_catalogue()])
    own = load_catalogue([_entry(id="gemma-4-e4b-it", sha="1" * 64), shipped_catalogue()])
    assert own.find("gemma-4-e4b-it").sha256 == "1" * 64
    assert len(own.model) == len(shipped.model)
    assert own.digest != shipped.digest
    assert shipped.digest == load_catalogue([shipped_catalogue()]).digest


def test_the_bundled_files_are_the_ones_the_catalogue_pins() -> None:
    root = Path(__file__).parents[2]
    shipped = load_catalogue([shipped_catalogue()])
    bundled = load_catalogue([(root / "models" / "demo" / "catalogue.toml").read_text("utf-8")])
    assert [shipped.find(model.id) for model in bundled.model] == list(bundled.model)
    for model in (model for model in shipped.model if model.demo):
        raw = (root / "proxy" / "share" / "models" / model.file).read_bytes()
        assert (len(raw), hashlib.sha256(raw).hexdigest()) == (model.bytes, model.sha256)
