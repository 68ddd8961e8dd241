"""What all recommenders with a network share: training, scoring, files, devices, threads."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from contract import interactions, taste_data

from coursekit.models import GMF, MLP, NeuMF, Recommender, neural

EVERYONE = np.append(np.arange(40), -1)


@pytest.fixture(scope="module")
def data():
    return taste_data()


@pytest.fixture(scope="module")
def fitted(data):
    return MLP(4, epochs=3, batch_size=64, learning_rate=0.01, dropout=0.2).fit(data)


def readers_random_numbers():
    """What a reader's next draws would be, without drawing."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - the reader's generator is what is meant
    return random.getstate(), (name, keys.tolist(), *rest), torch.get_rng_state().tolist()


def test_nothing_a_model_does_touches_the_readers_random_numbers(data, tmp_path):
    before = readers_random_numbers()
    model = MLP(4, epochs=2, batch_size=64, dropout=0.5).fit(data, validate=lambda model: 0.0)
    model.recommend([0, 1, -1])
    MLP.load(model.save(tmp_path / "model.npz")).score([0])
    assert readers_random_numbers() == before


def test_the_readers_random_numbers_do_not_touch_a_model(data, fitted):
    torch.manual_seed(99), np.random.seed(99), random.seed(99)  # noqa: NPY002
    again = MLP(4, epochs=3, batch_size=64, learning_rate=0.01, dropout=0.2).fit(data)
    np.testing.assert_array_equal(again.score(EVERYONE), fitted.score(EVERYONE))


def test_another_seed_gives_another_model(data, fitted):
    other = MLP(4, epochs=3, batch_size=64, learning_rate=0.01, dropout=0.2, rng=1).fit(data)
    assert not np.allclose(other.score([0]), fitted.score([0]))


def test_dropout_is_off_when_scoring(fitted):
    assert not fitted.network_.training
    np.testing.assert_array_equal(fitted.score([0, 1]), fitted.score([0, 1]))


def test_only_the_candidates_are_asked_about(fitted):
    asked = []
    hook = fitted.network_.register_forward_pre_hook(lambda _, given: asked.append(tuple(given[1].shape)))
    fitted.recommend([0, 1, 2], k=2, candidates=[[5, 9, -1], [6, 7, 8], [0, 1, 2]])
    hook.remove()
    assert asked == [(3, 3)]


def test_history_has_a_row_an_epoch_and_the_loss_falls(data):
    model = GMF(4, epochs=8, batch_size=64, learning_rate=0.05).fit(data)
    assert [row["epoch"] for row in model.history_] == list(range(1, 9))
    assert {row["batches"] for row in model.history_} == {4}  # 195 pairs
    losses = [row["loss"] for row in model.history_]
    assert losses[0] == pytest.approx(np.log(2), abs=0.05)  # small first weights: all logits near 0
    assert losses[-1] < 0.5


def test_validate_gets_the_model_after_every_epoch_and_fills_columns(data):
    seen = []

    def validate(model):
        assert isinstance(model, GMF)
        assert not model.network_.training
        seen.append(model.score([0, 1]))
        return {"best": seen[-1].max(), "items": model.recommend([0, -1], k=3).items.size}

    model = GMF(4, epochs=3, batch_size=64, learning_rate=0.05).fit(data, validate=validate)
    assert len(seen) == 3
    assert not np.allclose(seen[0], seen[1])
    np.testing.assert_array_equal(seen[2], model.score([0, 1]))
    assert [row["best"] for row in model.history_] == [pytest.approx(scores.max()) for scores in seen]
    assert [row["items"] for row in model.history_] == [6, 6, 6]


def test_watching_a_model_does_not_change_it(data, fitted):
    options = {"epochs": 3, "batch_size": 64, "learning_rate": 0.01, "dropout": 0.2}
    watched = MLP(4, **options).fit(data, validate=lambda model: model.recommend(EVERYONE).scores.mean())
    np.testing.assert_array_equal(watched.score(EVERYONE), fitted.score(EVERYONE))
    assert all("validation" in row for row in watched.history_)


