"""Plausible wrong answers to the exercises of lesson 02, each with what to tell the learner."""

import numpy as np
import pandas as pd
from scipy import sparse

import coursekit
from tests.lessons.mutants import mutant


def _similarity_by_library(kind, shrinkage=0.0):
    def answer(a, b):
        return float(coursekit.user_similarity(np.stack([a, b]), kind, shrinkage).toarray()[0, 1])

    return answer


def _jaccard_by_library(a, b, shrinkage):
    courses = sorted({*a, *b})
    table = np.array([[float(course in chosen) for course in courses] for chosen in (a, b)])
    return float(coursekit.user_similarity(table, "jaccard", shrinkage).toarray()[0, 1])


def _rating_by_library(ratings, similarity, user, item, k):
    rows = [(u, i, ratings[u, i]) for u, i in np.argwhere(~np.isnan(ratings))]
    events = pd.DataFrame(rows, columns=["user", "item", "value"])
    data = coursekit.Interactions.from_frame(events, time=None)
    model = coursekit.UserKNN("pearson", k, feedback="explicit").fit(data)
    return float(model.predict([user], [item])[0])


def _scores_by_library(seen, similarity, k):
    return seen @ coursekit.item_similarity(seen, n_neighbours=k).toarray()


SHORTCUTS = {
    "cosine-co-rated": _similarity_by_library("cosine"),
    "pearson-co-rated": _similarity_by_library("pearson"),
    "shrunk-jaccard": _jaccard_by_library,
    "predict-rating": _rating_by_library,
    "item-scores": _scores_by_library,
    "best-unseen": lambda scores, seen, k: coursekit.top_k(scores, k, sparse.csr_array(seen)),
}


# cosine-co-rated


def _co_rated(a, b):
    both = ~np.isnan(a) & ~np.isnan(b)
    return a[both], b[both]


def _ratio(product, lengths):
    return float(product / lengths) if lengths > 0 else 0.0


@mutant(
    "cosine-co-rated",
    name="lengths over everything rated",
    says="Your product runs over the co-rated entries, but your lengths run over everything each of the two "
    "has rated, as if a missing rating were a 0. Here all three sums run over co-rated entries only.",
)
def cosine_missing_as_zero(a, b):
    x, y = np.nan_to_num(a), np.nan_to_num(b)
    return _ratio(x @ y, np.linalg.norm(x) * np.linalg.norm(y))


@mutant(
    "cosine-co-rated",
    name="missing ratings not left out",
    says="You get nan as soon as one rating is missing: nan spreads through every sum. Keep only the entries "
    "that both have rated before you sum.",
)
def cosine_with_missing(a, b):
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@mutant(
    "cosine-co-rated",
    name="nan where nothing is co-rated",
    says="Your formula is right, but where there is nothing to compare you divide 0 by 0 and get nan. Ask "
    "for that case and return 0.0.",
)
def cosine_undefined(a, b):
    x, y = _co_rated(a, b)
    with np.errstate(all="ignore"):
        return float(np.float64(x @ y) / (np.linalg.norm(x) * np.linalg.norm(y)))


@mutant(
    "cosine-co-rated",
    name="dot product without lengths",
    says="You multiplied and summed, but did not divide by the two lengths, so whoever gives high ratings is "
    "like everybody.",
)
def cosine_dot(a, b):
    x, y = _co_rated(a, b)
    return float(x @ y)


@mutant(
    "cosine-co-rated",
    name="no square roots",
    says="You divided by the sums of squares. A length is the square root of such a sum.",
)
def cosine_squares(a, b):
    x, y = _co_rated(a, b)
    return _ratio(x @ y, (x @ x) * (y @ y))


@mutant(
    "cosine-co-rated",
    name="Pearson instead of cosine",
    says="You subtracted the means first. That is Pearson's correlation, the next exercise; the cosine takes "
    "the ratings as they are.",
)
def cosine_centred(a, b):
    x, y = _co_rated(a, b)
    x, y = (row - row.mean() if len(row) else row for row in (x, y))
    return _ratio(x @ y, np.linalg.norm(x) * np.linalg.norm(y))


# pearson-co-rated


def _pearson(a, b, mean_a=None, mean_b=None, fewest=2):
    x, y = _co_rated(a, b)
    if len(x) < fewest:
        return 0.0
    x = x - (x.mean() if mean_a is None else mean_a)
    y = y - (y.mean() if mean_b is None else mean_b)
    return _ratio(x @ y, np.linalg.norm(x) * np.linalg.norm(y))


