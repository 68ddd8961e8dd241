"""Three ways to say that what came next should stand above what did not.

In all of them h · e_i + b_i is the score of item i after the state h. What the state has seen is left out: a
user who has met something is not recommended it again, and since the same embeddings stand for an item in a
history and as a candidate, the two would pull in opposite directions. So nothing pushes down what is in a
history, and its items score high after it: leave them out when ranking, as `recommend` does.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

LOSSES = ("softmax", "sampled", "bce")


def first_steps(tokens: Tensor, n_items: int) -> Tensor:
    """(B, n_items) the step at which each item stands in (B, T) tokens first; T where it does not.

    What is no item, padding or a mask, is passed over.
    """
    B, T = tokens.shape
    first = torch.full((B, 1 + n_items), T, device=tokens.device)
    steps = torch.arange(T, device=tokens.device).expand(B, T)
    return first.scatter_reduce(1, torch.where(tokens <= n_items, tokens, 0), steps, "amin")[:, 1:]


def softmax_loss(states: Tensor, items: Tensor, table: Tensor, bias: Tensor, seen: Tensor) -> Tensor:
    """Cross-entropy over the item that came and all that the state has not seen, -ln softmax_i; the mean, ().

    Args:
        states: (N, d) h.
        items: (N,) the row of the item that came after each. It counts though it was seen before.
        table: (n_items, d) item embeddings e.
        bias: (n_items,) b.
        seen: (N, S) tokens of what each state has seen, with 0 in the places that are free.
    """
    # Striking out S places of a row costs less than comparing all items. The free places strike column 0.
    columns = seen.masked_fill((seen == items[:, None] + 1) | (seen > len(table)), 0)
    scores = F.pad(F.linear(states, table, bias), (1, 0)).scatter(1, columns, -math.inf)
    return F.cross_entropy(scores.index_fill(1, items.new_zeros(1), -math.inf), items + 1)


def sampled_softmax_loss(
    states: Tensor, items: Tensor, table: Tensor, bias: Tensor, left_out: Tensor, drawn: Tensor
) -> Tensor:
    """The same with n drawn items in the place of the catalogue: cheap where that is large.

    Each of the n stands for n_items / n others, so the logarithm of that is added to its score, and the sum
    over the negatives is right on average.

    Args:
        states, items, table, bias: as in `softmax_loss`.
        left_out: (N, n) bool, which of the drawn items each state has seen.
        drawn: (n,) rows of items, drawn uniformly, the same for all states.
    """
    positive = (states * table[items]).sum(dim=1, keepdim=True) + bias[items, None]
    others = F.linear(states, table[drawn], bias[drawn]) + math.log(len(table) / len(drawn))
    others = others.masked_fill(left_out | (drawn == items[:, None]), -math.inf)
    return F.cross_entropy(torch.cat([positive, others], dim=1), torch.zeros_like(items))


def binary_loss(states: Tensor, items: Tensor, table: Tensor, bias: Tensor, negatives: Tensor) -> Tensor:
    """-ln σ(ŷ_i) - ln(1 - σ(ŷ_j)), j being one of `negatives` (N,) for each state; the mean, ().

    Kang and McAuley (2018), equation 6.
    """
    rows = torch.stack([items, negatives])  # (2, N)
    positive, negative = (states * table[rows]).sum(dim=-1) + bias[rows]
    return (F.softplus(-positive) + F.softplus(negative)).mean()


def unmet(met: Tensor, users: Tensor) -> Tensor:
    """(N,) items drawn uniformly from those that each user never met; of one who met all, any of them.

    Args:
        met: (B, n_items) bool.
        users: (N,) rows of `met`.
    """
    taken = met & ~met.all(dim=1, keepdim=True)
    drawn = torch.randint(met.shape[1], users.shape, device=users.device)
    again = taken[users, drawn].nonzero()[:, 0]
    while len(again):
        drawn[again] = torch.randint(met.shape[1], again.shape, device=users.device)
        again = again[taken[users[again], drawn[again]]]
    return drawn
