from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from coursekit.interactions import Interactions
from coursekit.splits import leave_last_out, random_split, sample_negatives, standard_split, time_split


def random_data(seed=0, n=3000, n_users=60, n_items=40, name="data", times=True):
    rng = np.random.default_rng(seed)
    return Interactions(
        user=rng.integers(0, n_users, n),
        item=(rng.random(n) ** 2 * n_items).astype(int),
        value=rng.random(n),
        time=rng.integers(0, 1000, n) if times else None,
        user_ids=np.arange(n_users),
        item_ids=np.arange(n_items),
        name=name,
    )


def rows(data):
    return sorted(zip(data.user.tolist(), data.item.tolist(), data.value.tolist(), strict=True))


def assert_parted(data, split):
    assert sorted(rows(split.train) + rows(split.test)) == rows(data)


@pytest.mark.parametrize("by", ["item", "user"])
@pytest.mark.parametrize("fraction", [0.25, 0.1, 0.5])
def test_random_split_is_recommenders_stratified_split(by, fraction):
    """Their protocol in their own words: rank rows at random in the group, cut at round(ratio * count)."""
    data = random_data()
    frame = pd.DataFrame(
        {"user": data.user, "item": data.item, "random": np.random.default_rng(5).random(len(data))}
    )
    frame = frame.sort_values([by, "random"])
    groups = frame.groupby(by)
    frame["count"] = groups[by].transform("count")
    frame["rank"] = groups.cumcount() + 1
    train_rows = frame.index[frame["rank"] <= round((1 - fraction) * frame["count"])]
    split = random_split(data, fraction, by=by, rng=5)
    assert rows(split.train) == rows(data.where(np.sort(train_rows)))
    assert_parted(data, split)


def test_each_item_is_split_in_proportion():
    data = random_data()
    train, test = (
        np.bincount(part.item, minlength=40)
        for part in vars(random_split(data)).values()
        if part is not None and not isinstance(part, str)
    )
    np.testing.assert_array_equal(train, np.round(0.75 * (train + test)))


def test_a_single_row_of_an_item_stays_in_train_and_halves_go_to_the_even_number():
    data = replace(random_data(n=1), item=np.array([0]))
    assert len(random_split(data, 0.25).train) == 1
    two = Interactions(np.zeros(2), np.zeros(2), np.ones(2), None, np.arange(1), np.arange(1))
    assert len(random_split(two, 0.25).train) == 2  # round(1.5) = 2
    assert len(random_split(two, 0.75).train) == 0  # round(0.5) = 0


def test_every_row_is_equally_likely_to_be_held_out():
    data = Interactions(np.arange(8), np.zeros(8), np.ones(8), None, np.arange(8), np.arange(1))
    rng = np.random.default_rng(0)
    counts = sum(np.bincount(random_split(data, rng=rng).test.user, minlength=8) for _ in range(4000))
    np.testing.assert_allclose(counts / 4000, 0.25, atol=4 * np.sqrt(0.25 * 0.75 / 4000))


def test_split_parts_share_the_id_maps_and_the_seed_decides():
    data = random_data()
    split = random_split(data, rng=3)
    assert split.train.user_ids is data.user_ids
    assert split.test.n_items == data.n_items
    assert rows(split.test) == rows(random_split(data, rng=3).test) != rows(random_split(data, rng=4).test)
    assert len(random_split(data, 0.3, by=None).train) == 2100


@pytest.mark.parametrize("cutoff", [700, "1970-01-01 00:11:40", datetime(1970, 1, 1, 0, 11, 40, tzinfo=UTC)])
def test_time_split_puts_the_cutoff_itself_into_test(cutoff):
    data = random_data()
    split = time_split(data, cutoff)
    assert split.train.time.max() == 699
    assert split.test.time.min() == 700
    assert_parted(data, split)
    assert split.description == "Train: before 1970-01-01 00:11:40; test: from then on."


def test_time_split_by_fraction_keeps_equal_times_together():
    data = random_data()
    split = time_split(data, test_fraction=0.1)
    assert split.train.time.max() < split.test.time.min()
    assert len(split.test) == pytest.approx(300, abs=6)


def test_time_split_can_leave_out_repeats():
    data = Interactions([0, 0, 0, 1], [0, 0, 1, 0], np.ones(4), [1, 5, 6, 7], np.arange(2), np.arange(2))
    assert rows(time_split(data, 4).test) == [(0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0)]
    assert rows(time_split(data, 4, new_pairs_only=True).test) == [(0, 1, 1.0), (1, 0, 1.0)]


def test_leave_last_out_takes_the_latest_and_spares_short_histories():
    data = Interactions(
        [0, 0, 0, 1, 2, 2], [0, 1, 2, 0, 1, 2], np.ones(6), [5, 9, 7, 1, 3, 3], np.arange(3), np.arange(3)
    )
    assert rows(leave_last_out(data).test) == [(0, 1, 1.0), (2, 2, 1.0)]
    assert rows(leave_last_out(data, 2).test) == [(0, 1, 1.0), (0, 2, 1.0)]
    assert_parted(data, leave_last_out(data, 2))


