"""The grader's end of the warm process: start it in the sandbox, have it fork, end what it forked."""

from __future__ import annotations

import contextlib
import os
import site
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import coursekit
from coursekit.grading.limits import Limits
from coursekit.grading.sandbox import sandbox_command, sandbox_problem
from coursekit.grading.wire import WireError, receive, send

_START_SECONDS = 300.0  # PyTorch from a cold, slow disk
_SECONDS = 30.0  # for anything else that is asked of it
_LONGEST_REPLY = 2**16
_ENVIRONMENT = {
    # One thread each: a process with more cannot be forked safely, and other learners wait for the cores.
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")},
    # Each thread's arena reserves address space, which the limit on memory counts.
    "MALLOC_ARENA_MAX": "2",
    "MPLBACKEND": "Agg",
    "PYTHONHASHSEED": "0",  # the same order of sets whenever the same text is graded
    "PYTHONUTF8": "1",
    "PYTHONIOENCODING": "utf-8:backslashreplace",  # a print never fails
}


class RoomError(RuntimeError):
    """No learner's process can be started here; not the doing of a submission."""


class WarmProcess:
    """A running `coursekit.grading.inside.warm`, to be used by one thread, with which it dies at the latest.

    Args:
        modules: what to import in it.
        sandboxed: False starts it without bubblewrap.

    Raises:
        RoomError: when it does not start.
    """

    def __init__(self, modules: Sequence[str], *, sandboxed: bool) -> None:
        if sandboxed and (problem := sandbox_problem()):
            raise RoomError(problem)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._sandboxed = sandboxed
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = self._started(theirs)
        try:
            with self._in_touch():
                send(self._control, "start", list(modules), time.monotonic() + _SECONDS)
        except BaseException:  # an interrupt too: nothing may be left running
            self.close()
            raise
        self._ready = False  # it gets warm while the caller does something else

    def fork(self, seed: int, limits: Limits) -> tuple[socket.socket, int]:
        """A learner's process, confined and ready: the connection to it, and the number to `end` it by.

        Raises:
            RoomError: when there is none; the warm process may be gone.
        """
        self._wait_until_ready()
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._in_touch():
                child = self._ask("open", [seed, asdict(limits)], theirs)
            with self._in_touch():
                said, text = receive(ours, _LONGEST_REPLY, time.monotonic() + _SECONDS)
                if said != "ready":
                    raise RoomError(str(text))
        except BaseException:
            ours.close()
            raise
        return ours, child

    def end(self, child: int, patience: float) -> str:
        """End a learner's process, after waiting so many seconds for it to end by itself.

        Returns:
            "exit 3" or "signal 11" when it ended by itself, "killed" when it had to be, "lost" when the warm
            process is gone, and with it every process that it forked.
        """
        try:
            return str(self._ask("end", [child, patience]))
        except (OSError, EOFError, WireError):
            return "lost"

    def close(self) -> None:
        """End it and all that it forked."""
        self._control.close()  # by this it ends its children, and itself
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0 if self._sandboxed else 2)
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _wait_until_ready(self) -> None:
        if not self._ready:
            with self._in_touch():
                receive(self._control, _LONGEST_REPLY, time.monotonic() + _START_SECONDS)
            self._ready = True

    def _ask(self, kind: str, request: list, connection: socket.socket | None = None) -> object:
        end = time.monotonic() + _SECONDS
        try:
            send(self._control, kind, request, end)
            if connection is not None:
                socket.send_fds(self._control, [b"+"], [connection.fileno()])
            return receive(self._control, _LONGEST_REPLY, end)[1]
        except BaseException:  # an interrupt too: a reply that comes later would be taken for the next one
            self._control.close()
            raise

    @contextlib.contextmanager
    def _in_touch(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, WireError) as error:
            said = self._complaint()
            raise RoomError(f"learners' processes cannot be started: {said or error}") from error

    def _complaint(self) -> str:
        """The last line that it, or bubblewrap, wrote to stderr."""
        self._errors.seek(0)
        lines = self._errors.read(2**16).decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "")

    def _started(self, connection: socket.socket) -> subprocess.Popen:
        number = connection.fileno()
        how = "sandboxed" if self._sandboxed else "open"
        command = [sys.executable, "-m", "coursekit.grading.inside.warm", str(number), how]
        if self._sandboxed:
            root = os.geteuid() == 0
            command = sandbox_command(
                command, environment=_ENVIRONMENT, keep_root_to_drop=root, nested_namespaces=True
            )
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=[number],
            cwd="/",
            env=_ENVIRONMENT if self._sandboxed else self._outside(),
            start_new_session=True,  # Ctrl-C in the terminal is for the grader
        )

    def _outside(self) -> dict[str, str]:
        """Without a sandbox too, none of the grader's own variables."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        package = str(Path(coursekit.__file__).resolve().parents[1])
        return {**kept, "PYTHONPATH": package, "PYTHONUSERBASE": site.getuserbase(), **_ENVIRONMENT}
