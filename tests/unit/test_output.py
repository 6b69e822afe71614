"""New personal data is masked wherever it stands; what belongs to the exchange passes; nothing is released unseen."""

from __future__ import annotations

import json

import pytest

from filters.findings import Finding, Source, Type
from filters.output import OutAction, OutActions, OutputRefused, OutputScan
from filters.vault import RedactionError, Vault
from tests.kit.lookout import look, scanned

MAIL, PHONE = "dr.who@ward.example", "077 123 4567"


def _vault() -> Vault:
    vault = Vault()
    vault.issue(Type.PHONE, "011 234 5678")
    vault.issue(Type.NAME, "Ana Pereira")
    return vault


def _scan(text: str, actions: OutActions = OutActions()) -> tuple[str, OutputScan]:  # noqa: B008 - frozen
    scan = OutputScan(_vault(), actions)
    return "".join(scanned(scan, [text])), scan


def _found(text: str, value: str, type_: Type = Type.ID, kind: str = "mrn") -> tuple[Finding, ...]:
    start = text.index(value)
    return (Finding(start, start + len(value), type_, kind, 900, Source.PATTERN),)


def test_new_values_are_masked_and_people_stay() -> None:
    out, scan = _scan(f"Write to {MAIL} or call {PHONE}. Bo Ek said so.")
    assert out == "Write to [EMAIL] or call [PHONE]. Bo Ek said so."
    assert scan.counts == (("EMAIL", 1), ("PHONE", 1))
    assert (scan.kept, scan.known) == ((("PERSON", 1),), 0)


def test_values_of_the_exchange_are_not_new() -> None:
    out, scan = _scan("Call 0112345678 for Ana Pereira.")
    assert out == "Call 0112345678 for Ana Pereira."
    assert (scan.counts, scan.kept, scan.known) == ((), (), 2)


def test_the_policy_chooses() -> None:
    actions = OutActions.named([("EMAIL", "keep"), ("NAME", "mask")])
    assert _scan(f"Bo Ek: {MAIL}", actions)[0] == f"[NAME]: {MAIL}"
    assert OutActions().of(_found("a", "a", Type.URL)[0]) is OutAction.KEEP
    assert OutActions().of(_found("a", "a", Type.IP)[0]) is OutAction.MASK


def test_a_refused_kind_ends_the_answer_before_its_window_is_released() -> None:
    scan = OutputScan(_vault(), OutActions.named([("SECRET", "refuse")]))
    released = []
    text = "A quiet sentence to begin with. " * 12 + "The key is AKIA0123456789ABCDEF. " + "More. " * 80
    with pytest.raises(OutputRefused) as caught:
        released.extend(scanned(scan, text))
    assert caught.value.kinds == ("aws",)
    assert "AKIA" not in "".join(released) + repr(caught.value)
    assert "".join(released) in text


def test_placeholders_and_lookalikes_are_cut_around() -> None:
    text = "Ask [NAME_1] or Bo [NAME_7] Ek now"
    scan = OutputScan(_vault(), OutActions.named([("NAME", "mask")]))
    scan.feed(text)
    scan.finish()
    window = scan.due() or pytest.fail("not due")
    findings = (*_found(text, "[NAME_1]", Type.NAME), *_found(text, "Bo [NAME_7] Ek", Type.NAME))
    assert scan.settle(window, findings) == "Ask [NAME_1] or [NAME][NAME_7][NAME] now"
    assert scan.counts == (("MRN", 2),)


# ---- where it is looked at ------------------------------------------------------------------------------------


def _first_window(text: str) -> int:
    scan = OutputScan(_vault(), OutActions())
    scan.feed(text)
    window = scan.due()
    return len(window.text) if window else 0


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x" * 95, 0), ("x" * 95 + "\n", 96), ("x" * 94 + "\n" + "y" * 200, 0), ("x" * 94 + ". yes", 96),
        ("x" * 94 + "., yes", 0),
        ("x" * 93 + '." yes', 96), ("x" * 92 + '.") yes', 96), ("x" * 94 + "。 y", 96), ("x" * 100 + " word" * 40, 240),
        ("x" * 239 + " y", 240), ("x" * 1023, 0), ("x" * 1024, 1024), ("x" * 3000, 1024), ('"' * 200 + " ", 0),
    ],
)  # fmt: skip
def test_checkpoints(text: str, place: int) -> None:
    found = _first_window(text)
    assert found == place or (place == 240 and 240 <= found <= 245)


def test_a_window_shows_what_was_passed_on_and_leaves_64_characters() -> None:
    scan = OutputScan(_vault(), OutActions())
    text = f"Mail {MAIL} " + "and a few words more " * 5 + "end. " + "tail of it all. " * 20
    scan.feed(text)
    first = scan.due() or pytest.fail("not due")
    assert scan.due() is first
    released = scan.settle(first, look(first.text.reveal()))
    assert len(text) - 400 < len(released) <= len(first.text) - 64 + len("[EMAIL]")
    second = scan.due() or pytest.fail("not due")
    assert second.text.reveal()[: second.start] == released
    assert MAIL not in second.text.reveal()


