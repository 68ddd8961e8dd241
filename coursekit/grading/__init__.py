"""Grade submissions: rebuilt from our own lesson, run in a sandbox, examined from outside.

`grade_lesson` is the whole of it. Names are imported when they are asked for: the processes inside the
sandbox import parts of this package and must know nothing of gradebooks.
"""

import importlib

_MODULE_OF = {
    "grade_lesson": "batch",
    "Limits": "limits",
    "Flag": "results",
    "Mark": "results",
    "Result": "results",
}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"coursekit.grading has no public name {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"coursekit.grading.{_MODULE_OF[name]}"), name)
