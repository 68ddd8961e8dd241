"""What runs first in the sandbox of a kernel: it gives up root, sets limits, and becomes the kernel."""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import struct
from collections.abc import Sequence
from pathlib import Path

from coursekit.grading.sandbox import linux
from coursekit.grading.sandbox.confine import drop_root

# landlock(7): the numbers of its calls are the same on every processor.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _BENEATH = 1, 1
# Making devices, folders, files, pipes and links; not sockets. Version 2 adds renaming between folders.
_MAKE, _MOVE = 0b1_1101_1100_0000, 0b10_0000_0000_0000
_SCRATCH = ("/tmp", "/dev/shm")


def main(arguments: Sequence[str] | None = None) -> None:
    """Confine this process and replace it by the command given; never returns.

    The limits hold for each process of the kernel by itself, but for `--processes`, which counts all of them
    and their threads.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name in ("memory", "file-size", "cpu-seconds", "processes"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    if os.geteuid() == 0:
        drop_root()
        forbid_namespaces()
    make_files_only_in(_SCRATCH)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (options.memory, options.memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (options.file_size, options.file_size))
    resource.setrlimit(resource.RLIMIT_CPU, (options.cpu_seconds, options.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_NPROC, (options.processes, options.processes))
    os.execv(options.command[0], options.command)


def forbid_namespaces() -> None:
    """Go into a last user namespace, in which no other can be made, and in which processes are counted.

    bubblewrap does this by itself, but not when it was started by root to show files that are root's.
    """
    user, group = os.geteuid(), os.getegid()
    linux.set_dumpable()
    linux.unshare(linux.NEW_USER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    linux.drop_capabilities()


def make_files_only_in(folders: Sequence[str]) -> bool:
    """Forbid this process and its children to make anything but sockets outside of `folders`.

    The folder with the kernel's sockets lies on the disk of this machine: nobody shall fill that disk, or lay
    a link there for the one who connects.

    Returns:
        False when this Linux has no Landlock, which came with 5.13; then nothing is forbidden.
    """
    version = _landlock(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    forbidden = _MAKE | (_MOVE if version > 1 else 0)
    rules = _landlock(_CREATE_RULESET, struct.pack("=Q", forbidden), 8, 0)
    for folder in folders:
        place = os.open(folder, os.O_PATH)
        done = _landlock(_ADD_RULE, rules, _BENEATH, struct.pack("=Qi", forbidden, place), 0)
        os.close(place)
        if done != 0:
            raise OSError(f"Landlock refused a rule for {folder}")
    if _landlock(_RESTRICT_SELF, rules, 0) != 0:
        raise OSError("Landlock refused to restrict this process")
    os.close(rules)
    return True


def _landlock(call: int, *arguments: object) -> int:
    # Every argument of the bare `syscall` has to have a machine word's width.
    words = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    return ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(call), *words)


if __name__ == "__main__":
    main()
