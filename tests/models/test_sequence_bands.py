"""What the sequence models reach on campus, and that broken ones do not.

Standard split, NDCG@10; popularity reaches 0.094 and user-kNN 0.152. The settings are short, so that a model
trains in seconds. In ten epochs of width 64 and max_length=150 `TwoTowerLSTM` reaches 0.163, one seed.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from campus_bands import ndcg
from sklearn.metrics import roc_auc_score

from coursekit.datasets import load
from coursekit.models.sequence import (
    BiLSTMAttention,
    CompletionClassifier,
    TwoTowerLSTM,
    completion_examples,
)
from coursekit.models.sequence.prefixes import PrefixBatch, PrefixBatches
from coursekit.models.sequences import NextItemBatches, SequenceBatch
from coursekit.splits import CAMPUS_CUTOFF, standard_split

TWO_TOWERS = {"width": 32, "epochs": 5, "dropout": 0.3}
BILSTM = {"width": 32, "epochs": 1, "dropout": 0.2, "learning_rate": 0.01, "max_length": 20}
# Two seeds: 0.136 and 0.130, 0.113 and 0.110; of the AUC one: 0.780. A logistic regression on the course's
# and the learner's means reaches 0.779.
BAND = {TwoTowerLSTM: (0.120, 0.146), BiLSTMAttention: (0.102, 0.122)}
AUC = (0.765, 0.80)


@pytest.fixture(scope="module")
def split():
    return standard_split(load("campus"))


def test_two_towers_lie_in_their_band(split):
    low, high = BAND[TwoTowerLSTM]
    assert low < ndcg(TwoTowerLSTM(**TWO_TOWERS), split) < high


@pytest.mark.slow
def test_bilstm_lies_in_its_band(split):
    low, high = BAND[BiLSTMAttention]
    assert low < ndcg(BiLSTMAttention(**BILSTM), split) < high


# --- broken models: each must leave the band ----------------------------------------------------------------


class ThatPredictsWhatItReads(TwoTowerLSTM):
    """Targets are not shifted: the input itself is asked for."""

    def _batches(self, data, device):
        class Unshifted(NextItemBatches):
            def __iter__(self):
                return (SequenceBatch(b.inputs, b.inputs) for b in super().__iter__())

        return Unshifted(data, self.max_length, self.batch_size, self.rng, device)


class WithoutHistory(TwoTowerLSTM):
    """Everybody's history tower says the same: what is left is popularity."""

    def _network(self):
        network = super()._network()
        torch.nn.init.zeros_(network.of_history.weight).requires_grad_(False)
        return network


class ThatReadsTheAnswer(BiLSTMAttention):
    """The next item already stands at the end of the history."""

    def _batches(self, data, device):
        class Late(PrefixBatches):
            def __iter__(self):
                for histories, targets in super().__iter__():
                    yield PrefixBatch(torch.cat([histories, targets[:, None] + 1], dim=1), targets)

        return Late(data, self.max_length, self.batch_size, self.rng, device)


class WithShuffledTargets(BiLSTMAttention):
    def _batches(self, data, device):
        class Shuffled(PrefixBatches):
            def __iter__(self):
                for histories, targets in super().__iter__():
                    yield PrefixBatch(histories, targets[torch.randperm(len(targets))])

        return Shuffled(data, self.max_length, self.batch_size, self.rng, device)


@pytest.mark.parametrize("cls", [ThatPredictsWhatItReads, WithoutHistory])
def test_broken_two_towers_leave_the_band(split, cls):
    assert ndcg(cls(**TWO_TOWERS), split) < BAND[TwoTowerLSTM][0]


@pytest.mark.slow
@pytest.mark.parametrize("cls", [ThatReadsTheAnswer, WithShuffledTargets])
def test_a_broken_bilstm_leaves_the_band(split, cls):
    assert ndcg(cls(**BILSTM), split) < BAND[BiLSTMAttention][0]


def test_two_towers_that_learned_from_shuffled_pairs_leave_the_band(split):
    items = np.random.default_rng(0).permutation(split.train.item)
    assert ndcg(TwoTowerLSTM(**TWO_TOWERS), split, replace(split.train, item=items)) < BAND[TwoTowerLSTM][0]


# --- will it be finished? -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def enrolments():
    """Training and test examples, every third of the former."""
    train, test = completion_examples(load("campus", value="completed"), max_length=10).split(CAMPUS_CUTOFF)
    return train.where(np.arange(0, len(train), 3)), test


def auc(train, test):
    model = CompletionClassifier(16, epochs=2, learning_rate=0.01).fit(train)
    return roc_auc_score(test.finished, model.predict_proba(test))


def permuted(examples, *names):
    """The examples with these columns taken from other learners' examples."""
    order = np.random.default_rng(0).permutation(len(examples))
    return replace(examples, **{name: getattr(examples, name)[order] for name in names})


def with_own_answer(examples):
    """The examples with their own fraction at the beginning of the history, in the place of another's."""
    fractions = examples.fractions.copy()
    fractions[:, 0] = examples.finished
    return replace(examples, fractions=np.where(examples.histories > 0, fractions, 0))


def test_auc_of_finishing_lies_in_its_band(enrolments):
    low, high = AUC
    assert low < auc(*enrolments) < high


@pytest.mark.parametrize("names", [("finished",), ("histories", "fractions")])
def test_shuffled_answers_or_histories_leave_the_band(enrolments, names):
    train, test = enrolments
    assert auc(permuted(train, *names), test if names == ("finished",) else permuted(test, *names)) < AUC[0]


def test_examples_that_know_their_answer_leave_the_band_upwards(enrolments):
    assert auc(*map(with_own_answer, enrolments)) > AUC[1]


# Not caught by these bands, since the order of events says little about the next two months here:
# - a history tower that sees the future in training (0.139): the sum of all states then describes a learner
#   about as well. `test_sequence.py` tests that no step sees what comes later;
# - histories turned round when scoring (0.135), times shuffled before training (0.126, one seed);
# - a mask that is missing: in a bucket of one length there is nothing to mask. `test_sequence.py` compares
#   states, attention and scores under any amount of padding instead, to 1e-6.
