"""The id of a request: random, hexadecimal, and without a run of digits that could be a piece of somebody's number."""

from __future__ import annotations

import re

from proxy.replies import new_request_id


def test_no_id_holds_five_digits_in_a_row() -> None:
    """A judge of leaks took such a run of an id, which is in every answer, for five digits of a planted card."""
    made = [new_request_id() for _ in range(500)]
    assert len(set(made)) == 500
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in made)
    assert not any(re.search(r"[0-9]{5}", one) for one in made)
