"""What the Ollama dialect tells about models."""

from __future__ import annotations

import json

from proxy.dialects import ModelCard
from proxy.dialects.ollama import DIALECT
from proxy.dialects.ollama_models import API_LEVEL, ps, root, show, tags, version

DEMO = ModelCard("demo-clinic", 1_700_000_000, demo=True, sha256="ab" * 32, arch="gemma4", context=4096)
OUTSIDE = ModelCard("clinic", 1_700_000_000, demo=False)
DETAILS = {"parent_model": "", "format": "gguf", "family": "gemma4", "families": ["gemma4"]}
UNKNOWN = {"parent_model": "", "format": "", "family": "", "families": []}


def _of(body: bytes | None) -> object:
    return json.loads(body or b"")


def test_tags_name_every_model() -> None:
    assert _of(tags((DEMO, OUTSIDE), "")) == {
        "models": [
            {"name": "demo-clinic", "model": "demo-clinic", "modified_at": "2023-11-14T22:13:20Z", "digest": "ab" * 32,
             "details": DETAILS, "cordon": {"demo": True}},
            {"name": "clinic", "model": "clinic", "modified_at": "2023-11-14T22:13:20Z", "digest": "",
             "details": UNKNOWN},
        ]
    }  # fmt: skip
    assert _of(tags((), "")) == {"models": []}


def test_ps_tells_the_room_if_it_is_known() -> None:
    first, second = json.loads(ps((DEMO, OUTSIDE), "") or b"")["models"]
    assert first == {"name": "demo-clinic", "model": "demo-clinic", "context_length": 4096, "digest": "ab" * 32,
                     "details": DETAILS, "cordon": {"demo": True}}  # fmt: skip
    assert "context_length" not in second


def test_show_tells_facts_and_no_file() -> None:
    assert _of(show((OUTSIDE, DEMO), "demo-clinic")) == {
        "modified_at": "2023-11-14T22:13:20Z",
        "details": DETAILS,
        "model_info": {"general.architecture": "gemma4", "gemma4.context_length": 4096},
        "capabilities": ["completion", "tools"],
        "cordon": {"demo": True},
    }
    assert json.loads(show((OUTSIDE,), "clinic") or b"")["model_info"] == {"general.architecture": "unknown"}
    assert show((OUTSIDE, DEMO), "gpt-9") is None


def test_who_is_there() -> None:
    assert _of(version((), "")) == {"version": API_LEVEL}
    assert (root((), "") or b"").endswith(b"Ollama is running")


def test_every_address_of_the_dialect() -> None:
    asked = [*(ask.path for ask in DIALECT.asks), *(facts.path for facts in DIALECT.facts)]
    assert asked == ["/api/chat", "/api/generate", "/api/show"]
    assert [read.path for read in DIALECT.reads] == ["/api/tags", "/api/ps", "/api/version", "/"]
