"""Words that are no names by themselves.

Law: a value that is one of these is looked for elsewhere only where something else says it is a name ("May", "Rose",
"Lang"). The lists are vocabulary, not text: frequent words, months, weekdays, medical terms.
"""

from __future__ import annotations

from filters.lexicon import de, en, en_things_a_l, en_things_m_z, es, european, everyday_a_i, everyday_j_z

__all__ = ["common_words", "ordinary_words"]


def common_words() -> frozenset[str]:
    """Return all words, case-folded."""
    joined = f"{de.WORDS} {en.WORDS} {es.WORDS} {european.WORDS} {everyday_a_i.WORDS} {everyday_j_z.WORDS}"
    return frozenset(word.casefold() for word in joined.split())


def ordinary_words() -> frozenset[str]:
    """Return words that are names of nobody and of nowhere, wherever they stand: things, qualities, acts."""
    return frozenset(f"{en_things_a_l.WORDS} {en_things_m_z.WORDS}".split())
