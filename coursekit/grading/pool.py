"""Worker processes that grade, each watched by a thread: one that breaks or hangs is replaced."""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from coursekit.grading.limits import Limits
from coursekit.grading.results import Result

_COMMAND = ["-m", "coursekit.grading.worker"]
_GRACE = 60  # seconds for reading a submission and starting the sandbox, beyond the learner's own time


@dataclass(frozen=True)
class Order:
    """One submission to grade; `known` is the fingerprint of its last result."""

    student: str
    folder: Path
    known: str = ""


@dataclass(frozen=True)
class Reply:
    """What became of an order: a result, or `unchanged`, or in `failed` why there is none."""

    student: str
    result: Result | None = None
    unchanged: bool = False
    failed: str = ""


@dataclass(eq=False)
class Worker:
    """One grading process; started when it is needed and again after it broke."""

    root: Path
    lesson: str
    limits: Limits
    sandboxed: bool
    _process: subprocess.Popen | None = field(default=None, init=False)
    _closed: bool = field(default=False, init=False)

    def start(self) -> None:
        """Start the process now, so that it gets ready while the orders are still being written."""
        if self._process is None:
            self._start()

    def grade(self, order: Order) -> Reply:
        """Grade one submission; a worker that breaks on it gets one more try with a fresh process."""
        for attempt in (1, 2):
            try:
                return self._ask(order)
            except (OSError, ValueError, TimeoutError) as error:
                self._end()
                if attempt == 2 or self._closed:
                    return Reply(order.student, failed=f"the grading process broke twice: {error}")
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the process for good and, with it, every learner's process."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()

    def _ask(self, order: Order) -> Reply:
        self.start()
        self._tell({"student": order.student, "folder": str(order.folder), "known": order.known})
        reply = json.loads(self._line(time.monotonic() + self.limits.submission_seconds + _GRACE))
        if "result" in reply:
            return Reply(order.student, Result.from_json(reply["result"]))
        return Reply(order.student, unchanged="unchanged" in reply, failed=reply.get("failed", ""))

    def _start(self) -> None:
        command = [sys.executable, *_COMMAND]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        # A session of its own: Ctrl-C in the terminal reaches the one who writes the marks, not this one.
        self._process = subprocess.Popen(command, **pipes, env=_environment(), start_new_session=True)
        first = {"root": str(self.root), "lesson": self.lesson, "limits": asdict(self.limits)}
        self._tell({**first, "sandboxed": self.sandboxed})

    def _tell(self, message: dict) -> None:
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _line(self, deadline: float) -> bytes:
        """The next line of its output, read without ever blocking past the deadline."""
        descriptor, text = self._process.stdout.fileno(), b""
        while not text.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError("it did not answer in time")
            piece = os.read(descriptor, 1 << 20)
            if not piece:
                raise OSError(f"it ended with status {self._process.wait()}")
            text += piece
        return text


def graded(orders: Sequence[Order], workers: Sequence[Worker]) -> Iterator[Reply]:
    """Give the orders to the workers and yield replies as they come; leaving early ends the workers."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    replies: queue.SimpleQueue = queue.SimpleQueue()
    for order in orders:
        waiting.put(order)
    stop = threading.Event()
    threads = [
        threading.Thread(target=_serve, args=(worker, waiting, replies, stop), daemon=True)
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in orders:
            yield replies.get()
    finally:
        stop.set()
        for worker in workers:
            worker.close()


def _serve(
    worker: Worker, waiting: queue.SimpleQueue, replies: queue.SimpleQueue, stop: threading.Event
) -> None:
    while not stop.is_set():
        try:
            order = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            replies.put(worker.grade(order))
        except Exception as error:  # nothing may end this thread in silence: somebody waits for the reply
            replies.put(Reply(order.student, failed=f"{type(error).__name__}: {error}"))


def _environment() -> dict[str, str]:
    """One thread each: the workers are the parallelism, and a forking process should have no others."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
