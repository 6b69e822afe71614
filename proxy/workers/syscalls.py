"""System-call numbers of the two supported machines, in the order in which the lock's program names them.

Law: data only. A row is name -> (x86-64, aarch64); None means the call does not exist on that machine and its rule is
left out. The numbers were compared with the kernel's `unistd.h` tables and a test compares them again. The order of
the rows is part of the program's bytes, so a row is added at the end of its table, and the golden digests change.
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "ARCHES",
    "CHECKED",
    "EVERY_ROLE",
    "FIRST_UNKNOWN",
    "KNOWN_LATE",
    "LOCK_CALLS",
    "WORKERS_ONLY",
    "Arch",
    "number",
]

Numbers = Mapping[str, tuple[int | None, int | None]]


@dataclass(frozen=True, slots=True)
class Arch:
    """One machine the programs are made for."""

    name: str
    """As `uname -m` writes it."""
    audit_word: int
    """AUDIT_ARCH_*, what the kernel puts into seccomp_data.arch."""
    column: int
    """Column of the tables below."""
    first_foreign: int | None
    """First number of a second calling convention that shares the architecture word (x32), or None."""


ARCHES: Mapping[str, Arch] = {
    "x86_64": Arch("x86_64", 0xC000003E, 0, 0x40000000),
    "aarch64": Arch("aarch64", 0xC00000B7, 1, None),
}

EVERY_ROLE: Numbers = {
    "connect": (42, 203),
    "bind": (49, 200),
    "shutdown": (48, 210),
    "sendmmsg": (307, 269),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),
    "io_submit": (209, 2),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "personality": (135, 92),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "clock_settime": (227, 112),
    "settimeofday": (164, 170),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "pkey_mprotect": (329, 288),
    "remap_file_pages": (216, 234),
    "fanotify_init": (300, 262),
}
"""Refused in every role, EPERM. Two of the roles take one name out again: see `bpf`."""

WORKERS_ONLY: Numbers = {
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "creat": (85, None),
    "truncate": (76, 45),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}
"""Refused everywhere but in the gateway: accepting, and everything that changes a file by name or mode."""

CHECKED: Numbers = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "clone": (56, 220),
    "clone3": (435, 435),
    "openat2": (437, 437),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "prctl": (157, 167),
    "ioctl": (16, 29),
    "openat": (257, 56),
    "open": (2, None),
}
"""Refused or allowed by their arguments; the conditions are in `bpf`."""

FIRST_UNKNOWN = 448
"""Numbers from here on are refused as not implemented unless named in KNOWN_LATE: later calls stay closed."""

KNOWN_LATE: Numbers = {
    "futex_waitv": (449, 449),
    "cachestat": (451, 451),
    "futex_wake": (454, 454),
    "futex_wait": (455, 455),
    "futex_requeue": (456, 456),
    "mseal": (462, 462),
}

LOCK_CALLS: Numbers = {
    "seccomp": (317, 277),
    "capget": (125, 90),
    "capset": (126, 91),
    "close_range": (436, 436),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "munmap": (11, 215),
    "statfs": (137, 43),
}
"""Calls the lock and its controls make themselves and that Python does not offer."""


def number(name: str, arch: Arch) -> int | None:
    """Return the number of a call on a machine, None where that machine does not have it.

    Raises:
        KeyError: no table names this call.
    """
    for table in (CHECKED, EVERY_ROLE, WORKERS_ONLY, KNOWN_LATE, LOCK_CALLS):
        if name in table:
            return table[name][arch.column]
    raise KeyError(name)
