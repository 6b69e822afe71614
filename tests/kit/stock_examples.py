"""One text for every kind kept from Presidio, its value between « and »."""

from __future__ import annotations

__all__ = ["STOCK_EXAMPLES"]

STOCK_EXAMPLES = {
    "card": "card «4012-8888-8888-1881»", "iban": "IBAN «GB33BUKB20201555555555»",
    "crypto": "wallet «16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ»", "mac": "at «00:1A:2B:3C:4D:5E» there",
    "uuid": "ref «123e4567-e89b-12d3-a456-426614174000» there", "pl_pesel": "PESEL «44051401359»",
    "de_bsnr": "BSNR «021234568»", "de_lanr": "LANR «123456601»",
    "de_social_security": "Sozialversicherungsnummer «15070649C103»",
    "de_id_card": "Personalausweis «T22000129»", "de_passport": "Reisepass «C01X00T47»",
    "de_vat_id": "USt-IdNr «DE123456788»", "it_vat_code": "partita IVA «00743110157»", "ca_sin": "SIN «130 692 544»",
    "au_abn": "ABN «51 824 753 556»", "au_acn": "ACN «004 085 616»", "au_medicare": "medicare «2123 45670 1»",
    "au_tfn": "TFN «123 456 782»", "fi_hetu": "henkilötunnus «131052-308T»",
    "se_personnummer": "personnummer «811228-9874»",
    "tr_national_id": "TC kimlik «10000000146»", "th_tnin": "Thai ID «1101700230708»",
    "kr_rrn": "resident registration number «900101-1234568»", "za_id": "South African ID «8001015009087»",
    "ng_nin": "NIN «12345678902»", "in_gstin": "GSTIN «27AAPFU0939F1ZV»", "sg_uen": "UEN «200201624D»",
    "in_voter": "voter id «ABC1234567»", "uk_nino": "national insurance «AB123456C»",
    "uk_driving_licence": "driving licence «MORGA753116SM9IJ»", "in_pan": "PAN «ABCPE1234F»",
    "in_passport": "passport «A1234567»", "uk_passport": "passport «AB1234567»", "us_passport": "passport «912803456»",
    "es_passport": "pasaporte «AAA123456»", "it_passport": "passaporto «YA1234567»",
}  # fmt: skip
