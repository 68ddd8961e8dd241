"""Plausible wrong answers to the exercises of lesson 06, each with what to tell the learner."""

import numpy as np
import torch
from torch.nn import functional as F

import coursekit
from coursekit.models.sequences import padded
from tests.lessons.mutants import mutant


def _padded_by_library(histories, length):
    tokens = torch.as_tensor(padded(histories, length))
    return tokens, tokens > 0


def _cell_by_torch(x, h, c, w_x, w_h, b):
    cell = torch.nn.LSTMCell(x.shape[1], h.shape[1], dtype=x.dtype)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cell.load_state_dict(dict(zip(names, (w_x, w_h, b, 0 * b), strict=True)))
    return tuple(state.detach() for state in cell(x, (h, c)))


def _softmax_by_torch(scores, keep):
    return torch.where(keep, F.softmax(scores.masked_fill(~keep, -1e9), dim=1), 0)


SHORTCUTS = {
    "pad-and-mask": _padded_by_library,
    "lstm-step": _cell_by_torch,
    "masked-softmax": _softmax_by_torch,
    "additive-attention": None,
    "dot-product-attention": None,
    "calibration-error": coursekit.calibration_error,
}


# pad-and-mask


def _rows(histories, width, shift=1):
    rows = [[item + shift for item in history] for history in histories]
    return torch.tensor([row + [0] * (width - len(row)) for row in rows], dtype=torch.int64)


def _width(histories, length):
    return min(length, max(map(len, histories)))


@mutant(
    "pad-and-mask",
    name="row numbers as tokens",
    says="You wrote the item's row as it is. Row 0 then looks like padding, and that item vanishes from "
    "every history: a token is the row plus one.",
)
def pad_unshifted(histories, length):
    tokens = _rows([history[-length:] for history in histories], _width(histories, length), shift=0)
    return tokens, tokens != 0


@mutant(
    "pad-and-mask",
    name="row numbers as tokens, mask from the lengths",
    says="Your mask is right, but the tokens are the rows as they are: item 0 and padding are then the same "
    "number. A token is the row plus one.",
)
def pad_unshifted_mask_right(histories, length):
    recent = [history[-length:] for history in histories]
    width = _width(histories, length)
    sizes = torch.tensor([len(history) for history in recent])
    return _rows(recent, width, shift=0), torch.arange(width) < sizes[:, None]


@mutant(
    "pad-and-mask",
    name="the oldest events kept",
    says="Of a long history you kept the oldest events. What comes next depends on the most recent ones: "
    "history[-length:].",
)
def pad_oldest(histories, length):
    tokens = _rows([history[:length] for history in histories], _width(histories, length))
    return tokens, tokens > 0


@mutant(
    "pad-and-mask",
    name="padded on the left",
    says="Your padding stands on the left. Here it stands on the right, so that a network which reads from "
    "the left meets everything real first.",
)
def pad_left(histories, length):
    width = _width(histories, length)
    rows = [[item + 1 for item in history[-length:]] for history in histories]
    tokens = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    return tokens, tokens > 0


@mutant(
    "pad-and-mask",
    name="always as wide as `length`",
    says="Your tensor is `length` wide, however short the histories are. T is the longest history of this "
    "batch; more columns are padding that somebody has to compute.",
)
def pad_full_width(histories, length):
    tokens = _rows([history[-length:] for history in histories], length)
    return tokens, tokens > 0


@mutant(
    "pad-and-mask",
    name="long histories not cut",
    says="A history longer than `length` was not cut. Only its most recent `length` events stay.",
)
def pad_uncut(histories, length):
    tokens = _rows(histories, max(map(len, histories)))
    return tokens, tokens > 0


@mutant(
    "pad-and-mask",
    name="the mask the wrong way round",
    says="Your mask is True at the padding. `keep` is True where a token is real. (Torch itself has both "
    "kinds: look twice which one a function wants.)",
)
def pad_inverted(histories, length):
    tokens = _rows([history[-length:] for history in histories], _width(histories, length))
    return tokens, tokens == 0


