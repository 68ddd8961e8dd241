"""The notebook that stands in `autograded/`: our release with the learner's text in it, and what it earned.

Formgrader, `nbgrader generate_feedback` and `nbgrader release_feedback` read it. Nothing in it was run, and
of the submission it holds nothing but text.
"""

from __future__ import annotations

import copy
from pathlib import Path

from coursekit.files import whole_file
from coursekit.grading.pages.untrusted import markdown_source, prose_html, sentence_html, visible
from coursekit.grading.results import Mark, Result
from coursekit.grading.template import Slot, Template
from coursekit.lessons.canonical import notebook_text
from coursekit.lessons.rules.cells import nbgrader

# Cells with this tag are for the instructor; nbgrader_config.py takes them out of a learner's feedback.
INSTRUCTOR_ONLY = "instructor-only"


def autograded_notebook(template: Template, result: Result) -> dict:
    """The released notebook with the answers of `result` in their cells and points under the tests.

    The last output of a test cell is the number of points, so nbgrader reads the same mark from it again.
    Notes come first, and flags in a cell of their own, which is tagged `instructor-only`.

    Returns:
        A notebook as `coursekit.lessons.canonical.read_notebook` gives it: each source is one text.
    """
    notebook = copy.deepcopy(template.released)
    slots = {slot.id: slot for slot in template.slots}
    marks = {mark.test: mark for mark in result.marks}
    for cell in notebook["cells"]:
        if cell["id"] in slots:
            cell["source"] = _shown_answer(slots[cell["id"]], result.answers.get(cell["id"]))
        elif nbgrader(cell).get("grade"):
            cell["outputs"] = _outputs(marks.get(cell["id"]))
    notebook["cells"][:0] = _remarks(result)
    return notebook


def write_autograded(template: Template, result: Result, path: str | Path) -> None:
    """Write `autograded_notebook` to `path`, whole or not at all; folders are made."""
    with whole_file(path) as draft:
        draft.write_text(notebook_text(autograded_notebook(template, result)), "utf-8")


def _shown_answer(slot: Slot, text: str | None) -> str:
    # The stub, letter by letter: by its checksum nbgrader knows that nothing was written.
    if slot.is_unanswered(text):
        return slot.stub
    return visible(text) if slot.cell_type == "code" else markdown_source(prose_html(text))


def _outputs(mark: Mark | None) -> list[dict]:
    """What the test said, then the points: nbgrader takes a result that is a number for the mark."""
    points = repr(float(mark.points)) if mark else "0.0"
    if mark is None:
        text = "This exercise was not graded."
    else:
        text = mark.message or f"{mark.points:g} of {mark.max_points:g} points."
    said = {"output_type": "stream", "name": "stdout", "text": visible(text) + "\n"}
    number = {"output_type": "execute_result", "execution_count": None, "metadata": {}}
    return [said, {**number, "data": {"text/plain": points}}]


def _remarks(result: Result) -> list[dict]:
    """The cells in front: notes for both sides, flags for the instructor."""
    flags = [
        f"{flag.exercise}{'' if flag.line is None else f', line {flag.line}'}: {flag.reason}"
        for flag in result.flags
    ]
    cells = []
    if result.notes:
        cells.append(_remark("notes-of-the-grader", "Notes of the grader", result.notes, []))
    if flags:
        title = "Notes of the grader, for the instructor: please look at this code"
        cells.append(_remark("flags-of-the-grader", title, flags, [INSTRUCTOR_ONLY]))
    return cells


def _remark(name: str, title: str, sentences: list[str] | tuple[str, ...], tags: list[str]) -> dict:
    items = "".join(f"<li>{sentence_html(sentence)}</li>" for sentence in sentences)
    source = markdown_source(f"<p><strong>{title}</strong></p><ul>{items}</ul>")
    metadata = {"deletable": False, "editable": False, **({"tags": tags} if tags else {})}
    return {"cell_type": "markdown", "id": name, "metadata": metadata, "source": source}