@mutant(
    "pearson-co-rated",
    name="mean over all ratings",
    says="You subtracted the mean of everything a person has rated. Pearson's correlation compares two "
    "people on what both rated, so its means run over the co-rated entries as well.",
)
def pearson_all_means(a, b):
    return _pearson(a, b, np.nanmean(a), np.nanmean(b))


@mutant(
    "pearson-co-rated",
    name="cosine without means",
    says="You did not subtract the means. That is the cosine, which cannot tell a generous opponent from a "
    "friend.",
)
def pearson_cosine(a, b):
    return _pearson(a, b, 0, 0)


@mutant(
    "pearson-co-rated",
    name="middle of the scale instead of the mean",
    says="You subtracted 3, the middle of the scale, from everybody. People differ in their own middle: "
    "subtract each one's mean over the co-rated entries.",
)
def pearson_midpoint(a, b):
    return _pearson(a, b, 3, 3)


@mutant(
    "pearson-co-rated",
    name="nan where a row does not vary",
    says="Where ratings do not vary, or fewer than two are co-rated, you divide 0 by 0 and get nan. There is "
    "no evidence in such a pair: return 0.0.",
)
def pearson_undefined(a, b):
    x, y = _co_rated(a, b)
    with np.errstate(all="ignore"):
        x, y = x - x.mean(), y - y.mean()
        return float(np.float64(x @ y) / (np.linalg.norm(x) * np.linalg.norm(y)))


@mutant(
    "pearson-co-rated",
    name="covariance instead of correlation",
    says="You return the covariance. To get the correlation, divide by both lengths (or by both standard "
    "deviations), so that the result lies between -1 and 1.",
)
def pearson_covariance(a, b):
    x, y = _co_rated(a, b)
    return float(((x - x.mean()) * (y - y.mean())).mean()) if len(x) > 1 else 0.0


@mutant(
    "pearson-co-rated",
    name="sign lost",
    says="You return the strength without the sign. Opposite tastes must give a negative number.",
)
def pearson_absolute(a, b):
    return abs(_pearson(a, b))


@mutant(
    "pearson-co-rated",
    name="missing ratings not left out",
    says="You get nan as soon as one rating is missing. Choose the entries that both have rated first, then "
    "take means and sums.",
)
def pearson_with_missing(a, b):
    x, y = a - np.mean(a), b - np.mean(b)
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


# shrunk-jaccard


def _counts(a, b):
    return len(set(a) & set(b)), len(set(a) | set(b))


@mutant(
    "shrunk-jaccard",
    name="not shrunk",
    says="This is the plain Jaccard similarity. Multiply it by n / (n + shrinkage), with n the number of "
    "shared courses.",
)
def jaccard_plain(a, b, shrinkage):
    common, union = _counts(a, b)
    return common / union if union else 0.0


@mutant(
    "shrunk-jaccard",
    name="evidence counted by the union",
    says="You shrink by the number of courses that at least one of the two has taken. Evidence is what they "
    "share: two long lists with one course in common tell us little.",
)
def jaccard_union_evidence(a, b, shrinkage):
    common, union = _counts(a, b)
    return common / union * union / (union + shrinkage) if common else 0.0


@mutant(
    "shrunk-jaccard",
    name="sum of the lengths as denominator",
    says="You divided by the sum of the two lengths, so shared courses are counted twice. The union counts "
    "each course once.",
)
def jaccard_sum(a, b, shrinkage):
    common, _ = _counts(a, b)
    return common / (len(a) + len(b)) * common / (common + shrinkage) if common else 0.0


@mutant(
    "shrunk-jaccard",
    name="the missing part of the factor",
    says="Your factor is shrinkage / (n + shrinkage), which shrinks most where the evidence is best. It is "
    "n / (n + shrinkage).",
)
def jaccard_inverse_factor(a, b, shrinkage):
    common, union = _counts(a, b)
    return common / union * shrinkage / (common + shrinkage) if common else 0.0


@mutant(
    "shrunk-jaccard",
    name="division by zero where nothing is shared",
    says="Where nothing is shared and the shrinkage is 0 you divide 0 by 0. Ask for that case first and "
    "return 0.0.",
)
def jaccard_undefined(a, b, shrinkage):
    common, union = _counts(a, b)
    return common / union * common / (common + shrinkage)


