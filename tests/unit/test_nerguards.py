"""What a model takes for a date, an age or a number of a person, and is none."""

from __future__ import annotations

import pytest

from filters.nerguards import (
    is_date_in_words,
    is_day_and_month,
    is_no_age,
    is_no_identifier,
    is_plain_number,
    is_time,
)


def span(marked: str) -> tuple[str, int, int]:
    return marked.replace("«", "").replace("»", ""), marked.index("«"), marked.index("»") - 1


@pytest.mark.parametrize(
    "marked",
    [
        "Apgar «9/10/10»", "MMS «24/30», 5 mots", "mots de Dubois «7/10».", "Tono quadricipite «4/5».",
        "Barthel «20/100».",
        "prolène «5/0».", "Attended «14/16» sessions", "TA «168/92», sem", "Febbricola «37.8» alle",
        "rechecked «13.0».",
        "BM «14.2», re", "A1c «8.4». Peso", "peso «38,2»", "Tr. «20-20-20-20».", "à «J8», puis",
        "(«F90.0»)", "Ca «cT3N2»,",
        "«G2P1A0»; filha", "ECG «QRS 94».", "dose «1-0-1»", "Apgar «8/9/10»", "CKD «G4A2»,",
    ],
)  # fmt: skip
def test_no_date(marked: str) -> None:
    assert is_plain_number(*span(marked))


@pytest.mark.parametrize(
    "marked",
    [
        "drained «27/05», cytology", "LMP «2/5», UPT", "on «3/7» she", "Freitag, «20/10» in", "vom «12.03.» an",
        "nach Hause am «12.03». Dann", "«12/03/2021»", "«3 May»", "«2021-03»", "ingreso «5/11» por", "«Monday»",
    ],
)  # fmt: skip
def test_a_date(marked: str) -> None:
    text, start, end = span(marked)
    assert not is_plain_number(text, start, end)
    assert not is_time(text, start, end)


@pytest.mark.parametrize(
    "marked", ["à «22h47» par", "à «4h10»", "07/11 «9h» : Mr", "mg/«24h».", "2024, «16.03u»",
               "CXR in «6/52» via", "See «3/12».",
               "nitro «3/7».", "«9h30» :", "«14.05 Uhr»"]
)  # fmt: skip
def test_times_and_terms(marked: str) -> None:
    assert is_time(*span(marked))


@pytest.mark.parametrize(
    "marked",
    [
        "Hb «71»", "Bed «4»: post-op", "«1». Assistenz", "DK Ch «14»", "QI «108» (", "«DM2» dal",
        "Kim («R2»)", "ECG «QRS 94».",
        "OGTT alterata («92-188-141»)", "ADHS («F90.0»)", "à «J6» chez", "pT «pT2N0M0»", "Wert «38,2»", "um «14h05»",
    ],
)  # fmt: skip
def test_no_identifier(marked: str) -> None:
    assert is_no_identifier(*span(marked))


@pytest.mark.parametrize(
    "marked",
    [
        "Folder no. «82»", "no «AB12»", "Ref: «7/10»", "«T3F291V»", "Sein «6613»,", "Fall Nr. «14»",
        "MRN: «123»", "#«12»",
        "«P/1120/23»", "call «92-188-141»", "id is «44»", "«36.03.17-214.88»",
    ],
)  # fmt: skip
def test_an_identifier(marked: str) -> None:
    assert not is_no_identifier(*span(marked))


@pytest.mark.parametrize(
    ("marked", "result"), [("«4/5»", True), ("«8/12»", False), ("«93»", False), ("«120/80»", True)]
)
def test_ages(marked: str, result: bool) -> None:
    assert is_no_age(*span(marked)) is result


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("november twenty twenty three", True),
        ("first of april nineteen forty five", True),
        ("thirtieth of september", True),
        ("november", False),
        ("last monday", False),
        ("two days", False),
    ],
)
def test_dates_in_words(value: str, result: bool) -> None:
    assert is_date_in_words(value) is result


@pytest.mark.parametrize(
    "marked", ["El «18.02» se", "Next «19/12».", "día «12/06» pend", "28/8, 25/9 y «23/10»", "(PCR + «02/07»)"]
)
def test_a_day_and_a_month(marked: str) -> None:
    assert is_day_and_month(*span(marked))


@pytest.mark.parametrize("marked", ["Apgar «9/10»", "BP «16/10»", "Visus «20/10»", "K «4.05»", "INR «2.1»"])
def test_no_day_and_month(marked: str) -> None:
    assert not is_day_and_month(*span(marked))


@pytest.mark.parametrize("marked", ["pol. SA-5582-«019».", "Eircode «E41» X9F2,", "Ref. «12»/345"])
def test_a_piece_of_something_longer_is_not_dropped(marked: str) -> None:
    assert not is_no_identifier(*span(marked))
    assert not is_plain_number(*span(marked))
