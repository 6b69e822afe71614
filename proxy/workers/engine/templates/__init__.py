"""Chat templates of the families, written by us and pinned by tests; a file's own template is never run.

A family is one module here with a `FAMILY`; this table is the one place that lists them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from proxy.workers.engine.templates.chat import Chat, Family, joined
from proxy.workers.engine.templates.gemma2 import FAMILY as GEMMA2
from proxy.workers.engine.templates.gemma3 import FAMILY as GEMMA3
from proxy.workers.engine.templates.gemma4 import FAMILY as GEMMA4
from proxy.workers.engine.templates.granite import FAMILY as GRANITE
from proxy.workers.engine.templates.probes import PROBES

__all__ = ["FAMILIES", "template_digest"]

FAMILIES: Mapping[str, Family] = {family.name: family for family in (GEMMA2, GEMMA3, GEMMA4, GRANITE)}


def template_digest(family: Family) -> str:
    """SHA-256 over the renderings of fixed conversations: changes when and only when what a model would see changes."""
    if family.render is None:
        return family.fixed_digest
    digest = hashlib.sha256()
    for messages, tools in PROBES:
        if tools and not family.tools:
            continue
        for thinking in (False, True):
            pieces = family.render(Chat(messages, tools, thinking=thinking, empty_thought=True))
            digest.update(joined(pieces).encode("utf-8") + b"\0")
    return digest.hexdigest()
