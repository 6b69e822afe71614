"""One answer on its way out: tokens in, messages out. Sans-io.

    token -> parser (by id) -> bytes -> characters -> stop strings -> Delta

Law: a Delta carries the number of tokens since the last one, and only they use up credit; thoughts and calls do not,
they are bounded by the answer's length. What the parser has not released is never sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filters.parts import RedactedText
from proxy.workers.engine.detok import Detokenizer
from proxy.workers.engine.parse import Call, Content, End, Parser
from proxy.workers.engine.stops import StopScanner
from proxy.workers.wire import Delta, ToolCallOut

__all__ = ["AnswerStream", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """What one token came to; `finish` is empty while the answer goes on."""

    messages: tuple[Delta | ToolCallOut, ...]
    finish: str = ""

    @property
    def charged(self) -> int:
        """Tokens that use up credit."""
        return sum(message.tokens for message in self.messages if isinstance(message, Delta))


class AnswerStream:
    """`feed(token, piece, ends)` until a step has a finish."""

    def __init__(self, answer_id: int, parser: Parser, stops: Sequence[str], max_tokens: int) -> None:
        self._id = answer_id
        self._parser = parser
        self._detokenizer = Detokenizer()
        self._stops = StopScanner(stops)
        self._max_tokens = max_tokens
        self._unsent = 0
        self.tokens = 0

    @property
    def in_content(self) -> bool:
        """Whether a grammar applies to the next token."""
        return self._parser.in_content

    def feed(self, token: int, piece: bytes, *, ends: bool) -> Step:
        """Take one sampled token; raises `tool_call_malformed`."""
        self.tokens += 1
        messages: list[Delta | ToolCallOut] = []
        finish = ""
        for event in self._parser.feed(token, piece, ends=ends):
            match event:
                case Content(data):
                    self._unsent += 1
                    self._show(messages, self._stops.feed(self._detokenizer.feed(data)))
                case Call(name, arguments):
                    messages.append(ToolCallOut(self._id, name, RedactedText(arguments)))
                case End(word):
                    finish = word
        if self._stops.stopped:
            finish = "stop"
        elif not finish and self.tokens >= self._max_tokens:
            self._parser.finish()
            finish = "length"
        if finish:
            self._show(messages, self._rest())
        return Step(tuple(messages), finish)

    def _rest(self) -> str:
        return self._stops.feed(self._detokenizer.finish()) + self._stops.finish()

    def _show(self, messages: list[Delta | ToolCallOut], text: str) -> None:
        if text:
            messages.append(Delta(self._id, "content", RedactedText(text), self._unsent))
            self._unsent = 0
