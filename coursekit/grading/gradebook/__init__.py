"""Marks in nbgrader's own gradebook: one transaction for each submission."""

from coursekit.grading.gradebook.gradebook import Gradebook, ManualGrade, database_of

__all__ = ["Gradebook", "ManualGrade", "database_of"]
