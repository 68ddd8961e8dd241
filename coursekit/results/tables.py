"""A recorded table: one CSV file that begins with lines `# name: value` about its origin."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from coursekit.files import whole_file

SHIPPED = Path(__file__).parent / "recorded"
_MARK = "# "


def recorded_results(name: str, folder: Path | str = SHIPPED) -> pd.DataFrame:
    """A table that was measured once, by a program of `tests/benchmarks`, and is shipped with the course.

    A cell with nothing in it is NaN. `attrs` of the table says where it comes from:

        >>> table = recorded_results("ncf_ml1m")  # doctest: +SKIP
        >>> table.attrs["command"], table.attrs["date"], table.attrs["machine"]  # doctest: +SKIP

    Args:
        name: which table.
        folder: where the tables lie.

    Returns:
        The table as `record_results` wrote it.

    Raises:
        ValueError: when there is no table of that name; the message lists those there are.
    """
    path = Path(folder) / f"{name}.csv"
    if not path.is_file():
        there = sorted(other.stem for other in Path(folder).glob("*.csv"))
        raise ValueError(f"no results are recorded as {name!r}; there are {', '.join(there) or 'none'}")
    about = _about(path)
    table = pd.read_csv(path, skiprows=len(about), encoding="utf-8")
    table.attrs.update(about)
    return table


def record_results(
    name: str, table: pd.DataFrame, about: Mapping[str, object], folder: Path | str = SHIPPED
) -> Path:
    """Write a table where `recorded_results` finds it, in the place of an older one, and return its path.

    Args:
        name: of letters, digits and underscores.
        table: its columns; the index is left out.
        about: where it comes from: date, versions, machine, minutes, command. Each a single line.
        folder: where the tables lie.

    Raises:
        ValueError: when the name, a line or the first column could not be read back.
    """
    if not name.isidentifier():
        raise ValueError(f"{name!r} is no name for a table: use letters, digits and underscores")
    lines = [f"{_MARK}{key}: {value}" for key, value in about.items()]
    for key, line in zip(about, lines, strict=True):
        if ":" in key or len(line.splitlines()) > 1:
            raise ValueError(f"{line!r} must be one line, with no colon in {key!r}")
    text = table.to_csv(index=False, lineterminator="\n")
    if text.startswith(_MARK):
        raise ValueError(f"the first column is {table.columns[0]!r}; it must not begin with {_MARK!r}")
    path = Path(folder) / f"{name}.csv"
    with whole_file(path) as draft:
        draft.write_text("".join(f"{line}\n" for line in lines) + text, encoding="utf-8", newline="\n")
    return path


def origin(
    what: str, command: str, minutes: str, machine: str = "one thread", note: str = ""
) -> dict[str, str]:
    """What `record_results` writes above a table that was measured here and now.

    Args:
        what: the table in one line.
        command: what makes it again.
        minutes: how long that took.
        machine: what to add to the number and kind of its processors.
        note: what else must be known; left out where there is nothing.
    """
    versions = {"Python": platform.python_version(), "torch": version("torch"), "NumPy": version("numpy")}
    about = {
        "what": what,
        "date": date.today().isoformat(),
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "machine": f"{os.cpu_count()} CPU cores ({platform.machine()}), {machine}",
        "minutes": minutes,
        "command": command,
    }
    return about | ({"note": note} if note else {})


def _about(path: Path) -> dict[str, str]:
    about = {}
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.startswith(_MARK):
                break
            key, _, value = line.removeprefix(_MARK).rstrip("\n").partition(": ")
            about[key] = value
    return about
