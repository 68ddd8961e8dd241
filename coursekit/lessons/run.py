"""Execute the solution notebooks: one process for each lesson, several at a time, in the course's order.

A failing lesson does not stop the others, and an interrupt keeps what is finished.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from coursekit.lessons.course import Course, Lesson

# Called with the lesson's key, the number of the cell that begins (from 1) and how many there are.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Failure:
    """Where a lesson failed: the cell's number (from 1) and id in its source, and Python's traceback."""

    cell: int
    cell_id: str
    error: str
    traceback: str


@dataclass(frozen=True)
class LessonResult:
    """What became of one lesson.

    Attributes:
        key: the lesson's key.
        status: `passed`, `failed` or `stopped` (interrupted or not begun).
        seconds: by the clock on the wall.
        cpu_seconds: computed by its processes; what else the machine does hardly changes it. 0 where the
            system does not tell.
        notebook: the executed notebook, or None.
        failure: where it failed, or None.
    """

    key: str
    status: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    notebook: Path | None = None
    failure: Failure | None = None


@dataclass
class _Runner:
    """The processes of one run, so that an interrupt can end them."""

    folder: Path
    environment: dict[str, str]
    progress: Progress
    running: set[subprocess.Popen] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, lesson: Lesson, parameters: dict) -> LessonResult:
        """Execute one lesson in a process of its own and wait for it."""
        if self.stopping.is_set():
            return LessonResult(lesson.key, "stopped")
        output = self.folder / f"{lesson.key}.ipynb"
        order = {"source": str(lesson.source), "output": str(output), "parameters": parameters}
        command = [sys.executable, "-m", "coursekit.lessons.execute", json.dumps(order)]
        pipes = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL, "encoding": "utf-8"}
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(command, stderr=log, env=self.environment, cwd=self.folder, **pipes)
            self.running.add(process)
            outcome = self._follow(process, lesson.key)
            self.running.discard(process)
            outcome = outcome or _died(process, log)
        return self._result(lesson.key, output, outcome)

    def _follow(self, process: subprocess.Popen, key: str) -> dict | None:
        """Pass the process's events on; return its last word, None when it ended without one."""
        outcome = None
        for line in process.stdout:
            event = json.loads(line)
            if "outcome" in event:
                outcome = event["outcome"]
            else:
                self.progress(key, event["cell"], event["cells"])
        process.wait()
        return outcome

    def _result(self, key: str, output: Path, outcome: dict) -> LessonResult:
        spent, failure = (outcome["seconds"], outcome["cpu_seconds"]), outcome["failure"]
        notebook = output if output.is_file() else None
        if outcome["interrupted"] or (failure and self.stopping.is_set()):
            return LessonResult(key, "stopped", *spent)
        if failure is None:
            return LessonResult(key, "passed", *spent, notebook)
        return LessonResult(key, "failed", *spent, notebook, Failure(**failure))

    def stop(self) -> None:
        """End every process; each shuts its kernel down first."""
        self.stopping.set()
        for process in list(self.running):
            process.terminate()


def run_lessons(
    course: Course,
    lessons: list[Lesson],
    folder: Path,
    *,
    jobs: int = 1,
    parameters: dict | None = None,
    progress: Progress = lambda key, cell, cells: None,
    done: Callable[[LessonResult], None] = lambda result: None,
) -> list[LessonResult]:
    """Execute `lessons`, `jobs` at a time; executed notebooks and the leaderboard are written into `folder`.

    Of `parameters`, each lesson gets those that its cell tagged `parameters` declares. `done` hears of each
    lesson as it ends. KeyboardInterrupt is turned into results: lessons that are not finished are `stopped`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runner = _Runner(folder, _environment(course, folder), progress)

    def one(lesson: Lesson) -> LessonResult:
        result = runner.run(lesson, dict(parameters or {}))
        done(result)
        return result

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        futures = [pool.submit(one, lesson) for lesson in lessons]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            runner.stop()
            return [future.result() for future in futures]


def _environment(course: Course, folder: Path) -> dict[str, str]:
    """What the kernels see: this checkout's coursekit, the run's own leaderboard, one thread each.

    A second thread hardly helps the lessons' small matrices, and where other programs want the core, threads
    that wait for each other cost twice the time. OMP_NUM_THREADS overrides it.
    """
    paths = [str(course.root)] if (course.root / "coursekit").is_dir() else []
    paths += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    own = {"PYTHONPATH": os.pathsep.join(paths), "COURSEKIT_LEADERBOARD": str(folder / "leaderboard.csv")}
    return {"OMP_NUM_THREADS": "1", **os.environ, **own}


def _died(process: subprocess.Popen, log) -> dict:
    """The outcome of a process that ended without a word, with the end of what it wrote to stderr."""
    log.seek(0)
    tail = log.read().decode("utf-8", "replace")[-3000:]
    error = f"the process that ran the lesson ended with status {process.returncode}"
    failure = {"cell": 0, "cell_id": "", "error": error, "traceback": tail}
    return {"seconds": 0.0, "cpu_seconds": 0.0, "failure": failure, "interrupted": False}
