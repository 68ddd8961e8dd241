import inspect
import json
import re
import time
from pathlib import Path

import pytest

from coursekit.grading.suspicion import flag_of_notice, flags_of
from tests.lessons import mutants

ROOT = Path(__file__).parents[2]
MUTANTS = sorted((ROOT / "tests/lessons/mutants").glob("m*.py"))
SOLUTIONS = sorted((ROOT / "solutions").glob("*/*.ipynb"))

# Each with the line on which it must be found.
SUSPICIOUS = {
    "input-transformer": ("get_ipython().input_transformers_cleanup.append(lambda lines: [])", 1),
    "ast-transformer": ("shell = x\nshell.ast_transformers.append(y)", 2),
    "event": ("ip = get_ipython()\nip.events.register('post_run_cell', f)", 1),
    "run-cell": ("import IPython\nIPython.InteractiveShell.run_cell = f", 1),
    "shell-by-import": ("from IPython import get_ipython as g", 1),
    "settrace": ("import sys\nsys.settrace(f)", 2),
    "settrace-by-name": ("from sys import settrace as s", 1),
    "settrace-by-assignment": ("import sys\ns = sys\ns.settrace(f)", 3),
    "settrace-in-a-loop": ("for sys in [sys]:\n    sys.settrace(f)", 2),
    "setprofile-by-alias": ("import sys as quiet\nquiet.setprofile(None)", 2),
    "monitoring": ("import sys\nsys.monitoring.use_tool_id(1, 'x')", 2),
    "audit-hook": ("import sys\nsys.addaudithook(f)", 2),
    "modules": ("import sys\ndel sys.modules['numpy']", 2),
    "meta-path": ("import sys\nsys.meta_path.insert(0, f)", 2),
    "getframe": ("import sys\nx = sys._getframe(1)", 2),
    "getframe-by-getattr": ("import sys\nx = getattr(sys, '_getframe')(1)", 2),
    "inspect": ("def f():\n    import inspect", 2),
    "gc": ("import gc", 1),
    "ctypes": ("from ctypes import pythonapi", 1),
    "f-back": ("try:\n    1 / 0\nexcept Exception as e:\n    f = e.__traceback__.tb_frame.f_back", 4),
    "globals-of": ("f.__globals__['Check'] = 1", 1),
    "closure": ("f.__closure__[0].cell_contents", 1),
    "code": ("f.__code__ = g.__code__", 1),
    "subclasses": ("().__class__.__base__.__subclasses__()", 1),
    "mro-in-text": ("getattr(x, '__mro__')", 1),
    "set-by-globals": ("globals()['Check'] = None", 1),
    "update-globals": ("globals().update(a=1)", 1),
    "module-dictionary": ("import numpy\nnumpy.__dict__['allclose'] = f", 2),
    "patched-numpy": ("np.allclose = lambda *a, **k: True", 1),
    "patched-numpy-testing": ("import numpy.testing as t\nt.assert_allclose = f", 2),
    "patched-torch": ("torch.allclose = f", 1),
    "patched-pandas": ("pd.DataFrame.equals = f", 1),
    "patched-unittest": ("import unittest\nunittest.TestCase.assertEqual = f", 2),
    "patched-check": ("Check.marks = lambda self: 2", 1),
    "patched-builtins": ("import builtins\nbuiltins.abs = f", 2),
    "patched-by-setattr": ("setattr(np, 'allclose', f)", 1),
    "patched-in-a-loop": ("for np.allclose in [f]:\n    pass", 1),
    "patched-by-tuple": ("a, np.allclose = 1, f", 1),
    "deleted": ("del np.allclose", 1),
    "patched-by-mock": ("from unittest.mock import patch", 1),
    "own-check": ("class Check:\n    pass", 1),
    "always-equal": ("class A(float):\n    def __eq__(self, other):\n        return True", 3 - 2),
    "always-equal-by-lambda": ("class A:\n    __eq__ = lambda self, other: True", 1),
    "always-equal-by-type": ("type('A', (), {'__eq__': lambda self, other: True})", 1),
    "ufunc": ("class A:\n    def __array_ufunc__(self, *a):\n        return 1", 1),
    "own-class-of": ("x.__class__ = float", 1),
    "repr-html": ("class A:\n    def _repr_html_(self):\n        return '<script>'", 1),
    "own-display": ("def display(*a):\n    pass", 1),
    "publish": ("from IPython.display import publish_display_data", 1),
    "displayhook": ("import sys\nsys.displayhook = print", 2),
    "execute-result": ("session.send(socket, 'execute_result', {})", 1),
    "reads-notebook": ("x = open('../solutions/a.ipynb').read()", 1),
    "reads-gradebook": ("path = 'gradebook.db'", 1),
    "reads-solutions": ("import glob\nglob.glob('../../solutions/*')", 2),
    "reads-proc": ("open('/proc/self/environ')", 1),
    "walks": ("import os\nfor a in os.walk('.'):\n    pass", 2),
    "sql": ("import sqlite3", 1),
    "subprocess": ("import subprocess", 1),
    "os-system": ("import os\nos.system('ls')", 2),
    "os-execv": ("from os import execv", 1),
    "fork": ("import os\nos.fork()", 2),
    "kill": ("import os\nos.kill(os.getppid(), 9)", 2),
    "all-of-os": ("from os import *", 1),
    "shell": ("x = 1\n!ls ..", 2),
    "shell-assigned": ("files = !ls", 1),
    "bash-cell": ("%%bash\nls", 1),
    "run-magic": ("%run other.py", 1),
    "magic-with-code": ("x = 1\n%timeit eval('x')", 2),
    "below-a-cell-magic": ("%%capture\nimport gc", 2),
    "below-an-unknown-cell-magic": ("%%unknown\nimport gc", 2),
    "socket": ("import socket", 1),
    "download": ("from urllib.request import urlopen", 1),
    "eval": ("eval('1+1')", 1),
    "exec": ("exec(text)", 1),
    "compile": ("compile(text, 'a', 'exec')", 1),
    "import-by-name": ("__import__('o' + 's')", 1),
    "importlib": ("import importlib", 1),
    "getattr-computed": ("getattr(np, 'all' + 'close')", 1),
    "checking": ("from coursekit.checking import Check", 1),
    "checking-by-attribute": ("import coursekit\ncoursekit.checking.check.NotYet = 1", 2),
    "grading": ("import coursekit.grading.wire", 1),
    "atexit": ("import atexit", 1),
    "threading": ("import threading", 1),
    "multiprocessing": ("from multiprocessing import Pool", 1),
    "start-up-file": ("name = 'sitecustomize.py'", 1),
    "ipython-folder": ("path = '~/.ipython/profile_default/startup/a.py'", 1),
    "to-the-grader": ("def f():\n    return 1\n### BEGIN HIDDEN TESTS", 3),
    "solution-marks": ("### BEGIN SOLUTION\nx = 1", 1),
    "does-not-parse": ("def f(:\n    import gc", 2),
    "does-not-parse-attribute": ("def f(:\n    x.__globals__", 2),
    "does-not-parse-call": ("def f(:\nsys.settrace(None)", 2),
    "wide-letters": ("ｇｅｔ_ipython()", 1),
    "wide-letters-unparsed": ("def f(:\nｓys.settrace(None)", 2),
    "in-a-decorator": ("@__import__('atexit').register\ndef f():\n    pass", 1),
    "in-a-default": ("def f(x=eval('1')):\n    pass", 1),
}

