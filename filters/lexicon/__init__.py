"""Words that are no names by themselves.

Law: a value that is one of these is looked for elsewhere only where something else says it is a name ("May", "Rose",
"Lang"). The lists are vocabulary, not text: frequent words, months, weekdays, medical terms.
"""

from __future__ import annotations

from filters.lexicon import en, es, european

__all__ = ["common_words"]


def common_words() -> frozenset[str]:
    """Return all words, case-folded."""
    joined = f"{en.WORDS} {es.WORDS} {european.WORDS}"
    return frozenset(word.casefold() for word in joined.split())
