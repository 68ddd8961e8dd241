"""`coursekit test`: every guard runs, one failure makes the status 1, pytest comes last."""

import sys

import pytest

from coursekit.lessons import Course
from coursekit.upkeep import guards


@pytest.fixture
def with_guards(monkeypatch, tmp_path):
    def run(**results: bool) -> tuple[int, list[str]]:
        ran: list[str] = []
        made = {
            name: lambda name=name, result=result: ran.append(name) or result
            for name, result in results.items()
        }
        monkeypatch.setattr(guards, "_guards", lambda root, arguments: made)
        return guards.run_guards([], Course(tmp_path)), ran

    return run


def test_all_well_is_0(with_guards):
    assert with_guards(ruff=True, pytest=True) == (0, ["ruff", "pytest"])


@pytest.mark.parametrize("broken", ["ruff", "drift", "pytest"])
def test_one_failure_is_1_and_the_others_still_run(with_guards, broken):
    results = dict.fromkeys(["ruff", "drift", "pytest"], True) | {broken: False}
    assert with_guards(**results) == (1, ["ruff", "drift", "pytest"])


def test_what_failed_before_pytest_is_summed_up_before_it(with_guards, capsys):
    with_guards(ruff=True, drift=False, pytest=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3] == "== pytest"
    assert lines[-2].split()[:2] == ["ruff", "passed"]
    assert lines[-1].split()[:2] == ["drift", "FAILED"]


def test_guards_are_the_six_of_the_course_with_pytest_last(tmp_path):
    names = list(guards._guards(tmp_path, []))
    assert names == [
        "ruff check",
        "ruff format",
        "import-linter",
        "derived files",
        "environment.yml",
        "pytest",
    ]


def test_a_program_passes_by_its_exit_status(tmp_path):
    assert guards._program(tmp_path, [sys.executable, "-c", "pass"])()
    assert not guards._program(tmp_path, [sys.executable, "-c", "raise SystemExit(3)"])()


@pytest.mark.parametrize(
    ("arguments", "has"), [([], False), (["-k", "x"], False), (["-n", "4"], True), (["-n0"], True)]
)
def test_the_number_of_workers_is_the_callers_when_given(arguments, has):
    assert guards._has_workers(arguments) is has
