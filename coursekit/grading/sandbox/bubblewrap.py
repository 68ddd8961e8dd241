"""The bubblewrap command line: a read-only system, an empty home, no network, no sight of the course."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from coursekit.grading.sandbox.shown import programs, shown

SCRATCH = 64 * 2**20  # bytes in /tmp, and in /dev/shm
HOME, WORK = "/tmp/home", "/tmp/work"


def sandbox_command(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    keep_root_to_drop: bool = False,
    nested_namespaces: bool = False,
    scratch: int = SCRATCH,
) -> list[str]:
    """The command that runs `command` in bubblewrap.

    Inside there are the system's programs, this Python with its packages, coursekit with its campus data,
    and what `readable` and `writable` name; nothing else of the disk, and no network. All of it is read-only
    but `writable`, /tmp and /dev/shm, which are empty. The process starts in /tmp/work.

    Args:
        command: program and arguments. For this Python begin with `sys.executable`.
        environment: variables to set; nothing else comes in from outside but a fixed short list.
        readable: more files and folders to show, under their own names.
        writable: the same, to be written too.
        keep_root_to_drop: for a grader that runs as root. The process starts as root with no right left but
            to become another user, which it must do first, as `confine.drop_root` does. Files that root
            alone may reach, such as a Python under /root, can so be shown to the other user.
        nested_namespaces: leave it possible to make namespaces inside.
        scratch: bytes that fit in /tmp, and in /dev/shm.

    Returns:
        A list for `subprocess.Popen`. The sandbox is killed when the thread ends that started it, so start
        it from a thread that lives as long; pass descriptors with `pass_fds`.
    """
    # `env -i` and not --clearenv: what bubblewrap itself was started with can be read inside, in /proc/1.
    line = ["/usr/bin/env", "-i", _bwrap() or "bwrap"]
    line += ["--die-with-parent", "--new-session", "--hostname", "sandbox"]
    line += _namespaces(keep_root_to_drop, nested_namespaces)
    line += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    # Before what is shown, since that may lie in /tmp outside too.
    line += _scratch(scratch)
    line += programs()
    for how, paths in (("--ro-bind", readable), ("--bind", writable)):
        line += [part for path in paths for part in shown(how, path)]
    line += ["--remount-ro", "/", "--chdir", WORK]
    for name, value in {**_variables(), **(environment or {})}.items():
        line += ["--setenv", name, value]
    return [*line, "--", *command]


@cache
def sandbox_problem() -> str | None:
    """Why submissions cannot be run in a sandbox here, and the way out; None when they can.

    A sandbox is started once to see; the answer is kept.
    """
    if sys.platform != "linux":
        return (
            f"the sandbox needs bubblewrap, which exists for Linux only, and this is {platform.system()}; "
            "grade on Linux, on Windows in WSL 2"
        )
    if _bwrap() is None:
        return (
            "bubblewrap is not installed; get it with `apt install bubblewrap`, `dnf install bubblewrap` "
            "or `pacman -S bubblewrap`"
        )
    if trouble := _trouble():
        return f"bubblewrap cannot start a sandbox here ({trouble}); {_way_out(trouble)}"
    return None


def _bwrap() -> str | None:
    return shutil.which("bwrap")


@cache
def _offers(option: str) -> bool:
    """Whether this bubblewrap knows `option`: --size came with 0.7, --disable-userns with 0.8."""
    if (program := _bwrap()) is None:
        return False
    return option in subprocess.run([program, "--help"], capture_output=True, text=True).stdout


def _namespaces(keep_root: bool, nested: bool) -> list[str]:
    line = [f"--unshare-{kind}" for kind in ("ipc", "pid", "net", "uts", "cgroup-try")]
    line += ["--cap-drop", "ALL"]
    if keep_root:
        return [*line, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    line.append("--unshare-user")
    if not nested and _offers("--disable-userns"):
        line.append("--disable-userns")
    return line


def _scratch(size: int) -> Iterator[str]:
    limit = ("--size", str(size)) if _offers("--size") else ()
    # Everybody may write there, since the process may still become another user.
    for folder in ("/tmp", "/dev/shm"):
        yield from ("--perms", "1777", *limit, "--tmpfs", folder)
    for folder in (HOME, WORK):
        yield from ("--perms", "0777", "--dir", folder)


def _variables() -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    names = {"USER": "learner", "LOGNAME": "learner", "HOME": HOME, "TMPDIR": "/tmp"}
    return {**names, "PATH": path, "LANG": "C.UTF-8", "MPLBACKEND": "Agg"}


# What the warm process and its children do: become nobody, then make namespaces of their own.
_TRIAL = """
import ctypes, os
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000 | 0x00020000 | 0x20000000):
    raise SystemExit("namespaces cannot be nested: " + os.strerror(ctypes.get_errno()))
import coursekit.files
"""


def _trouble() -> str | None:
    command = [sys.executable, "-c", _TRIAL]
    line = sandbox_command(command, keep_root_to_drop=os.geteuid() == 0, nested_namespaces=True)
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ended with status {done.returncode}"


def _way_out(trouble: str) -> str:
    if "execvp" in trouble or "coursekit" in trouble:
        return "use an environment that `python -m venv` made, and install coursekit into it"
    restriction = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restriction.is_file() and restriction.read_text().strip() == "1":
        return (
            "AppArmor forbids user namespaces here, as Ubuntu does since 23.10; allow them with "
            "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
        )
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "in a container, start it with `--security-opt seccomp=unconfined "
            "--security-opt systempaths=unconfined --security-opt apparmor=unconfined`"
        )
    return (
        "allow user namespaces with `sudo sysctl -w user.max_user_namespaces=15000`, "
        "or ask the person who runs this machine"
    )
