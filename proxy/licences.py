"""The licences of models: what a person accepts at import, in a few sentences, and where the full text is.

Law: the summary is ours and no legal text; a model whose licence asks for acceptance is loaded only after somebody
accepted it, and who and when is kept beside the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["LICENCES", "Licence", "licence_of"]


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence."""

    id: str
    name: str
    asks: bool
    """Whether its terms must be accepted before use; a free licence is only shown."""
    says: tuple[str, ...]
    full_text: str
    """Where the publisher keeps it."""

    @property
    def text(self) -> str:
        """What is shown."""
        lines = [f"{self.name} ({self.id})", *(f"  * {line}" for line in self.says), f"  Full text: {self.full_text}"]
        return "\n".join(lines) + "\n"

    @property
    def digest(self) -> str:
        """SHA-256 of what is shown."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()


_APACHE = Licence(
    "Apache-2.0",
    "Apache License, version 2.0",
    asks=False,
    says=("use, change and pass on, with the licence and its notices", "no warranty"),
    full_text="the file LICENSE of this distribution",
)
_GEMMA = Licence(
    "Gemma",
    "Gemma Terms of Use",
    asks=True,
    says=(
        "use, change and pass on, but not for what the publisher's prohibited use policy lists",
        "whoever gets the model or a derivative from you gets the same terms from you, in writing",
        "no warranty; the publisher may restrict use that breaks the terms",
    ),
    full_text="ai.google.dev/gemma/terms",
)
_HAI_DEF = Licence(
    "HAI-DEF",
    "Health AI Developer Foundations Terms of Use",
    asks=True,
    says=(
        "use, change and pass on, but not for what the publisher's prohibited use policy lists",
        "not for diagnosis or treatment without validation of your own use, and approval where the law asks for it",
        "whoever gets the model or a derivative from you gets the same terms from you, in writing",
        "no warranty",
    ),
    full_text="developers.google.com/health-ai-developer-foundations/terms",
)
LICENCES: Mapping[str, Licence] = {licence.id: licence for licence in (_APACHE, _GEMMA, _HAI_DEF)}


def licence_of(licence_id: str) -> Licence:
    """The licence of an id; one this build does not know must be accepted, and is said to be unknown."""
    unknown = Licence(
        licence_id,
        licence_id,
        asks=True,
        says=("this build does not know its terms",),
        full_text="ask who made the model",
    )
    return LICENCES.get(licence_id, unknown)
