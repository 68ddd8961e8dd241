"""What people see of a graded submission: the rebuilt notebook in formgrader, the page for the learner."""
