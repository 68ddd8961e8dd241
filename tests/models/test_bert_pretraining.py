"""Hidden words: how they are chosen, and that they are learned where there is something to learn."""

import numpy as np
import pytest
import torch

from coursekit.models.bert import BertConfig, MaskedBatches, MaskedWords, mask_words, pretrain_bert
from coursekit.models.bert.batches import encode_mixed, n_asked
from coursekit.models.bert.judging import (
    guess_scores,
    judged_batches,
    masked_word_table,
    purity,
    unigram_scores,
    untrained_like,
)
from coursekit.models.bert.masking import NOT_ASKED, MaskedBatch

# --- choosing ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 1000, (400, 100), generator=generator)
    ids[:, 0], ids[:, 50], ids[::2, 90:], ids[:, 7] = 2, 3, 0, 1
    return ids


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def test_fifteen_percent_are_chosen_and_those_in_three_ways(many):
    shown, targets = mask_words(many, 1000, generator=generator())
    asked, ordinary = targets != NOT_ASKED, many >= 5
    share = asked[ordinary].float().mean()
    assert 0.144 < share < 0.156
    hidden = (shown == 4)[asked].float().mean()
    kept = (shown == many)[asked].float().mean()
    replaced = ((shown != many) & (shown != 4))[asked].float().mean()
    assert 0.785 < hidden < 0.815
    assert 0.085 < kept < 0.115
    assert 0.085 < replaced < 0.115
    assert (shown[asked & (shown != 4)] >= 5).all()


def test_targets_are_the_true_tokens_and_the_rest_stays(many):
    before = many.clone()
    shown, targets = mask_words(many, 1000, generator=generator())
    asked = targets != NOT_ASKED
    assert torch.equal(targets[asked], many[asked])
    assert torch.equal(shown[~asked], many[~asked])
    assert torch.equal(many, before)


def test_special_tokens_are_never_chosen_and_never_drawn(many):
    shown, targets = mask_words(many, 1000, share=1.0, masked=0.0, replaced=1.0, generator=generator())
    special = many < 5
    assert (targets[special] == NOT_ASKED).all()
    assert torch.equal(shown[special], many[special])
    assert (shown[~special] >= 5).all()
    assert len(shown[~special].unique()) == 995
    others, _ = mask_words(many, 1000, special=(0, 700), mask=700, share=1.0, generator=generator())
    assert (others[many == 0] == 0).all()


def test_every_place_is_as_likely_as_any_other(many):
    counts = torch.zeros(100)
    for seed in range(20):
        counts += (mask_words(many, 1000, generator=generator(seed))[1] != NOT_ASKED).sum(dim=0)
    full = counts[[k for k in range(90) if k not in (0, 7, 50)]] / (20 * 400)
    assert full.min() > 0.13
    assert full.max() < 0.17


