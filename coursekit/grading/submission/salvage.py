"""Take the cells out of a notebook file that is not, or no longer, proper JSON."""

from __future__ import annotations

import json
import re

# Every object of a notebook that can hold or be a cell begins with one of these keys, in whatever order a
# program wrote them.
_BEGINNING = re.compile(
    r'\{\s*"(?:attachments|cell_type|cells|collapsed|content|execution_count|id|input|language|level|metadata'
    r'|nbformat|nbformat_minor|outputs|prompt_number|source|worksheets)"\s*:'
)
_TRAILING_COMMA = re.compile(r",([ \t\r]*\n[ \t\r\n]*[\]}])")
# It never goes back (`*+`), so that a string without an end takes no longer than one with an end.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
# `parse_int=float`: an integer of more than 4300 digits would be refused, and none matters to us.
_DECODER = json.JSONDecoder(strict=False, parse_int=float)
# Lists, dictionaries and commas of a file: ten million take about half a gigabyte when read.
MOST_PARTS = 10_000_000
# Characters looked at in vain before the search ends: one to two seconds.
_EFFORT = 2 * 10**9


def parse(text: str) -> tuple[object, str]:
    """The content of a notebook file, repaired where it must be.

    Args:
        text: the file's text.

    Returns:
        What `json` makes of it, with an empty note; or of its repaired text; or else a notebook made of the
        cells that can still be read; and a note, a sentence that says so.
    """
    if _too_many_parts(text):
        return {}, f"The file has more than {MOST_PARTS:,} parts: it is no notebook."
    try:
        return _whole(text), ""
    except (ValueError, RecursionError):
        pass
    repaired, conflict = _without_conflicts(text)
    repaired = _TRAILING_COMMA.sub(r"\1", repaired)
    said = " It holds unresolved git conflicts; the first side of each was taken." if conflict else ""
    try:
        if repaired == text:
            raise ValueError("nothing was repaired")
        return _whole(repaired), f"The file is damaged and was repaired.{said}"
    except (ValueError, RecursionError):
        pass
    if _parts(repaired) > MOST_PARTS:  # where strings begin and end cannot be told in a broken file
        return {}, "The file is damaged and too large to be searched for cells."
    cells, all_of_it = salvage(repaired)
    kept = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
    rest = "" if all_of_it else " The search was ended early."
    return {"cells": cells}, f"The file is damaged: {kept} could still be read, the rest is lost.{said}{rest}"


def salvage(text: str) -> tuple[list[object], bool]:
    """Every cell object in `text` that is whole, in order.

    Args:
        text: of a damaged notebook, or of several notebooks one after the other.

    Returns:
        The cells, and whether all of the text was searched: a text that is made to take long is given up.
    """
    found: list[object] = []
    place, effort = 0, 0
    while beginning := _BEGINNING.search(text, place):
        try:
            thing, place = _DECODER.raw_decode(text, beginning.start())
            found += cells_in(thing)
        except json.JSONDecodeError as error:
            place = beginning.start() + 1
            # Making the error has counted the lines up to its place, parsing is slower than counting.
            effort += error.pos + 10 * (error.pos - beginning.start())
        except RecursionError:
            place = beginning.start() + 1
            effort += 10 * (len(text) - place)  # how far it came is not told
        if effort > _EFFORT:
            return found, False
    return found, True


def cells_in(thing: object) -> list[object]:
    """The cells of a notebook in any format, of a server's wrapping of one, or the thing as one cell.

    Args:
        thing: anything that JSON can hold.

    Returns:
        The cells as they are, whatever their type; empty when there are none.
    """
    if not isinstance(thing, dict):
        return []
    if isinstance(thing.get("cells"), list):
        return thing["cells"]
    if isinstance(thing.get("worksheets"), list):  # notebook formats 2 and 3
        sheets = [sheet for sheet in thing["worksheets"] if isinstance(sheet, dict)]
        return [cell for sheet in sheets for cell in _list(sheet.get("cells"))]
    if isinstance(thing.get("content"), dict):  # as a Jupyter server sends a notebook
        return _list(thing["content"].get("cells"))
    return [thing] if isinstance(thing.get("cell_type"), str) else []


def _list(thing: object) -> list[object]:
    return thing if isinstance(thing, list) else []


def _whole(text: str) -> object:
    return json.loads(text, strict=False, parse_int=float)


def _too_many_parts(text: str) -> bool:
    """Whether its lists and dictionaries could fill the memory."""
    return _parts(text) > MOST_PARTS and _parts(_STRING.sub("", text)) > MOST_PARTS


def _parts(text: str) -> int:
    return text.count("[") + text.count("{") + text.count(",")


def _without_conflicts(text: str) -> tuple[str, bool]:
    """The text with the first side of every git conflict, and whether there was one."""
    if "\n<<<<<<<" not in text or "\n>>>>>>>" not in text:
        return text, False
    kept, side = [], 0
    for line in text.split("\n"):
        if line.startswith("<<<<<<<"):
            side = 1
        elif side and line.startswith(("=======", "|||||||")):
            side = 2
        elif side and line.startswith(">>>>>>>"):
            side = 0
        elif side != 2:
            kept.append(line)
    return "\n".join(kept), True
