"""A small lesson as cells, and how to write it to a file."""

import json

ANSWER = '''def half(x):
    """Half of x."""
    ### BEGIN SOLUTION
    return x / divisor
    ### END SOLUTION
'''
TEST = """check = Check("half", half, points=2)
check.case(3, gives=1.5)
check.case(0, gives=0.0)
### BEGIN HIDDEN TESTS
check.part("fresh numbers")
check.case(7, gives=3.5)
### END HIDDEN TESTS
check.marks()"""
MUTANTS = """from tests.lessons.mutants import mutant

SHORTCUTS = {"half": None}


@mutant("half", name="double", says="You doubled.")
def double(x):
    return 2.0 * x


@mutant("half", name="whole", says="You dropped the half.")
def whole(x):
    return x // 2.0
"""
DECORATOR = """REGISTRY = []


def mutant(exercise, *, name, says):
    def keep(function):
        REGISTRY.append((function.__module__, exercise, name, says, function))
        return function

    return keep
"""


def code(source, **metadata):
    return {
        "cell_type": "code",
        "source": source,
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
    }


def graded(name, **roles):
    return {"nbgrader": {"grade_id": name, "solution": False, "grade": False, "schema_version": 3} | roles}


def write_notebook(path, cells):
    made = [
        cell | {"id": f"cell-{number}", "source": cell["source"].splitlines(keepends=True)}
        for number, cell in enumerate(cells)
    ]
    content = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
