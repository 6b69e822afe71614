"""The published vectors, answered by both verifiers: same verdict, same failing checks, same bytes."""

from collections.abc import Iterator
from hashlib import sha256

import pytest

from audit.verify.findings import ORDER
from tests.kit.audit_house import states
from tests.kit.second_verifier import SecondVerifier, second_verifier
from tests.kit.vectors import FOLDER, Vector, rows_of_the_document, vectors

VECTORS = list(vectors())


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondVerifier]:
    with second_verifier(tmp_path_factory.mktemp("second")) as running:
        yield running


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_both_verifiers_give_the_published_answer(vector: Vector, verifiers: SecondVerifier) -> None:
    found = verifiers.both(vector.package, vector.trust, vector.keyring, vector.anchors)
    failing = {check: state for check, state in states(found).items() if state != "not_run"}
    assert (found.verdict, failing) == (vector.verdict, vector.checks)
    assert sha256(found.encode()).hexdigest() == vector.answer


def test_every_check_that_can_fail_has_a_vector() -> None:
    failing = {check for vector in VECTORS for check in vector.checks}
    never = {"V12", "V21"}
    """V12 only counts witnesses; V21 fails when our own counting is wrong, or a count passes 2^53."""
    assert set(ORDER()) - failing == never


def test_the_document_names_every_vector() -> None:
    lines = (FOLDER.parent / "audit-v1.md").read_text().splitlines()
    assert [row for row in rows_of_the_document() if row not in lines] == []
