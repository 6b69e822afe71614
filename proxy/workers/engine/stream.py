"""One answer on its way out: tokens in, messages out. Sans-io.

    token -> parser (by id) -> bytes -> characters -> stop strings -> Delta(content)
                                    -> characters -> Delta(thought), if they were asked for

Law: a Delta carries the number of tokens of its kind since the last one, and only they use up credit; calls and
thoughts that nobody asked for do not, they are bounded by the answer's length. What the parser has not released is
never sent. Stop strings are of the content: a thought that says one goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filters.parts import RedactedText
from proxy.workers.engine.detok import Detokenizer
from proxy.workers.engine.parse import Call, Content, End, Parser, Thought
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

    def __init__(
        self, answer_id: int, parser: Parser, stops: Sequence[str], max_tokens: int, *, sends_thoughts: bool = False
    ) -> None:
        self._id = answer_id
        self._parser = parser
        self._sends_thoughts = sends_thoughts
        self._detokenizer, self._thoughts = Detokenizer(), Detokenizer()
        self._stops = StopScanner(stops)
        self._max_tokens = max_tokens
        self._unsent = {"content": 0, "thought": 0}
        self.tokens = 0
        self.thought_tokens = 0
        """Of them, those of thoughts and their frames."""

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
                    self._unsent["content"] += 1
                    self._show(messages, "content", self._stops.feed(self._detokenizer.feed(data)))
                case Thought(data):
                    self._think(messages, data)
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
            self._show(messages, "thought", self._thoughts.finish())
            self._show(messages, "content", self._rest())
        return Step(tuple(messages), finish)

    def _rest(self) -> str:
        return self._stops.feed(self._detokenizer.finish()) + self._stops.finish()

    def _think(self, messages: list[Delta | ToolCallOut], data: bytes) -> None:
        self.thought_tokens += 1
        if self._sends_thoughts:
            self._unsent["thought"] += 1
            self._show(messages, "thought", self._thoughts.feed(data) if data else self._thoughts.finish())

    def _show(self, messages: list[Delta | ToolCallOut], kind: str, text: str) -> None:
        if text:
            messages.append(Delta(self._id, kind, RedactedText(text), self._unsent[kind]))
            self._unsent[kind] = 0