def test_validation_of_one_fit_is_forgotten_by_the_next(data):
    calls = []
    model = GMF(2, epochs=1).fit(data, validate=lambda model: calls.append(1))
    model.fit(data)
    assert len(calls) == 1


def test_a_failing_validation_is_forgotten_too(data):
    model = GMF(2, epochs=1)
    with pytest.raises(ZeroDivisionError):
        model.fit(data, validate=lambda model: 1 / 0)
    assert "validation" not in model.fit(data).history_[0]


def test_after_ctrl_c_the_model_of_then_can_be_used(data, capsys):
    def stop(model):
        raise KeyboardInterrupt

    model = GMF(4, epochs=50, batch_size=64).fit(data, validate=stop)
    assert "Stopped by hand" in capsys.readouterr().out
    assert len(model.history_) == 1
    assert np.isfinite(model.score(EVERYONE)).all()


def test_the_weights_are_those_of_plain_adamw(data):
    class Plain(GMF):
        def _optimizer(self):
            return torch.optim.AdamW

    options = {"epochs": 3, "batch_size": 64, "learning_rate": 0.01, "weight_decay": 0.1}
    plain, fused = (cls(4, **options).fit(data).score(EVERYONE) for cls in (Plain, GMF))
    np.testing.assert_allclose(fused, plain, rtol=1e-4, atol=1e-6)


def test_a_decaying_learning_rate_falls_in_a_straight_line_to_zero(data):
    model = GMF(4, epochs=4, batch_size=64, learning_rate=0.04, decay=True).fit(data)
    assert [row["learning_rate"] for row in model.history_] == pytest.approx([0.03, 0.02, 0.01, 0.0])
    assert {row["learning_rate"] for row in GMF(4, epochs=2).fit(data).history_} == {1e-3}


def test_weight_decay_shrinks_the_weights(data):
    def size(weight_decay):
        model = GMF(4, epochs=5, learning_rate=0.05, weight_decay=weight_decay).fit(data)
        return model.network_.users.weight.square().sum().item()

    assert size(2.0) < 0.8 * size(0.0)


# --- scoring -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pairs", [1, 31, 100])
def test_scores_do_not_depend_on_how_many_are_computed_at_once(fitted, monkeypatch, pairs):
    own = np.random.default_rng(0).integers(-1, 30, size=(41, 7))
    whole, chosen = fitted.score(EVERYONE), fitted.score(EVERYONE, own)
    monkeypatch.setattr(neural, "PAIRS_AT_ONCE", pairs)
    np.testing.assert_allclose(fitted.score(EVERYONE), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fitted.score(EVERYONE, own), chosen, rtol=1e-5, atol=1e-6)


def test_scores_are_the_networks_own(fitted):
    with torch.inference_mode():
        expected = fitted.network_(torch.tensor([3, 8]), torch.arange(30)).numpy()
    np.testing.assert_allclose(fitted.score([3, 8]), expected, rtol=1e-5, atol=1e-6)


# --- files -------------------------------------------------------------------------------------------------

FRESH = """
import sys
import numpy as np
from coursekit.models import Recommender
assert "coursekit.models.ncf" not in sys.modules and "torch" not in sys.modules
model = Recommender.load(sys.argv[1])
assert type(model).__name__ == "NeuMF" and not model.network_.training
np.save(sys.argv[2], model.score(np.append(np.arange(40), -1)))
"""


def test_another_process_loads_what_this_one_saved(data, tmp_path):
    features = np.random.default_rng(0).normal(size=(30, 3))
    options = {"epochs": 2, "batch_size": 64}
    parts = GMF(4, **options).fit(data), MLP(4, **options).fit(data)
    model = NeuMF(4, pretrained=parts, item_features=features, **options).fit(data)
    path = model.save(tmp_path / "model.npz")
    subprocess.run([sys.executable, "-c", FRESH, path, tmp_path / "scores.npy"], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), model.score(EVERYONE), rtol=1e-5, atol=1e-6)


