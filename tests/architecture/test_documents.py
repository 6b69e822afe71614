"""What the documents point to exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "ARCHITECTURE.md", "SECURITY.md", "docs/threat-model.md", "docs/api.md")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if not link.startswith("http")]
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def test_every_defence_of_the_threat_model_names_a_test_that_exists() -> None:
    text = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:unit|property|integration|system|conformance)/test_[a-z_]+)`", text))
    assert len(named) >= 10
    assert [name for name in sorted(named) if not (ROOT / "tests" / f"{name}.py").exists()] == []
