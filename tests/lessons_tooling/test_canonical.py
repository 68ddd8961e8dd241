"""The canonical form: what an editor writes is undone, and nothing else changes."""

import copy
import json
from pathlib import Path

import nbformat
import pytest
from jupytext.cli import jupytext

from coursekit.lessons import canonical, notebook_text, read_notebook


@pytest.fixture
def clean(lesson_content):
    return canonical(lesson_content, "00_welcome")


def test_canonical_form_of_the_canonical_form_is_the_same(clean):
    assert canonical(clean, "00_welcome") == clean


def test_the_argument_is_left_as_it_is(lesson_content):
    before = copy.deepcopy(lesson_content)
    canonical(lesson_content, "00_welcome")
    assert lesson_content == before


def test_text_is_laid_out_as_nbformat_does(clean):
    assert notebook_text(clean) == nbformat.writes(nbformat.from_dict(copy.deepcopy(clean))) + "\n"


def test_what_jupyterlab_writes_on_save_is_undone(clean):
    saved = copy.deepcopy(clean)
    saved["metadata"]["language_info"] |= {"version": "3.13.1", "codemirror_mode": {"name": "ipython"}}
    saved["metadata"]["kernelspec"] = {"display_name": "my env", "language": "python", "name": "my-env"}
    saved["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    saved["metadata"]["toc-autonumbering"] = True
    for place, cell in enumerate(saved["cells"]):
        cell["metadata"] |= {"trusted": True, "editable": True, "slideshow": {"slide_type": ""}}
        if cell["cell_type"] == "code":
            cell["execution_count"] = place
            cell["metadata"] |= {
                "collapsed": False,
                "scrolled": True,
                "execution": {"iopub.status.busy": "1"},
            }
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["hello\n"]}]
    saved["cells"].append({"cell_type": "code", "id": "abc", "metadata": {}, "source": "", "outputs": []})
    saved["nbformat_minor"] = 4
    assert canonical(saved, "00_welcome") == clean


def test_a_one_line_edit_is_a_one_line_diff(clean):
    edited = copy.deepcopy(clean)
    edited["cells"][2]["source"] = edited["cells"][2]["source"].replace("seed = 0", "seed = 1")
    edited["cells"][1]["source"] = edited["cells"][1]["source"].replace("seed = 0", "seed = 1")
    lines = [notebook_text(each).splitlines() for each in (clean, canonical(edited, "00_welcome"))]
    assert len(lines[0]) == len(lines[1])
    assert sum(a != b for a, b in zip(*lines, strict=True)) == 1


def test_short_nbgrader_forms_are_filled_in(clean):
    tables = {cell["id"]: cell["metadata"].get("nbgrader") for cell in clean["cells"]}
    tables = {name: table for name, table in tables.items() if table}
    common = {"schema_version": 3, "task": False}
    assert tables == {
        "add": common | {"grade_id": "add", "grade": False, "solution": True, "locked": False},
        "add-test": common
        | {"grade_id": "add-test", "grade": True, "solution": False, "locked": True, "points": 3},
        "open": common | {"grade_id": "open", "grade": True, "solution": True, "locked": False, "points": 2},
    }


def test_a_cell_that_nbgrader_has_no_role_for_loses_its_table(make_cell, make_notebook):
    idle = {"grade": False, "grade_id": "cell-1", "locked": False, "solution": False, "schema_version": 3}
    notebook = canonical(make_notebook(make_cell("code", "1", "one", nbgrader=idle)), "00_a")
    assert notebook["cells"][0]["metadata"] == {}
    assert notebook["cells"][0]["id"] == "one"


def test_existing_ids_are_kept_and_missing_or_repeated_ones_made_the_same_way_each_time(
    make_cell, make_notebook
):
    cells = [make_cell("code", "1", name) for name in ("mine", "mine", None, None)]
    ids = [cell["id"] for cell in canonical(make_notebook(*cells), "00_a")["cells"]]
    assert ids[0] == "mine"
    assert len(set(ids)) == 4
    assert ids == [cell["id"] for cell in canonical(make_notebook(*cells), "00_a")["cells"]]
    elsewhere = [cell["id"] for cell in canonical(make_notebook(*cells), "01_b")["cells"]]
    assert not set(ids[1:]) & set(elsewhere[1:])


