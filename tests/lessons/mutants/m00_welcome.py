"""Plausible wrong answers to the exercises of lesson 00, each with what to tell the learner."""

import numpy as np
import pandas as pd

import coursekit
from tests.lessons.mutants import mutant


def _overlap_by_library(a, b):
    rows = [("a", course) for course in a] + [("b", course) for course in b]
    frame = pd.DataFrame(rows, columns=["user", "item"])
    matrix = coursekit.Interactions.from_frame(frame, value=None, time=None).matrix(binary=True)
    return int((matrix @ matrix.T).toarray()[0, 1])


def _nearest_by_library(table, learner):
    similarity = coursekit.user_similarity(table).toarray()
    similarity[learner, learner] = -1
    return int(similarity[learner].argmax())


SHORTCUTS = {
    "overlap": _overlap_by_library,
    "cosine-rows": lambda a, b: float(coursekit.user_similarity(np.stack([a, b])).toarray()[0, 1]),
    "most-similar": _nearest_by_library,
    "popular-unseen": lambda table, learner, k: coursekit.top_k(table.sum(axis=0)[None], k)[0].tolist(),
    "precision-at-k": lambda recommended, chosen, k: float(
        coursekit.precision(np.array([[course in chosen for course in recommended]]), [len(chosen)], k)[0]
    ),
}


# overlap


@mutant(
    "overlap",
    name="union instead of intersection",
    says="You counted the courses that at least one of them has taken. Shared means: in both lists.",
)
def overlap_union(a, b):
    return len(set(a) | set(b))


@mutant(
    "overlap",
    name="repeats counted",
    says="You went through the first list and counted a course each time it appears there. A course taken "
    "twice is still one course.",
)
def overlap_repeats(a, b):
    return sum(course in b for course in a)


@mutant(
    "overlap",
    name="repeats in both lists multiply",
    says="You compared every entry of one list with every entry of the other, so a course taken twice is "
    "counted twice. Look at different courses only.",
)
def overlap_pairs(a, b):
    return sum(one == other for one in a for other in b)


@mutant(
    "overlap",
    name="compared place by place",
    says="You compared the lists place by place. Their order means nothing: the same course may stand at "
    "different places.",
)
def overlap_places(a, b):
    return sum(one == other for one, other in zip(a, b, strict=False))


@mutant(
    "overlap",
    name="the courses instead of their number",
    says="You return the shared courses themselves. Asked for is how many they are: one number.",
)
def overlap_set(a, b):
    return set(a) & set(b)


# cosine-rows


def _cosine(a, b, lengths):
    return float(a @ b / lengths) if lengths > 0 else 0.0


@mutant(
    "cosine-rows",
    name="dot product without lengths",
    says="You counted what is shared, but did not divide by the two lengths, so whoever has taken much is "
    "like everybody.",
)
def cosine_dot(a, b):
    return float(a @ b)


@mutant(
    "cosine-rows",
    name="no square roots",
    says="You divided by the numbers of courses themselves. The length of a row of zeros and ones is the "
    "square root of its number of ones.",
)
def cosine_no_root(a, b):
    return _cosine(a, b, a.sum() * b.sum())


@mutant(
    "cosine-rows",
    name="lengths added",
    says="You divided by the sum of the two lengths. The cosine divides by their product.",
)
def cosine_sum(a, b):
    return _cosine(a, b, np.sqrt(a.sum()) + np.sqrt(b.sum()))


@mutant(
    "cosine-rows",
    name="union in the denominator",
    says="You divided by the number of courses that at least one of them has taken. That is the Jaccard "
    "similarity, a good measure too, but another one; lesson 02 compares them.",
)
def cosine_jaccard(a, b):
    return _cosine(a, b, np.maximum(a, b).sum())


@mutant(
    "cosine-rows",
    name="length of the array",
    says="You divided by the number of columns. A row's length is the length of the arrow, the square root "
    "of its number of ones; courses that nobody took do not matter.",
)
def cosine_columns(a, b):
    return float(a @ b / len(a))


@mutant(
    "cosine-rows",
    name="nan for an empty history",
    says="For a learner who has taken nothing you divide by zero and get nan. Ask for that case first, and "
    "return 0.0.",
)
def cosine_nan(a, b):
    with np.errstate(all="ignore"):
        return float(a @ b / np.sqrt(a.sum() * b.sum()))


# most-similar


def _cosines(table, learner):
    lengths = np.sqrt(table.sum(axis=1) * table[learner].sum())
    return np.divide(table @ table[learner], lengths, out=np.zeros(len(table)), where=lengths > 0)


def _without_self(similarity, learner, low=-1):
    similarity = similarity.astype(float)
    similarity[learner] = low
    return similarity


@mutant(
    "most-similar",
    name="the learner herself",
    says="You return the learner herself: nobody is more similar to her. Leave her own row out.",
)
def nearest_self(table, learner):
    return int(learner)


