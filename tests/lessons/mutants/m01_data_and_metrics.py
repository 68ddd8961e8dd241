"""Plausible wrong answers to the exercises of lesson 01, each with what to tell the learner."""

from __future__ import annotations

import numpy as np

import coursekit

from . import mutant

SHORTCUTS = {
    "clean": None,
    "standardise": None,
    "time-parts": lambda learner, course, time, cutoff: coursekit.time_split(
        _as_data(learner, course, time), cutoff
    ),
    "precision-recall-f1": lambda truth, predicted: coursekit.precision(
        truth[None], [int(truth.sum())], len(truth)
    ),
    "auc-pairs": lambda truth, scores: coursekit.roc_auc(truth, scores),
    "ndcg-at-k": lambda ranked, relevant, k: float(
        coursekit.ndcg(_hits(ranked, relevant), [len(relevant)], k)[0]
    ),
}


def _as_data(learner, course, time):
    labels = np.arange(100)
    return coursekit.Interactions(learner, course, np.ones(len(time)), time, labels, labels)


def _hits(ranked, relevant):
    return np.array([[item in relevant for item in ranked]], dtype=bool)


def _clean(events, *, ids=True, fraction="median", impossible="missing", keep="earliest", ordered=True):
    """The solution with one decision changed."""
    known = events.dropna(subset=["learner_id", "course_id"]).copy() if ids else events.copy()
    early = known["completed"].median()
    inside = known["completed"].between(0, 1)
    if impossible == "missing":
        known["completed"] = known["completed"].where(inside)
    elif impossible == "clip":
        known["completed"] = known["completed"].clip(0, 1)
    elif impossible == "drop":
        known = known[inside | known["completed"].isna()]
    pair = ["learner_id", "course_id"]
    if keep == "earliest":
        known = known.sort_values("time").drop_duplicates(pair)
    elif keep == "latest":
        known = known.sort_values("time").drop_duplicates(pair, keep="last")
    elif keep == "equal rows":
        known = known.drop_duplicates()
    elif keep == "first row":
        known = known.drop_duplicates(pair)
    known = known.sort_values("time") if ordered else known.sort_index()
    known = known.dropna() if fraction == "drop" else known
    fills = {"median": known["completed"].median(), "zero": 0.0, "mean": known["completed"].mean()}
    fills |= {"early": early, "drop": 0.0}
    known["completed"] = known["completed"].fillna(fills[fraction])
    return known.reset_index(drop=True)


@mutant(
    "clean",
    name="every row with a gap dropped",
    says="You dropped every row that has any gap. A missing `completed` is no reason to forget the "
    "enrolment: only a row without learner or course is useless.",
)
def clean_drop_all(events):
    return _clean(events, fraction="drop")


@mutant(
    "clean",
    name="missing means zero",
    says="You filled the gaps with 0. Zero says 'never opened the course', and nobody measured "
    "that. The rule asks for the median of the known fractions.",
)
def clean_zero(events):
    return _clean(events, fraction="zero")


@mutant(
    "clean",
    name="mean instead of median",
    says="You filled the gaps with the mean. The rule asks for the median, which a few extreme "
    "values cannot move.",
)
def clean_mean(events):
    return _clean(events, fraction="mean")


@mutant(
    "clean",
    name="impossible values clipped",
    says="You clipped impossible fractions to 0 or 1. An 80 is no course finished 80 times: the "
    "number is unknown, so treat it as missing.",
)
def clean_clip(events):
    return _clean(events, impossible="clip")


@mutant(
    "clean",
    name="impossible rows dropped",
    says="You dropped the whole row because its fraction is impossible. The enrolment did happen; "
    "only the number is unknown.",
)
def clean_drop_impossible(events):
    return _clean(events, impossible="drop")


@mutant(
    "clean",
    name="median taken before the impossible values were removed",
    says="Your median was taken while impossible fractions still counted, so they pulled it away. "
    "First turn them into missing values, then take the median.",
)
def clean_early_median(events):
    return _clean(events, fraction="early")


@mutant(
    "clean",
    name="only identical rows count as duplicates",
    says="You removed only rows that agree in every column. The same learner and course at two "
    "times are still one enrolment: keep the earliest.",
)
def clean_equal_rows(events):
    return _clean(events, keep="equal rows")


@mutant(
    "clean",
    name="first row of the file kept",
    says="Of the rows for one learner and course you kept the one that comes first in the file. "
    "Keep the one with the earliest time, wherever it stands.",
)
def clean_first_row(events):
    return _clean(events, keep="first row")


