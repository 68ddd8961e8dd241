"""Grade on many machines with dask.distributed (extra `cluster`).

Why dask: its scheduler gives the work of a lost machine to another one, it is plain Python from PyPI, and
the same address may be two processes here, machines reached by SSH, a Slurm queue or Kubernetes. A task is
a function of the answers' text alone; only the one who gave the orders writes marks, so that a task which
ran twice is still written once. Every machine needs this version of coursekit, and bubblewrap.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from coursekit.checking.replay import exercises
from coursekit.grading.grader import Grader, fingerprint
from coursekit.grading.limits import Limits
from coursekit.grading.pool import Order, Reply
from coursekit.grading.results import Result
from coursekit.grading.submission import Submission, read_submission
from coursekit.grading.template import Template
from coursekit.lessons.course import Lesson

# One grader a process, kept from task to task: its warm process is what makes grading fast.
_GRADERS: dict[str, Grader] = {}
_ONE_AT_A_TIME = threading.Lock()


@contextlib.contextmanager
def connected(address: str, lesson: Lesson, limits: Limits, *, sandboxed: bool = True) -> Iterator:
    """Connect to a cluster; gives an engine for `coursekit.grading.batch.grade_lesson`.

    Args:
        address: of a dask scheduler ("tcp://10.0.0.5:8786"), or "local:2" for two processes here.
        lesson: which lesson will be graded.
        limits: what a learner's process may use.
        sandboxed: as in `grade_lesson`; each machine checks for itself.

    Raises:
        OSError: when no scheduler answers at the address.
        ValueError: when "local:" is not followed by a number from 1.
    """
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        if address.startswith("local:"):
            number = address.removeprefix("local:")
            if not number.isdecimal() or int(number) < 1:
                raise ValueError(f"cluster {address!r}: write local:2 for two processes on this machine")
            options = {"n_workers": int(number), "threads_per_worker": 1, "dashboard_address": None}
            address = stack.enter_context(LocalCluster(**options))
        client = stack.enter_context(Client(address, timeout=20))
        yield partial(grade_on, client, lesson, limits, sandboxed)


def grade_on(client, lesson: Lesson, limits: Limits, sandboxed: bool, orders: list[Order]) -> Iterator[Reply]:
    """Grade on a connected cluster and yield replies as they come."""
    from distributed import as_completed

    template = Template.of(lesson)
    bundle = {
        "key": template.key,
        "source": json.dumps(template.source),
        "released": json.dumps(template.released),
        "limits": asdict(limits),
        "sandboxed": sandboxed,
        "fingerprint": template.fingerprint,
    }
    everywhere = client.scatter(bundle, broadcast=True)
    students = {}
    for order in orders:
        submission = read_submission(order.folder, template)
        if fingerprint(template, submission) == order.known:
            yield Reply(order.student, unchanged=True)
            continue
        # Not a pure function in dask's sense: hidden tests draw fresh numbers.
        students[client.submit(grade_task, everywhere, order.student, submission, pure=False)] = order.student
    for future in as_completed(list(students)):
        yield _reply(students[future], future)


def grade_task(bundle: dict, student: str, submission: Submission) -> dict:
    """What runs on the other machine: answers in, the result as JSON out."""
    with _ONE_AT_A_TIME:
        return _grader(bundle).grade(student, submission).to_json()


def _reply(student: str, future) -> Reply:
    if future.status != "finished":
        return Reply(student, failed=f"on the cluster: {future.exception()!r}")
    return Reply(student, Result.from_json(future.result()))


def _grader(bundle: dict) -> Grader:
    key = json.dumps([bundle[name] for name in ("fingerprint", "limits", "sandboxed")])
    if key not in _GRADERS:
        while _GRADERS:  # another lesson's: its warm process is not needed any more
            _GRADERS.popitem()[1].close()
        _GRADERS[key] = Grader(_template(bundle), Limits(**bundle["limits"]), bundle["sandboxed"])
    return _GRADERS[key]


def _template(bundle: dict) -> Template:
    with tempfile.TemporaryDirectory(prefix="lesson-") as folder:
        path = Path(folder) / f"{bundle['key']}.ipynb"
        path.write_text(bundle["source"], "utf-8")
        found = tuple(exercises(path))
    return Template(bundle["key"], json.loads(bundle["source"]), json.loads(bundle["released"]), found)
