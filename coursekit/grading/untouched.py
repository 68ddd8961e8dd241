"""What watches an answer for forbidden calls, kept out of the reach of the cells that ran before."""

from __future__ import annotations

import builtins
import contextlib
import sys
from types import FunctionType

from coursekit.checking import call, shortcut
from coursekit.checking.call import RemoteAnswer

_MODULES = (call, shortcut, contextlib, builtins)
_OF_SYS = ("setprofile", "getprofile", "settrace", "gettrace", "_getframe", "exc_info")


class Untouched:
    """What `coursekit.checking.call.examine` relies on, as it is when this object is made.

    A cell that replaces a part of it has no effect on the calls to come. What the answer does while it is
    called is another matter: `coursekit.grading.watch` tells of it.
    """

    def __init__(self) -> None:
        self._names = [(vars(module), dict(vars(module))) for module in _MODULES]
        self._names.append((vars(sys), {name: getattr(sys, name) for name in _OF_SYS}))
        found = [entry for _, names in self._names for entry in names.values()]
        found += [getattr(entry, "__wrapped__", None) for entry in found]
        functions = [entry for entry in found if type(entry) is FunctionType]
        self._code = [(function, function.__code__, function.__defaults__) for function in functions]
        self._setprofile, self._settrace = sys.setprofile, sys.settrace

    def restore(self) -> None:
        """Put everything back."""
        for names, before in self._names:
            names.update(before)
        for function, code, defaults in self._code:
            function.__code__, function.__defaults__ = code, defaults
        self._setprofile(None)
        self._settrace(None)


def own_callable(answer: object) -> object:
    """The answer without an attribute `examine`, by which it could ask not to be watched."""
    if isinstance(answer, type) or not callable(answer) or not isinstance(answer, RemoteAnswer):
        return answer
    return lambda *args, **kwargs: answer(*args, **kwargs)
