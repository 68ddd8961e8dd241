"""The command line: `python -m coursekit COMMAND`, or `coursekit COMMAND`.

Each command imports what it needs when it runs, so that `--help` answers at once.
"""

import argparse
import sys
from pathlib import Path

from coursekit import __version__

INSTALL = 'In the repository: python -m pip install -e ".[lab,bert,test]" -c constraints.txt'


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 well, 1 something failed, 2 wrong usage."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "test":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("coursekit: interrupted", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        print(f"coursekit {options.command}: {error.name} is not installed. {INSTALL}", file=sys.stderr)
        return 1
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        # An error we foresaw says by itself what to do; a traceback would hide it.
        print(f"coursekit {options.command}: {_words(error)}", file=sys.stderr)
        return 1


def _words(error: Exception) -> str:
    """The error's own words; KeyError would put them in quotation marks."""
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="coursekit", description="The course on recommender systems.")
    parser.add_argument("--version", action="version", version=f"coursekit {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_add_run, _add_test, _add_release, _add_check, *_GRADING, _add_fetch, _add_doctor):
        add(commands)
    return parser


def _command(commands, name: str, run, summary: str, more: str = "") -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}. {more}")
    parser.set_defaults(run=run)
    return parser


def _add_run(commands) -> None:
    parser = _command(
        commands,
        "run",
        _run,
        "execute the lessons' solutions and write build/report/index.html",
        "A failing lesson does not stop the others; the status is then 1. Ctrl-C keeps what is finished.",
    )
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="2, 02 or 02_similarity (default: all)")
    parser.add_argument("--dataset", metavar="NAME", help="the data set, for lessons that let one choose")
    parser.add_argument("--full", action="store_true", help="the published numbers, not the fast setting")
    parser.add_argument("--jobs", type=_count, default=1, metavar="N", help="lessons at a time (default: 1)")


def _add_test(commands) -> None:
    _command(
        commands,
        "test",
        _test,
        "run every check that guards the course",
        "ruff, import-linter, drift of derived files, environment.yml, pytest. Other arguments go to pytest.",
    )


def _add_release(commands) -> None:
    parser = _command(
        commands,
        "release",
        _release,
        "bring solutions/ into canonical form and make lessons/ from it",
        "Also derives the misconceptions that the checks recognise.",
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; status 1 when a file has drifted"
    )


def _add_check(commands) -> None:
    parser = _command(commands, "check", _check, "run a learner's notebook and print its points")
    parser.add_argument("lesson", metavar="LESSON", help="a notebook's path, or a lesson such as 02")


def _add_grade(commands) -> None:
    parser = _command(
        commands,
        "grade",
        _grade,
        "grade what was handed in for a lesson, in a sandbox",
        "Marks go into nbgrader's gradebook. Ctrl-C at any time: the same command goes on where it was.",
    )
    parser.add_argument("lesson", metavar="LESSON", help="2, 02 or 02_similarity")
    parser.add_argument("--jobs", type=_count, default=2, metavar="N", help="at a time (default: 2)")
    parser.add_argument(
        "--student", action="append", default=[], metavar="NAME", help="only this one; repeat"
    )
    parser.add_argument("--force", action="store_true", help="grade again what has not changed")
    parser.add_argument("--seconds", type=_positive, metavar="S", help="limit for an exercise (default: 60)")
    parser.add_argument("--cluster", metavar="ADDRESS", help="a dask scheduler, or 'local:2' for two workers")
    parser.add_argument("--no-sandbox", action="store_true", help="run learners' code with your own rights")


def _add_feedback(commands) -> None:
    parser = _command(commands, "feedback", _feedback, "write the feedback pages anew, after marking by hand")
    parser.add_argument("lesson", metavar="LESSON", help="2, 02 or 02_similarity")
    parser.add_argument(
        "--student", action="append", default=[], metavar="NAME", help="only this one; repeat"
    )


def _add_grades(commands) -> None:
    parser = _command(
        commands, "grades", _grades, "export the marks", "A mark that waits for a person is empty."
    )
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="2, 02 or 02_similarity (default: all)")
    layout = parser.add_mutually_exclusive_group(required=True)
    for name, words in (
        ("csv", "one row a student and lesson"),
        ("canvas", "for Canvas"),
        ("moodle", "for Moodle"),
    ):
        layout.add_argument(f"--{name}", metavar="FILE", help=words)
    parser.add_argument("--roster", metavar="FILE", help="Canvas' own export, for its ID columns")


_GRADING = (_add_grade, _add_feedback, _add_grades)


def _add_fetch(commands) -> None:
    parser = _command(commands, "fetch", _fetch, "download a data set, verified")
    parser.add_argument("name", metavar="NAME", help="such as ml-100k; a wrong name lists those there are")


def _add_doctor(commands) -> None:
    _command(commands, "doctor", _doctor, "say what is installed, what is wrong and how to mend it")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _positive(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _run(options) -> int:
    from coursekit.lessons.terminal import run_and_report

    parameters = {"dataset": options.dataset} if options.dataset else {}
    parameters |= {"fast": False, "full": True} if options.full else {}
    return run_and_report(options.lessons, parameters, jobs=options.jobs)


def _test(options) -> int:
    from coursekit.upkeep.guards import run_guards

    return run_guards(options.rest)


def _release(options) -> int:
    from coursekit.lessons.terminal import release_and_tell

    return release_and_tell(check=options.check)


def _check(options) -> int:
    from coursekit.checking import check_notebook, print_marks
    from coursekit.lessons.terminal import learners_notebook

    marks = check_notebook(learners_notebook(options.lesson))
    print_marks(marks)
    return int((marks["points"] < marks["max_points"]).any())


def _grade(options) -> int:
    from coursekit.grading.terminal import grade_and_tell

    return grade_and_tell(
        options.lesson,
        students=options.student,
        jobs=options.jobs,
        force=options.force,
        sandboxed=not options.no_sandbox,
        seconds=options.seconds,
        cluster=options.cluster,
    )


def _feedback(options) -> int:
    from coursekit.grading.terminal import write_pages_and_tell

    return write_pages_and_tell(options.lesson, options.student)


def _grades(options) -> int:
    from coursekit.grading.terminal import export_and_tell

    layout = next(name for name in ("csv", "canvas", "moodle") if getattr(options, name))
    roster = Path(options.roster) if options.roster else None
    return export_and_tell(options.lessons, layout, Path(getattr(options, layout)), roster)


def _fetch(options) -> int:
    from coursekit.datasets import fetch

    print(fetch(options.name))
    return 0


def _doctor(options) -> int:
    from coursekit.upkeep.doctor import report

    return report()


if __name__ == "__main__":
    sys.exit(main())
