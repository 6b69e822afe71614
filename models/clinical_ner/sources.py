"""Reads what the recipe needs from disk and from Faker: the only file-reading module besides `make.py`.

rows(path)           the JSONL sets
faker_regions(...)   given names, surnames, cities, streets and companies of Faker's locales
man_prose(folder)    paragraphs of translated manual pages (Debian packages manpages-de, -fr, -es, ...), unpacked
medical_terms(folder)  words of Debian's medical dictionaries
word_lists(folder)   lower-case words of Debian's word lists, for sentences that mean nothing
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

__all__ = ["FAKER_LOCALES", "faker_regions", "man_prose", "medical_terms", "rows", "word_lists"]

_LOCALES = """
en_US en_GB en_IE en_AU en_IN en_NZ en_CA de_DE de_AT de_CH fr_FR fr_CH fr_CA fr_BE es_ES es_MX es_AR es_CL es_CO it_IT
nl_NL nl_BE pt_PT pt_BR tr_TR pl_PL cs_CZ sk_SK hu_HU ro_RO sv_SE no_NO da_DK fi_FI hr_HR sl_SI et_EE lv_LV lt_LT id_ID
vi_VN fil_PH ha_NG yo_NG ig_NG zu_ZA tw_GH az_AZ ga_IE sw
"""
FAKER_LOCALES = tuple(_LOCALES.split())
_WORDS = {"de": "ngerman", "fr": "french", "es": "spanish", "it": "italian", "nl": "dutch", "pt": "portuguese"}
_SKIP = re.compile(
    r"AUTH?OR|AUTEUR|AUTOR|COPYRIGHT|ÜBERSETZ|TRADU|VERTAL|BUG|FEHLER|COLOPHON|KOLOPHON|HIST|GESCHICHTE", re.IGNORECASE
)


def rows(path: Path) -> list[dict[str, Any]]:
    """Read a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf8").splitlines() if line.strip()]


def faker_regions(count: int = 900, seed: int = 7) -> dict[str, dict[str, list[str]]]:
    """Draw names of Faker's locales; imported here, because Faker lives only in the training environment."""
    from faker import Faker

    found: dict[str, dict[str, list[str]]] = {}
    for locale in FAKER_LOCALES:
        fake = Faker(locale)
        fake.seed_instance(seed)
        draws = {
            "given": fake.first_name,
            "last": fake.last_name,
            "cities": fake.city,
            "streets": fake.street_address,
            "companies": fake.company,
        }
        size = {"given": count, "last": count, "cities": 150, "streets": 120, "companies": 60}
        region: dict[str, list[str]] = {}
        for field, draw in draws.items():
            words = {draw().replace("\n", ", ").strip() for _ in range(size[field])}
            region[field] = sorted(w for w in words if w.isascii() or all(ord(c) < 0x250 for c in w))
        found[locale] = region
    return found


def _paragraphs(source: str) -> list[str]:
    out, lines, skip = [], [], False
    for line in [*source.splitlines(), ".PP"]:
        if line.startswith((".SH", ".Sh")):
            skip = bool(_SKIP.search(line))
        if line.startswith((".", "'")):
            text = " ".join(lines).strip()
            if len(text) > 120 and not skip:
                out.append(text)
            lines = []
        elif not skip:
            clean = re.sub(r"\\f.|\\[&%:]|\\\(..|\\\*\(..|\\\[[^\]]*\]", "", line).replace("\\-", "-").replace("\\", "")
            lines.append(clean)
    return out


def man_prose(folder: Path, limit: int = 4000) -> dict[str, list[str]]:
    """Read paragraphs of the manual pages below `folder`, by language; pieces of at most 420 characters."""
    found: dict[str, list[str]] = {}
    for lang in _WORDS:
        texts: list[str] = []
        for path in sorted(folder.rglob(f"man/{lang}*/man*/*.gz")):
            if len(texts) >= limit:
                break
            page = gzip.decompress(path.read_bytes()).decode("utf8", "replace")
            picked = [p[:420] for p in _paragraphs(page) if not re.search(r"@|https?:|©|(?:19|20)\d\d", p)]
            texts += picked[:12]
        found[lang] = texts
    return found


def word_lists(folder: Path, limit: int = 30000) -> dict[str, tuple[str, ...]]:
    """Read lower-case words; names are capitalised in these lists, so they stay out."""
    found: dict[str, tuple[str, ...]] = {}
    for lang, name in _WORDS.items():
        paths = sorted(folder.rglob(f"dict/{name}"))
        if not paths:
            continue
        words = [
            w for w in paths[0].read_text("utf8", "replace").splitlines() if w.islower() and w.isalpha() and len(w) > 2
        ]
        found[lang] = tuple(words[:: max(1, len(words) // limit)])
    return found


def medical_terms(folder: Path) -> dict[str, tuple[str, ...]]:
    """Read German and English medical words: substances, diseases, findings. Abbreviations stay out, and so do
    English words with a capital, which may be eponyms."""
    found: dict[str, tuple[str, ...]] = {}
    for lang, name in {"de": "de_med.dic", "en": "en_med_glut.dic"}.items():
        for path in sorted(folder.rglob(f"hunspell/{name}"))[:1]:
            words = [line.split("/")[0] for line in path.read_text("latin-1").splitlines()[1:]]
            fit = (w for w in words if w.isalpha() and len(w) > 4 and not w.isupper() and (lang == "de" or w.islower()))
            found[lang] = tuple(sorted(set(fit)))
    return found