def test_a_release_never_cuts_a_finding() -> None:
    text = "x " * 80 + "077 123 45 67 89 12 " + "y " * 40 + "\n"
    scan = OutputScan(_vault(), OutActions())
    scan.feed(text)
    window = scan.due() or pytest.fail("not due")
    assert scan.settle(window, look(window.text.reveal())) == "x " * 80
    assert "".join(scanned(scan, [])) == "[PHONE] " + "y " * 40 + "\n"


def test_a_finding_as_long_as_the_buffer_is_one() -> None:
    text = "a" * 1500 + " done."
    scan = OutputScan(_vault(), OutActions())
    scan.feed(text)
    scan.finish()
    out = ""
    while (window := scan.due()) is not None:
        length = len(window.text.reveal().rstrip(" done."))
        findings = (Finding(0, length, Type.SECRET, "blob", 900, Source.PATTERN),) if length else ()
        out += scan.settle(window, findings)
    assert out == "[SECRET][SECRET] done."


@pytest.mark.parametrize("text", ["x" * 5000, "word " * 900, "A. B. " * 700, f"{PHONE} {MAIL}\n" * 100, "\n" * 3000])
def test_no_more_than_a_buffer_is_held(text: str) -> None:
    scan = OutputScan(_vault(), OutActions.named([("PHONE", "keep"), ("EMAIL", "keep")]))
    released = 0
    for taken, char in enumerate(text, 1):
        scan.feed(char)
        while (window := scan.due()) is not None:
            released += len(scan.settle(window, look(window.text.reveal())))
        assert taken - released < 1024


def test_findings_that_do_not_fit_are_a_fault() -> None:
    for spans in [(0, 0)], [(0, 99)], [(-1, 2)], [(0, 4), (3, 5)]:
        scan = OutputScan(_vault(), OutActions())
        scan.feed("text here")
        scan.finish()
        window = scan.due() or pytest.fail("not due")
        with pytest.raises(RedactionError, match="analyst_fault"):
            scan.settle(window, tuple(Finding(a, b, Type.ID, "mrn", 900, Source.NER) for a, b in spans))


def test_only_the_due_window_is_settled() -> None:
    scan = OutputScan(_vault(), OutActions())
    scan.feed("text")
    assert scan.due() is None
    scan.finish()
    window = scan.due() or pytest.fail("not due")
    assert scan.settle(window, ()) == "text"
    assert scan.due() is None
    with pytest.raises(RuntimeError, match="not due"):
        scan.settle(window, ())


# ---- tool calls -----------------------------------------------------------------------------------------------


def _json(text: str, actions: OutActions = OutActions()) -> str:  # noqa: B008 - frozen
    return OutputScan(_vault(), actions).whole_json(text, look(text))


def test_masked_arguments_stay_json() -> None:
    out = _json(
        '{"to": "dr.who@ward.example", "cc": 94771234567, "n": [1, "x\\u00e9 077 123 4567\\n"], "who": "[NAME_2]"}'
    )
    assert json.loads(out) == {"to": "[EMAIL]", "cc": "[PHONE]", "n": [1, "x[PHONE]\n"], "who": "[NAME_2]"}


def test_known_values_and_other_numbers_stay_in_arguments() -> None:
    text = '{"tel": "011 234 5678", "n": 12, "d": -2.5}'
    assert _json(text) == text


def test_a_finding_across_leaves_is_clipped_and_escapes_stay_whole() -> None:
    text = '["a\\u0062c", "d", 12]'
    findings = (Finding(5, 19, Type.ID, "mrn", 900, Source.NER),)
    assert json.loads(OutputScan(_vault(), OutActions()).whole_json(text, findings)) == ["a[ID]", "[ID]", "[ID]"]


def test_arguments_that_are_no_json_or_lose_a_key_are_malformed() -> None:
    for text in ("{oops", '{"077 123 4567": 1, "077 123 4568": 2}'):
        with pytest.raises(RedactionError, match="tool_call_malformed"):
            _json(text)
    assert json.loads(_json('{"077 123 4567": 1}')) == {"[PHONE]": 1}


def test_refused_kinds_end_a_tool_call() -> None:
    with pytest.raises(OutputRefused):
        _json('{"to": "dr.who@ward.example"}', OutActions.named([("EMAIL", "refuse")]))
    with pytest.raises(RedactionError, match="analyst_fault"):
        OutputScan(_vault(), OutActions()).whole_json("{}", (Finding(0, 9, Type.ID, "mrn", 900, Source.NER),))


def test_nothing_shows_text() -> None:
    scan = OutputScan(_vault(), OutActions())
    scan.feed("secret words")
    scan.finish()
    assert "secret" not in repr(scan.due())
    assert "secret" not in repr(scan)
