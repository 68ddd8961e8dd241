"""The rules that every lesson must satisfy, each a function from a notebook to what breaks it, in sentences.

`broken_rules` applies those that need one source notebook; `leaks` compares a source with its release.
"""

from collections.abc import Callable, Iterator

from coursekit.lessons.rules import code, shape
from coursekit.lessons.rules.leaks import leaks

Rule = Callable[[dict], Iterator[str]]

RULES: dict[str, Rule] = {
    "title": shape.title,
    "setup": shape.setup,
    "parameters": shape.parameters,
    "sizes": shape.sizes,
    "prose": shape.prose,
    "images": shape.images,
    "exercises": shape.exercises,
    "open question": shape.open_question,
    "summary": shape.summary,
    "imports": code.imports,
    "figures": code.figures,
    "tests": code.tests,
}


def broken_rules(notebook: dict) -> list[str]:
    """What is wrong with a source notebook, `rule: sentence` each; empty for a sound lesson."""
    return [f"{name}: {sentence}" for name, rule in RULES.items() for sentence in rule(notebook)]


__all__ = ["RULES", "broken_rules", "leaks"]
