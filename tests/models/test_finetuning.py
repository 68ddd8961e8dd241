import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from contract import interactions
from finetuning_data import board, described, tastes, write_tiny_bert
from torch.nn import functional as F

from coursekit.models import ItemKNN, Popularity, Recommender
from coursekit.models.bert import load_bert
from coursekit.models.finetuning import BertBiEncoder, BertCrossEncoder, BertRatingRegressor
from coursekit.models.finetuning.batches import CandidateBatches
from coursekit.models.finetuning.biencoder import in_batch_loss
from coursekit.models.finetuning.texts import compact, item_texts, joined, paired, pooled, token_ids

MODELS = [BertBiEncoder, BertCrossEncoder]
EVERYONE = np.arange(40)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_bert(tmp_path_factory.mktemp("tiny") / "bert")


@pytest.fixture(scope="module")
def two_blocks(tmp_path_factory):
    return write_tiny_bert(tmp_path_factory.mktemp("two") / "bert", layers=2)


def fitted(cls, checkpoint, data=None, **options):
    chosen = {"epochs": 2, "batch_size": 16, "learning_rate": 0.01, "max_length": 6} | options
    return cls(checkpoint=checkpoint, **chosen).fit(tastes() if data is None else data)


def weights(model):
    return {name: p.detach().clone() for name, p in model.network_.named_parameters()}


# --- texts ---------------------------------------------------------------------------------------------


def test_histories_are_joined_most_recent_first_and_without_gaps():
    """Titles of two, no and one word; ids 2 and 3 are [CLS] and [SEP]."""
    titles = torch.tensor([[2, 11, 12, 3], [2, 3, 0, 0], [2, 31, 3, 0]])
    histories = torch.tensor([[1, 3, 0], [3, 2, 1]])
    assert joined(histories, titles, 64).tolist() == [[2, 31, 3, 11, 12, 3, 0], [2, 11, 12, 3, 3, 31, 3]]
    assert joined(histories, titles, 4).tolist() == [[2, 31, 3, 11], [2, 11, 12, 3]]


def test_pairs_have_the_second_text_as_second_segment():
    ids, segments = paired(torch.tensor([[2, 7, 3, 0], [2, 7, 8, 3]]), torch.tensor([[2, 9, 3], [2, 9, 3]]))
    assert ids.tolist() == [[2, 7, 3, 9, 3, 0], [2, 7, 8, 3, 9, 3]]
    assert segments[1].tolist() == [0, 0, 0, 0, 1, 1]
    assert segments[0, :5].tolist() == [0, 0, 0, 1, 1]


def test_joined_texts_are_what_the_tokenizer_makes_of_a_pair(tiny):
    bert = load_bert(tiny, device="cpu")
    titles = torch.as_tensor(token_ids(bert, ["even kind1", "odd"]))
    text = joined(torch.tensor([[1]]), titles, 64)
    ids, segments = paired(text, titles[1:])
    expected = bert.encode(["even kind1"], ["odd"])
    assert torch.equal(ids, expected.ids)
    assert torch.equal(segments, expected.segments)


def test_compact_keeps_the_order():
    assert compact(torch.tensor([[0, 5, 0, 6], [7, 0, 0, 0]])).tolist() == [[5, 6], [7, 0]]


def test_vectors_do_not_depend_on_the_texts_beside_them(tiny, monkeypatch):
    bert = load_bert(tiny, device="cpu")
    texts = ["even", "odd " * 20, "kind1 kind2", "even odd " * 9, "good"]
    ids = torch.as_tensor(token_ids(bert, texts))
    monkeypatch.setattr("coursekit.models.finetuning.texts.TOKENS_AT_ONCE", 30)
    with torch.no_grad():
        together = pooled(bert.encoder, ids).numpy()
    np.testing.assert_allclose(together, bert.embed(texts), atol=1e-5)


