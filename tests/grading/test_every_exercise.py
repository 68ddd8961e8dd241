"""Every exercise of every lesson, graded as submissions are: its test pays for the solution and nothing else.

Each student of this class gives the same kind of answer to every exercise of a lesson.
"""

import pytest

from coursekit.checking.derive import mutants_of
from coursekit.checking.replay import exercises
from coursekit.grading import Limits, grade_lesson
from coursekit.grading.sandbox import sandbox_problem
from coursekit.lessons import Course
from tests.grading.corpus.entry import LESSONS, ROOT, as_bytes, fill, put, released, solutions
from tests.grading.corpus.mutants import mutant_text
from tests.grading.corpus.town import town

pytestmark = [
    pytest.mark.skipif(sandbox_problem() is not None, reason=f"{sandbox_problem()}"),
    pytest.mark.slow,
]

CONSTANTS = {"none": "None", "0": "0", "1": "1", "true": "True", "list": "[]", "nan": "float('nan')"}
UNTIDY = """
%matplotlib inline
import warnings

import matplotlib.pyplot as plt

{solution}

plt.plot([1, 2, 3])
plt.show()
right_{name}, {name} = {name}, None


def {name}(*args, **kwargs):
    import copy

    found = right_{name}(*copy.deepcopy(args), **copy.deepcopy(kwargs))
    %time print("working on", args)
    warnings.warn("careful")
    plt.figure()
    plt.show()
    for argument in args:
        if isinstance(argument, np.ndarray) and argument.dtype.kind in "iufb":
            argument[...] = 0
        elif isinstance(argument, (list, dict, set)):
            argument.clear()
        elif hasattr(argument, "columns"):
            argument.drop(columns=list(argument.columns), inplace=True)
    return found
"""


class Class:
    """Students of one lesson: their answers by exercise, and what they got."""

    def __init__(self, lesson):
        self.lesson = lesson
        self.exercises = {exercise.name: exercise for exercise in exercises(source_of(lesson))}
        self.mutants = {name: self._mutants_of(name) for name in self.exercises}

    def answers(self):
        """{student: {exercise: text}}; an exercise that is not there stays as released."""
        solved = {name: solutions(self.lesson)[name] for name in self.exercises}
        found = {"solved": solved, "released": {}}
        for name, value in CONSTANTS.items():
            found[f"constant-{name}"] = self._each(value)
        found["first-argument"] = self._each("[*args, *kwargs.values(), None][0]")
        found["untidy"] = {
            name: UNTIDY.format(solution=text, name=self.exercises[name].variable)
            for name, text in solved.items()
            if self.exercises[name].is_function
        }
        for number in range(max(map(len, self.mutants.values()))):
            found[f"mutant-{number}"] = {
                name: mutant_text(self.lesson, self.exercises[name], made[number])
                for name, made in self.mutants.items()
                if number < len(made)
            }
        return found

    def grade(self, folder):
        """Marks by student and exercise."""
        answers = self.answers()
        with town(folder) as place:
            for student, texts in answers.items():
                notebook = fill(released(self.lesson), texts)
                where = place.place.course / "submitted" / student / self.lesson
                put(where, {f"{self.lesson}.ipynb": as_bytes(notebook)})
            lesson = place.course.lesson(self.lesson)
            results = grade_lesson(place.course, lesson, jobs=2, limits=Limits(seconds=20))
        return {result.student: {mark.exercise: mark for mark in result.marks} for result in results}

    def _mutants_of(self, name):
        return [mutant for mutant in mutants_of(ROOT, self.lesson)[0] if mutant.exercise == name]

    def _each(self, value):
        texts = {}
        for name, exercise in self.exercises.items():
            function = f"def {exercise.variable}(*args, **kwargs):\n    return {value}"
            plain = f"args, kwargs = (), {{}}\n{exercise.variable} = {value}"
            texts[name] = function if exercise.is_function else plain
        return texts


def source_of(lesson):
    return Course(ROOT).lesson(lesson).source


def earned(marks, student):
    return {name: mark.points for name, mark in marks[student].items()}


@pytest.mark.parametrize("lesson", LESSONS)
def test_solution_earns_full_marks_and_nothing_else_does(lesson, tmp_path):
    pupils = Class(lesson)
    marks = pupils.grade(tmp_path)
    most = {name: exercise.points for name, exercise in pupils.exercises.items()}
    nothing = dict.fromkeys(most, 0)
    functions = {name for name, exercise in pupils.exercises.items() if exercise.is_function}
    assert earned(marks, "solved") == most
    assert earned(marks, "untidy") == {name: most[name] if name in functions else 0 for name in most}
    assert earned(marks, "released") == nothing
    for student in [*(f"constant-{name}" for name in CONSTANTS), "first-argument"]:
        assert earned(marks, student) == nothing, student
    assert mutants_that_pass(pupils, marks) == []


def mutants_that_pass(pupils, marks):
    """Wrong answers that lost nothing, or were not told their own misconception."""
    found = []
    for name, made in pupils.mutants.items():
        for number, mutant in enumerate(made):
            mark = marks[f"mutant-{number}"][name]
            if mark.points >= mark.max_points or mutant.says not in mark.message:
                found.append(f"{name}: {mutant.name}: {mark.points:g} points: {mark.message}")
    return found
