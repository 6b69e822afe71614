"""What is shipped loads; whatever is wrong with a file is refused by name."""

from __future__ import annotations

import re

import pytest

from policies.load import load_policy, read_regime, verify_kinds
from policies.model import Cap, PolicyError, Profile
from tests.kit.policies import GUARD, IDS, calibration, files, policy_of

HOSPITAL = files("library")["hospital"].decode()
DANGEROUS = files("guidelines")["dangerous"].decode()


def _refusal(name: str, library: dict[str, bytes], **guidelines: bytes) -> str:
    with pytest.raises(PolicyError) as caught:
        read_regime(name, library=library, guidelines=files("guidelines") | guidelines)
    assert caught.value.code == "policy_invalid"
    return caught.value.detail


def _with(old: str, new: str, name: str = "hospital") -> dict[str, bytes]:
    assert old in HOSPITAL
    return {name: HOSPITAL.replace(old, new).replace('name = "hospital"', f'name = "{name}"').encode()}


def test_the_shipped_policies() -> None:
    assert sorted(files("library")) == ["gdpr", "hospital", "pdpa-lk", "unsafe-allow-all"]
    hospital, gdpr, pdpa = (policy_of(name) for name in ("hospital", "gdpr", "pdpa-lk"))
    assert (hospital.pii.point, hospital.pii.bare_year, hospital.pii.ages_from) == ("balanced", "keep", 90)
    assert (gdpr.pii.point, gdpr.pii.bare_year, gdpr.pii.ages_from) == ("strict", "redact", 0)
    assert (hospital.pii.in_kinds, pdpa.pii.in_kinds) == ((("ward_bed", "keep"),), (("ward_bed", "pseudonymise"),))
    for policy in (hospital, gdpr, pdpa):
        assert tuple(g.id for g in policy.guidelines) == IDS
        assert (policy.profile, policy.unsafe, policy.calibration_basis) == (Profile.CLINICAL, False, "provisional")
        assert policy.evidence_min == "E1"
        caps = [(g.prompt, g.response) for g in policy.guidelines]
        assert caps == [(Cap.FLAG, Cap.BLOCK), (Cap.BLOCK, Cap.BLOCK), (Cap.BLOCK, Cap.BLOCK), (Cap.FLAG, Cap.BLOCK)]


def test_the_general_profile_blocks_everything() -> None:
    policy = policy_of("site", **_with('profile = "clinical"', 'profile = "general"', "site"))
    assert {(g.prompt, g.response) for g in policy.guidelines} == {(Cap.BLOCK, Cap.BLOCK)}


def test_digests_differ_by_what_is_decided_and_not_by_comments() -> None:
    digests = {policy_of(name).digest for name in ("hospital", "gdpr", "pdpa-lk", "unsafe-allow-all")}
    assert len(digests) == 4
    commented = policy_of(hospital=("# a comment\n" + HOSPITAL).encode())
    assert commented == policy_of()
    changed = policy_of(hospital=HOSPITAL.replace("ages_from = 90", "ages_from = 89").encode())
    assert changed.digest != policy_of().digest
    other = load_policy("hospital", library=files("library"), guidelines=files("guidelines"),
                        calibration=calibration(made="2026-11-22"), guard_sha256=GUARD)  # fmt: skip
    assert other.digest != policy_of().digest


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('evidence_min = "E1"', 'evidence_min = "E2"', "evidence_min"),
        ('purpose = "TREAT"', 'purpose = "FUN"', "purpose"),
        ('basis = "treatment"', 'basis = ""', "basis"),
        ('title = "Hospital, general"', "title = 3", "title"),
        ("[pii]", "more = 1\n[pii]", "more"),
        ('point = "balanced"', 'point = "lax"', "point"),
        ('point = "balanced"', "", "point"),
        ("ages_from = 90", "ages_from = 91", "ages_from"),
        ("ages_from = 90", "ages_from = true", "ages_from"),
        ('countries = ["*"]', "countries = []", "countries"),
        ('countries = ["*"]', 'countries = ["*", "LK"]', "countries"),
        ('countries = ["*"]', 'countries = ["lk"]', "countries"),
        ("[pii.kinds]", "[pii.in]\nNAME = 'keep'\n[pii.kinds]", "pii.in.NAME"),
        ("[pii.kinds]", "[pii.in]\nSECRET = 'keep'\n[pii.kinds]", "pii.in.SECRET"),
        ("[pii.kinds]", "[pii.in]\nPERSON = 'mask'\n[pii.kinds]", "pii.in.PERSON"),
        ("[pii.kinds]", "[pii.in]\nDATE = 'hide'\n[pii.kinds]", "pii.in.DATE"),
        ("[pii.kinds]", "[pii.in]\nMARKED = 'mask'\n[pii.kinds]", "pii.in.MARKED"),
        ("[pii.kinds]", "[pii.out]\nSECRET = 'keep'\n[pii.kinds]", "pii.out.SECRET"),
        ("[pii.kinds]", "[pii.out]\nNAME = 'pseudonymise'\n[pii.kinds]", "pii.out.NAME"),
        ('ward_bed = "keep"', '"ward bed" = "keep"', "ward bed"),
        ('facility_names = "redact"', 'facility_names = "maybe"', "facility_names"),
        ("[pii.kinds]", "[[pii.site]]\nkind = 'x'\n[pii.kinds]", "pii.site"),
        ('profile = "clinical"', 'profile = "none"', "profile"),
        ('profile = "clinical"', 'profile = "unsafe-allow-all"', "unsafe-"),
        ('unsupported_language = "flag"', 'unsupported_language = "allow"', "unsupported_language"),
        ('guidelines = ["dangerous", "harassment", "hate", "sexual"]', "guidelines = []", "guidelines"),
        ('guidelines = ["dangerous", "harassment", "hate", "sexual"]', 'guidelines = ["hate", "hate"]', "guidelines"),
        ('guidelines = ["dangerous", "harassment", "hate", "sexual"]', 'guidelines = ["fraud"]', "fraud"),
        ("[safety]", "[safety]\nthreshold = 0.5", "threshold"),
        ("[safety]", "safety = 1\n[other]", "pii.kinds.safety"),
    ],
)  # fmt: skip
def test_what_is_refused_in_a_policy(old: str, new: str, place: str) -> None:
    assert place in _refusal("hospital", _with(old, new))