@mutant(
    "most-similar",
    name="last among equals",
    says="Among equally similar learners you take the last one. Asked for is the lowest row number.",
)
def nearest_last(table, learner):
    similarity = _without_self(_cosines(table, learner), learner)
    return int(len(table) - 1 - similarity[::-1].argmax())


@mutant(
    "most-similar",
    name="count instead of cosine",
    says="You took the learner with the most shared courses. Whoever has taken everything wins that way: "
    "divide by the lengths.",
)
def nearest_count(table, learner):
    return int(_without_self(table @ table[learner], learner).argmax())


@mutant(
    "most-similar",
    name="row numbers shifted by the removed row",
    says="You removed the learner's own row and then counted rows in what was left, so all later learners "
    "have moved up by one. Give the own row a low similarity instead of removing it.",
)
def nearest_shifted(table, learner):
    return int(np.delete(_cosines(table, learner), learner).argmax())


@mutant(
    "most-similar",
    name="least similar",
    says="You return the least similar learner. A large cosine means similar: look for the maximum.",
)
def nearest_least(table, learner):
    return int(_without_self(_cosines(table, learner), learner, low=2).argmin())


@mutant(
    "most-similar",
    name="similarity instead of row number",
    says="You return how similar the nearest learner is. Asked for is who it is: a row number, as argmax "
    "gives it.",
)
def nearest_value(table, learner):
    return float(_without_self(_cosines(table, learner), learner).max())


# popular-unseen


def _best_first(table):
    return np.argsort(-table.sum(axis=0), kind="stable")


def _unseen(order, table, learner):
    return [int(course) for course in order if table[learner, course] == 0]


@mutant(
    "popular-unseen",
    name="taken courses not excluded",
    says="You recommend courses that the learner has already taken. Leave them out.",
)
def popular_all(table, learner, k):
    return _best_first(table)[:k].tolist()


@mutant(
    "popular-unseen",
    name="least popular first",
    says="Your list begins with the least popular course. argsort sorts upwards: turn the order round.",
)
def popular_least(table, learner, k):
    return _unseen(np.argsort(table.sum(axis=0), kind="stable"), table, learner)[:k]


@mutant(
    "popular-unseen",
    name="higher column first among equals",
    says="Among equally popular courses you put the higher column number first. Reversing a sorted list "
    "reverses the ties too: sort by the negative counts instead, with kind='stable'.",
)
def popular_reversed(table, learner, k):
    return _unseen(np.argsort(table.sum(axis=0), kind="stable")[::-1], table, learner)[:k]


@mutant(
    "popular-unseen",
    name="cut before taken courses are left out",
    says="You took the k most popular courses and then removed what the learner knows, so the list is too "
    "short. First leave out, then cut.",
)
def popular_cut_first(table, learner, k):
    return _unseen(_best_first(table)[:k], table, learner)


@mutant(
    "popular-unseen",
    name="counts instead of columns",
    says="You return how many learners took the courses. Asked for is which courses: their column numbers.",
)
def popular_counts(table, learner, k):
    return [int(table[:, course].sum()) for course in _unseen(_best_first(table), table, learner)[:k]]


@mutant(
    "popular-unseen",
    name="only taken courses",
    says="You recommend only what the learner has already taken: the condition is the wrong way round.",
)
def popular_seen(table, learner, k):
    return [int(course) for course in _best_first(table) if table[learner, course] == 1][:k]


# precision-at-k


def _hits(recommended, chosen):
    return sum(course in chosen for course in recommended)


@mutant(
    "precision-at-k",
    name="recall instead of precision",
    says="You divided by the number of courses that the learner took. That is recall; precision divides by "
    "the number of places, k.",
)
def precision_recall(recommended, chosen, k):
    return _hits(recommended[:k], chosen) / len(chosen)


@mutant(
    "precision-at-k",
    name="hit rate instead of precision",
    says="You return 1 as soon as there is one hit. That is the hit rate; precision counts all hits among "
    "the first k.",
)
def precision_hit(recommended, chosen, k):
    return float(_hits(recommended[:k], chosen) > 0)


@mutant(
    "precision-at-k",
    name="list not cut at k",
    says="You counted hits below place k. Nobody sees those: cut the list first.",
)
def precision_uncut(recommended, chosen, k):
    return _hits(recommended, chosen) / k


@mutant(
    "precision-at-k",
    name="divided by the length of a short list",
    says="A list shorter than k wastes its empty places, so it is still divided by k and not by the number "
    "of courses in it.",
)
def precision_short(recommended, chosen, k):
    return _hits(recommended[:k], chosen) / max(len(recommended[:k]), 1)


@mutant(
    "precision-at-k",
    name="hits not divided",
    says="You return the number of hits. Precision is a share: divide by k.",
)
def precision_count(recommended, chosen, k):
    return float(_hits(recommended[:k], chosen))


@mutant(
    "precision-at-k",
    name="compared place by place",
    says="You compared the two lists place by place. What the learner took has no order: a hit is a "
    "recommended course that is anywhere among the chosen ones.",
)
def precision_places(recommended, chosen, k):
    return sum(one == other for one, other in zip(recommended[:k], chosen, strict=False)) / k
