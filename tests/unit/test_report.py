"""The report: what an officer reads is what the records say, in order, harmless to open, in words she may repeat."""

from __future__ import annotations

import base64
import io
import re
import tomllib
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from audit.export.columns import exchanges
from audit.export.dossier import Dossier, open_dossier
from audit.log import read_directory
from audit.officer import approve
from audit.report.happened import exceptions_section
from audit.report.html import Markup, join, tag
from audit.report.legal import COUNTRIES, legal_map
from audit.report.page import page
from audit.report.tally import Tally, ranges, tally
from audit.verify import Anchors, from_directory, read_package, texts
from tests.kit.audit_house import DAY_MS, SHA, House, quick_folder
from tests.kit.commands import cordon
from tests.kit.dossiers import HOSTILE, MADE, REASONS, dossier_of, eventful, golden_files, steady

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "report"
FORBIDDEN = (
    "proves no data left", "guarantee", "tamper-proof", "unhackable", "air-gapped", "certified", "compliant with",
    "securely deleted", "100 %", "100%",
)  # fmt: skip
folder = pytest.fixture(scope="module")(quick_folder)


@pytest.fixture(scope="module")
def house(folder) -> House:
    return eventful(folder)


@pytest.fixture(scope="module")
def dossier(house) -> Dossier:
    return dossier_of(house)


@pytest.fixture(scope="module")
def counted(dossier) -> Tally:
    return tally(exchanges(dossier))


@pytest.fixture(scope="module")
def html(dossier) -> str:
    return page(dossier, MADE, REASONS, "lk").decode()


