"""A course of one small lesson, for what reads notebooks."""

import pytest

from tests.checking.lessons import ANSWER, DECORATOR, MUTANTS, TEST, code, graded, write_notebook


@pytest.fixture
def cells():
    return [
        code("%pip --version\nimport coursekit", tags=["setup"]),
        code("from coursekit import Check"),
        code("raise RuntimeError('a long training that the exercise does not need')"),
        code("divisor = 1\ndivisor += 1"),
        code(ANSWER, **graded("half", solution=True)),
        code(TEST, **graded("half-test", grade=True, points=2)),
    ]


@pytest.fixture
def course(tmp_path, cells):
    write_notebook(tmp_path / "solutions" / "00_small" / "00_small.ipynb", cells)
    folder = tmp_path / "tests" / "lessons" / "mutants"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(DECORATOR)
    (folder / "m00_small.py").write_text(MUTANTS)
    return tmp_path
