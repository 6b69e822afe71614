"""Invariant: whoever goes in comes out, and nobody else; the model sees no value of anybody.

Requests are made of people and phrases, so where each value stands is known without a detector. People share surnames,
first names and beginnings of numbers on purpose.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from filters.findings import Finding, Found, Source, Type
from filters.fold import normal
from filters.parts import Form, Part
from filters.redact import RedactionError, redact
from filters.restore import Restorer
from filters.vault import PLACEHOLDER, Actions, Vault
from tests.kit.found import part_of, request, texts_of

_SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_FIRST = ("Ana", "Anna", "Bo", "Carl", "O'Neil", "සුනිල්", "José", "Mai-Ling", 'Jo "Jay"')
_LAST = ("Pereira", "Perera", "Ek", "Lima", "de la Cruz", "பெரேரா", "Smith")
_IDS = ("20-12345", "201-2345", "911042754V", "911042754", "0771234567", "1234567", "123456", "00123456", "A\\1/2")


@st.composite
def _people(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Different people as (type, value): names, numbers and mails that nearly collide."""
    names = draw(
        st.lists(st.tuples(st.sampled_from(_FIRST), st.sampled_from(_LAST)), min_size=2, max_size=12, unique=True)
    )
    values = [("NAME", f"{first} {last}") for first, last in names]
    values += [("ID", id_) for id_ in draw(st.lists(st.sampled_from(_IDS), max_size=6, unique=True))]
    values += [("EMAIL", f"p{n}@ward.intern") for n in range(draw(st.integers(0, 12)))]
    return values


_GLUE = st.sampled_from([" and ", ", ", "\n", " saw ", ": ", ". Then ", " (", ") ", "  ", "—", " 💊 ", "é ", " / "])


