"""Whether anything that must stay with the teachers has got into the students' version."""

import ast
import re
from collections.abc import Iterator

from coursekit.lessons.rules.cells import is_answer, is_open, nbgrader

SOLUTION = re.compile(r"BEGIN SOLUTION[^\n]*\n(.*?)[^\n]*END SOLUTION", re.DOTALL)
HIDDEN = re.compile(r"BEGIN HIDDEN TESTS[^\n]*\n(.*?)[^\n]*END HIDDEN TESTS", re.DOTALL)
MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
# Shorter lines, and lines that open a block, say nothing: any program may hold them.
SHORTEST = 25
OPENING = ("def ", "class ", "for ", "if ", "while ", "with ", "import ", "from ", "#", '"""', "return None")


def leaks(source: dict, released: str, mutants: str = "") -> list[str]:
    """Sentences about what of `source` (a notebook), or of a `mutants` module's text, stands in `released`.

    `released` is all text that students get: every line of the released notebook's cells. Solutions, hidden
    tests, model answers to open questions, and the mutants' sentences are compared line by line.
    """
    lines = {line.strip() for line in released.split("\n")}
    found = [f"the marker {marker!r} is there" for marker in MARKERS if marker in released]
    for owner, secret in [*_secrets(source), *_mutant_secrets(mutants)]:
        found += [f"{owner}: {line!r}" for line in _telling(secret) if line in lines]
    for owner, sentence in _mutant_sentences(mutants):
        if sentence in released:
            found.append(f"{owner}: {sentence!r}")
    return found


def _secrets(source: dict) -> Iterator[tuple[str, str]]:
    for cell in source["cells"]:
        text, name = cell["source"], nbgrader(cell).get("grade_id", cell.get("id"))
        regions = SOLUTION.findall(text)
        if is_open(cell) or (is_answer(cell) and not regions):
            regions = [text]
        for region in regions:
            yield f"the solution of {name}", region
        for region in HIDDEN.findall(text):
            yield f"a hidden test of {name}", region


def _telling(secret: str) -> list[str]:
    lines = [line.strip() for line in secret.split("\n")]
    return [line for line in lines if len(line) >= SHORTEST and not line.startswith(OPENING)]


def _mutants(text: str) -> Iterator[tuple[ast.FunctionDef, ast.Call]]:
    """Each decorated wrong answer of a mutants module, with its decorator."""
    for node in ast.walk(ast.parse(text)):
        for call in getattr(node, "decorator_list", []):
            if getattr(getattr(call, "func", None), "id", "") == "mutant":
                yield node, call


def _mutant_secrets(text: str) -> Iterator[tuple[str, str]]:
    for function, _ in _mutants(text):
        body = "\n".join(ast.get_source_segment(text, statement) or "" for statement in function.body)
        yield f"the mutant {function.name}", body


def _mutant_sentences(text: str) -> Iterator[tuple[str, str]]:
    for function, call in _mutants(text):
        for word in call.keywords:
            if word.arg == "says" and isinstance(word.value, ast.Constant):
                yield f"what the mutant {function.name} says", word.value.value
