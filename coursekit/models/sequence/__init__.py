"""Recurrent models of a history: two towers, a BiLSTM with attention, and "will this course be finished?"."""

from coursekit.models.sequence.bilstm import BiLSTMAttention as BiLSTMAttention
from coursekit.models.sequence.classifier import CompletionClassifier as CompletionClassifier
from coursekit.models.sequence.completion import CompletionExamples as CompletionExamples
from coursekit.models.sequence.completion import completion_examples as completion_examples
from coursekit.models.sequence.layers import AdditiveAttention as AdditiveAttention
from coursekit.models.sequence.layers import BiLSTM as BiLSTM
from coursekit.models.sequence.layers import DotProductAttention as DotProductAttention
from coursekit.models.sequence.two_tower import TwoTowerLSTM as TwoTowerLSTM