def test_campus_is_cut_in_july_2026_and_tested_on_new_pairs():
    july = int(pd.Timestamp("2026-07-01", tz="UTC").timestamp())
    data = replace(
        random_data(name="campus"), time=july - 900 + np.random.default_rng(1).integers(0, 1000, 3000)
    )
    split = standard_split(data)
    assert split.train.time.max() < july <= split.test.time.min()
    pairs = {(u, i) for u, i, _ in rows(split.train)}
    assert not pairs & {(u, i) for u, i, _ in rows(split.test)}
    assert split.description == "Train: before 2026-07-01; test: from then on, pairs already met left out."


def test_movielens_100k_and_data_without_times_are_split_at_random_item_by_item():
    for data in (random_data(name="ml-100k"), random_data(times=False)):
        split = standard_split(data, rng=2)
        assert rows(split.test) == rows(random_split(data, 0.25, by="item", rng=2).test)
        assert split.description == "A random 25% of the interactions, drawn item by item, is held out."


def test_other_data_with_times_is_split_in_time():
    split = standard_split(random_data())
    assert split.train.time.max() < split.test.time.min()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random_split(random_data(), 0), "test_fraction must lie between 0 and 1, not 0"),
        (lambda: random_split(random_data(), 25), "not 25"),
        (lambda: random_split(random_data(), by="row"), "by='row'"),
        (
            lambda: time_split(random_data(), 5000),
            "nothing lies on one side of 1970-01-01 01:23:20: the data runs",
        ),
        (lambda: time_split(random_data(), 0), "nothing lies on one side"),
        (lambda: time_split(random_data(times=False)), "data has no times: use random_split"),
        (lambda: leave_last_out(random_data(), 0), "n must be at least 1, not 0"),
        (lambda: time_split(random_data(n=0)), "no interactions to split"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_negatives_are_distinct_and_unseen_also_for_users_who_saw_nearly_everything():
    rng = np.random.default_rng(0)
    share = np.concatenate([np.zeros(5), np.full(40, 0.1), np.full(40, 0.75), np.full(15, 0.9)])
    dense = rng.random((100, 300)) < share[:, None]
    dense[-1] = True
    dense[-1, [0, 7, 8, *range(100, 107), *range(290, 300)]] = False  # exactly 20 left
    users = np.concatenate([np.arange(100), [3, 3]])
    drawn = sample_negatives(sparse.csr_array(dense), users, 20, rng=1)
    assert drawn.shape == (102, 20)
    assert not dense[users[:, None], drawn].any()
    assert all(len(set(row)) == 20 for row in drawn.tolist())
    assert sorted(drawn[99].tolist()) == np.flatnonzero(~dense[99]).tolist()
    assert drawn[3].tolist() != drawn[100].tolist() != drawn[101].tolist()


@pytest.mark.parametrize("n", [2, 5])  # 2 of 9 draws again what repeats, 5 of 9 shuffles
def test_every_unseen_item_is_equally_likely_at_every_place(n):
    seen = sparse.csr_array(np.array([[1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0]]))
    drawn = sample_negatives(seen, np.zeros(20_000, dtype=int), n, rng=0)
    unseen = np.flatnonzero(seen.toarray()[0] == 0)
    tolerance = 4.5 * np.sqrt(1 / 9 * 8 / 9 / 20_000)
    for place in range(n):
        share = np.bincount(drawn[:, place], minlength=12)[unseen] / 20_000
        np.testing.assert_allclose(share, 1 / 9, atol=tolerance)
    together = np.mean([(drawn == 1).any(axis=1) & (drawn == 2).any(axis=1)])
    assert together == pytest.approx(n * (n - 1) / 72, abs=0.012)


def test_seen_entries_may_be_unsorted_double_or_zero():
    seen = sparse.csr_array((np.zeros(4), np.array([3, 0, 3, 1]), np.array([0, 4])), shape=(1, 5))
    assert sorted(sample_negatives(seen, [0], 2, rng=0)[0].tolist()) == [2, 4]
    assert seen.nnz == 4


def test_too_few_unseen_items_and_unknown_users_are_named():
    seen = sparse.csr_array(np.array([[0, 0, 0], [1, 1, 0]]))
    with pytest.raises(ValueError, match="user 1 has 1 unseen items, too few for 2 negatives"):
        sample_negatives(seen, [0, 1], 2)
    with pytest.raises(IndexError, match="user 2 is outside the data's 2 users"):
        sample_negatives(seen, [2], 1)
    with pytest.raises(ValueError, match="n must be at least 1, not 0"):
        sample_negatives(seen, [0], 0)
    with pytest.raises(TypeError, match="must be a sparse matrix, not ndarray"):
        sample_negatives(seen.toarray(), [0], 1)
