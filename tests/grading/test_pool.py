"""Workers are replaced when they break or hang, and nobody waits for ever."""

import threading
import time

import pytest

from coursekit.grading import pool
from coursekit.grading.limits import Limits
from coursekit.grading.pool import Order, Worker, graded

# A stand-in for the grading process: what it does is told by the student's name.
FAKE = """
import json, os, sys, time
first = json.loads(sys.stdin.readline())
for line in sys.stdin:
    student = json.loads(line)["student"]
    if student == "breaks":
        os._exit(7)
    if student == "breaks-once" and not os.path.exists(first["root"] + "/broke"):
        open(first["root"] + "/broke", "w").close()
        os._exit(7)
    if student == "hangs":
        time.sleep(600)
    if student == "babbles":
        print("no JSON", flush=True)
        continue
    if student == "fails":
        print(json.dumps({"failed": "KeyError: 'x'"}), flush=True)
        continue
    print(json.dumps({"unchanged": True}), flush=True)
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    monkeypatch.setattr(pool, "_COMMAND", [str(script)])
    monkeypatch.setattr(pool, "_GRACE", 1)
    limits = Limits(seconds=1, submission_seconds=1)
    return lambda number: [Worker(tmp_path, "00_a", limits, True) for _ in range(number)]


def replies(workers, *students, tmp_path="."):
    found = list(graded([Order(student, tmp_path) for student in students], workers))
    return {reply.student: "unchanged" if reply.unchanged else reply.failed for reply in found}


def test_every_order_gets_one_reply(start):
    students = [f"s{number}" for number in range(20)]
    assert replies(start(2), *students) == dict.fromkeys(students, "unchanged")


def test_a_worker_that_breaks_once_gets_another_try(start):
    assert replies(start(1), "breaks-once", "next") == {"breaks-once": "unchanged", "next": "unchanged"}


@pytest.mark.parametrize(
    ("student", "reason"),
    [("breaks", "it ended with status 7"), ("hangs", "it did not answer in time"), ("babbles", "Expecting")],
)
def test_a_submission_that_breaks_the_grader_is_told_and_the_next_is_graded(start, student, reason):
    found = replies(start(1), "before", student, "after")
    assert (found["before"], found["after"]) == ("unchanged", "unchanged")
    assert found[student].startswith("the grading process broke twice")
    assert reason in found[student]


def test_a_failure_that_the_worker_tells_is_passed_on(start):
    assert replies(start(1), "fails") == {"fails": "KeyError: 'x'"}


def test_leaving_early_ends_the_workers(start):
    workers, before = start(2), threading.active_count()
    stream = graded([Order(name, ".") for name in ("a", "hangs", "hangs")], workers)
    next(stream)
    begin = time.monotonic()
    stream.close()
    assert time.monotonic() - begin < 1
    while threading.active_count() > before:
        assert time.monotonic() - begin < 5
        time.sleep(0.05)
    assert [worker._process for worker in workers] == [None, None]
