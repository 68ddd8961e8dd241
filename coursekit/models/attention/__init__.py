"""Recommenders made of self-attention: SASRec and BERT4Rec."""

from coursekit.models.attention.bert4rec import BERT4Rec as BERT4Rec
from coursekit.models.attention.encoder import HistoryEncoder as HistoryEncoder
from coursekit.models.attention.sasrec import SASRec as SASRec
