"""A process that grades: `python -m coursekit.grading.worker`, one order and one reply a line, as JSON.

It runs apart from the one that writes marks, so that a submission on which it breaks or hangs costs this
process and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from coursekit.grading.grader import Grader
from coursekit.grading.limits import Limits
from coursekit.grading.template import Template
from coursekit.lessons.course import Course


def main() -> None:
    """Read the first line (the lesson), then grade folder after folder until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who gives the orders
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints, must not be read as a reply
    first = json.loads(sys.stdin.readline())
    template = Template.of(Course(Path(first["root"])).lesson(first["lesson"]))
    with Grader(template, Limits(**first["limits"]), first["sandboxed"]) as grader:
        # While the one who gives the orders opens the gradebook. What fails here fails again with an order.
        with contextlib.suppress(Exception):
            grader.prepare()
        for line in sys.stdin:
            replies.write(json.dumps(_reply(grader, json.loads(line))) + "\n")
            replies.flush()


def _reply(grader: Grader, order: dict) -> dict:
    try:
        result = grader.grade_folder(order["student"], Path(order["folder"]), order["known"])
    except Exception as error:  # a defect of ours; the other submissions go on
        return {"failed": f"{type(error).__name__}: {error}"}
    return {"result": result.to_json()} if result is not None else {"unchanged": True}


if __name__ == "__main__":
    main()
