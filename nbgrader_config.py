"""nbgrader's settings: the repository's root is itself a course; every stock nbgrader command works in it."""

from nbconvert.preprocessors import TagRemovePreprocessor

c = get_config()  # noqa: F821  (nbgrader puts it there)

c.CourseDirectory.course_id = "coursekit"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "lessons"
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "__pycache__",
    "*.pyc",
    ".pytest_cache",
    ".ruff_cache",
    ".DS_Store",
    "Thumbs.db",
]

# What a student finds in place of an answer.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError"}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"


class ForLearners(TagRemovePreprocessor):
    """Leaves out what is tagged for instructors: the flags of our grader, which formgrader shows."""


# For stock `nbgrader generate_feedback` alone: TagRemovePreprocessor's own settings act on formgrader too.
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    ForLearners,
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
c.ForLearners.enabled = True
c.ForLearners.remove_cell_tags = {"instructor-only"}

# A lesson's cell may train a small model: nbgrader's 30 seconds would cut it off.
c.Execute.timeout = 300
