"""Callbacks that were made room for can be made after the lock; the room is a page at most."""

import ctypes

from proxy.workers.callbacks import is_callback_room, reserve_callbacks, writable_code
from tests.kit.locked_child import run_child


def test_reserving_leaves_a_page_at_most() -> None:
    before = writable_code()
    reserve_callbacks(32)
    assert writable_code() - before <= 1


def test_a_callback_made_later_works() -> None:
    reserve_callbacks(4)
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    double = kind(lambda value: value * 2)
    assert double(21) == 42


def test_the_engine_has_room_for_its_callbacks_and_other_roles_have_none_of_it() -> None:
    lines = """
        import ctypes
        kind = ctypes.CFUNCTYPE(ctypes.c_int)
        lock(plan(Role.{role}))
        try:
            held = [kind(lambda: 7) for _ in range(32)]
        except MemoryError:
            answer("none")
        else:
            answer([one() for one in held] == [7] * 32)
    """
    assert run_child(lines.replace("{role}", "ENGINE")) is True
    assert run_child(lines.replace("{role}", "ANALYST")) in {"none", True}  # true where libffi needs no such page


def test_the_count_sees_a_page() -> None:
    got = run_child("""
        from proxy.workers.callbacks import writable_code
        before = writable_code()
        kernel.call("mmap", None, 8192, 7, 0x22, -1, 0)
        answer(writable_code() - before)
    """)
    assert got == 2


def test_where_the_kernel_refuses_such_pages_there_is_room_all_the_same() -> None:
    got = run_child("""
        import ctypes
        from proxy.workers.callbacks import writable_code
        chosen = (Rule("mmap", 1, ((Test(2, 6, mask=6),),)),)  # as a unit with MemoryDenyWriteExecute does
        kernel.call("prctl", 38, 1, 0, 0, 0)
        kernel.install_filter(assemble(chosen, kernel.machine().name, later=False))
        locked = lock(plan(Role.ENGINE))
        kind = ctypes.CFUNCTYPE(ctypes.c_int)
        pages = writable_code()
        seal(locked)
        held = [kind(lambda: 7) for _ in range(32)]
        answer([held[31](), pages, facts(locked).fds.unexpected])
    """)
    assert got == [7, 0, []]


def test_libffis_memory_file_is_known_by_its_name() -> None:
    assert is_callback_room("/memfd:libffi (deleted)")
    assert not is_callback_room("/memfd:other (deleted)")
    assert not is_callback_room("/usr/lib/libffi.so.8")
