"""The walls: bubblewrap around all learners' processes, and a world of its own around each of them."""

from coursekit.grading.sandbox.bubblewrap import sandbox_command, sandbox_problem

__all__ = ["sandbox_command", "sandbox_problem"]