@st.composite
def _texts(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """Messages in the annotated form, and the people in them."""
    people = draw(_people())
    messages = []
    for _ in range(draw(st.integers(1, 4))):
        said = draw(st.lists(st.tuples(st.sampled_from(people), _GLUE), max_size=10))
        messages.append("Note " + "".join(f"«{type_} {value}»{glue}" for (type_, value), glue in said))
    return messages, people


def _restored(vault: Vault, text: str, form: Form = Form.TEXT, cut: int | None = None) -> str:
    restorer = Restorer(vault, form)
    chunks = [text] if cut is None else [text[:cut], text[cut:]]
    pieces = [piece for chunk in chunks for piece in restorer.feed(chunk)] + list(restorer.finish())
    return "".join(piece.text.reveal() for piece in pieces)


@_SETTINGS
@given(made=_texts())
def test_restoring_what_was_redacted_is_the_identity(made: tuple[list[str], list[tuple[str, str]]]) -> None:
    parts, found = request(*made[0])
    vault = Vault()
    for part, text in zip(parts, texts_of(redact(parts, found, vault, actions=Actions())), strict=True):
        assert _restored(vault, text) == part.text.reveal()


@_SETTINGS
@given(made=_texts())
def test_the_model_sees_no_value_and_values_and_numbers_are_one_to_one(
    made: tuple[list[str], list[tuple[str, str]]],
) -> None:
    parts, found = request(*made[0])
    vault = Vault()
    seen = "".join(texts_of(redact(parts, found, vault, actions=Actions())))
    keys = {}
    for part, findings in zip(parts, found.parts, strict=True):
        for f in findings:
            value = part.text.reveal()[f.start : f.end]
            assert value not in PLACEHOLDER.sub("|", seen)
            placeholder = vault.lookup(f.type, value)
            assert keys.setdefault((f.type, normal(f.type, value)), placeholder) == placeholder
    assert len(set(keys.values())) == len(keys) == len(vault.issued())


@_SETTINGS
@given(made=_texts(), more=_texts())
def test_appending_never_renumbers(made: tuple[list[str], list], more: tuple[list[str], list]) -> None:
    shorter = texts_of(redact(*request(*made[0]), Vault(), actions=Actions()))
    longer = texts_of(redact(*request(*made[0], *more[0]), Vault(), actions=Actions()))
    assert longer[: len(shorter)] == shorter


@_SETTINGS
@given(made=_texts(), data=st.data())
def test_swapping_two_people_swaps_only_what_is_restored(
    made: tuple[list[str], list[tuple[str, str]]], data: st.DataObject
) -> None:
    messages, people = made
    names = [value for type_, value in people if type_ == "NAME"]
    one, other = data.draw(st.permutations(names))[:2]
    swapped = [
        m.replace(f"«NAME {one}»", "«NAME \0»")
        .replace(f"«NAME {other}»", f"«NAME {one}»")
        .replace("«NAME \0»", f"«NAME {other}»")
        for m in messages
    ]
    vaults = Vault(), Vault()
    texts = [
        texts_of(redact(*request(*m), vault, actions=Actions()))
        for m, vault in zip((messages, swapped), vaults, strict=True)
    ]
    assert texts[0] == texts[1]
    for placeholder in vaults[0].issued():
        before, after = ((v.original(placeholder) or pytest.fail("lost"))[1].reveal() for v in vaults)
        assert after == {one: other, other: one}.get(before, before)


@_SETTINGS
@given(made=_texts(), data=st.data())
def test_an_answer_that_quotes_everybody_names_everybody_right_at_any_cut(
    made: tuple[list[str], list], data: st.DataObject
) -> None:
    parts, found = request(*made[0])
    vault = Vault()
    redact(parts, found, vault, actions=Actions())
    issued = vault.issued()
    assume(issued)
    quoted = data.draw(st.lists(st.sampled_from(issued), min_size=1, max_size=12))
    answer, wanted = "", ""
    for placeholder in quoted:
        glue = data.draw(st.sampled_from(["", " ", "[", "]", "[NAME_", " [", "x", "[ID_9", "]["]))
        answer += glue + placeholder
        wanted += glue + (vault.original(placeholder) or pytest.fail("lost"))[1].reveal()
    assert _restored(vault, answer) == wanted
    assert _restored(vault, answer, cut=data.draw(st.integers(0, len(answer)))) == wanted


@_SETTINGS
@given(people=_people(), data=st.data())
def test_two_exchanges_never_see_each_others_people(people: list[tuple[str, str]], data: st.DataObject) -> None:
    half = data.draw(st.integers(1, len(people) - 1))
    groups = people[:half], people[half:]
    exchanges = []
    for group in groups:
        vault = Vault()
        redact(*request(" and ".join(f"«{t} {v}»" for t, v in group)), vault, actions=Actions())
        exchanges.append((vault, Restorer(vault, Form.TEXT), group))
    order = data.draw(st.permutations([0, 0, 0, 1, 1, 1]))
    out = ["", ""]
    for which in order:
        vault, restorer, _ = exchanges[which]
        text = " ".join(vault.issued()) + " [NAME_1] [ID_1] [EMAIL_9]"
        out[which] += "".join(piece.text.reveal() for piece in restorer.feed(text))
    for which, (_, _, group) in enumerate(exchanges):
        stranger = [v for t, v in groups[1 - which] if not any(v in mine for _, mine in group)]
        assert all(value in out[which] for _, value in group)
        assert not any(value in out[which] for value in stranger)


def test_every_truncation_and_alteration_passes_as_it_is() -> None:
    vault = Vault()
    redact(*request("«NAME Ana Lima» «NAME Bo Ek» «ID 1»"), vault, actions=Actions())
    for placeholder in vault.issued():
        altered = [placeholder[:n] for n in range(len(placeholder))] + [
            placeholder[n:] for n in range(1, len(placeholder))
        ]
        altered += [
            placeholder[:n] + x + placeholder[n:]
            for n in range(1, len(placeholder))
            for x in (" ", "\\", "\u200b", "*")
        ]
        altered += [
            placeholder.lower(),
            placeholder.title(),
            placeholder.replace("A", "А"),
            placeholder.replace("1", "１"),
        ]
        for text in altered:
            if text != placeholder:
                assert _restored(vault, f"a {text} b") == f"a {text} b"


_READS = {
    "[NAME_1]": "[NAME_1]", "[name_2]": "[NAME_2]", "［ID_1］": "[ID_1]", "[NAME_10]": "[NAME_10]",
    "%5BNAME_3%5D": "[NAME_3]", "[EMAIL_1]": "[EMAIL_1]",
}  # fmt: skip


@_SETTINGS
@given(
    made=_texts(),
    literals=st.lists(st.sampled_from(sorted(_READS)), max_size=4),
)
def test_a_placeholder_in_a_document_fetches_nobody(made: tuple[list[str], list], literals: list[str]) -> None:
    messages = [*made[0], "From a web page: " + " ".join(literals)]
    parts, found = request(*messages)
    vault = Vault()
    texts = texts_of(redact(parts, found, vault, actions=Actions()))
    assert not {_READS[literal] for literal in literals} & set(vault.issued())
    for part, text in zip(parts, texts, strict=True):
        assert _restored(vault, text) == part.text.reveal()


# ---- JSON -----------------------------------------------------------------------------------------------------

_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**12), st.text(max_size=12),
    st.sampled_from(["Ana Lima", 'O"B\\x\n', "😀é", "20-12345"]),
)  # fmt: skip
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@_SETTINGS
@given(document=_JSON, ascii_only=st.booleans(), data=st.data())
def test_json_stays_json_and_comes_back(document: object, ascii_only: bool, data: st.DataObject) -> None:
    raw = json.dumps(document, ensure_ascii=ascii_only)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6, unique=True)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    findings = tuple(
        Finding(a, b, data.draw(st.sampled_from([Type.NAME, Type.ID])), "x", 900, Source.NER) for a, b in spans
    )
    vault = Vault()
    text, code = _redacted(part_of(raw, form=Form.JSON), findings, vault)
    if code:
        assert code == "key_collision"
        return
    json.loads(text)
    if all(text.count(placeholder) == 1 for placeholder in vault.issued()):  # no two spellings of one value
        assert _as_text(json.loads(_restored(vault, text, Form.JSON))) == _as_text(document)


