"""Does the campus world tell the course's story? Figures of datasets/campus/DATASHEET.md.

Run `python tests/campus_report.py` (five seeds, about a minute) or with `--seeds 2026` for the shipped world.
The baselines here are compact and self-contained on purpose: they judge the data, not coursekit's models.
Protocol: train on events before 2026-07-01; test on the new pairs after it, of learners with at least one
event on each side; candidates are all courses launched before that day that the learner has not taken.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from coursekit.simulator import Campus
from coursekit.simulator.world import find_campus_folder

CUT = int(pd.Timestamp("2026-07-01", tz="UTC").timestamp())
SEEDS = (2026, 1, 2, 3, 4)


@dataclass(frozen=True)
class Trial:
    """One world cut in two: events before and after, as rows of learners and courses."""

    campus: Campus
    text: list[str]
    launch: np.ndarray  # (J,)
    learner: np.ndarray
    course: np.ndarray
    time: np.ndarray

    @property
    def before(self) -> np.ndarray:
        return self.time < CUT

    def matrix(self, rows: np.ndarray) -> sparse.csr_array:
        """Binary (learners, courses)."""
        shape = (self.campus.n_learners, self.campus.n_courses)
        pairs = (np.ones(rows.sum(), np.float32), (self.learner[rows], self.course[rows]))
        return sparse.csr_array(pairs, shape=shape)


@cache
def make_trial(seed: int, n_learners: int = 3000) -> Trial:
    """Simulate a world and lay out what the report needs."""
    campus = Campus(seed, n_learners)
    courses = pd.read_csv(find_campus_folder() / "courses.csv", keep_default_na=False)
    events = campus.enrolment_table()
    return Trial(
        campus=campus,
        text=(courses.title + ". " + courses.description).tolist(),
        launch=campus.world.catalogue.launch,
        learner=events.learner_id.str[1:].astype(int).to_numpy() - 1,
        course=pd.Index(courses.course_id).get_indexer(events.course_id),
        time=events.time.astype("datetime64[s, UTC]").astype("int64").to_numpy(),
    )


def ndcg(scores: np.ndarray, relevant: np.ndarray, k: int = 10) -> np.ndarray:
    """NDCG@k per line of (U, J) scores; relevant is boolean (U, J). Ties go to the lower row."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    hits = np.take_along_axis(relevant & np.isfinite(scores), order, axis=1)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    best = np.r_[0.0, np.cumsum(discount)][np.minimum(relevant.sum(axis=1), k)]
    return (hits * discount).sum(axis=1) / best


def cosine_neighbours(matrix: sparse.csr_array, n: int) -> sparse.csr_array:
    """Row-row cosine, the n nearest of each row kept, no self."""
    norm = np.sqrt(np.maximum(matrix.sum(axis=1), 1.0))
    similarity = (matrix @ matrix.T).toarray() / norm[:, None] / norm[None, :]
    np.fill_diagonal(similarity, 0.0)
    weakest = np.partition(similarity, -n, axis=1)[:, -n, None]
    return sparse.csr_array(np.where(similarity >= weakest, similarity, 0.0))


def ranking_table(trial: Trial) -> dict[str, float]:
    """NDCG@10 of random, popularity, item-kNN, user-kNN and the oracle under the protocol."""
    seen, future = trial.matrix(trial.before), trial.matrix(~trial.before)
    launched = trial.launch < CUT
    relevant = future.toarray().astype(bool) & launched[None, :]
    users = np.flatnonzero((seen.sum(axis=1) > 0) & relevant.any(axis=1))
    masked = seen[users].toarray().astype(bool) | ~launched[None, :]
    rng = np.random.default_rng(trial.campus.world.seed)
    scores = {
        "random": rng.random((len(users), len(launched))),
        "popularity": np.broadcast_to(seen.sum(axis=0), (len(users), len(launched))),
        "item-kNN": (seen[users] @ cosine_neighbours(seen.T.tocsr(), 50)).toarray(),
        "user-kNN": (cosine_neighbours(seen, 100)[users] @ seen).toarray(),
        "oracle": trial.campus.oracle(users, CUT - 1),
    }
    return {
        name: float(ndcg(np.where(masked, -np.inf, score), relevant[users]).mean())
        for name, score in scores.items()
    }


