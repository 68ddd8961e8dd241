"""Plausible wrong answers to the exercises of lesson 07, each with what to tell the learner."""

from types import SimpleNamespace

import torch
from torch.nn import functional as F

from coursekit.models.attention.bert4rec import BERT4RecNetwork
from coursekit.models.attention.losses import binary_loss
from coursekit.models.multihead import MultiHeadAttention
from coursekit.models.sequences import padded
from tests.lessons.mutants import mutant


def _weights_by_torch(queries, keys, keep):
    values = torch.eye(keys.shape[-2], dtype=keys.dtype)
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=keep)


def _heads_by_library(x, weights, heads, keep):
    attention = MultiHeadAttention(x.shape[2], heads)
    attention.load_state_dict(weights)
    return attention(x)


def _pairs_by_library(histories, max_length):
    tokens = torch.as_tensor(padded(histories, max_length + 1))
    return tokens[:, :-1], tokens[:, 1:]


def _loss_by_library(states, table, targets, negatives):
    real, bias = targets != 0, torch.zeros(len(table) - 1)
    return binary_loss(states[real], targets[real] - 1, table[1:], bias, negatives[real] - 1)


def _masked_by_library(tokens, draws, share, mask):
    network = SimpleNamespace(mask_rate=share, last_only=0.0)
    hidden = BERT4RecNetwork.hide(network, tokens)
    return tokens.masked_fill(hidden, mask), tokens * hidden


SHORTCUTS = {
    "scaled-dot-product": _weights_by_torch,
    "attention-mask": None,
    "multi-head": _heads_by_library,
    "next-item-pairs": _pairs_by_library,
    "sasrec-loss": _loss_by_library,
    "mask-items": _masked_by_library,
}


# scaled-dot-product


def _scores(queries, keys):
    return queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5


def _shared_out(scores, keep):
    weights = torch.softmax(torch.where(keep, scores, -torch.inf), dim=-1)
    return torch.where(keep, weights, 0.0)


@mutant(
    "scaled-dot-product",
    name="not divided",
    says="You did not divide by the square root of the width. Wide vectors then have large scores, and one "
    "key takes all the weight.",
)
def weights_unscaled(queries, keys, keep):
    return _shared_out(queries @ keys.transpose(-2, -1), keep)


@mutant(
    "scaled-dot-product",
    name="divided by the width itself",
    says="You divided by the width d. The variance of the scores is d, so their spread is its square root: "
    "divide by that, or wide vectors share their weight out evenly, whatever they hold.",
)
def weights_by_width(queries, keys, keep):
    return _shared_out(queries @ keys.transpose(-2, -1) / queries.shape[-1], keep)


@mutant(
    "scaled-dot-product",
    name="divided by the root of the number of keys",
    says="The d under the root is the width of a vector, its last dimension. You took the number of keys.",
)
def weights_by_keys(queries, keys, keep):
    return _shared_out(queries @ keys.transpose(-2, -1) / keys.shape[-2] ** 0.5, keep)


@mutant(
    "scaled-dot-product",
    name="softmax over the queries",
    says="Your columns add up to 1. Each query shares out its own weight among the keys: the softmax runs "
    "along the last dimension.",
)
def weights_over_queries(queries, keys, keep):
    weights = torch.softmax(torch.where(keep, _scores(queries, keys), -torch.inf), dim=-2)
    return torch.where(keep, weights, 0.0)


@mutant(
    "scaled-dot-product",
    name="weights struck out after the softmax",
    says="You struck the forbidden weights out after the softmax, so the others no longer add up to 1. "
    "Make their scores minus infinity before it.",
)
def weights_struck_out(queries, keys, keep):
    return torch.softmax(_scores(queries, keys), dim=-1) * keep


@mutant(
    "scaled-dot-product",
    name="forbidden scores made 0",
    says="You made the forbidden scores 0. A score of 0 is an ordinary one, its exponential is 1: only minus "
    "infinity gives a weight of 0.",
)
def weights_zero_score(queries, keys, keep):
    return torch.softmax(_scores(queries, keys) * keep, dim=-1)


@mutant(
    "scaled-dot-product",
    name="mask the wrong way round",
    says="`keep` is True where a query MAY look. You hid just those keys.",
)
def weights_inverted(queries, keys, keep):
    return _shared_out(_scores(queries, keys), ~keep)


