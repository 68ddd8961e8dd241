"""Plausible wrong answers to the exercises of lesson 08, each with what to tell the learner."""

from itertools import pairwise

import torch
from torch.nn import functional as F

import coursekit
from coursekit.models.bert import mean_pooled
from tests.lessons.mutants import mutant


def _wordpiece_by_library(word, vocabulary):
    from tokenizers import BertWordPieceTokenizer

    return BertWordPieceTokenizer({piece: row for row, piece in enumerate(vocabulary)}).encode(word).tokens


def _merge_by_library(words):
    tokenizer = coursekit.train_wordpiece([word.replace(" ##", "") for word in words], 1000)
    return tuple(tokenizer.get_vocab())[:3]


def _layer_by_library(x, keep, w, heads):
    layer = torch.nn.TransformerEncoderLayer(x.shape[2], heads, 8, 0.0, "gelu", 1e-12, batch_first=True)
    return layer(x, src_key_padding_mask=~keep)


SHORTCUTS = {
    "wordpiece": _wordpiece_by_library,
    "best-merge": _merge_by_library,
    "layer-norm": lambda x, weight, bias: F.layer_norm(x, weight.shape, weight, bias, 1e-12),
    "bert-layer": _layer_by_library,
    "mask-tokens": lambda ids, *others: coursekit.mask_words(ids, 100),
    "mean-pool": mean_pooled,
}


# wordpiece


@mutant(
    "wordpiece",
    name="shortest piece first",
    says="You take the shortest piece that fits, so words fall apart into crumbs. Begin with the whole "
    "rest of the word and shorten it until it is in the vocabulary.",
)
def wordpiece_shortest(word, vocabulary):
    pieces, start = [], 0
    while start < len(word):
        for end in range(start + 1, len(word) + 1):
            piece = "##" * (start > 0) + word[start:end]
            if piece in vocabulary:
                break
        else:
            return ["[UNK]"]
        pieces.append(piece)
        start = end
    return pieces


def _greedy(word, vocabulary, mark="##", written="##"):
    """The pieces found, and what is left of the word when no piece fits any more."""
    pieces, start = [], 0
    while start < len(word):
        lengths = range(len(word) - start, 0, -1)
        head = mark if start else ""
        fits = [size for size in lengths if head + word[start : start + size] in vocabulary]
        if not fits:
            break
        pieces.append((written if start else "") + word[start : start + fits[0]])
        start += fits[0]
    return pieces, word[start:]


@mutant(
    "wordpiece",
    name="inner pieces looked up without ##",
    says="You look inner pieces up without their ##. In the vocabulary `tics` and `##tics` are two "
    "pieces: one begins a word, the other goes on with it.",
)
def wordpiece_unmarked(word, vocabulary):
    pieces, rest = _greedy(word, vocabulary, mark="", written="")
    return ["[UNK]"] if rest else pieces


@mutant(
    "wordpiece",
    name="## not written",
    says="The pieces are right, but those inside a word have lost their ##. With it they are found in "
    "the vocabulary, and can be put together again.",
)
def wordpiece_mark_lost(word, vocabulary):
    pieces, rest = _greedy(word, vocabulary, written="")
    return ["[UNK]"] if rest else pieces


@mutant(
    "wordpiece",
    name="pieces so far, then [UNK]",
    says="Where the rest of a word has no piece you keep what came before. WordPiece gives up the whole "
    "word: the answer is the single piece [UNK].",
)
def wordpiece_partly(word, vocabulary):
    pieces, rest = _greedy(word, vocabulary)
    return [*pieces, "[UNK]"] if rest else pieces


@mutant(
    "wordpiece",
    name="rest of the word dropped",
    says="Where no piece fits you stop and return what you have. The reader would never know that "
    "something is missing: the answer for such a word is the single piece [UNK].",
)
def wordpiece_dropped(word, vocabulary):
    return _greedy(word, vocabulary)[0]


@mutant(
    "wordpiece",
    name="whole words only",
    says="You look the whole word up and give up if it is not there. That is lesson 03's bag; take the "
    "longest beginning that is in the vocabulary, and go on from there.",
)
def wordpiece_whole(word, vocabulary):
    return [word] if word in vocabulary else ["[UNK]"]


