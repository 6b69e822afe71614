"""What does the journey around the model take for one token of an answer: segments, look, scan, restore, framing?

    python -m benchmarks.pipeline_token [--tokens N] [--runs N]

The real pipeline, analyst and codec in one process, with an engine that has its answer ready and a log in memory (the
two records of an exchange do not depend on its length; see `benchmarks/audit.py`). Processor time is counted and not
the clock, so that other work on the machine does not. The cost of a token is the difference between a long and a short
answer over their difference in tokens; the last column is its share of 50 ms, which is a token at 20 a second.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import aclosing

from benchmarks.table import machine, show
from filters.findings import Finding, Found
from filters.parts import Part, PatientText, RedactedText
from filters.switches import Switches
from proxy.build import rules_of
from proxy.config import quiet_libraries
from proxy.dialects import ReplyHead
from proxy.dialects.openai_reply import Stream
from proxy.exchange import Caller, CallerKind, Conversation, Exchange, Message, Prompt, Role, Sampling
from proxy.pipeline import journey
from proxy.rooms import Rooms
from proxy.workers.analyst import load_analyst
from tests.kit.policies import policy_of
from tests.kit.rooms import FakeHouse

_NOTE = (
    "Mrs Nimali Perera, NIC 911042754V, seen on 3 March 2024, has had a cough and fever for three days. Please write "
    "a summary for her doctor."
)
_SENTENCE = (
    "[PERSON_1] was seen on [DATE_1] with a cough and fever for three days , the chest is clear and the "
    "plan is rest , fluids and a review next week . "
)


class _RealAnalyst:
    """The detectors of the service, called without a process between."""

    def __init__(self, switches: str) -> None:
        quiet_libraries()
        analyst = load_analyst()
        if analyst is None:
            raise SystemExit("the analyst did not start")
        self._analyst, self._switches = analyst, Switches.from_json(switches)

    async def find(self, exchange: Exchange, parts: Sequence[Part], marked: Sequence[PatientText]) -> Found:
        """Look at the prompt."""
        del exchange
        return self._analyst.find(parts, marked, self._switches)

    async def look(self, exchange: Exchange, window: RedactedText) -> tuple[Finding, ...]:
        """Look at a window of the answer."""
        del exchange
        return tuple(self._analyst.look(window.reveal(), self._switches))


class _NoLook(_RealAnalyst):
    """The same, but windows of the answer are not looked at: what the other steps take."""

    async def look(self, exchange: Exchange, window: RedactedText) -> tuple[Finding, ...]:
        """Find nothing."""
        del exchange, window
        return ()


def _answer(tokens: int) -> list[str]:
    words = [f"{word} " for word in _SENTENCE.split()]
    return [words[i % len(words)] for i in range(tokens)]


async def _once(rooms: Rooms, house: FakeHouse, tokens: int) -> float:
    house.engine.answer = lambda _: _answer(tokens)
    who = Caller(1000, CallerKind.UID, "", "bench", frozenset())
    exchange = Exchange("x", who, "openai", True, 600_000, 0)
    prompt = Prompt(Conversation((Message(Role.USER, PatientText(_NOTE)),)), Sampling("demo-clinic"))
    codec, sent = Stream(ReplyHead("x", 0)), 0
    began = time.process_time()
    async with aclosing(journey(exchange, prompt, rooms)) as events:
        async for event in events:
            sent += len(codec.feed(event))
    if not sent:
        raise SystemExit("nothing was sent")
    return time.process_time() - began


def _slope(house: FakeHouse, analyst: object, tokens: int, runs: int) -> tuple[float, float]:
    """Seconds a token, and of an answer of no length."""
    rules = rules_of(policy_of("hospital"), 400, this_year=2026)
    rooms = Rooms(analyst, house.guard, house.engine, house.log, rules, house.watch, lambda: 0)  # type: ignore[arg-type]  # a benchmark's own
    short, long = tokens // 10, tokens
    few = statistics.median(asyncio.run(_once(rooms, house, short)) for _ in range(runs))
    many = statistics.median(asyncio.run(_once(rooms, house, long)) for _ in range(runs))
    each = (many - few) / (long - short)
    return each, few - each * short


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=800)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    print(machine())
    switches = rules_of(policy_of("hospital"), 400, this_year=2026).switches
    rows = []
    for name, kind in (
        ("segments, scan, restore, framing", _NoLook),
        ("the same and the look at each window", _RealAnalyst),
    ):
        each, fixed = _slope(FakeHouse(), kind(switches), args.tokens, args.runs)
        rows.append((name, f"{1000 * each:.3f} ms", f"{100 * each / 0.05:.2f} %", f"{1000 * max(fixed, 0.0):.1f} ms"))
    show("Processor time of the journey around the model", ("", "a token", "of 50 ms", "once an answer"), rows)


if __name__ == "__main__":
    main()
