from dataclasses import replace

import contract
import numpy as np
import pytest
from contract import ModelContract, interactions
from finetuning_data import tiny_bert

from coursekit.models import GMF, MLP, ItemKNN, NeuMF, Popularity, Random, UserKNN
from coursekit.models.attention import BERT4Rec, SASRec
from coursekit.models.content import ContentBased, Hybrid, Word2Vec
from coursekit.models.factorization import ALS, BPR, AutoRec, BiasedMF, FactorizationMachine
from coursekit.models.finetuning import BertBiEncoder, BertCrossEncoder
from coursekit.models.sequence import BiLSTMAttention, TwoTowerLSTM


def option(cls, **options):
    """A class with other defaults: called like the class itself."""
    return staticmethod(lambda device=None: cls(**options, device=device))


class TestRandom(ModelContract):
    make = Random
    learns_taste = knows_similar = False

    def test_unknown_user_gets_popular_items(self, fitted):
        """Not this one: a floor that knows what is popular would be no floor."""
        assert set(fitted.score([-1])[0]).isdisjoint(range(30))


class TestPopularity(ModelContract):
    make = Popularity
    learns_taste = knows_similar = False


class TestItemKNN(ModelContract):
    make = ItemKNN


class TestItemKNNJaccardShrunk(ModelContract):
    make = option(ItemKNN, similarity="jaccard", shrinkage=2.5, n_neighbours=5)


class TestItemKNNAllNeighbours(ModelContract):
    make = option(ItemKNN, n_neighbours=None)


class TestItemKNNExplicit(ModelContract):
    make = option(ItemKNN, feedback="explicit", similarity="adjusted_cosine")
    explicit = True


class TestItemKNNPearson(ModelContract):
    make = option(ItemKNN, feedback="explicit", similarity="pearson", shrinkage=1)
    explicit = True


class TestUserKNN(ModelContract):
    make = UserKNN
    knows_similar = False


class TestUserKNNExplicit(ModelContract):
    make = option(UserKNN, feedback="explicit", similarity="pearson", n_neighbours=8)
    explicit, knows_similar = True, False


# Sampled negatives hit the withheld pair too: a network with room to remember single pairs puts it last.
class TestGMF(ModelContract):
    make = option(GMF, factors=2, epochs=60, batch_size=64, learning_rate=0.1, weight_decay=0.3)
    knows_similar = False


class TestMLP(ModelContract):
    make = option(MLP, factors=8, epochs=50, batch_size=64, learning_rate=0.03, weight_decay=0.5)
    knows_similar = False


class TestNeuMF(ModelContract):
    make = option(NeuMF, factors=2, epochs=60, batch_size=64, learning_rate=0.05, weight_decay=0.5)
    knows_similar = False


class TestTwoTowerLSTM(ModelContract):
    make = option(TwoTowerLSTM, width=16, epochs=60, batch_size=4, dropout=0.5)
    knows_similar = False


class TestTwoTowerLSTMSampled(ModelContract):
    make = option(TwoTowerLSTM, width=16, head="mlp", n_negatives=10, epochs=40, batch_size=4, dropout=0.2)
    knows_similar = False


class TestBiLSTMAttention(ModelContract):
    make = option(BiLSTMAttention, width=16, epochs=20, batch_size=16, dropout=0.2)
    knows_similar = False


class TestBiLSTMDotProductAttention(ModelContract):
    make = option(BiLSTMAttention, width=16, scoring="dot", epochs=20, batch_size=16, dropout=0.2)
    knows_similar = False


class DescribedContract(ModelContract):
    """The contract's data with a text for every item, mostly about being even or odd."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _describe(cls):
        def with_text(*args, **options):
            data = interactions(*args, **options)
            kinds = [f"{('even', 'odd')[i % 2]} " * 3 + f"kind{i % 5}" for i in range(data.n_items)]
            return replace(data, item_text=np.array(kinds, dtype=object))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(contract, "interactions", with_text)
            yield


class TestContentBased(DescribedContract):
    make = ContentBased


class TestContentBasedBag(DescribedContract):
    make = option(ContentBased, representation="bag", min_df=1, stop_words=None, weights="value")


class TestContentBasedWord2Vec(DescribedContract):
    make = option(
        ContentBased,
        representation="word2vec",
        word2vec=Word2Vec(8, epochs=50, subsample=0, learning_rate=0.05),
    )


class TestHybrid(DescribedContract):
    @staticmethod
    def make(device=None):
        return Hybrid(ItemKNN(device=device), ContentBased(device=device), weight=0.3, device=device)


class TestALS(ModelContract):
    make = option(ALS, factors=2, alpha=4.0, regularization=1.0)


class TestBPR(ModelContract):
    make = option(BPR, factors=2, epochs=20, batch_size=32, learning_rate=0.1, regularization=0.03)


class TestFactorizationMachine(ModelContract):
    make = option(
        FactorizationMachine, factors=2, epochs=20, batch_size=32, learning_rate=0.1, regularization=0.03
    )


class TestBiasedMF(ModelContract):
    make = option(BiasedMF, factors=2, epochs=20, batch_size=32, learning_rate=0.1, regularization=0.02)
    explicit = True


class TestAutoRec(ModelContract):
    make = option(AutoRec, hidden=2, epochs=30, batch_size=4, learning_rate=0.05)
    explicit = True


class TestAutoRecOfUsersImplicit(ModelContract):
    make = option(
        AutoRec, hidden=2, by="user", feedback="implicit", epochs=30, batch_size=4, learning_rate=0.05
    )


class TestSASRec(ModelContract):
    make = option(
        SASRec,
        **{"width": 4, "heads": 1, "blocks": 1, "epochs": 60, "batch_size": 4},
        **{"learning_rate": 0.01, "dropout": 0.5, "weight_decay": 1.0, "decay": 1},
    )


class TestBERT4Rec(ModelContract):
    make = option(
        BERT4Rec,
        **{"width": 16, "heads": 1, "blocks": 1, "epochs": 40, "batch_size": 4},
        **{"learning_rate": 0.01, "dropout": 0.1, "weight_decay": 0.3, "decay": 1},
    )


TINY = {"checkpoint": tiny_bert(), "epochs": 20, "batch_size": 16, "learning_rate": 0.01}


class TestBertBiEncoder(DescribedContract):
    make = option(BertBiEncoder, **TINY)


class TestBertBiEncoderJoinedTitles(DescribedContract):
    make = option(BertBiEncoder, **TINY | {"history": "text", "epochs": 40, "max_length": 6})


class TestBertBiEncoderLora(DescribedContract):
    make = option(BertBiEncoder, **TINY | {"tune": "lora", "rank": 2, "learning_rate": 0.03})


class TestBertCrossEncoder(DescribedContract):
    make = option(BertCrossEncoder, **TINY | {"epochs": 60, "max_length": 6})
    knows_similar = False
    exact = False