@mutant(
    "clean",
    name="latest row kept",
    says="Of the rows for one learner and course you kept the latest. The later click is the echo "
    "here: keep the row with the earliest time.",
)
def clean_latest(events):
    return _clean(events, keep="latest")


@mutant(
    "clean",
    name="rows left in file order",
    says="The right rows are there, but in the order of the file. The result must run from the "
    "earliest time to the latest.",
)
def clean_unordered(events):
    return _clean(events, ordered=False)


@mutant(
    "standardise",
    name="new rows described by themselves",
    says="You took mean and deviation from the new rows. They are the exam: everything that is "
    "estimated must come from `train`.",
)
def standardise_new(train, new):
    deviation = new.std(axis=0)
    return (new - new.mean(axis=0)) / np.where(deviation > 0, deviation, 1)


@mutant(
    "standardise",
    name="statistics over train and new together",
    says="You put train and new together before taking mean and deviation. That leaks the test set "
    "into the preparation: use `train` alone.",
)
def standardise_both(train, new):
    both = np.vstack([train, new])
    deviation = both.std(axis=0)
    return (new - both.mean(axis=0)) / np.where(deviation > 0, deviation, 1)


@mutant(
    "standardise",
    name="one mean for the whole table",
    says="You used one mean and one deviation for all columns. Hours and ratings have different "
    "scales: take the statistics of each column (axis=0).",
)
def standardise_whole(train, new):
    return (new - train.mean()) / (train.std() or 1)


@mutant(
    "standardise",
    name="division by n - 1",
    says="Your deviation divides by n - 1 (pandas' default). The convention here is the one of "
    "NumPy and scikit-learn's StandardScaler: divide by n.",
)
def standardise_sample(train, new):
    deviation = train.std(axis=0, ddof=1)
    return (new - train.mean(axis=0)) / np.where(deviation > 0, deviation, 1)


@mutant(
    "standardise",
    name="only centred",
    says="You subtracted the mean but did not divide by the deviation, so a column in large units "
    "still outweighs the others.",
)
def standardise_centred(train, new):
    return new - train.mean(axis=0)


@mutant(
    "standardise",
    name="scaled to 0..1",
    says="You scaled by minimum and maximum. That is another transformation: standardising "
    "subtracts the mean and divides by the standard deviation.",
)
def standardise_min_max(train, new):
    low, high = train.min(axis=0), train.max(axis=0)
    return (new - low) / np.where(high > low, high - low, 1)


@mutant(
    "standardise",
    name="division by zero in a constant column",
    says="A column that is constant in `train` has deviation 0, and you divided by it. Divide by 1 there.",
)
def standardise_zero(train, new):
    with np.errstate(all="ignore"):
        return (new - train.mean(axis=0)) / train.std(axis=0)


def _parts(learner, course, time, late, known):
    """0 before the cut, 1 after it, -1 for what is known already."""
    return np.where(~late, 0, np.where(known, -1, 1))


def _seen(learner, course, late):
    past = set(zip(learner[~late].tolist(), course[~late].tolist(), strict=True))
    return np.array(
        [pair in past for pair in zip(learner.tolist(), course.tolist(), strict=True)], dtype=bool
    )


@mutant(
    "time-parts",
    name="the cut-off itself put into training",
    says="An event at exactly the cut-off belongs to the future: training is everything strictly before it.",
)
def time_parts_boundary(learner, course, time, cutoff):
    late = time > cutoff
    return _parts(learner, course, time, late, _seen(learner, course, late))


@mutant(
    "time-parts",
    name="known pairs kept in the test set",
    says="You left pairs in the test set that the training set already holds. Recommending a "
    "course somebody has taken is no prediction: mark them -1.",
)
def time_parts_repeats(learner, course, time, cutoff):
    return np.where(time < cutoff, 0, 1)


@mutant(
    "time-parts",
    name="known courses left out",
    says="You left out every test event whose course occurs in training. Only the same learner "
    "with the same course is a repetition.",
)
def time_parts_courses(learner, course, time, cutoff):
    late = time >= cutoff
    return _parts(learner, course, time, late, np.isin(course, course[~late]))


@mutant(
    "time-parts",
    name="known learners left out",
    says="You left out every test event whose learner occurs in training. Those are the people we "
    "want to recommend to; only a repeated pair goes.",
)
def time_parts_learners(learner, course, time, cutoff):
    late = time >= cutoff
    return _parts(learner, course, time, late, np.isin(learner, learner[~late]))


@mutant(
    "time-parts",
    name="rows taken to be in time order",
    says="You cut the rows at one place, as if they were sorted by time. Logs arrive in any order: "
    "compare each row's time with the cut-off.",
)
def time_parts_sorted(learner, course, time, cutoff):
    late = np.cumsum(time >= cutoff) > 0
    return _parts(learner, course, time, late, _seen(learner, course, late))


