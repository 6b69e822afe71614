"""What the Ollama dialect tells about models: the loaded one, and facts that need no file.

Law: only what the engine said of itself. Sizes, licences, templates and parameters are not told, so they are left out
and no client can take an invented number for a measured one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from proxy.dialects import ModelCard
from proxy.dialects.ollama_reply import stamp

__all__ = ["API_LEVEL", "ps", "root", "show", "tags", "version"]

API_LEVEL = "0.12.0"
"""The version of Ollama whose API this follows; clients compare it before they speak."""

_Object = dict[str, object]


def root(cards: Sequence[ModelCard], name: str) -> bytes | None:
    """What a client looks for to see that somebody is there; some look for the last three words."""
    del cards, name
    return b"Cordon instead of Ollama is running"


def version(cards: Sequence[ModelCard], name: str) -> bytes | None:
    """The level of the API."""
    del cards, name
    return _json({"version": API_LEVEL})


def tags(cards: Sequence[ModelCard], name: str) -> bytes | None:
    """The models that answer."""
    del name
    return _json({"models": [_named(card) | {"modified_at": stamp(card.created_s)} | _more(card) for card in cards]})


def ps(cards: Sequence[ModelCard], name: str) -> bytes | None:
    """The models in memory: the same, since nothing is loaded on demand."""
    del name
    return _json({"models": [_named(card) | _room(card, "context_length") | _more(card) for card in cards]})


def show(cards: Sequence[ModelCard], name: str) -> bytes | None:
    """Facts about one model, or None if there is none of that name."""
    card = next((card for card in cards if card.id == name), None)
    if card is None:
        return None
    family = card.arch or "unknown"
    facts: _Object = {"general.architecture": family} | _room(card, f"{family}.context_length")
    body: _Object = {"modified_at": stamp(card.created_s), "details": _details(card), "model_info": facts}
    return _json(body | {"capabilities": ["completion", "tools"]} | _demo(card))


def _named(card: ModelCard) -> _Object:
    return {"name": card.id, "model": card.id}


def _more(card: ModelCard) -> _Object:
    return {"digest": card.sha256, "details": _details(card)} | _demo(card)


def _room(card: ModelCard, key: str) -> _Object:
    return {key: card.context} if card.context else {}


def _details(card: ModelCard) -> _Object:
    families = [card.arch] if card.arch else []
    return {"parent_model": "", "format": "gguf" if card.sha256 else "", "family": card.arch, "families": families}


def _demo(card: ModelCard) -> _Object:
    return {"cordon": {"demo": True}} if card.demo else {}


def _json(body: _Object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii")