@mutant(
    "shrunk-jaccard",
    name="shorter list as denominator",
    says="You divided by the length of the shorter list. Jaccard divides by the union, so that a long list "
    "that happens to contain a short one is not a perfect match.",
)
def jaccard_shorter(a, b, shrinkage):
    common, _ = _counts(a, b)
    return common / min(len(a), len(b)) * common / (common + shrinkage) if common else 0.0


# predict-rating


def _near(ratings, similarity, user, item, k, rated_only=True, others_only=True, lowest=0.0):
    near = similarity[user].astype(float)
    if others_only:
        near[user] = -np.inf
    if rated_only:
        near[np.isnan(ratings[:, item])] = -np.inf
    best = np.argsort(-near, kind="stable")[:k]
    return best[near[best] > lowest]


def _predicted(start, values, weights, instead):
    return float(start + weights @ values / weights.sum()) if len(values) else float(instead)


@mutant(
    "predict-rating",
    name="ratings not centred",
    says="You averaged the neighbours' ratings themselves. A strict and a generous neighbour mean different "
    "things by a 4: average how far each is above or below their own mean, and add it to the user's mean.",
)
def predict_raw(ratings, similarity, user, item, k):
    best = _near(ratings, similarity, user, item, k)
    return _predicted(0, ratings[best, item], similarity[user, best], np.nanmean(ratings[user]))


@mutant(
    "predict-rating",
    name="neighbours chosen before asking who rated",
    says="You took the k most similar users and then dropped those who have not rated the item. Look for the "
    "k most similar among those who have rated it.",
)
def predict_cut_first(ratings, similarity, user, item, k):
    best = _near(ratings, similarity, user, item, k, rated_only=False)
    best = best[~np.isnan(ratings[best, item])]
    means = np.nanmean(ratings, axis=1)
    return _predicted(means[user], ratings[best, item] - means[best], similarity[user, best], means[user])


@mutant(
    "predict-rating",
    name="plain mean of the deviations",
    says="All your neighbours count alike. Weigh each by similarity, and divide by the sum of the weights.",
)
def predict_unweighted(ratings, similarity, user, item, k):
    best, means = _near(ratings, similarity, user, item, k), np.nanmean(ratings, axis=1)
    return _predicted(means[user], ratings[best, item] - means[best], np.ones(len(best)), means[user])


@mutant(
    "predict-rating",
    name="divided by the number of neighbours",
    says="You divided by the number of neighbours. Divide by the sum of their similarities, or a timid "
    "neighbourhood moves the prediction too little.",
)
def predict_count(ratings, similarity, user, item, k):
    best, means = _near(ratings, similarity, user, item, k), np.nanmean(ratings, axis=1)
    moved = similarity[user, best] @ (ratings[best, item] - means[best])
    return float(means[user] + moved / max(len(best), 1))


@mutant(
    "predict-rating",
    name="negative similarities let in",
    says="Users with a similarity of 0 or below take part. They are not like this user: use only those above "
    "0, even if fewer than k are left.",
)
def predict_negative(ratings, similarity, user, item, k):
    means = np.nanmean(ratings, axis=1)
    best = _near(ratings, similarity, user, item, k, lowest=-1e9)
    return _predicted(means[user], ratings[best, item] - means[best], similarity[user, best], means[user])


@mutant(
    "predict-rating",
    name="the user is a neighbour too",
    says="The user takes part in the vote and, having rated the item, agrees with nobody more. Leave the "
    "user's own row out.",
)
def predict_self(ratings, similarity, user, item, k):
    means = np.nanmean(ratings, axis=1)
    best = _near(ratings, similarity, user, item, k, others_only=False)
    return _predicted(means[user], ratings[best, item] - means[best], similarity[user, best], means[user])


@mutant(
    "predict-rating",
    name="nan without neighbours",
    says="When nobody similar has rated the item you divide 0 by 0 and get nan. Without evidence the answer "
    "is the user's own mean.",
)
def predict_undefined(ratings, similarity, user, item, k):
    best, means = _near(ratings, similarity, user, item, k), np.nanmean(ratings, axis=1)
    return _predicted(means[user], ratings[best, item] - means[best], similarity[user, best], np.nan)


@mutant(
    "predict-rating",
    name="the user's mean forgotten",
    says="You return how far above or below the mean this user will be. Add the user's own mean to come back "
    "to the scale of ratings.",
)
def predict_deviation(ratings, similarity, user, item, k):
    best, means = _near(ratings, similarity, user, item, k), np.nanmean(ratings, axis=1)
    return _predicted(0, ratings[best, item] - means[best], similarity[user, best], 0)


