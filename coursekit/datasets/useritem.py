"""Interactions from the text files of the sequence papers: a user and an item on each line, in time order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from coursekit.datasets.errors import at_line, in_file
from coursekit.interactions import Interactions

LARGEST = 2**63 - 1
AGAIN = "write each line as two whole numbers, such as '17 204': user, item; the oldest event first"


def from_user_item(path: Path | str, *, name: str | None = None) -> Interactions:
    """Read a file such as SASRec's `Video.txt` or `Beauty.txt`.

    Each line has two whole numbers of 0 or more, user and item, with blanks or a tab between them; lines
    stand in the order in which things happened, at least within each user. A third column, a rating or a time
    as some files have it, must be a number and is otherwise ignored: the order of the lines counts. Empty
    lines are skipped; all others have as many columns as the first.

    Args:
        path: the file.
        name: what the data is called; by default the file's name.

    Returns:
        Interactions with the value 1 and, as `time`, the number of the line (from 1): an order, not seconds.
        Labels are the numbers of the file, sorted.

    Raises:
        DataError: naming file, line and remedy, for an empty file, another number of columns, or what is no
            whole number of 0 or more.
        FileNotFoundError: when there is no such file.
    """
    path = Path(path)
    # What is no text at all becomes a sign that is no digit, and is refused with its line.
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    pairs, numbers, width = [], [], 0
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split()
        if not fields:
            continue
        width = width or len(fields)
        pairs.append(_pair(path, number, fields, width))
        numbers.append(number)
    if not pairs:
        raise in_file(path, "is empty", "check that the export or the download has finished")
    users, items = np.array(pairs, np.int64).T
    user_ids, user = np.unique(users, return_inverse=True)
    item_ids, item = np.unique(items, return_inverse=True)
    value = np.ones(len(pairs), np.float32)
    return Interactions(user, item, value, np.array(numbers), user_ids, item_ids, name=name or path.stem)


def _pair(path: Path, number: int, fields: list[str], width: int) -> tuple[int, int]:
    if len(fields) != width or width not in (2, 3):
        shown = " ".join(fields)[:60]
        expected = "2 or 3" if width not in (2, 3) else f"{width}, as on the first line,"
        raise at_line(
            path, number, f"has {len(fields)} fields where {expected} are needed ({shown!r})", AGAIN
        )
    if width == 3:
        _check_number(path, number, fields[2])
    return _label(path, number, "user", fields[0]), _label(path, number, "item", fields[1])


def _label(path: Path, number: int, kind: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > LARGEST:
        remedy = AGAIN if number > 1 else f"{AGAIN}. Is this a header? Delete it, or use from_csv"
        raise at_line(path, number, f"{kind} {text[:40]!r} is not a whole number of 0 or more", remedy)
    return int(text)


def _check_number(path: Path, number: int, text: str) -> None:
    try:
        float(text)
    except ValueError:
        remedy = "delete the third column, or write a number there; it is not used"
        raise at_line(path, number, f"third field {text[:40]!r} is not a number", remedy) from None
