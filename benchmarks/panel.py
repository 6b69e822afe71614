"""What a clinician waits for in the browser panel, on the demonstration's service in Debian's Chromium.

    python -m benchmarks.panel

From the key to the painted chips of a note of 2,000 characters, new and after an edit of the question; from *Send* to
the first painted words, beside `curl -N`, started for it and asked in turn with the panel; and the panel's
memory before and after 100 answers. Notes are new in each round, so that nothing is answered from a cache.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.notes import NOTES
from benchmarks.table import machine, ms, p50, p95, show
from proxy.cli.api import ask_service
from proxy.cli.demo_house import DemoHouse, build_house

_ROOT = Path(__file__).parents[1]
_CHARS = 2_000


def _note(number: int) -> str:
    """A text of 2,000 characters that was not asked before; two numbers a thousand apart differ in nothing else."""
    text, at = f"Visit {number}. ", number % 1_000
    while len(text) < _CHARS:
        text += NOTES[at % len(NOTES)].text + "\n"
        at += 1
    return text[:_CHARS]


def _quiet(parts: dict[str, str]) -> None:
    del parts


def _curl(house: DemoHouse) -> list[str]:
    """The command that asks the same service without a browser; the body comes on its standard input."""
    found = shutil.which("curl")
    if found is None:
        raise SystemExit("curl is not installed; nothing was measured. Install it (apt install curl), then try again.")
    head = [f"Authorization: Bearer {house.token}", "Content-Type: application/json"]
    url = f"http://127.0.0.1:{house.port}/v1/chat/completions"
    return [found, "-N", "-s", "-S", "--fail-with-body", *(part for h in head for part in ("-H", h)), url]


def _asked(house: DemoHouse, note: str) -> dict[str, Any]:
    """What the panel sends for a note, in the words of an OpenAI client."""
    question = f"Summarise this note in two sentences.\n\n{note}"
    return {"model": house.settings.models.answer, "stream": True, "messages": [{"role": "user", "content": question}]}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--answers", type=int, default=100)
    chosen = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="cordon-bench-") as name:
        house = build_house(Path(name))
        with house.serving(_quiet):
            where = argparse.Namespace(socket=house.settings.access.socket, config=None)
            offer = ask_service(where, "/cordon/v1/pairing", {})
            assert offer is not None
            plan = {
                "port": house.port, "code": offer.body["code"], "rounds": chosen.rounds, "answers": chosen.answers,
                "notes": [_note(1_000 + n) for n in range(2 * chosen.rounds)], "curl": _curl(house),
                "curlBodies": [_asked(house, _note(5_000 + n)) for n in range(chosen.rounds)],
            }  # fmt: skip
            ran = subprocess.run(
                ["node", str(_ROOT / "benchmarks" / "panel.mjs")], input=json.dumps(plan), text=True,
                capture_output=True, check=False, env={**os.environ, "CORDON_PYTHON": sys.executable},
            )  # fmt: skip
            if ran.returncode != 0:
                raise SystemExit(ran.stderr[-2000:])
    got = json.loads(ran.stdout)
    rows = [
        ("key to chips, a new note", got["previews"]),
        ("key to chips, question edited", got["again"]),
        ("Send to first words, panel", got["firsts"]),
        ("request to first words, curl -N", got["plain"]),
        ("the panel beyond curl, pair by pair", [a - b for a, b in zip(got["firsts"], got["plain"], strict=True)]),
    ]
    header = ("notes of 2,000 characters", "p50", "p95", "slowest")
    show(
        "The panel, one request at a time",
        header,
        [(what, ms(p50(v) / 1000), ms(p95(v) / 1000), ms(max(v) / 1000)) for what, v in rows],
    )
    before, after = got["before"], got["after"]
    show(
        f"Memory of the panel's page, texts cleared, before and after {chosen.answers} answers",
        ("", "before", "after"),
        [
            ("JavaScript heap", f"{before['bytes'] / 2**20:.2f} MiB", f"{after['bytes'] / 2**20:.2f} MiB"),
            ("nodes of the document", f"{before['nodes']:.0f}", f"{after['nodes']:.0f}"),
        ],
    )
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
