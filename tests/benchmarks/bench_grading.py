"""Grading a class: how fast beside stock nbgrader, what the sandbox costs, what a kill -9 costs.

    pip install -e ".[lab,bert,test]"
    python -m tests.benchmarks.bench_grading --lesson 02 [--submissions 40] [--stock-submissions 10]
    python -m tests.benchmarks.bench_grading --lesson torch
    python -m tests.benchmarks.bench_grading --overhead [--lesson torch]
    python -m tests.benchmarks.bench_grading --class 500

Linux with bubblewrap. Everything happens in a copy of the course in a temporary folder. Every submission is
honest and no two have a text in common, so nothing is remembered from one to the next. Wall time: processes
that wait for one another are what is measured.

`--lesson`: `coursekit grade --jobs 2` and two processes of stock `nbgrader autograde`, each with half of the
students, take turns on the same blocks of submissions, the order changing from block to block. All runs
include the start of their programs. Ours writes feedback pages too, stock does not. The marks of both are
compared with each other and with what the answers earn when their tests run here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from coursekit.grading.sandbox import sandbox_problem
from coursekit.lessons import Course
from tests.benchmarks.grading import tensors
from tests.benchmarks.grading.kill import LESSON, grade_a_class
from tests.benchmarks.grading.overhead import measure_overhead
from tests.benchmarks.grading.pupils import mutants
from tests.benchmarks.grading.race import Race
from tests.grading.courses import REPOSITORY, course_copy


def main() -> int:
    """Measure what the options ask for."""
    options = _options()
    if problem := sandbox_problem():
        print(problem, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        root = Path(folder).resolve() / "ours"
        root.mkdir()
        try:
            _measure(options, root)
        except KeyboardInterrupt:
            print("interrupted")
            return 130
    return 0


def _measure(options: argparse.Namespace, root: Path) -> None:
    if options.number:
        grade_a_class(course_copy(root, LESSON), options.number)
        return
    course, key, wrong = _course(options.lesson or "02", root)
    if options.overhead:
        measure_overhead(course, key, wrong, options.submissions)
    else:
        stock = options.submissions if options.stock_submissions is None else options.stock_submissions
        Race(course, key, wrong, options.submissions, stock, options.blocks).run()


def _course(lesson: str, root: Path) -> tuple[Course, str, Mapping[str, list[str]]]:
    """A copy with this lesson only, its key, and wrong answers to it."""
    if lesson == "torch":
        return tensors.tensor_course(root), tensors.KEY, tensors.WRONG
    key = Course(REPOSITORY).lesson(lesson).key
    return course_copy(root, key), key, mutants(key)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lesson", metavar="LESSON", help="00, 01, 02, or torch for a small one on tensors")
    parser.add_argument("--overhead", action="store_true", help="with and without the sandbox")
    parser.add_argument("--class", type=int, dest="number", metavar="N", help="N submissions and a kill -9")
    parser.add_argument("--submissions", type=int, default=40, metavar="N", help="how many (default: 40)")
    parser.add_argument("--stock-submissions", type=int, metavar="M", help="stock grades only M of them")
    parser.add_argument("--blocks", type=int, default=5, metavar="B", help="in B blocks (default: 5)")
    options = parser.parse_args()
    if not (options.lesson or options.overhead or options.number):
        parser.error("say what to measure: --lesson, --overhead or --class")
    stock = options.submissions if options.stock_submissions is None else options.stock_submissions
    if not options.overhead and not options.number and not 2 * options.blocks <= stock <= options.submissions:
        parser.error(
            "both graders need at least 2 submissions in each block: fewer --blocks, or more of them"
        )
    return options


if __name__ == "__main__":
    sys.exit(main())
