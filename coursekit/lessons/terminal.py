"""What the commands about lessons print: progress, results, drift."""

import shutil
import sys
import threading
from pathlib import Path

from coursekit.lessons.course import Course
from coursekit.lessons.release import REMEDY, release
from coursekit.lessons.report import write_report
from coursekit.lessons.run import LessonResult, run_lessons


def release_and_tell(*, check: bool, course: Course | None = None) -> int:
    """`coursekit release [--check]`: print what drifted; the status is 1 when `check` found drift."""
    course = course or Course.find()
    drifts = release(course, check=check)
    for drift in drifts:
        print(drift if check else f"written: {drift.path}")
    if not drifts:
        print(f"{len(course.lessons)} lessons, nothing has drifted")
    elif check:
        print(f"{len(drifts)} derived files have drifted: {REMEDY}")
    return int(check and bool(drifts))


def run_and_report(names: list[str], parameters: dict, *, jobs: int = 1, course: Course | None = None) -> int:
    """`coursekit run`: execute, show progress, write the report; status 1 unless all lessons passed."""
    course = course or Course.find()
    if "dataset" in parameters:
        _known_dataset(parameters["dataset"])
    chosen = {course.lesson(name).key for name in names}
    lessons = [lesson for lesson in course.lessons if lesson.key in chosen or not names]
    folder = course.root / "build" / "report"
    shutil.rmtree(folder, ignore_errors=True)
    with _Bar(len(lessons)) as bar:
        results = run_lessons(
            course, lessons, folder, jobs=jobs, parameters=parameters, progress=bar.cell, done=bar.lesson
        )
    for result in results:
        _tell_failure(result)
    index = write_report(results, folder)
    passed = sum(result.status == "passed" for result in results)
    print(f"{passed} of {len(results)} lessons passed. Report: {index.relative_to(course.root)}")
    return int(passed < len(results))


def learners_notebook(name: str) -> Path:
    """The notebook that `coursekit check NAME` means: a file, else the students' version of a lesson."""
    path = Path(name)
    if path.suffix == ".ipynb":
        if not path.is_file():
            raise FileNotFoundError(f"there is no notebook {path}: give its path, or a lesson such as 02")
        return path
    return Course.find().lesson(name).released


def _known_dataset(name: str) -> None:
    from coursekit.datasets import DATASETS

    known = sorted({"campus", *DATASETS})
    if name not in known:
        raise LookupError(f"there is no data set {name!r}; there are: {', '.join(known)}")


def _tell_failure(result: LessonResult) -> None:
    if result.failure is not None:
        failure = result.failure
        print(f"\n{result.key} failed in cell {failure.cell} ({failure.cell_id}): {failure.error}")
        print(failure.traceback)


class _Bar:
    """One progress bar for all lessons: a lesson is one step, its cells are parts of it."""

    def __init__(self, lessons: int):
        from tqdm import tqdm

        layout = "{desc} {percentage:3.0f}%|{bar}| {elapsed}"
        # tqdm is silent when nobody watches (disable=None): the line for each lesson is enough in a log.
        self.bar = tqdm(total=max(lessons, 1), disable=None, bar_format=layout, file=sys.stderr)
        self.parts: dict[str, float] = {}
        self.lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

    def cell(self, key: str, cell: int, cells: int) -> None:
        """Cell `cell` of `cells` of lesson `key` begins."""
        self._show(key, (cell - 1) / cells, f"{key} cell {cell}/{cells}")

    def lesson(self, result: LessonResult) -> None:
        """A lesson has ended."""
        with self.lock:
            self.bar.write(
                f"{result.key:<24} {result.status:<8} {result.seconds / 60:5.1f} min", file=sys.stdout
            )
        self._show(result.key, 1.0, result.key)

    def _show(self, key: str, part: float, words: str) -> None:
        with self.lock:
            self.parts[key] = part
            self.bar.n = round(sum(self.parts.values()), 3)
            self.bar.set_description_str(words)
