"""The factor models against their equations, written out plainly."""

import numpy as np
import pytest
import torch
from contract import interactions, taste_data

from coursekit.models.base import Recommender
from coursekit.models.factorization import ALS, BPR, AutoRec, BiasedMF, FactorizationMachine
from coursekit.models.factorization import als as als_module
from coursekit.models.factorization.autorec import AutoRecNetwork
from coursekit.models.factorization.fm import FMNetwork, FMSide
from coursekit.models.factorization.network import PairwiseNetwork, SquaredErrorNetwork
from coursekit.models.factorization.rows import MatrixRows, RowBatch
from coursekit.models.pairs import PairBatch, RatingBatch

QUICK = {"epochs": 2, "batch_size": 64}


@pytest.fixture(scope="module")
def data():
    return taste_data(3)


def tables(network):
    """Users' and items' factors and biases."""
    users, items = network.users.weight.detach().numpy(), network.items.weight.detach().numpy()
    return users[:, :-1], users[:, -1], items[:, :-1], items[:, -1]


def filled(network):
    """The network with all parameters drawn at random, biases too."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 1, generator=generator)
    return network


# --- ALS ------------------------------------------------------------------------------------------------


def plain_objective(users, items, ratings, alpha, regularization):
    """Hu, Koren & Volinsky, equation 3, over all cells."""
    error = (1 + alpha * ratings) * ((ratings > 0) - users @ items.T) ** 2
    return error.sum() + regularization * ((users**2).sum() + (items**2).sum())


def test_als_solves_each_users_ridge_regression(data):
    ratings, alpha, regularization = data.matrix().toarray(), 3.0, 2.0
    items = np.random.default_rng(0).normal(size=(30, 4))
    gains = als_module._gains(data.matrix(), alpha)
    found = als_module.solve_side(items, gains, regularization)
    for user in range(40):
        confidence = np.diag(1 + alpha * ratings[user])
        left = items.T @ confidence @ items + regularization * np.eye(4)
        expected = np.linalg.solve(left, items.T @ confidence @ (ratings[user] > 0))
        np.testing.assert_allclose(found[user], expected, rtol=1e-9, atol=1e-12)


def test_als_gives_the_same_factors_in_blocks_of_any_size(data, monkeypatch):
    gains = als_module._gains(data.matrix(), 3.0)[np.r_[0:40, 0:20]]
    gains.data[:30] = 0.0  # a value of 0 is no preference
    items = np.random.default_rng(0).normal(size=(30, 4))
    together = als_module.solve_side(items, gains, 2.0)
    monkeypatch.setattr(als_module, "CELLS", 50)
    np.testing.assert_allclose(als_module.solve_side(items, gains, 2.0), together, rtol=1e-9)


def test_als_objective_is_that_of_the_paper_and_never_rises(data):
    model = ALS(4, iterations=12, alpha=3.0, regularization=2.0).fit(data)
    assert len(model.objective_) == 12
    assert (np.diff(model.objective_) < 0).all()
    last = plain_objective(model.user_factors_, model.item_factors_, data.matrix().toarray(), 3.0, 2.0)
    assert model.objective_[-1] == pytest.approx(last, rel=1e-5)


def test_als_half_step_is_the_minimum_over_its_side(data):
    gains = als_module._gains(data.matrix(), 3.0)
    rng = np.random.default_rng(0)
    items = rng.normal(size=(30, 4))
    best = als_module.solve_side(items, gains, 2.0)
    least = als_module.objective(best, items, gains, 2.0)
    for _ in range(20):
        assert als_module.objective(best + rng.normal(0, 0.01, best.shape), items, gains, 2.0) > least


def test_als_leaves_who_met_nothing_at_the_origin(data):
    model = ALS(4, alpha=3.0, regularization=2.0).fit(data)
    assert not model.user_factors_[39].any()
    assert not model.item_factors_[29].any()
    assert (model.similar([29]).items == -1).all()
    assert 29 not in model.similar([0], k=30).items


def test_als_refuses_negative_values_and_options_out_of_range(data):
    with pytest.raises(ValueError, match=r"-1\.0 would mean a confidence below 1"):
        ALS().fit(interactions([0, 1], [0, 1], [1.0, -1.0]))
    with pytest.raises(ValueError, match="alpha=0"):
        ALS(alpha=0)
    with pytest.raises(ValueError, match="factors=0"):
        ALS(0)


# --- matrix factorisation -------------------------------------------------------------------------------


def test_scores_are_mean_biases_and_the_product_of_factors():
    network = filled(SquaredErrorNetwork(np.ones(3, bool), np.ones(4, bool), 5, mean=3.5))
    p, b_u, q, b_i = tables(network)
    expected = 3.5 + b_u[:, None] + b_i + p @ q.T
    users, items = torch.arange(3), torch.arange(4)
    with torch.no_grad():
        np.testing.assert_allclose(network(users, items), expected, rtol=1e-5)
        own = network(users, torch.tensor([[0, 3], [1, 1], [2, 0]]))
    np.testing.assert_allclose(own, expected[[[0], [1], [2]], [[0, 3], [1, 1], [2, 0]]], rtol=1e-5)


def test_squared_error_penalises_what_the_batch_met():
    network = filled(SquaredErrorNetwork(np.ones(3, bool), np.ones(4, bool), 2, 3.0, regularization=0.1))
    p, b_u, q, b_i = tables(network)
    triples = [(0, 3, 4.0), (0, 1, 2.0), (2, 1, 5.0)]
    expected = 0.0
    for u, i, r in triples:
        error = r - (3.0 + b_u[u] + b_i[i] + p[u] @ q[i])
        expected += error**2 + 0.1 * (b_u[u] ** 2 + b_i[i] ** 2 + p[u] @ p[u] + q[i] @ q[i])
    users, items, values = (torch.tensor(column) for column in zip(*triples, strict=True))
    loss = network.loss(RatingBatch(users, items[:, None], values))
    assert loss.item() == pytest.approx(expected / 3, rel=1e-5)


def test_pairwise_loss_is_that_of_bpr():
    network = filled(PairwiseNetwork(np.ones(3, bool), np.ones(5, bool), 2, regularization=0.1))
    with torch.no_grad():
        network.users.weight[:, -1] = 0
    p, _, q, b = tables(network)
    users, items = np.array([0, 2]), np.array([[3, 1, 0], [4, 2, 2]])
    expected = 0.0
    for u, (i, *negatives) in zip(users, items, strict=True):
        score = b + q @ p[u]
        expected += np.mean([-np.log(1 / (1 + np.exp(score[j] - score[i]))) for j in negatives])
        expected += 0.1 * (p[u] @ p[u] + sum(q[j] @ q[j] for j in (i, *negatives)))
    loss = network.loss(PairBatch(torch.tensor(users), torch.tensor(items)))
    assert loss.item() == pytest.approx(expected / 2, rel=1e-5)


def test_one_step_of_sgd_is_koren_s_update():
    data = interactions([0], [0], [5.0], n_users=2, n_items=2)
    rate, regularization = 0.1, 0.02
    options = {"optimizer": "sgd", "learning_rate": rate, "regularization": regularization, "epochs": 1}
    model = BiasedMF(2, **options).fit(data)
    torch.manual_seed(0)  # the model's own first weights
    start = model._network()
    p, _, q, _ = (table.astype(np.float64) for table in tables(start))
    error = 5.0 - (5.0 + p[0] @ q[0])  # the mean of one rating is that rating; biases start at 0
    moved_p, moved_b, moved_q, moved_c = tables(model.network_)
    # The gradient of e² + λ |p|² is twice what Koren's rule writes.
    np.testing.assert_allclose(
        moved_p[0], p[0] + 2 * rate * (error * q[0] - regularization * p[0]), rtol=1e-5
    )
    np.testing.assert_allclose(
        moved_q[0], q[0] + 2 * rate * (error * p[0] - regularization * q[0]), rtol=1e-5
    )
    np.testing.assert_allclose([moved_b[0], moved_c[0]], 2 * rate * error, rtol=1e-5)


def test_predicted_ratings_are_the_scores(data):
    model = BiasedMF(3, **QUICK).fit(data)
    users, items = (axis.ravel() for axis in np.mgrid[:39, :30])
    found = model.predict(users, items)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.reshape(39, 30), model.score(np.arange(39)), rtol=1e-5)


def test_unknown_user_or_item_adds_nothing_to_a_predicted_rating(data):
    model = BiasedMF(3, **QUICK).fit(data)
    _, b_u, _, b_i = tables(model.network_)
    mean = data.value.mean()
    found = model.predict([-1, 4, -1, 39, 4, -1], [4, -1, -1, 4, 29, 29])
    expected = [mean + b_i[4], mean + b_u[4], mean, mean + b_i[4], mean + b_u[4], mean]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="shape"):
        model.predict([0, 1], [0, 1, 2])


def test_bpr_does_not_look_at_values(data):
    ones = interactions(data.user, data.item, None, 40, 30)
    one, other = BPR(3, **QUICK).fit(data), BPR(3, **QUICK).fit(ones)
    np.testing.assert_array_equal(one.score([0, 1]), other.score([0, 1]))


@pytest.mark.parametrize("cls", [ALS, BPR, BiasedMF, FactorizationMachine, AutoRec])
def test_similar_items_have_the_largest_cosine(cls, data):
    model = cls(3, **({"alpha": 3.0, "regularization": 2.0} if cls is ALS else QUICK)).fit(data)
    if cls is ALS:
        vectors = model.item_factors_
    elif cls is AutoRec:
        vectors = model.network_.codes.numpy() - model.network_.codes.numpy().mean(axis=0)
    elif cls is FactorizationMachine:
        vectors = model.network_.items.rows.weight.detach().numpy()[:, :-1]
    else:
        vectors = tables(model.network_)[2]
    directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    cosine = directions @ directions[5]
    cosine[[5, 29]] = -np.inf  # itself, and the one nobody met
    items, scores = model.similar([5], k=4)
    np.testing.assert_array_equal(items[0], np.argsort(-cosine)[:4])
    np.testing.assert_allclose(scores[0], np.sort(cosine)[::-1][:4], rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: BPR(0), r"BPR\(factors=0\): it must be at least 1"),
        (lambda: BPR(regularization=-1), r"BPR\(regularization=-1\): it must be at least 0"),
        (lambda: BiasedMF(-1), r"BiasedMF\(factors=-1\): it must be at least 0"),
        (lambda: FactorizationMachine(n_negatives=0), "n_negatives=0"),
        (lambda: AutoRec(by="column"), r"AutoRec\(by='column'\): choose 'item' or 'user'"),
        (lambda: AutoRec(feedback="stars"), "choose 'explicit' or 'implicit'"),
        (lambda: AutoRec(dropout=1.0), "hiding everything"),
    ],
)
def test_option_that_means_nothing_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


# --- factorization machine ------------------------------------------------------------------------------


def machine(user_features, item_features, n_users=3, n_items=4, factors=3):
    sides = (
        FMSide(np.ones(n, bool), features, factors, 0.1)
        for n, features in ((n_users, user_features), (n_items, item_features))
    )
    return filled(FMNetwork(*sides))


def plain_machine(network, user, item):
    """Rendle's equation 1 with both loops over the entries of x, in float64."""
    x, v, w = [], [], []
    for side, row in ((network.users, user), (network.items, item)):
        one_hot = np.eye(len(side.rows.weight))[row]
        features = [] if side.features is None else side.features[row].numpy()
        table = np.vstack([side.rows.weight.detach().numpy(), side.of_features.detach().numpy()])
        x, v, w = [*x, *one_hot, *features], [*v, *table[:, :-1]], [*w, *table[:, -1]]
    pairs = sum(v[j] @ v[k] * x[j] * x[k] for j in range(len(x)) for k in range(j + 1, len(x)))
    return np.dot(w, x) + pairs


