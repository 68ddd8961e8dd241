"""Rooms: what runs in them as it would in Jupyter, and what comes back."""

from __future__ import annotations

import os
import textwrap
import time

import numpy as np
import pandas as pd
import pytest

from coursekit.checking import Rules, difference
from coursekit.grading.limits import Limits
from coursekit.grading.room import RoomError, Rooms, Step, StepError
from coursekit.grading.sandbox import sandbox_problem

pytestmark = pytest.mark.skipif(sandbox_problem() is not None, reason="needs bubblewrap")


@pytest.fixture(scope="module")
def rooms():
    with Rooms(["numpy", "pandas", "coursekit"], Limits(seconds=10)) as opened:
        yield opened


@pytest.fixture
def room(rooms):
    with rooms.open() as opened:
        yield opened


def answer(text, cell="own"):
    return Step("answer", cell, text)


def story(text):
    return Step("story", "ours", text)


def call(room, *args, name="f", rules=None, **kwargs):
    return room.call(name, args, kwargs, rules or Rules())


def test_an_answer_is_called_with_data_and_gives_data(room):
    assert room.run([answer("def f(table, *, by):\n    return table * by, {'n': len(table)}")]) == []
    table = pd.DataFrame({"a": [1.0, np.nan]}, index=["x", "y"])
    outcome = call(room, table, by=2)
    assert outcome.kind == "value"
    assert difference(outcome.value, (table * 2, {"n": 2})) is None


def test_steps_share_their_names_in_order(room):
    assert room.run([story("base = 10"), answer("step = base + 1"), story("end = step * 2")]) == []
    assert room.value("end").value == 22


def test_a_failing_step_is_reported_with_its_line_and_the_next_one_runs(room):
    errors = room.run([answer("a = 1\n\n1 / 0", "first"), story("b = nothing"), answer("c = 3", "last")])
    assert errors == [
        StepError("first", "ZeroDivisionError", "division by zero", 3),
        StepError("ours", "NameError", "name 'nothing' is not defined", 1),
    ]
    assert room.value("c").value == 3


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("x = 1\ndef f(:\n", "SyntaxError", 2),
        ("x = 1\n  y = 2", "IndentationError", 2),
        ("raise SystemExit(3)", "SystemExit", 1),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", 1),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E", 3),
        ("def g():\n    g()\ng()", "RecursionError", 2),
        ("x = b'1' * 2**40", "MemoryError", 1),
        ("%%time\n1/0", "ZeroDivisionError", 2),
        ("\n\n  x = 1\n  1/0", "ZeroDivisionError", 4),
        ("\n%%capture out\n1/0", "ZeroDivisionError", 1),
    ],
)
def test_whatever_ends_a_cell_is_an_error_of_that_cell(room, text, error, line):
    (found,) = room.run([answer(text)])
    assert (found.error, found.line) == (error, line)


def test_a_name_that_is_missing_because_the_cell_is_not_written_is_unsolved(room):
    room.run([answer("raise NotImplementedError()")])
    assert call(room).kind == "unsolved"
    assert room.value("f").kind == "unsolved"


def test_a_name_that_is_missing_because_its_cell_failed_tells_how(room):
    room.run([answer("raise NotImplementedError", "earlier"), answer("x = 1\nimport nowhere")])
    outcome = call(room)
    assert (outcome.kind, outcome.errors[:2], outcome.line) == (
        "raised",
        ("ModuleNotFoundError", "ImportError"),
        2,
    )


def test_a_name_that_no_cell_makes_is_a_name_error(room):
    room.run([answer("raise NotImplementedError", "earlier"), answer("g = 1")])
    outcome = call(room)
    assert (outcome.kind, outcome.errors[0], outcome.message) == (
        "raised",
        "NameError",
        "`f` is not defined",
    )


def test_an_error_in_the_answer_comes_with_its_classes_and_the_line_of_the_cell(room):
    room.run([answer("def f(x):\n    y = x\n    return y['k']\n")])
    outcome = call(room, {})
    assert (outcome.kind, outcome.errors[:2], outcome.line) == ("raised", ("KeyError", "LookupError"), 3)


@pytest.mark.parametrize(
    "text",
    [
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1]); plt.show()\ndef f(): return 7",
        "%%time\ndef f(): return 7",
        "%%capture out\nprint(3)\ndef f(): return 7",
        "!pip install something\nfiles = !ls\ndef f(): return 7",
        "%pip install something\n%no_such_magic\ndef f(): return 7",
        "len?\ndef f(): return 7",
        "exit()\ndef f(): return 7",
        "%timeit -n1 -r1 sum([1])\n%config InlineBackend.figure_format = 'retina'\ndef f(): return 7",
        "import asyncio\nawait asyncio.sleep(0)\ndef f(): return 7",
        "import asyncio\nasync def g(): return 7\ndef f(): return asyncio.run(g())",
        "from IPython.display import display, HTML\ndisplay(HTML('<b>'))\ndef f(): display(3); return 7",
        "import warnings\ndef f():\n    warnings.warn('old'); return 7",
        "print('x' * 10**7)\nimport sys; print('y', file=sys.stderr)\ndef f(): print('z' * 10**6); return 7",
        "print('\\ud800')\ndef f(): return 7",
        "# 课程推荐\ndef f():\n    '''返回'''\n    return 7",
        "import threading\nt = threading.Thread(target=lambda: None); t.start(); t.join()\ndef f(): return 7",
        "import tempfile\nwith tempfile.TemporaryFile() as file: file.write(b'1')\ndef f(): return 7",
        "from tqdm.auto import tqdm\nlist(tqdm(range(3)))\ndef f(): return sum(1 for _ in tqdm(range(7)))",
        "get_ipython().run_line_magic('time', '1')\ndef f(): return 7",
        "_ = input\ntry:\n    input()\nexcept EOFError:\n    pass\ndef f(): return 7",
    ],
)
def test_what_works_in_jupyter_works_here(room, text):
    assert room.run([answer(text)]) == []
    assert call(room).value == 7