@mutant(
    "scaled-dot-product",
    name="nan where there is nothing to look at",
    says="A query that may look at nothing has only scores of minus infinity, and its softmax is 0 divided "
    "by 0. Give such a row zeros: one nan here spreads to the whole batch.",
)
def weights_nan(queries, keys, keep):
    return torch.softmax(torch.where(keep, _scores(queries, keys), -torch.inf), dim=-1)


@mutant(
    "scaled-dot-product",
    name="a very negative number instead of minus infinity",
    says="With a very negative number in the place of minus infinity, a query that may look at nothing "
    "shares its weight out among all the keys it must not see. Give such a row zeros.",
)
def weights_large_negative(queries, keys, keep):
    return torch.softmax(torch.where(keep, _scores(queries, keys), -1e9), dim=-1)


@mutant(
    "scaled-dot-product",
    name="exponentials that overflow",
    says="The exponential of a large score is infinity, and infinity divided by itself is nan. Subtract the "
    "largest score of the row first, or let torch.softmax do it.",
)
def weights_overflow(queries, keys, keep):
    shares = torch.exp(_scores(queries, keys)) * keep
    return shares / shares.sum(dim=-1, keepdim=True).clamp(min=1e-30)


# attention-mask


def _columns(tokens):
    return (tokens != 0)[:, None, :].repeat(1, tokens.shape[1], 1)


@mutant(
    "attention-mask",
    name="a step does not see itself",
    says="Your steps do not see themselves. A step may look at itself, the diagonal belongs to the mask: the "
    "first step would have nothing to look at, otherwise.",
)
def mask_without_diagonal(tokens, causal):
    keep = _columns(tokens)
    return torch.tril(keep, diagonal=-1) if causal else keep


@mutant(
    "attention-mask",
    name="only the future",
    says="Your steps look at what comes after them, and not at what came before. Queries stand in the second "
    "dimension: the lower triangle is the past.",
)
def mask_future(tokens, causal):
    keep = _columns(tokens)
    return torch.triu(keep) if causal else keep


@mutant(
    "attention-mask",
    name="padding as query instead of as key",
    says="You forbade padded steps to look. What must be forbidden is looking AT them: whole columns, the "
    "last dimension.",
)
def mask_rows(tokens, causal):
    keep = _columns(tokens).transpose(1, 2)
    return torch.tril(keep) if causal else keep


@mutant(
    "attention-mask",
    name="padding on both sides",
    says="You also emptied the rows of padded steps. Nobody reads what they see, and a row with nothing to "
    "look at is asking for nan: forbid the columns alone.",
)
def mask_both(tokens, causal):
    keep = _columns(tokens)
    keep = keep & keep.transpose(1, 2)
    return torch.tril(keep) if causal else keep


@mutant(
    "attention-mask",
    name="padding forgotten",
    says="Your steps may look at padding. Token 0 is no course: nobody may look at it.",
)
def mask_no_padding(tokens, causal):
    keep = torch.ones_like(_columns(tokens))
    return torch.tril(keep) if causal else keep


@mutant(
    "attention-mask",
    name="always causal",
    says="Your mask is causal even where `causal` is False. BERT4Rec looks both ways.",
)
def mask_always_causal(tokens, causal):
    return torch.tril(_columns(tokens))


@mutant(
    "attention-mask",
    name="never causal",
    says="Your mask hides padding only. Where `causal` is True, a step may not look at what comes after it.",
)
def mask_never_causal(tokens, causal):
    return _columns(tokens)


@mutant(
    "attention-mask",
    name="True where looking is forbidden",
    says="Yours is True where looking is forbidden, as in torch.nn.MultiheadAttention. Here, as in "
    "scaled_dot_product_attention, True means: may look.",
)
def mask_inverted(tokens, causal):
    keep = _columns(tokens)
    return ~(torch.tril(keep) if causal else keep)


@mutant(
    "attention-mask",
    name="numbers instead of booleans",
    says="You return numbers. The mask is boolean, so that ~keep and masked_fill work.",
)
def mask_numbers(tokens, causal):
    keep = _columns(tokens)
    return (torch.tril(keep) if causal else keep).float()


