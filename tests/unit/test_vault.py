"""One value, one placeholder; a look-alike is never issued; a closed vault knows nothing."""

from __future__ import annotations

import pickle

import pytest

from filters.findings import Finding, Source, Type
from filters.parts import Form
from filters.vault import PLACEHOLDER, Action, Actions, RedactionError, Vault
from tests.kit.found import part_of


def test_the_same_value_keeps_its_number_and_the_first_surface_is_restored() -> None:
    vault = Vault()
    assert vault.issue(Type.NAME, "Ana Pereira") == "[NAME_1]"
    assert vault.issue(Type.NAME, "ANA  PEREIRA.") == "[NAME_1]"
    type_, original = vault.original("[NAME_1]") or pytest.fail("not issued")
    assert (type_, original.reveal()) == (Type.NAME, "Ana Pereira")


@pytest.mark.parametrize(
    ("type_", "one", "other"),
    [
        (Type.NAME, "Smith", "John Smith"),
        (Type.NAME, "Jon Smith", "John Smith"),
        (Type.ID, "20-12345", "201-2345"),
        (Type.URL, "https://a.example/P", "https://a.example/p"),
        (Type.SECRET, "Abc", "abc"),
        (Type.PHONE, "+94 77 123 4567", "077 123 4567"),
        (Type.PHONE, "0771 ext 5", "07715"),
        (Type.PHONE, "switchboard", "bleep"),
        (Type.PHONE, "20-12345", "201-2345"),
        (Type.TEXT, "?!", "!!"),
    ],
)
def test_two_people_never_share_a_number(type_: Type, one: str, other: str) -> None:
    vault = Vault()
    assert vault.issue(type_, one) != vault.issue(type_, other)


def test_one_value_as_two_types_is_two_placeholders() -> None:
    vault = Vault()
    assert [vault.issue(t, "Jordan") for t in (Type.NAME, Type.LOCATION)] == ["[NAME_1]", "[LOCATION_1]"]
    assert vault.issued() == ("[NAME_1]", "[LOCATION_1]")


@pytest.mark.parametrize(
    "text",
    [
        "[NAME_1]", "see [name_1] there", "[ NAME_1 ]", "［NAME_1］", "【NAME_1】", "[NAME 1]", "[NAME_01]",
        "[NAME\\_1]",
        "[N\u200bAME_1]", "[NAME_１]", "%5BNAME_1%5D", "&#91;NAME_1&#93;", "\\u005bNAME_1\\u005d",
        "W05BTUVfMV0gaXMgYSBwbGFjZWhvbGRlcg==", "[NАME_1]",
    ],
)  # fmt: skip
def test_a_literal_in_any_reading_is_never_issued(text: str) -> None:
    vault = Vault()
    vault.reserve([part_of(text)])
    assert vault.issue(Type.NAME, "Ana") == "[NAME_2]"
    assert vault.original("[NAME_1]") is None


@pytest.mark.parametrize("text", ["[NAME_1", "NAME_1]", "[NAMES_1]", "[NAME_0]", "[NAME]", "[NAME_12345]"])
def test_other_text_reserves_nothing(text: str) -> None:
    vault = Vault()
    vault.reserve([part_of(text)])
    assert vault.issue(Type.NAME, "Ana") == "[NAME_1]"


def test_open_literals_are_protected_hidden_ones_are_not() -> None:
    vault = Vault()
    spans = vault.reserve([part_of("a [NAME_1] b"), part_of("W05BTUVfMV0gaXMgSm9obiBTbWl0aA==")])
    assert spans == (((2, 10),), ())


def test_reserving_reads_json_with_its_escapes_undone() -> None:
    vault = Vault()
    vault.reserve([part_of('{"a": "\\u005bNAME_1\\u005d"}', form=Form.JSON)])
    assert vault.issue(Type.NAME, "Ana") == "[NAME_2]"


def test_reserving_comes_first() -> None:
    vault = Vault()
    vault.issue(Type.NAME, "Ana")
    with pytest.raises(RuntimeError, match="before"):
        vault.reserve([part_of("x")])


