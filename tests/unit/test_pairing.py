"""Windows for a code: one a user, once, two minutes, five tries."""

from __future__ import annotations

import pytest

from proxy.errors import CordonError
from proxy.pairing import LIFE_S, TRIES, Pairings, Window, WindowState


def code_of(book: Pairings, uid: int, code: str, now_s: float = 1) -> str:
    try:
        book.redeem(uid, code, now_s=now_s)
    except CordonError as error:
        return error.code
    return "ok"


def wrong(window: Window) -> str:
    return f"{(int(window.code) + 1) % 10**8:08}"


def test_a_code_has_eight_digits_and_is_not_shown_by_accident() -> None:
    book = Pairings()
    codes = {book.open(1, now_s=0).code for _ in range(50)}
    assert all(len(code) == 8 and code.isdecimal() and code.isascii() for code in codes)
    assert len(codes) > 40
    assert book.windows[1].code not in repr(book)


def test_the_right_code_of_the_right_user() -> None:
    book = Pairings()
    window = book.open(1000, now_s=0)
    assert code_of(book, 1001, window.code) == "pairing_closed"
    assert code_of(book, 1000, window.code) == "ok"
    window.end(WindowState.PAIRED)
    assert window.over.is_set()
    assert code_of(book, 1000, window.code) == "pairing_closed"  # single use


def test_five_wrong_codes_close_the_window_and_say_so() -> None:
    book = Pairings()
    window = book.open(1, now_s=0)
    assert [code_of(book, 1, wrong(window)) for _ in range(TRIES)] == ["pairing_code_wrong"] * TRIES
    assert code_of(book, 1, window.code) == "pairing_closed"
    assert window.state is WindowState.GUESSED


@pytest.mark.parametrize("code", ["", "1" * 7, "1" * 9, "\ud800", "١٢٣٤٥٦٧٨", "x" * 1_000])
def test_what_is_no_code_counts_as_a_try(code: str) -> None:
    book = Pairings()
    window = book.open(1, now_s=0)
    window.code = "12345678"
    assert code_of(book, 1, code) == "pairing_code_wrong"
    assert window.tries == TRIES - 1


def test_a_window_ends_after_two_minutes() -> None:
    book = Pairings()
    window = book.open(1, now_s=10)
    assert book.is_open(1, now_s=10 + LIFE_S - 0.1)
    assert code_of(book, 1, window.code, 10 + LIFE_S) == "pairing_closed"
    assert window.state is WindowState.EXPIRED
    assert not book.is_open(1, now_s=11)


def test_a_second_window_replaces_the_first() -> None:
    book = Pairings()
    first = book.open(1, now_s=0)
    second = book.open(1, now_s=0)
    assert (first.state, second.state) == (WindowState.REPLACED, WindowState.OPEN)
    assert code_of(book, 1, second.code) == "ok"


def test_how_a_window_ended_does_not_change() -> None:
    window = Pairings().open(1, now_s=0)
    window.end(WindowState.EXPIRED)
    window.end(WindowState.PAIRED)
    assert window.state is WindowState.EXPIRED
