"""A lesson in the gradebook: the rows and the schema that nbgrader itself would write."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader")

from nbgrader import dbutil
from nbgrader.api import Gradebook as StockGradebook

from coursekit.grading.gradebook import Gradebook, database
from coursekit.grading.template import Template
from coursekit.lessons.nbgrader import read_config
from tests.grading.gradebooks import LESSON, REPOSITORY, dump, make_result, table


def stock_generate(root: Path) -> None:
    """`nbgrader generate_assignment --force`, with its database."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    config = read_config(root)
    folder = CourseDirectory(root=str(root), assignment_id=LESSON, config=config)
    GenerateAssignment(coursedir=folder, config=config, force=True).start()


@pytest.fixture
def course(tmp_path) -> Path:
    """A fresh clone with one lesson."""
    root = tmp_path / "course"
    for folder in ("solutions", "lessons"):
        shutil.copytree(REPOSITORY / folder / LESSON, root / folder / LESSON)
    for name in ("pyproject.toml", "nbgrader_config.py"):
        shutil.copy(REPOSITORY / name, root / name)
    return root


class TestRegister:
    NAMES = (
        "assignment",
        "notebook",
        "base_cell",
        "grade_cells",
        "solution_cells",
        "task_cells",
        "source_cell",
    )

    def test_writes_the_rows_that_stock_generate_assignment_writes(self, course, file, template):
        stock_generate(course)
        with Gradebook(file, "coursekit") as ours:
            ours.register(template)
        for name in self.NAMES:
            assert table(file, name) == table(course / "gradebook.db", name), name

    def test_changes_nothing_in_a_gradebook_that_stock_nbgrader_made(self, course, template):
        stock_generate(course)
        before = {name: table(course / "gradebook.db", name, skip=()) for name in self.NAMES}
        with Gradebook.of(course) as ours:
            assert ours.register(template) == ()
        after = {name: table(course / "gradebook.db", name, skip=()) for name in self.NAMES}
        assert after == before

    def test_works_on_a_fresh_clone_and_stock_generate_after_it(self, course, template):
        with Gradebook.of(course) as ours:
            ours.register(template)
        assert table(course / "gradebook.db", "assignment")[0]["course_id"] == "coursekit"
        stock_generate(course)
        with StockGradebook(f"sqlite:///{course / 'gradebook.db'}") as stock:
            assert stock.find_assignment(LESSON).max_score == 18

    def test_a_second_time_changes_nothing(self, gradebook, file, template):
        before = dump(file)
        gradebook.register(template)
        assert dump(file) == before

    def test_follows_changed_points(self, gradebook, file, template):
        changed = with_points(template, "overlap-test", 7)
        gradebook.record(make_result(template), template)
        assert gradebook.register(changed) == ()
        assert {row["max_score"] for row in table(file, "grade_cells")} == {7.0, 3.0, 4.0}

    def test_deletes_a_cell_that_is_gone_and_has_no_grades(self, gradebook, file, template):
        gradebook.register(without(template, "overlap"))
        names = {row["name"] for row in table(file, "base_cell")}
        assert "overlap-test" not in names
        assert "cosine-rows-test" in names

    def test_keeps_and_names_a_cell_that_is_gone_and_has_grades(self, gradebook, file, template):
        gradebook.record(make_result(template), template)
        assert gradebook.register(without(template, "overlap")) == ("overlap-test",)
        assert "overlap-test" in {row["name"] for row in table(file, "base_cell")}
        assert len(table(file, "grade")) == 6

    def test_marks_do_not_count_a_cell_that_is_gone(self, gradebook, file, template):
        gradebook.record(make_result(template), template)
        smaller = without(template, "overlap")
        gradebook.register(smaller)
        gradebook.record(make_result(smaller, fingerprint="new"), smaller)
        row = gradebook.marks([LESSON]).iloc[0]
        assert (row["auto"], row["max_score"]) == (12, 16)
        assert gradebook.fingerprints(LESSON) == {"ann": "new"}

    def test_a_cell_that_is_new_needs_grading_for_those_graded_before(self, gradebook, template):
        gradebook.register(without(template, "overlap"))
        gradebook.record(make_result(without(template, "overlap")), without(template, "overlap"))
        gradebook.register(template)
        assert gradebook.marks([LESSON])["status"].tolist() == ["not graded"]
        gradebook.record(make_result(template), template)
        assert gradebook.marks([LESSON])["auto"].tolist() == [14]


def edited(template: Template, change) -> Template:
    """The lesson with `change` applied to each cell; a cell for which it gives None is left out."""
    parts = {}
    for name in ("source", "released"):
        notebook = getattr(template, name)
        cells = [change({**cell}) for cell in notebook["cells"]]
        parts[name] = {**notebook, "cells": [cell for cell in cells if cell]}
    names = {cell["id"] for cell in parts["source"]["cells"]}
    exercises = tuple(one for one in template.exercises if one.name in names)
    return Template(template.key, parts["source"], parts["released"], exercises)


def without(template: Template, exercise: str) -> Template:
    return edited(template, lambda cell: None if cell["id"] in (exercise, f"{exercise}-test") else cell)


def with_points(template: Template, test: str, points: float) -> Template:
    def change(cell):
        if cell["id"] == test:
            table = {**cell["metadata"]["nbgrader"], "points": points}
            cell["metadata"] = {**cell["metadata"], "nbgrader": table}
        return cell

    return edited(template, change)


class TestDatabase:
    def test_stock_upgrade_leaves_our_table_alone(self, gradebook, file, template, monkeypatch):
        gradebook.record(make_result(template), template)
        before = dump(file)
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        dbutil.upgrade(f"sqlite:///{file}")
        assert dump(file) == before

    def test_an_older_schema_is_refused_with_the_way_out(self, gradebook, file):
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '724cde206c17'")
        connection.close()
        with pytest.raises(RuntimeError, match="nbgrader db upgrade"):
            Gradebook(file)

    def test_a_made_file_has_the_schema_stock_nbgrader_makes(self, tmp_path, file, monkeypatch):
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        StockGradebook(f"sqlite:///{tmp_path / 'stock.db'}").close()
        Gradebook(file).close()

        def schema(path):
            with sqlite3.connect(path) as connection:
                rows = connection.execute(
                    "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
                ).fetchall()
            return {name: " ".join(sql.split()) for name, sql in rows}

        ours, stock = schema(file), schema(tmp_path / "stock.db")
        assert ours.pop("coursekit_grading")
        assert ours == stock
        assert table(file, "alembic_version") == table(tmp_path / "stock.db", "alembic_version")

    def test_the_file_is_the_one_that_nbgraders_settings_name(self, course, tmp_path):
        with (course / "nbgrader_config.py").open("a") as config:
            config.write(f"\nc.CourseDirectory.db_url = 'sqlite:///{tmp_path / 'elsewhere.db'}'\n")
        with Gradebook.of(course):
            assert (tmp_path / "elsewhere.db").is_file()
        assert not (course / "gradebook.db").exists()

    def test_a_lock_that_is_not_let_go_is_reported(self, gradebook, file, template, monkeypatch):
        monkeypatch.setattr(database, "_WAIT", 0.2)
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with Gradebook(file) as ours, pytest.raises(TimeoutError, match=r"gradebook\.db was locked"):
            ours.record(make_result(template), template)
        holder.close()

    def test_readers_do_not_wait_for_a_writer(self, gradebook, file, template):
        gradebook.record(make_result(template), template)
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        assert gradebook.fingerprints(LESSON) == {"ann": "one"}
        holder.close()
