"""What is shipped loads; whatever is wrong with a file is refused by name."""

from __future__ import annotations

import re

import pytest

from filters.findings import Finding, Source, Type
from filters.kinds import known_kinds
from filters.vault import Action, Actions
from policies.load import load_policy, read_regime, verify_kinds
from policies.model import Cap, Direction, Injection, PolicyError, Profile
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
    assert sorted(files("library")) == [
        "gdpr", "hipaa-safe-harbor", "hospital", "pdpa-lk", "pdpa-sg", "research-deidentify", "uae-health",
        "unsafe-allow-all",
    ]  # fmt: skip
    hospital, gdpr, pdpa = (policy_of(name) for name in ("hospital", "gdpr", "pdpa-lk"))
    assert (hospital.pii.point, hospital.pii.bare_year, hospital.pii.ages_from) == ("balanced", "keep", 90)
    assert (gdpr.pii.point, gdpr.pii.bare_year, gdpr.pii.ages_from) == ("strict", "redact", 0)
    assert (hospital.pii.in_kinds, pdpa.pii.in_kinds) == ((("ward_bed", "keep"),), (("ward_bed", "pseudonymise"),))
    for policy in [policy_of(name) for name in files("library") if not name.startswith("unsafe-")]:
        assert tuple(g.id for g in policy.guidelines) == IDS
        assert (policy.profile, policy.unsafe, policy.calibration_basis) == (Profile.CLINICAL, False, "provisional")
        assert (policy.evidence_min, policy.engine) == ("E1", "embedded")
        assert policy.injection == Injection(Cap.FLAG, Cap.FLAG)
        assert (policy.tightened, policy.extends) == ((), ())
        caps = [(g.prompt, g.response) for g in policy.guidelines]
        assert caps == [(Cap.FLAG, Cap.BLOCK), (Cap.BLOCK, Cap.BLOCK), (Cap.BLOCK, Cap.BLOCK), (Cap.FLAG, Cap.BLOCK)]


def test_the_general_profile_blocks_everything() -> None:
    policy = policy_of("site", **_with('profile = "clinical"', 'profile = "general"', "site"))
    assert {(g.prompt, g.response) for g in policy.guidelines} == {(Cap.BLOCK, Cap.BLOCK)}


def test_digests_differ_by_what_is_decided_and_not_by_comments() -> None:
    assert len({policy_of(name).digest for name in files("library")}) == 8
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
        ('engine = "embedded"', 'engine = "cloud"', "engine"),
        ('engine = "embedded"', 'engine = "any"', "evidence_min is E0"),
        ("law = []", "law = [1]", "law"),
        ("law = []", "", "law"),
        ("prompt_chars = 200_000", "prompt_chars = 0", "limits.prompt_chars"),
        ("prompt_chars = 200_000", "prompt_chars = 1.5", "limits.prompt_chars"),
        ("turns = 200", "turns = 200\nimages = 1", "limits.images"),
        ("answer_tokens = 4_096", "answer_tokens = 40_000", "limits.answer_tokens"),
        ("log_months_least = 6 ", "log_months_least = 5 ", "retention.log_months_least"),
        ("log_months_most = 120", "log_months_most = 5", "retention.log_months_most"),
        ("least_tokens = 48", "least_tokens = 47", "safety.window.least_tokens"),
        ("most_tokens = 512", "most_tokens = 40", "safety.window.most_tokens"),
        ("guard_percent = 50", "guard_percent = 100", "safety.window.guard_percent"),
        ('tools = "flag"', 'tools = "stop"', "injection.tools"),
        ("[safety.window]", "[safety.caps.nurse]\nhate = 'block'\n[safety.window]", "safety.caps.nurse"),
        ("[safety.window]", "[safety.caps.user]\nfraud = 'block'\n[safety.window]", "safety.caps.user.fraud"),
        ("[safety.window]", "[safety.caps.user]\nhate = 'off'\n[safety.window]", "safety.caps.user.hate"),
        ("[safety.window]", "[safety.block_at_most.tool]\nhate = 0\n[safety.window]", "safety.block_at_most.tool.hate"),
        ("[safety.window]", "[safety.block_at_most.tool]\nhate = 2\n[safety.window]", "safety.block_at_most.tool.hate"),
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


# ---- stricter places -------------------------------------------------------------------------------------------


def test_a_policy_may_be_stricter_by_direction_and_role() -> None:
    rules = "[safety.caps.tool]\ndangerous = 'block'\n[safety.block_at_most.response]\nhate = 0.25\n[safety.window]"
    policy = policy_of("site", **_with("[safety.window]", rules, "site"))
    dangerous, hate = policy.guidelines[0], policy.guidelines[2]
    assert policy.cap(dangerous, "tool", Direction.PROMPT) is Cap.BLOCK
    assert policy.cap(dangerous, "user", Direction.PROMPT) is Cap.FLAG
    for place, direction, expected in (
        ("segment", Direction.RESPONSE, (2500, 2500)),  # flag goes down with block
        ("assistant", Direction.RESPONSE, (2500, 2500)),
        ("user", Direction.PROMPT, (5000, 8000)),
    ):
        found = policy.threshold_at(hate.id, place, direction)
        assert found is not None
        assert (found.flag, found.block) == expected


