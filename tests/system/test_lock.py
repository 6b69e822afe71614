"""The real lock on the real kernel: what is refused after it, what still works, and that each control can fail.

A control that gives the same with and without the lock is not evidence, so both columns are asserted. Every case is a
process of its own. Nothing here leaves the machine: the unlocked column runs in a network namespace of its own.
"""

import errno
import json
import platform
from pathlib import Path

import pytest

from proxy.workers.bpf import filter_digest
from proxy.workers.controls import WITHOUT, expected
from proxy.workers.landlock import landlock_abi
from proxy.workers.lockstate import Role
from tests.kit.locked_child import filters_here, run_child, user_namespaces
from tests.kit.tinymodels import tiny_gemma4

ARCH = platform.machine()
LANDLOCK = landlock_abi() > 0
ROLES = ("GATEWAY", "ANALYST", "ENGINE", "ENGINE_HTTP", "ENGINE_GPU")


def without_landlock(wrong: object) -> list[object]:
    """Leave out what only Landlock can refuse, where the kernel has none."""
    assert isinstance(wrong, list)
    return wrong if LANDLOCK else [one for one in wrong if one[0] not in {"read-outside", "write-outside"}]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("user", ["as it is", "as nobody"])
def test_every_control_is_refused_after_the_lock(role: str, user: str) -> None:
    wrong = run_child(f"""
        if {user!r} == "as nobody":
            become_nobody()
        lock(plan(Role.{role}))
        answer(wrong(Role.{role}))
    """)
    assert without_landlock(wrong) == []


def test_every_control_gives_something_else_without_the_lock() -> None:
    got = run_child("""
        from proxy.workers.namespaces import take_namespaces
        if not take_namespaces(network=True):
            def no_question(*_):
                raise OSError
            socket.getaddrinfo = no_question
        answer([[one.name, one.expect, one.got] for one in controls(Role.ANALYST, sealed=False)])
    """)
    assert isinstance(got, list)
    assert [name for name, _, _ in got] == list(expected(Role.ANALYST, sealed=False))
    for name, expect, outcome in got:
        assert outcome in WITHOUT[name], name
        if name not in {"dns", "local-echo"}:  # fails anyway without a resolver; must work anyway
            assert outcome != expect or WITHOUT[name] > {expect}, name


def test_an_accepted_connection_cannot_be_turned_round() -> None:
    lines = """
        from proxy.workers.kernel import call
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, 25, b"lo")
        client = socket.create_connection(listener.getsockname())
        if {locked}:
            os.dup2(client.fileno(), 200, inheritable=False)
            lock(plan(Role.GATEWAY, listener.fileno()))
        accepted = listener.accept()[0] if not {locked} else listener
        answer([call("connect", accepted.fileno(), bytes(16), 16)])
    """
    assert run_child(lines.replace("{locked}", "False")) == [0]
    assert run_child(lines.replace("{locked}", "True")) == [-errno.EPERM]


RULES = {
    "socket": {"tcp4", "tcp6", "udp4", "udp6", "mptcp", "packet", "netlink", "vsock", "unix"},
    "connect": {"connect", "reconnect-accepted"},
    "bind": {"bind"},
    "shutdown": {"shutdown"},
    "sendto": {"fastopen", "send-address"},
    "sendmsg": {"fastopen"},
    "sendmmsg": {"fastopen"},
    "io_uring_setup": {"io-uring"},
    "execve": {"exec"},
    "clone": {"fork"},
    "unshare": {"namespace"},
    "ptrace": {"ptrace"},
    "pidfd_getfd": {"pidfd-getfd"},
    "mmap": {"write-exec"},
    "mprotect": {"exec-later"},
    "prctl": {"dumpable"},
    "memfd_create": {"memfd"},
    "listen": {"listen"},
}
# A second wall or the machine may still refuse these: a family without its module, io_uring switched off.
MAY_STAY = {"socket": {"vsock", "packet"}, "io_uring_setup": {"io-uring"}, "unshare": {"namespace"}}


