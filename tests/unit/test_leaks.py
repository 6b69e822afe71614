"""The last look finds what a broken replacer left behind, and nothing else."""

from __future__ import annotations

import base64

import pytest

from filters.leaks import Look, verify_no_leaks
from filters.parts import Form
from filters.vault import RedactionError


def _look(text: str, kept: tuple[tuple[int, int], ...] = (), form: Form = Form.TEXT) -> Look:
    return Look(0, form, text, kept)


SPREAD = (
    "ana pereira",
    "pereira",
    "911042754v",
    "+94771234567",
    "ana.p@ward.intern",
    "20-12345",
    "lee",
    "o'brien",
    "පෙරේරා",
)


@pytest.mark.parametrize(
    "text",
    [
        "Seen Ana Pereira today", "ANA\u00a0 PEREIRA", "Ana\nPereira", "(Pereira)", "Pereira's", "x_pereira_y",
        "Pere\u200bira",
        "id 911042754V", "nic 911 042 754", "077 / +94 77 123-4567", "94771234567", "mail ana.p@WARD.intern!",
        "bed 20-12345",
        "ana.p%40ward.intern", "&#80;ereira", base64.b64encode(b"note: Pereira was here").decode(),
        "O’Brien", "dr පෙරේරා x", "2012345",
    ],
)  # fmt: skip
def test_what_was_left_behind_is_found(text: str) -> None:
    with pytest.raises(RedactionError) as caught:
        verify_no_leaks([_look("fine"), Look(4, Form.TEXT, text, ())], SPREAD)
    assert (caught.value.code, caught.value.part) == ("redaction_incomplete", 4)
    assert "ereira" not in repr(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "", "nothing", "Pereirana", "the Lee test", "[NAME_1] [NAME_12] [ID]", "Ana [NAME_1] Lima", "Ana [NAME_2]Lima",
        "19110427541", "a911042754b", "77 1234567", "201-2346", "ana.p@ward", "perei ra", "9477 1234 5678 9012",
    ],
)  # fmt: skip
def test_what_is_fine_passes(text: str) -> None:
    verify_no_leaks([_look(text)], SPREAD)


def test_nothing_is_read_across_a_placeholder() -> None:
    verify_no_leaks([_look("Ana [ID_1] Pereirx; 91104 [NAME_1]2754")], ("ana pereirx", "911042754"))


def test_a_kept_span_may_stay_and_only_it() -> None:
    text = "Pereira sign in Mr Pereira"
    with pytest.raises(RedactionError):
        verify_no_leaks([_look(text, ((0, 7),))], SPREAD)
    verify_no_leaks([_look(text, ((19, 26), (0, 7), (2, 5)))], SPREAD)


def test_json_is_read_with_its_escapes_undone() -> None:
    with pytest.raises(RedactionError):
        verify_no_leaks([_look('{"a": "P\\u0065reira"}', form=Form.JSON)], SPREAD)


def test_names_of_functions_are_read_word_by_word() -> None:
    with pytest.raises(RedactionError):
        verify_no_leaks([_look("call_pereira_now", form=Form.NAME)], SPREAD)


def test_a_part_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(RedactionError) as caught:
        verify_no_leaks([Look(3, Form.TEXT, "x %252525252541 " * 1000, ())], SPREAD)
    assert (caught.value.code, caught.value.part) == ("text_too_encoded", 3)


def test_without_wanted_values_nothing_is_read() -> None:
    verify_no_leaks([_look("&#1;" * 10)], ())
    verify_no_leaks([_look("Lee")], ("lee", "--"))


def test_the_look_shows_no_text() -> None:
    assert "Pereira" not in repr(_look("Pereira"))