def _redacted(part: Part, findings: tuple[Finding, ...], vault: Vault) -> tuple[str, str]:
    try:
        return texts_of(redact([part], Found((findings,), ((),), ()), vault, actions=Actions()))[0], ""
    except RedactionError as error:
        return "", error.code


def _as_text(value: object) -> object:
    """Numbers as the strings they become when one of them was an identifier."""
    if isinstance(value, dict):
        return {key: _as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return json.dumps(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


# ---- anything -------------------------------------------------------------------------------------------------


@_SETTINGS
@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=4), data=st.data())
def test_any_text_with_any_findings_comes_back(texts: list[str], data: st.DataObject) -> None:
    found = []
    for text in texts:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True)))
        types = data.draw(st.lists(st.sampled_from(list(Type)), min_size=4, max_size=4))
        found.append(
            tuple(Finding(a, b, t, "x", 900, Source.NER) for a, b, t in zip(cuts[::2], cuts[1::2], types, strict=False))
        )
    parts = [part_of(text, index) for index, text in enumerate(texts)]
    vault = Vault()
    result = redact(parts, Found(tuple(found), ((),) * len(texts), ()), vault, actions=Actions())
    surfaces = {}
    for part, findings, text in zip(parts, found, texts_of(result), strict=True):
        back = _restored(vault, text)
        for f in findings:
            value = part.text.reveal()[f.start : f.end]
            surfaces.setdefault((f.type, normal(f.type, value)), set()).add(value)
        if all(len(group) == 1 for group in surfaces.values()):
            assert back == part.text.reveal()


# ---- when something is broken ---------------------------------------------------------------------------------