def sequence_table(trial: Trial) -> dict[str, float]:
    """Does order matter? NDCG@10 of the very next course, for every event after the cut, from three views.

    Each view is a conditional choice model over the same unseen courses: popularity and the static profile
    (cosine to every course taken), then additionally the last three courses with their order shuffled, or as
    they were. What follows what, at three lags, is counted before May 2026, weights learnt on May and June.
    """
    order = np.lexsort((trial.time, trial.learner))
    learner, course, time = trial.learner[order], trial.course[order], trial.time[order]
    fit_from = int(pd.Timestamp("2026-05-01", tz="UTC").timestamp())
    rows = np.arange(3, len(learner))
    rows = rows[learner[rows] == learner[rows - 3]]
    last_three = course[rows[:, None] - np.array([1, 2, 3])]
    target, when = course[rows], time[rows]
    static = _static_scores(trial, learner, course, rows, when >= fit_from, fit_from)
    rng = np.random.default_rng(trial.campus.world.seed)
    views = {"profile": None, "profile + last three, shuffled": rng.permuted(last_three, axis=1)}
    views["profile + last three, in order"] = last_three
    counted, fitted, tested = when < fit_from, (when >= fit_from) & (when < CUT), when >= CUT
    result = {}
    for name, context in views.items():
        features = _features(static, context, target, counted, when >= fit_from)  # (F, N, J)
        weights = _choice_weights(
            features[:, fitted[~counted]], static.seen[fitted[~counted]], target[fitted], rng
        )
        scores = np.tensordot(weights, features[:, tested[~counted]], axes=1)
        scores[static.seen[tested[~counted]]] = -np.inf
        relevant = np.arange(scores.shape[1]) == target[tested][:, None]
        result[name] = float(ndcg(scores, relevant).mean())
    return result


@dataclass(frozen=True)
class _Static:
    """Per judged event: features that know what was taken, not when; and what may not be recommended."""

    features: np.ndarray  # (2, N, J): log popularity, profile
    seen: np.ndarray  # (N, J)


def _static_scores(trial, learner, course, rows, judged, fit_from) -> _Static:
    past = trial.matrix(trial.time < fit_from)
    similarity = cosine_neighbours(past.T.tocsr(), 50).toarray()
    popularity = np.log1p(past.sum(axis=0))
    wanted = rows[judged]
    profile = np.empty((len(wanted), trial.campus.n_courses), np.float32)
    seen = np.zeros(profile.shape, bool)
    first = np.searchsorted(learner, learner[wanted])
    for line, (start, stop) in enumerate(zip(first, wanted, strict=True)):
        profile[line] = similarity[course[start:stop]].mean(axis=0)
        seen[line, course[start:stop]] = True
    profile = np.log(profile + 1e-3)
    return _Static(np.stack([np.broadcast_to(popularity, profile.shape), profile]).astype(np.float32), seen)


def _features(static: _Static, context, target, counted, judged) -> np.ndarray:
    if context is None:
        return static.features
    n = static.seen.shape[1]
    base = np.bincount(target[counted], minlength=n) + 1.0
    parts = [static.features]
    for lag in range(3):
        follows = np.zeros((n, n))
        np.add.at(follows, (context[counted, lag], target[counted]), 1.0)
        expected = follows.sum(axis=1, keepdims=True) * base / base.sum()
        parts.append(
            np.log((follows + 1.0) / (expected + 1.0))[context[judged, lag]][None].astype(np.float32)
        )
    return np.concatenate(parts)


def _choice_weights(features, seen, target, rng, negatives: int = 20) -> np.ndarray:
    """Weights of a logistic model of the chosen course against random unseen ones (differences)."""
    lines = np.repeat(np.arange(len(target)), negatives)
    other = rng.integers(0, seen.shape[1], len(lines))
    fair = ~seen[lines, other] & (other != target[lines])
    lines, other = lines[fair], other[fair]
    difference = (features[:, lines, target[lines]] - features[:, lines, other]).T
    sign = np.where(rng.random(len(lines)) < 0.5, 1.0, -1.0)
    model = LogisticRegression(fit_intercept=False, C=1.0).fit(difference * sign[:, None], sign)
    return model.coef_[0]


