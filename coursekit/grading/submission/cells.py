"""The cells of a submitted notebook as plain text, from bytes of any encoding and any notebook format."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from coursekit.grading.submission.salvage import cells_in, parse

MOST_CELLS = 10_000
# Everything below the space but tab and line feed, DEL and the controls above it, and halves of characters.
_UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Cell:
    """One cell of a submission.

    Attributes:
        kind: "code", "markdown", "raw", or whatever else it claims to be.
        text: its source, with line feeds only.
        grade_id: of nbgrader; empty when it has none.
        id: the cell's own id; empty when it has none.
    """

    kind: str
    text: str
    grade_id: str = ""
    id: str = ""


def cells_of(data: bytes) -> tuple[list[Cell], list[str]]:
    """The cells of a notebook file, in order.

    Args:
        data: the file's bytes.

    Returns:
        The cells, and notes: sentences on what was damaged and what it cost. Nothing is raised.
    """
    text, notes = text_of(data)
    notebook, note = parse(text)
    notes += [note] if note else []
    found = cells_in(notebook)
    if len(found) > MOST_CELLS:
        notes.append(f"Of its {len(found):,} cells only the first {MOST_CELLS:,} were looked at.")
        found = found[:MOST_CELLS]
    cells = [_cell(thing) for thing in found]
    whole = [cell for cell in cells if cell is not None]
    if len(whole) < len(found):
        notes.append(f"{len(found) - len(whole)} of its {len(found)} cells hold no text and were skipped.")
    if not whole:
        notes.append("The file has no cells: every exercise counts as not handed in.")
    clean = [_clean(cell) for cell in whole]
    if clean != whole:
        notes.append("Control characters, which no program needs, were taken out of its cells.")
    return clean, notes


def text_of(data: bytes) -> tuple[str, list[str]]:
    """The text in `data`: UTF-8, UTF-16 or UTF-32 with or without a byte order mark, at last Latin-1.

    Args:
        data: the file's bytes.

    Returns:
        The text, and a note where a character could not be read.
    """
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding).removeprefix("\ufeff"), []
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace").removeprefix("\ufeff")
    lost = text.count("\ufffd")
    if encoding == "utf-8" and lost >= _non_ascii(text) - lost:
        text = data.decode("cp1252", "replace")  # Latin-1 with the quotation marks of Windows
        return text, ["The file is not UTF-8; it was read as Latin-1."]
    return text, [f"{lost} characters of the file could not be read; each was replaced by \ufffd."]


def _non_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _cell(thing: object) -> Cell | None:
    """The cell that a notebook's entry stands for; None when it has no text."""
    if not isinstance(thing, dict):
        return None
    # Formats 2 and 3 call the text of a code cell its input.
    text = _joined(thing["source"] if "source" in thing else thing.get("input"))
    if text is None:
        return None
    metadata = _dict(thing.get("metadata"))
    nbgrader = _dict(metadata.get("nbgrader"))
    return Cell(
        _str(thing.get("cell_type")),
        text.replace("\r\n", "\n").replace("\r", "\n"),
        _str(nbgrader.get("grade_id")),
        _str(thing.get("id")),
    )


def _joined(source: object) -> str | None:
    if isinstance(source, str):
        return source
    if not isinstance(source, list) or not all(isinstance(line, str) for line in source):
        return None
    # Some programs write the lines without their ends, others every letter by itself.
    lines = any(len(line) > 1 for line in source) and not any("\n" in one or "\r" in one for one in source)
    return ("\n" if lines else "").join(source)


def _clean(cell: Cell) -> Cell:
    text = _UNWANTED.sub("", cell.text)
    return cell if text == cell.text else Cell(cell.kind, text, cell.grade_id, cell.id)


def _dict(thing: object) -> dict:
    return thing if isinstance(thing, dict) else {}


def _str(thing: object) -> str:
    return thing if isinstance(thing, str) else ""