@mutant(
    "wordpiece",
    name="from the end",
    says="You take the longest piece from the end of the word. WordPiece goes from left to right.",
)
def wordpiece_backwards(word, vocabulary):
    pieces, end = [], len(word)
    while end > 0:
        marked = (("##" if start else "") + word[start:end] for start in range(end))
        piece = next((each for each in marked if each in vocabulary), None)
        if piece is None:
            return ["[UNK]"]
        pieces.insert(0, piece)
        end -= len(piece.removeprefix("##"))
    return pieces


@mutant(
    "wordpiece",
    name="steps back where greed fails",
    says="You search for any way to cut the word. WordPiece is greedy and never steps back: if the "
    "longest piece leads to a dead end, the word is [UNK].",
)
def wordpiece_searched(word, vocabulary):
    def cut(rest, head):
        if not rest:
            return []
        for size in range(len(rest), 0, -1):
            after = cut(rest[size:], "##") if head + rest[:size] in vocabulary else None
            if after is not None:
                return [head + rest[:size], *after]
        return None

    found = cut(word, "")
    return ["[UNK]"] if found is None else found


@mutant(
    "wordpiece",
    name="a word may begin with an inner piece",
    says="You let a word begin with a piece that has ##. Such a piece only goes on with a word.",
)
def wordpiece_inner_first(word, vocabulary):
    stripped = {piece.removeprefix("##") for piece in vocabulary}
    pieces, start = [], 0
    while start < len(word):
        known = stripped if start == 0 else {piece[2:] for piece in vocabulary if piece[:2] == "##"}
        fits = [size for size in range(len(word) - start, 0, -1) if word[start : start + size] in known]
        if not fits:
            return ["[UNK]"]
        pieces.append("##" * (start > 0) + word[start : start + fits[0]])
        start += fits[0]
    return pieces


# best-merge


def _counted(words, weighted=True):
    single, pair = {}, {}
    for word, count in words.items():
        pieces, count = word.split(), count if weighted else 1
        for piece in pieces:
            single[piece] = single.get(piece, 0) + count
        for two in pairwise(pieces):
            pair[two] = pair.get(two, 0) + count
    return single, pair


def _named(left, right):
    return left, right, left + right.removeprefix("##")


def _relative(words, weighted=True):
    single, pair = _counted(words, weighted)
    return {(a, b): count / (single[a] * single[b]) for (a, b), count in pair.items()}


@mutant(
    "best-merge",
    name="the most frequent pair",
    says="You took the pair that occurs most often: that is byte-pair encoding. WordPiece divides by "
    "the counts of the two pieces, so that frequent letters are not merged merely for being "
    "frequent.",
)
def merge_most_frequent(words):
    pair = _counted(words)[1]
    return _named(*max(pair, key=pair.get))


@mutant(
    "best-merge",
    name="each word counted once",
    says="You count each different word once. A word that stands in the text six times counts six "
    "times, for its pieces and for its pairs.",
)
def merge_types(words):
    score = _relative(words, weighted=False)
    return _named(*max(score, key=score.get))


@mutant(
    "best-merge",
    name="## left inside the new piece",
    says="The pair is right, but the new piece still has a ## in its middle. Take it off the right-hand "
    "piece before you join the two.",
)
def merge_mark_inside(words):
    score = _relative(words)
    left, right = max(score, key=score.get)
    return left, right, left + right


@mutant(
    "best-merge",
    name="all marks lost",
    says="The pair is right, but the new piece has lost its leading ##. A merge of two inner pieces is "
    "an inner piece.",
)
def merge_marks_lost(words):
    score = _relative(words)
    left, right = max(score, key=score.get)
    return left, right, (left + right).replace("##", "")


@mutant(
    "best-merge",
    name="divided by the sum of the counts",
    says="You divided by count(a) + count(b). The score divides by their product.",
)
def merge_sum(words):
    single, pair = _counted(words)
    return _named(*max(pair, key=lambda two: pair[two] / (single[two[0]] + single[two[1]])))


@mutant(
    "best-merge",
    name="divided by the first count only",
    says="You divided by the count of the first piece alone. The score divides by the counts of both.",
)
def merge_first_only(words):
    single, pair = _counted(words)
    return _named(*max(pair, key=lambda two: pair[two] / single[two[0]]))


@mutant(
    "best-merge",
    name="the lowest score",
    says="You took the pair with the lowest score. The highest is merged.",
)
def merge_lowest(words):
    score = _relative(words)
    return _named(*min(score, key=score.get))


