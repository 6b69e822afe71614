"""Which recognizers of presidio-analyzer 2.2.366 are kept, and on what terms.

Law: a name here is resolved by `analyse.py`; everything else is not loaded (docs/identifiers.md).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["STOCK", "Stock", "Terms"]


class Terms(enum.Enum):
    """When a stock pattern counts."""

    SHAPE = "by its shape, as its own score says"
    CHECKED = "with a correct check digit, or beside a cue"
    CUED = "beside a cue"


@dataclass(frozen=True, slots=True)
class Stock:
    """One stock recognizer."""

    name: str
    kind: str
    terms: Terms
    country: str = ""
    digits: int = 5
    """The value holds so many digits, five of them close together, so only such places are searched; 0: anywhere."""
    cues: tuple[str, ...] = ()
    """Our cues instead of the stock ones, where those are words of everyday text ("us", "states")."""


_PASSPORT = ("passport", "passport no", "passport number", "pasaporte", "passaporto", "passeport", "reisepass")


def _of(terms: Terms, country: str, *names: str) -> tuple[Stock, ...]:
    """Make rows of "name:kind" or "name:kind:digits"."""
    rows = (name.split(":") for name in names)
    return tuple(Stock(name, kind, terms, country, int(digits[0]) if digits else 5) for name, kind, *digits in rows)


STOCK = (
    Stock("CreditCardRecognizer", "card", Terms.CHECKED, digits=12),
    Stock("IbanRecognizer", "iban", Terms.CHECKED),
    Stock("CryptoRecognizer", "crypto", Terms.CHECKED, digits=0),
    Stock("MacAddressRecognizer", "mac", Terms.SHAPE, digits=0),
    Stock("UuidRecognizer", "uuid", Terms.SHAPE, digits=0),
    *_of(Terms.CHECKED, "pl", "PlPeselRecognizer:pl_pesel:11"),
    *_of(
        Terms.CHECKED, "de", "DeBsnrRecognizer:de_bsnr:9", "DeLanrRecognizer:de_lanr:9",
        "DeSocialSecurityRecognizer:de_social_security:11", "DeIdCardRecognizer:de_id_card",
        "DePassportRecognizer:de_passport",
        "DeVatIdRecognizer:de_vat_id:9",
    ),
    *_of(Terms.CHECKED, "it", "ItVatCodeRecognizer:it_vat_code:11"),
    *_of(Terms.CHECKED, "ca", "CaSinRecognizer:ca_sin:9"),
    *_of(
        Terms.CHECKED, "au", "AuAbnRecognizer:au_abn:11", "AuAcnRecognizer:au_acn:9",
        "AuMedicareRecognizer:au_medicare:10", "AuTfnRecognizer:au_tfn:8",
    ),
    *_of(Terms.CHECKED, "fi", "FiPersonalIdentityCodeRecognizer:fi_hetu:9"),
    *_of(Terms.CHECKED, "se", "SePersonnummerRecognizer:se_personnummer:10"),
    *_of(Terms.CHECKED, "tr", "TrNationalIdRecognizer:tr_national_id:11"),
    *_of(Terms.CHECKED, "th", "ThTninRecognizer:th_tnin:13"),
    *_of(Terms.CHECKED, "kr", "KrRrnRecognizer:kr_rrn:13"),
    *_of(Terms.CHECKED, "za", "ZaIdNumberRecognizer:za_id:13"),
    *_of(Terms.CHECKED, "ng", "NgNinRecognizer:ng_nin:11"),
    *_of(Terms.CHECKED, "in", "InGstinRecognizer:in_gstin"),
    *_of(Terms.CHECKED, "sg", "SgUenRecognizer:sg_uen"),
    *_of(Terms.CUED, "in", "InVoterRecognizer:in_voter"),
    *_of(Terms.CUED, "gb", "UkNinoRecognizer:uk_nino", "UkDrivingLicenceRecognizer:uk_driving_licence"),
    Stock("InPanRecognizer", "in_pan", Terms.CUED, "in", digits=0),
    Stock("InPassportRecognizer", "in_passport", Terms.CUED, "in", cues=_PASSPORT),
    Stock("UkPassportRecognizer", "uk_passport", Terms.CUED, "gb", cues=_PASSPORT),
    Stock("UsPassportRecognizer", "us_passport", Terms.CUED, "us", cues=_PASSPORT),
    Stock("EsPassportRecognizer", "es_passport", Terms.CUED, "es", cues=_PASSPORT),
    Stock("ItPassportRecognizer", "it_passport", Terms.CUED, "it", cues=_PASSPORT),
)  # fmt: skip
