"""Replay just enough of a solved lesson to run one exercise's test, with any answer put in place.

Used by maintainers' tools (deriving misconceptions, proving exercises). Of the lesson's story only the
statements run that the exercise depends on (`slicing`). Notebooks are read as JSON: no kernel is needed.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from coursekit.checking.check import Check
from coursekit.checking.slicing import needed, python_of, statements

_PRELUDE = {"setup", "parameters"}
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
_SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION.*?### END SOLUTION[^\n]*", re.DOTALL | re.MULTILINE)
_HIDDEN = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS[^\n]*\n?", re.DOTALL | re.MULTILINE
)


@dataclass(eq=False)
class Exercise:
    """One autograded exercise of a source notebook.

    Attributes:
        name: grade_id of the answer cell.
        points: of the test cell.
        variable: the name that the test cell hands to `Check`.
        answer, test: sources of the two cells, solution and hidden tests included.
        prelude: sources of the setup and parameters cells, which always run.
        story: sources of the other code cells before the test cell, earlier answers included.
    """

    name: str
    points: float
    variable: str
    answer: str
    test: str
    prelude: list[str] = field(repr=False)
    story: list[str] = field(repr=False)
    _ready: dict | None = field(default=None, repr=False)

    @property
    def is_function(self) -> bool:
        """Whether the answer is a function; otherwise it is a value."""
        found = ast.walk(ast.parse(python_of(self.answer)))
        return any(isinstance(node, ast.FunctionDef) and node.name == self.variable for node in found)

    @property
    def stub(self) -> str:
        """The answer cell as a learner gets it."""
        cleared = _SOLUTION.sub(lambda found: _indented(STUB, found.group(1)), self.answer)
        return STUB if cleared == self.answer else cleared

    @property
    def visible_test(self) -> str:
        """The test cell as a learner gets it."""
        return _HIDDEN.sub("", self.test)

    def namespace(self) -> dict[str, object]:
        """The names at the test cell with the solution in place, computed once, copied shallowly."""
        if self._ready is None:
            self._ready = self._prepared()
        return dict(self._ready)

    def run(self, answer: object, *, hidden: bool = True) -> Check:
        """The `Check` after the test cell ran on `answer` in place of the solution."""
        return self._tested({**self.namespace(), self.variable: answer}, hidden)

    def run_stub(self) -> Check:
        """The `Check` after the test cell ran on the released, unsolved answer cell."""
        names = self.namespace()
        names.pop(self.variable, None)
        with contextlib.suppress(NotImplementedError):
            _execute(self.stub, names)
        return self._tested(names, hidden=True)

    def _prepared(self) -> dict[str, object]:
        """Run what the exercise depends on; should its solution not pass then, the whole story."""
        before, story, after = (statements(part) for part in (self.prelude, self.story, [self.answer]))
        part = _run([*before, *needed(story, statements([self.answer, self.test])), *after])
        if part is not None and not self._tested(dict(part), hidden=True).message:
            return part
        whole = _run([*before, *story, *after], last_try=part is None)
        return part if whole is None else whole

    def _tested(self, names: dict[str, object], hidden: bool) -> Check:
        with _quiet(), contextlib.suppress(AssertionError):
            _execute(self.test if hidden else self.visible_test, names)
        found = [value for value in names.values() if type(value) is Check and value.name == self.name]
        if not found:
            raise NameError(f"the test of {self.name!r} leaves no Check of that name behind")
        return found[-1]


def exercises(path: Path) -> list[Exercise]:
    """The autograded exercises of a source notebook, in order.

    Raises:
        ValueError: when a test cell has no answer cell before it or makes no `Check("name", variable, …)`.
    """
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    tests = [place for place, cell in enumerate(cells) if _is_test(cell)]
    return [_exercise(path, cells, place) for place in tests]


def _exercise(path: Path, cells: list[dict], place: int) -> Exercise:
    test = _source(cells[place])
    name, variable = _checked(path, test)
    before = [cell for cell in cells[:place] if not _is_test(cell)]
    own = [cell for cell in before if _nbgrader(cell).get("grade_id") == name]
    if len(own) != 1:
        raise ValueError(f"{path}: no answer cell called {name!r} stands before its test cell")
    story = [cell for cell in before if cell is not own[0]]
    prelude = [cell for cell in story if _PRELUDE & set(cell["metadata"].get("tags", []))]
    return Exercise(
        name=name,
        points=_nbgrader(cells[place])["points"],
        variable=variable,
        answer=_source(own[0]),
        test=test,
        prelude=[_source(cell) for cell in prelude],
        story=[_source(cell) for cell in story if cell not in prelude],
    )


def _checked(path: Path, source: str) -> tuple[str, str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check" and len(node.args) >= 2:
            name, answer = node.args[:2]
            if isinstance(name, ast.Constant) and isinstance(answer, ast.Name):
                return name.value, answer.id
    raise ValueError(f'{path}: a test cell makes no Check("name", variable, points=…): {source[:80]!r}')


def _run(chosen: list[ast.stmt], *, last_try: bool = False) -> dict[str, object] | None:
    """The names these statements make; None when they fail and something else can be tried."""
    names: dict[str, object] = {"__name__": "__main__"}
    try:
        with _surroundings(), _quiet():
            exec(compile(ast.Module(chosen, type_ignores=[]), "<cell>", "exec"), names)
    except Exception:
        if last_try:
            raise
        return None
    return names


def _execute(source: str, names: dict[str, object]) -> None:
    exec(compile(python_of(source), "<cell>", "exec"), names)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def _surroundings() -> Iterator[None]:
    """No window opens for a figure, and the reader's own leaderboard stays as it is."""
    changed = {"MPLBACKEND": "agg", "COURSEKIT_LEADERBOARD": ""}
    before = {name: os.environ.get(name) for name in changed}
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(changed | {"COURSEKIT_LEADERBOARD": str(Path(folder) / "leaderboard.csv")})
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _indented(text: str, indent: str) -> str:
    return "\n".join(indent + line for line in text.split("\n"))


def _source(cell: dict) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def _nbgrader(cell: dict) -> dict:
    return cell.get("metadata", {}).get("nbgrader", {})


def _is_test(cell: dict) -> bool:
    return bool(_nbgrader(cell).get("grade")) and not _nbgrader(cell).get("solution")