@mutant(
    "time-parts",
    name="each learner's last event held out",
    says="You held out the last event of each learner. That is leave-last-out: one learner's past "
    "then reaches beyond another's exam. Cut at one moment for all.",
)
def time_parts_last(learner, course, time, cutoff):
    return np.array(
        [int(t == time[learner == u].max()) for u, t in zip(learner, time, strict=True)], dtype=int
    )


def _counts(truth, predicted):
    truth, predicted = np.asarray(truth, bool), np.asarray(predicted, bool)
    return int((truth & predicted).sum()), int((~truth & predicted).sum()), int((truth & ~predicted).sum())


def _ratio(a, b):
    return a / b if b else 0.0


@mutant(
    "precision-recall-f1",
    name="precision and recall swapped",
    says="Precision and recall have changed places. Precision divides by what was predicted, "
    "recall by what is true.",
)
def prf_swapped(truth, predicted):
    hit, false, missed = _counts(truth, predicted)
    p, r = _ratio(hit, hit + false), _ratio(hit, hit + missed)
    return r, p, _ratio(2 * p * r, p + r)


@mutant(
    "precision-recall-f1",
    name="F1 as the plain average",
    says="Your F1 is the plain average of precision and recall. F1 is their harmonic mean, which "
    "stays low when one of the two is low.",
)
def prf_average(truth, predicted):
    hit, false, missed = _counts(truth, predicted)
    p, r = _ratio(hit, hit + false), _ratio(hit, hit + missed)
    return p, r, (p + r) / 2


@mutant(
    "precision-recall-f1",
    name="accuracy instead of precision",
    says="Your precision counts correct answers among all rows: that is accuracy. Precision looks "
    "only at the rows you predicted as positive.",
)
def prf_accuracy(truth, predicted):
    hit, _, missed = _counts(truth, predicted)
    p = float(np.mean(np.asarray(truth, bool) == np.asarray(predicted, bool))) if len(truth) else 0.0
    r = _ratio(hit, hit + missed)
    return p, r, _ratio(2 * p * r, p + r)


@mutant(
    "precision-recall-f1",
    name="hits divided by all rows",
    says="You divided the hits by the number of all rows. Precision's denominator is the predicted "
    "positives, recall's the true positives plus the missed ones.",
)
def prf_all_rows(truth, predicted):
    hit, _, _ = _counts(truth, predicted)
    share = _ratio(hit, len(truth))
    return share, share, share


@mutant(
    "precision-recall-f1",
    name="nothing predicted counts as perfect",
    says="Without a single predicted positive you gave 1. By the convention of this exercise an "
    "empty denominator gives 0: who recommends nothing earns nothing.",
)
def prf_perfect_empty(truth, predicted):
    hit, false, missed = _counts(truth, predicted)
    p, r = hit / (hit + false) if hit + false else 1.0, hit / (hit + missed) if hit + missed else 1.0
    return p, r, _ratio(2 * p * r, p + r)


@mutant(
    "precision-recall-f1",
    name="0 / 0 left as nan",
    says="With an empty denominator you returned nan, and one nan spoils every average after it. "
    "The convention of this exercise is 0.",
)
def prf_nan(truth, predicted):
    hit, false, missed = _counts(truth, predicted)
    with np.errstate(all="ignore"):
        p, r = np.divide(hit, hit + false), np.divide(hit, hit + missed)
        return float(p), float(r), float(np.divide(2 * p * r, p + r))


def _pairs(truth, scores):
    truth, scores = np.asarray(truth, bool), np.asarray(scores, float)
    gap = scores[truth][:, None] - scores[~truth][None, :]
    return (gap > 0).sum(), (gap == 0).sum(), gap.size


@mutant(
    "auc-pairs",
    name="a tie counts as a loss",
    says="You gave nothing for a pair with equal scores. A model that cannot tell two learners "
    "apart is right half of the time, so a tie counts 1/2.",
)
def auc_ties_lost(truth, scores):
    won, _, pairs = _pairs(truth, scores)
    return float(won / pairs) if pairs else float("nan")


@mutant(
    "auc-pairs",
    name="a tie counts as a win",
    says="You counted a pair with equal scores as won (>=). Then a model that gives everybody the "
    "same score would be perfect; a tie counts 1/2.",
)
def auc_ties_won(truth, scores):
    won, tied, pairs = _pairs(truth, scores)
    return float((won + tied) / pairs) if pairs else float("nan")


