"""Choose one answer's text when cells claim to be it: one cell usually, more after a split or a copy."""

from __future__ import annotations

import ast
import re

from coursekit.checking.slicing import python_of
from coursekit.grading.submission.cells import Cell
from coursekit.grading.template import Slot

# Characters. Code is read and run by programs, and what is longer is there to keep them busy.
LONGEST_ANSWER = {"code": 30_000, "markdown": 200_000}
# By lines and not by parsing: an answer with a syntax error is an answer still.
_DEFINED = re.compile(
    r"^(?:(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|(\w+)[ \t]*(?::[^=\n]*)?=(?!=))", re.MULTILINE
)
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign)


def choose(slot: Slot, claims: list[Cell]) -> tuple[str | None, list[str]]:
    """The text to grade.

    Args:
        slot: the answer cell of the lesson.
        claims: cells of the submission that stand for it, in order.

    Returns:
        The text, None when there is none that may be read, and notes. Of several code cells that were
        written in, the last that defines what is asked for counts, as when the notebook is run from top to
        bottom; of prose, all of it. When none was written in, the stub.
    """
    longest = LONGEST_ANSWER[slot.cell_type]
    short = [cell for cell in claims if len(cell.text) <= longest]
    notes = []
    if len(short) < len(claims):
        notes.append(f"A cell of the answer `{slot.id}` has more than {longest:,} characters: not read.")
    written = [cell for cell in short if is_written(slot, cell.text)]
    if len(claims) > 1 and len(written) < 2:
        notes.append(f"{len(claims)} cells claim to be the answer `{slot.id}`; one of them was graded.")
    if not written:
        return (short[-1].text if short else None), notes
    if any(cell.kind != slot.cell_type for cell in written):
        notes.append(f"The answer `{slot.id}` was not in a {slot.cell_type} cell; it was read all the same.")
    text, note = (_code if slot.cell_type == "code" else _prose)(slot, written)
    return text, notes + note


def is_written(slot: Slot, text: str) -> bool:
    """Whether somebody wrote in the cell: it holds a line that the released cell does not."""
    return not set(tidy(text).split("\n")) <= {"", *tidy(slot.stub).split("\n")}


def asked(slot: Slot) -> set[str]:
    """The names by which an answer is recognised: the stub's; where it defines nothing, the solution's."""
    return set(slot.names) & defined_names(slot.stub) or set(slot.names)


def defined_names(text: str) -> set[str]:
    """Functions, classes and variables that the lines of `text` define at top level."""
    return {name for pair in _DEFINED.findall(text) for name in pair if name}


def tidy(text: str) -> str:
    """The text without what editors change: ends of lines, empty lines around."""
    return "\n".join(line.rstrip() for line in text.strip().split("\n"))


def _code(slot: Slot, written: list[Cell]) -> tuple[str, list[str]]:
    names = asked(slot)
    fitting = [cell for cell in written if names & defined_names(cell.text)]
    chosen = (fitting or written)[-1].text
    # A cell that was split leaves an import or a helper in the other part.
    rest = [cell.text for cell in written if fitting and cell not in fitting]
    helpers = [text for text in rest if _only_defines(text)]
    if len(written) == 1:
        return chosen, []
    also = ", after what the others import and define" if helpers else ""
    note = f"{len(written)} cells claim to be the answer `{slot.id}`; the last that fits was graded{also}."
    return "\n\n".join([*helpers, chosen]), [note]


def _prose(slot: Slot, written: list[Cell]) -> tuple[str, list[str]]:
    texts = list(dict.fromkeys(cell.text for cell in written))
    if len(texts) == 1:
        return texts[0], []
    note = f"{len(texts)} cells claim to be the answer `{slot.id}`; they were put together."
    return "\n\n".join(texts)[: LONGEST_ANSWER["markdown"]], [note]


def _only_defines(text: str) -> bool:
    """Whether these lines import and define and call nothing: then they do not depend on other cells."""
    try:
        body = ast.parse(python_of(text)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    values = [node for part in body if isinstance(part, ast.Assign) for node in ast.walk(part)]
    calls = any(isinstance(node, ast.Call) for node in values)
    return not calls and all(isinstance(part, _DEFINITIONS) for part in body)