@mutant(
    "pad-and-mask",
    name="newest first",
    says="You turned the histories round. Tokens stand oldest first, as they happened.",
)
def pad_reversed(histories, length):
    recent = [history[::-1][:length] for history in histories]
    tokens = _rows(recent, _width(histories, length))
    return tokens, tokens > 0


@mutant(
    "pad-and-mask",
    name="a mask of numbers",
    says="Your mask holds numbers. Make it bool: a mask of 0 and 1 used as an index picks rows 0 and 1.",
)
def pad_mask_of_numbers(histories, length):
    tokens = _rows([history[-length:] for history in histories], _width(histories, length))
    return tokens, (tokens > 0).to(torch.int64)


# lstm-step


def _blocks(x, h, w_x, w_h, b):
    return (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)


@mutant(
    "lstm-step",
    name="gates in another order",
    says="You read the blocks as i, f, o, g. Torch keeps them as i, f, g, o: the third one is the new "
    "content, with the tanh, and the last one the output gate.",
)
def step_order(x, h, c, w_x, w_h, b):
    i, f, o, g = _blocks(x, h, w_x, w_h, b)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mutant(
    "lstm-step",
    name="input and forget gate exchanged",
    says="You exchanged the input gate and the forget gate: f says how much of the old memory stays, i how "
    "much of the new content is written.",
)
def step_exchanged(x, h, c, w_x, w_h, b):
    f, i, g, o = _blocks(x, h, w_x, w_h, b)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mutant(
    "lstm-step",
    name="sigmoid for the new content",
    says="You put the new content through a sigmoid. It is no gate: with tanh it can also be negative, and "
    "without that the memory could only grow.",
)
def step_all_sigmoid(x, h, c, w_x, w_h, b):
    i, f, g, o = _blocks(x, h, w_x, w_h, b)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.sigmoid(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mutant(
    "lstm-step",
    name="no tanh on the way out",
    says="You show the memory as it is. The hidden state is o times the tanh of the new memory, which keeps "
    "it between -1 and 1.",
)
def step_open_output(x, h, c, w_x, w_h, b):
    i, f, g, o = _blocks(x, h, w_x, w_h, b)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * c, c


@mutant(
    "lstm-step",
    name="the old memory shown",
    says="The hidden state shows the memory from before this step. It must show the new one, or the input "
    "is seen one step late.",
)
def step_late(x, h, c, w_x, w_h, b):
    i, f, g, o = _blocks(x, h, w_x, w_h, b)
    new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), new


@mutant(
    "lstm-step",
    name="the hidden state not read",
    says="Your gates look at the input only. They also read the previous hidden state, through w_h.",
)
def step_without_hidden(x, h, c, w_x, w_h, b):
    i, f, g, o = _blocks(x, 0 * h, w_x, w_h, b)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mutant(
    "lstm-step",
    name="bias forgotten",
    says="You left out the bias b.",
)
def step_without_bias(x, h, c, w_x, w_h, b):
    i, f, g, o = _blocks(x, h, w_x, w_h, 0 * b)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mutant(
    "lstm-step",
    name="one gate for both, as in a GRU",
    says="You used 1 - i as the forget gate. A GRU couples the two like this; an LSTM has a forget gate of "
    "its own, so it can keep the old and write the new at once.",
)
def step_coupled(x, h, c, w_x, w_h, b):
    i, _, g, o = _blocks(x, h, w_x, w_h, b)
    c = (1 - torch.sigmoid(i)) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mutant(
    "lstm-step",
    name="nothing is ever forgotten",
    says="You add the new content to the whole old memory. The forget gate f scales the old memory first.",
)
def step_without_forgetting(x, h, c, w_x, w_h, b):
    i, _, g, o = _blocks(x, h, w_x, w_h, b)
    c = c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mutant(
    "lstm-step",
    name="memory and hidden state exchanged",
    says="You return the cell state first. Asked for is the new h, then the new c.",
)
def step_returned_the_wrong_way_round(x, h, c, w_x, w_h, b):
    i, f, g, o = _blocks(x, h, w_x, w_h, b)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return c, torch.sigmoid(o) * torch.tanh(c)


# masked-softmax


def _exponentials(scores, dim=1):
    return torch.exp(scores - scores.amax(dim=dim, keepdim=True))


