"""Texts in, vectors out; folders that appear whole or not at all and that transformers reads too."""

import numpy as np
import pytest
import torch

from coursekit.models.bert import (
    Bert,
    BertConfig,
    BertEncoder,
    MaskedWords,
    MaskedWordsHead,
    load_bert,
    mean_pooled,
    train_wordpiece,
)
from coursekit.models.bert import folders as folders_module

TEXTS = ["maps and more maps", "the map", "more and more tea", "tea the map 数据"]
CONFIG = BertConfig(width=32, layers=2, heads=4, inner=48, max_length=12)


def made(seed=0, head=True, texts=TEXTS * 2):
    tokenizer = train_wordpiece(texts, 60)
    config = BertConfig(**{**vars(CONFIG), "vocabulary": tokenizer.get_vocab_size(), "spread": 0.3})
    torch.manual_seed(seed)
    encoder = BertEncoder(config).eval()
    return Bert(encoder, tokenizer, MaskedWordsHead(config).eval() if head else None)


@pytest.fixture(scope="module")
def bert():
    return made()


# --- encoding ----------------------------------------------------------------------------------------------


def test_texts_are_padded_on_the_right(bert):
    ids, keep, segments = bert.encode(["the map", "tea"])
    assert [bert.tokens(row) for row in ids] == [["[CLS]", "the", "map", "[SEP]"], ["[CLS]", "tea", "[SEP]"]]
    assert keep.tolist() == [[True] * 4, [True, True, True, False]]
    assert ids.dtype == segments.dtype == torch.int64
    assert ids[1, 3] == 0
    assert not segments.any()


def test_pairs_have_two_segments(bert):
    ids, keep, segments = bert.encode(["the map", "tea"], ["tea", "map"])
    assert bert.tokens(ids[0]) == ["[CLS]", "the", "map", "[SEP]", "tea", "[SEP]"]
    assert segments.tolist() == [[0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0]]
    assert keep.sum(dim=1).tolist() == [6, 5]


def test_long_texts_are_cut_at_their_end_and_of_a_pair_the_longer(bert):
    assert bert.tokens(bert.encode(["tea the map"], max_length=4).ids[0]) == ["[CLS]", "tea", "the", "[SEP]"]
    assert bert.encode(["tea " * 50]).ids.shape == (1, 12)
    row = bert.tokens(bert.encode(["tea"], ["the map and more"], max_length=6).ids[0])
    assert row == ["[CLS]", "tea", "[SEP]", "the", "map", "[SEP]"]


def test_encoding_leaves_the_tokenizer_as_it_was(bert):
    bert.encode(["tea"], max_length=4)
    assert bert.tokenizer.truncation is None
    assert bert.tokenizer.padding is None


def test_no_texts_are_no_rows(bert):
    assert [part.shape[0] for part in bert.encode([])] == [0, 0, 0]
    assert bert.encode([], []).ids.shape[0] == 0
    assert bert.embed([]).shape == (0, 32)


def test_wrong_inputs_are_named(bert):
    with pytest.raises(TypeError, match="texts is one string"):
        bert.encode("tea")
    with pytest.raises(TypeError, match="pairs is one string"):
        bert.encode(["tea"], "map")
    with pytest.raises(ValueError, match="2 texts and 1 pairs"):
        bert.encode(["tea", "map"], ["the"])
    for length in (2, 13):
        with pytest.raises(ValueError, match=f"max_length={length} must lie between 3 .* and 12"):
            bert.encode(["tea"], max_length=length)
    with pytest.raises(ValueError, match="between 5"):
        bert.encode(["tea"], ["map"], max_length=4)
    with pytest.raises(ValueError, match=r"ids up to .* belong to different models"):
        Bert(BertEncoder(BertConfig(vocabulary=9, width=8, heads=2)), bert.tokenizer)


# --- vectors -----------------------------------------------------------------------------------------------


def test_embeddings_are_means_over_real_tokens_in_the_order_of_the_texts(bert):
    vectors = bert.embed(TEXTS, batch_size=2)
    assert vectors.dtype == np.float32
    for text, vector in zip(TEXTS, vectors, strict=True):
        with torch.no_grad():
            alone = bert.encoder(*bert.encode([text]))[0]
        np.testing.assert_allclose(vector, alone.mean(dim=0).numpy(), atol=1e-5)
    with torch.no_grad():
        first = bert.encoder(*bert.encode(TEXTS))[:, 0]
    np.testing.assert_allclose(bert.embed(TEXTS, pooling="cls"), first.numpy(), atol=1e-5)
    assert np.abs(bert.embed(TEXTS, pairs=TEXTS[::-1]) - vectors).max() > 0.01


def test_unknown_pooling_is_refused(bert):
    with pytest.raises(ValueError, match="pooling='max': choose one of mean, cls"):
        bert.embed(["tea"], pooling="max")


def test_mean_pooling_passes_gradients_to_real_tokens_only():
    hidden = torch.randn(2, 3, 4, requires_grad=True)
    keep = torch.tensor([[True, True, False], [False, False, False]])
    pooled = mean_pooled(hidden, keep)
    torch.testing.assert_close(pooled[0], hidden[0, :2].mean(dim=0))
    assert not pooled[1].any()
    pooled.sum().backward()
    assert hidden.grad[0, :2].tolist() == [[0.5] * 4] * 2
    assert not hidden.grad[~keep].any()