def test_the_generator_decides(many):
    first, again, other = (mask_words(many, 1000, generator=generator(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], other[1])


@pytest.mark.parametrize(
    "wrong", [{"share": 1.5}, {"share": -0.1}, {"masked": 0.9, "replaced": 0.2}, {"replaced": -0.1}]
)
def test_impossible_shares_are_refused(many, wrong):
    with pytest.raises(ValueError, match="between 0 and 1"):
        mask_words(many, 1000, **wrong)


# --- learning ----------------------------------------------------------------------------------------------

# A toy language in which the animal fixes the sound; how and where are free.
ANIMALS = ["cat", "dog", "hen", "cow", "pig", "owl", "bee", "fox"]
SOUNDS = ["purrs", "barks", "clucks", "moos", "grunts", "hoots", "hums", "yelps"]
WAYS = ["loudly", "softly", "often", "rarely", "again", "twice", "sadly", "gladly"]
PLACES = ["here", "there", "inside", "outside", "above", "below", "nearby", "upstairs"]


def sentences(n, seed):
    """ "the cat purrs softly here", or as a pair ("here", "the cat purrs softly")."""
    generator = np.random.default_rng(seed)
    texts = []
    for _ in range(n):
        animal, way, place = generator.integers(8, size=3)
        whole = f"the {ANIMALS[animal]} {SOUNDS[animal]} {WAYS[way]}"
        texts.append(f"{whole} {PLACES[place]}" if generator.random() < 0.5 else (PLACES[place], whole))
    return texts


# One block of large first weights gets past the frequencies in few steps.
CONFIG = BertConfig(
    width=32, layers=1, heads=4, inner=64, max_length=16, dropout=0.0, attention_dropout=0.0, spread=0.1
)
OPTIONS = {"epochs": 32, "learning_rate": 3e-3, "batch_size": 16, "device": "cpu"}


@pytest.fixture(scope="module")
def texts():
    """400 to read, and 80 others."""
    everything = sentences(1200, seed=0)
    kinds = list(dict.fromkeys(everything))
    return kinds[:400], kinds[400:480]


@pytest.fixture(scope="module")
def trained(texts):
    read, held_out = texts
    return pretrain_bert(read, CONFIG, held_out=held_out, **OPTIONS)


def test_hidden_words_of_unread_sentences_are_guessed_far_better_than_by_frequency(trained, texts):
    bert, _ = trained
    table = masked_word_table(bert, *texts)
    frequency, untrained, read = (table.loc[name] for name in ("word frequencies", "untrained", "trained"))
    assert read["loss"] < frequency["loss"] - 1.5
    assert read["accuracy"] > frequency["accuracy"] + 0.3
    assert untrained["loss"] > frequency["loss"] + 0.1


def test_the_partner_is_known(trained):
    bert, _ = trained
    for animal, sound in zip(ANIMALS, SOUNDS, strict=True):
        [[(word, chance)]] = bert.guess(f"the {animal} [MASK] softly here", k=1)
        assert word == sound
        assert chance > 0.5


def test_where_targets_are_shuffled_nothing_is_learned_that_frequency_does_not_give(texts, monkeypatch):
    """The control: the same training, each word asked for exchanged with another one asked for."""
    honest = MaskedBatches.__iter__

    def shuffled(self):
        for ids, keep, segments, targets in honest(self):
            asked = targets != NOT_ASKED
            others = targets[asked]
            order = torch.randperm(len(others), generator=self.generator)
            mixed = targets.clone()
            mixed[asked] = others[order]
            yield MaskedBatch(ids, keep, segments, mixed)

    read, held_out = texts
    monkeypatch.setattr(MaskedBatches, "__iter__", shuffled)
    bert, _ = pretrain_bert(read, CONFIG, **OPTIONS)
    monkeypatch.undo()
    table = masked_word_table(bert, read, held_out)
    assert table.loc["trained", "loss"] > table.loc["word frequencies", "loss"] - 0.15


def test_the_history_tells_loss_and_held_out_figures(trained, texts):
    bert, history = trained
    assert list(history["epoch"]) == list(range(1, 33))
    assert history["loss"].iloc[-1] < history["loss"].iloc[0] - 1
    last = guess_scores(MaskedWords(bert.encoder, bert.head), judged_batches(bert, texts[1]))
    assert history["held_out_loss"].iloc[-1] == pytest.approx(last["loss"], rel=1e-4)
    assert history["held_out_accuracy"].iloc[-1] == pytest.approx(last["accuracy"], abs=1e-6)
    assert history["learning_rate"].iloc[0] > history["learning_rate"].iloc[-1]
    assert not bert.encoder.training


def test_the_same_seed_gives_the_same_weights_and_the_readers_numbers_are_left_alone(texts):
    runs = {}
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        torch.manual_seed(9)
        bert, _ = pretrain_bert(texts[0][:64], CONFIG, rng=seed, **(OPTIONS | {"epochs": 2}))
        runs[name] = bert.encoder.blocks[0].narrow.weight.detach(), torch.rand(1)
    assert torch.equal(runs["first"][0], runs["again"][0])
    assert not torch.equal(runs["first"][0], runs["other"][0])
    assert runs["first"][1] == runs["other"][1]


def test_no_texts_are_refused():
    with pytest.raises(ValueError, match="no texts"):
        pretrain_bert([])


# --- batches and scores ------------------------------------------------------------------------------------


def test_batches_hold_every_text_once_with_other_words_hidden_each_time(trained, texts):
    bert, _ = trained
    batches = MaskedBatches(bert, texts[0], batch_size=32, seed=5)
    epochs = [list(batches) for _ in range(2)]
    for epoch in epochs:
        assert len(epoch) == len(batches) == 13
        seen = [
            tuple(torch.where(t == NOT_ASKED, i, t)[k].tolist())
            for i, k, _, t in (row for b in epoch for row in zip(*b, strict=True))
        ]
        expected = encode_mixed(bert, texts[0])
        rows = [tuple(i[k].tolist()) for i, k, _ in zip(*expected, strict=True)]
        assert sorted(seen) == sorted(rows)
        assert all(batch.keep.any(dim=0).all() for batch in epoch)  # no column of padding only
    assert not all(
        a.ids.shape == b.ids.shape and torch.equal(a.ids, b.ids) for a, b in zip(*epochs, strict=True)
    )


def test_mixed_texts_keep_their_order_and_segments(trained):
    bert, _ = trained
    texts = ["the cat", ("here", "the dog"), "the owl hoots", ("above", "the bee")]
    ids, keep, segments = encode_mixed(bert, texts)
    for row, text in enumerate(texts):
        first, second = ([text], None) if isinstance(text, str) else ([text[0]], [text[1]])
        alone = bert.encode(first, second)
        assert torch.equal(ids[row][keep[row]], alone.ids[0])
        assert torch.equal(segments[row][keep[row]], alone.segments[0])


def test_a_batch_weighs_by_its_hidden_words():
    targets = torch.tensor([[NOT_ASKED, 7, NOT_ASKED], [5, NOT_ASKED, 9]])
    assert n_asked(MaskedBatch(targets, targets > 0, targets, targets)) == 3
    nothing = torch.full((1, 3), NOT_ASKED)
    assert 0 < n_asked(MaskedBatch(nothing, nothing > 0, nothing, nothing)) < 1e-3


def test_a_batch_that_hides_nothing_has_loss_zero(trained):
    bert, _ = trained
    ids, keep, segments = bert.encode(["the cat purrs softly"])
    network = MaskedWords(bert.encoder, bert.head)
    loss = network.loss(MaskedBatch(ids, keep, segments, torch.full_like(ids, NOT_ASKED)))
    assert loss == 0


def test_the_loss_is_the_cross_entropy_over_all_positions(trained, texts):
    """Computed at the hidden places only, it equals what the full logits give."""
    bert, _ = trained
    network = MaskedWords(bert.encoder, bert.head).eval()
    batch = next(iter(MaskedBatches(bert, texts[1])))
    with torch.no_grad():
        logits = network(batch.ids, batch.keep, batch.segments)
        expected = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch.targets)
        torch.testing.assert_close(network.loss(batch), expected, rtol=1e-4, atol=1e-5)


