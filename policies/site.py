"""What a site adds to the detectors: identifiers of its own, words that are always replaced, words that never are.

Law: this reads and bounds what a policy file says; whether a pattern is safe to run and finds its own examples is
asked where patterns are run. A list that contradicts itself is refused, because one of its rules could never fire.

    [[pii.site]]                            [pii.deny]                       [pii]
    kind = "lotus_number"                   ORG = ["Lotus Ward"]             allow = ["Codman", "Waterlow"]
    type = "ID"
    pattern = 'LX-\\d{6}'
    cues = ["lotus no"]
    scores = { shape = 600, cued = 900 }
    examples = { match = ["see «LX-123456»", ...], no_match = ["LX-12", ...] }
"""

from __future__ import annotations

import re

from policies.additions import SiteLists, SiteRule
from policies.tables import Table

__all__ = ["read_site"]

_KIND = re.compile(r"[a-z][a-z0-9_]{2,47}")
_MOST_RULES = 64
_MOST_WORDS = 5_000
_LEAST_EXAMPLES = 2
_FEWEST_LETTERS = 2
_LONGEST_WORD = 100
_MOST_DIGITS = 3
"""An allowed word with more digits than this would be an identifier."""
_RULE_TYPES = (
    "NAME", "LOCATION", "ORG", "DATE", "PHONE", "EMAIL", "URL", "IP", "ID", "SECRET", "TEXT",
)  # fmt: skip


def read_site(pii: Table) -> SiteLists:
    """Take `site`, `deny` and `allow` out of the `[pii]` table. Raises PolicyError."""
    tables = pii.tables("site")
    if len(tables) > _MOST_RULES:
        raise pii.refuse("site", f"has more than {_MOST_RULES} entries")
    rules = tuple(_rule(table) for table in tables)
    if len({rule.kind for rule in rules}) != len(rules):
        raise pii.refuse("site", "names a kind twice")
    by_type = pii.optional("deny").rest(_denied)
    deny = tuple(sorted((type_, word) for type_, words in by_type for word in words))
    allow = tuple(sorted(pii.texts("allow", 0))) if pii.has("allow") else ()
    if len(deny) + len(allow) > _MOST_WORDS:
        raise pii.refuse("deny", f"and allow have more than {_MOST_WORDS} words together")
    for word in allow:
        if not _is_phrase(word) or sum(map(str.isdigit, word)) > _MOST_DIGITS:
            raise pii.refuse("allow", f"holds a word without letters, over {_LONGEST_WORD} characters, or a number")
    denied = {word.casefold() for _, word in deny}
    if len(denied) != len(deny):
        raise pii.refuse("deny", "holds a word twice")
    if denied & {word.casefold() for word in allow}:
        raise pii.refuse("allow", "holds a word that deny holds too")
    return SiteLists(rules, deny, allow)


def _rule(table: Table) -> SiteRule:
    scores, examples = table.table("scores"), table.table("examples")
    shape = scores.take("shape", int) if scores.has("shape") else 0
    cued = scores.take("cued", int) if scores.has("cued") else 0
    if not (0 <= shape <= 1000 and 0 <= cued <= 1000 and max(shape, cued)):
        raise table.refuse("scores", "has neither shape nor cued between 1 and 1000")
    cues = table.texts("cues", 1) if table.has("cues") else ()
    if bool(cues) != bool(cued):
        raise table.refuse("cues", "and scores.cued are given together or not at all")
    rule = SiteRule(
        kind=table.matching("kind", _KIND),
        type=table.word("type", _RULE_TYPES),
        pattern=table.text("pattern", 500),
        cues=cues,
        shape=shape,
        cued=cued,
        match=examples.texts("match", _LEAST_EXAMPLES),
        no_match=examples.texts("no_match", _LEAST_EXAMPLES),
    )
    if not all(text.count("«") == text.count("»") == 1 and text.index("«") < text.index("»") for text in rule.match):
        raise table.refuse("examples.match", "holds a text without one value between « and »")
    for part in (scores, examples, table):
        part.close()
    return rule


def _denied(table: Table, key: str) -> tuple[str, ...]:
    if key not in _RULE_TYPES:
        raise table.refuse(key, "is no type of identifier")
    words = table.texts(key, 1)
    if not all(map(_is_phrase, words)):
        raise table.refuse(key, f"holds a word of one character, of more than {_LONGEST_WORD}, or without letters")
    return words


def _is_phrase(word: str) -> bool:
    return sum(map(str.isalnum, word)) >= _FEWEST_LETTERS and any(map(str.isalpha, word)) and len(word) <= _LONGEST_WORD
