"""Where a child crashed is said as places in programs; whatever else it writes is counted and not passed on."""

from __future__ import annotations

import os
import select

from hypothesis import given
from hypothesis import strategies as st

from proxy.workers.crash import CrashPipe
from tests.kit.locked_child import run_child

TRACE = """Fatal Python error: Segmentation fault

Current thread 0x00007f0000000001 (most recent call first):
  File "/opt/cordon/lib/python3.11/site-packages/filters/ner.py", line 41 in runs
  File "/opt/cordon/lib/python3.11/site-packages/proxy/workers/analyst.py", line 7 in <module>
  File "short.py", line 3 in main
"""


def said(text: bytes) -> tuple[tuple[str, ...], int]:
    """What passes of what a child wrote, all read as it comes."""
    pipe = CrashPipe()
    reading, written = True, 0
    while reading:
        written += os.write(pipe.theirs, text[written : written + 4096])
        if written == len(text):
            os.close(pipe.theirs)
        while select.select([pipe.ours], [], [], 0)[0]:
            reading = pipe.read()
            if not reading or written < len(text):
                break
    return pipe.close()


def test_places_pass_and_the_rest_is_counted() -> None:
    assert said(TRACE.encode()) == (
        ("site-packages/filters/ner.py:41:runs", "short.py:3:main"), 4
    )  # fmt: skip


def test_a_child_that_was_taken_over_tells_nothing() -> None:
    forged = (
        'File "/a.py", line 1 in f', '  File "/a.py", line 1 in f # Nimal has asthma', '  File "/a.py", line x in f',
        f'  File "/{"a" * 201}.py", line 1 in f', "Nimal",
    )  # fmt: skip
    assert said("\n".join(forged).encode()) == ((), 5)


def test_no_more_than_a_hundred_places_and_64_kib() -> None:
    line = b'  File "/opt/x/y.py", line 1 in f\n'
    places, others = said(line * 5000)
    assert set(places) == {"opt/x/y.py:1:f"}
    assert len(places) == 100
    assert 1500 < others < 2500


@given(st.binary(max_size=400))
def test_any_bytes_can_be_read(text: bytes) -> None:
    places, _ = said(text or b"\n")
    assert all(len(place) <= 240 for place in places)


def test_a_child_that_is_alive_is_not_waited_for() -> None:
    pipe = CrashPipe()
    os.write(pipe.theirs, TRACE.encode())
    assert pipe.close()[0][1] == "short.py:3:main"  # its end is still open
    os.close(pipe.theirs)


def test_a_locked_child_says_where_it_died() -> None:
    got = run_child("""
        import pathlib, signal
        from proxy.workers.border import Arguments, Control
        from proxy.workers.crash import CrashPipe
        from proxy.workers.lockdown import lock_child
        pipe = CrashPipe()
        child = os.fork()
        if child == 0:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.close()
            control = Control(theirs.detach())
            given = {"control": control.socket.fileno(), "crash": pipe.theirs, "out": 1, "err": 2}
            locked = lock_child(Role.ENGINE, Arguments(given, json.dumps({"own_namespaces": False}), "{}"), control)
            locked.seal()
            unexpected = json.loads(locked.facts())["proc"]["fds"]["unexpected"]
            def died_here():
                os.kill(os.getpid(), signal.SIGSEGV)
            if not unexpected:
                died_here()
            os._exit(7)
        pipe.give()
        status = os.waitpid(child, 0)[1]
        answer([os.waitstatus_to_exitcode(status), os.WCOREDUMP(status), *pipe.close()])
    """)
    assert isinstance(got, list)
    assert got[:2] == [-11, False]  # and no core file
    # the lines were given on the command line, so they have no file: `File "<string>"`
    assert [place.split(":")[-1] for place in got[2]] == ["died_here"]