def test_texts_of_items_are_titles_or_descriptions_with_labels_in_front():
    data = described(board())
    features = pd.DataFrame({"title": [f"t{i}" for i in range(12)], "subject": ["Art", None] * 6})
    data = replace(data, item_features=features)
    assert item_texts(data, "title")[:2] == ["t0", "t1"]
    assert item_texts(data, "title", ("subject",))[:2] == ["Art: t0", "t1"]
    assert item_texts(data, "title+description")[0] == "even even even kind0"
    with pytest.raises(ValueError, match="no column 'level'"):
        item_texts(data, "title", ("level",))
    with pytest.raises(ValueError, match="no item_text"):
        item_texts(replace(data, item_text=None, item_features=None), "title")


# --- the in-batch loss ---------------------------------------------------------------------------------


def test_in_batch_loss_equals_the_masked_square_written_out():
    """Five histories, two of which were followed by the same item: neither is the other's negative."""
    items = torch.tensor([4, 9, 4, 7, 1])
    users, vectors = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), torch.randn(10, 3)
    square = users @ vectors[items].T
    hit = (items[:, None] == items) & ~torch.eye(5, dtype=torch.bool)
    expected = F.cross_entropy(square.masked_fill(hit, float("-inf")), torch.arange(5))
    different, wanted = torch.unique(items, return_inverse=True)
    torch.testing.assert_close(in_batch_loss(users @ vectors[different].T, wanted), expected)


def test_a_course_that_followed_nobody_is_no_negative():
    logits = torch.tensor([[1.0, 2.0, 50.0]])
    assert in_batch_loss(logits, torch.tensor([0])).item() == 0
    assert in_batch_loss(logits.repeat(2, 1), torch.tensor([0, 1])) > 0.3


# --- batches of candidates -----------------------------------------------------------------------------


def test_candidates_follow_their_history_and_negatives_were_never_met():
    data = tastes()
    met = data.matrix(binary=True).toarray() > 0
    source = CandidateBatches(data, 3, 4, 16, seed=0)
    rows = [data.item[data.user == user].tolist() for user in range(40)]
    seen = set()
    for _ in range(8):
        for batch in source:
            for history, items in zip(batch.histories.tolist(), batch.items.tolist(), strict=True):
                history = [token - 1 for token in history if token]
                users = [u for u in EVERYONE if follows(rows[u], history, items[0])]
                # One event can have gone before the same item in two lists; more than one hardly ever.
                assert any(not met[user, items[1:]].any() for user in users)
                seen |= {(user, len(history)) for user in users}
                assert 29 not in items  # nobody ever met it
    assert {length for _, length in seen} == {1, 2, 3}
    assert {user for user, _ in seen} == set(range(39))  # user 39 has no events


def follows(events, history, item):
    """Whether this user met these, the last 3 before the item, and then the item."""
    places = [place for place in range(1, len(events)) if events[place] == item]
    return any(events[max(0, place - 3) : place] == history for place in places)


# --- what learns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", MODELS)
def test_frozen_really_is_frozen(tiny, cls):
    model = fitted(cls, tiny, tune="frozen")
    before = dict(load_bert(tiny, device="cpu").encoder.named_parameters())
    for name, p in model.network_.encoder.named_parameters():
        assert torch.equal(p, before[name]), name
    head = {name: p for name, p in model.network_.named_parameters() if not name.startswith("encoder.")}
    assert model.trained_parameters_ == sum(p.numel() for p in head.values())
    start = weights(fitted(cls, tiny, tune="frozen", learning_rate=0.0))
    assert all(not torch.equal(p, start[name]) for name, p in head.items())


