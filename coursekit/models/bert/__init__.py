"""BERT (Devlin et al., 2019): an encoder of our own, its tokenizer, its pretraining and its checkpoints.

Nothing is loaded before somebody asks for it: `load_bert()` reads the small one that the course ships.
"""

from coursekit.models.bert.alignment import AlignedPairs
from coursekit.models.bert.batches import MaskedBatches
from coursekit.models.bert.catalogue import catalogue_texts
from coursekit.models.bert.config import BertConfig
from coursekit.models.bert.encoder import BertEncoder
from coursekit.models.bert.loading import load_bert
from coursekit.models.bert.masking import MaskedBatch, MaskedWords, MaskedWordsHead, mask_words
from coursekit.models.bert.model import Bert, Encoded, mean_pooled
from coursekit.models.bert.pretraining import pretrain_bert
from coursekit.models.bert.states import load_transformers_state, transformers_state
from coursekit.models.bert.wordpiece import bert_tokenizer, train_wordpiece

__all__ = [
    "AlignedPairs",
    "Bert",
    "BertConfig",
    "BertEncoder",
    "Encoded",
    "MaskedBatch",
    "MaskedBatches",
    "MaskedWords",
    "MaskedWordsHead",
    "bert_tokenizer",
    "catalogue_texts",
    "load_bert",
    "load_transformers_state",
    "mask_words",
    "mean_pooled",
    "pretrain_bert",
    "train_wordpiece",
    "transformers_state",
]
