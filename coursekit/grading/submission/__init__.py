"""What a learner handed in, in whatever state: the text of the answer cells, and sentences on damage."""

from coursekit.grading.submission.submission import Submission, read_submission

__all__ = ["Submission", "read_submission"]
