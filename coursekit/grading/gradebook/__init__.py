"""Marks in nbgrader's own gradebook: one transaction for each submission."""

from coursekit.grading.gradebook.gradebook import Gradebook, ManualGrade

__all__ = ["Gradebook", "ManualGrade"]
