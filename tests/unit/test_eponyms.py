"""Names that are not people, and people who are."""

from __future__ import annotations

import pytest

from filters.eponyms import is_eponym, is_eponym_construction, is_medicine


def _at(text: str, name: str) -> bool:
    start = text.index(name)
    return is_eponym_construction(text, start, start + len(name))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Crohn's disease", "Crohn"), ("Crohn disease", "Crohn"), ("Morbus Basedow", "Basedow"),
        ("M. Basedow", "Basedow"),
        ("maladie de Crohn", "Crohn"), ("enfermedad de Chagas", "Chagas"), ("Babinski-Zeichen", "Babinski"),
        ("Glasgow Coma Scale", "Glasgow"), ("ziekte van Lyme", "Lyme"), ("sindrome di Down", "Down"),
        ("Kerr fracture", "Kerr"),
        ("Guillain-Barré syndrome", "Guillain"), ("doença de Crohn", "Crohn"), ("Foley catheter", "Foley"),
    ],
)  # fmt: skip
def test_constructions(text: str, name: str) -> None:
    assert _at(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Crohn came today", "Crohn"),
        ("Mr Foley, catheter in", "Foley"),
        ("Dr Babinski signed", "Babinski"),
        ("Smith and tests", "Smith"),
    ],
)
def test_people(text: str, name: str) -> None:
    assert not _at(text, name)


@pytest.mark.parametrize("name", ["Crohn", "GUILLAIN", "Guillain Barré", "Sjögren"])
def test_known_eponyms(name: str) -> None:
    assert is_eponym(name)


@pytest.mark.parametrize("name", ["Smith", "Murphy", "Wilson", "Jackson", "Crohn Smith", "", "Maria"])
def test_common_surnames_are_people(name: str) -> None:
    assert not is_eponym(name)


@pytest.mark.parametrize("name", ["Lipitor", "XARELTO", "maraviroc", "Pembrolizumab", "atorvastatin", "Amoxicillin"])
def test_medicines(name: str) -> None:
    assert is_medicine(name)


@pytest.mark.parametrize("name", ["Perera", "", "Mab", "Lipitor Smith", "Nicol", "Karol", "Martin"])
def test_people_are_no_medicines(name: str) -> None:
    assert not is_medicine(name)
