"""The words of exports and report: one table a language, so that a translation is one more file. Pure.

Laws: no code is shown without words; a code that the table does not know is shown as it is, never dropped. A sentence
that a translation does not have is shown in English. Exports (CSV, workbook, FHIR) are always in English, because
programs read them, too; the report is in the language that is asked for.
"""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from audit.verify.findings import texts

__all__ = [
    "ENGLISH",
    "GROUPS",
    "LANGUAGES",
    "Words",
    "group_of",
    "kind_words",
    "readable",
    "say",
    "word",
    "words_of",
]

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d{3})?(Z|[+-]\d\d:\d\d)")
GROUPS = ("names", "identity", "contact", "dates", "other")
LANGUAGES = {"en": "english", "si": "sinhala", "ta": "tamil"}
"""Tag of a language (BCP 47) -> its file."""


@functools.cache
def _table(language: str = "en") -> Mapping[str, Any]:
    name = f"{LANGUAGES[language]}.toml"
    return tomllib.loads(resources.files("audit").joinpath(name).read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Words:
    """One language."""

    language: str = "en"

    def word(self, table: str, code: str) -> str:
        """Return the words of a code, or the code where there are none."""
        found = _table(self.language).get(table, {}).get(code)
        return str(found if found is not None else _table().get(table, {}).get(code, code))

    def say(self, name: str, /, **values: object) -> str:
        """Return a sentence of the report with its values filled in."""
        return self.word("report", name).format(**values)

    def kind(self, kind: str) -> str:
        """Return what a kind of identifier is."""
        return str(_table(self.language).get("kind_names", {}).get(kind, kind_words(kind)))

    def texts(self) -> Mapping[str, Any]:
        """Return the sentences of the checks, translated where there is a translation."""
        if self.language == "en":
            return texts()
        own = _table(self.language)
        checks = {name: row | own.get("checks", {}).get(name, {}) for name, row in texts()["checks"].items()}
        tables = {name: {**texts()[name], **own.get(name, {})} for name in ("verdicts", "claims")}
        return {**texts(), **own.get("sentences", {}), **tables, "checks": checks}


ENGLISH = Words()


def words_of(language: str) -> Words:
    """Return the words of a language of `LANGUAGES`."""
    if language not in LANGUAGES:
        raise ValueError(f"no words in {language!r}")
    return Words(language)


def word(table: str, code: str) -> str:
    """Return the English words of a code."""
    return ENGLISH.word(table, code)


def say(name: str, /, **values: object) -> str:
    """Return an English sentence."""
    return ENGLISH.say(name, **values)


def kind_words(kind: str) -> str:
    """Return what a kind of identifier is, in English."""
    return str(_table()["kinds"].get(kind, ("", kind))[1])


def group_of(kind: str) -> str:
    """Return the column of a kind; a kind with a country before it is an identity number."""
    known = _table()["kinds"].get(kind)
    if known is not None:
        return str(known[0])
    return "identity" if kind[2:3] == "_" else "other"


def readable(text: str) -> str:
    """Write the times in a text as people do: the day, the clock, the offset from UTC."""
    return _TIME.sub(lambda match: f"{match[1]} {match[2]} {'UTC' if match[3] in ('Z', '+00:00') else match[3]}", text)
