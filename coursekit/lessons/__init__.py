"""Notebooks: their canonical form, their release to students, their execution and the report.

Nothing here is imported by a lesson; the command line is the usual door (`python -m coursekit --help`).
"""

from coursekit.lessons.canonical import canonical, notebook_text, read_notebook
from coursekit.lessons.course import Course, Lesson
from coursekit.lessons.release import Drift, ReleaseError, release
from coursekit.lessons.report import write_report
from coursekit.lessons.run import LessonResult, run_lessons
from coursekit.lessons.stamp import stamp

__all__ = [
    "Course",
    "Drift",
    "Lesson",
    "LessonResult",
    "ReleaseError",
    "canonical",
    "notebook_text",
    "read_notebook",
    "release",
    "run_lessons",
    "stamp",
    "write_report",
]
