"""The service as the package installs it on a booted container: enrolled, asked, started, refused.

    with booted(package, folder) as machine:
        enrolled(machine)
        answered(machine)

Law: what is done to the machine is what an administrator or a user would do; what is read is what they would see.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kit.nspawn import Machine, base_tree

__all__ = [
    "HOLDERS",
    "SETTINGS",
    "answered",
    "ask",
    "booted",
    "changed",
    "child",
    "ended",
    "enrolled",
    "evidence",
    "records",
    "refused",
    "report",
    "start",
    "stop",
]

SETTINGS = """
[models]
answer = "demo-chat"
guard = "demo-guard"
demo_models = true
[policy]
name = "{policy}"
[audit]
site = "demo.invalid"
"""
ENROL = """
set -e
rm -rf /var/tmp/e; mkdir -m 777 /var/tmp/e; cd /var/tmp/e
cordon officer init --site demo.invalid --dir /var/tmp/e/officer --name nimali --name ruwan --json > keys.json
python3 -c 'import json; print(json.load(open("keys.json"))["passphrases"]["nimali"])' > pass
runuser -u cordon -- cordon audit init --out /var/tmp/e
cordon enrol enrol-request.note --dir officer --identity officer/nimali.identity.age --passphrase-file pass --yes
chmod 644 enrolment.note
runuser -u cordon -- cordon audit accept enrolment.note --yes
mkdir me; cp officer/trust.json officer/keyring.age officer/nimali.identity.age me
"""
ASK = """
import json, socket, time
body = json.dumps({"model": "demo-chat", "temperature": 0, "max_tokens": 40,
                   "messages": [{"role": "user", "content": "How is asthma treated?"}]}).encode()
def ask():
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(60)
    one.connect("/run/cordon/api.sock")
    head = f"POST /v1/chat/completions HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\n"
    one.sendall(f"{head}Connection: close\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n".encode() + body)
    answer = b""
    while chunk := one.recv(65536):
        answer += chunk
    head, _, rest = answer.partition(b"\\r\\n\\r\\n")
    return int(head.split()[1]), rest
until, status, answer = time.monotonic() + SECONDS, 0, b""
while time.monotonic() < until:
    try:
        status, answer = ask()
    except OSError:
        status = 0
    if status == 200:
        break
    time.sleep(0.5)
try:
    found = json.loads(answer)
except ValueError:
    found = {}
print(json.dumps([status, found]))
"""
HOLDERS = "ss -Hltn '( sport = :8642 )'"


@contextmanager
def booted(package: Path, folder: Path) -> Iterator[Machine]:
    """A fresh machine, with the package lying on it."""
    with Machine.boot(base_tree(), folder) as made:
        (made.tree / "var/tmp/cordon.deb").write_bytes(package.read_bytes())
        yield made


def enrolled(machine: Machine, policy: str = "hospital") -> None:
    """Settings of a site, its officer, and her consent."""
    machine.write("/etc/cordon/cordon.toml", SETTINGS.format(policy=policy))
    machine.run("sh", "-c", ENROL)


def ask(machine: Machine, seconds: int = 90) -> tuple[int, dict[str, Any]]:
    """Ask over the socket until there is an answer; the last status and body."""
    status, answer = machine.python(ASK.replace("SECONDS", str(seconds)))
    return status, answer


def answered(machine: Machine) -> None:
    """Assert that a question is answered."""
    status, answer = ask(machine)
    assert status == 200, answer
    assert answer["choices"][0]["message"]["content"]


def records(machine: Machine) -> list[dict[str, Any]]:
    """The whole log, opened with the officer's key."""
    done = machine.run(
        "sh", "-c", "cd /var/tmp/e && cordon audit records /var/lib/cordon/audit --trust me/trust.json "
        "--keyring me/keyring.age --identity me/nimali.identity.age --passphrase-file pass --json",
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def evidence(machine: Machine) -> list[dict[str, Any]]:
    """The evidence records of the log, in order."""
    return [one for one in records(machine) if one["kind"] == "E"]


def report(machine: Machine) -> str:
    """The officer's report of the whole log, as she reads it: without the markup."""
    command = "cd /var/tmp/e && rm -rf report && cordon audit report /var/lib/cordon/audit --out report "
    command += "--trust me/trust.json --keyring me/keyring.age --identity me/nimali.identity.age --passphrase-file pass"
    machine.run("sh", "-c", command, check=False)  # 1 where a stretch is not covered
    page = (machine.tree / "var/tmp/e/report/report.html").read_text(encoding="utf-8")
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", page)).split())


def child(machine: Machine, module: str) -> int:
    """The number of a child inside the container; 0 while there is none."""
    found = machine.run("pgrep", "-f", f"m {module} ", check=False).stdout.split()
    return int(found[0]) if found else 0


def start(machine: Machine) -> int:
    """Start anew; the exit status of `systemctl`."""
    return machine.run("systemctl", "restart", "cordon.service", check=False, timeout=300).returncode


def stop(machine: Machine) -> None:
    """Stop, and forget a failure."""
    machine.run("systemctl", "stop", "cordon.service")
    machine.run("systemctl", "reset-failed", check=False)


def refused(machine: Machine) -> str:
    """Start, which must be refused for good; returns the sentence an administrator reads."""
    assert start(machine) != 0
    return ended(machine)


def ended(machine: Machine) -> str:
    """The service gave up, nothing starts it again, its port is still held; returns the sentence in its status."""
    state = tuple(machine.show("cordon.service", name) for name in ("ExecMainStatus", "ActiveState", "NRestarts"))
    assert state == ("78", "failed", "0"), (state, machine.show("cordon.service", "StatusText"))
    assert machine.run("sh", "-c", HOLDERS).stdout.count("8642") == 2
    return machine.show("cordon.service", "StatusText")


@contextmanager
def changed(machine: Machine, path: str, old: str, new: str) -> Iterator[None]:
    """A build of ours that differs in one line of an installed module, for as long as the block runs."""
    (file,) = machine.tree.glob(f"opt/cordon/lib/python3*/site-packages/{path}")
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    file.write_text(text.replace(old, new), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(text, encoding="utf-8")