def test_a_loaded_model_has_its_history_and_can_be_fitted_again(data, fitted, tmp_path):
    loaded = Recommender.load(fitted.save(tmp_path / "model.npz"))
    assert loaded.history_ == fitted.history_
    assert {name: getattr(loaded, name) for name in ("factors", "dropout", "epochs", "batch_size")} == {
        "factors": 4,
        "dropout": 0.2,
        "epochs": 3,
        "batch_size": 64,
    }
    np.testing.assert_array_equal(loaded.fit(data).score(EVERYONE), fitted.score(EVERYONE))


# --- device and threads ------------------------------------------------------------------------------------


def test_device_comes_from_the_argument_or_the_environment(data, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DEVICE", "cpu")
    assert next(GMF(2, epochs=1).fit(data).network_.parameters()).device.type == "cpu"
    monkeypatch.setenv("COURSEKIT_DEVICE", "abacus")
    with pytest.raises(ValueError, match="COURSEKIT_DEVICE='abacus' is no device"):
        GMF(2, epochs=1).fit(data)
    with pytest.raises(ValueError, match="device='abacus' is no device"):
        GMF(2, epochs=1, device="abacus").fit(data)
    assert GMF(2, epochs=1, device="cpu").fit(data).device == "cpu"


@pytest.mark.parametrize(("setting", "expected"), [(None, 1), ("2", 2)])
def test_training_takes_one_thread_unless_the_environment_says_otherwise(
    data, monkeypatch, setting, expected
):
    monkeypatch.delenv("COURSEKIT_THREADS", raising=False)
    if setting:
        monkeypatch.setenv("COURSEKIT_THREADS", setting)
    used = []
    before = torch.get_num_threads()
    torch.set_num_threads(3)  # the reader's own choice
    try:
        GMF(2, epochs=2).fit(data, validate=lambda model: used.append(torch.get_num_threads()))
        assert used == [expected, expected]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


# --- nothing to learn --------------------------------------------------------------------------------------


@pytest.mark.parametrize("met", [False, True], ids=["nothing observed", "everything met"])
def test_data_without_anything_to_learn_leaves_the_first_weights(met, tmp_path):
    user, item = (axis.ravel() for axis in np.mgrid[:3, :4]) if met else ([], [])
    model = NeuMF(2, epochs=3).fit(interactions(user, item, n_users=3, n_items=4))
    assert model.history_ == []
    assert np.isfinite(model.score([0, -1])).all()
    assert model.recommend([0, -1], k=2).items.shape == (2, 2)
    assert Recommender.load(model.save(tmp_path / "model.npz")).history_ == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs=0 must be"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0 must be"),
        ({"weight_decay": float("nan")}, "weight_decay=nan must be"),
        ({"batch_size": 0}, "batch_size=0 must be"),
    ],
)
def test_options_out_of_range_are_refused_by_value(data, options, message):
    with pytest.raises(ValueError, match=message):
        GMF(2, **options).fit(data)


def test_a_loss_that_explodes_says_what_helps(data):
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        GMF(2, epochs=30, learning_rate=1e30).fit(data)


@pytest.mark.parametrize(("decay", "left"), [(0.0, 1.0), (0.75, 0.25), (1.0, 0.0)])
def test_decay_is_the_share_of_the_learning_rate_that_is_gone_at_the_end(decay, left):
    model = GMF(2, epochs=4, batch_size=32, learning_rate=0.02, decay=decay).fit(taste_data())
    rates = [epoch["learning_rate"] for epoch in model.history_]
    assert rates == pytest.approx([0.02 * (1 - (1 - left) * done / 4) for done in (1, 2, 3, 4)])


@pytest.mark.parametrize("decay", [-0.1, 1.5])
def test_decay_outside_its_range_is_named(decay):
    with pytest.raises(ValueError, match=f"decay={decay} must lie between 0"):
        GMF(2, epochs=1, decay=decay).fit(taste_data())