@mutant(
    "best-merge",
    name="pieces that are not neighbours",
    says="You count every two pieces of a word. Only neighbours can be merged.",
)
def merge_not_adjacent(words):
    single, pair = _counted(words)[0], {}
    for word, count in words.items():
        pieces = word.split()
        for place, left in enumerate(pieces):
            for right in pieces[place + 1 :]:
                pair[left, right] = pair.get((left, right), 0) + count
    return _named(*max(pair, key=lambda two: pair[two] / (single[two[0]] * single[two[1]])))


# layer-norm


@mutant(
    "layer-norm",
    name="divided by d - 1",
    says="Your standard deviation divides by d - 1, as torch.std does by default. LayerNorm takes the "
    "mean of the squared deviations: it divides by d (unbiased=False).",
)
def norm_unbiased(x, weight, bias):
    variance = x.var(dim=-1, keepdim=True)
    return (x - x.mean(dim=-1, keepdim=True)) / (variance + 1e-12).sqrt() * weight + bias


def _normed(x, dim=-1):
    centred = x - x.mean(dim=dim, keepdim=True)
    return centred / ((centred**2).mean(dim=dim, keepdim=True) + 1e-12).sqrt()


@mutant(
    "layer-norm",
    name="over the examples",
    says="You normalise each number over the examples: that is batch normalisation. LayerNorm looks at "
    "one vector at a time, over its own d numbers.",
)
def norm_batch(x, weight, bias):
    return _normed(x, dim=0) * weight + bias


@mutant(
    "layer-norm",
    name="dimension 1 instead of the last",
    says="You normalise over dimension 1. With texts of T tokens that is the places; the d numbers "
    "stand in the last dimension, dim=-1.",
)
def norm_second_dimension(x, weight, bias):
    return _normed(x, dim=1) * weight + bias


@mutant(
    "layer-norm",
    name="over everything",
    says="You take one mean and one deviation of the whole tensor. Every vector has its own.",
)
def norm_everything(x, weight, bias):
    return _normed(x.reshape(-1)).reshape(x.shape) * weight + bias


@mutant(
    "layer-norm",
    name="without weight and bias",
    says="The normalised numbers are right, but weight and bias are missing: they let the model undo "
    "the normalisation where that helps.",
)
def norm_plain(x, weight, bias):
    return _normed(x)


@mutant(
    "layer-norm",
    name="bias before the weight",
    says="You add the bias and multiply then. First the weight, then the bias.",
)
def norm_bias_first(x, weight, bias):
    return (_normed(x) + bias) * weight


@mutant(
    "layer-norm",
    name="divided by the variance",
    says="You divided by the variance. Divide by its square root, the standard deviation.",
)
def norm_variance(x, weight, bias):
    centred = x - x.mean(dim=-1, keepdim=True)
    return centred / ((centred**2).mean(dim=-1, keepdim=True) + 1e-12) * weight + bias


@mutant(
    "layer-norm",
    name="mean not subtracted",
    says="You divide by the root of the mean square, but do not subtract the mean (later models do just "
    "that, and call it RMSNorm). LayerNorm subtracts it first.",
)
def norm_rms(x, weight, bias):
    return x / ((x**2).mean(dim=-1, keepdim=True) + 1e-12).sqrt() * weight + bias


@mutant(
    "layer-norm",
    name="nothing keeps it from dividing by 0",
    says="A vector of equal numbers has the variance 0, and 0 / 0 is nan. Add ε to the variance under "
    "the root.",
)
def norm_no_epsilon(x, weight, bias):
    centred = x - x.mean(dim=-1, keepdim=True)
    return centred / (centred**2).mean(dim=-1, keepdim=True).sqrt() * weight + bias


# bert-layer


def _attended(x, keep, w, heads):
    n, steps, d = x.shape
    q, k, v = (
        _dense(x, w, f"attention.self.{name}").view(n, steps, heads, d // heads).transpose(1, 2)
        for name in ("query", "key", "value")
    )
    return _read(q, k, v, keep[:, None, None, :])


def _read(q, k, v, seen):
    n, heads, steps, width = q.shape
    logits = (q @ k.mT / width**0.5).masked_fill(~seen, float("-inf"))
    return (logits.softmax(dim=-1) @ v).transpose(1, 2).reshape(n, steps, heads * width)


def _dense(x, w, name):
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def _ln(x, w, name):
    return F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], 1e-12)


