"""The canonical form of a notebook: one text for one lesson, so that a one-line edit is a one-line diff.

A source notebook has no outputs and no execution counts, only the metadata listed here, a fixed kernelspec,
and cells whose id is the grade_id where there is one and stable otherwise. Whatever an editor adds is
dropped, so `canonical(canonical(notebook))` changes nothing.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
NBGRADER_DEFAULTS = {"grade": False, "solution": False, "task": False, "schema_version": 3}
# What nbgrader adds when it makes the students' version; dropped from a source, kept in a release.
RELEASE_CELL_KEYS = ("deletable", "editable")
RELEASE_NBGRADER_KEYS = ("cell_type", "checksum")
# A graded cell that is not solved yet must not stop "Run All": Jupyter goes on after a cell with this tag.
MAY_FAIL = "raises-exception"
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_notebook(path: Path) -> dict:
    """Read a notebook without validating or repairing it; ValueError names a file that is none."""
    try:
        notebook = json.loads(Path(path).read_text("utf-8-sig"))
        if notebook["nbformat"] != 4:
            raise ValueError(f"it has notebook format {notebook['nbformat']}: open and save it in JupyterLab")
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a notebook we can read: {error!r}") from error
    return notebook


def canonical(notebook: dict, key: str, *, taken: Iterable[str] = (), released: bool = False) -> dict:
    """Return the canonical form of `notebook` (as `read_notebook` gives it), the lesson `key`.

    `taken` holds cell ids of other lessons, which are not used again. `released=True` keeps what nbgrader
    puts into the students' version: checksums and locks. ValueError names a grade_id that is missing,
    malformed or used twice.
    """
    import nbformat  # slow to import: only those who need it wait

    cells = [_cell(cell, released) for cell in notebook["cells"]]
    cells = [cell for cell in cells if cell["source"].strip() or cell["metadata"]]
    _set_ids(cells, key, set(taken))
    result = {"cells": cells, "metadata": json.loads(json.dumps(KERNEL)), "nbformat": 4, "nbformat_minor": 5}
    nbformat.validate(nbformat.from_dict(result))
    return result


def notebook_text(notebook: dict) -> str:
    """The notebook's JSON as nbformat lays it out: one space, sorted keys, sources in lines."""
    cells = [{**cell, "source": cell["source"].splitlines(keepends=True)} for cell in notebook["cells"]]
    layout = {"indent": 1, "sort_keys": True, "ensure_ascii": False, "separators": (",", ": ")}
    return json.dumps({**notebook, "cells": cells}, **layout) + "\n"


def _cell(cell: dict, released: bool) -> dict:
    kept = {"cell_type": cell["cell_type"], "source": _source(cell), "metadata": _metadata(cell, released)}
    # The id is settled later, when all cells are known.
    kept["id"] = cell.get("id")
    if cell["cell_type"] == "code":
        kept |= {"execution_count": None, "outputs": []}
    if cell.get("attachments"):
        kept["attachments"] = cell["attachments"]
    return kept


def _source(cell: dict) -> str:
    text = cell["source"].replace("\r\n", "\n").replace("\r", "\n")
    return text.rstrip().lstrip("\n")


def _metadata(cell: dict, released: bool) -> dict:
    given = cell.get("metadata", {})
    kept = {}
    nbgrader = _nbgrader(given.get("nbgrader", {}), cell, released)
    graded = nbgrader and cell["cell_type"] == "code"
    tags = [tag for tag in dict.fromkeys(given.get("tags", [])) if tag != MAY_FAIL] + [MAY_FAIL] * bool(
        graded
    )
    if tags:
        kept["tags"] = tags
    if nbgrader:
        kept["nbgrader"] = nbgrader
    if released:
        kept |= {name: given[name] for name in RELEASE_CELL_KEYS if name in given}
    return kept


def _nbgrader(given: dict, cell: dict, released: bool) -> dict:
    """Fill in nbgrader's keys: a test is locked, an answer is not; a cell with no role loses the table."""
    if not any(given.get(role) for role in ("grade", "solution", "locked", "task")):
        return {}
    full = {name: given.get(name, default) for name, default in NBGRADER_DEFAULTS.items()}
    full["schema_version"] = NBGRADER_DEFAULTS["schema_version"]
    full["grade_id"] = _grade_id(given, cell)
    # An answer must stay editable, everything else that nbgrader knows must not be.
    full["locked"] = not (full["solution"] or full["task"])
    if full["grade"] or full["task"]:
        full["points"] = _points(given, full["grade_id"])
    if released:
        full |= {name: given[name] for name in RELEASE_NBGRADER_KEYS if name in given}
    return full


def _grade_id(given: dict, cell: dict) -> str:
    grade_id = given.get("grade_id", "")
    if not CELL_ID.fullmatch(grade_id):
        start = cell["source"].strip().split("\n")[0][:60]
        raise ValueError(
            f"grade_id {grade_id!r} of the cell that begins {start!r}: "
            "write 1 to 64 letters, digits, hyphens or underscores"
        )
    return grade_id


def _points(given: dict, grade_id: str) -> int | float:
    points = given.get("points")
    if isinstance(points, bool) or not isinstance(points, int | float) or points < 0:
        raise ValueError(f"points {points!r} of {grade_id!r}: write a number that is 0 or more")
    return int(points) if points == int(points) else points


def _set_ids(cells: list[dict], key: str, taken: set[str]) -> None:
    """Give each cell its id: the grade_id, else the id it had, else one made from its text."""
    grade_ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in cells if "nbgrader" in cell["metadata"]]
    for grade_id in grade_ids:
        if grade_ids.count(grade_id) > 1 or grade_id in taken:
            raise ValueError(
                f"{key}: grade_id {grade_id!r} is used twice in the course; give one cell another"
            )
    used = taken | set(grade_ids)
    for cell in cells:
        if "nbgrader" in cell["metadata"]:
            cell["id"] = cell["metadata"]["nbgrader"]["grade_id"]
        elif not CELL_ID.fullmatch(cell["id"] or "") or cell["id"] in used:
            cell["id"] = _new_id(cell, key, used)
        used.add(cell["id"])


def _new_id(cell: dict, key: str, used: set[str]) -> str:
    """A deterministic id: a hash of lesson, kind and text, and of a count where that is not enough."""
    for count in range(len(used) + 1):
        seed = "\0".join([key, cell["cell_type"], cell["source"], str(count)])
        name = hashlib.sha256(seed.encode()).hexdigest()[:8]
        if name not in used:
            return name
    raise RuntimeError(f"{key}: no free cell id for {cell['source'][:60]!r}")
