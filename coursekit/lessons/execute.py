"""Execute one notebook with papermill and tell, line by line on stdout, how it goes.

`python -m coursekit.lessons.execute ORDER`, where ORDER is JSON with `source`, `output` and `parameters`.
Each line written is JSON: `{"cell": 3, "cells": 30}` when a cell begins, `{"outcome": ...}` at the end.
"""

import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

NO_ALT = "a figure has no description: display it with coursekit's show(ax, alt=…)"
ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def execute(source: Path, output: Path, parameters: dict, tell: Callable[[dict], None]) -> dict | None:
    """Execute `source` into `output`; return None, or where and why it failed.

    Only the `parameters` that the notebook declares are set. The kernel works in an empty temporary folder.
    A figure without alt text is a failure too: only the executed notebook shows them all.
    """
    import papermill

    from coursekit.lessons.canonical import MAY_FAIL, canonical, notebook_text, read_notebook
    from coursekit.lessons.rules.code import figures_without_alt

    # An editor may have left a source without kernel or ids: what is executed is always the canonical form.
    notebook = canonical(read_notebook(source), source.stem)
    ids = [cell["id"] for cell in notebook["cells"]]
    for cell in notebook["cells"]:  # in a solution no graded cell may fail
        cell["metadata"]["tags"] = [tag for tag in cell["metadata"].get("tags", []) if tag != MAY_FAIL]
    output.write_text(notebook_text(notebook), "utf-8")
    declared = papermill.inspect_notebook(output)
    given = {name: value for name, value in parameters.items() if name in declared}
    begun: list[str] = []
    papermill.engines.papermill_engines.register("telling", _telling_engine(tell, begun))
    options = {"engine_name": "telling", "kernel_name": "python3", "progress_bar": False}
    with tempfile.TemporaryDirectory(prefix="lesson-", ignore_cleanup_errors=True) as work:
        try:
            papermill.execute_notebook(output, output, given, cwd=work, **options)
        except papermill.PapermillExecutionError as error:
            text = ANSI_COLOUR.sub("", "\n".join(error.traceback))
            return _failure(ids, begun, f"{error.ename}: {error.evalue}", text)
        except Exception as error:  # the kernel died, or never started
            return _failure(ids, begun, f"{type(error).__name__}: {error}", "")
    bare = figures_without_alt(read_notebook(output))
    return _failure(ids, bare[:1], NO_ALT, "") if bare else None


def _telling_engine(tell: Callable[[dict], None], begun: list[str]) -> type:
    """papermill's own engine, which also tells when a cell begins and notes its id."""
    from papermill.engines import NBClientEngine

    class TellingEngine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **options):
            begin, cells = nb_man.cell_start, len(nb_man.nb.cells)

            def cell_start(cell, cell_index=None, **more):
                begun.append(cell.get("id", ""))
                tell({"cell": (cell_index or 0) + 1, "cells": cells})
                begin(cell, cell_index, **more)

            nb_man.cell_start = cell_start
            super().execute_managed_notebook(nb_man, kernel_name, **options)

    return TellingEngine


def _failure(ids: list[str], begun: list[str], error: str, traceback: str) -> dict:
    """Name the cell begun last as the source counts it: papermill also counts the cell it injects."""
    cell_id = begun[-1] if begun else ""
    number = ids.index(cell_id) + 1 if cell_id in ids else len(begun)
    return {"cell": number, "cell_id": cell_id, "error": error, "traceback": traceback}


def main() -> None:
    """Read the order, execute, tell."""
    order = json.loads(sys.argv[1])
    # The kernel shares our stdout and may print there: the events go through a copy that only we hold.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Being ended counts as an interrupt, so that the kernel is shut down on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def tell(event: dict) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    begin, interrupted = time.perf_counter(), False
    try:
        failure = execute(Path(order["source"]), Path(order["output"]), order["parameters"], tell)
    except KeyboardInterrupt:
        failure, interrupted = None, True
    except ValueError as error:  # the source is no sound notebook; the message says why
        failure = _failure([], [], str(error), "")
    spent = {"seconds": time.perf_counter() - begin, "cpu_seconds": _cpu_seconds()}
    tell({"outcome": {**spent, "failure": failure, "interrupted": interrupted}})


def _cpu_seconds() -> float:
    """What this process and its ended children have computed, the kernel among them (not so on Windows)."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
