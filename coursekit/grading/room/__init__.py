"""The grader's side of a learner's process: start it, ask it, check what it says, end it."""

from coursekit.grading.room.room import Room, RoomError, Rooms, Step, StepError

__all__ = ["Room", "RoomError", "Rooms", "Step", "StepError"]
