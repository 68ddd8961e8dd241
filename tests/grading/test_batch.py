"""A class is graded once, whatever happens in between: interrupts, kills, workers that break."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coursekit.grading import Limits, grade_lesson
from coursekit.grading.batch import write_pages
from coursekit.grading.gradebook import Gradebook
from coursekit.grading.pages.feedback import page_fingerprint
from coursekit.grading.sandbox import sandbox_problem
from tests.grading.courses import course_copy, hand_in, solved

pytestmark = pytest.mark.skipif(sandbox_problem() is not None, reason=f"{sandbox_problem()}")

LESSON = "00_welcome"


@pytest.fixture
def course(tmp_path):
    return course_copy(tmp_path, LESSON)


def grade(course, **options):
    return grade_lesson(course, course.lesson(LESSON), **options)


def in_gradebook(course):
    with Gradebook.of(course.root) as gradebook:
        return {student: result.points for student, result in gradebook.results(LESSON).items()}


def test_marks_come_from_the_answers_and_land_in_gradebook_pages_and_notebooks(course):
    right = solved(course, LESSON)
    hand_in(course, "ada", LESSON, right)
    hand_in(course, "ben", LESSON, right | {"overlap": "def overlap(a, b):\n    return 0"})
    hand_in(course, "eve", LESSON, {})
    results = grade(course)
    assert [(result.student, result.points) for result in results] == [("ada", 14), ("ben", 12), ("eve", 0)]
    assert in_gradebook(course) == {"ada": 14, "ben": 12, "eve": 0}
    for student in ("ada", "ben", "eve"):
        assert (course.root / "feedback" / student / LESSON / f"{LESSON}.html").is_file()
        assert (course.root / "autograded" / student / LESSON / f"{LESSON}.ipynb").is_file()
    [message] = [mark.message for mark in results[1].marks if mark.exercise == "overlap"]
    assert message.startswith("overlap: 0 of 2 points.")


def test_what_has_not_changed_is_not_graded_again_unless_forced(course):
    hand_in(course, "ada", LESSON, solved(course, LESSON))
    hand_in(course, "ben", LESSON, {})
    assert len(grade(course)) == 2
    replies = []
    assert grade(course, progress=lambda reply, total: replies.append((reply.unchanged, total))) == []
    assert replies == [(True, 2), (True, 2)]
    hand_in(course, "ben", LESSON, {"overlap": solved(course, LESSON)["overlap"]})
    assert [(result.student, result.points) for result in grade(course)] == [("ben", 2)]
    assert [result.student for result in grade(course, force=True)] == ["ada", "ben"]
    assert [result.student for result in grade(course, force=True, students=["ada"])] == ["ada"]


def change(lesson, before, after):
    text = lesson.source.read_text("utf-8")
    assert before in text
    lesson.source.write_text(text.replace(before, after, 1), "utf-8")


def test_a_lesson_that_changed_is_graded_again(course):
    hand_in(course, "ada", LESSON, solved(course, LESSON))
    grade(course)
    change(course.lesson(LESSON), "return len(set(a) & set(b))", "return len(set(b) & set(a))")
    assert [result.points for result in grade(course)] == [14]


def test_a_lesson_whose_own_solution_fails_gives_nobody_a_mark(course):
    hand_in(course, "ada", LESSON, solved(course, LESSON))
    grade(course)
    change(course.lesson(LESSON), "gives=2)", "gives=3)")
    replies = []
    assert grade(course, progress=lambda reply, _: replies.append(reply)) == []
    assert "the solution of 00_welcome does not pass its own test here" in replies[0].failed
    assert in_gradebook(course) == {"ada": 14}


def test_a_page_that_a_killed_run_did_not_write_is_written_by_the_next(course):
    hand_in(course, "ada", LESSON, solved(course, LESSON))
    [result] = grade(course)
    page = course.root / "feedback" / "ada" / LESSON / f"{LESSON}.html"
    page.unlink()
    assert grade(course) == []
    assert page_fingerprint(page) == result.fingerprint


def test_the_time_of_handing_in_reaches_the_gradebook_and_the_files_that_nbgrader_wants(course):
    from nbgrader.api import Gradebook as StockGradebook

    folder = hand_in(course, "ada", LESSON, {}).parent
    (folder / "timestamp.txt").write_text("2026-03-01 12:30:00 UTC", "utf-8")
    grade(course)
    with StockGradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        assert str(gradebook.find_submission(LESSON, "ada").timestamp) == "2026-03-01 12:30:00"
    for part in ("autograded", "feedback"):
        written = (course.root / part / "ada" / LESSON / "timestamp.txt").read_text("utf-8")
        assert written.startswith("2026-03-01 12:30:00")
        assert (course.root / part / "ada" / LESSON / "submission_secret.txt").is_file()


def test_a_rebuilt_notebook_that_was_removed_is_written_again(course):
    hand_in(course, "ada", LESSON, {})
    grade(course)
    notebook = course.root / "autograded" / "ada" / LESSON / f"{LESSON}.ipynb"
    notebook.unlink()
    assert grade(course) == []
    assert notebook.is_file()


def test_marks_of_an_exercise_that_is_gone_are_kept_and_told(course):
    hand_in(course, "ada", LESSON, solved(course, LESSON))
    grade(course)
    for path in (course.lesson(LESSON).source, course.lesson(LESSON).released):
        notebook = json.loads(path.read_text("utf-8"))
        notebook["cells"] = [cell for cell in notebook["cells"] if not cell["id"].startswith("overlap")]
        path.write_text(json.dumps(notebook), "utf-8")
    told = []
    assert [result.max_points for result in grade(course, warn=told.append)] == [12]
    assert "00_welcome has no overlap-test any more" in told[0]


def test_pages_written_anew_show_what_a_person_gave(course):
    from nbgrader.api import Gradebook as StockGradebook

    hand_in(course, "ada", LESSON, {"open-00": "Because popular courses are shown to everybody."})
    grade(course)
    with StockGradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        gradebook.find_grade("open-00", LESSON, LESSON, "ada").manual_score = 3
        gradebook.find_comment("open-00", LESSON, LESSON, "ada").manual_comment = "Name the feedback loop."
        gradebook.db.commit()
    [page] = write_pages(course, course.lesson(LESSON))
    assert "Name the feedback loop." in page.read_text("utf-8")


def test_a_student_who_handed_nothing_in_is_named(course):
    hand_in(course, "ada", LESSON, {})
    with pytest.raises(LookupError, match="no submission of bob; there are ada"):
        grade(course, students=["bob"])


def test_without_a_sandbox_nothing_is_graded(course, monkeypatch):
    hand_in(course, "ada", LESSON, {})
    monkeypatch.setattr("coursekit.grading.batch.sandbox_problem", lambda: "bubblewrap is not installed.")
    with pytest.raises(
        RuntimeError, match=r"bubblewrap is not installed\. Or, at your own risk, pass --no-sandbox"
    ):
        grade(course)
    assert not (course.root / "gradebook.db").exists()


@pytest.mark.slow
def test_at_ones_own_risk_it_works_without_a_sandbox(course):
    hand_in(course, "ada", LESSON, solved(course, LESSON))
    assert grade(course, sandboxed=False)[0].points == 14


def test_an_endless_loop_costs_its_own_exercise_and_its_own_time(course):
    right = solved(course, LESSON)
    hand_in(course, "ada", LESSON, right | {"overlap": "def overlap(a, b):\n    while True:\n        pass"})
    hand_in(course, "ben", LESSON, right | {"cosine-rows": "while True:\n    pass"})
    begin = time.monotonic()
    ada, ben = grade(course, jobs=2, limits=Limits(seconds=2, submission_seconds=20))
    assert time.monotonic() - begin < 20
    assert (ada.points, ben.points) == (12, 11)
    assert "stopped, because it ran longer than 2 s" in ada.marks[0].message
    assert "stopped, because it ran longer than 2 s" in ben.marks[1].message


GRADER = """
import sys
from pathlib import Path
from coursekit.grading import grade_lesson
from coursekit.lessons import Course