def _to_one(parts, dim=1):
    return parts / parts.sum(dim=dim, keepdim=True)


@mutant(
    "masked-softmax",
    name="masked after the softmax",
    says="You set the padding's weights to 0 after the softmax, so the rest sums to less than 1: padding "
    "still takes its share of the sum. Mask before you divide.",
)
def softmax_masked_late(scores, keep):
    return _to_one(_exponentials(scores)) * keep


@mutant(
    "masked-softmax",
    name="scores of the padding set to 0",
    says="You multiplied the scores by the mask. A score of 0 is no weight of 0: e to the 0 is 1, and "
    "padding gets a share like everything else.",
)
def softmax_scores_times_mask(scores, keep):
    return _to_one(_exponentials(scores * keep))


@mutant(
    "masked-softmax",
    name="0 divided by 0 where nothing is real",
    says="A row without anything real gives 0/0, nan, and one such row poisons the whole batch. Its weights "
    "are 0.",
)
def softmax_nan(scores, keep):
    return _to_one(_exponentials(scores.masked_fill(~keep, -torch.inf)))


@mutant(
    "masked-softmax",
    name="a very small score instead of none",
    says="You gave padding a very small score. In a row without anything real all scores are then equal, and "
    "padding shares the weight out among itself.",
)
def softmax_finite(scores, keep):
    return _to_one(_exponentials(scores.masked_fill(~keep, -1e9)))


@mutant(
    "masked-softmax",
    name="the largest score not subtracted",
    says="e to the 1000 is infinite, and infinite by infinite is nan. Subtract the largest real score of the "
    "row first; the weights stay the same.",
)
def softmax_overflow(scores, keep):
    parts = torch.where(keep, torch.exp(scores), 0)
    total = parts.sum(dim=1, keepdim=True)
    return torch.where(total == 0, 0, parts / total)


@mutant(
    "masked-softmax",
    name="the largest score looked for among the padding too",
    says="You subtracted the largest score of the row, padding included. A huge score at a padding then "
    "pushes everything real to 0. Look for the largest among the real places.",
)
def softmax_largest_of_all(scores, keep):
    parts = torch.where(keep, torch.exp(scores - scores.amax(dim=1, keepdim=True)), 0)
    return parts / parts.sum(dim=1, keepdim=True).clamp(min=1e-300)


@mutant(
    "masked-softmax",
    name="one largest score for the whole batch",
    says="You subtracted the largest score of the whole batch. A row with much lower scores then becomes all "
    "0. Each row has its own largest score.",
)
def softmax_largest_of_batch(scores, keep):
    largest = scores.masked_fill(~keep, -torch.inf).max()
    parts = torch.where(keep, torch.exp(scores - largest), 0)
    return parts / parts.sum(dim=1, keepdim=True).clamp(min=1e-300)


@mutant(
    "masked-softmax",
    name="softmax over the batch",
    says="Your weights sum to 1 down the columns. Each history shares its own weight out among its own "
    "places: along dimension 1.",
)
def softmax_wrong_axis(scores, keep):
    return _to_one(_exponentials(scores.masked_fill(~keep, -torch.inf), dim=0), dim=0).nan_to_num(0)


@mutant(
    "masked-softmax",
    name="the mask the wrong way round",
    says="You kept the padding and left out what is real. `keep` is True at the real places; masked_fill "
    "wants True where something is to be replaced.",
)
def softmax_inverted(scores, keep):
    return _to_one(_exponentials(scores.masked_fill(keep, -torch.inf))).nan_to_num(0)


# additive-attention


def _additive(query, keys, w_query, w_keys):
    return torch.tanh((query @ w_query.T)[:, None] + keys @ w_keys.T)


def _shares(scores, keep):
    return scores.masked_fill(~keep, -torch.inf).softmax(dim=1)


@mutant(
    "additive-attention",
    name="padding not masked",
    says="Padding gets weight. Set its scores to minus infinity before the softmax.",
)
def additive_unmasked(query, keys, keep, w_query, w_keys, v):
    weights = (_additive(query, keys, w_query, w_keys) @ v).softmax(dim=1)
    return (weights[:, :, None] * keys).sum(dim=1), weights


