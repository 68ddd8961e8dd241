"""Finding the checkout and naming its lessons."""

import pytest

from coursekit.lessons import Course


@pytest.mark.parametrize("name", ["1", "01", "01_more", "more", "lessons/01_more/01_more.ipynb"])
def test_a_lesson_answers_to_number_topic_key_and_path(course, name):
    assert course.lesson(name).key == "01_more"


@pytest.mark.parametrize("name", ["7", "mor", "", "01_mor", "-1"])
def test_an_unknown_lesson_lists_those_there_are(course, name):
    with pytest.raises(LookupError, match="00_welcome, 01_more"):
        course.lesson(name)


def test_lessons_come_in_order_and_other_folders_are_none(course):
    (course.root / "solutions" / "notes").mkdir()
    (course.root / "solutions" / "02_empty").mkdir()
    assert [lesson.key for lesson in Course(course.root).lessons] == ["00_welcome", "01_more"]


def test_course_is_found_from_within(course):
    assert Course.find(course.root / "solutions" / "00_welcome").root == course.root


def test_outside_a_checkout_the_one_coursekit_came_from_is_found(tmp_path):
    assert (Course.find(tmp_path).root / "coursekit" / "lessons").is_dir()


def test_address_is_read_from_pyproject_and_its_absence_named(course):
    assert course.repository == "https://github.com/someone/course"
    (course.root / "pyproject.toml").write_text('[project]\nname = "coursekit"\n', "utf-8")
    with pytest.raises(KeyError, match="Repository"):
        _ = Course(course.root).repository
