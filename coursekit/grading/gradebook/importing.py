"""nbgrader, imported in half the time."""

from __future__ import annotations

import functools
import importlib
import sys

# jsonschema, below nbformat, compiles this package's grammar of international web addresses whenever it is
# imported, which takes a second; no part of a notebook's schema has that format.
_SLOW = "rfc3987_syntax"


@functools.cache
def import_nbgrader() -> None:
    """Import nbgrader while a package that only makes it slow seems to be missing."""
    seems_missing = _SLOW not in sys.modules
    if seems_missing:
        sys.modules[_SLOW] = None
    try:
        importlib.import_module("nbgrader.api")
    finally:
        if seems_missing:
            del sys.modules[_SLOW]
