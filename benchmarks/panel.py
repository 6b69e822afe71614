"""What a clinician waits for in the browser panel, on the demonstration's service in Debian's Chromium.

    python -m benchmarks.panel

From the key to the painted chips of a note of 2,000 characters, new and after an edit of the question; from *Send* to
the first painted words, beside a plain HTTP client that asks the same service the same kind of note; and the panel's
memory before and after 100 answers. Notes are new in each round, so that nothing is answered from a cache.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.notes import NOTES
from benchmarks.table import machine, ms, p50, p95, show
from proxy.cli.api import ask_service
from proxy.cli.demo_house import DemoHouse, build_house

_ROOT = Path(__file__).parents[1]
_CHARS = 2_000


def _note(number: int) -> str:
    """A text of 2,000 characters that was not asked before."""
    text, at = f"Visit {number}. ", number
    while len(text) < _CHARS:
        text += NOTES[at % len(NOTES)].text + "\n"
        at += 1
    return text[:_CHARS]


def _quiet(parts: dict[str, str]) -> None:
    del parts


def _plain_first_s(house: DemoHouse, number: int) -> float:
    """Seconds to the first words for a client without a browser."""
    body = {
        "model": house.settings.models.answer,
        "messages": [{"role": "user", "content": f"Summarise this note in two sentences.\n\n{_note(number)}"}],
    }
    began = time.perf_counter()
    first = 0.0
    for event in house.stream("/v1/chat/completions", body):
        if "error" in event:
            raise SystemExit(f"refused: {event['error']}")
        if not first and event["choices"] and event["choices"][0]["delta"].get("content"):
            first = time.perf_counter() - began
    return first


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
                "notes": [_note(1_000 + n) for n in range(2 * chosen.rounds)],
            }  # fmt: skip
            ran = subprocess.run(
                ["node", str(_ROOT / "benchmarks" / "panel.mjs")], input=json.dumps(plan), text=True,
                capture_output=True, check=False, env={**os.environ, "CORDON_PYTHON": sys.executable},
            )  # fmt: skip
            if ran.returncode != 0:
                raise SystemExit(ran.stderr[-2000:])
            plain = [_plain_first_s(house, 5_000 + n) for n in range(chosen.rounds)]
    got = json.loads(ran.stdout)
    rows = [
        ("key to chips, a new note", got["previews"]),
        ("key to chips, question edited", got["again"]),
        ("Send to first words, panel", got["firsts"]),
        ("request to first words, no browser", [1000 * value for value in plain]),
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