@pytest.mark.parametrize("left_out", RULES)
def test_one_missing_rule_changes_exactly_its_controls(left_out: str) -> None:
    wrong = run_child(f"""
        def weaker(role, arch):
            return assemble(tuple(rule for rule in rules(role, arch) if rule.name != {left_out!r}), arch, later=True)

        confine.program = weaker
        lock(plan(Role.ANALYST))
        answer(wrong(Role.ANALYST))
    """)
    changed = {name for name, _ in without_landlock(wrong)}
    assert RULES[left_out] - MAY_STAY.get(left_out, set()) <= changed <= RULES[left_out]


def test_a_kernel_without_landlock_is_a_reason_and_its_controls_say_so() -> None:
    got = run_child("""
        refuse_beforehand(("landlock_create_ruleset", 38))
        locked = lock(plan(Role.GATEWAY))
        answer([locked.landlock_abi, "no-landlock" in locked.reasons, wrong(Role.GATEWAY)])
    """)
    assert got == [0, True, [["read-outside", "ok"], ["write-outside", "ok"]]]


def test_without_landlock_the_workers_still_write_nothing() -> None:
    got = run_child("""
        refuse_beforehand(("landlock_create_ruleset", 95))
        lock(plan(Role.ANALYST))
        answer(wrong(Role.ANALYST))
    """)
    assert got == [["read-outside", "ok"]]


def test_a_kernel_without_user_namespaces_is_a_reason() -> None:
    got = run_child("""
        refuse_beforehand(("unshare", 28))
        locked = lock(plan(Role.ENGINE))
        found = facts(locked)
        answer(["netns-shared" in locked.reasons, locked.early, found.filters, wrong(Role.ENGINE)])
    """)
    assert isinstance(got, list)
    assert got[:3] == [True, [], filters_here() + 2]
    assert without_landlock(got[3]) == []


def test_own_namespaces_leave_one_interface_and_no_route() -> None:
    got = run_child("""
        before = os.stat("/proc/self/ns/net").st_ino
        locked = lock(plan(Role.ANALYST))
        found = facts(locked)
        answer([found.netns != before, found.ifaces, found.cap_eff, found.controls[0].name, found.controls[0].got])
    """)
    assert isinstance(got, list)
    assert got[2] == "0" * 16
    if user_namespaces():
        assert got == [True, ["lo"], "0" * 16, "tcp4-route", "ENETUNREACH"]
    else:
        assert not got[0]


