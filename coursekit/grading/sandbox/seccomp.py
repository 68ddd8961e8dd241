"""A filter on system calls, written out as the small program that Linux runs before each of them.

What it refuses, a learner's process has no use for: other processes, namespaces, the network, kernel features
that have a history of holes, and memory that no limit counts. Threads, files and everything that numpy and
PyTorch do stay. A refused call fails with an ordinary `OSError`; only a call of a foreign architecture kills.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

from coursekit.grading.sandbox.linux import prctl

# Each line: what is refused -> its number on (x86_64, aarch64); None where that machine has no such call.
PROCESSES = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
}
NAMESPACES = {
    "unshare": (272, 97),
    "setns": (308, 268),
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
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
}
KERNEL = {
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "personality": (135, 92),
    "fanotify_init": (300, 262),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
}
# Memory of these belongs to no process, so RLIMIT_AS does not see it.
UNCOUNTED_MEMORY = {
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "vmsplice": (278, 75),
}
NETWORK = {
    "socket": (41, 198),
    "bind": (49, 200),
    "listen": (50, 201),
    "connect": (42, 203),
}
CLONE, CLONE3, PRCTL, SOCKETPAIR = (56, 220), (435, 435), (157, 167), (53, 199)
# Later calls have the same numbers everywhere; "not implemented" is what programs expect of an older kernel.
# It covers the x32 calls of x86_64 as well, which are numbered from 2**30.
NEWEST_KNOWN = 450

# Machine -> its column above, and the name that Linux gives it in a filter.
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_CLONE_THREAD, _AF_UNIX = 0x00010000, 1
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2


def install_filter() -> bool:
    """Refuse, from now on and for good, the system calls above to this process and its later threads.

    It must be called while the process has one thread. `no_new_privs` is set as well: Linux asks for it.

    Returns:
        True; False where no filter is known: not Linux, or a processor other than x86_64 and aarch64.

    Raises:
        OSError: when the kernel refuses the filter.
    """
    if _PROGRAM is None:
        return False
    instructions = ctypes.create_string_buffer(_PROGRAM, len(_PROGRAM))
    # struct sock_fprog: the number of instructions, and where they are.
    header = struct.pack("HP", len(_PROGRAM) // 8, ctypes.addressof(instructions))
    header_buffer = ctypes.create_string_buffer(header, len(header))
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header_buffer))
    return True


def filter_program(machine: str) -> bytes:
    """The filter for "x86_64" or "aarch64": instructions of 8 bytes each, as Linux reads them."""
    column, architecture = _MACHINES[machine]
    refused = PROCESSES | NAMESPACES | KERNEL | UNCOUNTED_MEMORY
    return b"".join(
        [
            _instruction(_LOAD, _MACHINE_AT),
            _instruction(_EQUAL, architecture, skip_if_so=1),
            _instruction(_RETURN, _KILL),
            _instruction(_LOAD, _NUMBER_AT),
            _refuse(_AT_LEAST, NEWEST_KNOWN + 1, errno.ENOSYS),
            # clone3 hides its flags in memory, where no filter can look; libc goes back to clone.
            _refuse(_EQUAL, CLONE3[column], errno.ENOSYS),
            # Threads, but no processes.
            _by_first_argument(CLONE[column], _ANY_BIT, _CLONE_THREAD, _ALLOW, _FAIL | errno.EPERM),
            # A process must not switch off that it dies with the one that waits for it.
            _by_first_argument(PRCTL[column], _EQUAL, _PR_SET_PDEATHSIG, _FAIL | errno.EPERM, _ALLOW),
            # Every asyncio loop makes itself a pair of connected sockets.
            _by_first_argument(SOCKETPAIR[column], _EQUAL, _AF_UNIX, _ALLOW, _FAIL | errno.EACCES),
            *(_refuse(_EQUAL, numbers[column], errno.EPERM) for numbers in refused.values()),
            *(_refuse(_EQUAL, numbers[column], errno.EACCES) for numbers in NETWORK.values()),
            _instruction(_RETURN, _ALLOW),
        ]
    )


def _by_first_argument(number: int, comparison: int, value: int, if_so: int, otherwise: int) -> bytes:
    """Of the call `number`: one answer where its first argument compares to `value`, or else another."""
    return (
        _instruction(_EQUAL, number, skip_if_not=4)
        + _instruction(_LOAD, _FIRST_ARGUMENT_AT)
        + _instruction(comparison, value, skip_if_not=1)
        + _instruction(_RETURN, if_so)
        + _instruction(_RETURN, otherwise)
    )


def _refuse(comparison: int, number: int | None, error: int) -> bytes:
    if number is None:
        return b""
    return _instruction(comparison, number, skip_if_not=1) + _instruction(_RETURN, _FAIL | error)


def _instruction(code: int, value: int, skip_if_so: int = 0, skip_if_not: int = 0) -> bytes:
    """struct sock_filter: the operation, how many instructions to skip if true or false, and its operand."""
    return struct.pack("HBBI", code, skip_if_so, skip_if_not, value)


def _program_for_this_machine() -> bytes | None:
    if not sys.platform.startswith("linux") or os.uname().machine not in _MACHINES:
        return None
    return filter_program(os.uname().machine)


# Made once, in the warm process, and not by each of its children.
_PROGRAM = _program_for_this_machine()
