"""Shut a freshly forked process in, so that a learner's code may run in it.

The warm process lives in bubblewrap: no network, a read-only system. That wall is around all learners.
This module builds the one around each of them: a world of its own with an empty /tmp, in which it is the
only process, with limits, no rights and few system calls.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

from coursekit.grading.limits import Limits
from coursekit.grading.sandbox import linux
from coursekit.grading.sandbox.mounts import cover_files
from coursekit.grading.sandbox.namespaces import enter_namespaces, go_on_in_a_child
from coursekit.grading.sandbox.seccomp import install_filter

NOBODY = 65534

_VARIABLES = {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "MPLBACKEND"}


class ConfinementError(RuntimeError):
    """A wall could not be built; the message says which one, and what to do."""


def drop_root() -> None:
    """Become the user nobody for good when this process is root's; otherwise do nothing.

    Raises:
        PermissionError: when root may not change its user here, as without CAP_SETUID and CAP_SETGID.
    """
    if os.geteuid() != 0:
        return
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def confine(limits: Limits, *, keep: int, strict: bool = True) -> list[str]:
    """Confine this process, which was just forked, has one thread and has given up root.

    It forks once more and returns in the grandchild only. The process that called waits, holding nothing, and
    then ends as the grandchild did: with the same exit status or by the same signal. Kill it, and the kernel
    kills the grandchild. Afterwards only the descriptors 0, 1, 2 (all /dev/null) and `keep` are open; the
    home folder /tmp/home and the work folder /tmp/work are empty.

    Args:
        limits: `memory`, `files`, `open_files`, `threads`, and `seconds` times `threads` of CPU time hold.
        keep: the descriptor of the socket on which the learner's process answers.
        strict: False does what is possible and goes on, for grading without a sandbox. Where files cannot be
            covered, home and work are in a new folder that Python's `tempfile` makes; nobody removes it.

    Returns:
        A sentence for each wall that is missing; always empty when `strict`.

    Raises:
        ConfinementError: when a wall is missing and `strict`; maybe in the grandchild.
        OSError: when there are too many processes to fork.
    """
    walls = _Walls(strict)
    _close_descriptors(keep)
    present = _address_space()
    alone = walls.build("give it namespaces of its own", enter_namespaces)
    if alone:
        go_on_in_a_child(keep)
    else:
        walls.build("end it with the grader", linux.die_with_parent)
    # A group of its own: os.kill(0, 9) reaches a whole process group, even outside of the namespace.
    os.setsid()
    covered = alone and walls.build("cover the machine's files", cover_files, limits.files)
    _settle(Path("/tmp") if covered else Path(tempfile.mkdtemp(prefix="coursekit-")))
    walls.build("limit its memory, files and time", _set_limits, limits, present, alone)
    walls.build("take its rights", linux.drop_capabilities)
    walls.build("filter its system calls", _filter_calls)
    return walls.missing


class _Walls:
    """Builds one after the other; a missing one is an error or noted."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.missing: list[str] = []

    def build(self, what: str, step: Callable[..., None], *arguments: object) -> bool:
        try:
            step(*arguments)
        except (OSError, ValueError) as error:
            problem = f"Could not confine the learner's process: could not {what} ({_reason(error)})."
            if self.strict:
                raise ConfinementError(
                    f"{problem} Grade on Linux 5.14 or newer, on x86_64 or aarch64, where ordinary users may "
                    "make namespaces; `coursekit doctor` says what this machine lacks."
                ) from error
            self.missing.append(problem)
            return False
        return True


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _close_descriptors(keep: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    # Looked up, as counting up to the highest number that is allowed can take a second.
    for name in os.listdir("/dev/fd"):
        if int(name) not in (0, 1, 2, keep):
            with contextlib.suppress(OSError):  # the listing's own is closed already
                os.close(int(name))


def _address_space() -> int | None:
    """Bytes of address space in use; None where that cannot be told."""
    try:
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[0])
    except OSError:
        return None
    return pages * resource.getpagesize()


def _settle(base: Path) -> None:
    """Home and work folder below `base`, and an environment that tells nothing."""
    for name in set(os.environ) - _VARIABLES:
        if not name.endswith("_NUM_THREADS"):
            del os.environ[name]
    home, work = base / "home", base / "work"
    home.mkdir()
    work.mkdir()
    os.chdir(work)
    os.environ.update(HOME=str(home), TMPDIR=str(base), USER="learner")
    tempfile.tempdir = None  # may hold the folder that was right before


def _set_limits(limits: Limits, present: int | None, alone: bool) -> None:
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: math.ceil(limits.seconds * limits.threads),
        resource.RLIMIT_FSIZE: limits.files,
        resource.RLIMIT_NOFILE: limits.open_files,
    }
    if alone:  # elsewhere all processes of the user count; here the threads, and the one that waits
        bounds[resource.RLIMIT_NPROC] = limits.threads + 1
    if present is not None:
        bounds[resource.RLIMIT_AS] = present + limits.memory
    for kind, bound in bounds.items():
        _, present_bound = resource.getrlimit(kind)
        if present_bound != resource.RLIM_INFINITY:  # a cluster may have set a lower one
            bound = min(bound, present_bound)
        resource.setrlimit(kind, (bound, bound))
    if present is None:
        raise OSError("how much memory it uses already is not known on this system")


def _filter_calls() -> None:
    if not install_filter():
        raise OSError(f"no filter is known for {os.uname().sysname} on {os.uname().machine}")