HONEST = {
    "nothing": "",
    "stub": "# YOUR CODE HERE\nraise NotImplementedError()",
    "plots": "import matplotlib.pyplot as plt\nplt.rcParams['font.size'] = 5\nplt.plot([1])\nplt.show()",
    "prints": "print('The solutions are:', 3)\ndisplay(df)",
    "pandas": "df.columns = ['a']\ndf.loc[0, 'a'] = 1\ndf['x'].eval = None\npd.options.display.max_rows = 5",
    "torch": "torch.backends.cudnn.deterministic = True\nmodel.eval()\nmodel.weight.data = x",
    "seeds": "np.random.seed(1)\nrng = np.random.default_rng(0)\nrandom.seed(2)",
    "names-of-modules": "code = 1\nsignal = [code]\ntime.x = 2\ncopy = df.copy()\ncopy.columns = ['a']",
    "parameters-named-like-modules": "def f(time, random, gc=1):\n    time.index = random\n    return gc",
    "regular-expressions": "import re\nre.compile('a+').match('a')",
    "magics": "%matplotlib inline\n%time x = sorted([2, 1])",
    "time-cell": "%%time\nx = 1",
    "help": "np.mean?",
    "debug-print": "print(f'{x=!r} {x!s}', x != 1)",
    "syntax-error": "def f(x)\n    return x",
    "chinese": "# 这是答案\ndef 相似度(a, b):\n    return a @ b",
    "class": "class Net(torch.nn.Module):\n    def __init__(self):\n        self.w = 1",
    "honest-equality": "class P:\n    def __eq__(self, other):\n        return self.x == other.x",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int = 0",
    "recursion": "import sys\nsys.setrecursionlimit(5000)\ndef f(n):\n    return f(n - 1)",
    "scratch": "if 'x' in globals():\n    print(type(x).__name__, x.__class__.__name__, __name__)",
    "getattr": "getattr(options, 'k', 3)\nsetattr(self, 'k', 3)",
    "warnings": "import warnings\nwarnings.filterwarnings('ignore')",
    "course": "import coursekit\ndata = coursekit.load_campus()\ncoursekit.cosine(a, b)",
    "help-text": 'def f(a):\n    """Solutions to a/b; see https://example.org/solution and feedback."""',
    "lines-with-operators": "x = (5\n% 2)",
}


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_suspicious_code_is_flagged_on_its_line(name):
    text, line = SUSPICIOUS[name]
    found = flags_of("cosine", text)
    assert line in [flag.line for flag in found]
    assert all(flag.exercise == "cosine" and flag.reason.endswith(".") for flag in found)


