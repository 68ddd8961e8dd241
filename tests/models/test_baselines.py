import numpy as np
from contract import interactions, taste_data

from coursekit.models import Popularity, Random


def test_popularity_counts_each_user_once():
    data = interactions([0, 0, 0, 1, 2], [1, 1, 1, 0, 0], n_items=3)
    assert Popularity().fit(data).score([2]).tolist() == [[2.0, 1.0, 0.0]]


def test_equally_popular_items_go_by_the_lower_row():
    data = interactions([0, 1], [2, 1], n_users=3, n_items=4)
    assert Popularity().fit(data).recommend([2], k=4).items.tolist() == [[1, 2, 0, 3]]


def test_random_scores_are_uniform_and_differ_between_users_and_seeds():
    data = taste_data()
    one, other = Random(rng=1).fit(data), Random(rng=2).fit(data)
    scores = one.score(np.arange(39))
    assert len(np.unique(scores)) > 1100
    assert abs(scores.mean() - 0.5) < 0.03
    assert not np.isin(scores, other.score(np.arange(39))).any()


def test_random_takes_a_generator_and_loads_without_it(tmp_path):
    data = taste_data()
    rng = np.random.default_rng(5)
    first, second = Random(rng).fit(data), Random(rng).fit(data)
    assert not np.array_equal(first.score([0]), second.score([0]))
    loaded = Random.load(first.save(tmp_path / "random.npz"))
    np.testing.assert_array_equal(loaded.score([0]), first.score([0]))