@_SETTINGS
@given(made=_texts(), data=st.data())
def test_the_last_look_catches_a_replacer_that_forgets_one(
    made: tuple[list[str], list[tuple[str, str]]], data: st.DataObject
) -> None:
    parts, found = request(*made[0])
    every = [(i, f) for i, findings in enumerate(found.parts) for f in findings]
    assume(every)
    part, forgotten = data.draw(st.sampled_from(every))
    text = parts[part].text.reveal()
    value = normal(forgotten.type, text[forgotten.start : forgotten.end])
    assume(sum(map(str.isalnum, value)) >= 4)  # shorter values are not looked for
    assume(not text[forgotten.end : forgotten.end + 1].isalpha())  # nor is the beginning of a longer word
    rest = tuple(tuple(f for f in findings if (i, f) != (part, forgotten)) for i, findings in enumerate(found.parts))
    with pytest.raises(RedactionError) as caught:
        redact(parts, Found(rest, found.kept, (value,)), Vault(), actions=Actions())
    assert (caught.value.code, caught.value.part) == ("redaction_incomplete", part)


@_SETTINGS
@given(made=_texts())
def test_the_last_look_is_silent_when_all_is_replaced(made: tuple[list[str], list[tuple[str, str]]]) -> None:
    parts, found = request(*made[0])
    spread = tuple(
        normal(f.type, part.text.reveal()[f.start : f.end])
        for part, findings in zip(parts, found.parts, strict=True)
        for f in findings
    )
    redact(parts, Found(found.parts, found.kept, spread), Vault(), actions=Actions())


@_SETTINGS
@given(made=_texts(), form=st.sampled_from(list(Form)), refused=st.sampled_from(["NAME", "ID", "none"]))
def test_nothing_that_is_raised_or_shown_holds_a_value(made: tuple[list[str], list], form: Form, refused: str) -> None:
    messages, people = made
    parts, found = request(*((form, message) for message in messages))
    spread = tuple(normal(Type(t), v) for t, v in people)
    vault = Vault()
    shown = [repr(parts), repr(found)]
    try:
        result = redact(
            parts,
            Found(found.parts, found.kept, spread),
            vault,
            actions=Actions.named([(refused, "refuse")] if refused != "none" else [], []),
        )
        shown.append(repr(result))
    except RedactionError as error:
        shown += [repr(error), str(error), repr(error.__context__), repr(error.kinds)]
    shown += [repr(vault), repr(Restorer(vault, Form.TEXT).feed(" ".join(vault.issued())))]
    for _, value in people:
        assert len(value) < 7 or value not in "".join(shown)


@_SETTINGS
@given(made=_texts())
def test_masked_values_are_never_restored(made: tuple[list[str], list]) -> None:
    parts, found = request(*made[0])
    vault = Vault()
    texts = texts_of(redact(parts, found, vault, actions=Actions.named([("NAME", "mask"), ("ID", "mask")], [])))
    assert all(placeholder.startswith("[EMAIL_") for placeholder in vault.issued())
    for part, findings, text in zip(parts, found.parts, texts, strict=True):
        back = _restored(vault, text)
        assert back.count("[NAME]") == sum(f.type is Type.NAME for f in findings)
        assert back.count("@ward.intern") == part.text.reveal().count("@ward.intern")


@_SETTINGS
@given(people=_people(), ascii_only=st.booleans())
def test_a_schema_keeps_its_structure(people: list[tuple[str, str]], ascii_only: bool) -> None:
    schema = {
        "type": "object",
        "description": "«»",
        "properties": {"who": {"enum": ["«»"] * len(people), "type": "string"}},
    }
    raw = json.dumps(schema, ensure_ascii=False)
    for type_, value in [("NAME", "Ana Lima"), *people]:
        escaped = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        raw = raw.replace("«»", f"«{type_} {escaped}»", 1)
    parts, found = request((Form.SCHEMA, raw))
    vault = Vault()
    (text,) = texts_of(redact(parts, found, vault, actions=Actions()))
    read = json.loads(text)
    assert read["properties"]["who"]["type"] == "string"
    assert all(PLACEHOLDER.fullmatch(entry) for entry in read["properties"]["who"]["enum"])
    assert json.loads(_restored(vault, text, Form.SCHEMA)) == json.loads(parts[0].text.reveal())
