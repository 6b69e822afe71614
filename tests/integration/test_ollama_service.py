"""The Ollama dialect on the real service: the same journey, the same log, other bytes."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from tests.kit.service import demo_service, examined, records

NOTE = "Summarise for the ward: Nimal Perera, NIC 851234567V, has fever since Monday and a cough."


def test_a_question_in_both_dialects_gets_the_same_answer_and_record(tmp_path: Path) -> None:
    with demo_service(tmp_path) as service:
        house = service.house
        model = house.settings.models.answer
        options = {"temperature": 0, "num_predict": 120}
        body = {"model": f"{model}:latest", "messages": [{"role": "user", "content": NOTE}], "options": options}
        openai = service.chat(NOTE)["choices"][0]["message"]["content"]
        base, headers = f"http://127.0.0.1:{house.port}", {"Authorization": f"Bearer {house.token}"}
        with httpx.Client(base_url=base, headers=headers, timeout=120) as http:
            lines = [json.loads(line) for line in http.post("/api/chat", json=body).text.splitlines()]
            whole = http.post("/api/generate", json=body | {"prompt": NOTE, "stream": False}).json()
            (shown,) = http.get("/api/tags").json()["models"]
            facts = http.post("/api/show", json={"model": model}).json()
    assert openai
    assert "".join(line["message"]["content"] for line in lines) == whole["response"] == openai
    last = lines[-1]
    assert (last["done"], last["done_reason"], last["model"]) == (True, "stop", model)
    assert last["prompt_eval_count"] > 0
    assert 0 < last["eval_duration"] <= last["total_duration"]
    assert (shown["model"], len(shown["digest"])) == (model, 64)
    assert facts["model_info"][f"{facts['details']['family']}.context_length"] > 0
    dialects = [record["dialect"] for _, kind, record in records(house) if kind == "R"]
    assert dialects == ["openai", "ollama", "ollama"]
    assert examined(house).verdict == "VERIFIED"
