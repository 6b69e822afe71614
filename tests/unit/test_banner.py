"""What was flagged is said in a sentence, in each dialect, and nothing is said where nothing was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from policies.model import Direction
from proxy.build import House
from proxy.dialects import ReplyHead, openai_reply, panel
from proxy.dialects.banner import banner_of, notes_of
from proxy.dialects.ollama_reply import chat_whole
from proxy.exchange import Event, Finish, Finished, Opened, Usage, Withheld
from proxy.health import PARTS, readiness
from tests.kit.gateway_house import HandClock, plan_of, prepare_folder
from tests.kit.policies import IDS

HEAD = ReplyHead("x1", 1_700_000_000, include_usage=False, demo_models=frozenset())


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((), ""),
        (("dangerous/prompt",), "noticed harm to oneself or others in the question. The answer was given"),
        (("dangerous/prompt", "sexual/prompt"), "harm to oneself or others and sexual content in the question."),
        (
            ("hate/response", "hate/prompt"),
            "hate speech in the question. The safety check noticed hate speech in the answer.",
        ),
        (("injection/tool",), "A tool's result contains text that gives orders to the model. The answer was given"),
        (("injection/user",), "A document in the question contains"),
        (("language/unsupported",), "not made for the language of this text."),
        (("unsafe-allow-all",), "UNSAFE: this service runs under a policy that makes no safety check."),
    ],
)
def test_sentences(flags: tuple[str, ...], says: str) -> None:
    assert says in banner_of(flags)
    assert bool(banner_of(flags)) == bool(flags)


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("direction", list(Direction))
def test_every_rule_has_its_words(id_: str, direction: Direction) -> None:
    assert "noticed" in banner_of((f"{id_}/{direction}",))


def test_provisional_thresholds_are_said_without_a_flag_too() -> None:
    assert notes_of((), "provisional") == {
        "banner": "The thresholds of the safety check are provisional: nobody measured them.",
        "thresholds": "provisional",
    }
    for basis in ("measured", "demo", "off", ""):
        assert notes_of((), basis) == {}


def _cordon(events: list[Event], dialect: str) -> dict[str, Any]:
    if dialect == "openai":
        return dict(json.loads(openai_reply.whole(HEAD, events))["cordon"])
    if dialect == "openai stream":
        stream = openai_reply.Stream(HEAD)
        lines = b"".join(map(stream.feed, events)).decode().split("\n\n")
        return dict(json.loads(lines[-3].removeprefix("data: "))["cordon"])
    if dialect == "ollama":
        return dict(json.loads(chat_whole(HEAD, events))["cordon"])
    stream_ = panel.Stream(HEAD)
    return dict(json.loads(b"".join(map(stream_.feed, events)).decode().split("data: ")[-1]))


@pytest.mark.parametrize("dialect", ["openai", "openai stream", "ollama", "panel"])
def test_each_dialect_carries_it_beside_the_flags(dialect: str) -> None:
    opened = Opened("m", ("dangerous/prompt",))
    said = _cordon([opened, Finished(Finish.STOP, Usage(1, 1), ("dangerous/prompt",), "provisional")], dialect)
    assert said["flags"] == ["dangerous/prompt"]
    assert said["banner"].startswith("The safety check noticed harm")
    assert said["thresholds"] == "provisional"
    plain = _cordon([opened, Finished(Finish.STOP, Usage(1, 1), (), "measured")], dialect)
    assert not {"banner", "thresholds"} & set(plain)


@pytest.mark.parametrize("dialect", ["openai", "openai stream", "ollama"])
def test_a_refused_answer_says_whose_thresholds_refused_it(dialect: str) -> None:
    said = _cordon([Opened("m", ()), Withheld("response_refused", "hate/response", "provisional")], dialect)
    assert (said["code"], said["thresholds"]) == ("response_refused", "provisional")


# ---- the health answer -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "marks"), [("hospital", ("thresholds-provisional",)), ("unsafe-allow-all", ("unsafe-allow-all",))]
)
def test_the_health_answer_is_marked(tmp_path: Path, policy: str, marks: tuple[str, ...]) -> None:
    prepare_folder(tmp_path)
    house = House(plan_of(tmp_path, policy=policy), HandClock(), lambda: None)  # type: ignore[arg-type]
    assert house.marks() == marks
    body = json.loads(readiness(dict.fromkeys(PARTS, "ok"), house.marks()).body)
    assert body["marks"] == list(marks)
    assert "marks" not in json.loads(readiness({}).body)