course = Course(Path(sys.argv[1]))

def tell(reply, total):
    print(reply.student, flush=True)

grade_lesson(course, course.lesson("00_welcome"), jobs=2, progress=tell)
"""


def workers_of(process):
    """Processes that a grader started, and theirs."""
    parents = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parents[int(file.parent.name)] = int(file.read_text().rpartition(")")[2].split()[1])
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process}


@pytest.mark.slow
def test_a_grader_killed_at_any_moment_loses_nothing_and_leaves_nothing_behind(course):
    right, students = solved(course, LESSON), [f"s{number:02}" for number in range(24)]
    for number, student in enumerate(students):
        text = right["overlap"] + f"\n# {number}"  # each one different: nothing is remembered
        hand_in(course, student, LESSON, right | {"overlap": text} if number % 2 else {"overlap": text})
    told, helpers = [], set()
    for stop_after in (1, 5, 9):
        command = [sys.executable, "-c", GRADER, str(course.root)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        lines = [line.strip() for line in itertools.islice(process.stdout, stop_after)]
        helpers |= workers_of(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        told.append(lines)
        kept = in_gradebook(course)
        assert all(kept[student] == (14 if int(student[1:]) % 2 else 2) for student in kept)
        assert set(lines) - set(kept) <= {lines[-1]}  # told before the kill, so kept
    again = [result.student for result in grade(course, jobs=2)]
    assert not set(again) & set(kept)
    assert in_gradebook(course) == {s: 14 if int(s[1:]) % 2 else 2 for s in students}
    deadline = time.monotonic() + 10
    while alive := [pid for pid in helpers if os.path.exists(f"/proc/{pid}")]:
        assert time.monotonic() < deadline, f"still running: {alive}"
        time.sleep(0.1)
