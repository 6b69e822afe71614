"""What two verifiers, written in two languages, must agree on: every attack fresh from the log, and changed bytes."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.verify import examine, read_package
from tests.kit.attacks import ATTACKS, Scene, build
from tests.kit.audit_house import quick_folder, states
from tests.kit.flips import ask, meaningless, small
from tests.kit.second_verifier import SecondVerifier, second_verifier

folder = pytest.fixture(scope="module")(quick_folder)


@pytest.fixture(scope="module")
def other(folder: Path) -> Iterator[SecondVerifier]:
    with second_verifier(folder) as running:
        yield running


def test_every_attack_on_a_log_of_today(folder: Path, other: SecondVerifier) -> None:
    """The published vectors are old logs; these are written by the code of today."""
    wrong = {}
    for attack, scene, package in build(folder):
        found = other.both(package, scene.house.trust, scene.keyring, scene.anchors)
        failing = {check: state for check, state in states(found).items() if state != "not_run"}
        promised = failing == attack.checks if attack.only else attack.checks.items() <= failing.items()
        if found.verdict != attack.verdict or not promised:
            wrong[attack.name] = (found.verdict, failing)
    assert wrong == {}
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) > 80


@pytest.fixture(scope="module")
def package(folder: Path) -> tuple[Scene, bytes]:
    return small(folder)


def test_a_changed_byte_is_never_verified(package: tuple[Scene, bytes], other: SecondVerifier) -> None:
    scene, data = package
    verdicts, unseen = ask(scene, data, range(0, len(data), 101), other)
    assert set(unseen) <= meaningless(data)
    assert verdicts["NOT VERIFIED"] > 200


def test_a_changed_byte_of_the_directory(package: tuple[Scene, bytes], other: SecondVerifier) -> None:
    """The headers at the end, closer: here are the bytes without meaning, and they are exactly the listed ones."""
    scene, data = package
    start = data.index(b"PK\1\2")
    places = [*range(start, start + 46), *range(len(data) - 22, len(data))]
    verdicts, unseen = ask(scene, data, places, other)
    type_bits = 41  # the upper half of the mode's upper byte is the type, and is judged
    assert set(unseen) | {start + type_bits} == meaningless(data) & set(places)
    assert verdicts["VERIFIED"] >= 13


def test_cut_anywhere(package: tuple[Scene, bytes], other: SecondVerifier) -> None:
    scene, data = package
    for length in range(0, len(data), 2_003):
        assert other.both(data[:length], scene.house.trust, scene.keyring).verdict == "NOT VERIFIED"


def test_the_numbers_of_the_page_and_of_the_command_line(package: tuple[Scene, bytes]) -> None:
    scene, data = package
    found = examine(read_package(io.BytesIO(data)), scene.house.trust, scene.keyring)
    assert (found.verdict, states(found), found.totals["requests"]) == ("VERIFIED", {}, 1)
