"""Will this learner finish this course? What an example may know, and what the classifier does with it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coursekit.interactions import Interactions
from coursekit.models.sequence import CompletionClassifier, completion_examples
from coursekit.models.sequence.completion_network import CompletionBatches

DAY = 86_400


def enrolments(user, item, value, time, n_users=None, n_items=None):
    n_users, n_items = n_users or max(user) + 1, n_items or max(item) + 1
    return Interactions(user, item, value, time, np.arange(n_users), np.arange(n_items))


@pytest.fixture(scope="module")
def data():
    """30 learners, 12 courses, 400 enrolments, some in the same second."""
    rng = np.random.default_rng(0)
    n = 400
    user, item = rng.integers(0, 30, n), rng.integers(0, 12, n)
    return enrolments(user, item, rng.integers(0, 101, n) / 100, rng.integers(0, 150, n) * DAY // 4, 31, 12)


def known_before(data, user, moment):
    """(course, fraction) pairs a learner began before a moment, the slow way."""
    rows = [row for row in range(len(data)) if data.user[row] == user and data.time[row] < moment]
    return [
        (int(data.item[row]), float(data.value[row])) for row in sorted(rows, key=lambda row: data.time[row])
    ]


# --- examples -----------------------------------------------------------------------------------------------


def test_examples_of_a_few_enrolments_by_hand():
    data = enrolments([1, 0, 1, 1], [2, 0, 0, 1], [0.95, 0.5, 0.2, 1.0], [10, 20, 30, 40])
    examples = completion_examples(data)
    assert examples.users.tolist() == [1, 0, 1, 1]
    assert examples.items.tolist() == [2, 0, 0, 1]
    assert examples.finished.tolist() == [True, False, False, True]
    assert examples.times.tolist() == [10, 20, 30, 40]
    assert examples.histories.tolist() == [[0, 0], [0, 0], [3, 0], [3, 1]]
    np.testing.assert_allclose(examples.fractions, [[0, 0], [0, 0], [0.95, 0], [0.95, 0.2]])
    assert (len(examples), examples.n_users, examples.n_items) == (4, 2, 3)


@pytest.mark.parametrize("max_length", [1, 4, 50])
def test_an_example_knows_what_was_begun_strictly_before_and_nothing_else(data, max_length):
    examples = completion_examples(data, max_length=max_length)
    assert (np.diff(examples.times) >= 0).all()
    for row in range(len(examples)):
        known = known_before(data, examples.users[row], examples.times[row])[-max_length:]
        length = (examples.histories[row] > 0).sum()
        assert length == len(known)
        # Courses begun in the same second have no order that counts.
        found = zip(
            examples.histories[row, :length] - 1, examples.fractions[row, :length].round(2), strict=True
        )
        if max_length == 50:
            assert sorted((int(i), round(float(f), 2)) for i, f in found) == sorted(
                (i, round(f, 2)) for i, f in known
            )
        assert not examples.histories[row, length:].any()
        assert not examples.fractions[row, length:].any()


def test_later_events_do_not_change_an_earlier_example(data):
    moment = int(np.median(data.time))
    later = data.time >= moment
    rng = np.random.default_rng(1)
    other = replace(
        data,
        value=np.where(later, rng.random(len(data)), data.value),
        item=np.where(later, rng.integers(0, 12, len(data)), data.item),
    )
    before = [
        completion_examples(d).where(np.arange((~later).sum())) for d in (data, other, data.where(~later))
    ]
    one, *others = before
    for other in others:
        width = other.histories.shape[1]  # without later events the longest may be shorter
        for name in ("users", "items", "finished", "times"):
            np.testing.assert_array_equal(getattr(other, name), getattr(one, name))
        for name in ("histories", "fractions"):
            np.testing.assert_array_equal(getattr(other, name), getattr(one, name)[:, :width])
            assert not getattr(one, name)[:, width:].any()
    assert (before[0].times < moment).all()


def test_an_example_does_not_know_its_own_answer_nor_those_of_the_same_second():
    data = enrolments([0, 0, 0], [0, 1, 2], [1.0, 0.1, 0.7], [5, 9, 9])
    examples = completion_examples(data)
    assert examples.histories.tolist() == [[0], [1], [1]]
    assert examples.fractions.tolist() == [[0], [1], [1]]


def test_a_fraction_is_unknown_until_the_course_can_be_over():
    data = enrolments([0, 0, 0], [0, 1, 2], [1.0, 0.5, 0.7], [0, 8 * DAY, 10 * DAY])
    examples = completion_examples(data, known_after=7)
    np.testing.assert_array_equal(examples.fractions, [[0, 0], [1, 0], [1, np.nan]])
    assert examples.histories.tolist() == [[0, 0], [1, 0], [1, 2]]


@pytest.mark.parametrize(
    ("share", "expected"), [(0.9, [False, True, True]), (0.5, [True] * 3), (1.0, [False] * 2 + [True])]
)
def test_finished_is_from_the_share_on(share, expected):
    data = enrolments([0, 1, 2], [0, 0, 0], [0.89, 0.9, 1.0], [1, 2, 3])
    assert completion_examples(data, finished=share).finished.tolist() == expected


def test_split_puts_the_moment_itself_into_the_second_part():
    examples = completion_examples(enrolments([0, 0, 1], [0, 1, 1], [1, 0.5, 1], [0, DAY, 2 * DAY]))
    train, test = examples.split("1970-01-02")
    assert (train.times.tolist(), test.times.tolist()) == ([0], [DAY, 2 * DAY])
    assert test.histories.tolist() == [[1], [0]]  # what was known then stays known
    assert train.n_items == test.n_items == 2
    with pytest.raises(ValueError, match="leaves 3 of 3 examples"):
        examples.split("2000-01-01")


def test_without_enrolments_there_are_no_examples():
    empty = Interactions([], [], [], np.array([], np.int64), np.arange(2), np.arange(3))
    assert len(completion_examples(empty)) == 0


def test_what_is_no_fraction_or_has_no_time_is_named(data):
    with pytest.raises(ValueError, match=r"value 4 is no completed fraction"):
        completion_examples(replace(data, value=np.full(len(data), 4.0)))
    with pytest.raises(ValueError, match="has no times"):
        completion_examples(replace(data, time=None))
    for wrong in ({"finished": 0}, {"finished": 1.5}, {"max_length": 0}, {"known_after": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}={next(iter(wrong.values()))}"):
            completion_examples(data, **wrong)


# --- the classifier -----------------------------------------------------------------------------------------


def habits(n_users=120, n_events=8, rng=0):
    """Learners who finish all or nothing, and one course that nobody finishes."""
    rng = np.random.default_rng(rng)
    user = np.repeat(np.arange(n_users), n_events)
    item = rng.integers(0, 6, len(user))
    value = np.where((user % 2 == 0) & (item != 5), 1.0, 0.1)
    return enrolments(user, item, value, np.tile(np.arange(n_events), n_users) * DAY)


@pytest.fixture(scope="module")
def parts():
    return completion_examples(habits()).split(6 * DAY)


@pytest.fixture(scope="module")
def fitted(parts):
    return CompletionClassifier(8, epochs=8, batch_size=64, learning_rate=0.02, device="cpu").fit(parts[0])


def test_habits_and_hard_courses_are_learned(parts, fitted):
    test = parts[1]
    probabilities = fitted.predict_proba(test)
    assert probabilities.shape == (len(test),)
    assert probabilities.dtype == np.float32
    assert ((probabilities > 0.5) == test.finished).mean() > 0.98


@pytest.mark.parametrize("scoring", ["additive", "dot"])
def test_predictions_depend_on_the_fractions_the_course_and_nothing_that_is_unknown(parts, scoring):
    train, test = parts
    model = CompletionClassifier(8, scoring, epochs=3, batch_size=64, learning_rate=0.02, device="cpu").fit(
        train
    )
    said = model.predict_proba(test)
    np.testing.assert_array_equal(model.predict_proba(replace(test, finished=~test.finished)), said)
    np.testing.assert_array_equal(model.predict_proba(replace(test, times=test.times * 0)), said)
    for change in (
        {"items": (test.items + 1) % 6},
        {"fractions": np.where(test.histories > 0, 1 - test.fractions, 0)},
    ):
        assert np.abs(model.predict_proba(replace(test, **change)) - said).max() > 0.1


def test_a_prediction_depends_neither_on_padding_nor_on_the_examples_beside_it(parts, fitted):
    test = parts[1].where(np.arange(40))
    said = fitted.predict_proba(test)
    wider = replace(
        test,
        histories=np.pad(test.histories, ((0, 0), (0, 9))),
        fractions=np.pad(test.fractions, ((0, 0), (0, 9))),
    )
    np.testing.assert_allclose(fitted.predict_proba(wider), said, atol=1e-6)
    alone = np.concatenate([fitted.predict_proba(test.where([row])) for row in range(40)])
    np.testing.assert_allclose(alone, said, atol=1e-6)
    batch = next(iter(CompletionBatches(wider, 40, 0)))
    assert batch.histories.shape[1] == (test.histories > 0).sum(1).max()


def test_attention_sums_to_one_and_a_first_enrolment_has_none(parts, fitted):
    train, _ = parts
    weights = fitted.attention(train)
    assert weights.shape == train.histories.shape
    assert (weights[train.histories == 0] == 0).all()
    first = train.histories[:, 0] == 0
    assert first.any()
    np.testing.assert_allclose(weights.sum(1), ~first, atol=1e-6)


def test_the_course_that_asks_changes_what_is_attended_to(parts, fitted):
    test = parts[1]
    other = fitted.attention(replace(test, items=(test.items + 1) % 6))
    assert np.abs(other - fitted.attention(test)).max() > 1e-3


def test_an_unknown_fraction_is_not_a_fraction_of_zero(parts, fitted):
    test = parts[1]
    zero, unknown = (replace(test, fractions=np.full_like(test.fractions, f)) for f in (0, np.nan))
    assert np.isfinite(fitted.predict_proba(unknown)).all()
    assert not np.allclose(fitted.predict_proba(zero), fitted.predict_proba(unknown), atol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_features_tell_apart_what_nobody_has_taken_yet(seed):
    """30 courses, every second one hard and hardly ever finished; 24 to 29 are new after training."""
    rng = np.random.default_rng(seed)
    old = [rng.choice(24, 8, replace=False) for _ in range(120)]
    item = np.concatenate([[*row, *rng.choice(np.arange(24, 30), 2, replace=False)] for row in old])
    user, time = np.repeat(np.arange(120), 10), np.tile(np.arange(10) * DAY, 120)
    finished = (item % 2 == 0) ^ (rng.random(len(item)) < 0.1)
    data = enrolments(user, item, np.where(finished, 1.0, 0.1), time)
    train, new = completion_examples(data).split(8 * DAY)
    hard = new.items % 2 == 1
    options = {"epochs": 8, "batch_size": 64, "learning_rate": 0.02, "rng": seed, "device": "cpu"}
    told = CompletionClassifier(8, item_features=(np.arange(30) % 2)[:, None], **options)
    apart = []
    for model in (told, CompletionClassifier(8, **options)):
        said = model.fit(train).predict_proba(new)
        apart.append((said[~hard][:, None] > said[hard]).mean())
    assert apart[0] > 0.9
    assert abs(apart[1] - 0.5) < 0.2


def test_early_stopping_restores_the_best_epoch(parts):
    train, test = parts
    wrong = replace(test, finished=~test.finished)  # the better the model, the worse this looks
    options = {"batch_size": 64, "learning_rate": 0.02, "device": "cpu"}
    model = CompletionClassifier(8, epochs=9, patience=2, **options).fit(train, wrong)
    losses = [row["validation"] for row in model.history_]
    assert len(losses) < 9
    p = model.predict_proba(wrong).astype(float)
    assert min(losses) == pytest.approx(-np.log(np.where(wrong.finished, p, 1 - p)).mean(), rel=1e-4)
    with pytest.raises(ValueError, match="patience=2 watches a validation loss"):
        CompletionClassifier(patience=2).fit(train)


def test_the_same_seed_gives_the_same_numbers_and_leaves_the_readers_alone(parts, fitted):
    train, test = parts
    before = torch.get_rng_state()
    torch.manual_seed(7)
    again = CompletionClassifier(8, epochs=8, batch_size=64, learning_rate=0.02, device="cpu").fit(train)
    np.testing.assert_array_equal(again.predict_proba(test), fitted.predict_proba(test))
    torch.manual_seed(7)
    after = torch.get_rng_state()
    again.predict_proba(test)
    assert torch.equal(torch.get_rng_state(), after)
    torch.set_rng_state(before)


def test_mistakes_are_named(parts):
    train, test = parts
    with pytest.raises(RuntimeError, match="call fit"):
        CompletionClassifier().predict_proba(test)
    with pytest.raises(TypeError, match="needs what completion_examples gives, not Interactions"):
        CompletionClassifier().fit(habits())
    with pytest.raises(ValueError, match="no examples"):
        CompletionClassifier().fit(train.where(np.zeros(len(train), bool)))
    with pytest.raises(ValueError, match=r"item_features has the shape \(5, 1\)"):
        CompletionClassifier(item_features=np.ones((5, 1))).fit(train)
    with pytest.raises(ValueError, match=r"CompletionClassifier\(scoring='sum'\)"):
        CompletionClassifier(scoring="sum").fit(train)
