"""The manual page is what the policy files say.

To write it anew: `python -m tests.unit.test_document > docs/policies.md`.
"""

from __future__ import annotations

from pathlib import Path

from policies.document import document
from policies.load import read_regime
from tests.kit.policies import files

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"


def _page() -> str:
    library = files("library")
    return document([read_regime(name, library=library, guidelines=files("guidelines")) for name in library])


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == _page()


def test_every_policy_and_every_switch_stands_in_it() -> None:
    page = _page()
    for name in files("library"):
        assert f"| `{name}` |" in page
    assert "| ages_from | 0 | 90 | 90 | 90 |" in page
    assert "| dangerous | flag / block | flag / block | flag / block | off / off |" in page
    assert "| kinds | ward_bed: keep | ward_bed: keep | ward_bed: pseudonymise | ward_bed: keep |" in page


if __name__ == "__main__":
    print(_page(), end="")
