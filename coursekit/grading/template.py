"""A lesson as the grader needs it: our own source, our own release, and the cells learners may write in."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata

from coursekit.checking.replay import Exercise, exercises
from coursekit.lessons.canonical import read_notebook
from coursekit.lessons.course import Lesson
from coursekit.lessons.rules.cells import nbgrader


@dataclass(frozen=True)
class Slot:
    """One cell of the release that a learner may write in.

    Attributes:
        id: its grade_id, which is also its cell id.
        cell_type: "code" or "markdown".
        stub: the text as released, before anybody wrote in it.
        names: functions and variables that the solution defines at top level, and the stub as well where
            it does: by these a cell can be recognised whose id was lost. Empty for prose.
        points: for a cell graded by hand; 0 for an autograded exercise, whose test cell carries them.
    """

    id: str
    cell_type: str
    stub: str
    names: tuple[str, ...] = ()
    points: float = 0.0

    def is_unanswered(self, text: str | None) -> bool:
        """Whether the learner's text is missing, blank, or still what the release said."""
        return text is None or text.strip() in ("", self.stub.strip())


@dataclass(frozen=True, eq=False)
class Template:
    """The lesson into which submissions are set.

    Attributes:
        key: as in `02_similarity`.
        source: our solved notebook, a dictionary in which each cell's source is one str.
        released: the students' version, likewise.
        exercises: the autograded exercises, with our tests.
    """

    key: str
    source: dict = field(repr=False)
    released: dict = field(repr=False)
    exercises: tuple[Exercise, ...] = field(repr=False)

    @classmethod
    def of(cls, lesson: Lesson) -> Template:
        """Read a lesson of the checkout.

        Raises:
            FileNotFoundError: when its released notebook is missing; `coursekit release` makes it.
        """
        if not lesson.released.is_file():
            raise FileNotFoundError(f"{lesson.released} is missing: run `python -m coursekit release`")
        found = tuple(exercises(lesson.source))
        return cls(lesson.key, read_notebook(lesson.source), read_notebook(lesson.released), found)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """The answer cells, in order: code and prose."""
        solved = {cell["id"]: cell for cell in self.source["cells"]}
        return tuple(
            _slot(cell, solved[cell["id"]])
            for cell in self.released["cells"]
            if nbgrader(cell).get("solution")
        )

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the lesson's text and with coursekit's version: then everything is graded anew."""
        text = json.dumps([self.source, self.released, metadata.version("coursekit")], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _slot(released: dict, solved: dict) -> Slot:
    code = released["cell_type"] == "code"
    names = _top_level_names(solved["source"]) if code else ()
    points = nbgrader(solved).get("points", 0)
    return Slot(released["id"], released["cell_type"], released["source"], names, points)


def _top_level_names(source: str) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return tuple(found)
