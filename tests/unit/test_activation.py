"""Sockets handed over at start: by name, in any order, each exactly ours. Every case is a process of its own, because
descriptors 3 and up are the whole point.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = """
import json, os, socket, sys
from pathlib import Path
from proxy.activation import inherit, verify_no_strangers
from proxy.config import AccessSettings, Environment
from proxy.listeners import ListenerRefused, bind_api, bind_loopback
from proxy.peer import open_diag

order = json.loads(sys.argv[1])
folder = Path(order["folder"])
pair = bind_loopback(0)
port = pair[0].getsockname()[1]

def plain(family, address, device=b"lo\\0", kind=socket.SOCK_STREAM, listen=True):
    made = socket.socket(family, kind)
    if device and family != socket.AF_UNIX:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
    made.bind(address)
    if listen:
        made.listen()
    return made

made = {
    "4": pair[0], "6": pair[-1], "api": bind_api(folder / "api.sock"), "diag": open_diag(),
    "any": lambda: plain(socket.AF_INET, ("0.0.0.0", 0)),
    "other-port": lambda: plain(socket.AF_INET, ("127.0.0.1", 0)),
    "udp": lambda: plain(socket.AF_INET, ("127.0.0.1", 0), kind=socket.SOCK_DGRAM, listen=False),
    "other-api": lambda: plain(socket.AF_UNIX, str(folder / "other.sock")),
    "deaf": lambda: plain(socket.AF_UNIX, str(folder / "deaf.sock"), listen=False),
    "route": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "file": lambda: open("/dev/null"),
    "nodev": lambda: None,
}
if "nodev" in order["what"]:
    pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"\\0")
keep, numbers = [], []
for name in order["what"]:
    one = made["4" if name == "nodev" else name]
    one = one() if callable(one) else one
    keep.append(one)
    numbers.append(os.dup(one.fileno()))
for offset, number in enumerate(numbers):
    os.dup2(number, 200 + offset)
stranger = order.get("stranger")
os.closerange(3, 200)
for offset in range(len(numbers)):
    os.dup2(200 + offset, 3 + offset)
os.closerange(200, 300)
if stranger:
    os.dup2(0, 60)
env = Environment(
    home=folder, data_home=folder, runtime_dir=folder, no_color=True, listen_pid=order.get("pid", str(os.getpid())),
    listen_fds=order.get("fds", str(len(numbers))), listen_fdnames=":".join(order["names"]), notify_socket="",
    watchdog_usec="", boot="",
)
try:
    got = inherit(env, AccessSettings(port=port, socket=folder / "api.sock"))
    if got is None:
        answer = None
    else:
        verify_no_strangers(got.descriptors().values())
        answer = [sorted(got.descriptors()), [os.get_inheritable(n) for n in got.descriptors().values()]]
except ListenerRefused as error:
    answer = str(error)
os.write(1, json.dumps(answer).encode())
os._exit(0)
"""
ALL = (("diag", "4", "api", "6"), ("diag", "http", "api", "http"))


def handed(folder: Path, what: tuple[str, ...], names: tuple[str, ...], **more: object) -> object:
    order = {"folder": str(folder), "what": what, "names": names, **more}
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(order)], capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(ran.stdout)


@pytest.mark.parametrize("turn", range(4))
def test_all_four_are_taken_in_any_order_and_not_passed_on(tmp_path: Path, turn: int) -> None:
    what, names = ((*part[turn:], *part[:turn]) for part in ALL)
    found, inheritable = handed(tmp_path, what, names)  # type: ignore[misc]
    assert len([name for name in found if name.startswith("listen.http.")]) == 2
    assert {"diag", "listen.api"} <= set(found)
    assert not any(inheritable)


def test_nothing_was_handed_over_or_not_to_us(tmp_path: Path) -> None:
    assert handed(tmp_path, *ALL, fds="") is None
    assert handed(tmp_path, *ALL, pid=str(os.getpid())) is None


@pytest.mark.parametrize(
    ("what", "name", "says"),
    [
        ("any", "http", "not 127.0.0.1 or ::1"),
        ("other-port", "http", "not 127.0.0.1 or ::1"),
        ("nodev", "http", "loopback device"),
        ("udp", "http", "not a listening stream socket"),
        ("deaf", "api", "not a listening stream socket"),
        ("other-api", "api", "not api.sock"),
        ("4", "api", "another kind"),
        ("api", "http", "another kind"),
        ("route", "diag", "sock_diag"),
        ("file", "http", "not a socket"),
        ("4", "relay", "fd-unexpected"),
    ],
)
def test_a_descriptor_that_is_not_ours_stops_the_start(tmp_path: Path, what: str, name: str, says: str) -> None:
    assert says in str(handed(tmp_path, (what,), (name,)))


@pytest.mark.parametrize(
    ("what", "names", "says"),
    [
        (("4", "4"), ("http", "http"), "same address"),
        (("4", "6", "4"), ("http", "http", "http"), "fd-unexpected"),
        (("diag",), ("diag",), "no socket to listen on"),
        (("4", "6"), ("http",), "no names"),
    ],
)
def test_too_many_too_few_and_doubled(tmp_path: Path, what: tuple[str, ...], names: tuple[str, ...], says: str) -> None:
    assert says in str(handed(tmp_path, what, names))


def test_one_descriptor_more_than_was_named_stops_the_start(tmp_path: Path) -> None:
    assert "1 descriptor(s) were inherited" in str(handed(tmp_path, *ALL, stranger=True))
