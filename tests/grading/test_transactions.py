"""Whole transactions: a kill at any moment, and many writers at once."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

pytest.importorskip("nbgrader")

from nbgrader.api import Gradebook as StockGradebook
from nbgrader.api import MissingEntry

from coursekit.grading.gradebook import Gradebook
from coursekit.grading.template import Template
from tests.grading.gradebooks import LESSON, PROSE, make_result, table

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def record_forever(file: Path, template: Template, done: Connection) -> None:
    """Give two learners nothing and everything in turn; a byte goes out after each record."""
    with Gradebook(file) as gradebook:
        for turn in range(10**9):
            share = turn % 2
            for student in ("ann", "bob"):
                result = make_result(template, student, share, fingerprint=str(share), prose=str(share))
                gradebook.record(result, template, timestamp=datetime(2026, 1, 1 + share))
                done.send_bytes(b".")


def state(file: Path, student: str) -> set:
    """The share of points that each part of a learner's rows tells of; one element when they agree."""
    with Gradebook(file) as gradebook, StockGradebook(f"sqlite:///{file}") as stock:
        try:
            submission = stock.find_submission(LESSON, student)
        except MissingEntry:
            assert student not in gradebook.results(LESSON)
            return {"none"}
        found = {submission.timestamp.day - 1}
        for grade in submission.notebooks[0].grades:
            if grade.name != PROSE:
                found.add(grade.auto_score / grade.max_score)
                comment = stock.find_comment(grade.name.removesuffix("-test"), LESSON, LESSON, student)
                found.add(0.0 if comment.auto_comment else 1.0)
        result = gradebook.results(LESSON)[student]
        found |= {float(result.fingerprint), float(gradebook.fingerprints(LESSON)[student])}
        return found | {result.points / result.max_points}


@needs_fork
def test_a_kill_at_any_moment_leaves_the_old_state_or_the_new(gradebook, file, template):
    context, moments, seen = multiprocessing.get_context("fork"), random.Random(0), set()
    for _ in range(25):
        here, there = context.Pipe(duplex=False)
        child = context.Process(target=record_forever, args=(file, template, there))
        child.start()
        for _ in range(moments.randrange(4)):
            here.recv_bytes()
        time.sleep(moments.uniform(0, 0.03))
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        states = [state(file, student) for student in ("ann", "bob")]
        assert [len(one) for one in states] == [1, 1]
        seen.update(*states)
    assert {0, 1} <= seen


def record_many(file: Path, template: Template, writer: int) -> None:
    with Gradebook(file) as gradebook:
        gradebook.register(template)
        for number in range(15):
            gradebook.record(make_result(template, f"w{writer}-{number}", fingerprint=str(writer)), template)
            gradebook.record(make_result(template, "everybodys", fingerprint=str(writer)), template)


@needs_fork
def test_four_writers_at_once_lose_nothing(file, template):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=record_many, args=(file, template, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    with Gradebook(file) as gradebook:
        assert len(gradebook.fingerprints(LESSON)) == 61
        assert (gradebook.marks([LESSON])["score"] == 14).all()
    assert len(table(file, "grade")) == 61 * 6