@pytest.mark.parametrize("cls", MODELS)
def test_full_moves_every_layer_and_lora_only_its_corrections(tiny, cls):
    before = dict(load_bert(tiny, device="cpu").encoder.named_parameters())
    full = fitted(cls, tiny, weight_decay=0.0)
    assert not torch.equal(full.network_.encoder.words.weight, before["words.weight"])
    assert full.trained_parameters_ == sum(p.numel() for p in full.network_.parameters())
    lora = fitted(cls, tiny, tune="lora", rank=2)
    unmoved = {name.replace(".linear.", "."): p for name, p in lora.network_.encoder.named_parameters()}
    assert all(torch.equal(unmoved[name], p) for name, p in before.items())
    head = sum(p.numel() for name, p in lora.network_.named_parameters() if not name.startswith("encoder."))
    assert lora.trained_parameters_ - head == 2 * 2 * (16 + 16)


def test_lora_scores_before_training_are_those_without_it(tiny):
    none = {"learning_rate": 0.0}
    plain, lora = fitted(BertBiEncoder, tiny, **none), fitted(BertBiEncoder, tiny, tune="lora", **none)
    np.testing.assert_array_equal(plain.score(EVERYONE), lora.score(EVERYONE))


def test_layer_decay_moves_lower_layers_less(two_blocks):
    start = dict(load_bert(two_blocks, device="cpu").encoder.named_parameters())

    def moved(decay):
        model = fitted(BertBiEncoder, two_blocks, layer_decay=decay, epochs=1, weight_decay=0.0)
        after = dict(model.network_.encoder.named_parameters())
        names = ("words.weight", "blocks.0.widen.weight", "blocks.1.widen.weight")
        return [(after[name] - start[name]).abs().max().item() for name in names]

    low, middle, high = moved(0.1)
    assert low < middle / 4 < high / 16
    low, middle, high = moved(1.0)
    assert low > high / 4


@pytest.mark.parametrize("cls", MODELS)
def test_fgm_off_is_training_without_it_and_on_is_another(tiny, cls):
    plain, off, on = (fitted(cls, tiny, fgm=epsilon) for epsilon in (0.0, 0, 0.5))
    np.testing.assert_array_equal(plain.score(EVERYONE), off.score(EVERYONE))
    assert not np.allclose(plain.score(EVERYONE), on.score(EVERYONE), atol=1e-4)


def test_fgm_needs_a_table_that_learns(tiny):
    with pytest.raises(ValueError, match="no trained parameter"):
        fitted(BertBiEncoder, tiny, tune="frozen", fgm=0.5)


def test_warmup_begins_without_a_step_and_ends_near_zero(tiny):
    model = fitted(BertBiEncoder, tiny, epochs=4, warmup=0.5)
    rates = [row["learning_rate"] for row in model.history_]
    assert np.argmax(rates) == 1
    assert rates[-1] == 0


def test_dropout_of_the_checkpoint_can_be_changed(tiny):
    assert fitted(BertBiEncoder, tiny).network_.encoder.config.dropout == 0
    noisy = fitted(BertBiEncoder, tiny, dropout=0.4)
    assert noisy.network_.encoder.config.dropout == noisy.network_.encoder.config.attention_dropout == 0.4
    np.testing.assert_array_equal(noisy.score(EVERYONE), noisy.score(EVERYONE))  # none of it in scores


def test_patience_stops_early_and_goes_back_to_the_best_epoch(tiny):
    values = iter([0.1, 0.9, 0.2, 0.3, 0.4, 0.5])
    kept = []

    def validate(model):
        kept.append(model.score([0, 1]))
        return {"quality": next(values)}

    model = BertBiEncoder(
        checkpoint=tiny,
        epochs=6,
        batch_size=16,
        learning_rate=0.01,
        patience=2,
        monitor="quality",
        mode="max",
    )
    model.fit(tastes(), validate)
    assert len(model.history_) == 4
    np.testing.assert_allclose(model.score([0, 1]), kept[1], rtol=1e-6)
    assert not np.allclose(kept[1], kept[3], rtol=1e-6)


