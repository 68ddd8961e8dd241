"""The page that a learner gets back: points, what went wrong and on which input, and what a person said.

One file without scripts that loads nothing, in the place where `nbgrader release_feedback` looks for it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from coursekit.checking.message import without_points
from coursekit.files import whole_file
from coursekit.grading.pages.untrusted import prose_html, sentence_html, visible
from coursekit.grading.results import Mark, Result
from coursekit.grading.template import Slot, Template

if TYPE_CHECKING:
    from coursekit.grading.gradebook import ManualGrade

_HEADING = re.compile(r"^# +(.+)$", re.MULTILINE)
_FINGERPRINT = re.compile(r'<meta name="graded" content="([^"]*)">')


@dataclass(frozen=True)
class Entry:
    """One exercise on the page.

    Attributes:
        id: grade_id of the answer cell.
        kind: "Exercise" or "Open question".
        score: points, by hand where somebody gave them; None while nobody has.
        max_score: points possible.
        state: the score in words, which must not need a colour to be understood.
        sentence, details: the message's first line and the lines after it.
        code: the learner's own code; prose: the learner's own words as safe HTML; one of them is empty.
        comment: what a person wrote.
        changed_from: the grader's points where a person gave others.
    """

    id: str
    kind: str
    score: float | None
    max_score: float
    state: str
    sentence: str = ""
    details: str = ""
    code: str = ""
    prose: str = ""
    comment: str = ""
    changed_from: float | None = None


def write_feedback(
    template: Template, result: Result, manual: Mapping[str, ManualGrade], path: str | Path
) -> None:
    """Write `feedback_page` to `path`, whole or not at all; folders are made."""
    with whole_file(path) as draft:
        draft.write_text(feedback_page(template, result, manual), "utf-8")


def page_fingerprint(path: str | Path) -> str | None:
    """The fingerprint of the result that a written page shows; None when there is no page of ours."""
    try:
        with open(path, encoding="utf-8") as file:
            found = _FINGERPRINT.search(file.read(2000))
    except (OSError, UnicodeDecodeError):
        return None
    return html.unescape(found[1]) if found else None


def feedback_page(template: Template, result: Result, manual: Mapping[str, ManualGrade]) -> str:
    """The HTML page for one submission.

    Args:
        template: the lesson; only its title, its exercises' names and its stubs are shown.
        result: the grader's marks, messages and notes, and the learner's own answers. Flags are not shown.
        manual: what people gave, by grade_id of a test cell or of an open question. Where there is no entry
            the grader's mark counts, and an open question that was answered waits for somebody.

    Returns:
        A page that works offline, in the dark, on paper and on a telephone.
    """
    entries = [*_entries(template, result, manual)]
    waiting = sum(entry.max_score for entry in entries if entry.score is None)
    return _page().render(
        title=_title(template),
        student=visible(result.student, 100),
        fingerprint=result.fingerprint,
        entries=entries,
        score=sum(entry.score or 0.0 for entry in entries),
        max_score=sum(entry.max_score for entry in entries),
        waiting=waiting,
        notes=[visible(note, 1000) for note in result.notes],
    )


def _entries(template: Template, result: Result, manual: Mapping[str, ManualGrade]):
    marks = {mark.exercise: mark for mark in result.marks}
    for slot in template.slots:
        text = result.answers.get(slot.id)
        if slot.id in marks:
            mark = marks[slot.id]
            yield _exercise(slot, mark, text, manual.get(mark.test))
        elif slot.points:
            yield _question(slot, text, manual.get(slot.id))


def _exercise(slot: Slot, mark: Mark, text: str | None, given: ManualGrade | None) -> Entry:
    """An autograded exercise; a person may have changed its points or written a comment."""
    score = mark.points if given is None or given.score is None else given.score
    again = "; a person will look at it again" if given and given.pending else ""
    sentence, _, details = visible(without_points(mark.message)).partition("\n")
    return Entry(
        id=slot.id,
        kind="Exercise",
        score=score,
        max_score=mark.max_points,
        state=_state(score, mark.max_points) + again,
        sentence=sentence,
        details=dedent(details),
        code="" if slot.is_unanswered(text) else visible(text.rstrip()),
        comment=visible(given.comment) if given else "",
        changed_from=None if score == mark.points else mark.points,
    )


def _question(slot: Slot, text: str | None, given: ManualGrade | None) -> Entry:
    """A question that a person reads; an empty answer needs nobody."""
    empty = slot.is_unanswered(text)
    score = given.score if given else 0.0 if empty else None
    shown = "" if empty else visible(text.rstrip()) if slot.cell_type == "code" else prose_html(text)
    return Entry(
        id=slot.id,
        kind="Open question",
        score=score,
        max_score=slot.points,
        state=_state(score, slot.points),
        sentence="" if score is not None else "A person will read this answer and give the points.",
        code=shown if slot.cell_type == "code" else "",
        prose=shown if slot.cell_type != "code" else "",
        comment=visible(given.comment) if given else "",
    )


def _state(score: float | None, max_score: float) -> str:
    if score is None:
        return "will be graded by hand"
    if score >= max_score:
        return "full points"
    return "part of the points" if score > 0 else "no points yet"


def _title(template: Template) -> str:
    for cell in template.released["cells"]:
        found = _HEADING.search(cell["source"]) if cell["cell_type"] == "markdown" else None
        if found:
            return found.group(1)
    return template.key


@cache
def _page():
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    def digest(text: str) -> str:
        """What the page's security policy lets in: this style sheet and no other."""
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(autoescape=True, loader=folder, trim_blocks=True, lstrip_blocks=True)
    environment.filters["sentence"] = lambda text: Markup(sentence_html(text))
    environment.filters["points"] = lambda score: f"{round(score, 2):g}"
    environment.filters["digest"] = digest
    return environment.get_template("feedback.html.jinja")
