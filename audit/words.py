"""The words of exports and report: one table, so that a translation is one more file. Pure.

Law: no code is shown without words; a code that the table does not know is shown as it is, never dropped.
"""

import functools
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

__all__ = ["GROUPS", "group_of", "kind_words", "readable", "say", "word"]

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d{3})?(Z|[+-]\d\d:\d\d)")
GROUPS = ("names", "identity", "contact", "dates", "other")


@functools.cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(resources.files("audit").joinpath("english.toml").read_text("utf-8"))


def word(table: str, code: str) -> str:
    """Return the words of a code, or the code where there are none."""
    return str(_table()[table].get(code, code))


def say(name: str, **values: object) -> str:
    """Return a sentence of the report with its values filled in."""
    return str(_table()["report"][name]).format(**values)


def kind_words(kind: str) -> str:
    """Return what a kind of identifier is."""
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