def _finished(h, w, activation=F.gelu):
    fed = _dense(activation(_dense(h, w, "intermediate.dense")), w, "output.dense")
    return _ln(h + fed, w, "output.LayerNorm")


@mutant(
    "bert-layer",
    name="normalised before instead of after",
    says="You normalise what goes into attention and feed-forward (pre-norm, as GPT-2 does). BERT is "
    "post-norm: first add the residual, then normalise the sum.",
)
def layer_pre_norm(x, keep, w, heads):
    normed = _ln(x, w, "attention.output.LayerNorm")
    h = x + _dense(_attended(normed, keep, w, heads), w, "attention.output.dense")
    fed = F.gelu(_dense(_ln(h, w, "output.LayerNorm"), w, "intermediate.dense"))
    return h + _dense(fed, w, "output.dense")


@mutant(
    "bert-layer",
    name="no residual around the attention",
    says="What came in is lost after the attention: add x to it before you normalise.",
)
def layer_no_first_residual(x, keep, w, heads):
    mixed = _dense(_attended(x, keep, w, heads), w, "attention.output.dense")
    return _finished(_ln(mixed, w, "attention.output.LayerNorm"), w)


@mutant(
    "bert-layer",
    name="no residual around the feed-forward",
    says="The second residual is missing: add h to what the feed-forward gives before you normalise.",
)
def layer_no_second_residual(x, keep, w, heads):
    mixed = _dense(_attended(x, keep, w, heads), w, "attention.output.dense")
    h = _ln(x + mixed, w, "attention.output.LayerNorm")
    fed = _dense(F.gelu(_dense(h, w, "intermediate.dense")), w, "output.dense")
    return _ln(fed, w, "output.LayerNorm")


@mutant(
    "bert-layer",
    name="second residual from x",
    says="You add x again after the feed-forward. What goes on there is h, the normalised result of the "
    "first half.",
)
def layer_residual_of_x(x, keep, w, heads):
    mixed = _dense(_attended(x, keep, w, heads), w, "attention.output.dense")
    h = _ln(x + mixed, w, "attention.output.LayerNorm")
    fed = _dense(F.gelu(_dense(h, w, "intermediate.dense")), w, "output.dense")
    return _ln(x + fed, w, "output.LayerNorm")


@mutant(
    "bert-layer",
    name="ReLU instead of GELU",
    says="You used ReLU, as in lesson 05. BERT's feed-forward uses GELU, which is smooth at 0.",
)
def layer_relu(x, keep, w, heads):
    mixed = _dense(_attended(x, keep, w, heads), w, "attention.output.dense")
    return _finished(_ln(x + mixed, w, "attention.output.LayerNorm"), w, torch.relu)


@mutant(
    "bert-layer",
    name="GELU by its approximation",
    says="You used the approximation of GELU by tanh, which GPT-2 uses. It differs in the fourth digit; "
    "BERT computes x · Φ(x) with the error function.",
)
def layer_tanh_gelu(x, keep, w, heads):
    mixed = _dense(_attended(x, keep, w, heads), w, "attention.output.dense")
    h = _ln(x + mixed, w, "attention.output.LayerNorm")
    return _finished(h, w, lambda z: F.gelu(z, approximate="tanh"))


@mutant(
    "bert-layer",
    name="scaled by the whole width",
    says="Divide the products of queries and keys by the root of the width of *one head*, d / heads, "
    "before the softmax.",
)
def layer_scaled_by_width(x, keep, w, heads):
    smaller = dict(w)
    for end in ("weight", "bias"):
        smaller[f"attention.self.query.{end}"] = w[f"attention.self.query.{end}"] / heads**0.5
    mixed = _dense(_attended(x, keep, smaller, heads), w, "attention.output.dense")
    return _finished(_ln(x + mixed, w, "attention.output.LayerNorm"), w)


@mutant(
    "bert-layer",
    name="padding attended to",
    says="Padding is attended to: it changes what the real tokens see. Put the logits of padded *keys* "
    "at minus infinity before the softmax.",
)
def layer_no_mask(x, keep, w, heads):
    everything = torch.ones_like(keep)
    mixed = _dense(_attended(x, everything, w, heads), w, "attention.output.dense")
    return _finished(_ln(x + mixed, w, "attention.output.LayerNorm"), w)


