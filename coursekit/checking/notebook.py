"""Run a learner's notebook and tell what each exercise earned: `coursekit check LESSON`."""

from __future__ import annotations

import re
import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from coursekit.checking.message import without_points

if TYPE_CHECKING:
    from nbformat import NotebookNode

COLUMNS = ["exercise", "points", "max_points", "message"]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def check_notebook(path: Path | str, *, cell_timeout: int = 120) -> pd.DataFrame:
    """Execute the notebook in a fresh kernel, on past failing cells, and read its test cells.

    The file itself is left as it is. These points are for the learner; marks are given elsewhere.

    Args:
        path: the .ipynb file.
        cell_timeout: seconds a cell may take; a longer one is interrupted and earns nothing.

    Returns:
        DataFrame with the columns exercise, points, max_points and message (empty when all is right), one
        row for each autograded exercise.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no notebook, or holds no exercise.
    """
    notebook = _read(Path(path))
    tests = [cell for cell in notebook.cells if _is_test(cell)]
    if not tests:
        raise ValueError(f"{path} holds no exercise: no test cell of the lesson is left in it")
    stopped = _execute(notebook, Path(path).resolve().parent, cell_timeout)
    return pd.DataFrame([_row(cell, stopped) for cell in tests], columns=COLUMNS)


def print_marks(table: pd.DataFrame, width: int = 100) -> None:
    """Print what `check_notebook` found, one exercise a line, messages below their exercise."""
    longest = max([8, *table["exercise"].str.len()])
    print(f"{'exercise':<{longest}}  points")
    for row in table.itertuples():
        print(f"{row.exercise:<{longest}}  {row.points:g} of {row.max_points:g}")
        for line in without_points(row.message).splitlines():  # the table has said how many already
            print(textwrap.fill(line, width, initial_indent="    ", subsequent_indent="    "))
    print(f"{'in all':<{longest}}  {table['points'].sum():g} of {table['max_points'].sum():g}")


def _read(path: Path) -> NotebookNode:
    import nbformat  # part of the [lab] extra; lessons themselves do without

    if not path.is_file():
        raise FileNotFoundError(f"there is no notebook at {path}")
    try:
        with warnings.catch_warnings():  # cells without an id still run
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
            nbformat.validate(notebook, relax_add_props=True)
        return notebook
    except Exception as error:  # whatever nbformat finds wrong, the reader needs the same advice
        reason = str(error).split("\n")[0][:200]
        raise ValueError(
            f"{path.name} is not a readable notebook ({reason}). Open it in JupyterLab and save it again, "
            "or start from the released copy"
        ) from error


def _execute(notebook: NotebookNode, folder: Path, cell_timeout: int) -> str:
    """Run all cells in place; "" or a sentence on why the run stopped before its end."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    for cell in notebook.cells:
        if cell.cell_type == "code":  # what an earlier run left must not be read as today's
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        timeout=cell_timeout,
        kernel_name="python3",
        allow_errors=True,
        interrupt_on_timeout=True,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # what the kernel says of itself helps no learner
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute()
    except DeadKernelError:
        return "Not reached: the kernel died before this cell (out of memory, or a call of exit()?)."
    except CellTimeoutError:
        return f"Not reached: a cell took longer than {cell_timeout} s and could not be interrupted."
    return ""


def _row(cell: NotebookNode, stopped: str) -> dict[str, object]:
    marks = cell.metadata.nbgrader
    earned, message = _result(cell.outputs)
    if cell.execution_count is None and not cell.outputs:
        message = stopped or "This test cell is empty or was not run."
    return {
        "exercise": marks["grade_id"].removesuffix("-test"),
        "points": min(earned, marks["points"]),
        "max_points": marks["points"],
        "message": message,
    }


def _result(outputs: list) -> tuple[float, str]:
    """Points and message, as nbgrader reads them: an error earns nothing, the last number is the marks."""
    said, earned = "", None
    for output in outputs:
        if output.output_type == "error":
            return 0.0, _error_text(output)
        if output.output_type == "stream" and output.name == "stdout":
            said += output.text
        if output.output_type == "execute_result":
            earned = _number(output.data.get("text/plain", ""))
    if earned is None:
        return 0.0, "The test cell gives no points: has it been changed? Take it from the released lesson."
    return earned, _COLOURS.sub("", said).strip()


def _error_text(output: NotebookNode) -> str:
    text = _COLOURS.sub("", output.evalue).strip()
    if output.ename in ("NotYet", "AssertionError"):
        return text
    if output.ename == "KeyboardInterrupt":
        return "Interrupted: this took too long. Is there a loop that never ends?"
    if output.ename == "NameError":
        return f"{text[:1].upper()}{text[1:]}. Is the answer's name the one that the exercise asks for?"
    return f"The test stopped with {output.ename}: {text}"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_test(cell: NotebookNode) -> bool:
    marks = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(marks.get("grade")) and not marks.get("solution")
