"""Code that an instructor should look at, found by reading it."""

from coursekit.grading.suspicion.flags import flag_of_notice, flags_of

__all__ = ["flag_of_notice", "flags_of"]
