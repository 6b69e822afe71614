"""Gemma 4 turns as parts: marker texts (controls, inserted by id) and plain texts. Needs no library."""

from __future__ import annotations

from models.demo.chat_data import Conversation

__all__ = ["CONTROLS", "MARKERS", "TEMPLATE", "Control", "ending_parts", "opening_parts", "prompt_parts"]

_SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
MARKERS = (
    "<|tool>",
    "<tool|>",
    "<|tool_call>",
    "<tool_call|>",
    "<|tool_response>",
    "<tool_response|>",
    '<|"|>',
    "<|think|>",
    "<|channel>",
    "<channel|>",
    "<|turn>",
    "<turn|>",
    "<|image>",
    "<|image|>",
    "<image|>",
    "<|audio>",
    "<|audio|>",
    "<audio|>",
    "<|video|>",
)
CONTROLS = _SPECIAL + MARKERS

# The engine renders turns by itself; this text tells readers of the file, and the import check, the form it knows.
TEMPLATE = """{{- bos_token -}}
{%- for message in messages -%}
{%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}
{{- '<|turn>' + role + '\\n' + message['content'] | trim + '<turn|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|turn>model\\n' -}}
{{- '<|channel>thought\\n<channel|>' -}}
{%- endif -%}
"""


class Control(str):
    """The text of a token that is inserted by id."""

    __slots__ = ()


def _turn(role: str, text: str) -> list[str]:
    return [Control("<|turn>"), f"{role}\n{text.strip()}", Control("<turn|>"), "\n"]


def opening_parts(talk: Conversation) -> list[str]:
    """Everything up to the words of the last user turn that differ between endings."""
    parts: list[str] = [Control("<bos>")]
    if talk.system:
        parts += _turn("system", talk.system)
    for role, text in talk.history:
        parts += _turn(role, text)
    return [*parts, Control("<|turn>"), "user\n" + talk.opening.lstrip()]


def ending_parts(question: str) -> list[str]:
    """The rest of the prompt; the answer follows."""
    return [
        question,
        Control("<turn|>"),
        "\n",
        Control("<|turn>"),
        "model\n",
        Control("<|channel>"),
        "thought\n",
        Control("<channel|>"),
    ]


def prompt_parts(talk: Conversation) -> list[str]:
    """The whole prompt of a conversation with one ending."""
    *before, last = opening_parts(talk)
    question, *rest = ending_parts(talk.endings[0].question)
    return [*before, last + question, *rest]
