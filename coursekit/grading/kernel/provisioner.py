"""The Jupyter kernel "coursekit-sandbox": an ordinary Python kernel in bubblewrap.

nbgrader, papermill and JupyterLab can name it. Messages cross by sockets in a private folder, since inside
there is no network. What it guards is the machine: the tests of a notebook run beside the learner's code,
which can read and change them. Marks that nobody can forge come from `python -m coursekit grade`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner
from traitlets import Int

from coursekit.grading.sandbox import sandbox_command, sandbox_problem

_LIMITED_LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class SandboxError(RuntimeError):
    """The sandbox cannot be had on this machine; the message says why, and the way out."""


class SandboxProvisioner(LocalProvisioner):
    """Starts and ends one kernel in a sandbox.

    The limits can be set where the kernel is described, in `metadata.kernel_provisioner.config` of a copy of
    its `kernel.json`.
    """

    memory = Int(8 * 2**30, help="bytes of address space for each process of the kernel").tag(config=True)
    scratch = Int(256 * 2**20, help="bytes that its temporary folder holds; also the largest file").tag(
        config=True
    )
    processes = Int(128, help="processes and threads at a time").tag(config=True)
    cpu_seconds = Int(3600, help="seconds of CPU time for each process of the kernel").tag(config=True)

    _runtime: Path | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Turn the kernel's command into one in the sandbox.

        Raises:
            SandboxError: when bubblewrap is missing or cannot start a sandbox here.
        """
        if problem := sandbox_problem():
            raise SandboxError(f"The kernel coursekit-sandbox cannot start: {problem}.")
        if self._runtime is None:
            self._make_runtime()
        self.parent.transport = "ipc"
        self.parent.ip = str(self._runtime / "kernel")
        kwargs = await super().pre_launch(**kwargs)
        kwargs["cmd"] = self._in_sandbox(kwargs["cmd"], kwargs["env"])
        return kwargs

    def _make_runtime(self) -> None:
        # Not in /tmp, which is another folder inside. A socket's path may have 107 characters at most.
        self._runtime = Path(tempfile.mkdtemp(prefix="coursekit-", dir="/var/tmp"))
        _give_to_kernel(self._runtime)
        self._remove_runtime = weakref.finalize(self, shutil.rmtree, self._runtime, ignore_errors=True)

    def _in_sandbox(self, command: list[str], outside: dict[str, str]) -> list[str]:
        connection = os.path.realpath(self.parent.connection_file)
        shown = self._show_connection(connection)
        command = [shown if part == connection else part for part in command]
        start = [sys.executable, "-m", "coursekit.grading.kernel.start"]
        limits = [
            f"--memory={self.memory}",
            f"--file-size={self.scratch}",
            f"--cpu-seconds={self.cpu_seconds}",
            f"--processes={self.processes}",
        ]
        threads = str(min(4, os.cpu_count() or 1))
        # JPY_PARENT_PID 1: in there the parent is out of sight; bubblewrap ends the kernel when we are gone.
        environment = dict.fromkeys(_LIMITED_LIBRARIES, threads) | {"JPY_PARENT_PID": "1"}
        environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # pictures go into the page
        environment |= {name: outside[name] for name in self.kernel_spec.env}
        return sandbox_command(
            [*start, *limits, "--", *command],
            environment=environment,
            writable=[self._runtime],
            keep_root_to_drop=os.geteuid() == 0,
            scratch=self.scratch,
        )

    def _show_connection(self, connection: str) -> str:
        """Copy the connection file to where the kernel can read it, as the user that the kernel will be."""
        shown = self._runtime / "connection.json"
        shown.unlink(missing_ok=True)
        # "x" follows no link that a kernel before this one may have laid here.
        with shown.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            _give_to_kernel(file.fileno())
            file.write(Path(connection).read_bytes())
        return str(shown)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the folder with the kernel's sockets, unless it starts again."""
        await super().cleanup(restart=restart)
        if self._runtime is not None and not restart:
            self._remove_runtime()
            self._runtime = None

    def resolve_path(self, path_str: str) -> str | None:
        """Nothing: the kernel's paths mean nothing outside of its sandbox."""
        return None


def _give_to_kernel(place: Path | int) -> None:
    """Let the kernel use a folder or an open file: its user is the caller, or nobody where that is root."""
    from coursekit.grading.sandbox.confine import (
        NOBODY,  # not importable on Windows, which gets its sentence first
    )

    if os.geteuid() == 0:
        os.chown(place, NOBODY, NOBODY)
