"""A child without a unit walls itself in, or is told that it cannot and stays as it was."""

from tests.kit.locked_child import run_child, user_namespaces

LOOK = """
    from proxy.workers.namespaces import route_control, take_namespaces
    def where():
        return [os.stat(f"/proc/self/ns/{kind}").st_ino for kind in ("user", "net", "ipc")]
    before, user = where(), (os.getuid(), os.getgid())
"""


def test_all_three_are_new_and_the_user_is_the_same() -> None:
    got = run_child(
        LOOK,
        """
        taken = take_namespaces(network=True)
        after = where()
        answer([taken, [one != other for one, other in zip(before, after)], (os.getuid(), os.getgid()) == user])
    """,
    )
    assert got == ([True, [True, True, True], True] if user_namespaces() else [False, [False] * 3, True])


def test_the_network_can_be_left_shared() -> None:
    got = run_child(
        LOOK,
        """
        answer([take_namespaces(network=False), [one != other for one, other in zip(before, where())]])
    """,
    )
    assert got == ([True, [True, False, True]] if user_namespaces() else [False, [False] * 3])


def test_where_the_kernel_refuses_nothing_changes() -> None:
    got = run_child(
        LOOK,
        """
        refuse_beforehand(("unshare", 1))
        answer([take_namespaces(network=True), where() == before])
    """,
    )
    assert got == [False, True]


def test_an_identity_that_cannot_be_mapped_is_found_out_by_a_child_first() -> None:
    got = run_child(
        LOOK,
        """
        from proxy.workers import namespaces
        def refuse(path, text):
            raise PermissionError(1, "as a restricted profile would")
        namespaces._write = refuse
        answer([take_namespaces(network=True), where() == before, (os.getuid(), os.getgid()) == user])
    """,
    )
    assert got == [False, True, True]


def test_no_child_is_left_behind() -> None:
    got = run_child(
        LOOK,
        """
        take_namespaces(network=True)
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            answer("none")
    """,
    )
    assert got == "none"


def test_there_is_no_route_from_inside() -> None:
    got = run_child(
        LOOK,
        """
        take_namespaces(network=True)
        control = route_control()
        answer([control.name, control.expect, control.got])
    """,
    )
    assert isinstance(got, list)
    assert got[:2] == ["tcp4-route", "ENETUNREACH"]
    assert got[2] == "ENETUNREACH" or not user_namespaces()


def test_inherited_sockets_stay_where_they_were_opened() -> None:
    got = run_child(
        LOOK,
        """
        listener = socket.create_server(("127.0.0.1", 0))
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        take_namespaces(network=True)
        accepted, _ = listener.accept()
        fresh = socket.socket()
        answer([accepted.getsockname() == listener.getsockname(), fresh.connect_ex(listener.getsockname()) == 0])
    """,
    )
    assert got == [True, not user_namespaces()]
