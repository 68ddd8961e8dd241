"""The one exception of this room."""

from __future__ import annotations

from pathlib import Path


class DataError(ValueError):
    """Data could not be found, downloaded, opened or understood.

    The message names the file, the line and the value where there are any, and what to do.
    """


def at_line(path: Path | str, line: int, problem: str, remedy: str) -> DataError:
    """An error that points into a text file: `ratings.csv, line 7: … . Remedy: …`."""
    return DataError(f"{path}, line {line}: {problem}. Remedy: {remedy}")


def in_file(path: Path | str, problem: str, remedy: str) -> DataError:
    """An error about a file as a whole."""
    return DataError(f"{path}: {problem}. Remedy: {remedy}")
