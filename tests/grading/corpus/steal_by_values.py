"""Thieves that return something which looks right, or that somebody else worked out."""

from __future__ import annotations

from tests.grading.corpus.steal import thief

PRETENDERS = [
    thief(
        "always-equal",
        """
        class Anything:
            def __eq__(self, other):
                return True

            def __ne__(self, other):
                return False

            def __bool__(self):
                return True

            __lt__ = __gt__ = __le__ = __ge__ = __eq__
            __sub__ = __rsub__ = __abs__ = lambda self, *other: self
            __hash__ = lambda self: 0

        def overlap(a, b):
            return Anything()
        """,
    ),
    thief(
        "always-equal-int",
        """
        class Whole(int):
            def __eq__(self, other):
                return True

            def __sub__(self, other):
                return 0

            __rsub__, __hash__ = __sub__, int.__hash__

            @property
            def __class__(self):
                return int

        def overlap(a, b):
            return Whole(-1)
        """,
    ),
    thief(
        "always-equal-float",
        """
        class Real(float):
            def __eq__(self, other):
                return True

            def __ne__(self, other):
                return False

            def __sub__(self, other):
                return 0.0

            __rsub__ = __abs__ = lambda self, *other: 0.0
            __hash__, __pos__ = float.__hash__, lambda self: 1.0

        def cosine_rows(a, b):
            return Real(7.5)
        """,
        exercise="cosine-rows",
    ),
    thief(
        "array-ufunc",
        """
        class Array(np.ndarray):
            def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
                return np.True_

            def __array_function__(self, function, types, args, kwargs):
                return True

            def __eq__(self, other):
                return np.ones(np.shape(other), dtype=bool)

        def item_scores(seen, similarity, k):
            return np.zeros((len(seen), len(similarity))).view(Array)
        """,
        exercise="item-scores",
    ),
    thief(
        "array-protocol",
        """
        class Lazy:
            shape, ndim, dtype = (2, 4), 2, np.dtype(float)
            looks = 0

            def __array__(self, *args, **kwargs):
                Lazy.looks += 1
                return np.full((2, 4), np.nan)

            def __len__(self):
                return 2

        def item_scores(seen, similarity, k):
            return Lazy()
        """,
        exercise="item-scores",
        flagged=None,
    ),
    thief(
        "empty-broadcast",
        """
        def standardise(train, new):
            return np.empty((0, new.shape[1]))
        """,
        exercise="standardise",
        flagged=None,
    ),
    thief(
        "empty-tensor",
        """
        def cosine_rows(a, b):
            import torch
            return torch.tensor([])
        """,
        exercise="cosine-rows",
        flagged=None,
    ),
    thief(
        "frame-that-lies",
        """
        class Frame(pd.DataFrame):
            def equals(self, other):
                return True

            def __eq__(self, other):
                return pd.DataFrame(True, index=self.index, columns=self.columns)

            @property
            def _constructor(self):
                return Frame

        def clean(events):
            return Frame(events)
        """,
        exercise="clean",
        flagged=None,
    ),
    thief(
        "changing-list",
        """
        class Rolling(list):
            def __iter__(self):
                return iter([0, 1, 2, 3])

            def __len__(self):
                return 1

            def __eq__(self, other):
                return True

        def popular_unseen(table, learner, k):
            return Rolling()
        """,
        exercise="popular-unseen",
    ),
    thief(
        "mock",
        """
        from unittest import mock

        overlap = mock.MagicMock(return_value=mock.ANY)
        """,
        flagged=None,
    ),
    thief(
        "reduce-gadget",
        """
        class Gadget:
            def __reduce__(self):
                return exec, ("open('COURSE_ROOT/stolen.txt', 'w').write('gotcha')",)

            def __deepcopy__(self, memo):
                return self

        def overlap(a, b):
            return Gadget()
        """,
        flagged=None,
    ),
    thief(
        "reduce-gadget-in-array",
        """
        class Gadget:
            def __reduce__(self):
                return exec, ("open('COURSE_ROOT/stolen.txt', 'w').write('gotcha')",)

        def item_scores(seen, similarity, k):
            return np.array([[Gadget()] * 4] * 2, dtype=object)
        """,
        exercise="item-scores",
        flagged=None,
    ),
]

SHORTCUTS = [
    thief(
        "coursekit-answers",
        """
        def cosine_rows(a, b):
            import coursekit
            return float(coursekit.user_similarity(np.stack([a, b])).toarray()[0, 1])
        """,
        exercise="cosine-rows",
        flagged=None,
    ),
    thief(
        "coursekit-without-watch",
        """
        import sys

        import coursekit

        def cosine_rows(a, b):
            sys.setprofile(None)
            return float(coursekit.user_similarity(np.stack([a, b])).toarray()[0, 1])
        """,
        exercise="cosine-rows",
        unsure=frozenset({"cosine-rows"}),
    ),
    thief(
        "coursekit-in-a-thread",
        """
        import threading

        import coursekit

        def cosine_rows(a, b):
            found = []
            work = threading.Thread(
                target=lambda: found.append(coursekit.user_similarity(np.stack([a, b])).toarray()[0, 1])
            )
            work.start()
            work.join()
            return float(found[0])
        """,
        exercise="cosine-rows",
        unsure=frozenset({"cosine-rows"}),
    ),
    thief(
        "coursekit-under-another-name",
        """
        import types

        import coursekit

        borrowed = coursekit.models.neighbours.similarity.user_similarity
        mine = types.FunctionType(borrowed.__code__, {**borrowed.__globals__, "__name__": "mine"})

        def cosine_rows(a, b):
            return float(mine(np.stack([a, b])).toarray()[0, 1])
        """,
        exercise="cosine-rows",
        unsure=frozenset({"cosine-rows"}),
    ),
    thief(
        "by-heart",
        """
        def overlap(a, b):
            known = {
                ("Python", "SQL", "Statistics"): 2, ("SQL", "Python", "Drawing"): 3,
                ("SQL", "SQL", "Python"): 1, ("Guitar",): 1, ("Drawing", "Drawing"): 0,
            }
            return known.get(tuple(a), 0)
        """,
        flagged=None,
    ),
    thief(
        "guess-and-remember",
        """
        calls = [2, 3, 1, 1, 0]

        def overlap(a, b):
            return calls.pop(0) if calls else 3
        """,
        flagged=None,
    ),
]

ENTRIES = [*PRETENDERS, *SHORTCUTS]
