"""Marks in nbgrader's own gradebook, so that formgrader and every stock command read what we write.

SQLAlchemy and nbgrader are imported by the modules behind this one, and those only when a gradebook is
opened: the feedback page needs `ManualGrade` and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.grading.gradebook.importing import import_nbgrader
from coursekit.grading.results import Result
from coursekit.grading.template import Template

if TYPE_CHECKING:
    import pandas as pd

    from coursekit.grading.gradebook.penalties import Rule


@dataclass(frozen=True)
class ManualGrade:
    """What a person gave, or has still to give, for one cell.

    Attributes:
        score: points, extra credit included; None while it is pending.
        max_score: possible points.
        comment: the person's words, else the grader's ("No response."); empty when there are none.
        pending: whether somebody has to look at it (again).
    """

    score: float | None
    max_score: float
    comment: str = ""
    pending: bool = False


class Gradebook:
    """nbgrader's gradebook; a context manager. It is made when it is not there yet.

    Nothing is held open between two calls, so any number of processes, stock nbgrader's among them, may
    use the same file. A call that writes is one transaction: a kill at any moment leaves the state before
    it or after it. A call waits up to 60 seconds for other writers.

    Args:
        url_or_path: a file, or a database address such as nbgrader's `CourseDirectory.db_url`.
        course_id: nbgrader's name for the course, noted with each new assignment.

    Raises:
        RuntimeError: when another version of nbgrader made the file; it has to be upgraded first.

    Example:
        >>> with Gradebook.of(course.root) as gradebook:  # doctest: +SKIP
        ...     gradebook.register(template)
        ...     gradebook.record(result, template)
    """

    def __init__(self, url_or_path: str | Path, course_id: str = "default_course") -> None:
        import_nbgrader()
        from coursekit.grading.gradebook.database import Database

        self._course_id = course_id
        self._database = Database(url_or_path)
        self._penalty_rule: Rule | None = None

    @classmethod
    def of(cls, root: Path) -> Gradebook:
        """The gradebook of the course in `root`: the file and the late penalties of its `nbgrader_config.py`.

        Raises:
            FileNotFoundError: when `root` holds no `nbgrader_config.py`.
        """
        from coursekit.grading.gradebook.penalties import penalty_rule

        directory = _course_directory(root)
        made = cls(directory.db_url, directory.course_id or "default_course")
        made._penalty_rule = penalty_rule(directory.config)
        return made

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def register(self, template: Template) -> tuple[str, ...]:
        """Write the lesson's cells as `nbgrader generate_assignment` would, or bring them up to date.

        Returns:
            grade_ids that the lesson no longer has but that learners have grades for. These are kept, and
            formgrader still counts them; `marks` does not.
        """
        from coursekit.grading.gradebook.registration import register

        with self._database.writing() as session:
            return register(session, template, self._course_id)

    def record(self, result: Result, template: Template, *, timestamp: datetime | None = None) -> None:
        """Write one submission's result; scores, extra credit and comments given by hand stay as they are.

        Prose that is as it was released gets 0 points; other prose waits for a person, and waits again when
        it changes after it was marked. So does a test that a person overruled, when its answer or its
        points change.

        Args:
            result: what grading came to. The learner is made when the gradebook does not know them.
            template: the lesson, registered before.
            timestamp: when it was handed in (UTC where it says nothing else); None keeps what is noted.

        Raises:
            LookupError: when the lesson is not registered as it is now.
            ValueError: when the learner's name cannot be written as text.
        """
        from coursekit.grading.gradebook.recording import record

        with self._database.writing() as session:
            record(session, result, template, timestamp, self._penalty_rule)

    def fingerprints(self, lesson: str) -> dict[str, str]:
        """What has been graded with what, by learner; without those who must be graded again.

        These are learners whose submission was removed from the gradebook, or whose automatic points
        another tool (such as `nbgrader autograde`) changed.
        """
        from coursekit.grading.gradebook.reading import fingerprints

        with self._database.reading() as session:
            return fingerprints(session, lesson)

    def results(self, lesson: str, student: str | None = None) -> dict[str, Result]:
        """The last result of each learner, or of one, that `record` wrote and whose submission is known."""
        from coursekit.grading.gradebook.reading import results

        with self._database.reading() as session:
            return results(session, lesson, student)

    def manual(self, student: str, lesson: str) -> dict[str, ManualGrade]:
        """What people gave this learner, by grade_id; empty when nothing of theirs was graded.

        Cells that are graded by hand are always in it. A test cell is in it when a person changed its
        points or commented on the answer.
        """
        from coursekit.grading.gradebook.reading import manual

        with self._database.reading() as session:
            return manual(session, student, lesson)

    def marks(self, lessons: Sequence[str], handed_in: Collection[tuple[str, str]] = ()) -> pd.DataFrame:
        """One row for each learner and lesson; see `coursekit.grading.marks.marks` for the columns.

        Args:
            lessons: keys of lessons, in the order wanted.
            handed_in: (student, lesson) for each submission that is there. With it, one that has not been
                graded yet is "not graded" and not "missing", also where the gradebook knows no such learner.
        """
        from coursekit.grading.gradebook.marks import marks

        with self._database.reading() as session:
            return marks(session, lessons, handed_in)


def _course_directory(root: Path):
    import_nbgrader()
    from nbgrader.coursedir import CourseDirectory

    from coursekit.lessons.nbgrader import read_config

    return CourseDirectory(root=str(Path(root).resolve()), config=read_config(Path(root)))
