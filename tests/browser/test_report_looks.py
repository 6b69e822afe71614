"""The report in a browser: light, dark, on a telephone and on paper, in three languages; nothing is loaded.

Screenshots lie in the folder of the run, beside the pages, for whoever wants to look.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from audit.report.page import Made, page
from audit.words import LANGUAGES, words_of
from proxy.cli.qr import qr_svg
from proxy.errors import ERRORS
from tests.kit.dossiers import MADE, dossier_of, eventful

HERE = Path(__file__).parent
NODE = shutil.which("node")
CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def looks(tmp_path_factory):
    """What the browser said of each page in each look."""
    assert NODE is not None, "this test needs node"
    assert CHROMIUM.is_file(), "this test needs chromium"
    folder = tmp_path_factory.mktemp("report")
    dossier = dossier_of(eventful(folder / "house"))
    made = Made(MADE.by, MADE.at, qr_svg(dossier.code))
    reasons = {code: entry.message for code, entry in ERRORS.items()}
    for language in LANGUAGES:
        (folder / f"{language}.html").write_bytes(page(dossier, made, reasons, "lk", words_of(language)))
    names = "\n".join(f"{language}.html" for language in LANGUAGES)
    command = [NODE, str(HERE / "report" / "looks.mjs"), str(folder)]
    ran = subprocess.run(command, input=names, capture_output=True, text=True, timeout=300, cwd=HERE)
    assert ran.returncode == 0, ran.stderr
    return {(facts["page"][:2], facts["look"]): facts for facts in map(json.loads, ran.stdout.splitlines())}


def test_every_page_was_looked_at(looks):
    assert len(looks) == len(LANGUAGES) * 4


def test_axe_finds_nothing(looks):
    found = {where: facts["serious"] + facts["minor"] for where, facts in looks.items()}
    assert {where: names for where, names in found.items() if names} == {}


def test_no_page_is_wider_than_its_window(looks):
    assert {where: facts["wider"] for where, facts in looks.items() if facts["wider"] > 0} == {}


def test_nothing_is_loaded_and_nothing_runs(looks):
    assert [facts["asked"] for facts in looks.values() if facts["asked"]] == []
    assert {facts["scripts"] for facts in looks.values()} == {0}


def test_every_letter_is_drawn(looks):
    assert {where: facts["undrawn"] for where, facts in looks.items() if facts["undrawn"]} == {}


def test_dark_is_dark_and_paper_is_white(looks):
    assert looks["en", "light"]["background"] == looks["en", "print"]["background"] == "rgb(255, 255, 255)"
    assert looks["en", "dark"]["background"] != "rgb(255, 255, 255)"


def test_it_prints_on_a_few_pages(looks):
    assert all(2 <= looks[language, "print"]["pages"] <= 9 for language in LANGUAGES)