@pytest.mark.parametrize("of_users", [False, True])
@pytest.mark.parametrize("of_items", [False, True])
def test_machine_scores_all_pairs_of_entries(of_users, of_items):
    rng = np.random.default_rng(0)
    users = rng.normal(size=(3, 5)).astype(np.float32) if of_users else None
    items = rng.normal(size=(4, 2)).astype(np.float32) if of_items else None
    network = machine(users, items)
    expected = [[plain_machine(network, user, item) for item in range(4)] for user in range(3)]
    with torch.no_grad():
        found = network(torch.arange(3), torch.arange(4))
        each = network(torch.arange(3), torch.arange(4).expand(3, 4))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_allclose(each, found, rtol=1e-5)


def test_machine_without_features_is_bpr(data):
    # Only where nothing is new: the machine keeps what nobody met at 0, BPR draws it as a negative.
    met = interactions(data.user[data.item < 29], data.item[data.item < 29], None, 40, 29)
    options = {"epochs": 3, "batch_size": 64, "regularization": 0.02}
    one, other = FactorizationMachine(4, **options).fit(met), BPR(4, **options).fit(met)
    np.testing.assert_allclose(one.score(np.arange(39)), other.score(np.arange(39)), rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def tasteful():
    """Users 0 to 19 want even items and the others odd ones; item 20 (even) and 21 (odd) are new."""
    pairs = [(u, i) for u in range(40) for i in range(20) if (u < 20) == (i % 2 == 0) and (u + i) % 3]
    users, items = np.transpose([pair for pair in pairs if pair[0] not in (0, 39)])
    parity = np.eye(2)[np.arange(22) % 2]
    group = np.eye(2)[(np.arange(40) >= 20).astype(int)]
    return interactions(users, items, None, 40, 22), group, parity


def test_machine_scores_new_items_and_users_by_their_features(tasteful):
    data, group, parity = tasteful
    options = {"epochs": 30, "batch_size": 64, "learning_rate": 0.05, "regularization": 0.001}
    model = FactorizationMachine(4, group, parity, **options).fit(data)
    new = model.score(np.arange(40), [20, 21])  # users 0 and 39 have no history
    assert ((new[:, 0] > new[:, 1]) == (np.arange(40) < 20)).all()
    assert (model.similar([20], k=3).items % 2 == 0).all()
    blind = FactorizationMachine(4, **options).fit(data)
    np.testing.assert_array_equal(blind.score(np.arange(1, 39), [20, 21]), 0)
    np.testing.assert_array_equal(blind.score([0]), blind.score([-1]))  # the popular items


def test_machine_keeps_its_features_when_saved(tasteful, tmp_path):
    data, group, parity = tasteful
    model = FactorizationMachine(4, group, parity, **QUICK).fit(data)
    loaded = Recommender.load(model.save(tmp_path / "machine.npz"), device="cpu")
    scores = model.score(np.arange(40))
    np.testing.assert_array_equal(loaded.score(np.arange(40)), scores)
    np.testing.assert_array_equal(loaded.fit(data).score(np.arange(40)), scores)


def test_machine_refuses_features_of_another_catalogue(data):
    with pytest.raises(ValueError, match=r"item_features has the shape \(3, 2\); the data needs \(30, d\)"):
        FactorizationMachine(item_features=np.ones((3, 2))).fit(data)


# --- AutoRec --------------------------------------------------------------------------------------------


def test_reconstruction_counts_rated_cells_only():
    network = filled(AutoRecNetwork((4, 3), 2, regularization=0.01))
    v, b = network.encoder.weight.detach().numpy(), network.encoder.bias.detach().numpy()
    w, c = network.decoder.weight.detach().numpy(), network.decoder.bias.detach().numpy()
    x = np.array([[1.0, 0.0, -0.5], [0.0, 2.0, 0.0]], np.float32)
    counts = np.array([[1, 0, 1], [0, 1, 0]], np.float32)
    errors = []
    for row, mask in zip(x, counts, strict=True):
        filled_in = w @ (1 / (1 + np.exp(-(v @ row + b)))) + c
        errors += [(filled_in[n] - row[n]) ** 2 for n in range(3) if mask[n]]
    loss = network.loss(RowBatch(torch.tensor(x), torch.tensor(counts)))
    assert loss.item() == pytest.approx(np.mean(errors) + 0.01 * ((v**2).sum() + (w**2).sum()), rel=1e-5)


@pytest.mark.parametrize("by", ["item", "user"])
def test_predicted_rating_is_a_cell_of_the_reconstructed_row(by, data):
    model = AutoRec(4, by=by, **QUICK).fit(data)
    ratings, mean = data.matrix(), data.value.mean()
    rows = np.where(data.matrix(binary=True).toarray() > 0, ratings.toarray() - mean, 0)
    rows = torch.tensor(rows.T if by == "item" else rows, dtype=torch.float32)
    with torch.no_grad():
        table = mean + model.network_.reconstruct(rows).numpy()
    table = table.T if by == "item" else table
    np.testing.assert_allclose(model.score(np.arange(39)), table[:39], rtol=1e-5)
    users, items = (axis.ravel() for axis in np.mgrid[:39, :29])
    np.testing.assert_allclose(model.predict(users, items), table[:39, :29].ravel(), rtol=1e-5)


def test_autorec_answers_for_strangers_by_the_mean_that_is_known(data):
    model = AutoRec(4, **QUICK).fit(data)
    of_item, of_user = data.value[data.item == 4].mean(), data.value[data.user == 4].mean()
    found = model.predict([-1, 4, -1, 39, -1, 4], [4, -1, -1, 4, 29, 29])
    expected = [of_item, of_user, data.value.mean(), of_item, data.value.mean(), of_user]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert model.predict([], []).shape == (0,)
    with pytest.raises(ValueError, match=r"AutoRec\(feedback='explicit'\)"):
        AutoRec(4, feedback="implicit", **QUICK).fit(data).predict([0], [0])


def test_rows_are_read_once_an_epoch_and_empty_ones_never(data):
    matrix = data.matrix()
    batches = MatrixRows(matrix, False, 16, 0, torch.device("cpu"))
    values, counts = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert values.shape == (39, 30)
    assert sorted(values.sum(1).tolist()) == sorted(matrix.sum(axis=1)[:39].tolist())
    np.testing.assert_array_equal(counts, (values > 0).float())
    assert all((batch.counts == 1).all() for batch in MatrixRows(matrix, True, 16, 0, torch.device("cpu")))
    assert len(batches) == 3


def test_validation_sees_the_codes_of_its_epoch(data):
    seen = []
    model = AutoRec(4, epochs=3, batch_size=8)
    model.fit(data, validate=lambda model: seen.append(model.score([0])) or 0.0)
    assert len(seen) == 3
    assert not np.allclose(seen[0], seen[1])
    np.testing.assert_array_equal(seen[2], model.score([0]))