@mutant(
    "additive-attention",
    name="masked after the softmax",
    says="You masked the weights after the softmax: what is left sums to less than 1, the less the shorter "
    "the history. Mask the scores before it.",
)
def additive_masked_late(query, keys, keep, w_query, w_keys, v):
    weights = (_additive(query, keys, w_query, w_keys) @ v).softmax(dim=1) * keep
    return (weights[:, :, None] * keys).sum(dim=1), weights


@mutant(
    "additive-attention",
    name="without the tanh",
    says="You left out the tanh. The query is then the same constant for every place, and a constant does "
    "nothing in a softmax.",
)
def additive_linear(query, keys, keep, w_query, w_keys, v):
    scores = ((query @ w_query.T)[:, None] + keys @ w_keys.T) @ v
    weights = _shares(scores, keep)
    return (weights[:, :, None] * keys).sum(dim=1), weights


@mutant(
    "additive-attention",
    name="the query left out",
    says="Your scores do not depend on the query: add W_q q inside the tanh.",
)
def additive_without_query(query, keys, keep, w_query, w_keys, v):
    weights = _shares(torch.tanh(keys @ w_keys.T) @ v, keep)
    return (weights[:, :, None] * keys).sum(dim=1), weights


@mutant(
    "additive-attention",
    name="tanh around everything",
    says="You took the tanh of the finished score, which squeezes it between -1 and 1. It belongs inside, "
    "before v.",
)
def additive_tanh_outside(query, keys, keep, w_query, w_keys, v):
    scores = ((query @ w_query.T)[:, None] + keys @ w_keys.T) @ v
    weights = _shares(torch.tanh(scores), keep)
    return (weights[:, :, None] * keys).sum(dim=1), weights


@mutant(
    "additive-attention",
    name="multiplied instead of added",
    says="You multiplied the two projections. Additive attention adds W_q q and W_k k, and then takes the "
    "tanh.",
)
def additive_multiplied(query, keys, keep, w_query, w_keys, v):
    scores = torch.tanh((query @ w_query.T)[:, None] * (keys @ w_keys.T)) @ v
    weights = _shares(scores, keep)
    return (weights[:, :, None] * keys).sum(dim=1), weights


@mutant(
    "additive-attention",
    name="mean of the projected keys",
    says="Your context is a mean of W_k k. The projection is for comparing only: the context is the weighted "
    "mean of the keys themselves.",
)
def additive_projected_context(query, keys, keep, w_query, w_keys, v):
    weights = _shares(_additive(query, keys, w_query, w_keys) @ v, keep)
    return (weights[:, :, None] * (keys @ w_keys.T)).sum(dim=1), weights


@mutant(
    "additive-attention",
    name="divided by the number of places",
    says="You divided the weighted sum by T. The weights sum to 1 already, so their sum is the mean.",
)
def additive_mean(query, keys, keep, w_query, w_keys, v):
    weights = _shares(_additive(query, keys, w_query, w_keys) @ v, keep)
    return (weights[:, :, None] * keys).mean(dim=1), weights


@mutant(
    "additive-attention",
    name="scores instead of weights",
    says="You return the scores where the weights should be. The weights come after the softmax and sum "
    "to 1.",
)
def additive_scores(query, keys, keep, w_query, w_keys, v):
    scores = _additive(query, keys, w_query, w_keys) @ v
    weights = _shares(scores, keep)
    return (weights[:, :, None] * keys).sum(dim=1), scores


@mutant(
    "additive-attention",
    name="weights before context",
    says="You return the weights first. Asked for is the context, then the weights.",
)
def additive_exchanged(query, keys, keep, w_query, w_keys, v):
    weights = _shares(_additive(query, keys, w_query, w_keys) @ v, keep)
    return weights, (weights[:, :, None] * keys).sum(dim=1)


# dot-product-attention


def _dots(queries, keys):
    return queries @ keys.transpose(1, 2)


def _masked(scores, keep):
    return scores.masked_fill(~keep[:, None], -torch.inf)


