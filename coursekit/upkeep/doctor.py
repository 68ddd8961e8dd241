"""`coursekit doctor`: what is installed, which device, where data is, what is wrong and how to mend it."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coursekit import __version__
from coursekit.upkeep.requirements import unmet

INSTALL = 'python -m pip install -e ".[lab,bert]" -c constraints.txt'


@dataclass(frozen=True)
class Finding:
    """One thing examined: `state` is `well`, `note` (works, but know it) or `wrong`; `remedy` mends it."""

    topic: str
    state: str
    words: str
    remedy: str = ""

    def __str__(self) -> str:
        sign = {"well": "ok  ", "note": "note", "wrong": "!!  "}[self.state]
        mend = f"\n     to mend it: {self.remedy}" if self.remedy else ""
        return f"{sign} {self.topic}: {self.words}{mend}"


def report() -> int:
    """Print every finding; the status is 1 when something that is needed is wrong."""
    findings = list(examine())
    print("\n".join(map(str, findings)))
    wrong = sum(finding.state == "wrong" for finding in findings)
    print(f"\n{wrong} things to mend" if wrong else "\nall is well")
    return int(wrong > 0)


def examine() -> Iterator[Finding]:
    """Yield the findings one after the other; an examination that breaks is itself a finding."""
    for examination in (_python, _packages, _programs, _device, _data, _sandbox, _checkout):
        try:
            yield from examination()
        except Exception as error:  # the doctor must reach the end on any machine
            topic = examination.__name__.strip("_")
            yield Finding(topic, "wrong", f"{type(error).__name__}: {error}", INSTALL)


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    right = (3, 11) <= sys.version_info[:2] <= (3, 13)
    remedy = "" if right else "make an environment with Python 3.11, 3.12 or 3.13"
    yield Finding("Python", "well" if right else "wrong", f"{version}, {sys.executable}", remedy)


def _packages() -> Iterator[Finding]:
    yield Finding("coursekit", "well", f"{__version__}, {Path(__file__).parents[1]}")
    rows = unmet()
    for asked, extra, found, remedy in rows:
        have = f"version {found} is installed" if found else "is not installed"
        # Tests are for maintainers; a learner needs the core and what opens notebooks.
        yield Finding("package", "note" if extra == "test" else "wrong", f"{asked} wanted, {have}", remedy)
    if not rows:
        yield Finding("packages", "well", "all that pyproject.toml asks for (core, lab, test)")


def _programs() -> Iterator[Finding]:
    """nbgrader is called by its name, and calls alembic by its name."""
    folder = Path(sys.executable).parent
    for name in ("nbgrader", "alembic"):
        found = shutil.which(name)
        if found is None:
            yield Finding(
                name, "wrong", "is not on PATH", f"activate the environment, or put {folder} on PATH"
            )
        elif Path(found).parent != folder:
            words = f"PATH leads to {found}, which belongs to another Python"
            yield Finding(name, "note", words, f"activate the environment, or put {folder} first on PATH")
        else:
            yield Finding(name, "well", found)


def _device() -> Iterator[Finding]:
    import torch

    from coursekit import pick_device

    chosen = os.environ.get("COURSEKIT_DEVICE")
    source = "COURSEKIT_DEVICE says so" if chosen else "the best there is"
    yield Finding("device", "well", f"{pick_device()} ({source}); PyTorch {torch.__version__}")


def _data() -> Iterator[Finding]:
    from coursekit.datasets import DATASETS, campus_tables, data_home, find

    courses = len(campus_tables().courses)
    yield Finding(
        "data", "well", f"campus is here with {courses} courses; other data sets go to {data_home()}"
    )
    here = [name for name in DATASETS if name != "campus" and _is_here(find, name)]
    missing = [name for name in DATASETS if name != "campus" and name not in here]
    if missing:
        words = f"here: {', '.join(here) or 'none'}; not here: {', '.join(missing)}"
        yield Finding(
            "data", "note", words, f"python -m coursekit fetch {missing[0]}, when a lesson wants it"
        )
    folder = os.environ.get("COURSEKIT_DATA")
    if folder and not Path(folder).is_dir():
        yield Finding("data", "wrong", f"COURSEKIT_DATA is {folder!r}, no folder", "correct or unset it")


def _is_here(find, name: str) -> bool:
    try:
        return find(name) is not None
    except (LookupError, OSError):
        return False


def _sandbox() -> Iterator[Finding]:
    from coursekit.grading.sandbox import sandbox_problem

    problem = sandbox_problem()
    if problem is None:
        yield Finding("sandbox", "well", "submissions are graded in bubblewrap, which works here")
        return
    # Only who grades needs it.
    words, _, remedy = problem.partition("; ")
    yield Finding("sandbox", "note", f"submissions cannot be graded safely here: {words}", remedy)


def _checkout() -> Iterator[Finding]:
    from coursekit.lessons import Course, release

    try:
        course = Course.find()
    except FileNotFoundError:
        yield Finding("checkout", "note", "none here; the lessons live in the repository")
        return
    drifts = release(course, check=True)
    for drift in drifts:
        yield Finding("checkout", "wrong", str(drift), "python -m coursekit release")
    if not drifts:
        yield Finding(
            "checkout", "well", f"{course.root}, {len(course.lessons)} lessons, nothing has drifted"
        )
