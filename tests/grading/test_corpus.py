"""Everybody gets what they earned, whatever they or others hand in; see `tests/grading/corpus`.

`python -m pytest tests/grading/test_corpus.py -s` prints how many were stolen, lost, harmed and flagged.
"""

import collections
import html

import pytest

from coursekit.checking.replay import exercises
from coursekit.grading import Limits, grade_lesson
from coursekit.grading.sandbox import sandbox_problem
from tests.grading.corpus import ENTRIES, HOSTILE, LESSONS, points
from tests.grading.corpus.town import town
from tests.grading.corpus.verdict import active_parts, faults

needs_sandbox = pytest.mark.skipif(sandbox_problem() is not None, reason=f"{sandbox_problem()}")

# First, in the middle and last in the order of names; the first is graded before all others are there.
BYSTANDERS = ("bystander-a", "eve-bystander", "zz-bystander")
USUAL, SHORT = Limits(seconds=15, submission_seconds=60), Limits(seconds=1.5, submission_seconds=10)


def of(lesson):
    return [entry for entry in ENTRIES if entry.lesson == lesson]


@needs_sandbox
@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_everybody_gets_what_they_earned_and_nothing_else_changes(lesson, tmp_path, monkeypatch):
    with town(tmp_path) as place:
        monkeypatch.setenv("HOME", str(place.place.home))
        course, entries = place.course, of(lesson)
        for student in BYSTANDERS:
            place.hand_in_right(student, lesson)
        grade_lesson(course, course.lesson(lesson), students=[BYSTANDERS[0]])
        set_by_hand(course, lesson, BYSTANDERS[0])
        for entry in entries:
            place.hand_in(entry)
        place.remember()
        results = grade_all(course, lesson, entries)
        wrong = [fault for entry in entries for fault in faults(entry, results.get(entry.folder))]
        wrong += harmed_bystanders(course, lesson) + place.changes() + leaks(course, lesson, results)
    tell(lesson, entries, results, wrong)
    assert wrong == []


def grade_all(course, lesson, entries):
    """Results by student; those that hang are graded last, with little time."""
    slow = [entry.folder for entry in entries if entry.hangs]
    usual = [*BYSTANDERS[1:], *(entry.folder for entry in entries if not entry.hangs)]
    results = []
    for students, limits in ((usual, USUAL), (slow, SHORT)):
        results += grade_lesson(course, course.lesson(lesson), students=students, jobs=2, limits=limits)
    return {result.student: result for result in results}


def set_by_hand(course, lesson, student):
    """A person's points and words for the prose of a bystander."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        name = f"open-{lesson[:2]}"
        gradebook.find_grade(name, lesson, lesson, student).manual_score = 3.5
        gradebook.find_comment(name, lesson, lesson, student).manual_comment = "Well said."
        gradebook.db.commit()


def harmed_bystanders(course, lesson):
    """What is not right about the marks of those who only happened to be there."""
    from nbgrader.api import Gradebook

    found = []
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        for student in BYSTANDERS:
            for exercise, most in points(lesson).items():
                score = gradebook.find_grade(f"{exercise}-test", lesson, lesson, student).auto_score
                if score != most:
                    found.append(f"lost: {student} has {score} in the gradebook for {exercise}, not {most}")
        by_hand = gradebook.find_grade(f"open-{lesson[:2]}", lesson, lesson, BYSTANDERS[0]).manual_score
        if by_hand != 3.5:
            found.append(f"lost: a score of 3.5 given by hand is now {by_hand}")
    return found


def leaks(course, lesson, results):
    """Pages that are missing, run something, or show a hidden test."""
    tests = [exercise.test for exercise in exercises(course.lesson(lesson).source)]
    inside = [test.split("### BEGIN HIDDEN TESTS")[1].split("### END HIDDEN TESTS")[0] for test in tests]
    hidden = [line.strip() for part in inside for line in part.splitlines() if len(line) > 40]
    pages = sorted((course.root / "feedback").rglob("*.html"))
    found = [] if len(pages) == len(results) + 1 else [f"lost: {len(pages)} pages, {len(results)} results"]
    for page in pages:
        found += [f"active: {page.parent.parent.name}: {part[:80]}" for part in active_parts(page)]
        text = html.unescape(page.read_text("utf-8"))
        found += [f"shown: {page.parent.parent.name}: {line}" for line in hidden if line in text]
    return found


def tell(lesson, entries, results, wrong):
    """One line for the log, and one for each fault."""
    kinds = collections.Counter(fault.split(":")[0] for fault in wrong)
    hostile = [
        results[entry.folder] for entry in entries if entry.kind in HOSTILE and entry.folder in results
    ]
    flagged = sum(bool(result.flags) for result in hostile)
    print(
        f"\n{lesson}: {len(entries)} submissions, {dict(kinds)}; flagged: {flagged} of {len(hostile)} hostile"
    )
    print("\n".join(wrong))


def test_corpus_has_every_kind_and_each_name_once():
    count = collections.Counter(entry.kind for entry in ENTRIES)
    assert len(ENTRIES) >= 80
    assert min(count[kind] for kind in (*HOSTILE, "broken", "honest")) >= 10
    for names in ([entry.name for entry in ENTRIES], [entry.folder for entry in ENTRIES]):
        assert len(set(names)) == len(names)


def test_corpus_expects_no_points_beyond_an_exercise_s_own():
    for entry in ENTRIES:
        for exercise, earned in entry.earns.items():
            assert 0 < earned <= points(entry.lesson)[exercise], entry.name
