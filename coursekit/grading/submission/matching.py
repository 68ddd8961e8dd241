"""Find the learner's answers among the cells of a submission.

A cell is recognised by nbgrader's grade_id, else by its own id, else by what it defines (code) or by the
question it follows (prose). What a cell claims about its rights ("locked", "grade") is not believed, and a
cell of ours that is no answer cell never counts, so that changed tests change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from coursekit.grading.submission.cells import Cell
from coursekit.grading.submission.choosing import asked, choose, defined_names, is_written, tidy
from coursekit.grading.template import Slot, Template


def match(cells: list[Cell], template: Template) -> tuple[dict[str, str], list[str]]:
    """The learner's answers.

    Args:
        cells: of the submission, in order.
        template: the lesson.

    Returns:
        The text by slot id, in the lesson's order, without a key for an answer that is missing; and notes,
        sentences for the learner and the instructor.
    """
    search = _Search(cells, template)
    answers: dict[str, str] = {}
    notes: list[str] = []
    for slot in template.slots:
        text, said = choose(slot, search.claims(slot))
        notes += said
        if text is not None:
            answers[slot.id] = text
            notes += search.hint(slot, text)
    missing = [slot.id for slot in template.slots if slot.id not in answers]
    return answers, [*search.recognised(), *notes, *_missing(missing, template)]


@dataclass
class _Search:
    """A look through the cells of one submission."""

    cells: list[Cell]
    template: Template
    found_by: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        slots = {slot.id for slot in self.template.slots}
        others = [cell for cell in self.template.released["cells"] if cell["id"] not in slots]
        locked = {cell["id"] for cell in others if "nbgrader" in cell["metadata"]}
        self.ours = {tidy(cell["source"]) for cell in others} - {""}
        # A cell with the mark of one of ours, or with its text, is none of the learner's.
        own = [one for one in self.cells if one.grade_id not in locked and tidy(one.text) not in self.ours]
        self.by_grade_id = _grouped((cell.grade_id, cell) for cell in own if cell.grade_id in slots)
        rest = [cell for cell in own if cell.grade_id not in slots and cell.id not in locked]
        self.by_id = _grouped((cell.id, cell) for cell in rest if cell.id in slots)
        self.free = dict.fromkeys(cell for cell in rest if cell.id not in slots)
        self.by_name = _grouped((name, cell) for cell in self.free for name in defined_names(cell.text))
        # A name that two answers define tells neither.
        count = Counter(name for slot in self.template.slots for name in asked(slot))
        self.shared = {name for name, times in count.items() if times > 1}

    def claims(self, slot: Slot) -> list[Cell]:
        """The cells that stand for this answer, recognised by the best means there is."""
        if slot.id in self.by_grade_id:
            return self.by_grade_id[slot.id]
        for means, cells in self._other_means(slot):
            if cells:
                self.found_by.setdefault(means, []).append(slot.id)
                return cells
        return []

    def recognised(self) -> list[str]:
        """Sentences on the answers that had lost their grade_id."""
        return [
            f"nbgrader's mark is lost on {_list(names)}: recognised by {means}."
            for means, names in self.found_by.items()
        ]

    def hint(self, slot: Slot, text: str) -> list[str]:
        """Tell a learner who answered in a cell of their own where the answer belongs."""
        found = [*self._definers(slot), *self._after_question(slot)]
        if is_written(slot, text) or not any(is_written(slot, cell.text) for cell in found):
            return []
        return [
            f"The answer cell `{slot.id}` was not filled in. Another cell seems to hold the answer, but only "
            "the answer cell counts: move the text there."
        ]

    def _other_means(self, slot: Slot) -> Iterator[tuple[str, list[Cell]]]:
        yield "the cell's id", self.by_id.get(slot.id, [])
        yield "what is defined there", self._definers(slot)
        yield "the question before it", self._after_question(slot)

    def _definers(self, slot: Slot) -> list[Cell]:
        """For code: the learner's own cells that define what is asked for."""
        names = asked(slot) - self.shared
        found = {cell for name in names for cell in self.by_name.get(name, [])}
        cells = [cell for cell in self.free if cell in found] if found else []
        return [cell for cell in cells if cell.kind == "code"] or cells

    def _after_question(self, slot: Slot) -> list[Cell]:
        """For prose: the learner's own text cells from the question to the next cell of ours."""
        if slot.cell_type == "code":
            return []
        released = self.template.released["cells"]
        place = next(number for number, cell in enumerate(released) if cell["id"] == slot.id)
        question = tidy(released[place - 1]["source"])
        found: list[Cell] = []
        behind = False
        for cell in self.cells:
            text = tidy(cell.text)
            if text in self.ours:
                behind = text == question
            elif behind and cell.kind != "code" and cell in self.free:
                found.append(cell)
        return found


def _missing(names: list[str], template: Template) -> list[str]:
    if names and len(names) == len(template.slots):
        return ["None of the lesson's answer cells was found: is it the notebook of another lesson?"]
    return [f"No cell that could be read answers {_list(names)}: not handed in."] if names else []


def _grouped(pairs: Iterable[tuple[str, Cell]]) -> dict[str, list[Cell]]:
    groups: dict[str, list[Cell]] = {}
    for name, cell in pairs:
        groups.setdefault(name, []).append(cell)
    return groups


def _list(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
