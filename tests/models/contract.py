"""What every model must do. A new model joins in two lines of `test_contract.py`:

class TestNewModel(ModelContract):
    make = NewModel
"""

import json
import os
from functools import partial

import numpy as np
import pytest

from coursekit.interactions import Interactions
from coursekit.models import Recommender, base

SIDE = 12  # of the checkerboard


def interactions(user, item, value=None, n_users=None, n_items=None):
    value = np.ones(len(user)) if value is None else value
    users = np.arange(max(user, default=-1) + 1 if n_users is None else n_users)
    items = np.arange(max(item, default=-1) + 1 if n_items is None else n_items)
    return Interactions(user, item, value, None, users, items)


def checkerboard(explicit):
    """User u and item i go together when u + i is even; the pair (u, u) is withheld.

    With implicit feedback only such pairs occur. With explicit feedback they are rated 5 and the
    others 1, and one of the others is withheld too: (u, u + 1), which has to rank last.
    """
    user, item = (axis.ravel() for axis in np.mgrid[:SIDE, :SIDE])
    alike = (user + item) % 2 == 0
    keep = ~np.isin((item - user) % SIDE, [0, 1]) if explicit else alike & (user != item)
    return interactions(user[keep], item[keep], np.where(alike, 5.0, 1.0)[keep])


def taste_data(rng=0):
    """40 users, 30 items, 5 ratings each; user 39 and item 29 never occur."""
    rng = np.random.default_rng(rng)
    item = np.concatenate([rng.choice(29, 5, replace=False) for _ in range(39)])
    return interactions(np.repeat(np.arange(39), 5), item, rng.integers(1, 6, 195), 40, 30)