# item-scores


def _votes(similarity, k, own=-1.0, largest=True):
    others = similarity.astype(float)
    np.fill_diagonal(others, own)
    best = np.argsort(-others if largest else others, axis=1, kind="stable")[:, :k]
    votes = np.zeros(others.shape)
    np.put_along_axis(votes, best, np.take_along_axis(others, best, axis=1), axis=1)
    return votes


@mutant(
    "item-scores",
    name="all items are neighbours",
    says="Every item votes for every other. Only the k nearest of each item in the history count.",
)
def scores_all(seen, similarity, k):
    return seen @ _votes(similarity, len(similarity) - 1)


@mutant(
    "item-scores",
    name="an item is its own neighbour",
    says="Each item counts itself among its k nearest, so one place is wasted, and what has been taken votes "
    "for itself. Take the diagonal out first.",
)
def scores_self(seen, similarity, k):
    return seen @ _votes(similarity, k, own=1.0)


@mutant(
    "item-scores",
    name="the candidate's neighbours instead of the history's",
    says="You asked whether the item in the history is among the nearest of the candidate. Asked for is the "
    "other direction: the candidate must be among the nearest of the item in the history.",
)
def scores_transposed(seen, similarity, k):
    return seen @ _votes(similarity, k).T


@mutant(
    "item-scores",
    name="mean instead of sum",
    says="You divided by the number of items in the history. The score is a sum of votes.",
)
def scores_mean(seen, similarity, k):
    return seen @ _votes(similarity, k) / np.maximum(seen.sum(axis=1, keepdims=True), 1)


@mutant(
    "item-scores",
    name="votes without weight",
    says="You counted votes. Each vote is worth the similarity of the two items.",
)
def scores_counted(seen, similarity, k):
    return seen @ (_votes(similarity, k) > 0).astype(float)


@mutant(
    "item-scores",
    name="the higher column among equals",
    says="Among equally similar items you keep the higher column. Reversing a sorted list reverses the ties "
    "too: sort the negative similarities instead, with kind='stable'.",
)
def scores_ties(seen, similarity, k):
    return seen @ _votes(similarity[::-1, ::-1], k)[::-1, ::-1]


@mutant(
    "item-scores",
    name="the least similar items",
    says="You kept the smallest similarities. argsort sorts upwards: turn the order round.",
)
def scores_least(seen, similarity, k):
    return seen @ _votes(similarity, k, own=9.0, largest=False)


# best-unseen


def _ranked(scores, k):
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def _allowed(scores, seen):
    return np.where(seen > 0, -np.inf, scores)


@mutant(
    "best-unseen",
    name="taken items not left out",
    says="You recommend what the user has already taken. Give those items a score that can never win.",
)
def best_all(scores, seen, k):
    return _ranked(scores, k)


@mutant(
    "best-unseen",
    name="taken items get the score 0",
    says="You set the scores of taken items to 0. Scores can be negative, and then 0 wins: use minus "
    "infinity.",
)
def best_zero(scores, seen, k):
    return _ranked(np.where(seen > 0, 0.0, scores), k)


@mutant(
    "best-unseen",
    name="the higher column among equals",
    says="Among equal scores you put the higher column first. Reversing a sorted list reverses the ties too: "
    "sort the negative scores instead, with kind='stable'.",
)
def best_ties(scores, seen, k):
    return np.argsort(_allowed(scores, seen), axis=1, kind="stable")[:, ::-1][:, :k]


@mutant(
    "best-unseen",
    name="worst first",
    says="Your lists begin with the lowest score. argsort sorts upwards: turn the order round.",
)
def best_worst(scores, seen, k):
    return np.argsort(np.where(seen > 0, np.inf, scores), axis=1, kind="stable")[:, :k]


@mutant(
    "best-unseen",
    name="the right items in column order",
    says="You found the right items, but list them by column number. The best one must come first.",
)
def best_unsorted(scores, seen, k):
    return np.sort(_ranked(_allowed(scores, seen), k), axis=1)


@mutant(
    "best-unseen",
    name="scores instead of columns",
    says="You return the highest scores. Asked for is which items have them: their column numbers.",
)
def best_values(scores, seen, k):
    return -np.sort(-_allowed(scores, seen), axis=1)[:, :k]
