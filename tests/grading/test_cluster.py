"""Grading on several machines, here two processes: one is killed in the middle, and nothing is missing."""

import os
import signal
import sqlite3
from functools import partial

import pytest

from coursekit.grading import Limits, grade_lesson
from coursekit.grading.cluster import connected, grade_on
from coursekit.grading.sandbox import sandbox_problem
from tests.grading.courses import course_copy, hand_in, solved

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.skipif(sandbox_problem() is not None, reason=f"{sandbox_problem()}"),
    pytest.mark.slow,
]

LESSON = "00_welcome"


@pytest.fixture
def course(tmp_path):
    course = course_copy(tmp_path, LESSON)
    right = solved(course, LESSON)
    for number in range(10):  # each one different: nothing is remembered from the one before
        hand_in(course, f"s{number}", LESSON, {name: f"{text}\n# {number}" for name, text in right.items()})
    return course


def test_a_worker_killed_in_the_middle_loses_nothing_and_nothing_is_graded_twice(course):
    told = []
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        workers = list(client.run(os.getpid).values())

        def progress(reply, total):
            told.append(reply.student)
            if len(told) == 3:
                os.kill(workers[0], signal.SIGKILL)

        lesson = course.lesson(LESSON)
        engine = partial(grade_on, client, lesson, Limits(), True)
        results = grade_lesson(course, lesson, engine=engine, progress=progress)
        assert set(client.run(os.getpid).values()) != set(workers)
    assert sorted(told) == [f"s{number}" for number in range(10)]
    assert [(result.student, result.points) for result in results] == [(f"s{n}", 14) for n in range(10)]
    with sqlite3.connect(course.root / "gradebook.db") as database:
        [(rows, students)] = database.execute(
            "SELECT count(*), count(DISTINCT student_id) FROM submitted_assignment"
        )
    assert (rows, students) == (10, 10)


def test_what_has_not_changed_is_not_sent(course):
    lesson = course.lesson(LESSON)
    hand_in(course, "s0", LESSON, {})
    with connected("local:1", lesson, Limits()) as engine:
        assert len(grade_lesson(course, lesson, engine=engine, students=["s0", "s1"])) == 2
        told = []
        grade_lesson(
            course, lesson, engine=engine, students=["s0", "s1"], progress=lambda r, _: told.append(r)
        )
    assert [(reply.student, reply.unchanged) for reply in told] == [("s0", True), ("s1", True)]


def test_an_address_that_makes_no_sense_is_refused(course):
    with (
        pytest.raises(ValueError, match="cluster 'local:two': write local:2"),
        connected("local:two", course.lesson(LESSON), Limits()),
    ):
        pass
