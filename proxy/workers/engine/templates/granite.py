"""Granite, the family of Granite Guardian: a judge, no chat. Its prompts come as pieces from the safety templates."""

from __future__ import annotations

from proxy.workers.engine.templates.chat import Family

__all__ = ["FAMILY"]

FAMILY = Family(
    name="granite",
    archs=frozenset({"granite"}),
    controls=("<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"),
    turn_open="<|start_of_role|>",
    # SHA-256 over the judge prompts with user "U" and response "R"; filters/granite.py renders them
    fixed_digest="76a0082927a71ea84793ae7bc258c65a8dea960b93c86748199e4be58f15ecb3",
)
