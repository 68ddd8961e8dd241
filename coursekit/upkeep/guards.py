"""`coursekit test`: every guard of the course, one after the other, and a summary."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from coursekit.lessons import Course
from coursekit.upkeep.requirements import environment_differences

Guard = Callable[[], bool]


def run_guards(pytest_arguments: list[str], course: Course | None = None) -> int:
    """Run every guard, whether or not an earlier one failed; the status is 1 when any did.

    pytest comes last, so that its closing line ends the output; it gets `pytest_arguments`.
    """
    root = (course or Course.find()).root
    guards = _guards(root, pytest_arguments)
    results = []
    for name, guard in guards.items():
        print(f"== {name}", flush=True)
        if name == "pytest":
            _summary(results)
        begin = time.perf_counter()
        results.append((name, guard(), time.perf_counter() - begin))
    return int(not all(passed for _, passed, _ in results))


def _guards(root: Path, pytest_arguments: list[str]) -> dict[str, Guard]:
    python = [sys.executable, "-m"]
    lint_imports = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    workers = [] if _has_workers(pytest_arguments) else ["-n", "2"]
    return {
        "ruff check": _program(root, [*python, "ruff", "check"]),
        "ruff format": _program(root, [*python, "ruff", "format", "--check"]),
        "import-linter": _program(root, [sys.executable, "-c", lint_imports]),
        "derived files": _program(root, [*python, "coursekit", "release", "--check"]),
        "environment.yml": lambda: _environment(root),
        "pytest": _program(root, [*python, "pytest", *workers, *pytest_arguments]),
    }


def _has_workers(arguments: list[str]) -> bool:
    """Whether the caller said how many workers pytest shall use, or switched the plugin off."""
    return any(word.startswith(("-n", "--numprocesses", "-pno:xdist", "no:xdist")) for word in arguments)


def _program(root: Path, command: list[str]) -> Guard:
    """A guard that runs a program in `root`; programs it starts by name are this Python's own."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return lambda: subprocess.run(command, cwd=root, env={**os.environ, "PATH": path}).returncode == 0


def _environment(root: Path) -> bool:
    differences = environment_differences(root)
    print("\n".join(differences) or "environment.yml and pyproject.toml agree", flush=True)
    return not differences


def _summary(results: list[tuple[str, bool, float]]) -> None:
    """What came before pytest, so that a failure up there is not scrolled away unseen."""
    for name, passed, seconds in results:
        print(f"   {name:<16} {'passed' if passed else 'FAILED'} {seconds:6.1f} s", flush=True)
