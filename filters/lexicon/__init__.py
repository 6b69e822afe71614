"""Words that are no names by themselves.

Law: a value that is one of these is looked for elsewhere only where something else says it is a name ("May", "Rose",
"Lang"). The lists are vocabulary, not text: frequent words, months, weekdays, medical terms.
"""

from __future__ import annotations

from functools import cache

from filters.lexicon import (
    clinical_de,
    clinical_de_h_z,
    clinical_iberian,
    clinical_nl_en,
    clinical_romance,
    de,
    en,
    en_things_a_l,
    en_things_m_z,
    es,
    european,
    everyday_a_i,
    everyday_j_z,
    labels,
    peoples,
    peoples_de_nl,
)

__all__ = ["common_words", "ordinary_words", "vocabulary"]

_COMMON = (de, en, es, european, everyday_a_i, everyday_j_z)
_MORE = (
    clinical_de, clinical_de_h_z, clinical_iberian, clinical_nl_en, clinical_romance, labels, peoples, peoples_de_nl,
)  # fmt: skip


@cache
def common_words() -> frozenset[str]:
    """Return frequent words, case-folded."""
    return frozenset(word.casefold() for words in _COMMON for word in words.WORDS.split())


@cache
def vocabulary() -> frozenset[str]:
    """Return frequent words and those of clinics, forms and peoples: what a model should not take for a name."""
    return common_words().union(word for words in _MORE for word in words.WORDS.split())


@cache
def ordinary_words() -> frozenset[str]:
    """Return words that are names of nobody and of nowhere, wherever they stand: things, qualities, acts."""
    return frozenset(f"{en_things_a_l.WORDS} {en_things_m_z.WORDS}".split())