def test_augmentation_changes_the_texts_that_are_learned_and_not_those_that_are_scored(tiny):
    data = replace(tastes(), item_text=np.array([f"small kind{i % 5} even" for i in range(30)], dtype=object))
    plain, changed = fitted(BertBiEncoder, tiny, data), fitted(BertBiEncoder, tiny, data, augment=1.0)
    np.testing.assert_array_equal(plain.ids_, changed.ids_)
    assert not np.allclose(plain.score(EVERYONE), changed.score(EVERYONE), atol=1e-4)
    nothing = fitted(BertBiEncoder, tiny, augment=1.0)  # no word of these texts has a synonym
    np.testing.assert_allclose(
        nothing.score(EVERYONE), fitted(BertBiEncoder, tiny).score(EVERYONE), atol=1e-5
    )


# --- what is learned -----------------------------------------------------------------------------------


def hits(model):
    """Share of the checkerboard's users whose withheld item comes first."""
    return (model.recommend(np.arange(12), k=1).items[:, 0] == np.arange(12)).mean()


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (BertBiEncoder, {"epochs": 20}),
        (BertBiEncoder, {"epochs": 40, "history": "text"}),
        (BertCrossEncoder, {"epochs": 60}),
        (BertCrossEncoder, {"epochs": 60, "loss": "bce", "learning_rate": 0.02}),
    ],
)
def test_the_checkerboard_is_learned_from_texts_and_not_from_shuffled_ones(tiny, cls, options):
    learned = fitted(cls, tiny, board(), **options)
    assert hits(learned) == 1
    data = board()
    silent = replace(data, item_text=np.array(["kind1"] * 12, dtype=object))
    assert hits(fitted(cls, tiny, silent, **options)) < 0.4


@pytest.mark.parametrize("cls", MODELS)
def test_cold_items_are_scored_by_their_text(tiny, cls):
    """Items 16 to 19 are in no history; learners of even items must prefer 16 and 18."""
    rng = np.random.default_rng(0)
    item = np.concatenate([2 * rng.choice(8, 6, replace=False) + user % 2 for user in range(24)])
    known = described(interactions(np.repeat(np.arange(24), 6), item, n_items=20))
    model = fitted(cls, tiny, known, epochs=30)
    first = model.recommend(np.arange(24), k=2, candidates=[16, 17, 18, 19]).items
    assert (first % 2 == np.arange(24)[:, None] % 2).mean() > 0.9


def test_popularity_is_added_to_scores_and_can_be_left_out(tiny):
    data = tastes()
    silent = fitted(BertBiEncoder, tiny, data, popularity=False)
    loud = fitted(BertBiEncoder, tiny, data)
    prior = np.log1p(np.bincount(data.item, minlength=30))
    np.testing.assert_allclose(loud.score(EVERYONE[:39]), silent.score(EVERYONE[:39]) + prior, atol=1e-5)
    assert loud.history_[-1]["loss"] == silent.history_[-1]["loss"]


def test_recent_events_count_more_in_the_mean(tiny):
    sharp = fitted(BertBiEncoder, tiny, recency=1e-6, popularity=False)
    last = sharp.score_next([[5, 9, 2], [2]])
    np.testing.assert_allclose(last[0], last[1], atol=1e-4)
    even = fitted(BertBiEncoder, tiny, recency=1.0, popularity=False)
    either = even.score_next([[5, 9, 2], [2, 5, 9]])
    np.testing.assert_allclose(either[0], either[1], atol=1e-4)
    assert not np.allclose(even.score_next([[5, 9, 2]]), last[:1], atol=1e-3)


# --- re-ranking ----------------------------------------------------------------------------------------


def test_a_step_knows_the_mean_of_the_events_until_then_and_nothing_of_later_ones(tiny):
    network = fitted(BertBiEncoder, tiny, recency=0.5).network_
    read, real = torch.tensor([[[1.0], [2], [4]], [[8], [2], [9]]]), torch.tensor([[1, 1, 1], [1, 1, 0]]) > 0
    means = network._means_of(read, real)[..., 0]
    by_hand = [[1, (0.5 * 1 + 2) / 1.5, (0.25 * 1 + 0.5 * 2 + 4) / 1.75], [8, (0.5 * 8 + 2) / 1.5]]
    torch.testing.assert_close(means[0], torch.tensor(by_hand[0]))
    torch.testing.assert_close(means[1, :2], torch.tensor(by_hand[1]))


