"""Which duty of a country's law which part of the log supports. One file a country in `legal/`. Pure."""

import tomllib
from dataclasses import dataclass
from importlib import resources

__all__ = ["COUNTRIES", "Duty", "LegalMap", "legal_map"]

COUNTRIES = ("lk", "eu", "sg", "ae", "us", "ai")


@dataclass(frozen=True, slots=True)
class Duty:
    """One row."""

    article: str
    duty: str
    supported_by: str


@dataclass(frozen=True, slots=True)
class LegalMap:
    """The rows of one law."""

    law: str
    status: str
    duties: tuple[Duty, ...]


def legal_map(country: str) -> LegalMap:
    """Return the map of a country of `COUNTRIES`."""
    if country not in COUNTRIES:
        raise ValueError(f"no legal map of {country!r}")
    table = tomllib.loads(resources.files("audit.report").joinpath(f"legal/{country}.toml").read_text("utf-8"))
    return LegalMap(table["law"], table["status"], tuple(Duty(**row) for row in table["duties"]))