@pytest.mark.parametrize("name", HONEST)
def test_honest_code_is_not_flagged(name):
    assert flags_of("cosine", HONEST[name]) == []


@pytest.mark.parametrize("path", MUTANTS, ids=lambda path: path.stem)
def test_no_mutant_is_flagged(path):
    assert flags_of("all", path.read_text(encoding="utf-8")) == []


def test_the_mutants_that_are_read_are_the_registered_ones():
    assert len(MUTANTS) >= 3
    assert inspect.getsourcefile(mutants) == str(ROOT / "tests/lessons/mutants/__init__.py")


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_no_code_of_a_lesson_is_flagged(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and not cell["metadata"].get("nbgrader", {}).get("grade"):
            text = re.sub(r"^\s*### (BEGIN|END) SOLUTION", "", "".join(cell["source"]), flags=re.MULTILINE)
            assert flags_of(cell["id"], text) == []


def test_a_reason_says_what_was_seen_and_why_it_matters():
    assert [flag.reason for flag in flags_of("a", "import sys\nsys.settrace(None)")] == [
        "`sys.settrace` watches or changes code while it runs."
    ]


def test_flags_are_in_the_order_of_lines_and_not_repeated():
    found = flags_of("a", "import gc\nx = eval('1') + eval('2')\nimport gc")
    assert [flag.line for flag in found] == [1, 2, 3]


def test_no_more_than_twenty_flags():
    assert len(flags_of("a", "\n".join(["import gc"] * 100))) == 20


PAINFUL = {
    "parentheses": "(" * 200_000,
    "minus-signs": "-" * 200_000 + "1",
    "attributes": "x" + ".a" * 100_000,
    "nested-subscripts": "globals()[" + "[" * 90 + "]" * 90 + "] = 1",
    "nul": "a\0b",
    "digits": "9" * 200_000,
    "surrogate": "\ud800",
    "spaces": " " * 200_000,
    "word": "jupyter_" * 25_000,
    "text": "'" + "jupyter_publish_" * 12_000 + "'",
    "dots": "x = '" + "../" * 60_000,
    "equals": "a " * 50_000 + "= b" * 30_000,
    "hashes": "#" * 200_000,
    "lines": "\n" * 200_000,
    "magics": "%x\n" * 20_000,
}


@pytest.mark.parametrize("name", PAINFUL)
def test_text_made_to_hurt_a_parser_does_no_harm(name):
    start = time.perf_counter()
    flags_of("a", PAINFUL[name])
    flags_of("a", "%%time\n" + PAINFUL[name])
    assert time.perf_counter() - start < 10


def test_a_notice_becomes_a_flag_with_its_line():
    flag = flag_of_notice("cosine", "import gc|3|<cell cosine>")
    assert (flag.exercise, flag.line) == ("cosine", 3)
    assert flag.reason == "While it ran, the answer did this: import gc."


@pytest.mark.parametrize("notice", ["", "|", "x", "a|b|c", "a|-1|c", "a|" + "9" * 5000], ids=range(6))
def test_a_forged_notice_is_a_flag_without_a_line(notice):
    assert flag_of_notice("cosine", notice).line is None