@mutant(
    "bert-layer",
    name="only earlier tokens are seen",
    says="You hide later tokens, as SASRec must. BERT reads a text that is already there: every token "
    "sees those before and those after it.",
)
def layer_causal(x, keep, w, heads):
    (n, steps, d), seen = x.shape, torch.ones(x.shape[1], x.shape[1]).tril().bool()
    q, k, v = (
        _dense(x, w, f"attention.self.{name}").view(n, steps, heads, d // heads).transpose(1, 2)
        for name in ("query", "key", "value")
    )
    found = _dense(_read(q, k, v, seen & keep[:, None, None, :]), w, "attention.output.dense")
    return _finished(_ln(x + found, w, "attention.output.LayerNorm"), w)


@mutant(
    "bert-layer",
    name="heads cut from places instead of from columns",
    says="Your heads mix the tokens up: .view(B, heads, T, d / heads) cuts the rows. Cut the columns, "
    ".view(B, T, heads, d / heads), and swap the two middle dimensions then.",
)
def layer_mixed_heads(x, keep, w, heads):
    n, steps, d = x.shape
    q, k, v = (
        _dense(x, w, f"attention.self.{name}").view(n, heads, steps, d // heads)
        for name in ("query", "key", "value")
    )
    found = _dense(_read(q, k, v, keep[:, None, None, :]), w, "attention.output.dense")
    return _finished(_ln(x + found, w, "attention.output.LayerNorm"), w)


@mutant(
    "bert-layer",
    name="no layer behind the heads",
    says="What the heads found goes through one more linear layer, attention.output.dense, before it is "
    "added to x.",
)
def layer_no_output(x, keep, w, heads):
    return _finished(_ln(x + _attended(x, keep, w, heads), w, "attention.output.LayerNorm"), w)


# mask-tokens


def _masked(ids, chosen, kind, random_ids, mask_id, label):
    inputs = torch.where(chosen & (kind < 0.8), torch.full_like(ids, mask_id), ids)
    inputs = torch.where(chosen & (kind >= 0.8) & (kind < 0.9), random_ids, inputs)
    return inputs, torch.where(label, ids, torch.full_like(ids, -100))


@mutant(
    "mask-tokens",
    name="special places masked",
    says="You choose [CLS], [SEP] or padding too. Nothing is learned from guessing those: choose among "
    "the ordinary places only.",
)
def mask_special(ids, ordinary, draw, kind, random_ids, mask_id):
    chosen = draw < 0.15
    return _masked(ids, chosen, kind, random_ids, mask_id, chosen)


@mutant(
    "mask-tokens",
    name="a label at every place",
    says="Every place has a label. Most pieces can be read in the input, so the loss would reward "
    "copying: label the chosen places only, -100 elsewhere.",
)
def mask_all_labels(ids, ordinary, draw, kind, random_ids, mask_id):
    chosen = ordinary & (draw < 0.15)
    return _masked(ids, chosen, kind, random_ids, mask_id, ordinary)


@mutant(
    "mask-tokens",
    name="label 0 instead of -100",
    says="Places that do not count have the label 0, which is a piece of the vocabulary. cross_entropy "
    "leaves out -100.",
)
def mask_label_zero(ids, ordinary, draw, kind, random_ids, mask_id):
    chosen = ordinary & (draw < 0.15)
    return _masked(ids, chosen, kind, random_ids, mask_id, chosen)[0], ids * chosen


@mutant(
    "mask-tokens",
    name="labels taken after the masking",
    says="Your labels hold what was put in, [MASK] for instance. The label is what stood there before.",
)
def mask_labels_late(ids, ordinary, draw, kind, random_ids, mask_id):
    chosen = ordinary & (draw < 0.15)
    inputs = _masked(ids, chosen, kind, random_ids, mask_id, chosen)[0]
    return inputs, torch.where(chosen, inputs, torch.full_like(ids, -100))


@mutant(
    "mask-tokens",
    name="[MASK] at every chosen place",
    says="All chosen places get [MASK]. Only those with kind < 0.8 do; up to 0.9 a random piece stands "
    "there, and the others keep theirs.",
)
def mask_always(ids, ordinary, draw, kind, random_ids, mask_id):
    chosen = ordinary & (draw < 0.15)
    return _masked(ids, chosen, torch.zeros_like(kind), random_ids, mask_id, chosen)


@mutant(
    "mask-tokens",
    name="unchanged places without a label",
    says="A chosen place that keeps its piece must have a label too. That is its purpose: the model may "
    "not trust what it reads.",
)
def mask_unchanged_unlabelled(ids, ordinary, draw, kind, random_ids, mask_id):
    chosen = ordinary & (draw < 0.15)
    return _masked(ids, chosen, kind, random_ids, mask_id, chosen & (kind < 0.9))


@mutant(
    "mask-tokens",
    name="random and unchanged swapped",
    says="From 0.8 to 0.9 a random piece is put in, and from 0.9 on the old one stays: yours are the "
    "other way round.",
)
def mask_swapped(ids, ordinary, draw, kind, random_ids, mask_id):
    chosen = ordinary & (draw < 0.15)
    turned = torch.where(kind < 0.8, kind, 1.7 - kind)
    return _masked(ids, chosen, turned, random_ids, mask_id, chosen)


@mutant(
    "mask-tokens",
    name="85 % chosen",
    says="You choose the places with a draw above 0.15, 85 % of the text. With so little left to read "
    "from, nothing can be guessed: choose those below 0.15.",
)
def mask_most(ids, ordinary, draw, kind, random_ids, mask_id):
    chosen = ordinary & (draw >= 0.15)
    return _masked(ids, chosen, kind, random_ids, mask_id, chosen)


@mutant(
    "mask-tokens",
    name="random pieces at places not chosen",
    says="You put random pieces wherever kind lies between 0.8 and 0.9. Only chosen places may change.",
)
def mask_random_everywhere(ids, ordinary, draw, kind, random_ids, mask_id):
    chosen = ordinary & (draw < 0.15)
    inputs, labels = _masked(ids, chosen, kind, random_ids, mask_id, chosen)
    return torch.where(ordinary & (kind >= 0.8) & (kind < 0.9), random_ids, inputs), labels


@mutant(
    "mask-tokens",
    name="labels first",
    says="You return the labels before the inputs. Asked for are the inputs, then the labels.",
)
def mask_labels_first(ids, ordinary, draw, kind, random_ids, mask_id):
    chosen = ordinary & (draw < 0.15)
    return _masked(ids, chosen, kind, random_ids, mask_id, chosen)[::-1]


# mean-pool


@mutant(
    "mean-pool",
    name="padding counted in",
    says="You average over all places. The vectors of padding mean nothing, and how many there are "
    "depends on the other texts of the batch.",
)
def pool_all(hidden, keep):
    return hidden.mean(dim=1)


@mutant(
    "mean-pool",
    name="padding set to 0 but counted",
    says="You put padding at 0 and then divide by all places, so short texts get short vectors. Divide "
    "by the number of real tokens.",
)
def pool_divided_by_all(hidden, keep):
    return (hidden * keep[..., None]).mean(dim=1)


@mutant(
    "mean-pool",
    name="the first token",
    says="You return the vector of [CLS]. Asked for is the mean over the real tokens.",
)
def pool_first(hidden, keep):
    return hidden[:, 0]


@mutant(
    "mean-pool",
    name="sum instead of mean",
    says="You add the vectors up, so long texts get long vectors. Divide by the number of real tokens.",
)
def pool_sum(hidden, keep):
    return (hidden * keep[..., None]).sum(dim=1)


@mutant(
    "mean-pool",
    name="largest number of each column",
    says="You take the largest number of each column (max pooling). Asked for is the mean.",
)
def pool_max(hidden, keep):
    return hidden.masked_fill(~keep[..., None], float("-inf")).amax(dim=1).nan_to_num(neginf=0.0)


@mutant(
    "mean-pool",
    name="divided by the tokens of the whole batch",
    says="You divide by the number of real tokens in the whole batch. Each text has its own.",
)
def pool_whole_batch(hidden, keep):
    return (hidden * keep[..., None]).sum(dim=1) / keep.sum().clamp(min=1)


@mutant(
    "mean-pool",
    name="0 / 0 for a text without tokens",
    says="A text without a real token gives 0 / 0, and the nan spreads. Divide by at least 1: its "
    "vector is 0.",
)
def pool_nan(hidden, keep):
    return (hidden * keep[..., None]).sum(dim=1) / keep.sum(dim=1, keepdim=True)


@mutant(
    "mean-pool",
    name="mean over the numbers of a token",
    says="You average over the d numbers of each token. Average over the tokens: what comes back has d "
    "numbers for each text.",
)
def pool_wrong_axis(hidden, keep):
    return (hidden * keep[..., None]).mean(dim=2)
