"""Exactly what was issued is restored; everything else passes as it is."""

from __future__ import annotations

import json

import pytest

from filters.findings import Type
from filters.parts import Form
from filters.restore import Piece, Restorer
from filters.vault import Vault


def _vault() -> Vault:
    vault = Vault()
    for n in range(10):
        vault.issue(Type.NAME, f"Person {chr(65 + n)}")
    vault.issue(Type.TEXT, 'say "hi"\\\n[NAME_2]')
    return vault


def _text(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.text.reveal() for piece in pieces)


def _restore(text: str, form: Form = Form.TEXT) -> tuple[str, Restorer]:
    restorer = Restorer(_vault(), form)
    return _text(restorer.feed(text)) + _text(restorer.finish()), restorer


def test_originals_come_back_with_their_spans() -> None:
    restorer = Restorer(_vault(), Form.TEXT)
    assert restorer.feed("Seen [NAME_1].") == (
        Piece(text=_piece("Seen ")), Piece(_piece("Person A"), "[NAME_1]", Type.NAME), Piece(_piece(".")),
    )  # fmt: skip
    assert restorer.restored == 1


def _piece(text: str) -> object:
    from filters.parts import PatientText

    return PatientText(text)


def test_one_and_ten_are_two_people() -> None:
    assert _restore("[NAME_1][NAME_10] [NAME_10][NAME_1]")[0] == "Person APerson J Person JPerson A"


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_cut_placeholder_is_held_and_no_more(cut: int) -> None:
    restorer = Restorer(_vault(), Form.TEXT)
    first = _text(restorer.feed("ab " + "[NAME_1] c"[:cut]))
    assert first == ("ab " if cut < 8 else "ab Person A")
    assert first + _text(restorer.feed("[NAME_1] c"[cut:])) == "ab Person A c"


@pytest.mark.parametrize("text", ["[see below", "[", "x [y", "[NAME_7a", "[NAME_99", "[name_1"])
def test_natural_text_is_not_delayed(text: str) -> None:
    restorer = Restorer(_vault(), Form.TEXT)
    shown = _text(restorer.feed(text))
    assert shown == ("" if text == "[" else text)
    assert shown + _text(restorer.finish()) == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[NAME_1", 1), ("[NAME_", 1), ("[NAME_1 ]", 1), ("[ NAME_1]", 1), ("[name_1]", 1), ("[NAME\\_1]", 1),
        ("[NAME_11]", 1),
        ("［NAME_1］", 1), ("[NOMBRE_1]", 1), ("[NAME 1]", 1), ("[NAME-1]", 1), ("[NAME_01]", 1), ("[NAМE_1]", 1),
        ("[NAME]", 0), ("[see 1]", 0), ("[1]", 0), ("a [b] c", 0), ("[NAME_11] and [NAME_12", 2), ("[[NAME_11]", 1),
    ],
)  # fmt: skip
def test_altered_or_invented_ones_pass_and_are_counted(text: str, count: int) -> None:
    shown, restorer = _restore(text)
    assert shown == text
    assert (restorer.restored, restorer.unresolved) == (0, count)


def test_counting_does_not_depend_on_the_cut() -> None:
    text = "x [NAME_11] [NAME_1] [[NAME_2] [NAME_ y\n[name_3] [Name_4"
    whole = _restore(text)
    for cut in range(len(text)):
        restorer = Restorer(_vault(), Form.TEXT)
        shown = _text(restorer.feed(text[:cut])) + _text(restorer.feed(text[cut:])) + _text(restorer.finish())
        assert shown == whole[0]
        assert (restorer.restored, restorer.unresolved) == (whole[1].restored, whole[1].unresolved) == (2, 4)


def test_an_original_with_a_lookalike_is_not_read_again() -> None:
    assert _restore("[TEXT_1]")[0] == 'say "hi"\\\n[NAME_2]'


def test_json_is_escaped_once_and_parses_back() -> None:
    shown, _ = _restore('{"a": "x [TEXT_1]", "[NAME_1]": [1, 2]}', Form.JSON)
    assert json.loads(shown) == {"a": 'x say "hi"\\\n[NAME_2]', "Person A": [1, 2]}
    assert shown.endswith(', "Person A": [1, 2]}')


def test_json_carries_a_lone_surrogate_as_an_escape() -> None:
    vault = Vault()
    vault.issue(Type.NAME, "\ud83d x")
    shown = _text(Restorer(vault, Form.JSON).feed('"[NAME_1]"'))
    assert shown.encode("utf-8") == b'"\\ud83d x"'


def test_a_closed_vault_restores_nothing() -> None:
    vault = _vault()
    restorer = Restorer(vault, Form.TEXT)
    vault.close()
    with pytest.raises(RuntimeError, match="closed"):
        restorer.feed("[NAME_1]")


def test_pieces_show_no_text() -> None:
    (piece,) = Restorer(_vault(), Form.TEXT).feed("[NAME_1]")
    assert "Person" not in repr(piece)