def test_a_pairs_score_does_not_depend_on_the_items_beside_it(tiny):
    """Histories longer than the network can read are cut, and one item has a much longer text."""
    data = tastes()
    texts = data.item_text.copy()
    texts[7] = "odd small kind3 " * 20
    model = fitted(BertCrossEncoder, tiny, replace(data, item_text=texts), max_length=30)
    users = np.arange(30)
    alone, beside = (model.score(users, items) for items in ([2, 3], [2, 3, 7]))
    np.testing.assert_allclose(alone, beside[:, :2], atol=1e-5)


def test_reranked_lists_hold_the_candidates_in_the_order_of_the_cross_encoder(tiny):
    data = tastes()
    first, model = ItemKNN().fit(data), fitted(BertCrossEncoder, tiny)
    found = model.rerank(first, [0, 3, -1], k=4, n=8)
    candidates = first.recommend([0, 3, -1], k=8).items
    scores = model.score([0, 3, -1], candidates)
    expected = np.take_along_axis(candidates, np.argsort(-scores, axis=1, kind="stable"), 1)[:, :4]
    np.testing.assert_array_equal(found.items, expected)
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_reranking_scores_no_more_pairs_than_asked(tiny, monkeypatch):
    model, first = fitted(BertCrossEncoder, tiny), Popularity().fit(tastes())
    asked = []
    pairs = model.network_.pairs
    monkeypatch.setattr(
        model.network_, "pairs", lambda h, i, ids: asked.append(i.numel()) or pairs(h, i, ids)
    )
    model.rerank(first, np.arange(5), k=3, n=7)
    assert sum(asked) == 35
    with pytest.raises(ValueError, match="n=2 candidates are too few"):
        model.rerank(first, [0], k=3, n=2)
    with pytest.raises(ValueError, match="12 items, this one 30"):
        model.rerank(Popularity().fit(board()), [0])


# --- files and options ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tune", ["full", "frozen", "lora"])
@pytest.mark.parametrize("cls", MODELS)
def test_a_file_holds_the_trained_weights_only_and_brings_the_scores_back(tiny, cls, tune, tmp_path):
    model = fitted(cls, tiny, tune=tune)
    path = model.save(tmp_path / "model.npz")
    with np.load(path) as file:
        saved = sum(file[name].size for name in file.files if name.startswith("network."))
    assert saved == model.trained_parameters_
    loaded = Recommender.load(path, device="cpu")
    np.testing.assert_array_equal(loaded.score(EVERYONE), model.score(EVERYONE))
    assert loaded.trained_parameters_ == model.trained_parameters_


def test_a_whole_model_needs_no_checkpoint_to_be_read_and_a_part_of_one_does(tmp_path):
    checkpoint = write_tiny_bert(tmp_path / "bert")
    whole, part = (
        fitted(BertBiEncoder, checkpoint, tune=tune).save(tmp_path / f"{tune}.npz")
        for tune in ("full", "lora")
    )
    (tmp_path / "bert").rename(tmp_path / "away")
    Recommender.load(whole)
    with pytest.raises((OSError, ValueError), match="bert"):
        Recommender.load(part)


def test_a_folder_written_by_transformers_can_be_tuned(tiny, tmp_path):
    transformers = pytest.importorskip("transformers")
    vocabulary = load_bert(tiny, device="cpu").config.vocabulary
    config = transformers.BertConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    torch.manual_seed(5)
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path)
    for file in Path(tiny).glob("tokenizer*"):
        shutil.copy(file, tmp_path)
    for cls in MODELS:
        model = fitted(cls, tmp_path, tune="lora", rank=2)
        assert len(model.network_.encoder.blocks) == 2
        assert np.isfinite(model.score(EVERYONE)).all()


