"""The release: derived, stable, checked, all or nothing."""

import json

import pytest

from coursekit.lessons import Course, ReleaseError, release
from coursekit.lessons.nbgrader import read_config

FILES = [
    "lessons/00_welcome/00_welcome.ipynb",
    "lessons/01_more/01_more.ipynb",
    "solutions/00_welcome/00_welcome.ipynb",
    "solutions/01_more/01_more.ipynb",
]


def contents(course) -> dict[str, bytes]:
    files = (path for path in sorted(course.root.rglob("*")) if path.is_file())
    return {path.relative_to(course.root).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def released(course):
    release(course)
    return course


def test_first_release_writes_sources_and_lessons_and_nothing_else(course):
    before = contents(course)
    drifts = release(course)
    after = contents(course)
    assert sorted(drift.path for drift in drifts) == FILES
    assert sorted(set(after) - set(before)) == FILES[:2]
    assert {path for path in before if before[path] != after[path]} == set(FILES[2:])


def test_second_release_changes_no_byte(released):
    before = contents(released)
    assert release(released) == []
    assert contents(released) == before


def test_check_changes_nothing_and_names_every_drift(released):
    source = released.root / FILES[2]
    source.write_text(source.read_text("utf-8").replace("Two and two", "2 and 2"), "utf-8")
    (released.root / FILES[1]).unlink()
    stray = released.root / "lessons" / "09_gone" / "09_gone.ipynb"
    stray.parent.mkdir()
    stray.write_text("{}", "utf-8")
    before = contents(released)
    drifts = {drift.path: drift.reason for drift in release(released, check=True)}
    assert set(drifts) == {FILES[0], FILES[1], "lessons/09_gone/09_gone.ipynb"}
    assert drifts[FILES[0]].startswith("differs from what its source gives (line ")
    assert drifts[FILES[1]] == "missing"
    assert drifts["lessons/09_gone/09_gone.ipynb"] == "has no source"
    assert contents(released) == before
    release(released)
    assert release(released, check=True) == []
    assert not stray.exists()


def test_a_source_that_an_editor_saved_is_drift(released):
    source = released.root / FILES[2]
    notebook = json.loads(source.read_text("utf-8"))
    notebook["cells"][1]["execution_count"] = 3
    source.write_text(json.dumps(notebook), "utf-8")
    assert [drift.path for drift in release(released, check=True)] == [FILES[2]]


def test_solutions_hidden_tests_and_model_answers_are_gone(released):
    text = (released.root / FILES[0]).read_text("utf-8")
    for secret in ("secret_sum", "hidden_number", "model answer", "BEGIN", "END"):
        assert secret not in text
    for visible in ("# YOUR CODE HERE", "YOUR ANSWER HERE", "gives=3"):
        assert visible in text


def test_a_file_beside_a_source_goes_with_it_and_editors_leftovers_do_not(released):
    place = released.root / "solutions" / "00_welcome"
    (place / "table.csv").write_text("a,b\n", "utf-8")
    (place / ".ipynb_checkpoints").mkdir()
    (place / ".ipynb_checkpoints" / "x.ipynb").write_text("{}", "utf-8")
    assert [drift.path for drift in release(released)] == ["lessons/00_welcome/table.csv"]


def test_a_lesson_that_nbgrader_refuses_changes_nothing_and_says_why(
    released, make_cell, make_lesson, put_lesson
):
    broken = make_lesson("b-", (make_cell("code", "### BEGIN SOLUTION\n1\n### END SOLUTION", "loose"),))
    put_lesson(released.root, "02_broken", broken)
    before = contents(released)
    with pytest.raises(ReleaseError, match="non-solution cell"):
        release(Course(released.root))
    assert contents(released) == before


def test_a_grade_id_of_two_lessons_is_named(released, make_lesson, put_lesson):
    put_lesson(released.root, "02_copy", make_lesson())
    with pytest.raises(ValueError, match="02_copy: grade_id 'add' is used twice"):
        release(Course(released.root), check=True)


def test_release_equals_what_stock_nbgrader_generates(released, tmp_path_factory):
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    root = tmp_path_factory.mktemp("stock")
    for path, content in contents(released).items():
        if not path.startswith("lessons"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
    config = read_config(root)
    config.GenerateAssignment.no_database = (
        True  # alembic is slow to start; with it the notebooks are the same
    )
    config.SaveCells.enabled = False
    folder = CourseDirectory(root=str(root), assignment_id="00_welcome", config=config)
    GenerateAssignment(coursedir=folder, config=config).start()
    stock = json.loads((root / FILES[0]).read_text("utf-8"))
    assert stock["cells"] == json.loads((released.root / FILES[0]).read_text("utf-8"))["cells"]
