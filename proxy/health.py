"""Health, readiness and metrics: what a monitor may know.

Law: names stand in one tuple and labels take values from closed lists; a value outside its list becomes `other`.
Never a uid, a token, an Origin, a path, text of a model, or a placeholder type of one request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from proxy.errors import ERRORS
from proxy.rooms import Timed

__all__ = ["ALIVE", "METRIC_NAMES", "PARTS", "Metrics", "Readiness", "readiness"]

ALIVE = b'{"status":"ok"}'
"""The answer of /healthz: the loop turns, and nothing else."""

PARTS = ("listeners", "peer", "analyst", "engine", "guard", "log", "confinement", "policy")
"""The parts that must be `ok` before the service is ready."""

_LABELS: dict[str, frozenset[str]] = {
    "dialect": frozenset({"openai", "ollama", "panel"}),
    "outcome": frozenset({"ok", "refused", "withheld", "broken", "cancelled", "rejected"}),
    "code": frozenset(ERRORS),
    "listener": frozenset({"tcp", "unix"}),
    "stage": frozenset(get_args(Timed)),
    "result": frozenset({"paired", "code_wrong", "closed"}),
    "guideline": frozenset({"dangerous", "harassment", "hate", "sexual", "injection"}),
    "direction": frozenset({"prompt", "response"}),
    "action": frozenset({"permit", "flag", "refuse", "masked", "kept"}),
}

_COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "cordon_exchanges": ("Exchanges by outcome.", ("dialect", "outcome")),
    "cordon_access_refusals": ("Requests refused before they were read.", ("code", "listener")),
    "cordon_connections_refused": ("Connections closed at once: over the limit.", ("listener",)),
    "cordon_non_loopback": ("Connections closed at once: the peer was not this computer.", ()),
    "cordon_pairings": ("Attempts to pair a panel.", ("result",)),
    "cordon_judgements": ("Decisions of the safety policy.", ("guideline", "direction", "action")),
    "cordon_added_identifiers": ("Identifiers a model added to its answer, by what was done.", ("action",)),
    "cordon_known_in_output": ("Originals that a model wrote by itself; above zero asks for a look.", ()),
}
_GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "cordon_connections": ("Open connections.", ("listener",)),
    "cordon_open_answers": ("Answers being written.", ()),
    "cordon_tokens": ("Live tokens in the registry.", ()),
}
_FAST = (10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 5e-3)
_SLOW = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_HISTOGRAMS: dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
    "cordon_peer_lookup_seconds": ("Time to find the user of a connection.", (), _FAST),
    "cordon_stage_seconds": ("Time in a stage of the journey.", ("stage",), _SLOW),
    "cordon_first_segment_seconds": ("Time until the first segment was released.", (), _SLOW),
    "cordon_guard_seconds": ("Time of one judgement.", ("direction",), _SLOW),
}
METRIC_NAMES = (*_COUNTERS, *_GAUGES, *_HISTOGRAMS)


class Metrics:
    """The service's own registry; nothing of the process or the interpreter is in it."""

    __slots__ = ("_counters", "_gauges", "_histograms", "_registry")

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters = {n: Counter(n, h, k, registry=self._registry) for n, (h, k) in _COUNTERS.items()}
        self._gauges = {n: Gauge(n, h, k, registry=self._registry) for n, (h, k) in _GAUGES.items()}
        self._histograms = {
            n: Histogram(n, h, k, buckets=b, registry=self._registry) for n, (h, k, b) in _HISTOGRAMS.items()
        }

    def count(self, name: str, by: int = 1, /, **labels: str) -> None:
        """Add to a counter."""
        counter = self._counters[name]
        (counter.labels(**_closed(labels)) if labels else counter).inc(by)

    def level(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        gauge = self._gauges[name]
        (gauge.labels(**_closed(labels)) if labels else gauge).set(value)

    def took(self, name: str, seconds: float, /, **labels: str) -> None:
        """Note a duration."""
        histogram = self._histograms[name]
        (histogram.labels(**_closed(labels)) if labels else histogram).observe(seconds)

    def render(self) -> bytes:
        """Prometheus text format, without the creation times that the library adds under names of its own."""
        lines = generate_latest(self._registry).splitlines(keepends=True)
        return b"".join(line for line in lines if b"_created" not in line.partition(b"{")[0])


def _closed(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value if value in _LABELS[key] else "other" for key, value in labels.items()}


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer of /readyz."""

    ready: bool
    body: bytes


def readiness(parts: Mapping[str, str], marks: Sequence[str] = ()) -> Readiness:
    """Judge the parts: each is `ok` or a stable code; a part nobody reports on is not ready.

    `marks` are what anybody who relies on the service must know: a policy that gives a protection up, thresholds that
    nobody measured.
    """
    known = {name: parts.get(name, "not_ready") for name in PARTS}
    shown = {name: code if code == "ok" or code in ERRORS else "internal" for name, code in known.items()}
    ready = all(code == "ok" for code in shown.values())
    body = {"ready": ready, "parts": shown} | ({"marks": list(marks)} if marks else {})
    return Readiness(ready, json.dumps(body, separators=(",", ":")).encode())
