"""What runs inside the sandbox, beside learners' code: worth no more than the learner's own word."""
