"""Accounts and places: who is answering, and how an answer is ended from outside."""

from __future__ import annotations

import asyncio

import pytest

from proxy.asking import Account, OpenAnswers, Place
from proxy.errors import CordonError
from proxy.exchange import Broken, Caller, CallerKind, Event, Finish, Finished, Refused, Usage, Withheld
from proxy.health import Metrics
from tests.kit.gateway import RecordingJournal

USE = frozenset({"use"})
PANEL = Caller(1000, CallerKind.EXTENSION, "k1", "panel", USE)
SCRIPT = Caller(1000, CallerKind.TOKEN, "k2", "script", USE)


@pytest.mark.parametrize(
    ("event", "outcome", "code"),
    [
        (Finished(Finish.STOP, Usage(1, 1), ()), "ok", ""),
        (Refused("prompt_refused"), "refused", "prompt_refused"),
        (Withheld("response_refused", "hate"), "withheld", "response_refused"),
        (Broken("engine_lost"), "broken", "engine_lost"),
        (None, "cancelled", ""),
    ],
)
def test_an_account_says_how_it_ended(event: Event | None, outcome: str, code: str) -> None:
    account, journal, metrics = Account("e1", "tcp", "openai", "chat", SCRIPT), RecordingJournal(), Metrics()
    if event is not None:
        account.settle(event, 200)
    account.write(journal, metrics)
    line = journal.lines[0]
    assert (line["outcome"], line["code"], line["kind"], line["kid"]) == (outcome, code, "token", "k2")
    assert f'cordon_exchanges_total{{dialect="openai",outcome="{outcome}"}} 1.0'.encode() in metrics.render()


def test_a_refusal_without_an_event_is_rejected() -> None:
    account = Account("e1", "tcp", "openai", "chat", SCRIPT)
    account.refused("bad_json", 400)
    assert (account.outcome, account.status) == ("rejected", 400)
    account.settle(Refused("prompt_refused"), 0)
    account.refused("prompt_refused", 400)
    assert (account.outcome, account.status) == ("refused", 400)


async def test_places_end_with_their_code_and_only_once() -> None:
    answers = OpenAnswers(Metrics())

    async def wait_for_ever(place: Place) -> None:
        async with place.scope:
            answers.end_of(frozenset({"other"}), "token_unknown")
            answers.end_of(frozenset({"k2"}), "token_unknown")
            answers.end_all("stopping")
            await asyncio.Event().wait()

    with answers.place(SCRIPT) as place, pytest.raises(TimeoutError):
        await wait_for_ever(place)
    assert place.code == "token_unknown"
    assert answers.places == []
    answers.end_all("stopping")


async def test_ending_an_answer_that_is_over_does_nothing() -> None:
    answers = OpenAnswers(Metrics())
    with answers.place(SCRIPT) as place:
        async with place.scope:
            pass
        answers.end_all("stopping")
        await asyncio.sleep(0)


async def test_two_panels_and_any_number_of_scripts() -> None:
    answers = OpenAnswers(Metrics())
    with (
        answers.place(PANEL),
        answers.place(PANEL),
        answers.place(SCRIPT),
        answers.place(SCRIPT),
        answers.place(SCRIPT),
    ):
        with pytest.raises(CordonError, match="too_many_requests"), answers.place(PANEL):
            pass
        assert len(answers.places) == 5
