"""The frozen settings of the NCF paper's models, and the options they need."""

import numpy as np
import pytest
from contract import taste_data

from coursekit.models import GMF, MLP, NeuMF
from coursekit.models.ncf.paper import PAPER_MODELS, paper_model, paper_settings


@pytest.fixture(scope="module")
def data():
    return taste_data()


@pytest.fixture(scope="module")
def parts(data):
    return GMF(32, epochs=3, learning_rate=0.05).fit(data), MLP(32, epochs=3, learning_rate=0.02).fit(data)


@pytest.mark.parametrize(("name", "cls"), [("GMF", GMF), ("MLP", MLP), ("NeuMF", NeuMF)])
def test_a_model_has_the_frozen_settings(name, cls):
    model = paper_model(name, factors=16, seed=2)
    assert type(model) is cls
    assert (model.factors, model.rng, model.n_negatives) == (16, 2, 4)
    settings = paper_settings(name, 16)
    assert {option: getattr(model, option) for option in settings} == settings


def test_large_pretrained_neumf_stays_near_the_average_of_its_parts(data, parts):
    model = paper_model("NeuMF pretrained", 32, seed=1, pretrained=parts).fit(data)
    gmf, mlp = (part.score([0, 1, 2]) for part in parts)
    average = model.alpha * gmf + (1 - model.alpha) * mlp
    np.testing.assert_allclose(model.score([0, 1, 2]), average, atol=0.01)
    assert model.optimizer == "sgd"
    assert paper_settings("NeuMF pretrained", 8)["epochs"] > 1


def test_settings_cannot_be_changed_from_outside():
    paper_settings("GMF", 8)["epochs"] = 1
    assert paper_model("GMF").epochs > 1


def test_a_size_between_takes_the_settings_of_the_next_smaller():
    assert paper_settings("MLP", 24) == paper_settings("MLP", 16) != paper_settings("MLP", 32)
    assert paper_settings("MLP", 2) == paper_settings("MLP", 8)


def test_an_unknown_model_lists_the_known():
    with pytest.raises(ValueError, match=r"'NCF'.*GMF, MLP, NeuMF, NeuMF pretrained"):
        paper_model("NCF")
    assert len(PAPER_MODELS) == 4


def test_pretrained_parts_are_asked_for_where_they_belong(parts):
    with pytest.raises(ValueError, match="'NeuMF pretrained' needs"):
        paper_model("NeuMF pretrained")
    with pytest.raises(ValueError, match="'NeuMF' takes no"):
        paper_model("NeuMF", pretrained=parts)


def test_sgd_takes_other_steps_than_adam_and_learns_too(data):
    losses = {}
    for optimizer, rate in {"adam": 0.05, "sgd": 5.0}.items():
        options = {"epochs": 30, "batch_size": 64, "learning_rate": rate, "optimizer": optimizer}
        history = GMF(4, **options).fit(data).history_
        losses[optimizer] = [row["loss"] for row in history]
        assert losses[optimizer][-1] < 0.9 * losses[optimizer][0]
    assert losses["adam"] != losses["sgd"]


def test_one_step_of_sgd_goes_down_the_gradient(data):
    """No momentum, no decay of what has no gradient: users without a pair keep their embeddings."""
    model = GMF(2, epochs=1, learning_rate=1.0, optimizer="sgd").fit(data)
    still = GMF(2, epochs=1, learning_rate=0.0, optimizer="sgd").fit(data)
    moved = (model.network_.users.weight != still.network_.users.weight).any(dim=1).numpy()
    np.testing.assert_array_equal(moved, np.diff(data.matrix().indptr) > 0)


def test_an_unknown_optimizer_lists_the_known(data):
    with pytest.raises(ValueError, match=r"'lion'.*adam, sgd"):
        GMF(2, optimizer="lion").fit(data)
