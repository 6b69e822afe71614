"""What a dialect is: a pure codec between an API's bytes and the values of `proxy.exchange`.

Law: a dialect reads bytes and returns a `Prompt`, or takes events and returns bytes. It opens nothing, knows no clock
and forwards nothing: what it does not read from a request does not exist for the rest of the house. Adding a dialect
is one module with a `Dialect` value and one line in the composition root.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.exchange import Event, Prompt

__all__ = ["Ask", "Dialect", "Facts", "Idle", "ModelCard", "Parsed", "Read", "ReplyHead", "StreamCodec"]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model as a caller may see it.

    Attributes:
        demo: marks the bundled demonstration models.
        sha256: digest of the model's file, "" if another server on this computer holds it; so are the others.
        context: tokens of prompt and answer together, 0 if unknown.
    """

    id: str
    created_s: int
    demo: bool
    sha256: str = ""
    arch: str = ""
    context: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request after parsing: the prompt, and whether the answer is streamed."""

    prompt: Prompt
    stream: bool


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """What every part of one reply repeats."""

    exchange: str
    created_s: int
    include_usage: bool = False
    demo_models: frozenset[str] = frozenset()


class StreamCodec(Protocol):
    """Encodes one streamed answer, event by event, in the order of the pipeline."""

    def feed(self, event: Event) -> bytes:
        """The bytes of this event; empty if it says nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Idle:
    """A request that only wants a model to be ready: no text goes anywhere, nothing is recorded."""

    model: str
    render: Callable[[ReplyHead], bytes]


@dataclass(frozen=True, slots=True)
class Ask:
    """An address that takes a prompt. `name` is the closed label of its route."""

    name: str
    path: str
    parse: Callable[[bytes], Parsed]
    stream: Callable[[ReplyHead], StreamCodec]
    whole: Callable[[ReplyHead, Sequence[Event]], bytes]
    idle: Callable[[bytes], Idle | None] | None = None
    """Recognises a request that asks nothing of a model; None if the API has no such thing."""


@dataclass(frozen=True, slots=True)
class Read:
    """An address that is read with GET. `render` gets the models and the last part of the path; None is 404."""

    name: str
    path: str
    render: Callable[[Sequence[ModelCard], str], bytes | None]
    media: str = "application/json"


@dataclass(frozen=True, slots=True)
class Facts:
    """An address that is asked with POST about one model. `parse` gets the body and says which; None is 404."""

    name: str
    path: str
    parse: Callable[[bytes], str]
    render: Callable[[Sequence[ModelCard], str], bytes | None]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API. Its own form of errors is used under `prefix` and at every address it names itself."""

    name: str
    prefix: str
    stream_type: str
    asks: tuple[Ask, ...]
    reads: tuple[Read, ...]
    error: Callable[[str, str, str], bytes]
    """From a code of `proxy.errors`, the id of the request and the rule behind it ("" for none) to the body."""
    facts: tuple[Facts, ...] = ()
    panel: bool = False
    """Whether the browser panel speaks it: an extension's Origin is then allowed at its addresses."""