REFUSED = {
    "a second thread": ("threads", "threading.Thread(target=threading.Event().wait, daemon=True).start(); keep = ()"),
    "a UDP socket": ("fd-unexpected", "it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); keep = (it.fileno(),)"),
    "a Unix datagram pair": (
        "fd-unexpected",
        "it = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); keep = (it[0].fileno(),)",
    ),
    "a listener on every address": (
        "fd-unexpected",
        "it = socket.create_server(('0.0.0.0', 0)); keep = (it.fileno(),)",
    ),
    "an unconnected TCP socket": ("fd-unexpected", "it = socket.socket(); keep = (it.fileno(),)"),
    "a packet of routes": ("fd-unexpected", "it = socket.socket(16, 3, 0); keep = (it.fileno(),)"),
    "a descriptor that is not there": ("fd-missing", "keep = (77,)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_lock_refuses(case: str) -> None:
    code, setup = REFUSED[case]
    got = run_child(f"""
        {setup}
        try:
            lock(plan(Role.GATEWAY, *keep))
        except LockError as error:
            answer(error.code)
    """)
    assert got == code


def test_a_worker_may_hold_no_listener() -> None:
    got = run_child("""
        it = socket.create_server(("127.0.0.1", 0))
        try:
            lock(plan(Role.ANALYST, it.fileno()))
        except LockError as error:
            answer(error.code)
    """)
    assert got == "fd-unexpected"


def test_an_unknown_machine_has_no_lock() -> None:
    got = run_child("""
        real = os.uname()
        os.uname = lambda: type(real)((real.sysname, real.nodename, real.release, real.version, "riscv64"))
        try:
            lock(plan(Role.ANALYST))
        except LockError as error:
            answer(error.code)
    """)
    assert got == "architecture"


def test_other_systems_have_no_lock() -> None:
    got = run_child("""
        sys.platform = "darwin"
        try:
            lock(plan(Role.ANALYST))
        except LockError as error:
            answer(error.code)
    """)
    assert got == "not-linux"


def test_a_filter_that_did_not_load_is_noticed() -> None:
    got = run_child("""
        confine.install_filter = lambda program: None
        try:
            lock(plan(Role.ANALYST))
        except LockError as error:
            answer(error.code)
    """)
    assert got == "read-back"


def test_descriptors_that_were_not_named_are_closed() -> None:
    got = run_child("""
        smuggled = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        number = smuggled.fileno()
        kept, other = socket.socketpair()
        os.dup2(smuggled.fileno(), 900)
        locked = lock(plan(Role.ANALYST, kept.fileno()))
        found = facts(locked)
        targets = confine.read_targets(locked.fact_fds.fds)
        answer([900 in targets, found.fds.inet, found.fds.unexpected, [one.peer for one in found.fds.unix]])
        smuggled.detach(), other.detach()
    """)
    assert got == [False, [], [], ["self"]]


def test_threads_pairs_and_streams_still_work() -> None:
    got = run_child("""
        link, peer = socket.socketpair()
        lock(plan(Role.ANALYST, link.fileno(), peer.fileno()))
        import asyncio
        import concurrent.futures

        async def main():
            reader, writer = await asyncio.open_connection(sock=link)
            loop = asyncio.get_running_loop()
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                sending = loop.run_in_executor(pool, peer.sendall, b"x" * 1_000_000)
                received = await reader.readexactly(1_000_000)
                await sending
                squares = await asyncio.gather(*(loop.run_in_executor(pool, pow, n, 2) for n in range(8)))
            return [len(received), squares]

        answer(asyncio.run(main()))
    """)
    assert got == [1_000_000, [n * n for n in range(8)]]


def test_the_gateway_takes_a_new_link_over_its_control_pair() -> None:
    got = run_child("""
        import array
        control, supervisor = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        link, worker = socket.socketpair()
        supervisor.sendmsg([b"link"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [link.fileno()]))])
        locked = lock(plan(Role.GATEWAY, control.fileno(), worker.fileno(), links=((control.fileno(), "supervisor"),)))
        import asyncio

        async def main():
            _, fds, _, _ = socket.recv_fds(control, 16, 1)
            reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=fds[0]))
            worker.sendall(b"hello")
            found = facts(locked, links={control.fileno(): "supervisor", fds[0]: "analyst"})
            return [(await reader.readexactly(5)).decode(), sorted(one.peer for one in found.fds.unix),
                    found.fds.unexpected]

        answer(asyncio.run(main()))
        link.detach(), supervisor.detach()
    """)
    assert isinstance(got, list)
    assert got[0] == "hello"
    assert {"supervisor", "analyst", "self"} == set(got[1])
    assert got[2] == []


def test_the_gateway_serves_http_and_writes_where_it_may(tmp_path: Path) -> None:
    got = run_child(f"""
        listener = socket.create_server(("127.0.0.1", 0))
        address = listener.getsockname()
        client = socket.create_connection(address)
        lines = (b"POST /echo HTTP/1.1", b"Host: x", b"Content-Length: 5", b"Connection: close", b"", b"hello")
        client.sendall(b"\\r\\n".join(lines))
        os.dup2(client.fileno(), 300, inheritable=False)
        data = {str(tmp_path)!r}
        link, _ = socket.socketpair()
        locked = lock(plan(Role.GATEWAY, listener.fileno(), link.fileno(), write=(data,)))
        import asyncio
        import sqlite3
        from aiohttp import web
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        async def echo(request):
            body = await request.read()
            found = facts(locked)
            states = sorted(one.state for one in found.fds.inet)
            key = Ed25519PrivateKey.generate()
            key.public_key().verify(key.sign(body), body)
            with sqlite3.connect(data + "/t.db") as base:
                base.execute("pragma journal_mode=wal")
                base.execute("create table t(a)")
                base.execute("insert into t values (1)")
                rows = base.execute("select count(*) from t").fetchone()[0]
            base.close()
            with open(data + "/new", "wb") as stream:
                stream.write(body)
                os.fsync(stream.fileno())
            os.rename(data + "/new", data + "/kept")
            try:
                open(os.path.dirname(data) + "/outside", "wb")
            except PermissionError as error:
                outside = error.errno
            else:
                outside = 0
            answer([body.decode(), states, list(found.fds.unexpected), rows, outside,
                    [[one.path == data, one.remote] for one in writable_paths(locked)], wrong(Role.GATEWAY)])
            done.set()
            return web.Response(text="ok")

        done = None

        async def main():
            global done
            done = asyncio.Event()
            app = web.Application()
            app.router.add_post("/echo", echo)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.SockSite(runner, listener).start()
            await asyncio.wait_for(done.wait(), 30)
            await runner.cleanup()

        asyncio.run(main())
        client.detach()
    """)
    assert isinstance(got, list)
    assert got[0] == "hello"
    assert got[1] == ["close-wait", "listen"] or got[1] == ["established", "listen"]
    assert got[2:4] == [[], 1]
    assert got[4] == (errno.EACCES if LANDLOCK else 0)
    assert got[5] == [[True, 0]]
    assert without_landlock(got[6]) == []
    assert (tmp_path / "kept").read_bytes() == b"hello"


def test_a_worker_writes_nothing_even_where_its_plan_says_so(tmp_path: Path) -> None:
    got = run_child(f"""
        lock(plan(Role.ANALYST, write=({str(tmp_path)!r},)))
        outcomes = []
        for act in (lambda: open({str(tmp_path / "new")!r}, "w"), lambda: os.mkdir({str(tmp_path / "dir")!r})):
            try:
                act()
            except OSError as error:
                outcomes.append(error.errno)
        answer(outcomes)
    """)
    assert got == [errno.EACCES, errno.EPERM]
    assert list(tmp_path.iterdir()) == []


def test_the_analyst_runs_its_libraries_inside() -> None:
    got = run_child(
        """
        locked = lock(plan(Role.ANALYST))
        import numpy
        import onnxruntime
        import spacy
        import tokenizers
        from presidio_analyzer.predefined_recognizers import CreditCardRecognizer
        found = CreditCardRecognizer().analyze("card 4111 1111 1111 1111", ["CREDIT_CARD"], None)
        product = numpy.ones((300, 300), "f") @ numpy.ones((300, 300), "f")
        words = [token.text for token in spacy.blank("en")("Seen today.")]
        after = facts(locked)
        answer([len(found), float(product[0, 0]), words, onnxruntime.get_available_providers()[-1],
                list(after.fds.unexpected), after.children, wrong(Role.ANALYST)])
        """,
        environment={"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"},
    )
    assert isinstance(got, list)
    assert got[:6] == [1, 300.0, ["Seen", "today", "."], "CPUExecutionProvider", [], 0]
    assert without_landlock(got[6]) == []


def test_the_engine_loads_the_library_seals_itself_and_still_tells_facts() -> None:
    got = run_child("""
        locked = lock(plan(Role.ENGINE))
        from proxy.workers.barepackage import register_bare
        register_bare("llama_cpp")
        import llama_cpp.llama_cpp as lib
        silent = lib.llama_log_callback(lambda level, text, data: None)
        lib.llama_log_set(silent, None)
        lib.llama_backend_init()
        before = facts(locked)
        seal(locked)
        after = facts(locked)
        stop = lib.ggml_abort_callback(lambda data: False)
        started = []
        thread = threading.Thread(target=lambda: started.append(1))
        thread.start(), thread.join()
        try:
            import wave
        except ImportError:
            late = "ImportError"
        except PermissionError:
            late = "PermissionError"
        answer([before.filters, after.filters, after.filter, started, late, after.seccomp, after.no_new_privs,
                len(after.fds.unexpected), [[one.name, one.got] for one in before.controls + after.controls
                                            if one.got != one.expect]])
    """)
    assert isinstance(got, list)
    assert got[:4] == [filters_here() + 1, filters_here() + 2, filter_digest(Role.ENGINE, ARCH), [1]]
    assert got[4] in {"ImportError", "PermissionError"}
    assert got[5:8] == [2, 1, 0]
    assert without_landlock(got[8]) == []


def test_the_sealed_engine_answers_from_a_model(tmp_path: Path) -> None:
    tiny_gemma4(tmp_path / "tiny.gguf")
    got = run_child(f"""
        model_fd = os.open({str(tmp_path / "tiny.gguf")!r}, os.O_RDONLY)
        locked = lock(plan(Role.ENGINE, model_fd))
        from proxy.workers.barepackage import register_bare
        register_bare("llama_cpp")
        from proxy.workers.engine.batch import Row
        from proxy.workers.engine.binding import Context, ContextSpec, Model, silence
        silence()
        model = Model(model_fd, gpu_layers=0)
        asked = []
        context = Context(model, ContextSpec(512, 128, 128, 1, True, 2), should_stop=lambda: bool(asked.append(1)))
        seal(locked)
        context.decode([Row(5, 0, 0, flag=True)])
        found = facts(locked)
        answer([len(asked) > 0, found.filters, found.fds.unexpected, found.children, wrong(Role.ENGINE, sealed=True)])
    """)
    assert isinstance(got, list)
    assert got[:4] == [True, filters_here() + 2, [], 0]
    assert without_landlock(got[4]) == []


def test_only_the_engine_has_a_seal() -> None:
    got = run_child("""
        locked = lock(plan(Role.ANALYST))
        try:
            seal(locked)
        except LockError as error:
            answer(error.code)
    """)
    assert got == "seal-role"


@pytest.mark.parametrize(("role", "most"), [("GATEWAY", 0), ("ANALYST", 0), ("ENGINE", 1)])  # 1: Linux < 6.3
def test_memory_that_is_writable_and_executable(role: str, most: int) -> None:
    pages = run_child(f"""
        from proxy.workers.callbacks import writable_code
        lock(plan(Role.{role}))
        answer(writable_code())
    """)
    assert isinstance(pages, int)
    assert pages <= most


def test_a_locked_process_cannot_be_signalled_out_of_or_look_at_others() -> None:
    got = run_child("""
        parent = os.getppid()
        lock(plan(Role.ANALYST))
        outcomes = {}
        for name, act in {
            "kill": lambda: os.kill(parent, 0),
            "memory": lambda: open(f"/proc/{parent}/mem", "rb"),
            "environment": lambda: open(f"/proc/{parent}/environ", "rb"),
            "shadow": lambda: open("/etc/shadow", "rb"),
            "home": lambda: os.listdir("/home"),
        }.items():
            try:
                act()
                outcomes[name] = "ok"
            except OSError as error:
                outcomes[name] = error.errno
        answer(outcomes)
    """)
    assert isinstance(got, dict)
    if LANDLOCK:
        assert {name: got[name] for name in ("memory", "environment", "shadow", "home")} == dict.fromkeys(
            ("memory", "environment", "shadow", "home"), errno.EACCES
        )
    if landlock_abi() >= 6:
        assert got["kill"] == errno.EPERM


def test_facts_are_plain_values() -> None:
    got = run_child("""
        found = facts(lock(plan(Role.ANALYST))).as_dict()
        json.dumps(found)
        answer(found)
    """)
    assert isinstance(got, dict)
    assert got["role"] == "analyst"
    assert len(got["exe"]) == len(got["code"]) == len(got["filter"]) == 64
    assert {one["name"] for one in got["controls"]} >= set(expected(Role.ANALYST, sealed=False))
    assert json.loads(json.dumps(got)) == got


@pytest.mark.skipif(landlock_abi() < 4, reason="Landlock sees ports from version 4 on")
def test_the_connector_reaches_its_own_port_and_no_other() -> None:
    got = run_child("""
        from dataclasses import replace
        from proxy.workers.facts import facts
        server, other = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
        mine, others = server.getsockname(), other.getsockname()
        if os.fork():  # the parent keeps the listeners; the child is the connector
            os.wait()
            os._exit(0)
        server.close(); other.close()
        locked = lock(replace(plan(Role.ENGINE_HTTP, own=False), connect_ports=(mine[1],)))
        def tried(address):
            with socket.socket() as one:
                return one.connect_ex(address)
        control = next(one for one in facts(locked).controls if one.name == "other-port")
        answer([tried(mine), tried(others), control.got])
    """)
    assert got == [0, errno.EACCES, "EACCES"]