def test_embedding_acts_without_dropout_and_leaves_no_gradients(bert):
    bert.encoder.train()
    np.testing.assert_array_equal(bert.embed(TEXTS), bert.embed(TEXTS))
    assert not bert.encoder.training


def test_attention_comes_with_its_tokens(bert):
    weights, tokens = bert.attention(["the map", "tea"], ["tea", "map"])
    assert weights.shape == (2, 2, 4, 6, 6)
    assert tokens[1] == ["[CLS]", "tea", "[SEP]", "map", "[SEP]"]
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    assert weights[1, ..., 5].max() == 0


def test_guesses_are_the_likeliest_tokens_of_each_hidden_word(bert):
    ids, keep, segments = bert.encode(["the [MASK] and [MASK]"])
    with torch.no_grad():
        logits = MaskedWords(bert.encoder, bert.head)(ids, keep, segments)[0]
    guesses = bert.guess("the [MASK] and [MASK]", k=3)
    assert [len(guess) for guess in guesses] == [3, 3]
    places = (ids[0] == 4).nonzero()[:, 0]
    for guess, place in zip(guesses, places, strict=True):
        best = int(logits[place].argmax())
        assert guess[0][0] == bert.tokenizer.id_to_token(best)
        assert guess[0][1] == pytest.approx(float(logits[place].softmax(0)[best]), abs=1e-6)
    assert bert.guess("no hidden word") == []
    with pytest.raises(RuntimeError, match="no output layer"):
        made(head=False).guess("the [MASK]")


# --- folders -----------------------------------------------------------------------------------------------


def test_a_folder_gives_back_the_same_bert(bert, tmp_path):
    again = load_bert(bert.save(tmp_path / "deep" / "model"), device="cpu")
    np.testing.assert_array_equal(again.embed(TEXTS), bert.embed(TEXTS))
    assert again.guess("the [MASK]") == bert.guess("the [MASK]")
    assert again.config == bert.config
    assert again.tokenizer.to_str() == bert.tokenizer.to_str()
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}


def test_without_an_output_layer(tmp_path):
    again = load_bert(made(head=False).save(tmp_path / "model"), device="cpu")
    assert again.head is None


def test_half_precision_halves_the_file_and_moves_the_vectors_little(bert, tmp_path):
    whole, half = (
        bert.save(tmp_path / name, half=name == "half") / "model.safetensors" for name in ("whole", "half")
    )
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    again = load_bert(half.parent, device="cpu")
    assert again.encoder.words.weight.dtype == torch.float32
    np.testing.assert_allclose(again.embed(TEXTS), bert.embed(TEXTS), atol=0.01)


def test_an_error_while_writing_leaves_the_old_folder(bert, tmp_path, monkeypatch):
    folder = bert.save(tmp_path / "model")
    monkeypatch.setattr(folders_module, "_tokenizer_config", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        made(seed=1).save(folder)
    with pytest.raises(ZeroDivisionError):
        made(seed=1).save(tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    np.testing.assert_array_equal(load_bert(folder, device="cpu").embed(TEXTS), bert.embed(TEXTS))


def test_a_checkpoint_is_replaced_and_anything_else_is_left_alone(bert, tmp_path):
    folder = bert.save(tmp_path / "model", card="first")
    other = made(seed=1)
    other.save(folder)
    np.testing.assert_array_equal(load_bert(folder, device="cpu").embed(TEXTS), other.embed(TEXTS))
    assert not (folder / "README.md").exists()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="something else than a checkpoint"):
        bert.save(folder)
    with pytest.raises(FileExistsError, match=r"notes\.txt"):
        bert.save(folder / "notes.txt")
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("half", [False, True])
def test_transformers_reads_what_we_write(bert, tmp_path, half):
    transformers = pytest.importorskip("transformers")
    folder = bert.save(tmp_path / "model", half=half)
    ours = load_bert(folder, device="cpu")
    model = transformers.AutoModel.from_pretrained(folder).float().eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(TEXTS, TEXTS[::-1], padding=True, truncation=True, return_tensors="pt")
    ids, keep, segments = ours.encode(TEXTS, TEXTS[::-1])
    assert batch["input_ids"].tolist() == ids.tolist()
    assert batch["token_type_ids"].tolist() == segments.tolist()
    with torch.no_grad():
        theirs, own = model(**batch).last_hidden_state, ours.encoder(ids, keep, segments)
    torch.testing.assert_close(own[keep], theirs[keep], rtol=0, atol=1e-5)


def test_transformers_reads_the_output_layer_too(bert, tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = bert.save(tmp_path / "model")
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    ids, keep, segments = bert.encode(["the [MASK]"])
    with torch.no_grad():
        theirs = model(ids, attention_mask=keep.long(), token_type_ids=segments).logits
        own = MaskedWords(bert.encoder, bert.head)(ids, keep, segments)
    torch.testing.assert_close(own, theirs, rtol=0, atol=1e-4)
