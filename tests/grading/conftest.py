"""What several tests share: a lesson, the file of a gradebook, a gradebook that knows the lesson."""

import pytest

from tests.grading.gradebooks import lesson_template


@pytest.fixture(scope="session")
def template():
    return lesson_template()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "gradebook.db"


@pytest.fixture
def gradebook(file, template):
    from coursekit.grading.gradebook import Gradebook

    with Gradebook(file) as opened:
        opened.register(template)
        yield opened
