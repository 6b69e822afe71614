"""QR codes: a picture that holds the text, safe to put into a page."""

import re

import pytest

from proxy.cli.qr import has_qr, qr_svg, qr_terminal
from tests.kit.audit_house import House, quick_folder

folder = pytest.fixture(quick_folder)


def test_a_whole_anchor_fits_on_paper(folder):
    assert has_qr()
    note = House(folder).enrol().run(1).anchor().decode()
    picture = qr_svg(note)
    assert picture.startswith("<svg")
    assert "<script" not in picture
    assert re.search(r'viewBox|width="\d+"', picture)


def test_equal_texts_give_equal_pictures():
    assert qr_svg("19-312b-f825-0a81-792b-8a60") == qr_svg("19-312b-f825-0a81-792b-8a60")
    assert qr_svg("19-312b") != qr_svg("19-312c")


def test_a_terminal_gets_blocks():
    assert set(qr_terminal("19-312b")) & set("▀▄█")
