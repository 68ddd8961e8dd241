"""What watches an answer for forbidden calls, kept out of the reach of the cells that ran before."""

from __future__ import annotations

import builtins
import contextlib
import functools
import sys
import threading
from types import FunctionType, ModuleType

from coursekit.checking import call, shortcut
from coursekit.checking.call import RemoteAnswer

_MODULES = (call, shortcut, contextlib, threading)
_OF_SYS = ("setprofile", "getprofile", "settrace", "gettrace", "_getframe", "exc_info")


class Untouched:
    """What `coursekit.checking.call.examine` relies on, as it is when this object is made.

    A cell that replaces a part of it has no effect on the calls to come. What the answer does while it is
    called is another matter: `coursekit.grading.inside.watch` tells of it.

    Args:
        *modules: more modules whose names to keep.
    """

    def __init__(self, *modules: ModuleType) -> None:
        self._names = [(vars(module), dict(vars(module))) for module in (*_MODULES, *modules, builtins)]
        self._names.append((vars(sys), {name: getattr(sys, name) for name in _OF_SYS}))
        found = [entry for module in _MODULES for entry in vars(module).values()]
        found = [entry for entry in found if getattr(entry, "__module__", "") in map(_name, _MODULES)]
        found += [getattr(entry, "__wrapped__", None) for entry in found]
        functions = [entry for entry in found if type(entry) is FunctionType]
        self._code = [(function, function.__code__, function.__defaults__) for function in functions]
        self._classes = [(entry, dict(vars(entry))) for entry in found if isinstance(entry, type)]
        self._setprofile, self._settrace = sys.setprofile, sys.settrace

    def restore(self) -> None:
        """Put everything back."""
        for names, before in self._names:
            names.update(before)
        for function, code, defaults in self._code:
            function.__code__, function.__defaults__ = code, defaults
        for kind, before in self._classes:
            for name in vars(kind).keys() - before.keys():
                delattr(kind, name)
            for name, entry in before.items():
                if vars(kind)[name] is not entry:
                    setattr(kind, name, entry)
        self._setprofile(None)
        self._settrace(None)


def own_callable(answer: object) -> object:
    """The answer without an attribute `examine`, by which it could ask not to be watched."""
    if isinstance(answer, type) or not callable(answer) or not isinstance(answer, RemoteAnswer):
        return answer
    return functools.partial(answer)


def _name(module: ModuleType) -> str:
    return module.__name__