@mutant(
    "dot-product-attention",
    name="divided by the root of the width",
    says="You divided the scores by the root of d. Lesson 07 does; here the score is the plain dot product.",
)
def dot_scaled(queries, keys, values, keep):
    weights = _masked(_dots(queries, keys) / keys.shape[-1] ** 0.5, keep).softmax(dim=-1)
    return weights @ values, weights


@mutant(
    "dot-product-attention",
    name="padding not masked",
    says="Padding gets weight. Set its scores to minus infinity before the softmax, for every query.",
)
def dot_unmasked(queries, keys, values, keep):
    weights = _dots(queries, keys).softmax(dim=-1)
    return weights @ values, weights


@mutant(
    "dot-product-attention",
    name="scores of the padding set to 0",
    says="You set the padding's scores to 0, but e to the 0 is 1: padding still gets weight. Use minus "
    "infinity.",
)
def dot_padding_at_zero(queries, keys, values, keep):
    weights = (_dots(queries, keys) * keep[:, None]).softmax(dim=-1)
    return weights @ values, weights


@mutant(
    "dot-product-attention",
    name="masked after the softmax",
    says="You masked the weights after the softmax, so they sum to less than 1. Mask the scores before it.",
)
def dot_masked_late(queries, keys, values, keep):
    weights = _dots(queries, keys).softmax(dim=-1) * keep[:, None]
    return weights @ values, weights


@mutant(
    "dot-product-attention",
    name="the mask laid over the queries",
    says="Your mask went to the queries. It says which of the T places are real, so it lies along the last "
    "dimension of the scores, (B, 1, T).",
)
def dot_mask_over_queries(queries, keys, values, keep):
    weights = _dots(queries, keys).masked_fill(~keep[:, :, None], -torch.inf).softmax(dim=-1)
    return weights @ values, weights


@mutant(
    "dot-product-attention",
    name="softmax over the queries",
    says="Your softmax runs over the queries. Each query shares its own weight out among the T places: the "
    "last dimension.",
)
def dot_over_queries(queries, keys, values, keep):
    weights = _dots(queries, keys).softmax(dim=1) * keep[:, None]
    return weights @ values, weights


@mutant(
    "dot-product-attention",
    name="mean of the keys",
    says="Your context is a mean of the keys. Keys are compared; what is averaged are the values.",
)
def dot_of_keys(queries, keys, values, keep):
    weights = _masked(_dots(queries, keys), keep).softmax(dim=-1)
    return weights @ keys, weights


@mutant(
    "dot-product-attention",
    name="cosine instead of dot product",
    says="You divided by the lengths of the vectors. This is the plain dot product: a longer query is a more "
    "decided one.",
)
def dot_cosine(queries, keys, values, keep):
    scores = _dots(F.normalize(queries, dim=-1), F.normalize(keys, dim=-1))
    weights = _masked(scores, keep).softmax(dim=-1)
    return weights @ values, weights


@mutant(
    "dot-product-attention",
    name="one set of weights for all queries",
    says="You averaged the queries, so every candidate gets the same weights. Each query has weights of its "
    "own.",
)
def dot_one_query(queries, keys, values, keep):
    queries = queries.mean(dim=1, keepdim=True).expand_as(queries)
    weights = _masked(_dots(queries, keys), keep).softmax(dim=-1)
    return weights @ values, weights


@mutant(
    "dot-product-attention",
    name="values not weighted by a mean",
    says="You divided the weighted sum of the values by T. The weights sum to 1 already.",
)
def dot_divided(queries, keys, values, keep):
    weights = _masked(_dots(queries, keys), keep).softmax(dim=-1)
    return weights @ values / keys.shape[1], weights


# calibration-error


def _gaps(truth, chance, place):
    """Size and signed distance of each bin that holds something."""
    inside = [place == one for one in np.unique(place)]
    return [(part.sum(), truth[part].mean() - chance[part].mean()) for part in inside]


def _places(chance, bins):
    return np.minimum((chance * bins).astype(int), bins - 1)


@mutant(
    "calibration-error",
    name="every bin counts alike",
    says="You took the plain mean over the bins. A bin with a thousand examples counts a thousand times as "
    "much as a bin with one.",
)
def ece_unweighted(truth, chance, bins):
    return float(np.mean([abs(gap) for _, gap in _gaps(truth, chance, _places(chance, bins))]))


