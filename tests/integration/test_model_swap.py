"""A model that does not fit never starts; another model is another start, and the log says so."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from proxy.cli.demo_house import DemoHouse, build_house
from tests.kit.service import examined, records
from tests.kit.tinymodels import tiny_gemma4

ENTRY = """
[[model]]
id = "%s"
role = "answer"
family = "gemma4"
hf_id = ""
file = "%s.gguf"
bytes = 1
sha256 = "%s"
licence = "Apache-2.0"
context = 4096
modalities = ["text"]
kv_mib = 1
sampling = { temperature = 0.0, top_p = 1.0, top_k = 0 }
empty_thought = true
scenarios = []
"""


def _hungry(path: Path) -> str:
    """A tiny file whose header speaks of a million key-value heads in every layer; returns its SHA-256."""
    tiny_gemma4(path)
    raw = bytearray(path.read_bytes())
    key = b"gemma4.attention.head_count_kv"
    at = raw.index(key) + len(key) + 4 + 4 + 8  # after type, type of the items, and their number
    assert struct.unpack_from("<4i", raw, at) == (1, 1, 1, 1)
    struct.pack_into("<4i", raw, at, *[1 << 20] * 4)
    path.write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()


def _choose(house: DemoHouse, name: str, write: Callable[[Path], str] = tiny_gemma4) -> str:
    """Put a model on the site's shelf and into the settings; return its digest."""
    sha256 = write(house.folder / f"{name}.gguf")
    (house.folder / "site.toml").write_text(ENTRY % (name, name, sha256))
    config = house.folder / "cordon.toml"
    text = config.read_text().replace('answer = "demo-chat"', f'answer = "{name}"')
    config.write_text(text.replace("[models]", f'[models]\ncatalogue = "{house.folder}/site.toml"'))
    return sha256


def _cordon(house: DemoHouse, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: `serve` makes its process private, which cannot be taken back."""
    return subprocess.run(
        [sys.executable, "-I", "-B", "-m", "proxy", *words, "--config", house.folder / "cordon.toml"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_model_that_does_not_fit_is_refused_by_serve_and_named_by_check(tmp_path: Path) -> None:
    house = build_house(tmp_path)
    _choose(house, "huge", _hungry)
    before = sorted(path.name for path in house.folder.rglob("*"))
    refused = _cordon(house, "serve")
    assert refused.returncode == 78
    assert "of memory, and" in refused.stderr
    assert "nothing was started" in refused.stderr
    assert "cordon models recommend" in refused.stderr  # with the largest that fits, or that none does
    assert sorted(path.name for path in house.folder.rglob("*")) == before
    checked = _cordon(house, "check", "--json")
    assert checked.returncode == 78
    found = json.loads(checked.stdout)
    assert not found["starts"]
    assert any("of memory, and" in point["says"] and point["level"] == "stops" for point in found["found"])


def test_another_model_is_another_start_and_a_record_of_the_change(tmp_path: Path) -> None:
    house = build_house(tmp_path)
    with house.serving(lambda parts: None):
        assert house.get("/readyz").status == 200
        tiny = _choose(house, "tiny")  # while it runs: nothing is loaded anew
        asked = {"messages": [{"role": "user", "content": "the patient has pain"}], "max_tokens": 8, "temperature": 0}
        assert house.post("/v1/chat/completions", {"model": "tiny", **asked}).body["error"]["code"] == "model_unknown"
        first = house.post("/v1/chat/completions", {"model": "demo-chat", **asked})
        assert first.body["model"] == "demo-chat"
    with house.serving(lambda parts: None):
        assert house.post("/v1/chat/completions", {"model": "demo-chat", **asked}).status == 404
        assert house.post("/v1/chat/completions", {"model": "tiny", **asked}).body["model"] == "tiny"
    assert examined(house).verdict.startswith("VERIFIED")  # with gaps: nobody has approved the new model yet
    log = [(kind, body) for _, kind, body in records(house)]
    starts = [body["models"]["answer"] for kind, body in log if kind == "S"]
    assert len(starts) == 2
    assert starts[1] == tiny != starts[0]
    changes = {body["what"]: (body["old"], body["new"]) for kind, body in log if kind == "C"}
    assert set(changes) - {"access"} == {"model", "config"}
    assert len(set(changes["model"])) == 2
    used = [body["model"]["sha"] for kind, body in log if kind == "R"]
    assert used == starts
