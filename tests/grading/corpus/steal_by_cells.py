"""Thieves that change the notebook's tests and metadata, or put files beside it."""

from __future__ import annotations

from tests.grading.corpus.entry import Entry, answered, cell_of, code, damaged, fill, released, role
from tests.grading.corpus.steal import EMPTY


def _tag_tests(notebook: dict) -> dict:
    """Stock nbgrader pays for a test cell that was never run."""
    notebook = released("00_welcome")
    for cell in notebook["cells"]:
        cell["metadata"]["tags"] = ["skip-execution", "raises-exception"]
    return notebook


def _edit_tests(notebook: dict) -> dict:
    notebook = released("00_welcome")
    for cell in notebook["cells"]:
        if role(cell, "grade") and cell["cell_type"] == "code":
            cell["source"] = [str(cell["metadata"]["nbgrader"]["points"])]
            cell["outputs"] = [_result("3")]
    return notebook


def _raise_points(notebook: dict) -> None:
    for cell in notebook["cells"]:
        if role(cell, "grade"):
            cell["metadata"]["nbgrader"]["points"] = 1000


def _tests_as_answers(notebook: dict) -> dict:
    notebook = released("00_welcome")
    for cell in notebook["cells"]:
        if role(cell, "grade") and cell["cell_type"] == "code":
            cell["metadata"]["nbgrader"] |= {"solution": True, "locked": False}
            cell["source"] = ["3"]
    return notebook


def _test_twice(notebook: dict) -> dict:
    notebook = released("00_welcome")
    forged = code("2")
    forged["metadata"] = {"nbgrader": dict(cell_of(notebook, "overlap-test")["metadata"]["nbgrader"])}
    notebook["cells"] += [forged, forged]
    return notebook


def _own_setup(notebook: dict) -> dict:
    """Cells of our own, tagged as the lesson's, that patch the check before anything runs."""
    notebook = released("00_welcome")
    patch = "import coursekit\ncoursekit.Check = lambda *args, **kwargs: None\nfast = full = True"
    notebook["cells"] = [code(patch, tags=["setup", "parameters"]), *notebook["cells"]]
    return notebook


def _test_in_answer(notebook: dict) -> dict:
    """The test's text in an answer cell, with another end."""
    notebook = released("00_welcome")
    test = "".join(cell_of(notebook, "overlap-test")["source"]).replace("check.marks()", "2")
    return fill(notebook, {"overlap": EMPTY + test})


def _other_kernel(notebook: dict) -> None:
    notebook["metadata"] = {
        "kernelspec": {"name": "my-kernel", "display_name": "x", "argv": ["sh", "-c", "id"]}
    }


def _result(text: str) -> dict:
    return {
        "output_type": "execute_result",
        "data": {"text/plain": text},
        "metadata": {},
        "execution_count": 1,
    }


def tampered(name: str, damage, **more: object) -> Entry:
    """A notebook whose cells or metadata ask for points."""
    return damaged(f"steal-{name}", damage, kind="steal", **{"earns": {}, **more})


TAMPERED = [
    tampered("skip-tests", _tag_tests),
    tampered("edited-tests", _edit_tests),
    tampered("tests-as-answers", _tests_as_answers),
    tampered("test-twice", _test_twice),
    tampered("own-setup-cell", _own_setup),
    tampered("test-in-answer", _test_in_answer),
    damaged("steal-more-points", _raise_points, kind="steal"),
    damaged("steal-own-kernel", _other_kernel, kind="steal"),
]


SHADOWS = [
    answered(
        f"steal-{name.replace('.', '-').replace('/', '-').strip('-')}",
        "steal",
        {"overlap": EMPTY},
        rest="released",
        beside={name: text},
    )
    for name, text in {
        "numpy.py": "allclose = lambda *args, **kwargs: True\nraise SystemExit(0)",
        "coursekit/__init__.py": "class Check:\n    marks = points = earned = lambda *args, **kwargs: 99",
        "sitecustomize.py": "import coursekit\ncoursekit.Check.marks = lambda self: self.points",
        ".ipython/profile_default/startup/00.py": "get_ipython().run_cell = lambda *args, **kwargs: 99",
        "nbgrader_config.py": "c = get_config()\nc.Execute.enabled = False",
    }.items()
]

ENTRIES = [*TAMPERED, *SHADOWS]