@mutant(
    "calibration-error",
    name="signs cancel",
    says="You added distances with their signs. Too sure here and too timid there cancel out: take the "
    "absolute value in each bin.",
)
def ece_signed(truth, chance, bins):
    gaps = _gaps(truth, chance, _places(chance, bins))
    return float(abs(sum(count * gap for count, gap in gaps)) / len(truth))


@mutant(
    "calibration-error",
    name="the worst bin",
    says="This is the distance of the worst bin (the maximum calibration error). Asked for is the mean over "
    "all bins, each with its share of the examples.",
)
def ece_worst(truth, chance, bins):
    return float(max(abs(gap) for _, gap in _gaps(truth, chance, _places(chance, bins))))


@mutant(
    "calibration-error",
    name="middle of the bin instead of the mean chance",
    says="You compared with the middle of each bin. Compare with the mean of the chances in it, which may "
    "lie elsewhere.",
)
def ece_midpoints(truth, chance, bins):
    place = _places(chance, bins)
    return float(
        sum(count * abs(gap) for count, gap in _gaps(truth, (place + 0.5) / bins, place)) / len(truth)
    )


@mutant(
    "calibration-error",
    name="accuracy instead of the share of finishers",
    says="You compared with the accuracy at the threshold one half. That is meant for the chance of the "
    "*predicted* class; here the chance is that of a yes, so compare with the share of yeses.",
)
def ece_accuracy(truth, chance, bins):
    gaps = _gaps(truth == (chance >= 0.5), chance, _places(chance, bins))
    return float(sum(count * abs(gap) for count, gap in gaps) / len(truth))


@mutant(
    "calibration-error",
    name="squared distances",
    says="You squared the distances. The calibration error takes their absolute values.",
)
def ece_squared(truth, chance, bins):
    gaps = _gaps(truth, chance, _places(chance, bins))
    return float(sum(count * gap**2 for count, gap in gaps) / len(truth))


@mutant(
    "calibration-error",
    name="each example by itself",
    says="You took the mean distance of each single answer from its chance. An answer is 0 or 1, so even "
    "perfect chances are far from it: only the *share* of a bin can be compared with a chance.",
)
def ece_without_bins(truth, chance, bins):
    return float(np.abs(truth - chance).mean())


@mutant(
    "calibration-error",
    name="edges belong to the bin below",
    says="You put a chance that lies on an edge into the bin below. Here a bin begins with its lower edge.",
)
def ece_lower_edge(truth, chance, bins):
    place = np.maximum(np.ceil(chance * bins).astype(int) - 1, 0)
    return float(sum(count * abs(gap) for count, gap in _gaps(truth, chance, place)) / len(truth))


@mutant(
    "calibration-error",
    name="a bin of its own for chance 1",
    says="A chance of exactly 1 got a bin of its own, one too many. It belongs to the last bin.",
)
def ece_extra_bin(truth, chance, bins):
    place = (chance * bins).astype(int)
    return float(sum(count * abs(gap) for count, gap in _gaps(truth, chance, place)) / len(truth))


@mutant(
    "calibration-error",
    name="bins of equal numbers",
    says="You sorted the chances into bins of equal numbers of examples. These bins have equal width, and "
    "may hold very different numbers.",
)
def ece_equal_counts(truth, chance, bins):
    place = np.empty(len(chance), dtype=int)
    place[np.argsort(chance, kind="stable")] = np.arange(len(chance)) * bins // len(chance)
    return float(sum(count * abs(gap) for count, gap in _gaps(truth, chance, place)) / len(truth))


@mutant(
    "calibration-error",
    name="empty bins give nan",
    says="The mean of an empty bin is nan, and makes everything nan. Bins without examples count nothing.",
)
def ece_nan(truth, chance, bins):
    inside = [_places(chance, bins) == one for one in range(bins)]
    gaps = [
        part.sum() * abs(truth[part].mean() - chance[part].mean()) if part.any() else np.nan
        for part in inside
    ]
    return float(sum(gaps) / len(truth))
