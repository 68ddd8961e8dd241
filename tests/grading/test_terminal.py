"""The commands about grading, typed as an instructor types them."""

import csv
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from coursekit.grading.sandbox import sandbox_problem
from tests.grading.courses import course_copy, hand_in, solved

pytestmark = pytest.mark.skipif(sandbox_problem() is not None, reason=f"{sandbox_problem()}")

LESSON = "00_welcome"


@pytest.fixture
def course(tmp_path):
    return course_copy(tmp_path, LESSON)


def coursekit(course, *words, **options):
    command = [sys.executable, "-m", "coursekit", *words]
    return subprocess.run(command, cwd=course.root, capture_output=True, text=True, timeout=120, **options)


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_grade_tells_how_many_and_what_to_look_at(course):
    right = solved(course, LESSON)
    hand_in(course, "ada", LESSON, right)
    hand_in(course, "eve", LESSON, right | {"overlap": f"import sys\nsys.settrace(None)\n{right['overlap']}"})
    hand_in(course, "max", LESSON, {}).write_text('{"cells": [', "utf-8")
    done = coursekit(course, "grade", "00")
    assert done.returncode == 0, done.stderr
    assert "3 graded, 0 unchanged, 0 not graded, 1 flagged" in done.stdout
    assert "  eve: overlap line 2: " in done.stdout
    assert "  max: " in done.stdout
    report = rows(course.root / "build" / "grading" / f"{LESSON}.csv")
    assert {(row["student"], row["kind"]) for row in report} == {("eve", "flag"), ("max", "note")}
    again = coursekit(course, "grade", LESSON, "--student", "ada", "--jobs", "1")
    assert "0 graded, 1 unchanged, 0 not graded, 0 flagged" in again.stdout


def test_marks_are_exported_and_pending_ones_are_empty(course):
    hand_in(course, "ada", LESSON, solved(course, LESSON) | {"open-00": "Since all see the same."})
    hand_in(course, "ben", LESSON, {})
    assert coursekit(course, "grade", "00").returncode == 0
    hand_in(course, "cem", LESSON, {})
    done = coursekit(course, "grades", "--csv", "marks.csv")
    assert "students: 3, lessons: 1" in done.stdout
    assert "they wait for grading by hand: 1" in done.stdout
    found = {
        row["student"]: (row["status"], row["auto"], row["score"]) for row in rows(course.root / "marks.csv")
    }
    assert found == {
        "ada": ("needs manual grading", "14", ""),
        "ben": ("graded", "0", "0"),
        "cem": ("not graded", "", ""),
    }
    for layout in ("--canvas", "--moodle"):
        assert coursekit(course, "grades", "00", layout, f"{layout[2:]}.csv").returncode == 0
        assert (course.root / f"{layout[2:]}.csv").is_file()


def test_feedback_writes_the_pages_anew(course):
    hand_in(course, "ada", LESSON, {})
    coursekit(course, "grade", "00")
    page = course.root / "feedback" / "ada" / LESSON / f"{LESSON}.html"
    page.unlink()
    done = coursekit(course, "feedback", "00", "--student", "ada")
    assert done.returncode == 0
    assert "feedback: 1" in done.stdout
    assert page.is_file()


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["grade", "99"], 1, "there is no lesson '99'"),
        (["grade", "00", "--student", "bob"], 1, "no submission of bob"),
        (["grade", "00", "--seconds", "-1"], 2, "'-1' is not a number of seconds above 0"),
        (["grade", "00", "--cluster", "local:x"], 1, "write local:2"),
        (["grades", "--csv", "a", "--moodle", "b"], 2, "not allowed with"),
        (["grades"], 2, "one of the arguments --csv --canvas --moodle is required"),
        (["grades", "--canvas", "a.csv", "--roster", "none.csv"], 1, "none.csv"),
        (["grades", "--csv", "a.csv", "--roster", "r.csv"], 1, "it goes with --canvas, not with --csv"),
    ],
    ids=["lesson", "student", "seconds", "cluster", "layouts", "no layout", "roster", "roster, no canvas"],
)
def test_wrong_usage_is_told_without_a_traceback(course, words, status, told):
    hand_in(course, "ada", LESSON, {})
    done = coursekit(course, *words)
    assert done.returncode == status
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_without_bubblewrap_grading_is_refused_with_the_way_to_get_it(course, tmp_path):
    hand_in(course, "ada", LESSON, {})
    done = coursekit(course, "grade", "00", env={**os.environ, "PATH": "/nowhere"})
    assert done.returncode == 1
    assert "bubblewrap is not installed; get it with `apt install bubblewrap`" in done.stderr
    assert "--no-sandbox" in done.stderr
    assert not (course.root / "gradebook.db").exists()


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_graded_and_the_same_command_goes_on(course):
    right = solved(course, LESSON)
    for number in range(16):
        hand_in(
            course, f"s{number:02}", LESSON, {name: f"{text}\n# {number}" for name, text in right.items()}
        )
    command = [sys.executable, "-m", "coursekit", "grade", "00"]
    process = subprocess.Popen(
        command, cwd=course.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while len(list(course.root.glob("feedback/*"))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in error
    kept = int(re.search(r"\d+", out)[0])
    assert 2 <= kept < 16
    done = coursekit(course, "grade", "00")
    [line] = [line for line in done.stdout.splitlines() if " unchanged" in line]
    graded, unchanged = int(line.split()[0]), int(line.split()[2])
    assert graded + unchanged == 16
    assert unchanged >= kept