def test_a_policy_can_never_be_milder_by_such_a_rule() -> None:
    rules = "[safety.caps.response]\ndangerous = 'flag'\n[safety.block_at_most.user]\nhate = 1.0\n[safety.window]"
    policy = policy_of("site", **_with("[safety.window]", rules, "site"))
    assert policy.cap(policy.guidelines[0], "segment", Direction.RESPONSE) is Cap.BLOCK
    assert policy.threshold_at("hate", "user", Direction.PROMPT) == policy.threshold("hate", Direction.PROMPT)


# ---- extends ---------------------------------------------------------------------------------------------------

_WARD = 'name = "ward"\nextends = "hospital"\ntitle = "Ward 7"\n[pii]\nfacility_names = "keep"\n'


def test_a_site_says_only_what_differs() -> None:
    ward, hospital = policy_of("ward", ward=_WARD.encode()), policy_of()
    assert (ward.title, ward.pii.facility_names, ward.extends) == ("Ward 7", "keep", ("hospital",))
    assert (ward.pii.in_kinds, ward.limits, ward.guidelines) == (
        hospital.pii.in_kinds,
        hospital.limits,
        hospital.guidelines,
    )
    assert ward.digest != hospital.digest


def test_what_is_extended_may_be_a_file_of_the_site() -> None:
    room = 'name = "room"\nextends = "ward"\ntitle = "Room 3"\n[pii.kinds]\nward_bed = "mask"\n'
    policy = policy_of("room", ward=_WARD.encode(), room=room.encode())
    assert (policy.extends, policy.pii.facility_names) == (("ward", "hospital"), "keep")
    assert policy.pii.in_kinds == (("ward_bed", "mask"),)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (_WARD.replace('"hospital"', '"ward"'), "leads back"),
        (_WARD.replace('"hospital"', '"nowhere"'), "names no policy"),
        (_WARD.replace('"hospital"', "3"), "names no policy"),
        (_WARD + 'colour = "red"\n', "ward.pii.colour"),
        (_WARD + "[safety]\nguidelines = []\n", "ward.safety.guidelines"),
        (_WARD.replace('"hospital"', '"unsafe-allow-all"'), "unsafe-"),
        (_WARD + "[pii.in]\nNAME = 'keep'\n", "ward.pii.in.NAME"),
    ],
)
def test_what_is_refused_in_a_file_that_extends(text: str, place: str) -> None:
    assert place in _refusal("ward", files("library") | {"ward": text.encode()})


def test_a_chain_has_an_end() -> None:
    library = files("library") | {
        f"p{n}": f'name = "p{n}"\nextends = "p{n + 1}"\ntitle = "x"\n'.encode() for n in range(8)
    }
    assert "files deep" in _refusal("p0", library)


# ---- what the shipped regimes replace ----------------------------------------------------------------------------

_SAFE_HARBOR = {
    "A names": "person", "B places": "location", "B zip": "us_zip", "C dates": "date", "C birth": "birth_date",
    "C ages": "age", "D telephone": "phone", "E fax": "phone", "F e-mail": "email", "G social security": "us_ssn",
    "H medical record": "mrn", "I health plan": "us_mbi", "J account": "account", "K licence": "us_dea",
    "L vehicle": "vehicle", "M device": "device", "N web": "url", "O network": "ip",
    "R any other number": "long_number",
}  # fmt: skip
"""45 CFR 164.514(b)(2)(i) -> a kind some detector reports; (P) and (Q), bodies and faces, are images."""


@pytest.mark.parametrize("letter", _SAFE_HARBOR)
def test_every_identifier_of_safe_harbor_is_replaced(letter: str) -> None:
    policy, kind = policy_of("hipaa-safe-harbor"), _SAFE_HARBOR[letter]
    verify_kinds(policy, known_kinds())
    assert kind in known_kinds()
    actions = Actions.named(policy.pii.in_types, policy.pii.in_kinds)
    for type_ in set(Type) - {Type.SECRET}:
        assert actions.of(Finding(0, 1, type_, kind, 900, Source.PATTERN)) in (Action.PSEUDONYMISE, Action.MASK)
    assert (policy.pii.ages_from, policy.pii.bare_year, policy.pii.point) == (90, "keep", "strict")


def test_nothing_of_a_research_text_can_come_back() -> None:
    policy = policy_of("research-deidentify")
    actions = Actions.named(policy.pii.in_types, policy.pii.in_kinds)
    for type_ in set(Type) - {Type.MARKED}:
        assert actions.of(Finding(0, 1, type_, "x", 900, Source.PATTERN)) in (Action.MASK, Action.REFUSE)
    assert policy.pii.tool_arguments == "keep"
