"""Metrics: pure functions of arrays; no metric ever sees a model.

A ranking is measured in three steps, each of which can be looked at: `top_k` turns scores into lists,
`relevance` turns lists into hits, a metric turns hits into one number a user. `evaluate` does the last
two for all users and gives a tidy table with intervals; `evaluate_scores` does all three.

| file | what |
|---|---|
| selection | top_k |
| relevance | relevance, count_relevant, graded_relevance |
| ranking | precision, recall, f1, hit_rate, ndcg, graded_ndcg, mrr, average_precision |
| area | auc |
| beyond_accuracy | coverage, recommendation_counts, gini, novelty |
| calibration | calibration_curve, calibration_error |
| bootstrap | bootstrap_means, bootstrap_interval, compare_models |
| evaluation | evaluate, evaluate_users, evaluate_scores |
| sampled | evaluate_sampled (1+99), evaluate_ncf |
| ratings | scikit-learn's metrics of ratings and classifiers, under the field's names |
"""

from coursekit.metrics.area import auc
from coursekit.metrics.beyond_accuracy import coverage, gini, novelty, recommendation_counts
from coursekit.metrics.bootstrap import bootstrap_interval, bootstrap_means, compare_models
from coursekit.metrics.calibration import calibration_curve, calibration_error
from coursekit.metrics.evaluation import (
    DEFAULT_METRICS,
    RANKING_METRICS,
    evaluate,
    evaluate_scores,
    evaluate_users,
)
from coursekit.metrics.ranking import (
    average_precision,
    f1,
    graded_ndcg,
    hit_rate,
    mrr,
    ndcg,
    precision,
    recall,
)
from coursekit.metrics.ratings import (
    accuracy,
    binary_f1,
    binary_precision,
    binary_recall,
    brier_score,
    confusion_matrix,
    log_loss,
    mae,
    r2,
    rmse,
    roc_auc,
)
from coursekit.metrics.relevance import count_relevant, graded_relevance, relevance
from coursekit.metrics.sampled import evaluate_ncf, evaluate_sampled
from coursekit.metrics.selection import top_k

__all__ = [
    "DEFAULT_METRICS",
    "RANKING_METRICS",
    "accuracy",
    "auc",
    "average_precision",
    "binary_f1",
    "binary_precision",
    "binary_recall",
    "bootstrap_interval",
    "bootstrap_means",
    "brier_score",
    "calibration_curve",
    "calibration_error",
    "compare_models",
    "confusion_matrix",
    "count_relevant",
    "coverage",
    "evaluate",
    "evaluate_ncf",
    "evaluate_sampled",
    "evaluate_scores",
    "evaluate_users",
    "f1",
    "gini",
    "graded_ndcg",
    "graded_relevance",
    "hit_rate",
    "log_loss",
    "mae",
    "mrr",
    "ndcg",
    "novelty",
    "precision",
    "r2",
    "recall",
    "recommendation_counts",
    "relevance",
    "rmse",
    "roc_auc",
    "top_k",
]
