"""What kind of cell a cell is."""

import ast
import re

MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)


def nbgrader(cell: dict) -> dict:
    """The cell's nbgrader table; empty when nbgrader does not know it."""
    return cell["metadata"].get("nbgrader", {})


def tagged(cell: dict, tag: str) -> bool:
    """Whether a cell carries a tag."""
    return tag in cell["metadata"].get("tags", [])


def is_answer(cell: dict) -> bool:
    """Whether a learner writes code here that a test marks."""
    return cell["cell_type"] == "code" and bool(nbgrader(cell).get("solution"))


def is_test(cell: dict) -> bool:
    """Whether this cell marks an answer by itself."""
    return cell["cell_type"] == "code" and bool(nbgrader(cell).get("grade")) and not is_answer(cell)


def is_open(cell: dict) -> bool:
    """Whether a person marks what a learner writes here."""
    role = nbgrader(cell)
    return cell["cell_type"] == "markdown" and bool(role.get("grade")) and bool(role.get("solution"))


def python(cell: dict) -> ast.Module:
    """A code cell's syntax tree; IPython's magic lines count as `pass`."""
    return ast.parse(MAGIC.sub(r"\1pass", cell["source"]))