class Elements(HTMLParser):
    """Start tags and text of a page, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("name", ["report.html", "records.csv", "auditevents.ndjson"])
def test_golden(dossier, name: str) -> None:
    assert golden_files(steady(dossier))[name] == (GOLDEN / name).read_bytes()


# ---- order and content -----------------------------------------------------------------------------------------


def test_sections_are_in_order(html) -> None:
    headings = re.findall(r"<h2>(\d+)\.", html)
    assert headings == [str(number) for number in range(1, 11)]


def test_the_verdict_comes_first_and_in_words(html, dossier) -> None:
    assert dossier.found.verdict == "VERIFIED WITH GAPS"
    assert html.index("VERIFIED WITH GAPS") < html.index("4. What happened")
    assert texts()["verdicts"]["VERIFIED WITH GAPS"] in html


def test_numbers_agree_with_the_examination(counted, dossier) -> None:
    """Two countings of the same records, by different code."""
    totals = dossier.found.totals
    assert len(counted.requests) == totals["requests"]
    assert counted.number("ok") == totals["answered"]
    assert counted.number("refused") == totals["refused"]
    assert counted.number("failed", "timeout", "cancelled") == totals["failed"]
    assert counted.number("interrupted") == totals["interrupted"]
    assert counted.number("blocked") == totals["blocked"]
    assert dict(sorted(counted.removed.items())) == totals["removed"]


def test_every_number_links_to_the_records_behind_it(html, counted) -> None:
    linked = re.findall(r'<a href="#(n-[a-z-]+)">(\d+)</a>', html)
    assert dict(linked)["n-result-blocked"] == "8"
    for anchor, number in linked:
        row = re.search(
            rf'<span id="{anchor}">[^<]*</span></td><td class="num">(\d+)</td><td class="text">([^<]+)<', html
        )
        assert row is not None
        assert row[1] == number


def test_exceptions_are_named_with_their_filter(html) -> None:
    section = html[html.index("5. Exceptions") : html.index("6. Changes")]
    assert "V25 Requests finished: Request 11 was interrupted" in section
    assert "showing 2 of 2; filter: requests that were interrupted" in section


def test_twenty_exceptions_are_shown_and_all_are_counted(dossier) -> None:
    one = next(e for e in exchanges(dossier) if e.result == "timeout")
    many = tally(replace(one, seq=seq) for seq in range(100, 125))
    assert len(many.exceptions) == 25
    assert "showing 20 of 25; filter:" in exceptions_section(dossier.found, many, REASONS)


def test_an_erasure_is_told(html) -> None:
    section = html[html.index("7. Retention") : html.index("8. What")]
    assert "Erased by order: 2 records (no. 3, 4)." in section
    assert "DSR-7" in section
    assert "a person asked for it" in section


def test_what_ran_is_told_in_words(html) -> None:
    section = html[html.index("6. Changes") : html.index("7. Retention")]
    assert "inside this service" in section
    assert '0.1.0 <span class="mono">' in section
    assert section.count("named in the enrolment") == 2


def test_a_package_of_some_days_says_what_it_is_about(folder) -> None:
    house = House(folder / "days").enrol().run(1)
    day = house.clock().hour()[:10]
    house.clock.reboot(2 * DAY_MS)
    data = house.run(2).package((house.clock().hour()[:10],) * 2)
    dossier = open_dossier(read_package(io.BytesIO(data)), house.trust, house.keyring)
    first, last = dossier.found.range
    assert (dossier.found.verdict, first > 0) == ("VERIFIED", True)
    html = page(dossier, MADE, REASONS).decode()
    assert f"records {first} to {last} of {dossier.found.size}" in html
    assert len(tally(exchanges(dossier)).requests) == 2
    assert day not in html[html.index("4. What happened") :]


def test_a_change_is_told_with_its_approval(folder) -> None:
    house = House(folder / "changed").enrol().run(1)
    house.policy = SHA["other"]
    log = house.open()
    first = page(dossier_of(house), MADE, REASONS).decode()
    log.accept(approve(house.seal(), "policy", SHA["other"], "CAB-12"), at=house.clock.pass_ms(100))
    log.stop("stop", at=house.clock.pass_ms(100))
    assert "not approved" in first
    last = page(dossier_of(house), MADE, REASONS).decode()
    assert "approved by the officer, reference CAB-12" in last
    assert "not approved" not in last


def test_thresholds_without_measurement_are_called_so(dossier, html) -> None:
    assert "Thresholds not measured" not in html
    records = {
        seq: (kind, body | {"safety": body["safety"] | {"basis": "demo"}} if "safety" in body else body)
        for seq, (kind, body) in dossier.records.items()
    }
    assert "Thresholds not measured" in page(replace(dossier, records=records), MADE, REASONS).decode()


def test_what_is_not_covered_is_printed(html) -> None:
    for way in texts()["not_covered"]:
        assert str(tag("li", way)) in html


def test_gaps_are_hatched_and_listed(html) -> None:
    assert "url(#hatch)" in html
    assert html.count("gap: ended without a stop record") >= 3  # in the picture, the legend and the table


def test_a_demonstration_says_so(folder) -> None:
    house = House(folder / "demo", custody="same-machine").enrol().run(1)
    html = page(dossier_of(house), MADE, REASONS).decode()
    assert texts()["claims"]["demo"] in html
    assert html.count("<svg") >= 3


def test_an_anchor_is_told(folder) -> None:
    house = House(folder / "anchored").enrol().run(1)
    package = from_directory(read_directory(house.folder))
    dossier = open_dossier(package, house.trust, house.keyring, Anchors(book=(house.anchor(),)))
    html = page(dossier, MADE, REASONS).decode()
    assert "Fixed by the officer up to record" in html
    assert "Not fixed from outside" not in html


def test_what_does_not_verify_has_no_numbers(folder) -> None:
    house = House(folder / "broken").enrol().run(2)
    tile = house.folder / "log/tile/0" / next(iter(sorted(p.name for p in (house.folder / "log/tile/0").iterdir())))
    file = tile if tile.is_file() else next(tile.iterdir())
    file.write_bytes(bytes(len(file.read_bytes())))
    dossier = dossier_of(house)
    html = page(dossier, MADE, REASONS, "eu").decode()
    assert (dossier.found.verdict, dossier.records) == ("NOT VERIFIED", {})
    assert "NOT VERIFIED" in html
    assert "no numbers" in html
    assert 'class="tile"' not in html


def test_a_log_without_requests_has_a_report(folder) -> None:
    house = House(folder / "quiet").enrol().run(0)
    dossier = dossier_of(house)
    quiet = replace(dossier, records={s: r for s, r in dossier.records.items() if r[0] != "B"})
    html = page(quiet, MADE, REASONS).decode()
    assert "No identifier was replaced in these records." in html
    assert "Requests and blocks per day" not in html


# ---- harmless to open ------------------------------------------------------------------------------------------


def test_nothing_runs_and_nothing_is_loaded(html) -> None:
    seen = Elements(html)
    assert {name for name, _ in seen.tags}.isdisjoint({"script", "img", "iframe", "link", "object", "embed", "form"})
    for _, attributes in seen.tags:
        assert not any(name.startswith("on") or name in ("src", "style", "srcdoc") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")


def test_the_policy_of_the_page_names_its_style_and_nothing_else(html) -> None:
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(sha256(style[1].encode()).digest()).decode()
    policy = next(a["content"] for name, a in Elements(html).tags if a.get("http-equiv") == "Content-Security-Policy")
    expected = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'none'; base-uri 'none'"
    assert policy == expected
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_markup_in_every_string_of_every_record_stays_text(dossier) -> None:
    """Shapes allow these strings; the page must not care."""
    hostile = {"rule": HOSTILE, "code": HOSTILE}
    records = {
        seq: (kind, body | hostile | {"redact": {"counts": {HOSTILE: 1}}} if kind in "RZB" else body)
        for seq, (kind, body) in dossier.records.items()
    }
    attacked = page(replace(dossier, records=records), replace(MADE, by=HOSTILE), {}, "lk").decode()
    seen = Elements(attacked)
    assert "b" not in {name for name, _ in seen.tags}
    assert HOSTILE in "".join(seen.texts)


def test_text_is_escaped_by_construction() -> None:
    assert tag("p", "<b>", title='"') == '<p title="&quot;">&lt;b&gt;</p>'
    assert join("<", tag("line", x1=0), 3) == '&lt;<line x1="0"/>3'
    assert isinstance(join("a"), Markup)


# ---- words -----------------------------------------------------------------------------------------------------


def strings() -> list[tuple[str, str]]:
    places = [ROOT / "audit" / "english.toml", ROOT / "audit" / "checks.json", ROOT / "README.md"]
    places += [*(ROOT / "audit" / "report" / "legal").glob("*.toml"), *(ROOT / "docs").rglob("*.md")]
    return [(str(place.relative_to(ROOT)), " ".join(place.read_text("utf-8").lower().split())) for place in places]


def _without_style(html: str) -> str:
    return re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


@pytest.mark.parametrize("words", FORBIDDEN)
def test_nothing_a_person_reads_says_too_much(words: str, html) -> None:
    said = [
        *strings(),
        ("help", cordon("audit", "report", "--help").out.lower()),
        ("page", _without_style(html).lower()),
    ]
    assert [place for place, text in said if words in text] == []


def test_every_string_of_the_report_is_used() -> None:
    table = tomllib.loads((ROOT / "audit" / "english.toml").read_text("utf-8"))["report"]
    source = "".join(p.read_text() for p in (ROOT / "audit" / "report").glob("*.py"))
    made_up = {f"hours_{level}" for level in ("E1", "E0", "gap")} | {"erased", "purged"}
    made_up |= {"status_E1", "status_E0"}  # the side panel says these
    assert [name for name in table if not re.search(rf"['\"]{name}['\"]", source) and name not in made_up] == []


@pytest.mark.parametrize("country", COUNTRIES)
def test_each_law_is_whole(country: str, dossier) -> None:
    law = legal_map(country)
    html = page(dossier, MADE, REASONS, country).decode()
    assert len(law.duties) >= 3
    for duty in law.duties:
        assert str(tag("td", duty.supported_by, class_="text")) in html
        assert "comply" not in duty.supported_by
    assert all(legal_map(other).law not in html for other in COUNTRIES if other != country)


def test_a_country_without_a_map_is_refused() -> None:
    with pytest.raises(ValueError, match="no legal map"):
        legal_map("../lk")


# ---- counting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((), ""), ((3,), "3"), ((3, 4), "3, 4"), ((5, 3, 4, 9, 9), "3 to 5, 9"), ((1, 3, 4, 5, 6), "1, 3 to 6")],
)
def test_records_are_listed_shortly(numbers: tuple[int, ...], words: str) -> None:
    assert ranges(numbers) == words


def test_quiet_days_are_drawn_and_long_times_go_by_month(dossier) -> None:
    one = exchanges(dossier)[6]
    begin = one.begin

    def on(day: str):
        return replace(one, begin=begin | {"t": f"{day}T10:00:00.000+05:30"})

    days = tally([on("2026-02-27"), on("2026-03-02"), on("2026-03-02")]).bars
    assert [(bar.name[5:], bar.requests) for bar in days] == [("02-27", 1), ("02-28", 0), ("03-01", 0), ("03-02", 2)]
    months = tally([on("2026-01-31"), on("2026-04-30")])
    assert months.by_month
    assert [(bar.name, bar.requests) for bar in months.bars] == [
        ("2026-01", 1), ("2026-02", 0), ("2026-03", 0), ("2026-04", 1),
    ]  # fmt: skip
