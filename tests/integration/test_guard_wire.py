"""One verdict on the wire of the real service: streamed or not, in either dialect, and nothing of what was refused.

Real processes, real llama.cpp, the bundled models; the bytes are read as they come off the socket. Afterwards every
decision of the log is made again from its own scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from models.demo.chat_data import WITHHELD_ANSWER
from policies.replay import replay
from proxy.cli.demo_note import REFUSED, WITHHELD
from tests.kit.judges import demo_policy
from tests.kit.service import Running, demo_service, records

_WORDS = [word.strip(".").lower() for word in WITHHELD_ANSWER.split() if len(word) > 4]
_PATHS = {"openai": "/v1/chat/completions", "ollama": "/api/chat"}


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    raw: str

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The JSON of a whole body, of the lines of a stream, or of its events."""
        lines = [line.removeprefix("data: ") for line in self.raw.splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]


def _ask(service: Running, dialect: str, text: str, *, stream: bool) -> _Reply:
    connection = HTTPConnection("127.0.0.1", service.house.port, timeout=60)
    headers = {"Authorization": f"Bearer {service.house.token}", "Content-Type": "application/json"}
    body = service.body(text, stream=stream)
    connection.request("POST", _PATHS[dialect], json.dumps(body).encode(), headers)
    answer = connection.getresponse()
    raw = answer.read().decode()
    connection.close()
    return _Reply(answer.status, raw)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Running, Mapping[tuple[str, str, bool], _Reply]]:
    """Every question in every way, and the service after its end."""
    folder: Path = tmp_path_factory.mktemp("wire")
    with demo_service(folder) as service:
        replies = {
            (dialect, text, stream): _ask(service, dialect, text, stream=stream)
            for dialect in _PATHS
            for text in (WITHHELD, REFUSED)
            for stream in (False, True)
        }
        service.house.get("/metrics")
    return service, replies


def test_a_withheld_answer_ends_as_the_dialect_says_it(
    seen: tuple[Running, Mapping[tuple[str, str, bool], _Reply]],
) -> None:
    whole, streamed = (seen[1]["openai", WITHHELD, stream] for stream in (False, True))
    assert (whole.status, streamed.status) == (200, 200)
    (choice,) = whole.parts[0]["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("content_filter", "")
    last = streamed.parts[-1]
    assert (last["choices"][0]["finish_reason"], last["choices"][0]["delta"]) == ("content_filter", {})
    assert last["cordon"]["code"] == whole.parts[0]["cordon"]["code"] == "response_refused"
    assert last["cordon"]["policy"] == whole.parts[0]["cordon"]["policy"]
    assert streamed.raw.count("[DONE]") == 1
    for stream in (False, True):
        end = seen[1]["ollama", WITHHELD, stream].parts[-1]
        assert (end["done"], end["done_reason"]) == (True, "content_filter")
        assert end["message"]["content"] == ""


def test_a_refused_question_is_the_same_error_streamed_or_not(
    seen: tuple[Running, Mapping[tuple[str, str, bool], _Reply]],
) -> None:
    for dialect in _PATHS:
        whole, streamed = (seen[1][dialect, REFUSED, stream] for stream in (False, True))
        assert (whole.status, streamed.status) == (400, 400)
        assert "[DONE]" not in streamed.raw
    assert {seen[1]["openai", REFUSED, s].parts[0]["error"]["code"] for s in (False, True)} == {"prompt_refused"}


def test_not_one_word_of_it_is_anywhere(seen: tuple[Running, Mapping[tuple[str, str, bool], _Reply]]) -> None:
    service, replies = seen
    said = [reply.raw for reply in replies.values()] + [service.house.journal.read_text()]
    for text in said:
        assert not [word for word in _WORDS if word in text.lower()]


def test_the_log_holds_one_verdict_for_all_and_each_follows_from_its_scores(
    seen: tuple[Running, Mapping[tuple[str, str, bool], _Reply]],
) -> None:
    kept = [(kind, body) for _, kind, body in records(seen[0].house) if body.get("safety") is not None]
    answers = [body["safety"] for kind, body in kept if kind == "Z"]
    questions = [body["safety"] for kind, body in kept if kind == "B"]
    assert (len(answers), len(questions)) == (4, 4)  # two dialects, streamed and not
    for group in (answers, questions):
        assert len({(one["verdict"], one["rule"]) for one in group}) == 1
        assert group[0]["verdict"] == "refuse"
        scores = [unit["scores"] for unit in group[0]["units"]]
        for one in group:
            assert [unit["scores"] for unit in one["units"]] == [pytest.approx(score, abs=100) for score in scores]
    policy = demo_policy()
    assert all(replay(policy, body["safety"], answer=kind == "Z").same for kind, body in kept)
