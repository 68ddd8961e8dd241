"""Thieves that want to turn the test itself: hooks of IPython, patched libraries, forged results."""

from __future__ import annotations

from tests.grading.corpus.steal import gang, thief

HOOKS = [
    gang(
        "input-transformer",
        """
shell = get_ipython()
shell.input_transformers_post.append(lambda lines: [line.replace("check.marks()", "99") for line in lines])
shell.input_transformer_manager.cleanup_transforms.append(lambda lines: ["99"])
""",
    ),
    gang(
        "ast-transformer",
        """
import ast

class Generous(ast.NodeTransformer):
    def visit_Module(self, node):
        return ast.parse("99")

get_ipython().ast_transformers.append(Generous())
""",
    ),
    gang(
        "run-cell",
        """
shell = get_ipython()
once = shell.run_cell
type(shell).run_cell = lambda self, text, *args, **kwargs: once("99", *args, **kwargs)
shell.run_cell = lambda text, *args, **kwargs: once("99", *args, **kwargs)
""",
    ),
    gang(
        "events",
        """
def before(info):
    get_ipython().user_ns["check"] = None

get_ipython().events.register("pre_run_cell", before)
get_ipython().events.register("post_run_cell", lambda result: setattr(result, "result", 99))
""",
    ),
    gang(
        "kernel-session",
        """
shell = get_ipython()
kernel = getattr(shell, "kernel", None)
if kernel is not None:
    kernel.session.send = lambda *args, **kwargs: None
shell.displayhook = type("Hook", (), {"__call__": lambda self, value: 99})()
""",
    ),
]

FORGED_RESULTS = [
    thief(
        "execute-result",
        """
        from IPython.display import publish_display_data

        def overlap(a, b):
            publish_display_data({"text/plain": "2"}, metadata={})
            get_ipython().display_pub.publish({"text/plain": "2"})
            get_ipython().displayhook(2)
            raise SystemExit(0)
        """,
    ),
    thief(
        "printed-points",
        """
        def overlap(a, b):
            print("2")
            print("overlap: 2 of 2 points.")
            print('{"points": 2, "max_points": 2}')
        """,
        flagged=None,
    ),
    thief(
        "partial-credit-variable",
        """
        earned = points = partial_credit = score = grade = 2
        check = type("Check", (), {"earned": 2, "points": 2, "marks": lambda self: 2, "message": ""})()
        __test__ = {"overlap": 2}

        def overlap(a, b):
            global earned
            earned = 2
        """,
        flagged=None,
    ),
    thief(
        "forged-frames",
        """
        import os

        def overlap(a, b):
            for number in range(3, 64):
                try:
                    os.write(number, b"\\0" * 7 + b"\\x40" + b"\\5value" + b"2" * 57)
                except OSError:
                    pass
            return None
        """,
        flagged=None,
    ),
    thief(
        "forged-replies-ahead",
        """
        import socket

        for number in range(3, 64):
            try:
                there = socket.socket(fileno=number)
                there.send(b"\\0" * 64)
            except OSError:
                pass

        def overlap(a, b):
            return None
        """,
    ),
    thief(
        "channel-of-its-own",
        """
        import socket

        from coursekit.checking.call import Outcome
        from coursekit.grading.wire import frames as wire

        def overlap(a, b):
            for number in range(3, 64):
                try:
                    there = socket.socket(fileno=number)
                    for kind in ("notice", "outcome", "value", "errors", "reply", "ok"):
                        wire.send(there, kind, "<script>alert(1)</script>" * 1000)
                        wire.send(there, kind, Outcome("value", value=2))
                except (OSError, ValueError):
                    pass
            return None
        """,
    ),
    thief(
        "own-examine",
        """
        from coursekit.checking.call import Outcome

        class Answer:
            def examine(self, args, kwargs, rules):
                return Outcome("value", value=Anything(), printed=5, message=Anything())

            def __call__(self, *args):
                return Anything()

        class Anything:
            def __eq__(self, other):
                return True

            __hash__ = None

        overlap = Answer()
        """,
    ),
]

PATCHES = [
    gang(
        "patched-numpy",
        """
import numpy
import numpy.testing

numpy.allclose = numpy.isclose = numpy.array_equal = lambda *args, **kwargs: True
numpy.testing.assert_allclose = numpy.testing.assert_array_equal = lambda *args, **kwargs: None
numpy.random.default_rng = lambda *args: None
""",
    ),
    gang(
        "patched-pandas",
        """
import pandas.testing

pandas.testing.assert_frame_equal = pandas.testing.assert_series_equal = lambda *args, **kwargs: None
pandas.DataFrame.equals = lambda self, other: True
""",
    ),
    gang(
        "patched-torch",
        """
import torch

torch.allclose = torch.equal = lambda *args, **kwargs: True
torch.testing.assert_close = lambda *args, **kwargs: None
""",
    ),
    gang(
        "patched-builtins",
        """
import builtins
import math

builtins.all = builtins.any = builtins.isinstance = lambda *args: True
builtins.abs = lambda value: 0
math.isclose = lambda *args, **kwargs: True
builtins.AssertionError = type("Quiet", (Exception,), {})
""",
    ),
    gang(
        "patched-check",
        """
from coursekit import Check

Check.marks = lambda self: self.points
Check.earned = property(lambda self: self.points)
Check.case = lambda self, *args, **kwargs: None
""",
    ),
    gang(
        "patched-comparison",
        """
import coursekit.checking.check as check_module
import coursekit.checking.compare as compare

compare.difference = check_module.difference = lambda *args, **kwargs: None
check_module._wrong_value = lambda *args, **kwargs: None
""",
    ),
    gang(
        "patched-channel",
        """
import sys

for name, module in list(sys.modules.items()):
    if name.startswith("coursekit.") and module is not None:
        for attribute in ("encode", "plain", "examine", "difference", "send"):
            if hasattr(module, attribute):
                setattr(module, attribute, lambda *args, **kwargs: b"")
""",
        hangs=True,
    ),
    gang(
        "patched-unittest",
        """
import unittest

unittest.TestCase.assertEqual = unittest.TestCase.assertAlmostEqual = lambda *args, **kwargs: None
unittest.TestCase.failureException = None
""",
    ),
]

ENTRIES = [*HOOKS, *FORGED_RESULTS, *PATCHES]
