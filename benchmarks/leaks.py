"""What an outside judge says: pii-leak-benchmark against the real service, under its hardest reading of a leak.

    python -m benchmarks.leaks [--seeds 5] [--oracle union-worst-case] [--seed HEX ...]

The judge is client and upstream at once: it sends notes with planted identifiers through the service, looks for them in
what would reach a model, makes a model's answer from what arrived, and compares what comes back. `pass` means that no
identifier reached the upstream, in whole or in part, and that every answer came back as it should. Seeds are fresh
unless given; they are printed, so that a run can be repeated. The service runs with the engine `http`, as the judge
stands where a server of the user's would, and under the policy that judges nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from benchmarks.table import show
from tests.kit.service import Running, http_house

TOOL = Path(sys.executable).with_name("pii-leak-benchmark-v2")
_LONGEST_S = 3_600
HEAD = ("seed", "outcome", "fidelity", "whole", "cut", "inconclusive", "request path", "cases", "partial", "seconds")


def free_port() -> int:
    """Return a port nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def judged(running: Running, ports: tuple[int, int], seed: str, oracle: str, out: Path) -> tuple[str, ...]:
    """Run the judge once; returns a row of the table without its time."""
    reports = out / f"v2-{seed}"
    code = _run(
        [TOOL, "--validate", "--out", reports, "--only", "cordon", "--gateway-url",
         f"http://127.0.0.1:{ports[0]}/v1/chat/completions", "--upstream-port", str(ports[1]), "--model", "conformance",
         "--seed", seed, "--oracle", oracle, "--partial-emission", "--json-out", out / f"{seed}.json"],
        out, {**os.environ, "CONFORMANCE_TARGET_API_KEY": running.house.token, "V2_CLIENT_READ_TIMEOUT": "60"},
    )  # fmt: skip
    if code < 0:
        raise SystemExit(f"the judge was ended by signal {-code}; seed {seed} has no result")
    path = out / f"{seed}.json"
    if not path.exists():
        return (seed, f"exit {code}", *[""] * 7)
    row = json.loads(path.read_text(encoding="utf-8"))["rows"][0]
    metrics = json.loads((reports / "cordon.partial-emission.json").read_text(encoding="utf-8"))["metrics"]
    partial = f"{metrics['cases_partial_emission']}/{metrics['cases_applicable']}"
    rates = (row["fidelity_rate"], row["leak_single_chunk"], row["leak_adversarial"], row["inconclusive"])
    cases = f"{row['cases_attempted']}/{row['cases_applicable']}"
    path_leak = str(len(row["request_path_leak"]))
    return (seed, row["outcome"], *map(str, rates), path_leak, cases, partial)


def _run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> int:
    """Run the judge to its end, in a group of its own that ends with us: it has children, and must not go on alone."""
    with (folder / "said.txt").open("w+", encoding="utf-8") as said:
        judge = subprocess.Popen(
            list(command), cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=said,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            code = judge.wait(_LONGEST_S)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"the judge did not end within {_LONGEST_S} s") from None
        finally:
            with suppress(ProcessLookupError):  # the usual case: everybody has gone
                os.killpg(judge.pid, signal.SIGKILL)
            judge.wait()
        return code


def _leave(*_: object) -> NoReturn:
    raise SystemExit(143)  # as an exception, so that judge and service are ended on the way out


def main() -> None:
    """Run and print the table; exit 1 when a run did not pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", action="append", default=[], help="a seed to repeat; may be given several times")
    parser.add_argument("--oracle", default="union-worst-case", choices=("midpoint", "union-worst-case"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    seeds = options.seed or [secrets.token_hex(8) for _ in range(options.seeds)]
    rows, ports = [], (free_port(), free_port())
    with tempfile.TemporaryDirectory() as folder:
        house = http_house(Path(folder), ports[0], f"http://127.0.0.1:{ports[1]}/v1")
        with house.serving(lambda _: None):
            for seed in seeds:
                began = time.monotonic()
                row = judged(Running(house), ports, seed, options.oracle, Path(folder))
                rows.append((*row, f"{time.monotonic() - began:.0f}"))
                print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    show("pii-leak-benchmark v2, each seed one run", HEAD, rows)
    print(f"pii-leak-benchmark {version('pii-leak-benchmark')}, oracle {options.oracle}")
    if any(row[1] != "pass" for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
