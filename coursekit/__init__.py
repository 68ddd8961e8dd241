"""Reference implementations, data and self-grading exercises for a course on recommender systems.

This is the only door for lessons: every public name stands in the table below. A name is imported
the first time it is used, so a lesson that needs no neural network never waits for PyTorch.
"""

import importlib

__version__ = "0.1.0"

# room: the names it gives to lessons
_ROOMS = {
    "interactions": [
        "Interactions",
    ],
    "runtime": [
        "pick_device",
        "seed_everything",
    ],
    "datasets": [
        "DATASETS",
        "DataError",
        "campus_tables",
        "fetch",
        "from_csv",
        "from_user_item",
        "load",
        "ncf_split",
    ],
    "simulator": [
        "Campus",
        "simulate",
        "untidy",
    ],
    "splits": [
        "Split",
        "leave_last_out",
        "random_split",
        "sample_negatives",
        "standard_split",
        "time_split",
    ],
    "metrics": [
        "auc",
        "average_precision",
        "bootstrap_interval",
        "bootstrap_means",
        "calibration_curve",
        "calibration_error",
        "compare_models",
        "count_relevant",
        "coverage",
        "evaluate",
        "evaluate_ncf",
        "evaluate_sampled",
        "evaluate_scores",
        "evaluate_users",
        "gini",
        "hit_rate",
        "mrr",
        "ndcg",
        "novelty",
        "precision",
        "recall",
        "relevance",
        "roc_auc",
        "top_k",
    ],
    "models": [
        "ALS",
        "BPR",
        "GMF",
        "MLP",
        "AutoRec",
        "BERT4Rec",
        "Bert",
        "BertBiEncoder",
        "BertConfig",
        "BertCrossEncoder",
        "BertEncoder",
        "BertRatingRegressor",
        "BiLSTMAttention",
        "BiasedMF",
        "CompletionClassifier",
        "ContentBased",
        "FactorizationMachine",
        "Hybrid",
        "ItemKNN",
        "LoRALinear",
        "MultiHeadAttention",
        "NeuMF",
        "Popularity",
        "Random",
        "SASRec",
        "TwoTowerLSTM",
        "UserKNN",
        "Word2Vec",
        "add_lora",
        "bag_of_words",
        "completion_examples",
        "feature_matrix",
        "item_similarity",
        "load_bert",
        "mask_words",
        "paper_model",
        "pretrain_bert",
        "replace_synonyms",
        "tfidf_matrix",
        "tokenize",
        "train_wordpiece",
        "user_similarity",
    ],
    "training": [
        "FGM",
        "Callback",
        "Trainer",
        "TrainingOptions",
        "layerwise_adamw",
        "warmup_linear",
    ],
    "plotting": [
        "PALETTE",
        "plot_attention",
        "plot_bootstrap",
        "plot_evidence",
        "plot_history",
        "plot_intervals",
        "plot_leaderboard",
        "plot_metric_by",
        "plot_popularity",
        "plot_reliability",
        "plot_roc",
        "plot_similarity",
        "plot_thresholds",
        "plot_timeline",
        "show",
        "use_style",
    ],
    "checking": [
        "Check",
    ],
    "leaderboard": [
        "Leaderboard",
    ],
    "results": [
        "recorded_results",
    ],
}

_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}
__all__ = sorted(_ROOM_OF)


def __getattr__(name: str) -> object:
    if name not in _ROOM_OF:
        raise AttributeError(f"coursekit has no public name {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"coursekit.{_ROOM_OF[name]}"), name)
    globals()[name] = value  # so that the next look-up finds it without this detour
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