def test_the_readers_random_numbers_are_left_alone(tiny):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    fitted(BertCrossEncoder, tiny, dropout=0.3)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tune": "some"}, "'full' or 'frozen' or 'lora'"),
        ({"text": "subject"}, "'title' or 'title\\+description'"),
        ({"epochs": 0}, "epochs=0"),
        ({"decay": 0.5}, "leave decay and optimizer out"),
        ({"history": "sum"}, "'mean' or 'text'"),
        ({"temperature": 0}, "temperature=0"),
        ({"recency": 1.5}, "recency=1.5"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        BertBiEncoder(**options)


def test_a_checkpoint_that_is_none_is_named():
    with pytest.raises(OSError, match="no folder"):
        fitted(BertBiEncoder, "no/such/folder/anywhere")


# --- ratings from texts --------------------------------------------------------------------------------


def rated(n=120, seed=0):
    rng = np.random.default_rng(seed)
    kinds = rng.integers(5, size=n)
    texts = [f"kind{kind} {rng.choice(['even', 'odd'])}" for kind in kinds]
    return texts, 1.0 + kinds + rng.normal(0, 0.1, n)


def test_ratings_are_read_from_texts_and_not_from_shuffled_ones(tiny):
    texts, ratings = rated()
    new, truth = rated(60, seed=1)
    options = {"checkpoint": tiny, "epochs": 15, "learning_rate": 0.01, "batch_size": 16}
    model = BertRatingRegressor(**options).fit(texts, ratings)
    error = np.mean((model.predict(new) - truth) ** 2)
    assert error < 0.1 * np.var(truth)
    shuffled = np.random.default_rng(2).permutation(ratings)
    blind = BertRatingRegressor(**options).fit(texts, shuffled)
    assert np.mean((blind.predict(new) - truth) ** 2) > 0.6 * np.var(truth)


@pytest.mark.parametrize("tune", ["full", "frozen", "lora"])
def test_a_saved_regressor_predicts_the_same(tiny, tmp_path, tune):
    texts, ratings = rated(30)
    model = BertRatingRegressor(checkpoint=tiny, tune=tune, epochs=2, learning_rate=0.01).fit(texts, ratings)
    path = model.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(BertRatingRegressor.load(path).predict(texts), model.predict(texts))
    again = BertRatingRegressor(checkpoint=tiny, tune=tune, epochs=2, learning_rate=0.01).fit(texts, ratings)
    np.testing.assert_array_equal(again.predict(texts), model.predict(texts))
    assert model.predict([]).shape == (0,)


def test_validation_of_ratings_is_written_to_the_history(tiny):
    texts, ratings = rated(30)
    model = BertRatingRegressor(checkpoint=tiny, epochs=2).fit(
        texts, ratings, validate=lambda model: {"error": np.mean((model.predict(texts) - ratings) ** 2)}
    )
    assert [set(row) >= {"error", "loss", "seconds"} for row in model.history_] == [True, True]


def test_equal_ratings_are_predicted_without_a_division_by_zero(tiny):
    model = BertRatingRegressor(checkpoint=tiny, epochs=5, learning_rate=0.01).fit(["even", "odd"], [3, 3])
    np.testing.assert_allclose(model.predict(["even", "odd"]), 3, atol=0.5)


def test_ratings_that_do_not_fit_the_texts_are_refused(tiny):
    model = BertRatingRegressor(checkpoint=tiny)
    with pytest.raises(ValueError, match=r"2 texts and ratings of shape \(3,\)"):
        model.fit(["a", "b"], [1, 2, 3])
    with pytest.raises(ValueError, match="rating 1 is nan"):
        model.fit(["a", "b"], [1, np.nan])
    with pytest.raises(RuntimeError, match="learned nothing"):
        model.predict(["a"])
