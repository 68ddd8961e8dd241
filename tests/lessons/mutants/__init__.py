"""Plausible wrong answers, one function each, with the sentence that a learner who wrote it should read.

A lesson's module is named after it (`m02_similarity.py`) and reads

    from tests.lessons.mutants import mutant

    SHORTCUTS = {"cosine": lambda a, b: coursekit.cosine(a, b)}   # the forbidden way, per exercise

    @mutant("cosine", name="dot product without lengths", says="You multiplied and summed, but …")
    def cosine_dot(a, b):
        return float(np.dot(a, b))

For an exercise whose answer is a value, the function takes no argument and returns the wrong value.
"""

from collections.abc import Callable

# (module, exercise, name, says, function), in the order of writing.
REGISTRY: list[tuple[str, str, str, str, Callable]] = []


def mutant(exercise: str, *, name: str, says: str) -> Callable[[Callable], Callable]:
    """Register the decorated function as a wrong answer to `exercise`."""

    def keep(function: Callable) -> Callable:
        REGISTRY.append((function.__module__, exercise, name, says, function))
        return function

    return keep
