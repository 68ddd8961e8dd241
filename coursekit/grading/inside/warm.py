"""The warm process: `python -m coursekit.grading.inside.warm FD`, FD being the socket to the grader.

It starts inside the sandbox, imports what a lesson needs once, and is then forked for each learner's
process, which takes milliseconds instead of seconds. No learner's code ever runs in it. It does one thing
at a time: each request on its socket gets one reply.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.grading.sandbox.confine import NOBODY, drop_root

if TYPE_CHECKING:
    from coursekit.grading.inside.shell import QuietShell

_LONGEST_REQUEST = 2**20


def main() -> None:
    """Drop root's rights, get warm, and serve until the grader closes its end."""
    control, sandboxed = socket.socket(fileno=int(sys.argv[1])), sys.argv[2] == "sandboxed"
    if sandboxed:
        drop_root()  # before anything large is imported
        _serve(control, strict=True)
    else:
        with _empty_home():
            _serve(control, strict=False)


def _serve(control: socket.socket, *, strict: bool) -> None:
    # Only now: these bring NumPy, pandas and IPython.
    from coursekit.grading.wire import receive, send

    _, modules = receive(control, _LONGEST_REQUEST)
    shell = _warmed(modules)
    if not strict:
        _give_to_nobody(Path.cwd())
        drop_root()  # only now, as it may be that only root can read this Python
    send(control, "ready", None)
    Warm(control, shell, strict=strict).serve()


@contextlib.contextmanager
def _empty_home() -> Iterator[None]:
    """What bubblewrap would have given: an empty home and work folder; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="coursekit-") as folder:
        os.environ.update(HOME=folder, TMPDIR=folder)
        tempfile.tempdir = None  # or it would go on with the one it knows
        os.chdir(folder)
        yield


def _give_to_nobody(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _warmed(modules: Sequence[str]) -> QuietShell:
    """Import, quietly, what would else be imported in every fork."""
    from coursekit.grading.inside import learner  # noqa: F401
    from coursekit.grading.inside.shell import quiet_shell

    for name in modules:
        # A module that cannot be imported: the learner's cell meets the same error.
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    sys.argv = [""]
    shell = quiet_shell()
    shell.run("pass", "<cell>")  # imports what IPython puts off
    gc.collect()
    gc.freeze()  # what is here now is shared by all forks: no collection should touch it
    return shell


class Warm:
    """Forks learners' processes and ends them, as the grader asks."""

    def __init__(self, control: socket.socket, shell: QuietShell, *, strict: bool) -> None:
        self._control = control
        self._shell = shell
        self._strict = strict
        self._children: set[int] = set()

    def serve(self) -> None:
        """Answer requests until the grader is gone; then end every learner's process."""
        from coursekit.grading.wire import receive, send

        with contextlib.suppress(EOFError):
            while True:
                kind, request = receive(self._control, _LONGEST_REQUEST)
                reply = self._open(*request) if kind == "open" else self._end(*request)
                send(self._control, "done", reply)
        for child in set(self._children):
            self._end(child, 0)

    def _open(self, seed: int, limits: dict) -> int:
        """Fork a learner's process; its connection follows the request as an open descriptor."""
        _, (descriptor, *_), _, _ = socket.recv_fds(self._control, 1, 1)
        child = os.fork()
        if not child:
            self._become_learner(descriptor, seed, limits)
        os.close(descriptor)
        self._children.add(child)
        return child

    def _become_learner(self, descriptor: int, seed: int, limits: dict) -> None:
        from coursekit.grading.inside.learner import live
        from coursekit.grading.limits import Limits

        try:
            self._control.detach()
            live(socket.socket(fileno=descriptor), self._shell, Limits(**limits), seed, strict=self._strict)
            os._exit(0)
        finally:
            os._exit(1)

    def _end(self, child: int, patience: float) -> str:
        """End a learner's process, after waiting so many seconds for it to end by itself.

        Returns:
            How it ended: "exit 3", "signal 11", or "killed" when it had to be.
        """
        if child not in self._children:
            return "unknown"
        status = _waited(child, patience)
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self._children.remove(child)
        if status is None:
            return "killed"
        return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"


def _waited(child: int, patience: float) -> int | None:
    """The status of a process that has ended by then, else None."""
    end = time.monotonic() + patience
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() >= end:
            return None
        time.sleep(0.002)


if __name__ == "__main__":
    main()