def test_text_with_too_many_readings_is_refused_with_its_part() -> None:
    with pytest.raises(RedactionError) as caught:
        Vault().reserve([part_of("x %252525252541 " * 1000, 3)])
    assert (caught.value.code, caught.value.part) == ("text_too_encoded", 3)


def test_numbers_end() -> None:
    vault = Vault()
    for n in range(9999):
        vault.issue(Type.AGE, str(n))
    with pytest.raises(RedactionError) as caught:
        vault.issue(Type.AGE, "one more")
    assert (caught.value.code, caught.value.kinds) == ("too_many_identifiers", ("AGE",))
    assert vault.issue(Type.NAME, "Ana") == "[NAME_1]"


def test_lookup_issues_nothing() -> None:
    vault = Vault()
    assert vault.lookup(Type.NAME, "Ana") is None
    assert vault.issued() == ()
    vault.issue(Type.NAME, "Ana")
    assert vault.lookup(Type.NAME, "ana") == "[NAME_1]"


def test_knows_a_value_under_the_normal_form_of_any_type() -> None:
    vault = Vault()
    vault.issue(Type.PHONE, "077 123 4567")
    assert vault.knows("0771234567")
    assert not vault.knows("0771234568")
    assert not Vault().knows("0771234567")


def test_begins_only_for_issued_placeholders() -> None:
    vault = Vault()
    vault.issue(Type.NAME, "Ana")
    assert all(vault.begins("[NAME_1]"[:n]) for n in range(1, 8))
    assert not vault.begins("[NAME_1]")
    assert not vault.begins("[see")
    assert not vault.begins("[NAME_2")


def test_shows_counts_and_never_text() -> None:
    vault = Vault()
    vault.issue(Type.NAME, "Ana Pereira")
    vault.issue(Type.NAME, "Ravi Perera")
    vault.issue(Type.ID, "911042754V")
    assert repr(vault) == "Vault(NAME=2, ID=1)"
    with pytest.raises(TypeError):
        pickle.dumps(vault)


def test_a_closed_vault_has_forgotten() -> None:
    with Vault() as vault:
        vault.issue(Type.NAME, "Ana")
    assert repr(vault) == "Vault(closed)"
    assert not vault.begins("[NAME")
    for ask in (
        vault.issued,
        lambda: vault.original("[NAME_1]"),
        lambda: vault.issue(Type.NAME, "B"),
        lambda: vault.knows("Ana"),
    ):
        with pytest.raises(RuntimeError, match="closed"):
            ask()


def _finding(type_: Type, kind: str) -> Finding:
    return Finding(0, 1, type_, kind, 900, Source.PATTERN)


def test_a_kind_overrides_its_type_and_the_rest_is_pseudonymised() -> None:
    actions = Actions.named([("ID", "mask"), ("DATE", "refuse")], [("ward_bed", "keep")])
    assert actions.of(_finding(Type.ID, "ward_bed")) is Action.KEEP
    assert actions.of(_finding(Type.ID, "mrn")) is Action.MASK
    assert actions.of(_finding(Type.DATE, "date")) is Action.REFUSE
    assert actions.of(_finding(Type.NAME, "person")) is Action.PSEUDONYMISE


def test_what_a_person_marked_is_always_pseudonymised() -> None:
    actions = Actions.named([("MARKED", "keep")], [("marked", "keep")])
    assert actions.of(_finding(Type.MARKED, "marked")) is Action.PSEUDONYMISE


def test_a_word_that_is_no_action_is_refused() -> None:
    with pytest.raises(ValueError, match="hide"):
        Actions.named([("ID", "hide")], [])


def test_the_placeholder_grammar() -> None:
    assert PLACEHOLDER.fullmatch("[NAME_1]")
    for text in ("[NAME_0]", "[NAME_01]", "[name_1]", "[NAME_10000]", "[FOO_1]", "[NAME_1"):
        assert not PLACEHOLDER.fullmatch(text)
