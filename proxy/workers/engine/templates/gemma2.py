"""Gemma 2, the family of ShieldGemma: a judge, no chat. Its prompts come as pieces from the safety templates."""

from __future__ import annotations

from proxy.workers.engine.templates.chat import Family

__all__ = ["FAMILY"]

FAMILY = Family(
    name="gemma2",
    archs=frozenset({"gemma2"}),
    controls=("<bos>", "<start_of_turn>", "<end_of_turn>"),
    turn_open="<start_of_turn>",
    # SHA-256 over the eight judge prompts with user "U" and response "R"; filters/safety.py renders them
    fixed_digest="e5edb0b96677fd58c71ebc6afc044f6def78c300b56f3161c5f73463c33cb22c",
)
