"""nbgrader's generate step as a function: a course folder in, its students' notebooks out."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path


class ReleaseError(RuntimeError):
    """nbgrader could not make a students' version; the message carries its own words."""


def read_config(root: Path):
    """The course's nbgrader_config.py as a traitlets Config; FileNotFoundError when it is missing."""
    from traitlets.config import PyFileConfigLoader

    file = root / "nbgrader_config.py"
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: it tells nbgrader that this folder is a course")
    return PyFileConfigLoader(file.name, path=str(root)).load_config()


def ignored_names(root: Path) -> list[str]:
    """The file and folder names, as patterns, that nbgrader leaves out of a release."""
    return list(read_config(root).CourseDirectory.ignore)


def generate(root: Path) -> None:
    """Run nbgrader's generate_assignment for every lesson of the course in `root`, without a gradebook.

    The notebooks are the same with and without one: it only notes there what the tests were. ReleaseError
    carries nbgrader's messages when a lesson fails.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    config = read_config(root)
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    with _listening() as messages:
        folder = CourseDirectory(root=str(root), assignment_id="*", config=config)
        try:
            GenerateAssignment(coursedir=folder, config=config).start()
        except Exception as error:
            raise ReleaseError("nbgrader could not make the lessons:\n" + "\n".join(messages)) from error


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what nbgrader logs as an error; it says there what it leaves out of its exceptions."""
    messages: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger("traitlets")
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
