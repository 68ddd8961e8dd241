"""The IPython shell in which learners' cells run: as in Jupyter, but silent and with no helpers on disk."""

from __future__ import annotations

import os
import re
import sys
import tempfile

from IPython.core.compilerop import CachingCompiler
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

_MEASURING = re.compile(r"\A(\s*)%%time(it)?\b.*")
_BLANK_LINES = re.compile(r"\s*\n([ \t]*)(\S*)")


class _Compiler(CachingCompiler):
    """Gives each cell the file name that it was told, so that a line number is one of that cell."""

    file = "<cell>"

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return self.file


class QuietShell(InteractiveShell):
    """Runs cells with magics, `display`, `?` and top-level await; shows and stores nothing.

    What needs another program (`!ls`, `%pip`) or a window does nothing, as does a line magic that fails: none
    of them makes a name that an exercise could need.
    """

    compiler_class = Type(_Compiler)

    def run(self, text: str, file: str) -> BaseException | None:
        """Run one cell under this file name, and return what ended it early, if anything did."""
        self.compile.file = file
        self._caught: BaseException | None = None
        result = self.run_cell(_numbered(text), store_history=False, silent=True)
        return result.error_before_exec or result.error_in_exec or self._caught

    def showtraceback(self, exc_tuple: tuple | None = None, *args: object, **kwargs: object) -> None:
        """Remember the error and print nothing. Some magics report theirs in this way alone."""
        self._caught = (exc_tuple or sys.exc_info())[1]

    def showsyntaxerror(self, *args: object, **kwargs: object) -> None:
        """As `showtraceback`."""
        self._caught = sys.exc_info()[1]

    def system(self, cmd: str) -> None:
        """Start no program."""

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> list[str] | str:
        """Start no program: the output is empty."""
        return [] if split else ""

    def enable_gui(self, gui: str | None = None) -> None:
        """There are no windows."""

    def ask_exit(self) -> None:
        """`exit` and `quit` do nothing: what stands below them in the cell runs in Jupyter, too."""

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> object:
        """Run a magic; one that fails or is unknown does nothing."""
        try:
            return super().run_line_magic(magic_name, line, _stack_depth + 1)
        except Exception:
            return None

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> object:
        """Run a magic; one that is unknown does nothing."""
        try:
            return super().run_cell_magic(magic_name, line, cell)
        except UsageError:
            return None


def _numbered(text: str) -> str:
    """The cell such that IPython leaves every line at its number; magics that only measure go."""
    text = _MEASURING.sub(r"\1", text)
    blank = _BLANK_LINES.match(text)
    # IPython takes leading blank lines away, and then the indentation that is left.
    return text if blank is None or "%%" in blank[2] else f"{blank[1]}#\n{text.partition(chr(10))[2]}"


def quiet_shell() -> QuietShell:
    """The shell of this process, which `get_ipython()` finds too. It starts no thread and keeps no file."""
    config = Config()
    config.HistoryManager.enabled = False  # it would start a thread, and no thread survives a fork
    config.InteractiveShell.colors = "NoColor"
    config.Completer.use_jedi = False
    with tempfile.TemporaryDirectory() as folder:  # IPython wants to make its profile somewhere
        os.environ["IPYTHONDIR"] = folder
        try:
            return QuietShell.instance(config=config)
        finally:
            del os.environ["IPYTHONDIR"]


# The watch for forbidden calls goes by the name in a function's globals (`coursekit.checking.shortcut`): an
# answer with a magic in it calls IPython, and not a part of coursekit.
__name__ = "IPython.core.quietshell"
