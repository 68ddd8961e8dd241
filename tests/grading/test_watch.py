"""Each case runs in a process of its own: an audit hook stays for as long as its process lives."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and reads /proc")

CELL = "<cell cosine>"
# One process imports the libraries once and forks for each case: argv[1] is a JSON object of texts.
DRIVER = f"""
import json, os, sys
import numpy, pandas, IPython
from coursekit.grading.inside.watch import watch_process

def run(name, text, write=os.write, leave=os._exit):
    def tell(notice):
        write(1, f"{{name}}\\ttold\\t{{notice}}\\n".encode())
    watch_process(tell, is_learner={CELL!r}.__eq__)
    try:
        exec(compile(text, {CELL!r}, "exec"), {{}})
        write(1, f"{{name}}\\tended\\twell\\n".encode())
    finally:
        leave(0)

for name, text in json.loads(sys.argv[1]).items():
    if os.fork() == 0:
        run(name, text)
    os.wait()
"""
SUSPICIOUS = {
    "import": ("def f():\n    import faulthandler\nf()", "import faulthandler|2"),
    "settrace": ("import sys\nsys.settrace(None)", "sys.settrace|2"),
    "setprofile": ("import sys\nsys.setprofile(None)", "sys.setprofile|2"),
    "getframe": ("import sys\nsys._getframe()", "sys._getframe|2"),
    "audit-hook": ("import sys\nsys.addaudithook(lambda *event: None)", "sys.addaudithook|2"),
    "gc": ("import gc\n\ngc.get_objects()", "gc.get_objects|3"),
    "referrers": ("import gc\ngc.get_referrers(gc)", "gc.get_referrers|2"),
    "referents": ("import gc\ngc.get_referents(gc)", "gc.get_referents|2"),
    "ctypes": ("import ctypes\nctypes.CDLL(None)", "ctypes.dlopen|2"),
    "socket": ("import socket\nsocket.socket().close()", "socket.__new__|2"),
    "popen": ("import subprocess\nsubprocess.run(['true'])", "subprocess.Popen|2"),
    "os-popen": ("import os\nos.popen('true').read()", "subprocess.Popen|2"),
    "system": ("import os\nos.system('true')", "os.system|2"),
    "fork": ("import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait()", "os.fork|2"),
    "exec": ("import os\ntry:\n    os.execv('/nothing', ['x'])\nexcept OSError: pass", "os.exec|3"),
    "open": ("open('/proc/self/maps').close()", "open /proc/self/maps|1"),
    "open-by-pathlib": (
        "from pathlib import Path\nPath('/proc/self/maps').read_text()",
        "open /proc/self/maps|2",
    ),
    "open-bytes": ("open(b'/proc/self/maps').close()", "open /proc/self/maps|1"),
    "listdir": ("import os\nos.listdir('/proc')", "os.listdir /proc|2"),
    "glob": ("import glob\nglob.glob('/proc/self/*')", "glob.glob /proc/self/*|2"),
    "code-read": ("def f(): pass\nf.__code__", "object.__getattr__ __code__|2"),
    "code-set": ("def f(): pass\ndef g(): pass\nf.__code__ = g.__code__", "object.__setattr__ __code__|3"),
    "code-renamed": ("def f(): pass\nf.__code__.replace(co_filename='x')", "code.__new__|2"),
    "traceback": (
        "try:\n    1 / 0\nexcept Exception as error:\n    error.__traceback__.tb_frame",
        "object.__getattr__ tb_frame|4",
    ),
    "eval": ("eval('1')", "compile|1"),
    "inside-exec": ("x = 1\nexec('import faulthandler')", "import faulthandler|2"),
    "in-a-thread": (
        "import threading\nt = threading.Thread(target=lambda: eval('1'))\nt.start()\nt.join()",
        "exec|2",
    ),
}
HONEST = {
    "arithmetic": "sum(range(10))",
    "named-tuple": "from collections import namedtuple\nnamedtuple('P', 'x y')(1, 2)",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int = 1\nP()",
    "enum": "from enum import Enum\nclass E(Enum):\n    A = 1",
    "typing": "from typing import NamedTuple, TypeVar\nT = TypeVar('T')\nclass P(NamedTuple):\n    x: int",
    "pandas-query": "import pandas as pd\npd.DataFrame({'a': [1]}).query('a > 0').eval('a + 1')",
    "pandas-groupby": "import pandas as pd\npd.DataFrame({'a': [1]}).groupby('a').size()",
    "numpy-testing": "import numpy as np\nnp.testing.assert_allclose(1, 1)",
    "warning": "import warnings\nwarnings.simplefilter('ignore')\nwarnings.warn('x')",
    "logging": "import logging\nlogging.getLogger('a').debug('b')",
    "temporary-file": "import tempfile\nwith tempfile.TemporaryFile() as f:\n    f.write(b'x')",
    "asyncio": "import asyncio\nasyncio.run(asyncio.sleep(0))",
    "copy": "import copy\ncopy.deepcopy([1, {2}])",
    "error": "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.format_exc()",
    "csv": "import csv, io\nlist(csv.reader(io.StringIO('a,b')))",
    "late-imports": "import sklearn.metrics, scipy.stats, unittest, tqdm",
    "plot": "import matplotlib\nmatplotlib.use('agg')\nfrom matplotlib import pyplot\npyplot.plot([1])",
    "file": "import os, tempfile\nopen(os.path.join(tempfile.mkdtemp(), 'notes.txt'), 'w').close()",
    "open-by-number": "import os\nopen(os.dup(1), 'w').close()",
}
TRICKS = {
    "repeated": "for i in range(1000):\n    eval('1')",
    "flood": "for i in range(1000):\n    try:\n        open(f'/proc/nothing{i}')\n    except OSError: pass",
    "odd-path": "try:\n    open('/proc/a|b\\nc\\udc80')\nexcept OSError: pass",
    "patched": (
        "import sys, re, builtins, _thread\nimport coursekit.grading.inside.watch as watch\n"
        "for name in list(vars(watch)):\n    vars(watch)[name] = None\n"
        "sys._getframe = _thread.get_ident = re.compile = None\n"
        "builtins.str = builtins.type = builtins.bytes = builtins.frozenset = builtins.Exception = None\n"
        "import os\nos.system('true')"
    ),
}


@pytest.fixture(scope="module")
def seen():
    texts = {f"suspicious-{name}": text for name, (text, _) in SUSPICIOUS.items()}
    texts |= {f"honest-{name}": text for name, text in HONEST.items()}
    texts |= {f"trick-{name}": text for name, text in TRICKS.items()}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DRIVER, json.dumps(texts)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = {name: ([], []) for name in texts}
    for line in ran.stdout.splitlines():
        name, kind, what = line.split("\t")
        found[name][kind == "told"].append(what)
    assert ran.returncode == 0, ran.stderr
    return {name: ("".join(ended), told) for name, (ended, told) in found.items()}


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_what_the_learner_does_to_the_interpreter_is_told_with_its_line(seen, name):
    ended, told = seen[f"suspicious-{name}"]
    assert ended == "well"
    assert f"{SUSPICIOUS[name][1]}|{CELL}" in told


@pytest.mark.parametrize("name", HONEST)
def test_what_libraries_do_for_the_learner_is_not_told(seen, name):
    assert seen[f"honest-{name}"] == ("well", [])


def test_the_same_event_is_told_once(seen):
    assert seen["trick-repeated"] == ("well", [f"compile|2|{CELL}", f"exec|2|{CELL}"])


def test_a_flood_of_events_is_told_twenty_times(seen):
    ended, told = seen["trick-flood"]
    assert ended == "well"
    assert len(told) == 20


def test_a_path_cannot_forge_a_notice(seen):
    assert seen["trick-odd-path"] == ("well", [f"open /proc/a?b?c?|2|{CELL}"])


def test_replacing_every_name_does_not_silence_it(seen):
    assert seen["trick-patched"][1][-1] == f"os.system|8|{CELL}"


def test_the_witness_costs_little():
    code = """if True:
        import sys, timeit
        from coursekit.grading.inside.watch import watch_process
        before = timeit.timeit("audit('x.y')", globals={"audit": sys.audit}, number=100_000)
        watch_process(print, is_learner=len)
        after = timeit.timeit("audit('x.y')", globals={"audit": sys.audit}, number=100_000)
        print((after - before) / 100_000)
    """
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert float(ran.stdout.split("\n")[-2]) < 5e-6  # measured: 2e-7


def test_what_tell_raises_does_not_reach_the_learner():
    code = """if True:
        import os
        from coursekit.grading.inside.watch import watch_process
        def tell(notice):
            raise OSError("the grader is gone")
        watch_process(tell, is_learner=lambda file: file == "<string>")
        os.system("true")
        print("fine")
    """
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("fine\n", "")
