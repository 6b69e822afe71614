"""What a site adds: read from its policy, held to our own rules, found, and refused with a sentence that names it."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import pytest

from filters.analyse import Analyst, Extras
from filters.findings import Type
from filters.parts import Form, Part, PatientText
from filters.site import NO_SITE, Deny, Site, SiteRefused
from filters.switches import Switches
from policies.load import read_regime
from policies.model import PolicyError
from proxy.detectors import order_descriptor, read_order, site_of
from tests.kit.fake_ner import FakeNer
from tests.kit.policies import files

HOSPITAL = files("library")["hospital"].decode().replace('name = "hospital"', 'name = "ward"')
RULE = """
[[pii.site]]
kind = "lotus_number"
type = "ID"
pattern = 'LX-\\d{6}'
cues = ["lotus no"]
scores = { shape = 600, cued = 900 }
examples = { match = ["see «LX-123456» now", "lotus no «LX-000001»"], no_match = ["LX-12", "LX-1234567"] }
"""
LISTS = """
[pii.deny]
ORG = ["Lotus Ward", "Project Heron"]
NAME = ["Rotblatt"]
"""


def _regime(rules: str = RULE + LISTS, allow: str = 'allow = ["Silva", "Novak"]\n') -> Any:
    text = HOSPITAL.replace('countries = ["*"]\n', 'countries = ["*"]\n' + allow) + rules
    return read_regime("ward", library={"ward": text.encode()}, guidelines=files("guidelines"))


def _shown(site: Site, *texts: str, **switches: Any) -> list[list[tuple[str, str, str]]]:
    parts = [Part(i, "user", Form.TEXT, PatientText(text)) for i, text in enumerate(texts)]
    found = Analyst.build(FakeNer(), Extras(site=site)).find(parts, [], Switches(**switches))
    return [
        [(text[f.start : f.end], f.type.value, f.kind) for f in part]
        for text, part in zip(texts, found.parts, strict=True)
    ]


def test_a_policy_brings_its_rules_to_the_analyst() -> None:
    site = site_of(_regime())
    (found,) = _shown(site, "On lotus ward: number LX-123456 of Project-Heron, seen by rotblatt")
    assert found == [
        ("lotus ward", "ORG", "site_word"),
        ("LX-123456", "ID", "lotus_number"),
        ("Project-Heron", "ORG", "site_word"),
        ("rotblatt", "NAME", "site_word"),
    ]


def test_an_allowed_word_stands_until_somebody_is_called_so() -> None:
    site = site_of(_regime())
    assert _shown(site, "The Silva shunt and the Novak sheet") == [[]]
    assert [value for value, _, _ in _shown(NO_SITE, "The Silva shunt")[0]] == ["Silva"]
    (found,) = _shown(site, "The Silva shunt was checked by John Silva and Mr Novak")
    assert [value for value, _, _ in found] == ["Silva", "John Silva", "Novak"]
    first, second = _shown(site, "The Novak sheet", "Mr Novak had it")
    assert [value for value, _, _ in first] == ["Novak"], "a name of the conversation is one everywhere"
    assert [value for value, _, _ in second] == ["Novak"]


def test_an_allowed_word_is_reported_as_kept() -> None:
    parts = [Part(0, "user", Form.TEXT, PatientText("The Silva shunt"))]
    found = Analyst.build(FakeNer(), Extras(site=site_of(_regime()))).find(parts, [], Switches())
    assert [(f.start, f.end) for f in found.kept[0]] == [(4, 9)]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("LX-\\d{6}", "LX-\\d+", "lotus_number: the pattern is refused, a quantifier has no upper bound"),
        ("LX-\\d{6}", "(?:LX-){1,9}(\\d{1,9}){1,9}", "stands inside another"),
        ("LX-\\d{6}", "\\d{1,99}\\d{1,99}\\d{1,99}", "follow each other"),
        ("LX-\\d{6}", "(LX)-\\1", "refers back to a group"),
        ("LX-\\d{6}", "LX-(", "no regular expression"),
        ("LX-\\d{6}", "LY-\\d{6}", "does not find the value of its first example"),
        ('"LX-1234567"', '"LX-123456"', "finds something in its second example that must not match"),
        ('"lotus_number"', '"lk_nic"', "a kind of this name exists"),
        ('"lotus_number"', '"site_word"', "a kind of this name exists"),
    ],
)
def test_a_rule_is_held_to_ours(old: str, new: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence) as refused:
        site_of(_regime(RULE.replace(old, new)))
    assert "ward.pii.site" in str(refused.value)


@pytest.mark.parametrize(
    ("rules", "allow", "sentence"),
    [
        (RULE.replace("kind =", "kinds ="), "", "kind is missing"),
        (RULE.replace('type = "ID"', 'type = "MARKED"'), "", "type is none of"),
        (RULE + "colour = 3\n", "", "colour is not known"),
        (RULE + RULE, "", "names a kind twice"),
        (RULE.replace("shape = 600, cued = 900", "shape = 600"), "", "cues and scores.cued are given together"),
        (RULE.replace("shape = 600, cued = 900", "shape = 2000, cued = 9"), "", "between 1 and 1000"),
        (RULE.replace("«LX-123456»", "LX-123456"), "", "without one value between « and »"),
        ('[pii.deny]\nFISH = ["x1"]\n', "", "FISH is no type of identifier"),
        ('[pii.deny]\nORG = ["."]\n', "", "ORG holds a word of one character"),
        ('[pii.deny]\nORG = ["Lotus"]\nNAME = ["lotus"]\n', "", "deny holds a word twice"),
        (LISTS, 'allow = ["lotus ward"]\n', "a word that deny holds too"),
        ("", 'allow = ["MRN 20-12345"]\n', "or a number"),
        ("", f"allow = {[f'w{chr(97 + i % 26)}{i // 26}x' for i in range(5001)]}\n", "more than 5000 words"),
    ],
)
def test_what_contradicts_itself_does_not_load(rules: str, allow: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        site_of(_regime(rules, allow))


def test_a_rule_about_a_kind_of_the_site_can_fire_and_a_misspelt_one_cannot() -> None:
    site_of(_regime(RULE.replace("[[pii.site]]", "[pii.in]\n\n[[pii.site]]")))
    kept = HOSPITAL.replace('ward_bed = "keep"', 'ward_bed = "keep"\nlotus_number = "mask"') + RULE
    site_of(read_regime("ward", library={"ward": kept.encode()}, guidelines=files("guidelines")))
    wrong = kept.replace('lotus_number = "mask"', 'lotus_numbr = "mask"')
    with pytest.raises(PolicyError, match="lotus_numbr is not known"):
        site_of(read_regime("ward", library={"ward": wrong.encode()}, guidelines=files("guidelines")))


def test_the_additions_change_the_digests_of_policy_and_catalogue() -> None:
    plain, more = _regime("", ""), _regime()
    assert asdict(plain.pii.site) != asdict(more.pii.site)
    digests = {Analyst.build(None, Extras(site=site_of(regime))).catalogue_digest for regime in (plain, more)}
    assert len(digests) == 2


def test_the_order_is_read_as_often_as_wanted_and_cannot_be_changed() -> None:
    descriptor = order_descriptor(_regime().pii.site, ())
    assert read_order(descriptor) == read_order(descriptor)
    assert len(read_order(descriptor)[0].entries) == 1
    with pytest.raises(PermissionError):
        os.pwrite(descriptor, b"x", 0)
    os.close(descriptor)
    assert read_order(None)[0] == NO_SITE


def test_the_word_of_the_site_is_as_strong_as_a_name() -> None:
    """A ward that carries a person's name stays the organisation the site says it is."""
    site = Site((), ((Type.ORG, "John Smith"),), frozenset())
    parts = [Part(0, "user", Form.TEXT, PatientText("moved to john smith today"))]
    (found,) = Analyst.build(FakeNer(), Extras(site=site)).find(parts, [], Switches()).parts
    assert [(f.type, f.start, f.end) for f in found] == [(Type.ORG, 9, 19)]


def test_denied_phrases_are_found_over_small_gaps_and_the_longest_counts() -> None:
    deny = Deny([(Type.ORG, "Lotus"), (Type.ORG, "Lotus Ward Seven")])
    assert [(h.start, h.end) for h in deny.hits("Lotus, ward seven. lotus\tward")] == [(0, 17), (19, 24)]


def test_a_refusal_quotes_no_example() -> None:
    rule = asdict(_regime().pii.site) | {"rules": [asdict(_regime().pii.site.rules[0]) | {"pattern": "LY"}]}
    with pytest.raises(SiteRefused) as refused:
        Site.read(rule)
    assert "123456" not in str(refused.value)