@mutant(
    "auc-pairs",
    name="comparison the wrong way round",
    says="You counted the pairs in which the negative has the higher score. A pair is won when the "
    "positive stands above the negative.",
)
def auc_reversed(truth, scores):
    won, tied, pairs = _pairs(truth, scores)
    return float(1 - (won + tied / 2) / pairs) if pairs else float("nan")


@mutant(
    "auc-pairs",
    name="divided by all pairs of rows",
    says="You divided by the number of all pairs of rows. Two positives cannot be in the wrong "
    "order: count only pairs of one positive and one negative.",
)
def auc_all_pairs(truth, scores):
    won, tied, pairs = _pairs(truth, scores)
    return float((won + tied / 2) / (len(truth) * (len(truth) - 1) / 2)) if pairs else float("nan")


@mutant(
    "auc-pairs",
    name="accuracy at the threshold 0.5",
    says="You cut the scores at 0.5 and counted correct answers. AUC uses no threshold, only the "
    "order of the scores.",
)
def auc_threshold(truth, scores):
    truth, scores = np.asarray(truth, bool), np.asarray(scores, float)
    return float(np.mean(truth == (scores >= 0.5))) if 0 < truth.sum() < len(truth) else float("nan")


@mutant(
    "auc-pairs",
    name="one class missing called 0.5",
    says="With one class only there is no pair to compare, and 0.5 would look like a measured "
    "result. Return nan.",
)
def auc_half(truth, scores):
    won, tied, pairs = _pairs(truth, scores)
    return float((won + tied / 2) / pairs) if pairs else 0.5


def _ndcg(ranked, relevant, k, discount=lambda rank: 1 / np.log2(rank + 1), ideal=None):
    top = ranked[:k]
    gain = sum(discount(rank) for rank, item in enumerate(top, 1) if item in relevant)
    best = min(len(relevant), k) if ideal is None else ideal
    whole = sum(discount(rank) for rank in range(1, best + 1))
    return float(gain / whole) if whole else 0.0


@mutant(
    "ndcg-at-k",
    name="not divided by the ideal",
    says="This is DCG: you did not divide by the DCG of the best possible list, so the number can "
    "exceed 1 and learners with many relevant courses weigh more.",
)
def ndcg_plain(ranked, relevant, k):
    return float(sum(1 / np.log2(rank + 1) for rank, item in enumerate(ranked[:k], 1) if item in relevant))


@mutant(
    "ndcg-at-k",
    name="off by one in the discount",
    says="Your discount is one place too late: the first place must weigh 1 / log2(2) = 1. Count "
    "ranks from 1, or add 2 to an index that starts at 0.",
)
def ndcg_shifted(ranked, relevant, k):
    return _ndcg(ranked, relevant, k, discount=lambda rank: 1 / np.log2(rank + 2))


@mutant(
    "ndcg-at-k",
    name="discount 1 / rank",
    says="You discounted with 1 / rank, which is the discount of the reciprocal rank. DCG divides "
    "by log2(rank + 1).",
)
def ndcg_reciprocal(ranked, relevant, k):
    return _ndcg(ranked, relevant, k, discount=lambda rank: 1 / rank)


@mutant(
    "ndcg-at-k",
    name="ideal list always k long",
    says="Your ideal list has k hits even when fewer courses are relevant, so a perfect list "
    "scores below 1. The ideal has min(k, number of relevant) hits.",
)
def ndcg_full_ideal(ranked, relevant, k):
    return _ndcg(ranked, relevant, k, ideal=k if len(relevant) else 0)


@mutant(
    "ndcg-at-k",
    name="ideal made of the found hits only",
    says="Your ideal list re-orders only the hits that were found, so a missed course costs "
    "nothing. The ideal contains all relevant courses, up to k.",
)
def ndcg_found_ideal(ranked, relevant, k):
    return _ndcg(ranked, relevant, k, ideal=len(set(ranked[:k]) & set(relevant)))


@mutant(
    "ndcg-at-k",
    name="ideal list not cut at k",
    says="Your ideal list is longer than k when more than k courses are relevant. No list of k "
    "places can reach that: cut the ideal at k too.",
)
def ndcg_long_ideal(ranked, relevant, k):
    return _ndcg(ranked, relevant, k, ideal=len(relevant))


@mutant(
    "ndcg-at-k",
    name="list not cut at k",
    says="You counted hits below place k. Nobody sees them: cut the ranked list at k first.",
)
def ndcg_uncut(ranked, relevant, k):
    gain = sum(1 / np.log2(rank + 1) for rank, item in enumerate(ranked, 1) if item in relevant)
    whole = sum(1 / np.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
    return float(gain / whole) if whole else 0.0
