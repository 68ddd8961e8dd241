"""The few system calls that Python 3.11 does not offer, each an ordinary function that raises `OSError`."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
import sys

# Namespaces that `unshare` can make.
NEW_USER, NEW_MOUNTS, NEW_PROCESSES = 0x10000000, 0x00020000, 0x20000000
NEW_NETWORK, NEW_IPC, NEW_HOSTNAME = 0x40000000, 0x08000000, 0x04000000
# Options of `mount`.
READ_ONLY, NO_SETUID, NO_DEVICES, BIND, WITH_SUBMOUNTS = 1, 2, 4, 4096, 16384

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _MS_PRIVATE = 442, -100, 0x8000, 1 << 18
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def unshare(namespaces: int) -> None:
    """Leave the present namespaces for new ones; of processes, only children to come are in the new one."""
    _call("unshare", ctypes.c_int(namespaces))


def mount(source: str, target: str, kind: str, options: int = 0, data: str = "") -> None:
    """mount(2)."""
    _call("mount", source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(options), data.encode())


def make_tree_read_only() -> None:
    """Make every mount that is there now read-only and private; Linux 5.12 or newer."""
    attributes = struct.pack("=QQQQ", READ_ONLY, 0, _MS_PRIVATE, 0)
    arguments = (_AT_FDCWD, b"/", _AT_RECURSIVE, attributes)
    _call("syscall", ctypes.c_long(_MOUNT_SETATTR), *arguments, ctypes.c_size_t(len(attributes)))


def die_with_parent() -> None:
    """Have the kernel kill this process, SIGKILL, as soon as the one that forked it is gone."""
    prctl(_PR_SET_PDEATHSIG, 9)


def set_dumpable() -> None:
    """Own the files of /proc/self again: a process that gave up root does not."""
    prctl(_PR_SET_DUMPABLE, 1)


def drop_capabilities() -> None:
    """Give up every capability, and set that no program started later can get one."""
    # Past the last one that this kernel knows, or without the right to take any: no_new_privs has to do then.
    with contextlib.suppress(OSError):
        for capability in range(64):
            prctl(_PR_CAPBSET_DROP, capability)
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _call("capset", struct.pack("=II", _CAPABILITY_VERSION_3, 0), bytes(24))
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    """prctl(2); `first` and `second` may be addresses."""
    rest = [ctypes.c_ulong(number) for number in (first, second, 0, 0)]
    _call("prctl", ctypes.c_int(option), *rest)


def _call(name: str, *arguments: object) -> None:
    if not sys.platform.startswith("linux"):
        raise OSError(errno.ENOSYS, f"{name}: only Linux has this call")
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
