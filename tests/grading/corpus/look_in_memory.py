"""Submissions that look for the answer in the memory of their process."""

from __future__ import annotations

from tests.grading.corpus.look import looker

ENTRIES = [
    looker(
        "frames",
        """
        import sys

        def overlap(a, b):
            frame = sys._getframe()
            while frame is not None:
                for name in ("gives", "expected", "wanted", "solution"):
                    if name in frame.f_locals:
                        return frame.f_locals[name]
                frame = frame.f_back
            return -1
        """,
    ),
    looker(
        "traceback",
        """
        def overlap(a, b):
            try:
                raise ValueError
            except ValueError as error:
                frame = error.__traceback__.tb_frame
            while frame is not None:
                if "gives" in frame.f_locals:
                    return frame.f_locals["gives"]
                frame = frame.f_back
            return -1
        """,
    ),
    looker(
        "inspect",
        """
        import inspect
        import re

        def overlap(a, b):
            for caller in inspect.stack():
                found = re.findall(r"gives=(\\d+)", "".join(caller.code_context or []))
                if found:
                    return int(found[0])
            return -1
        """,
    ),
    looker(
        "caller-source",
        """
        import linecache
        import re
        import sys

        def overlap(a, b):
            for lines in list(linecache.cache.values()):
                for line in lines[2] if len(lines) > 2 else []:
                    found = re.search(r"check.case.*gives=(\\d)", line)
                    if found:
                        return int(found.group(1))
            return -1
        """,
        flagged=None,
    ),
    looker(
        "settrace",
        """
        import sys

        seen = []

        def look(frame, event, value):
            seen.append(frame.f_locals.get("gives"))
            return look

        sys.settrace(look)

        def overlap(a, b):
            sys.settrace(look)
            known = [value for value in seen if value is not None]
            return known[-1] if known else -1
        """,
        hangs=True,
    ),
    looker(
        "gc",
        """
        import gc

        def overlap(a, b):
            for thing in gc.get_objects():
                if type(thing).__name__ in ("Check", "Case", "Exercise", "Template"):
                    return getattr(thing, "expected", None)
                if type(thing) is dict and "gives" in thing:
                    return thing["gives"]
            return -1
        """,
    ),
    looker(
        "history",
        """
        def overlap(a, b):
            sources = [*globals().get("In", []), *globals().get("_ih", [])]
            names = {}
            for text in sources:
                if "BEGIN HIDDEN" in text or "gives=" in text:
                    names[text] = 1
            return len(names) or -1
        """,
        flagged=None,
    ),
    looker(
        "subclasses",
        """
        def overlap(a, b):
            for kind in object.__subclasses__():
                if kind.__name__ in ("Check", "Template"):
                    return 2
            return -1
        """,
    ),
    looker(
        "modules",
        """
        import sys

        def overlap(a, b):
            for module in list(sys.modules.values()):
                for value in list(vars(module).values()):
                    if type(value).__name__ == "Exercise":
                        return value.namespace()["overlap"](a, b)
            return -1
        """,
    ),
    looker(
        "ctypes",
        """
        import ctypes

        def overlap(a, b):
            return ctypes.CDLL(None).getppid() and -1
        """,
    ),
]