class ModelContract:
    """Subclass it and say how to make the model.

    make: called without arguments, or with device=…, it gives an unfitted model.
    explicit: whether it reads ratings (the checkerboard then has some).
    learns_taste: False for models that cannot tell users apart; they skip the checkerboard.
    knows_similar: whether `similar` answers.
    exact: False for models in which items of equal texts may change places, by the last bit of scores
        that are computed beside others.
    """

    make: type[Recommender]
    explicit = False
    learns_taste = True
    knows_similar = True
    exact = True

    @pytest.fixture(scope="class")
    @classmethod
    def data(cls):
        return taste_data()

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, data):
        return cls.make().fit(data)

    def test_withheld_item_ranks_first_on_a_checkerboard(self):
        if not self.learns_taste:
            pytest.skip("this model does not tell users apart")
        model = type(self).make().fit(checkerboard(self.explicit))
        found = model.recommend(np.arange(SIDE), k=1).items[:, 0]
        assert found.tolist() == list(range(SIDE))

    def test_fit_returns_the_model_and_a_second_fit_starts_afresh(self, data, fitted):
        model = type(self).make()
        assert model.fit(checkerboard(self.explicit)) is model
        again = model.fit(data)
        np.testing.assert_array_equal(again.score([0, 5]), fitted.score([0, 5]))

    def test_scores_are_finite_float32_of_shape_users_by_items(self, data, fitted):
        scores = fitted.score([3, 0, 3])
        assert scores.shape == (3, data.n_items)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
        # A matrix product may add in another order for another row of the same batch.
        np.testing.assert_allclose(scores[0], scores[2], rtol=1e-5)

    def test_scores_do_not_depend_on_the_block_of_users(self, data, fitted):
        together = fitted.score(np.arange(data.n_users))
        alone = np.vstack([fitted.score([user]) for user in range(data.n_users)])
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)

    def test_scores_of_chosen_items_are_those_of_all_items(self, fitted):
        scores = fitted.score([1, 2])
        # A network sums in another order for a few items than for all of them.
        close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
        close(fitted.score([1, 2], [7, 0]), scores[:, [7, 0]])
        own = np.array([[4, 4, 1], [0, 29, 3]])
        close(fitted.score([1, 2], own), np.take_along_axis(scores, own, 1))

    def test_recommendations_are_the_best_unseen_items_in_falling_order(self, data, fitted):
        items, scores = fitted.recommend(np.arange(data.n_users), k=6)
        assert items.dtype == np.int64
        assert scores.dtype == np.float32
        expected = np.where(data.matrix().toarray() != 0, -np.inf, fitted.score(np.arange(data.n_users)))
        order = np.argsort(-expected, axis=1, kind="stable")[:, :6]
        np.testing.assert_array_equal(items, order)
        np.testing.assert_array_equal(scores, np.take_along_axis(expected, order, 1))

    def test_seen_items_come_back_when_asked_for(self, data, fitted):
        items, _ = fitted.recommend([0], k=data.n_items, exclude_seen=False)
        assert sorted(items[0]) == list(range(data.n_items))

    def test_list_longer_than_the_catalogue_is_padded(self, data, fitted):
        items, scores = fitted.recommend([0], k=data.n_items + 4)
        seen = len(np.unique(data.item[data.user == 0]))
        assert (items[0] >= 0).tolist() == [True] * (data.n_items - seen) + [False] * (seen + 4)
        assert items[0, -1] == -1
        assert scores[0, -1] == -np.inf

    def test_candidates_limit_the_choice_for_all_or_for_each(self, data, fitted):
        for_all = fitted.recommend([0, 1], k=4, candidates=[8, 3, 11], exclude_seen=False).items
        assert [sorted(row) for row in for_all] == [[-1, 3, 8, 11]] * 2
        last = data.n_items - 1  # -1, the padding, is not the last item
        for_each = fitted.recommend([0, 1], k=2, candidates=[[last, -1], [6, 7]], exclude_seen=False).items
        assert [sorted(row) for row in for_each] == [[-1, last], [6, 7]]
        seen = data.item[data.user == 0]
        assert (fitted.recommend([0], k=3, candidates=seen).items == -1).all()

    def test_unknown_user_gets_a_finite_answer_and_has_seen_nothing(self, data, fitted):
        items, scores = fitted.recommend([-1, 0], k=data.n_items)
        assert sorted(items[0]) == list(range(data.n_items))
        assert np.isfinite(scores[0]).all()
        np.testing.assert_array_equal(fitted.score([-1])[0], fitted.score([39])[0])  # 39 has no history

    def test_unknown_user_is_not_the_last_one(self):
        model = type(self).make().fit(checkerboard(self.explicit))
        assert sorted(model.recommend([-1], k=SIDE).items[0]) == list(range(SIDE))

    def test_lists_do_not_depend_on_the_block_of_users(self, data, fitted, monkeypatch):
        users = np.arange(data.n_users)
        candidates = np.random.default_rng(1).permuted(np.tile(np.arange(30), (40, 1)), axis=1)[:, :9]
        together = fitted.recommend(users, k=4, candidates=candidates)
        monkeypatch.setattr(base, "BLOCK_SCORES", 7 * data.n_items)
        apart = fitted.recommend(users, k=4, candidates=candidates)
        np.testing.assert_allclose(apart.scores, together.scores, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(fitted.score(users, apart.items), apart.scores, rtol=1e-5, atol=1e-5)
        if self.exact:
            np.testing.assert_array_equal(apart.items, together.items)

    def test_unknown_user_gets_popular_items(self, data, fitted):
        popularity = np.bincount(data.item, minlength=data.n_items)
        np.testing.assert_array_equal(fitted.score([-1])[0], popularity)

    def test_unknown_item_scores_minus_infinity(self, fitted):
        assert fitted.score([0], [-1]).tolist() == [[-np.inf]]

    def test_no_users_give_empty_answers(self, data, fitted):
        nobody = np.array([], int)
        assert fitted.score(nobody).shape == (0, data.n_items)
        assert fitted.recommend(nobody, k=3).items.shape == (0, 3)

    @pytest.mark.parametrize("row", [40, -2])
    def test_user_outside_the_data_is_named(self, fitted, row):
        with pytest.raises(IndexError, match=rf"user row {row} is outside 0 … 39"):
            fitted.score([0, row])

    @pytest.mark.parametrize("row", [30, -2])
    def test_item_outside_the_data_is_named(self, fitted, row):
        with pytest.raises(IndexError, match=rf"item row {row} is outside 0 … 29"):
            fitted.recommend([0], candidates=[row])

    def test_label_in_place_of_a_row_is_refused(self, fitted):
        with pytest.raises(TypeError, match="user_index"):
            fitted.score(["ann"])

    def test_list_of_no_items_is_refused(self, fitted):
        with pytest.raises(ValueError, match="at least 1"):
            fitted.recommend([0], k=0)

    def test_asking_before_fitting_is_refused(self):
        with pytest.raises(RuntimeError, match="call fit"):
            type(self).make().recommend([0])

    def test_fitting_on_something_else_is_refused(self):
        with pytest.raises(TypeError, match="needs an Interactions, not ndarray"):
            type(self).make().fit(np.eye(3))

    def test_data_without_interactions_can_be_fitted(self):
        model = type(self).make().fit(interactions([], [], n_users=3, n_items=4))
        assert model.recommend([0, -1], k=2).items.shape == (2, 2)

    def test_two_fits_on_the_same_data_agree(self, data, fitted):
        everyone = np.arange(data.n_users)
        again = type(self).make().fit(data)
        np.testing.assert_array_equal(again.score(everyone), fitted.score(everyone))

    def test_device_is_accepted(self, data):
        model = type(self).make(device="cpu").fit(data)
        assert model.device == "cpu"
        assert model.recommend([0], k=3).items.shape == (1, 3)

    def test_similar_items_leave_out_the_item_and_fall(self, data, fitted):
        if not self.knows_similar:
            with pytest.raises(NotImplementedError, match=f"{type(fitted).__name__} knows no similarity"):
                fitted.similar([0])
            return
        items, scores = fitted.similar([3, -1, 4], k=data.n_items + 1)
        assert 3 not in items[0]
        assert 4 not in items[2]
        assert (items[1] == -1).all()
        assert items[0, -1] == -1
        found = scores[0][items[0] >= 0]
        assert len(found)
        assert (np.diff(found) <= 0).all()

    def test_loaded_model_answers_as_the_saved_one(self, data, fitted, tmp_path):
        path = fitted.save(tmp_path / "deep" / "model.npz")
        everyone = np.append(np.arange(data.n_users), -1)
        for cls in (type(fitted), Recommender):
            loaded = cls.load(path, device="cpu")
            assert type(loaded) is type(fitted)
            np.testing.assert_array_equal(loaded.score(everyone), fitted.score(everyone))
            for one, other in zip(loaded.recommend(everyone), fitted.recommend(everyone), strict=True):
                np.testing.assert_array_equal(one, other)

    def test_saved_file_holds_no_pickle_and_nothing_lies_beside_it(self, fitted, tmp_path):
        path = fitted.save(tmp_path / "model.npz")
        assert os.listdir(tmp_path) == ["model.npz"]
        with np.load(path, allow_pickle=False) as file:
            assert all(file[name].dtype != object for name in file.files)
            assert json.loads(str(file["header"]))["model"] == type(fitted).__name__

    def test_saving_before_fitting_is_refused(self, tmp_path):
        with pytest.raises(RuntimeError, match="call fit"):
            type(self).make().save(tmp_path / "model.npz")
        assert not os.listdir(tmp_path)
