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
    columns = sorted(files("library"), key=lambda name: (name.startswith("unsafe-"), name))
    rows = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ")[1:] for line in page.splitlines()}
    for name, switch in (("gdpr", "0"), ("hospital", "90"), ("hipaa-safe-harbor", "90")):
        assert rows["ages_from"][columns.index(name)] == switch
    assert rows["dangerous"][columns.index("hospital")] == "flag / block"
    assert rows["dangerous"][columns.index("unsafe-allow-all")] == "off / off"
    assert rows["NAME"][columns.index("research-deidentify")] == "mask"
    assert rows["sg_nric"][columns.index("pdpa-sg")] == "mask"
    assert rows["us_ssn"][columns.index("gdpr")] == "as its type"
    assert "* `hipaa-safe-harbor`: 45 CFR 164.514(b)(2)(i)" in page


if __name__ == "__main__":
    print(_page(), end="")