def text_table(trial: Trial) -> dict[str, float]:
    """Courses launched after the cut have no past: NDCG@10 among them only, for learners who took any.

    A learner's score for a course is the TF-IDF cosine to the courses taken, less what any course would get.
    """
    seen, future = trial.matrix(trial.before), trial.matrix(~trial.before)
    cold = np.flatnonzero(trial.launch >= CUT)
    relevant = future.toarray()[:, cold] > 0
    users = np.flatnonzero((seen.sum(axis=1) > 0) & relevant.any(axis=1))
    subject = trial.campus.world.catalogue.subject
    names = trial.campus.world.catalogue.subjects
    named = [f"{names[row]}. {text}" for row, text in zip(subject, trial.text, strict=True)]
    rng = np.random.default_rng(trial.campus.world.seed)
    popular = np.bincount(subject, weights=seen.sum(axis=0)) / np.bincount(subject)
    scores = {
        "random": rng.random((len(users), len(cold))),
        "popularity of the subject": np.broadcast_to(popular[subject[cold]], (len(users), len(cold))),
        "TF-IDF of title + description": seen[users] @ _text_likeness(trial.text, cold),
        "TF-IDF of subject + title + description": seen[users] @ _text_likeness(named, cold),
    }
    return {name: float(ndcg(score, relevant[users]).mean()) for name, score in scores.items()}


def _text_likeness(text: list[str], cold: np.ndarray) -> np.ndarray:
    words = TfidfVectorizer(stop_words="english", sublinear_tf=True, min_df=2).fit_transform(text)
    likeness = (words @ words[cold].T).toarray()
    return likeness - likeness.mean(axis=0)


def shape_table(trial: Trial) -> dict[str, float]:
    """Size and shape of the data, and how ratings are missing."""
    campus, events = trial.campus, trial.campus.enrolment_table()
    counts = np.sort(np.bincount(trial.course, minlength=campus.n_courses))
    rank = 2 * np.arange(1, len(counts) + 1) - len(counts) - 1
    month = pd.Timestamp("2026-08-02")
    rated, finished = events.rating.notna(), events.completed >= 0.95
    return {
        "events": len(events),
        "learners with an event": events.learner_id.nunique(),
        "density": len(events) / campus.n_learners / campus.n_courses,
        "Gini of course popularity": float(rank @ counts / (len(counts) * counts.sum())),
        "learners joined in the last 30 days": float((campus.learner_table().join_date >= month).mean()),
        "courses launched in the last 30 days": float((trial.launch >= month.timestamp()).mean()),
        "rated": float(rated.mean()),
        "rated, if finished": float(rated[finished].mean()),
        "rated, if not finished": float(rated[~finished].mean()),
        "mean rating": float(events.rating.mean()),
    }


PARTS = {
    "Shape": shape_table,
    "Ranking, NDCG@10": ranking_table,
    "The next course, NDCG@10": sequence_table,
    "Courses launched after the cut, NDCG@10": text_table,
}


def report(seeds: tuple[int, ...] = SEEDS) -> dict[str, pd.DataFrame]:
    """One table per part: a row per figure, a column per seed, then mean and standard deviation."""
    trials = [make_trial(seed) for seed in seeds]
    tables = {}
    for title, part in PARTS.items():
        table = pd.DataFrame([part(trial) for trial in trials], index=list(seeds)).T
        tables[title] = table.assign(mean=table.mean(axis=1), sd=table.std(axis=1))
    return tables


def main() -> None:
    """Print the report as Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    for title, table in report(tuple(parser.parse_args().seeds)).items():
        print(f"\n{title}\n\n| | " + " | ".join(map(str, table.columns)) + " |")
        print("|---" * (table.shape[1] + 1) + "|")
        for name, row in table.iterrows():
            print(f"| {name} | " + " | ".join(f"{x:,.0f}" if x > 10 else f"{x:.3f}" for x in row) + " |")


if __name__ == "__main__":
    main()