def test_a_rule_that_can_never_fire_is_refused() -> None:
    text = HOSPITAL.replace('facility_names = "redact"', 'facility_names = "keep"').replace(
        "[pii.kinds]", '[pii.kinds]\nfacility = "mask"'
    )
    assert "never fire" in _refusal("hospital", {"hospital": text.encode()})
    regime = read_regime("hospital", library=files("library"), guidelines=files("guidelines"))
    verify_kinds(regime, ["mrn", "ward_bed"])
    with pytest.raises(PolicyError, match="ward_bed"):
        verify_kinds(regime, ["mrn"])


def test_a_protection_is_given_up_only_under_a_name_that_says_so() -> None:
    library = _with("[pii.kinds]", "[pii.in]\nNAME = 'keep'\n[pii.kinds]", "unsafe-names")
    policy = policy_of("unsafe-names", **library)
    assert policy.pii.in_types == (("NAME", "keep"),)
    assert (policy.unsafe, policy.judges) == (True, True)
    assert "SECRET" in _refusal("unsafe-x", _with("[pii.kinds]", "[pii.in]\nSECRET = 'keep'\n[pii.kinds]", "unsafe-x"))


def test_a_site_may_choose_what_an_answer_keeps() -> None:
    policy = policy_of("site", **_with("[pii.kinds]", "[pii.out]\nPHONE = 'keep'\nNAME = 'mask'\n[pii.kinds]", "site"))
    assert policy.pii.out_types == (("NAME", "mask"), ("PHONE", "keep"))


def test_a_file_must_be_what_its_name_says() -> None:
    assert "name" in _refusal("other", {"other": HOSPITAL.encode()})
    assert "TOML" in _refusal("hospital", {"hospital": b"name = \xff"})
    for name in ("nowhere", "../etc/passwd"):
        with pytest.raises(PolicyError, match="policy_unknown"):
            read_regime(name, library=files("library"), guidelines=files("guidelines"))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('id = "dangerous"', 'id = "hate"', "id"),
        ("order = 1", "order = 2", "same order"),
        ("order = 1", 'order = "1"', "order"),
        ('response = "block"', 'response = "off"', "switch off"),
        ("[action.general]", "[action.mine]", "action.general"),
        ('prompt = "flag"', 'prompt = "allow"', "action.clinical.prompt"),
        ('    "How do I poison my neighbour without getting caught?",\n', "", "examples.unsafe"),
        ("[canary]", "[canary]\nmore = 1", "canary.more"),
        ('name = "No Dangerous Content"', "", "name"),
        ("[examples]", "[thresholds]\nflag = 0.5\n[examples]", "thresholds"),
    ],
)  # fmt: skip
def test_what_is_refused_in_a_guideline(old: str, new: str, place: str) -> None:
    assert old in DANGEROUS
    assert place in _refusal("hospital", files("library"), dangerous=DANGEROUS.replace(old, new).encode())


def test_unsafe_allow_all_needs_no_guard_and_says_what_it_is() -> None:
    policy = load_policy(
        "unsafe-allow-all", library=files("library"), guidelines=files("guidelines"), calibration=None, guard_sha256=""
    )
    assert (policy.unsafe, policy.judges, policy.calibration_basis, policy.thresholds) == (True, False, "off", ())
    assert {(g.prompt, g.response) for g in policy.guidelines} == {(Cap.OFF, Cap.OFF)}


@pytest.mark.parametrize(
    ("made", "guard"),
    [
        (None, GUARD),
        (calibration(), "cd" * 32),
        (calibration(), ""),
        (calibration(template_digest="00" * 32), GUARD),
        (re.sub(rb"\[canary\.hate\][^\[]*", b"", calibration()), GUARD),
        (re.sub(rb"\[thresholds\.hate\.\w+\][^\[]*", b"", calibration()), GUARD),
    ],
)  # fmt: skip
def test_without_a_calibration_that_fits_nothing_loads(made: bytes | None, guard: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(
            "hospital", library=files("library"), guidelines=files("guidelines"), calibration=made, guard_sha256=guard
        )
    assert caught.value.code == "guard_uncalibrated"


def test_examples_are_enough_and_of_both_kinds() -> None:
    for guideline in policy_of().guidelines:
        assert len(guideline.unsafe) >= 5
        assert len(guideline.safe) >= 5
        assert not set(guideline.unsafe) & set(guideline.safe)
