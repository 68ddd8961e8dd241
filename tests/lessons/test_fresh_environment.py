"""The setup cell on a machine without coursekit: one lesson, alone in a folder, runs to its end.

The environment is fresh: it has a pip of its own and no coursekit. So that nothing big is downloaded, it sees
this environment's other packages. The repository's address leads to this checkout by git's own variables.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from coursekit.lessons import Course, read_notebook

COURSE = Course.find()
LESSON = next(iter(COURSE.lessons), None)
HIDDEN = ("coursekit", "_editable_impl_", "__editable__", "pip-")
# What a graded cell of an unsolved lesson raises; NameError where the missing answer is a value.
GRADED = {"NotImplementedError", "AssertionError", "NotYet", "NameError"}
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
nbformat.write(notebook, "executed.ipynb")
"""


def committed() -> bool:
    """Whether git is here and the checkout has a commit: pip clones the last one."""
    if shutil.which("git") is None:
        return False
    command = ["git", "rev-parse", "--verify", "HEAD"]
    return subprocess.run(command, cwd=COURSE.root, capture_output=True).returncode == 0


@pytest.fixture
def fresh(tmp_path) -> Path:
    """The Python of an environment that lacks coursekit and nothing else."""
    seen = tmp_path / "seen"
    seen.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.suffix != ".pth" and entry.name != "pip" and not entry.name.startswith(HIDDEN):
            (seen / entry.name).symlink_to(entry)
    venv.create(tmp_path / "env", with_pip=True)
    python = next((tmp_path / "env").glob("[bS]*/python*"))
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    for old in Path(site).glob("setuptools*"):  # Python 3.11 brings one that is too old for torch
        shutil.rmtree(old)
    (Path(site) / "seen.pth").write_text(f"{seen}\n", "utf-8")
    return python


def environment(tmp_path: Path) -> dict[str, str]:
    """What the fresh Python sees: the redirected address, no trace of this checkout, a home of its own."""
    git = {f"url.{COURSE.root.as_uri()}.insteadOf": COURSE.repository, "safe.directory": "*"}
    variables = {"GIT_CONFIG_COUNT": str(len(git))}
    for number, (name, value) in enumerate(git.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "COURSEKIT_DATA")}
    own = {"COURSEKIT_LEADERBOARD": str(tmp_path / "rows.csv"), "IPYTHONDIR": str(tmp_path / "ipython")}
    # No network: all but coursekit is there, hatchling too (pip spells "without isolation" as 0).
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    return kept | variables | own | pip | {"OMP_NUM_THREADS": "1"}


@pytest.mark.slow
@pytest.mark.skipif(LESSON is None or not LESSON.released.is_file(), reason="no lesson is released")
@pytest.mark.skipif(not committed(), reason="git is absent, or the checkout has no commit to install from")
@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_lesson_alone_installs_the_course_and_runs_to_its_end(fresh, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    shutil.copy(LESSON.released, folder)
    pipes = {"env": environment(tmp_path), "cwd": folder, "capture_output": True, "text": True}
    missing = subprocess.run([fresh, "-c", "import coursekit"], **pipes)
    assert "No module named 'coursekit'" in missing.stderr
    done = subprocess.run([fresh, "-c", EXECUTE, LESSON.released.name], **pipes)
    assert done.returncode == 0, done.stderr
    assert (folder / LESSON.released.name).read_bytes() == LESSON.released.read_bytes()

    where = subprocess.run([fresh, "-c", "import coursekit; print(coursekit.__file__)"], **pipes)
    assert Path(where.stdout.strip()).is_relative_to(tmp_path / "env")
    executed = read_notebook(folder / "executed.ipynb")["cells"]
    assert all(cell["execution_count"] for cell in executed if cell["cell_type"] == "code")
    assert [failure for cell in executed for failure in unexpected(cell)] == []


def unexpected(cell: dict) -> list[str]:
    """Errors that an unsolved lesson may not have: only marking an answer that is not there may fail."""
    errors = [output for output in cell.get("outputs", []) if output["output_type"] == "error"]
    if cell["metadata"].get("nbgrader"):
        errors = [error for error in errors if error["ename"] not in GRADED]
    return [f"{cell['id']}: {error['ename']}: {error['evalue']}" for error in errors]
