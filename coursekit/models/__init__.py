"""Recommenders. Each is fitted on `Interactions` and speaks the verbs of `Recommender`.

A name is imported the first time it is used, so that neighbours never wait for PyTorch.
"""

import importlib

# module: the names it gives
_MODULES = {
    "attention": ["BERT4Rec", "SASRec"],
    "base": ["Recommendations", "Recommender"],
    "baselines": ["Popularity", "Random"],
    "bert": [
        "Bert",
        "BertConfig",
        "BertEncoder",
        "load_bert",
        "mask_words",
        "pretrain_bert",
        "train_wordpiece",
    ],
    "content": ["ContentBased", "Hybrid", "Word2Vec", "bag_of_words", "tfidf_matrix", "tokenize"],
    "factorization": ["ALS", "BPR", "AutoRec", "BiasedMF", "FactorizationMachine"],
    "features": ["feature_matrix"],
    "finetuning": [
        "BertBiEncoder",
        "BertCrossEncoder",
        "BertRatingRegressor",
        "LoRALinear",
        "add_lora",
        "replace_synonyms",
    ],
    "multihead": ["MultiHeadAttention"],
    "neighbours": ["ItemKNN", "UserKNN", "item_similarity", "user_similarity"],
    "ncf": ["GMF", "MLP", "NeuMF", "paper_model"],
    "sequence": ["BiLSTMAttention", "CompletionClassifier", "TwoTowerLSTM", "completion_examples"],
}

_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"coursekit.models has no name {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"coursekit.models.{_MODULE_OF[name]}"), name)
    globals()[name] = value  # so that the next look-up finds it without this detour
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
