"""A world of its own for one process, and a process that waits outside of it."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
from pathlib import Path

from coursekit.grading.sandbox import linux

_LOCK = Path("/proc/sys/user/max_user_namespaces")


def enter_namespaces() -> None:
    """Leave the namespaces of users, mounts, processes, network, messages and host name for new ones.

    The user keeps the same number inside, and has all rights over the new namespaces and none outside. The
    new namespace of processes is for children to come.

    Raises:
        OSError: when the kernel, or a container around, refuses.
    """
    user, group = os.geteuid(), os.getegid()
    linux.set_dumpable()
    linux.unshare(
        linux.NEW_USER
        | linux.NEW_MOUNTS
        | linux.NEW_PROCESSES
        | linux.NEW_NETWORK
        | linux.NEW_IPC
        | linux.NEW_HOSTNAME
    )
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    # A second lock beside the filter on system calls: no user namespace inside, where anybody has all
    # rights. A sandbox that root started shows /proc/sys read-only; there the filter alone has to do.
    with contextlib.suppress(OSError):
        _LOCK.write_text("0")


def go_on_in_a_child(keep: int) -> None:
    """Return in a child, which is the first process of the new namespace: when it ends, all in it ends.

    The present process waits for it and ends as it did; whoever kills the present one kills the child.

    Args:
        keep: a descriptor for the child only, so that its other end hears when the child is gone.
    """
    parent = os.pidfd_open(os.getpid())
    child = os.fork()
    if child:
        os.close(keep)
        _end_like(child)
    linux.die_with_parent()
    if select.select([parent], [], [], 0)[0]:  # the parent ended before the kernel knew
        os._exit(1)
    os.close(parent)


def _end_like(child: int) -> None:
    """Wait for the child and end as it does. Never returns: the code of the caller is for the child."""
    try:
        linux.die_with_parent()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            _die_by(os.WTERMSIG(status))
        os._exit(os.waitstatus_to_exitcode(status))
    finally:
        os._exit(1)


def _die_by(number: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
