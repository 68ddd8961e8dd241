"""A text file as columns of strings that remembers on which line each row stands."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coursekit.datasets.errors import DataError, at_line, in_file

SEPARATORS = {";": "';'", "\t": "'\\t' (tab)", "|": "'|'", ",": "','"}
WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class TextTable:
    """Columns of stripped strings, all of the same length.

    Attributes:
        path: where it came from, for messages.
        columns: one object array of strings per column, by name, in the file's order.
        lines: (n_rows,) the line of the file (from 1) on which each row begins.
    """

    path: Path
    columns: dict[str, NDArray[np.object_]]
    lines: NDArray[np.int64]

    @classmethod
    def read(cls, path: Path, *, sep: str, encoding: str, columns: Sequence[str] | None) -> TextTable:
        """Decode and split a file; every row has as many fields as the header.

        Raises:
            DataError: for an empty file, another encoding, a wrong separator, a repeated or
                absent column name, or a line with more or fewer fields.
        """
        if len(sep) != 1:
            remedy = f"replace {sep!r} by a tab in the file and pass sep='\\t'"
            raise in_file(path, f"sep={sep!r} is not a single character", remedy)
        text = _decode(path, encoding)
        header = _header(path, *next(_records(path, text, sep)), sep, columns)
        width, skip = len(header), int(columns is None)
        # One flat list of fields: a million little lists would keep the garbage collector busy.
        lines, fields = [], []
        for line, record in _records(path, text, sep):
            if len(record) != width:
                raise _wrong_length(path, line, record, width, sep)
            lines.append(line)
            fields.extend(record)
        if len(lines) == skip:
            raise in_file(path, "has a header line but no rows", "check that the export has finished")
        stripped = {name: _stripped(fields[skip * width + k :: width]) for k, name in enumerate(header)}
        return cls(path, stripped, np.array(lines[skip:], dtype=np.int64))

    def __len__(self) -> int:
        """Number of rows, the header not counted."""
        return len(self.lines)

    def error(self, row: int, problem: str, remedy: str) -> DataError:
        """An error about a row (from 0) of this table."""
        return at_line(self.path, int(self.lines[row]), problem, remedy)


def _decode(path: Path, encoding: str) -> str:
    """The text, without its byte-order mark; line ends as they are."""
    if not path.exists():
        near = sorted(found.name for found in path.parent.glob("*.csv"))[:5]
        hint = f"; there are {', '.join(near)}" if near else ""
        raise FileNotFoundError(f"{path} does not exist (looked in {path.parent.resolve()}{hint})")
    if path.is_dir():
        raise in_file(path, "is a folder", "name one file in it")
    data = path.read_bytes()
    if data.startswith(WIDE_MARKS) and encoding.lower().replace("_", "-").startswith("utf-8"):
        raise at_line(path, 1, "is text in UTF-16", "pass encoding='utf-16' or save it as CSV UTF-8")
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode(encoding)
    except UnicodeError as error:
        raise _wrong_encoding(path, data, encoding, error) from error
    if not text.strip():
        raise in_file(path, "is empty", "check that the export or the download has finished")
    return text


def _wrong_encoding(path: Path, data: bytes, encoding: str, error: UnicodeError) -> DataError:
    data = data.removeprefix(codecs.BOM_UTF8)
    start = getattr(error, "start", 0)
    line = data.count(b"\n", 0, start) + 1
    line_start = data.rfind(b"\n", 0, start) + 1
    near = data[max(line_start, start - 10) : start + 10].decode("latin-1").split("\n")[0].strip()
    remedy = "save the file as UTF-8, or pass encoding='latin-1' (older Western files) or 'gb18030' (Chinese)"
    return at_line(path, line, f"byte 0x{data[start]:02x} (near {near!r}) is not {encoding}", remedy)


def _records(path: Path, text: str, sep: str) -> Iterator[tuple[int, list[str]]]:
    """Every record that is not blank, with the line on which it begins (quoted fields may hold line ends)."""
    # strict: a quote that is never closed would otherwise swallow the rest of the file without a word.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep, strict=True)
    line = 1
    try:
        for record in reader:
            if len(record) > 1 or (record and record[0].strip()):
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise at_line(
            path, line, f"a quoted field is not closed properly ({error})", "mend the quotes"
        ) from error


def _header(
    path: Path, line: int, first: list[str], sep: str, columns: Sequence[str] | None
) -> tuple[str, ...]:
    if len(first) == 1:
        raise at_line(path, line, f"has one column, {first[0][:60]!r}", _guess_separator(first[0], sep))
    if columns is not None and len(columns) != len(first):
        problem = f"has {len(first)} fields where columns= names {len(columns)}"
        raise at_line(path, line, problem, "name every column, also those you do not need")
    if columns is None and all(re.fullmatch(r"\s*-?\d+(\.\d*)?\s*", field) for field in first):
        remedy = "name the columns yourself, such as columns=['user', 'item', 'value', 'time']"
        raise at_line(path, line, f"looks like data, not like a header ({sep.join(first)!r})", remedy)
    header = tuple(name.strip() for name in (columns or first))
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise at_line(path, line, f"column {twice[0]!r} stands there twice", "rename one of them")
    return header


def _wrong_length(path: Path, line: int, record: list[str], width: int, sep: str) -> DataError:
    problem = f"has {len(record)} fields where the header has {width} ({sep.join(record)[:60]!r})"
    remedy = f"put quotes around text that contains {SEPARATORS.get(sep, repr(sep))}, or mend the line"
    return at_line(path, line, problem, remedy)


def _guess_separator(first: str, sep: str) -> str:
    if "::" in first:
        return "replace '::' by a tab in the file and pass sep='\\t'"
    counts = {mark: first.count(mark) for mark in SEPARATORS if mark != sep}
    likely = max(counts, key=counts.get)
    if counts[likely]:
        return f"the columns seem to be separated by {SEPARATORS[likely]}: pass sep={likely!r}"
    return (
        "a column for the user and one for the item are needed; pass sep= if another character divides them"
    )


def _stripped(fields: list[str]) -> NDArray[np.object_]:
    return np.array([field.strip() for field in fields], dtype=object)