# multi-head


def _projected(x, weights, name):
    return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _cut(x, heads):
    B, T, d = x.shape
    return x.view(B, T, heads, d // heads).transpose(1, 2)


def _attended(q, k, v, keep):
    scores = torch.where(keep, q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5, -torch.inf)
    return torch.softmax(scores, dim=-1) @ v


def _side_by_side(heads):
    return heads.transpose(1, 2).flatten(2)


def _parts(x, weights):
    return [_projected(x, weights, name) for name in ("query", "key", "value")]


@mutant(
    "multi-head",
    name="heads cut by one view",
    says="You cut the heads by a view straight to (B, h, T, d/h). Its shape is right, but each head gets "
    "numbers of other steps. View as (B, T, h, d/h) first, then swap steps and heads.",
)
def heads_by_view(x, weights, heads, keep):
    B, T, d = x.shape
    q, k, v = (part.view(B, heads, T, d // heads) for part in _parts(x, weights))
    return _projected(_side_by_side(_attended(q, k, v, keep[:, None])), weights, "output")


@mutant(
    "multi-head",
    name="joined without swapping back",
    says="You joined the heads without swapping heads and steps back. Each step's output is then made of "
    "numbers of other steps.",
)
def heads_not_swapped_back(x, weights, heads, keep):
    q, k, v = (_cut(part, heads) for part in _parts(x, weights))
    return _projected(_attended(q, k, v, keep[:, None]).reshape(x.shape), weights, "output")


@mutant(
    "multi-head",
    name="heads interleaved",
    says="Your first head takes every h-th number. Heads are neighbouring slices: the first d/h numbers are "
    "the first head's.",
)
def heads_interleaved(x, weights, heads, keep):
    B, T, d = x.shape
    q, k, v = (part.view(B, T, d // heads, heads).permute(0, 3, 1, 2) for part in _parts(x, weights))
    joined = _attended(q, k, v, keep[:, None]).permute(0, 2, 3, 1).flatten(2)
    return _projected(joined, weights, "output")


@mutant(
    "multi-head",
    name="divided by the root of the whole width",
    says="Inside a head the vectors have width d/h: divide by the root of that, not of d.",
)
def heads_scaled_by_width(x, weights, heads, keep):
    q, k, v = (_cut(part, heads) for part in _parts(x, weights))
    return _projected(_side_by_side(_attended(q / heads**0.5, k, v, keep[:, None])), weights, "output")


@mutant(
    "multi-head",
    name="one head over the whole width",
    says="You attended once over the whole width. Each head has a softmax of its own over its slice of the "
    "numbers.",
)
def heads_one(x, weights, heads, keep):
    return _projected(_attended(*_parts(x, weights), keep), weights, "output")


@mutant(
    "multi-head",
    name="mask laid over the heads instead of the histories",
    says="Your mask (B, T, T) met scores of shape (B, h, T, T): torch lined its histories up with the heads. "
    "Give it a dimension for the heads, keep[:, None].",
)
def heads_mask_misplaced(x, weights, heads, keep):
    q, k, v = (_cut(part, heads) for part in _parts(x, weights))
    return _projected(_side_by_side(_attended(q, k, v, keep)), weights, "output")


@mutant(
    "multi-head",
    name="mask forgotten",
    says="You did not use the mask: every step sees every other, the future and the padding too.",
)
def heads_no_mask(x, weights, heads, keep):
    q, k, v = (_cut(part, heads) for part in _parts(x, weights))
    return _projected(_side_by_side(_attended(q, k, v, torch.ones_like(keep[:, None]))), weights, "output")


@mutant(
    "multi-head",
    name="no output matrix",
    says="You stopped at the joined heads. One last matrix and bias, `output`, let the heads mix.",
)
def heads_no_output(x, weights, heads, keep):
    q, k, v = (_cut(part, heads) for part in _parts(x, weights))
    return _side_by_side(_attended(q, k, v, keep[:, None]))


@mutant(
    "multi-head",
    name="biases forgotten",
    says="You left out the biases: each of the four maps is x Wᵀ + b.",
)
def heads_no_bias(x, weights, heads, keep):
    bare = {name: part * ("weight" in name) for name, part in weights.items()}
    q, k, v = (_cut(part, heads) for part in _parts(x, bare))
    return _projected(_side_by_side(_attended(q, k, v, keep[:, None])), bare, "output")


@mutant(
    "multi-head",
    name="matrices not transposed",
    says="The matrices have shape (out, in), as nn.Linear keeps them: for rows of inputs that is x "
    "@ W.T + b.",
)
def heads_not_transposed(x, weights, heads, keep):
    turned = {name: part.T if "weight" in name else part for name, part in weights.items()}
    q, k, v = (_cut(part, heads) for part in _parts(x, turned))
    return _projected(_side_by_side(_attended(q, k, v, keep[:, None])), turned, "output")


@mutant(
    "multi-head",
    name="values not projected",
    says="You passed x itself on. What a step passes on is its value, x W_V + b_V.",
)
def heads_without_values(x, weights, heads, keep):
    q, k, _ = (_cut(part, heads) for part in _parts(x, weights))
    return _projected(_side_by_side(_attended(q, k, _cut(x, heads), keep[:, None])), weights, "output")


# next-item-pairs


def _tokens(rows, length):
    return torch.tensor([row + [0] * (length - len(row)) for row in rows])


def _questions(histories, max_length, *, first=0):
    kept = [[item + 1 for item in history][first:][-(max_length + 1) :] for history in histories]
    return kept, max(map(len, kept)) - 1


@mutant(
    "next-item-pairs",
    name="padded in front",
    says="You padded in front of the courses. Padding goes behind the last one, or the causal mask no longer "
    "keeps it from the real steps.",
)
def pairs_padded_in_front(histories, max_length):
    kept, length = _questions(histories, max_length)
    inputs = [[0] * (length + 1 - len(row)) + row[:-1] for row in kept]
    targets = [[0] * (length + 1 - len(row)) + row[1:] for row in kept]
    return torch.tensor(inputs), torch.tensor(targets)


@mutant(
    "next-item-pairs",
    name="rows instead of tokens",
    says="You kept the item rows. The token of row r is r + 1: token 0 is padding, and row 0 is a course.",
)
def pairs_of_rows(histories, max_length):
    kept, length = _questions(histories, max_length)
    rows = [[token - 1 for token in row] for row in kept]
    return _tokens([row[:-1] for row in rows], length), _tokens([row[1:] for row in rows], length)


@mutant(
    "next-item-pairs",
    name="target equal to the input",
    says="Your targets are the inputs themselves. Each step is to predict the NEXT course: shift the targets "
    "by one.",
)
def pairs_not_shifted(histories, max_length):
    kept, length = _questions(histories, max_length)
    inputs = _tokens([row[:-1] for row in kept], length)
    return inputs, inputs.clone()


@mutant(
    "next-item-pairs",
    name="previous instead of next course",
    says="You shifted the other way: your targets are the courses BEFORE the inputs.",
)
def pairs_backwards(histories, max_length):
    kept, length = _questions(histories, max_length)
    return _tokens([row[1:] for row in kept], length), _tokens([row[:-1] for row in kept], length)


@mutant(
    "next-item-pairs",
    name="the oldest courses kept",
    says="Of a long history you kept the beginning. What a learner does next depends more on what came last: "
    "keep the most recent questions.",
)
def pairs_oldest(histories, max_length):
    kept = [[item + 1 for item in history][: max_length + 1] for history in histories]
    length = max(map(len, kept)) - 1
    return _tokens([row[:-1] for row in kept], length), _tokens([row[1:] for row in kept], length)


@mutant(
    "next-item-pairs",
    name="one question too few",
    says="You cut the history to max_length courses. max_length questions need one course more: each "
    "question has an input and a target.",
)
def pairs_one_too_few(histories, max_length):
    kept, length = _questions(histories, max_length - 1)
    return _tokens([row[:-1] for row in kept], length), _tokens([row[1:] for row in kept], length)


@mutant(
    "next-item-pairs",
    name="always max_length wide",
    says="You padded to max_length whatever the histories are. T is the longest that is there: the rest "
    "would be computed for nothing.",
)
def pairs_always_wide(histories, max_length):
    kept, _ = _questions(histories, max_length)
    return _tokens([row[:-1] for row in kept], max_length), _tokens([row[1:] for row in kept], max_length)


@mutant(
    "next-item-pairs",
    name="the last course left among the inputs",
    says="In shorter histories the last course stands among your inputs, with padding as its target. There "
    "is nothing to predict after it: the input ends one course earlier.",
)
def pairs_last_input(histories, max_length):
    kept, length = _questions(histories, max_length)
    tokens = _tokens(kept, length + 1)
    return tokens[:, :-1], tokens[:, 1:]


@mutant(
    "next-item-pairs",
    name="only the last course is a target",
    says="Only your last step has a target. Under a causal mask every step can be asked, all at once: that "
    "is where SASRec's many questions come from.",
)
def pairs_last_target(histories, max_length):
    kept, length = _questions(histories, max_length)
    last = [[0] * (len(row) - 2) + row[-1:] for row in kept]
    return _tokens([row[:-1] for row in kept], length), _tokens(last, length)


# sasrec-loss


def _logits(states, table, tokens):
    return (states * table[tokens]).sum(dim=-1)


def _costs(states, table, targets, negatives):
    return F.softplus(-_logits(states, table, targets)) + F.softplus(_logits(states, table, negatives))


@mutant(
    "sasrec-loss",
    name="padding counted as questions",
    says="Padded steps are among your questions. Where the target is 0 nothing was asked: leave those steps "
    "out before you take the mean.",
)
def loss_with_padding(states, table, targets, negatives):
    return _costs(states, table, targets, negatives).mean()


@mutant(
    "sasrec-loss",
    name="divided by all steps",
    says="You set padded steps to 0 but divided by all of them. Divide by the number of real steps, or short "
    "histories look easy.",
)
def loss_over_all_steps(states, table, targets, negatives):
    return (_costs(states, table, targets, negatives) * (targets != 0)).mean()


@mutant(
    "sasrec-loss",
    name="mean of the histories' means",
    says="You took the mean of each history first. Then a step in a short history counts more than one in a "
    "long history: take one mean over all real steps of the batch.",
)
def loss_by_history(states, table, targets, negatives):
    real = targets != 0
    costs = torch.where(real, _costs(states, table, targets, negatives), 0.0)
    return (costs.sum(dim=1) / real.sum(dim=1).clamp(min=1)).mean()


@mutant(
    "sasrec-loss",
    name="half the loss",
    says="You took the mean of the yes and the no. The paper adds the two up, and divides by the number of "
    "steps only.",
)
def loss_halved(states, table, targets, negatives):
    return _costs(states, table, targets, negatives)[targets != 0].mean() / 2


@mutant(
    "sasrec-loss",
    name="sign of the negative",
    says="You reward a high score of the negative. Its part is -log(1 - σ(x)), which is softplus(x), not "
    "softplus(-x).",
)
def loss_negative_sign(states, table, targets, negatives):
    yes, no = (_logits(states, table, tokens) for tokens in (targets, negatives))
    return (F.softplus(-yes) + F.softplus(-no))[targets != 0].mean()


@mutant(
    "sasrec-loss",
    name="only the positives",
    says="Your negatives cost nothing. A model that says yes to every course then has the best loss.",
)
def loss_positives(states, table, targets, negatives):
    return F.softplus(-_logits(states, table, targets))[targets != 0].mean()


@mutant(
    "sasrec-loss",
    name="difference instead of two questions",
    says="This is BPR: it looks at the difference of the two scores. SASRec asks two separate questions, a "
    "yes and a no.",
)
def loss_bpr(states, table, targets, negatives):
    yes, no = (_logits(states, table, tokens) for tokens in (targets, negatives))
    return F.softplus(no - yes)[targets != 0].mean()


@mutant(
    "sasrec-loss",
    name="logarithm of the sigmoid as it stands",
    says="For large scores the sigmoid is exactly 1 or 0, and the logarithm of 0 is minus infinity. Use "
    "softplus, as in lesson 05.",
)
def loss_naive(states, table, targets, negatives):
    yes, no = (torch.sigmoid(_logits(states, table, tokens)) for tokens in (targets, negatives))
    return -(torch.log(yes) + torch.log(1 - no))[targets != 0].mean()


@mutant(
    "sasrec-loss",
    name="only the last step",
    says="You asked the last step alone. Every real step of every history is a question.",
)
def loss_last_step(states, table, targets, negatives):
    costs = _costs(states, table, targets, negatives)
    last = (targets != 0).sum(dim=1) - 1
    return costs[torch.arange(len(costs)), last].mean()


# mask-items


def _hidden(tokens, draws, share):
    return (tokens != 0) & (draws < share)


def _with_last(tokens, hidden):
    steps = torch.arange(tokens.shape[1])
    last = steps == (tokens != 0).sum(dim=1, keepdim=True) - 1
    return torch.where(hidden.any(dim=1, keepdim=True), hidden, last)


def _cloze(tokens, hidden, mask):
    return torch.where(hidden, mask, tokens), torch.where(hidden, tokens, 0)


@mutant(
    "mask-items",
    name="padding hidden too",
    says="You hid padding. There is nothing to guess behind the end of a history: only real courses can be "
    "hidden.",
)
def cloze_padding(tokens, draws, share, mask):
    return _cloze(tokens, _with_last(tokens, draws < share), mask)


@mutant(
    "mask-items",
    name="a target at every step",
    says="Your targets hold every course. Steps that are not hidden can see their own answer, and learn to "
    "copy: their target is 0.",
)
def cloze_all_targets(tokens, draws, share, mask):
    hidden = _with_last(tokens, _hidden(tokens, draws, share))
    return torch.where(hidden, mask, tokens), tokens.clone()


@mutant(
    "mask-items",
    name="hidden where the draw is above the share",
    says="You hid courses whose draw is NOT below the share. With a share of 0.2 that hides four in five.",
)
def cloze_above(tokens, draws, share, mask):
    hidden = (tokens != 0) & (draws >= share)
    return _cloze(tokens, _with_last(tokens, hidden), mask)


@mutant(
    "mask-items",
    name="the share itself included",
    says="A draw equal to the share hides nothing: the draw must be below it.",
)
def cloze_up_to(tokens, draws, share, mask):
    hidden = (tokens != 0) & (draws <= share)
    return _cloze(tokens, _with_last(tokens, hidden), mask)


@mutant(
    "mask-items",
    name="nothing hidden in some histories",
    says="A history in which no draw is below the share asks no question in your version. Hide its last "
    "course then.",
)
def cloze_nothing(tokens, draws, share, mask):
    return _cloze(tokens, _hidden(tokens, draws, share), mask)


@mutant(
    "mask-items",
    name="the first course instead of the last",
    says="Where nothing was drawn you hid the first course. It is the last one that prediction will ask for.",
)
def cloze_first(tokens, draws, share, mask):
    hidden, steps = _hidden(tokens, draws, share), torch.arange(tokens.shape[1])
    first = (steps == 0) & (tokens != 0)
    return _cloze(tokens, torch.where(hidden.any(dim=1, keepdim=True), hidden, first), mask)


@mutant(
    "mask-items",
    name="the last column instead of the last course",
    says="Where nothing was drawn you hid the last column, which is padding in a short history. The last "
    "course is the last token that is not 0.",
)
def cloze_last_column(tokens, draws, share, mask):
    hidden, steps = _hidden(tokens, draws, share), torch.arange(tokens.shape[1])
    last = (steps == tokens.shape[1] - 1).expand_as(tokens)
    return _cloze(tokens, torch.where(hidden.any(dim=1, keepdim=True), hidden, last), mask)


@mutant(
    "mask-items",
    name="the last course always hidden",
    says="You hid the last course of every history, drawn or not. Only where nothing was drawn does it stand "
    "in.",
)
def cloze_always_last(tokens, draws, share, mask):
    hidden, nothing = _hidden(tokens, draws, share), torch.zeros_like(tokens, dtype=torch.bool)
    return _cloze(tokens, hidden | _with_last(tokens, nothing), mask)


@mutant(
    "mask-items",
    name="hidden courses left out of the input",
    says="You put 0 where a course is hidden. That is padding: nobody looks at it, and nobody is asked "
    "there. A hidden course leaves the mask token behind.",
)
def cloze_zero(tokens, draws, share, mask):
    return _cloze(tokens, _with_last(tokens, _hidden(tokens, draws, share)), 0)
