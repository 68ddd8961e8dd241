"""Grade one submission from its folder to its result."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from coursekit.grading.examiner import Examiner
from coursekit.grading.limits import Limits
from coursekit.grading.results import Result
from coursekit.grading.submission import Submission, read_submission
from coursekit.grading.template import Template


def fingerprint(template: Template, submission: Submission) -> str:
    """Says what is graded with what: the same submission of the same lesson need not be graded again."""
    return hashlib.sha256(f"{template.fingerprint}\n{submission.digest}".encode()).hexdigest()


@dataclass(eq=False)
class Grader:
    """Grades the submissions of one lesson, one after the other; a context manager.

    Args: as `coursekit.grading.examiner.Examiner`.
    """

    template: Template
    limits: Limits = field(default_factory=Limits)
    sandboxed: bool = True
    _examiner: Examiner | None = field(default=None, init=False, repr=False)

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the learners' processes."""
        if self._examiner is not None:
            self._examiner.close()
            self._examiner = None

    def prepare(self) -> None:
        """Get ready before the first submission is there; `grade` would do it.

        Raises:
            ExaminationError: when the lesson's own solution does not pass here.
            RoomError: when learners' processes cannot be started here.
        """
        if self._examiner is None:
            examiner = Examiner(self.template, self.limits, self.sandboxed)
            try:
                examiner.prepare()
            except BaseException:
                examiner.close()
                raise
            self._examiner = examiner

    def grade_folder(self, student: str, folder: Path, known: str = "") -> Result | None:
        """Grade `folder` (`submitted/<student>/<lesson>/`).

        Args:
            student: whose it is.
            known: the fingerprint of this student's last result.

        Returns:
            The result; None when the fingerprint is still the known one, so that nothing is to be done.
        """
        submission = read_submission(folder, self.template)
        if fingerprint(self.template, submission) == known:
            return None
        return self.grade(student, submission)

    def grade(self, student: str, submission: Submission) -> Result:
        """Grade what was read from a folder."""
        begin = time.monotonic()
        self.prepare()
        marks, flags = self._examiner.examine(submission.answers)
        return Result(
            student=student,
            lesson=self.template.key,
            fingerprint=fingerprint(self.template, submission),
            marks=marks,
            answers=submission.answers,
            notes=submission.notes,
            flags=flags,
            handed_in=submission.timestamp.isoformat() if submission.timestamp else None,
            seconds=round(time.monotonic() - begin, 3),
        )