def test_frequencies_by_hand():
    read = torch.tensor([5, 5, 5, 6])
    targets = torch.tensor([[5, NOT_ASKED, 6, 7]])
    batch = MaskedBatch(targets, targets > 0, targets, targets)
    scores = unigram_scores(read, [batch], vocabulary=8)
    # (3 + 1), (1 + 1) and (0 + 1) of 4 + 8
    assert scores["loss"] == pytest.approx(-np.log([4 / 12, 2 / 12, 1 / 12]).mean(), rel=1e-6)
    assert scores["accuracy"] == pytest.approx(1 / 3)
    assert scores["n"] == 3


def test_judged_words_are_all_hidden_and_always_the_same(trained, texts):
    bert, _ = trained
    first, again = (judged_batches(bert, texts[1], rounds=2) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.ids, other.ids)
        assert (one.ids[one.targets != NOT_ASKED] == 4).all()
    half = len(first) // 2
    assert not torch.equal(first[0].targets, first[half].targets)


def test_untrained_has_other_weights_of_the_same_sizes(trained):
    bert, _ = trained
    other = untrained_like(bert)
    assert other.config == bert.config
    assert not torch.equal(other.encoder.words.weight, bert.encoder.words.weight)
    again = untrained_like(bert)
    for ours, theirs in ((other.encoder, again.encoder), (other.head, again.head)):
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_purity_by_hand():
    vectors = np.array([[2.0, 0.1], [2, -0.1], [-2, 0.1], [-2, -0.1]])
    assert purity(vectors, ["a", "a", "b", "b"], k=1) == 1
    assert purity(vectors + 100, ["a", "a", "b", "b"], k=1) == 1  # the common mean is taken off
    assert purity(vectors, ["a", "b", "a", "b"], k=1) == 0
    assert purity(vectors, ["a", "a", "b", "c"], k=1) == 0.5
    assert purity(vectors, ["a", "a", "b", "c"], rows=[0, 1], k=1) == 1
