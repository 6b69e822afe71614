"""Everyday words of the written sentences that name nobody, for `filters/lexicon/everyday*.py`.

    python -m models.clinical_ner.everyday filters/lexicon

Law: only the sentences of the training part are read, so what is measured with the others stays measured. A word that
is a name, a town or part of one somewhere (Faker, hand lists) is left out. Needs `requirements.txt`. What Faker draws
depends a little on `PYTHONHASHSEED`, so a handful of words may differ from run to run.
"""

from __future__ import annotations

import re
import sys
import textwrap
import tomllib
from pathlib import Path

from filters.lexicon import de, en, es, european
from models.clinical_ner.generate import load_templates
from models.clinical_ner.sources import faker_regions

__all__ = ["main"]

_HERE = Path(__file__).parent
_LANGS = ("de", "es", "fr", "it", "nl", "pt")
_WORD = re.compile(r"(?<![^\W\d_'’-])[^\W\d_]{3,30}(?![^\W\d_'’-])")
_SLOT = re.compile(r"\{\w+\}|%[a-z]+%")
_FILES = {"everyday_a_i": ("", "j"), "everyday_j_z": ("j", "\uffff")}
_PAGE = '''"""Everyday words of clinical sentences in six languages that are nobody's name."""

from __future__ import annotations

__all__ = ["WORDS"]

WORDS = (
{}
)
'''


def _names() -> set[str]:
    """Return every word that stands in a list of names or places."""
    values = [v for region in faker_regions().values() for found in region.values() for v in found]
    for name in ("hand", "places"):
        raw = tomllib.loads((_HERE / "names" / f"{name}.toml").read_text("utf8"))
        values += [str(v) for v in raw.values()]
    return {word.casefold() for value in values for word in re.findall(r"[^\W\d_]+", value)}


def _words() -> set[str]:
    templates = load_templates(_HERE / "templates")
    found: set[str] = set()
    for lang in _LANGS:
        own = templates[lang]
        for sentence in {*own.plain, *own.rules.get("neg", ()), *own.rules.get("q", ()), *own.rules.get("exam", ())}:
            for match in _WORD.finditer(_SLOT.sub(" ", sentence)):
                word = match.group()
                if word.islower() or (lang == "de" and word[1:].islower()):
                    found.add(word.casefold())
    return found


def main() -> None:
    """Write the files."""
    listed = {word.casefold() for module in (de, en, es, european) for word in module.WORDS.split()}
    kept = sorted(_words() - _names() - listed)
    for name, (first, last) in _FILES.items():
        part = " ".join(word for word in kept if first <= word < last)
        lines = "\n".join(f'    "{line} "' for line in textwrap.wrap(part, 112, break_on_hyphens=False))
        (Path(sys.argv[1]) / f"{name}.py").write_text(_PAGE.format(lines), "utf8")
    print(f"{len(kept)} words")


if __name__ == "__main__":
    main()
