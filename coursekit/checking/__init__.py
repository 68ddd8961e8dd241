"""What the tests of an exercise call: compare, explain, hint.

A test cell makes one `Check`. It calls the learner's answer on small inputs (`call`), turns what comes
back into plain data (`plain`), compares strictly (`compare`), notices forbidden calls (`shortcut`) and says
in one short text what is wrong (`message`), naming the misconception where it knows it (`hints`).
`check_notebook` marks a whole notebook; `derive` and `replay` are the maintainers' side.
"""

from coursekit.checking.call import Outcome, RemoteAnswer, Rules
from coursekit.checking.check import Check, NotYet
from coursekit.checking.compare import difference
from coursekit.checking.derive import derive_misconceptions
from coursekit.checking.notebook import check_notebook, print_marks

__all__ = [
    "Check",
    "NotYet",
    "Outcome",
    "RemoteAnswer",
    "Rules",
    "check_notebook",
    "derive_misconceptions",
    "difference",
    "print_marks",
]
