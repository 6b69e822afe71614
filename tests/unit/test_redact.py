"""This request goes in with these findings, that text comes out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from filters.findings import Finding, Found, Source, Type
from filters.parts import Form
from filters.redact import RedactionError, RedactionResult, redact
from filters.vault import Action, Actions, Vault
from tests.kit.found import part_of, request, texts_of

J, S, N = Form.JSON, Form.SCHEMA, Form.NAME
KEEP_BEDS = Actions(kinds=(("bed", Action.KEEP),))


def _run(*texts: str | tuple[Form, str], actions: Actions = KEEP_BEDS, spread: tuple[str, ...] = ()) -> RedactionResult:
    return redact(*request(*texts, spread=spread), Vault(), actions=actions)


def _out(*texts: str | tuple[Form, str], **more: object) -> list[str]:
    return texts_of(_run(*texts, **more))  # type: ignore[arg-type]


def _refusal(*texts: str | tuple[Form, str], **more: object) -> tuple[str, tuple[str, ...], int | None]:
    with pytest.raises(RedactionError) as caught:
        _run(*texts, **more)  # type: ignore[arg-type]
    return caught.value.code, caught.value.kinds, caught.value.part


# ---- text -----------------------------------------------------------------------------------------------------


def test_values_are_numbered_by_discovery_and_equal_ones_share() -> None:
    assert _out("«NAME Ana Lima» and «NAME Bo Ek»", "«NAME BO  EK», «NAME Cy», «ID 911042754V»") == [
        "[NAME_1] and [NAME_2]",
        "[NAME_2], [NAME_3], [ID_1]",
    ]


def test_nothing_found_changes_nothing() -> None:
    assert _out("", "[see] 100 % of it") == ["", "[see] 100 % of it"]


def test_counts_are_by_kind_of_what_was_replaced_and_of_what_stayed() -> None:
    result = _run("«NAME Ana», «DATE/birth_date 3.5.1950», «NAME Ana» in «ID/bed 4A»; «=Parkinson» disease")
    assert result.counts == (("BIRTH_DATE", 1), ("PERSON", 2))
    assert result.kept == (("BED", 1), ("EPONYM", 1))
    assert texts_of(result) == ["[NAME_1], [DATE_1], [NAME_1] in 4A; Parkinson disease"]


def test_a_masked_value_has_no_number_and_cannot_be_restored() -> None:
    parts, found = request("«NAME Ana» «AGE 93»")
    vault = Vault()
    result = redact(parts, found, vault, actions=Actions(((Type.AGE, Action.MASK),)))
    assert texts_of(result) == ["[NAME_1] [AGE]"]
    assert vault.issued() == ("[NAME_1]",)


def test_a_refused_kind_ends_the_request_and_says_which() -> None:
    actions = Actions(((Type.SECRET, Action.REFUSE),))
    refusal = _refusal("«NAME Ana»", "«SECRET/aws AKIA» «SECRET/jwt eyJ»", actions=actions)
    assert refusal == ("pii_refused", ("aws", "jwt"), 1)


def test_a_value_only_known_from_elsewhere_is_replaced_too() -> None:
    assert _out("«~NAME Lima» again", "«NAME Ana Lima»", "«NAME Bo»") == ["[NAME_2] again", "[NAME_1]", "[NAME_3]"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_appending_a_message_renumbers_nothing(count: int) -> None:
    texts = [
        "«NAME Ana Lima», «~NAME Lima»",
        "«NAME Bo Ek» «ID 0771234567»",
        "«~NAME Ana» «~NAME Ek»",
        "«NAME Cy» «~ID 077-1234567»",
    ]
    shorter = texts[:count]
    later = ["«~NAME Dee» " + texts[0], *texts[1:], "«NAME Dee Lo»"]
    assert _out(*texts)[:count] == _out(*shorter)
    assert [text.removeprefix("[NAME_8] ") for text in _out(*later)[:count]] == _out(*shorter)


def test_a_known_name_in_another_script_waits_for_its_source() -> None:
    texts = ["«~NAME පෙරේරා»", "«NAME Bo»", "«NAME නිමල් පෙරේරා»"]
    assert _out(*texts) == ["[NAME_3]", "[NAME_1]", "[NAME_2]"]
    assert _out(*texts[:2], "«NAME නිමලා»") == ["[NAME_1]", "[NAME_2]", "[NAME_3]"]


def test_lookalikes_stay_and_are_never_issued() -> None:
    assert _out("[NAME_1] met «NAME Ana»", "%5BNAME_2%5D «NAME Bo»") == [
        "[NAME_1] met [NAME_3]",
        "%5BNAME_2%5D [NAME_4]",
    ]


def test_a_finding_is_cut_around_a_lookalike() -> None:
    assert _out("by «NAME Ana [NAME_1] Lima», «ID [ID_7]», «NAME [NAME_2]-»") == [
        "by [NAME_3][NAME_1][NAME_4], [ID_7], [NAME_2]-"
    ]


def test_a_lookalike_hidden_in_an_encoding_protects_nothing() -> None:
    assert _out("«SECRET W05BTUVfMV0gaXMgSm9obiBTbWl0aA==»") == ["[SECRET_1]"]


def test_a_finding_without_letters_is_still_replaced() -> None:
    assert _out("pin «SECRET ****»") == ["pin [SECRET_1]"]


# ---- the last look --------------------------------------------------------------------------------------------


def test_what_detection_left_behind_is_refused() -> None:
    assert _refusal("«NAME Ana Lima»", "ask Lima", spread=("ana lima", "lima")) == ("redaction_incomplete", (), 1)


def test_kept_spans_may_stay_also_after_replacements_moved_them() -> None:
    out = _out("«NAME Ana Lima» «=Lima» bean «NAME Bo» «=Lima»", spread=("lima",))
    assert out == ["[NAME_1] Lima bean [NAME_2] Lima"]
    assert _out("«NAME Ana Lima» in «ID/bed Lima 4A»", spread=("lima",)) == ["[NAME_1] in Lima 4A"]
    assert _refusal("«NAME Ana Lima» «=Lima» bean Lima", spread=("lima",))[0] == "redaction_incomplete"


def test_a_kept_span_inside_a_replaced_one_keeps_nothing() -> None:
    parts, found = request("«NAME Ana Lima» Lima", spread=("lima",))
    found = replace(found, kept=((Finding(4, 8, Type.NAME, "eponym", 0, Source.NER),),))
    with pytest.raises(RedactionError):
        redact(parts, found, Vault(), actions=KEEP_BEDS)


# ---- a malformed answer of the analyst ------------------------------------------------------------------------


@pytest.mark.parametrize("spans", [[(0, 0)], [(2, 1)], [(-1, 2)], [(0, 99)], [(0, 3), (2, 4)], [(3, 4), (0, 1)]])
def test_spans_that_do_not_fit_are_a_fault(spans: list[tuple[int, int]]) -> None:
    findings = tuple(Finding(a, b, Type.NAME, "person", 900, Source.NER) for a, b in spans)
    with pytest.raises(RedactionError, match="analyst_fault"):
        redact([part_of("abcdef")], Found((findings,), ((),), ()), Vault(), actions=KEEP_BEDS)


def test_answers_for_other_parts_are_a_fault() -> None:
    for found in (Found((), (), ()), Found(((),), (), ()), Found(((), ()), ((), ()), ())):
        with pytest.raises(RedactionError, match="analyst_fault"):
            redact([part_of("abc")], found, Vault(), actions=KEEP_BEDS)
    kept = (Finding(0, 9, Type.NAME, "eponym", 0, Source.NER),)
    with pytest.raises(RedactionError, match="analyst_fault"):
        redact([part_of("abc")], Found(((),), (kept,), ()), Vault(), actions=KEEP_BEDS)


# ---- JSON -----------------------------------------------------------------------------------------------------


def test_strings_keys_and_numbers_of_json() -> None:
    (out,) = _out((J, '{"who": "Dr «NAME Ana»", "«NAME Bo»": [«ID 911042754», 2.5], "x":null}'))
    assert out == '{"who": "Dr [NAME_1]", "[NAME_2]": ["[ID_1]", 2.5], "x":null}'


def test_a_finding_across_structure_is_clipped_to_the_leaves() -> None:
    (out,) = _out((J, '["«NAME Ana", "Lima", 12», 3]'))
    assert json.loads(out) == ["[NAME_1]", "[NAME_2]", "[NAME_3]", 3]


def test_a_finding_on_punctuation_alone_changes_nothing() -> None:
    assert _out((J, '{"a"«ID : {}», "b": «ID true»}')) == ['{"a": {}, "b": true}']


def test_values_are_remembered_as_they_read_not_as_they_are_escaped() -> None:
    vault = Vault()
    parts, found = request((J, '{"a": "«NAME O\\"B\\u0072ien \\ud83d\\ude00»"}'), '«NAME O"Brien 😀»')
    assert texts_of(redact(parts, found, vault, actions=KEEP_BEDS)) == ['{"a": "[NAME_1]"}', "[NAME_1]"]
    assert (vault.original("[NAME_1]") or pytest.fail("lost"))[1].reveal() == 'O"Brien 😀'


@pytest.mark.parametrize(
    "text",
    ['["\\ud83d«NAME \\ude00 Ana»"]', '["«NAME Ana\\ud8»3d\\ude00"]', '["\\u00«NAME 65na»"]', '["\\«NAME "Ana»"]'],
)
def test_an_escape_is_never_cut(text: str) -> None:
    (out,) = _out((J, text))
    assert "NAME_1" in json.loads(out)[0]


def test_the_strictest_action_wins_on_one_number() -> None:
    actions = Actions(((Type.AGE, Action.KEEP), (Type.ID, Action.PSEUDONYMISE), (Type.PHONE, Action.MASK)))
    assert _out((J, "[«AGE 12»«ID 34»«PHONE 56»]"), actions=actions) == ['["[PHONE]"]']
    assert _out((J, "[«ID 12»«AGE 34»]"), actions=actions) == ['["[ID_1]"]']
    assert _out((J, "[«AGE 12»34]"), actions=actions) == ["[1234]"]


def test_two_keys_that_become_equal_are_refused() -> None:
    assert _refusal((J, '{"«NAME Ana»": 1, "«NAME ANA»": 2}')) == ("key_collision", (), 0)
    assert _refusal("x", (J, '{"«NAME Ana»": 1, "b": {"[NAME_1]": 0}, "[AGE]": 3, "«AGE 93»": 1}'),
                    actions=Actions(((Type.AGE, Action.MASK),)))[0] == "key_collision"  # fmt: skip


def test_equal_keys_in_two_objects_and_doubled_keys_are_no_collision() -> None:
    assert _out((J, '[{"«NAME Ana»": 1}, {"«NAME ANA»": 2}, {"a": "«ID 12»", "a": 1}]'))


def test_json_that_is_none_is_text() -> None:
    assert _out((J, "{'who': «NAME Ana»}")) == ["{'who': [NAME_1]}"]
    assert _out((J, '{"who": "«NAME \\x»"}')) == ['{"who": "[NAME_1]"}']


def test_lookalikes_in_json_are_cut_around() -> None:
    assert _out((J, '["«NAME Ana [NAME_1] Lima»"]')) == ['["[NAME_2][NAME_1][NAME_3]"]']


# ---- structure ------------------------------------------------------------------------------------------------


def test_strings_of_a_schema_are_replaced() -> None:
    (out,) = _out(
        (S, '{"type": "object", "description": "visits of «NAME Ana»", "enum": ["«NAME Ana»", «ID 12345678»]}')
    )
    assert json.loads(out) == {"type": "object", "description": "visits of [NAME_1]", "enum": ["[NAME_1]", "[ID_1]"]}


@pytest.mark.parametrize(
    "entry",
    [
        (S, '{"properties": {"«NAME ana_lima»": {}}}'),
        (S, '{"required": ["«NAME ana_lima»"]}'),
        (N, "visits_of_«NAME ana»"),
    ],
)
def test_an_identifier_in_structure_is_refused(entry: tuple[Form, str]) -> None:
    assert _refusal("fine", entry) == ("identifier_in_structure", ("person",), 1)


def test_what_the_policy_keeps_may_stand_in_structure() -> None:
    assert _out((N, "open_«ID/bed 4A»"), (S, '{"properties": {"«ID/bed 4A»": {}}}'))[0] == "open_4A"


# ---- hiding ---------------------------------------------------------------------------------------------------


def test_neither_result_nor_refusal_shows_text() -> None:
    shown = repr(_run("«NAME Ana» xyzzy"))
    assert "Ana" not in shown
    assert "xyzzy" not in shown
    with pytest.raises(RedactionError) as caught:
        _run("«NAME Ana»", "Ana Lima", spread=("ana lima",))
    assert "lima" not in f"{caught.value!r}{caught.value.__context__!r}".lower()