def test_tensors_cross_and_pytorch_is_warm():
    import torch

    with Rooms(["torch"]) as rooms, rooms.open(seed=3) as room:
        cell = """
            import sys
            warm = "torch" in sys.modules
            import torch
            drawn = torch.rand(2)
            def f(x):
                layer = torch.nn.Linear(3, 1)
                layer(x).sum().backward()
                return 2 * x, layer.weight.grad
        """
        assert room.run([answer(textwrap.dedent(cell))]) == []
        assert room.value("warm").value is True
        assert torch.equal(room.value("drawn").value, torch.rand(2, generator=torch.manual_seed(3)))
        outcome = call(room, torch.ones(4, 3))
        assert difference(outcome.value, (torch.full((4, 3), 2.0), torch.full((1, 3), 4.0))) is None


def test_what_an_answer_prints_comes_with_it(room):
    room.run([answer("def f(x):\n    print('got', x)\n    return x")])
    assert call(room, 3).printed == "got 3\n"


def test_a_forbidden_call_is_noticed(room):
    room.run([answer("import coursekit\ndef f(x):\n    return coursekit.dcg(x, 2)")])
    rules = Rules(forbid=("numpy.sum",))
    room.run([answer("import numpy as np\ndef f(x):\n    return np.sum(x)")])
    assert call(room, [1], rules=rules).kind == "shortcut"
    assert call(room, [1]).value == 1


def test_random_numbers_repeat_with_the_seed_only(rooms):
    def drawn(seed):
        with rooms.open(seed=seed) as room:
            room.run([answer("import random, numpy as np\nx = [random.random(), np.random.random()]")])
            return room.value("x").value

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_generator_is_handed_over_with_its_state(room):
    room.run([answer("def f(rng): return rng.random()")])
    assert call(room, np.random.default_rng(5)).value == np.random.default_rng(5).random()


def test_our_own_unsendable_argument_is_an_error_of_ours_and_the_room_goes_on(room):
    room.run([answer("def f(x): return x")])
    with pytest.raises(ValueError, match="cannot be sent"):
        call(room, object())
    assert call(room, 1).value == 1


def test_a_value_that_cannot_be_sent_is_opaque(room):
    room.run([answer("class A: pass\na = A()\nbig = 1 << 10**6\ndef f(): return big")])
    assert room.value("a").value.name == "A"
    assert call(room).value.name == "int"


def test_rooms_do_not_see_each_other(rooms):
    with rooms.open() as one, rooms.open() as other:
        one.run([answer("secret = 1\nopen('/tmp/secret', 'w').write('1')\nimport numpy; numpy.secret = 1")])
        other.run([answer("import os, numpy\nx = os.path.exists('/tmp/secret') or hasattr(numpy, 'secret')")])
        assert other.value("x").value is False
        assert other.value("secret").kind == "raised"


def test_a_room_gets_a_time_of_its_own(rooms):
    with rooms.open(seconds=0.5) as room:
        room.run([answer("while True: pass")])
        assert call(room).message == "ran longer than 0.5 s"


def test_only_the_time_that_a_room_works_counts(rooms):
    with rooms.open(seconds=1) as room:
        room.run([answer("def f(): return 1")])
        time.sleep(1.2)
        assert call(room).value == 1


def test_a_closed_room_answers_that_it_is_stopped(rooms):
    room = rooms.open()
    room.close()
    room.close()
    assert (room.run([answer("x = 1")]), call(room).kind) == ([], "stopped")


def test_the_warm_process_is_started_again_after_it_died(rooms):
    with rooms.open():
        rooms._warm._process.kill()
        rooms._warm._process.wait()
    with rooms.open() as room:
        assert room.run([answer("x = 1")]) == []
        assert room.value("x").value == 1


def test_a_module_that_cannot_be_imported_is_passed_over():
    with Rooms(["no_such_module", "os"]) as rooms, rooms.open() as room:
        assert room.run([answer("import no_such_module")])[0].error == "ModuleNotFoundError"


def test_without_bubblewrap_it_works_and_the_limits_hold():
    limits = Limits(seconds=2)
    with Rooms(["numpy"], limits, sandboxed=False) as rooms, rooms.open() as room:
        room.run([answer("import os\ndef f(): return os.getuid(), os.environ.get('HOME'), os.getcwd()")])
        user, home, work = call(room).value
        assert user != 0
        assert home != os.environ.get("HOME")
        assert work != os.getcwd()
        room.run([answer("while True: pass")])
        assert call(room).kind == "stopped"


def test_where_no_sandbox_can_be_made_the_error_says_so(monkeypatch):
    monkeypatch.setattr(
        "coursekit.grading.room.warm_process.sandbox_problem", lambda: "bubblewrap is not installed"
    )
    with Rooms() as rooms, pytest.raises(RoomError, match="not installed"):
        rooms.open()


def test_what_the_sandbox_says_when_it_does_not_start_is_in_the_error(monkeypatch):
    command = ["sh", "-c", "echo no such luck >&2; exit 1"]
    monkeypatch.setattr("coursekit.grading.room.warm_process.sandbox_command", lambda *_, **__: command)
    with Rooms() as rooms, pytest.raises(RoomError, match="no such luck"):
        rooms.open()
