"""The published JSON Schemas are those of the table, and what the log writes is valid by them."""

import io
from pathlib import Path

import jsonschema
import pytest

from audit import shapes
from audit.checkpoint import Note, parse_statement
from audit.export.dossier import open_dossier
from audit.strictjson import Json, MalformedError
from audit.verify import read_package
from tests.kit.schemas import SCHEMAS, schemas, text_of
from tests.kit.vectors import vectors

MADE = schemas()


@pytest.fixture(scope="module")
def bodies() -> list[tuple[str, str, Json]]:
    """Every record of the sound vector and of one with orders, opened; and the statements inside."""
    found: list[tuple[str, str, Json]] = []
    for vector in vectors():
        if vector.name not in ("sound", "erased_by_order") or vector.keyring is None:
            continue
        dossier = open_dossier(read_package(io.BytesIO(vector.package)), vector.trust, vector.keyring)
        for kind, body in dossier.records.values():
            found.append(("records", kind, body))
            if kind == "T":
                found.append(
                    ("statements", "tombstone", parse_statement(Note.parse(body["note"].encode()), "tombstone"))
                )
    return found


def test_the_files_are_those_of_the_table() -> None:
    committed = {path.name: path.read_text() for path in Path(SCHEMAS).iterdir()}
    assert committed == {name: text_of(schema) for name, schema in MADE.items()}


@pytest.mark.parametrize("name", sorted(MADE))
def test_each_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(MADE[name])


def test_what_the_log_writes_is_valid(bodies: list[tuple[str, str, Json]]) -> None:
    assert {name for _, name, _ in bodies} >= {"S", "X", "H", "R", "Z", "B", "E", "T", "tombstone"}
    for group, name, body in bodies:
        jsonschema.Draft202012Validator(MADE[f"{group}-{name}.json"]).validate(body)


def test_schema_and_shape_refuse_the_same(bodies: list[tuple[str, str, Json]]) -> None:
    """Each key of each body in turn: taken out, and given a value of another kind."""
    for group, name, body in bodies:
        validator = jsonschema.Draft202012Validator(MADE[f"{group}-{name}.json"])
        spoiled = [body | {"more": 1}, *(body | {key: [[]]} for key in body)]
        spoiled += [{key: value for key, value in body.items() if key != left} for left in body]
        for one in spoiled:
            try:
                shapes.check(group, name, one)
                accepted = True
            except MalformedError:
                accepted = False
            assert validator.is_valid(one) == accepted
