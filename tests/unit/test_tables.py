"""Every key is asked for with its type; what nobody asked for is refused, and no value is shown."""

from __future__ import annotations

import re

import pytest

from policies.model import PolicyError
from policies.tables import Table, read_toml


def _table(text: str) -> Table:
    return Table(read_toml(text.encode(), "file"), "file")


def test_values_are_taken_once_with_their_type() -> None:
    table = _table('a = "x"\nb = 3\nc = 0.5\nd = ["p", "q"]\ne = [1, 2.5]\n[f]\ng = true')
    assert table.text("a", 5) == "x"
    assert table.take("b", int) == 3
    assert table.number("c") == 0.5
    assert table.texts("d", 2) == ("p", "q")
    assert table.numbers("e") == (1.0, 2.5)
    inner = table.table("f")
    with pytest.raises(PolicyError, match=r"file\.f\.g"):
        inner.take("g", int)
    table.close()
    with pytest.raises(PolicyError, match="missing"):
        table.take("a", str)


def test_what_is_left_is_refused_first_by_name() -> None:
    with pytest.raises(PolicyError, match=r"file\.a is not known"):
        _table("b = 1\na = 2").close()


def test_an_optional_table_may_be_absent_but_not_something_else() -> None:
    table = _table("x = 1")
    assert table.optional("y").rest(Table.fact) == ()
    with pytest.raises(PolicyError, match=r"file\.x"):
        table.optional("x")
    with pytest.raises(PolicyError, match="not a table"):
        Table([], "file")


def test_refusals_show_no_value() -> None:
    table = _table(
        'word = "confidential"\nshape = "confidential"\n'
        'list = ["confidential", "confidential"]\nnumbers = ["confidential"]'
    )
    for read in (
        lambda: table.word("word", ("a", "b")),
        lambda: table.matching("shape", re.compile("x")),
        lambda: table.texts("list", 1),
        lambda: table.numbers("numbers"),
    ):
        with pytest.raises(PolicyError) as caught:
            read()
        assert "confidential" not in str(caught.value)


def test_rest_reads_all_in_order() -> None:
    assert _table('b = 1\na = "x"').rest(Table.fact) == (("a", "x"), ("b", 1))
