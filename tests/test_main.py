"""The command line: help at once, foreseen errors in words, statuses."""

import subprocess
import sys

import pytest

from coursekit import __version__
from coursekit.__main__ import main


@pytest.fixture
def outside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_names_every_command_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom coursekit.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'pandas', 'torch', 'nbformat', 'tqdm', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for command in ("run", "test", "release", "check", "fetch", "doctor"):
        assert f"    {command} " in done.stdout


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"coursekit {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["nonesuch"], ["run", "--jobs", "0"], ["run", "--job", "x"], ["doctor", "-v"]]
)
def test_wrong_usage_is_status_2(arguments):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


def test_an_unknown_lesson_is_named_in_one_line(capsys):
    assert main(["run", "77"]) == 1
    words = capsys.readouterr().err
    assert words.startswith("coursekit run: there is no lesson '77'; the lessons are: ")
    assert words.count("\n") == 1


def test_an_unknown_data_set_is_named(capsys):
    assert main(["fetch", "nonesuch"]) == 1
    assert "nonesuch" in capsys.readouterr().err


def test_a_missing_notebook_is_named(outside, capsys):
    assert main(["check", "nowhere.ipynb"]) == 1
    assert "there is no notebook nowhere.ipynb" in capsys.readouterr().err


def test_full_and_dataset_become_parameters(monkeypatch):
    from coursekit.lessons import terminal

    heard = {}
    monkeypatch.setattr(
        terminal, "run_and_report", lambda *given, **named: heard.update(given=given, **named) or 0
    )
    assert main(["run", "2", "3", "--dataset", "ml-100k", "--full", "--jobs", "2"]) == 0
    assert heard == {"given": (["2", "3"], {"dataset": "ml-100k", "fast": False, "full": True}), "jobs": 2}
    assert main(["run"]) == 0
    assert heard == {"given": ([], {}), "jobs": 1}


def test_other_arguments_of_test_go_to_pytest(monkeypatch):
    from coursekit.upkeep import guards

    monkeypatch.setattr(guards, "run_guards", lambda arguments: len(arguments))
    assert main(["test", "-k", "cosine", "-x"]) == 3


def test_an_interrupt_is_status_130(monkeypatch):
    from coursekit.upkeep import doctor

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "report", interrupted)
    assert main(["doctor"]) == 130


def test_a_missing_package_is_named_with_the_remedy(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "coursekit.upkeep.guards", None)
    assert main(["test"]) == 1
    words = capsys.readouterr().err
    assert "coursekit.upkeep.guards is not installed" in words
    assert "pip install" in words


def test_release_check_tells_drift_and_remedy(monkeypatch, capsys):
    from coursekit.lessons import Drift, terminal

    monkeypatch.setattr(terminal, "release", lambda course, check: [Drift("lessons/a.ipynb", "missing")])
    assert main(["release", "--check"]) == 1
    assert main(["release"]) == 0
    words = capsys.readouterr().out
    assert (
        "lessons/a.ipynb: missing\n1 derived files have drifted: run `python -m coursekit release`" in words
    )
    assert "written: lessons/a.ipynb" in words
