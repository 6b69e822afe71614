"""A full disk and a log that cannot be written, for real: the log on a small or read-only file system of our own.

Inside a mount namespace made here; outside of it nothing changes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import subprocess, sys
from pathlib import Path
from proxy.cli.demo_house import DemoFailed, build_house

how, folder = sys.argv[1], Path(sys.argv[2])
house = build_house(folder)
audit = house.settings.audit.dir
kept = folder / "kept"
subprocess.run(["cp", "-a", audit, kept], check=True)
if how == "full":
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "none", audit], check=True)
    subprocess.run(["cp", "-a", f"{kept}/.", audit], check=True)
else:
    subprocess.run(["mount", "--bind", audit, audit], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", audit], check=True)
ready = {}
try:
    with house.serving(ready.update, seconds=20):
        ask = {"model": "demo-chat", "messages": [{"role": "user", "content": "Good morning"}], "max_tokens": 20}
        print("CODE", house.post("/v1/chat/completions", ask).body.get("error", {}).get("code"))
        print("STATUS", house.get("/readyz").status)
except DemoFailed:
    print("CODE", ready.get("log"))
"""


def run(how: str, folder: Path) -> str:
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", sys.executable, "-c", SCRIPT, how, str(folder)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_full_disk_refuses_every_prompt_before_anything_is_asked(tmp_path: Path) -> None:
    assert "CODE audit_full" in run("full", tmp_path)


def test_a_log_that_cannot_be_written_means_nothing_is_answered(tmp_path: Path) -> None:
    assert "CODE audit_unavailable" in run("readonly", tmp_path)
