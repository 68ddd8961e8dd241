"""Executing lessons: parameters, failures, interrupts. One run of four lessons serves most tests."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from coursekit.lessons import Course, read_notebook, run_lessons, write_report
from coursekit.lessons.page import notebook_page
from coursekit.lessons.run import LessonResult
from coursekit.lessons.terminal import run_and_report

FIGURE = """from IPython.display import display
display({"image/png": "AAAA"}, raw=True, metadata=%s)"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_course, make_cell, make_lesson, put_lesson):
    """Four lessons: sound, raising, with a figure nobody described, failing its own test."""
    course = make_course(tmp_path_factory.mktemp("course"))
    told = make_cell("code", "print('told', fast, seed)\nopen('leftover', 'w').close()", "tell")
    described = make_cell("code", FIGURE % '{"image/png": {"alt": "a dot on white"}}', "described")
    put_lesson(course.root, "00_welcome", make_lesson("", (told, described)))
    raises = make_cell("code", "def f():\n    raise KeyError('oh <no>')\nf()", "raises")
    put_lesson(course.root, "01_more", make_lesson("more-", (raises,)))
    put_lesson(course.root, "02_bare", make_lesson("b-", (make_cell("code", FIGURE % "{}", "bare"),)))
    unearned = make_cell("code", "assert 1 == 2", nbgrader={"grade_id": "w-test", "grade": True, "points": 1})
    later = make_cell("code", "print('the run should have stopped before')", "later")
    put_lesson(course.root, "03_wrong", make_lesson("w-", (unearned, later)))
    course, cells = Course(course.root), []
    results = run_lessons(
        course,
        course.lessons,
        course.root / "build" / "report",
        jobs=2,
        parameters={"fast": False, "unknown_here": 1},
        progress=lambda key, cell, count: cells.append((key, cell, count)),
    )
    return course, {result.key: result for result in results}, cells


@pytest.fixture(scope="module")
def report(finished) -> dict[str, str]:
    course, results, _ = finished
    index = write_report(list(results.values()), course.root / "build" / "report")
    return {path.stem: path.read_text("utf-8") for path in index.parent.glob("*.html")}


def output_of(result, cell_id) -> str:
    cells = {cell["id"]: cell for cell in read_notebook(result.notebook)["cells"]}
    return "".join(cells[cell_id]["outputs"][0]["text"])


def test_declared_parameters_are_set_and_others_left_out(finished):
    assert output_of(finished[1]["00_welcome"], "tell") == "told False 0\n"


def test_a_failing_lesson_does_not_stop_the_others(finished):
    states = {key: result.status for key, result in finished[1].items()}
    assert states == {"00_welcome": "passed", "01_more": "failed", "02_bare": "failed", "03_wrong": "failed"}


def test_a_solution_that_fails_its_own_graded_cell_fails_its_lesson(finished):
    failure = finished[1]["03_wrong"].failure
    assert failure.cell_id == "w-test"
    assert failure.error.startswith("AssertionError")


def test_failure_names_cell_and_traceback(finished):
    failure = finished[1]["01_more"].failure
    assert (failure.cell, failure.cell_id) == (10, "raises")
    assert failure.error == "KeyError: 'oh <no>'"
    assert "raise KeyError('oh <no>')" in failure.traceback
    assert "\x1b" not in failure.traceback


def test_a_figure_without_alt_text_fails_its_lesson(finished):
    failure = finished[1]["02_bare"].failure
    assert failure.cell_id == "bare"
    assert "show(ax, alt=" in failure.error


def test_progress_counts_the_cells_of_each_lesson(finished):
    told = [(cell, count) for key, cell, count in finished[2] if key == "00_welcome"]
    assert told == [(cell, 12) for cell in range(1, 13)]


def test_sources_and_the_checkout_are_left_as_they_are(finished):
    root = finished[0].root
    assert [path.name for path in (root / "solutions" / "00_welcome").iterdir()] == ["00_welcome.ipynb"]
    assert list(root.rglob("leftover")) == []


