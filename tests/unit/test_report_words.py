"""Words: every language has every sentence with the same blanks, and says that nobody has reviewed it yet."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from audit.report.page import page
from audit.verify import plain_words
from audit.words import ENGLISH, LANGUAGES, readable, say, word, words_of
from tests.kit.audit_house import quick_folder
from tests.kit.dossiers import MADE, REASONS, dossier_of, eventful

ROOT = Path(__file__).parents[2] / "audit"
OTHERS = sorted(set(LANGUAGES) - {"en"})
PANEL = {"status_E1", "status_E0"}
folder = pytest.fixture(scope="module")(quick_folder)


@pytest.fixture(scope="module")
def dossier(folder):
    return dossier_of(eventful(folder))


def table(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((ROOT / f"{LANGUAGES[language]}.toml").read_text("utf-8"))


def blanks(text: str) -> list[str]:
    return sorted(re.findall(r"{(\w+)}", text))


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_there_with_its_blanks(language):
    own, english = table(language), table("en")
    checks = json.loads((ROOT / "checks.json").read_text())
    assert set(english["report"]) - PANEL == set(own["report"])
    pairs = [(own["report"][name], english["report"][name]) for name in own["report"] if name != "translation"]
    pairs += [(own["claims"][name], text) for name, text in checks["claims"].items()]
    for name, row in checks["checks"].items():
        pairs += [(own["checks"][name][key], text) for key, text in row.items() if key != "stage" and text]
    assert [(a, b) for a, b in pairs if blanks(a) != blanks(b)] == []
    assert len(own["sentences"]["not_covered"]) == len(checks["not_covered"])
    for name in ("results", "labels", "changes", "orders", "whys", "engines", "verdict_names", "check_states"):
        assert set(own[name]) == set(english[name]), name


@pytest.mark.parametrize("language", OTHERS)
def test_a_translated_page_says_that_nobody_has_reviewed_it(dossier, language):
    words = words_of(language)
    html = page(dossier, MADE, REASONS, "lk", words).decode()
    assert f'<html lang="{language}">' in html
    assert words.say("translation") in html
    letters = {"si": "\u0d80-\u0dff", "ta": "\u0b80-\u0bff"}[language]
    headings = re.findall(r"<h[123][^>]*>([^<]+)<", html)
    assert [text for text in headings if not re.search(f"[{letters}]", text)] == []


@pytest.mark.parametrize("language", OTHERS)
def test_the_verdict_is_said_in_the_language(dossier, language):
    lines = plain_words(dossier.found, words_of(language).texts())
    assert lines[1] == table(language)["verdicts"]["VERIFIED WITH GAPS"]
    assert len(lines) == len(plain_words(dossier.found))


def test_an_unknown_code_is_shown_as_it_is_and_an_unknown_language_refused():
    assert word("results", "brand-new") == "brand-new"
    assert words_of("ta").kind("XX_NEW") == "XX_NEW"
    with pytest.raises(ValueError, match="no words"):
        words_of("xx")


def test_what_a_translation_lacks_is_english():
    assert words_of("si").kind("ES_DNI") == ENGLISH.kind("ES_DNI")


def test_times_are_written_as_people_do():
    assert readable("2026-11-20T09:00:00.812+05:30") == "2026-11-20 09:00:00 +05:30"
    assert say("span", start=1, end=2) == "1 to 2"