def test_an_id_of_another_lesson_is_not_used_again(make_cell, make_notebook):
    content = make_notebook(make_cell("code", "1", "mine"))
    assert canonical(content, "01_b", taken={"mine"})["cells"][0]["id"] != "mine"


def test_a_plain_cell_gives_way_to_a_graded_cell_of_that_id(make_cell, make_notebook):
    graded = make_cell("code", "2", nbgrader={"grade_id": "add", "solution": True})
    cells = canonical(make_notebook(make_cell("code", "1", "add"), graded), "00_a")["cells"]
    assert cells[1]["id"] == "add"
    assert cells[0]["id"] != "add"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"grade_id": "", "solution": True}, "grade_id ''"),
        ({"grade_id": "two words", "solution": True}, "two words"),
        ({"grade_id": "t", "grade": True}, "points None of 't'"),
        ({"grade_id": "t", "grade": True, "points": -1}, "points -1 of 't'"),
        ({"grade_id": "t", "grade": True, "points": True}, "points True of 't'"),
    ],
)
def test_wrong_nbgrader_tables_are_named(table, words, make_cell, make_notebook):
    with pytest.raises(ValueError, match=words):
        canonical(make_notebook(make_cell("code", "1", nbgrader=table)), "00_a")


def test_a_grade_id_used_twice_is_named(make_cell, make_notebook):
    cell = make_cell("code", "1", nbgrader={"grade_id": "twin", "solution": True})
    with pytest.raises(ValueError, match="'twin' is used twice"):
        canonical(make_notebook(cell, cell), "00_a")
    with pytest.raises(ValueError, match="'twin' is used twice"):
        canonical(make_notebook(cell), "01_b", taken={"twin"})


def test_attachments_and_tags_stay(make_cell, make_notebook):
    picture = make_cell("markdown", "![a dot](attachment:a.png)", "m", tags=["keep", "keep"])
    picture["attachments"] = {"a.png": {"image/png": "AAAA"}}
    cell = canonical(make_notebook(picture), "00_a")["cells"][0]
    assert cell["attachments"] == picture["attachments"]
    assert cell["metadata"] == {"tags": ["keep"]}


def test_only_graded_code_cells_may_fail_without_stopping_run_all(make_cell, make_notebook):
    graded = make_cell("code", "1", nbgrader={"grade_id": "g", "grade": True, "points": 1})
    words = make_cell(
        "markdown", "a", nbgrader={"grade_id": "w", "grade": True, "solution": True, "points": 1}
    )
    story = make_cell("code", "2", "story", tags=["raises-exception"])
    cells = canonical(make_notebook(graded, words, story), "00_a")["cells"]
    assert [cell["metadata"].get("tags") for cell in cells] == [["raises-exception"], None, None]


def test_windows_line_ends_become_ours(make_cell, make_notebook):
    assert (
        canonical(make_notebook(make_cell("code", "a\r\nb\r\n", "x")), "00_a")["cells"][0]["source"] == "a\nb"
    )


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"nbformat": 3, "cells": []}', '{"nbformat": 4}'])
def test_a_file_that_is_no_notebook_is_named(content, tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(content, "utf-8")
    with pytest.raises(ValueError, match=r"x\.ipynb is not a notebook"):
        read_notebook(path)


def test_round_trip_through_jupytext_changes_nothing(clean, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nb.ipynb").write_text(notebook_text(clean), "utf-8")
    jupytext(["--to", "py:percent", "-o", "nb.py", "nb.ipynb"])
    jupytext(["--update", "--to", "ipynb", "-o", "nb.ipynb", "nb.py"])
    assert notebook_text(canonical(read_notebook(Path("nb.ipynb")), "00_welcome")) == notebook_text(clean)


def test_an_edit_as_text_changes_that_line_only(clean, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nb.ipynb").write_text(notebook_text(clean), "utf-8")
    jupytext(["--to", "py:percent", "-o", "nb.py", "nb.ipynb"])
    text = Path("nb.py").read_text("utf-8")
    Path("nb.py").write_text(text.replace("Two and two are", "One and three are"), "utf-8")
    jupytext(["--update", "--to", "ipynb", "-o", "nb.ipynb", "nb.py"])
    edited = notebook_text(canonical(read_notebook(Path("nb.ipynb")), "00_welcome"))
    assert edited == notebook_text(clean).replace("Two and two are", "One and three are")


def test_text_is_json_that_nbformat_accepts(clean):
    nbformat.validate(json.loads(notebook_text(clean)))