def test_pages_fetch_nothing(report):
    for page in report.values():
        assert "<script" not in page
        assert "<link" not in page
        assert 'src="http' not in page
        assert "url(" not in page


def test_index_lists_each_lesson_with_its_state(report):
    assert '<a href="00_welcome.html">00_welcome</a></td><td class="passed">passed' in report["index"]
    assert '<a href="01_more.html">01_more</a></td><td class="failed">failed' in report["index"]


def test_failure_is_on_the_index_and_on_its_page(report):
    for name in ("index", "01_more"):
        assert "cell 10 (raises): KeyError: &#x27;oh &lt;no&gt;&#x27;" in report[name]
        assert "raise KeyError" in report[name]


def test_page_shows_formula_code_and_described_figure(report):
    page = report["00_welcome"]
    assert '<img alt="2 + 2 = 4"' in page
    assert "secret_sum" in page
    assert 'alt="a dot on white"' in page


def test_an_unknown_lesson_or_data_set_is_named_before_anything_runs(finished):
    course = finished[0]
    with pytest.raises(LookupError, match="there is no lesson '9'"):
        run_and_report(["9"], {}, course=course)
    with pytest.raises(LookupError, match=r"no data set 'nonesuch'.*campus"):
        run_and_report([], {"dataset": "nonesuch"}, course=course)
    assert (course.root / "build" / "report" / "00_welcome.ipynb").is_file()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_an_interrupt_ends_the_kernel_and_still_writes_the_report(course, make_cell, make_lesson, put_lesson):
    note = course.root / "pid"
    text = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    put_lesson(course.root, "00_welcome", make_lesson("", (make_cell("code", text, "slow"),)))
    command = [sys.executable, "-m", "coursekit", "run"]
    process = subprocess.Popen(command, cwd=course.root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    pid = int(wait_for(lambda: note.is_file() and note.read_text("utf-8")))
    process.send_signal(signal.SIGINT)
    words = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 1
    assert "0 of 2 lessons passed" in words
    page = (course.root / "build" / "report" / "index.html").read_text("utf-8")
    assert page.count('<td class="stopped">') == 2
    wait_for(lambda: not alive(pid))


def wait_for(condition, seconds: float = 60):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)
    return value


def alive(pid: int) -> bool:
    """Whether a process still runs; one that ended and is not yet collected does not."""
    state = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not state.is_file() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_leaderboard_rows_are_one_line_a_model_with_intervals(tmp_path):
    columns = ["dataset", "protocol", "lesson", "model", "metric", "k", "value", "low", "high", "n_users"]
    rows = [
        ["toy", "Half.", "00", "a<b", "ndcg", 10, 0.25, 0.2, 0.3, 7],
        ["toy", "Half.", "00", "a<b", "recall", 10, 0.5, 0.4, 0.6, 7],
        ["toy", "Half.", "00", "best", "ndcg", 10, 0.75, 0.7, 0.8, 7],
    ]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "leaderboard.csv", index=False)
    index = write_report([LessonResult("00_welcome", "passed")], tmp_path).read_text("utf-8")
    table = index[index.index("Leaderboard rows of 00_welcome") :]
    assert "toy, 7 users. Half." in table
    assert table.index("0.750<br>[0.700, 0.800]") < table.index("0.250<br>[0.200, 0.300]")
    assert "<th>a&lt;b</th>" in table
    assert (tmp_path / "leaderboard-1-toy.png").stat().st_size > 5000


def test_a_progress_bar_is_left_out_of_the_page(tmp_path, make_cell, make_notebook):
    bar = make_cell("code", "tqdm(range(3))", "bar")
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "  0%|  | 0/3"}
    bar["outputs"] = [{"output_type": "display_data", "data": view, "metadata": {}}]
    path = tmp_path / "nb.ipynb"
    path.write_text(json.dumps(make_notebook(bar) | {"metadata": {}}), "utf-8")
    shown = notebook_page(path, "bars")
    assert "tqdm" in shown
    assert "0/3" not in shown
