"""Plausible wrong answers to the exercises of lesson 05, each with what to tell the learner."""

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional as F

import coursekit
from coursekit.models.ncf.network import NCFNetwork
from coursekit.models.ncf.pretraining import fuse
from tests.lessons.mutants import mutant


def _negatives_by_library(users, seen, n, seed):
    return coursekit.sample_negatives(sparse.csr_array(seen), users, n, rng=seed)


def _gmf_by_library(p, q, h):
    network = NCFNetwork(len(p), q.shape[-2], p.shape[1], layers=())
    return F.linear(network._dot(p[:, None], q), torch.eye(q.shape[-2]) * h.sum())


def _tower_by_library(p, q, weights, biases):
    network = NCFNetwork(len(p), len(q), 0, p.shape[-1], [len(weight) for weight in weights])
    return network.hidden(torch.arange(len(p)), torch.arange(len(q)), p, q)


def _fused_by_library(p, q, hidden, h, bias):
    network = NCFNetwork(len(p), len(q), p.shape[1], hidden.shape[1], (hidden.shape[1],))
    return network(torch.arange(len(p)), torch.arange(len(q)))


def _pretrained_by_library(h_gmf, b_gmf, h_mlp, b_mlp, alpha):
    sizes = {"embedding": len(h_mlp), "layers": (len(h_mlp),)}
    parts = (len(h_gmf), {"layers": ()}), (0, sizes), (len(h_gmf), sizes)
    gmf, mlp, network = (NCFNetwork(1, 1, factors, **more) for factors, more in parts)
    fuse(network, gmf, mlp, alpha)
    return network.output.weight[0], network.output.bias[0]


SHORTCUTS = {
    "bce-with-logits": F.binary_cross_entropy_with_logits,
    "sample-negatives": _negatives_by_library,
    "gmf-scores": _gmf_by_library,
    "mlp-tower": _tower_by_library,
    "neumf-scores": _fused_by_library,
    "pretrained-output": _pretrained_by_library,
}


# bce-with-logits


@mutant(
    "bce-with-logits",
    name="logarithm of the sigmoid as it stands",
    says="For large logits the sigmoid is exactly 1 or 0, and the logarithm of 0 is minus infinity. Use the "
    "form with max(x, 0) and e to the minus |x|, which never overflows.",
)
def bce_naive(logits, labels):
    chance = torch.sigmoid(logits)
    return -(labels * torch.log(chance) + (1 - labels) * torch.log(1 - chance)).mean()


@mutant(
    "bce-with-logits",
    name="a small number inside the logarithm",
    says="You added a small number inside the logarithm (or cut the probabilities off). Nothing overflows "
    "any more, but the loss of a confident mistake stops growing, and its gradient is 0. Rewrite the "
    "formula instead.",
)
def bce_epsilon(logits, labels):
    chance = torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7)
    return -(labels * torch.log(chance) + (1 - labels) * torch.log(1 - chance)).mean()


@mutant(
    "bce-with-logits",
    name="sum instead of mean",
    says="You added the losses up. Take the mean over all entries, or the step size depends on the size of "
    "the batch.",
)
def bce_sum(logits, labels):
    return (logits.clamp(min=0) - logits * labels + torch.log1p(torch.exp(-logits.abs()))).sum()


@mutant(
    "bce-with-logits",
    name="sign lost",
    says="Your loss is negative: you return the log-likelihood, which training would push down, away from "
    "the data. The loss is its negative.",
)
def bce_sign(logits, labels):
    return (logits * labels - logits.clamp(min=0) - torch.log1p(torch.exp(-logits.abs()))).mean()


@mutant(
    "bce-with-logits",
    name="only the positives count",
    says="Only the entries with label 1 cost something. The noes must count too, or saying yes to everything "
    "is best.",
)
def bce_positives(logits, labels):
    return (labels * ((-logits).clamp(min=0) + torch.log1p(torch.exp(-logits.abs())))).mean()


@mutant(
    "bce-with-logits",
    name="labels the wrong way round",
    says="A confident yes costs most where the answer was yes: your labels are the wrong way round.",
)
def bce_flipped(logits, labels):
    return (logits.clamp(min=0) - logits * (1 - labels) + torch.log1p(torch.exp(-logits.abs()))).mean()


@mutant(
    "bce-with-logits",
    name="squared error of the probability",
    says="This is the squared error of the probability. It stays below 1 however wrong a confident answer "
    "is, and its gradient fades just there. Asked for is the cross-entropy.",
)
def bce_squared(logits, labels):
    return ((torch.sigmoid(logits) - labels) ** 2).mean()


@mutant(
    "bce-with-logits",
    name="mean of each row",
    says="You took the mean of each row. The loss is one number: the mean over all entries, of shape ().",
)
def bce_rows(logits, labels):
    return (logits.clamp(min=0) - logits * labels + torch.log1p(torch.exp(-logits.abs()))).mean(
        dim=-1, keepdim=True
    )


# sample-negatives


def _drawn_again(rng, rows, drawn, rounds=10_000):
    n_items = rows.shape[1]
    for _ in range(rounds):
        hit = np.take_along_axis(rows, drawn, axis=1)
        if not hit.any():
            break
        drawn[hit] = rng.integers(n_items, size=hit.sum())
    return drawn


@mutant(
    "sample-negatives",
    name="taken items not left out",
    says="Some of your noes are courses that the user has taken. The model is then told yes and no about one "
    "pair: look each draw up in `seen`, and draw the hits again.",
)
def negatives_any(users, seen, n, seed):
    return np.random.default_rng(seed).integers(seen.shape[1], size=(len(users), n))


@mutant(
    "sample-negatives",
    name="rows by place instead of by user",
    says="Row b of the answer belongs to users[b], whose history is seen[users[b]]. You looked at seen[b].",
)
def negatives_by_place(users, seen, n, seed):
    rng, rows = np.random.default_rng(seed), seen[: len(users)]
    return _drawn_again(rng, rows, rng.integers(seen.shape[1], size=(len(users), n)))


@mutant(
    "sample-negatives",
    name="hits drawn again only once",
    says="What you draw the second time may be a hit again. Go on until no hit is left.",
)
def negatives_once(users, seen, n, seed):
    generator = np.random.default_rng(seed)
    drawn = generator.integers(seen.shape[1], size=(len(users), n))
    return _drawn_again(generator, seen[users], drawn, rounds=1)


@mutant(
    "sample-negatives",
    name="next free item instead of a new draw",
    says="Where you hit a taken course you move on to the next free one. That one then comes too often: for "
    "it, and for all the taken ones before it. Draw again instead.",
)
def negatives_next(users, seen, n, seed):
    rng, rows = np.random.default_rng(seed), seen[users]
    drawn = rng.integers(seen.shape[1], size=(len(users), n))
    for _ in range(seen.shape[1]):
        drawn = (drawn + np.take_along_axis(rows, drawn, axis=1)) % seen.shape[1]
    return drawn


@mutant(
    "sample-negatives",
    name="the last item is never drawn",
    says="The last course never comes: the upper end of rng.integers is not included, so it must be the "
    "number of items, not that minus 1.",
)
def negatives_but_last(users, seen, n, seed):
    rng, n_items = np.random.default_rng(seed), seen.shape[1] - 1
    return _drawn_again(rng, seen[users, :n_items], rng.integers(n_items, size=(len(users), n)))


@mutant(
    "sample-negatives",
    name="no item twice in a row",
    says="You draw without replacement, so a row can be no longer than what the user has left. Draws are "
    "independent here: an item may come twice.",
)
def negatives_distinct(users, seen, n, seed):
    generator = np.random.default_rng(seed)
    return np.stack([generator.choice(np.flatnonzero(~seen[user]), n, replace=False) for user in users])


@mutant(
    "sample-negatives",
    name="only items that nobody in the batch has taken",
    says="You left out what *any* of these users has taken, and so popular courses are never a no. Each row "
    "has its own user: leave out what that one has taken.",
)
def negatives_of_nobody(users, seen, n, seed):
    free = np.flatnonzero(~seen[users].any(axis=0))
    free = free if len(free) else np.arange(seen.shape[1])
    return np.random.default_rng(seed).choice(free, size=(len(users), n))


@mutant(
    "sample-negatives",
    name="a new generator for every row",
    says="You make a generator of the same seed for every row, so a user who comes twice gets the same draws "
    "twice. Make one generator, and draw everything from it.",
)
def negatives_restarted(users, seen, n, seed):
    return np.stack([np.random.default_rng(seed).choice(np.flatnonzero(~seen[user]), n) for user in users])


@mutant(
    "sample-negatives",
    name="the seed is not used",
    says="Your draws do not depend on the seed, so every epoch would see the same noes. Give the seed to "
    "default_rng.",
)
def negatives_seedless(users, seen, n, seed):
    rng = np.random.default_rng(0)
    return _drawn_again(rng, seen[users], rng.integers(seen.shape[1], size=(len(users), n)))


# gmf-scores


def _with_users(p):
    return p.unsqueeze(1)


@mutant(
    "gmf-scores",
    name="without the weights",
    says="This is the plain dot product. Multiply each product by its weight in h before you add them up.",
)
def gmf_plain(p, q, h):
    return (_with_users(p) * q).sum(dim=-1)


@mutant(
    "gmf-scores",
    name="weights on both sides",
    says="You weighted the user and the item, so every weight counts squared. Each product has one weight.",
)
def gmf_twice(p, q, h):
    return (_with_users(p) * h * (q * h)).sum(dim=-1)


@mutant(
    "gmf-scores",
    name="sum instead of product of user and item",
    says="You added the two vectors. GMF multiplies them element by element: without a product, every user "
    "gets the same order of courses.",
)
def gmf_added(p, q, h):
    return ((_with_users(p) + q) * h).sum(dim=-1)


@mutant(
    "gmf-scores",
    name="mean over the factors",
    says="You took the mean over the factors. The logit is the sum of the weighted products.",
)
def gmf_mean(p, q, h):
    return (_with_users(p) * q * h).mean(dim=-1)


@mutant(
    "gmf-scores",
    name="sum over the candidates",
    says="You summed over the candidates. Sum over the factors, the last dimension, so that each candidate "
    "keeps a logit of its own.",
)
def gmf_wrong_axis(p, q, h):
    return (_with_users(p) * q * h).sum(dim=1)


@mutant(
    "gmf-scores",
    name="probabilities instead of logits",
    says="You applied the sigmoid. Return the logits; the loss applies it, in the form that does not "
    "overflow.",
)
def gmf_sigmoid(p, q, h):
    return torch.sigmoid((_with_users(p) * q * h).sum(dim=-1))


@mutant(
    "gmf-scores",
    name="products not added up",
    says="You return one number for each factor. Add the weighted products up, to one logit for each "
    "candidate.",
)
def gmf_unsummed(p, q, h):
    return _with_users(p) * q * h


# mlp-tower


def _tower(p, q, weights, biases, activation=torch.relu):
    z = torch.cat([p, q], dim=-1)
    for weight, bias in zip(weights, biases, strict=True):
        z = activation(z @ weight.T + bias)
    return z


@mutant(
    "mlp-tower",
    name="no ReLU after the last layer",
    says="Your last hidden layer has no ReLU. Asked for is the last *hidden* layer: what follows it is h, "
    "without activation, and that is not part of the tower.",
)
def tower_open(p, q, weights, biases):
    z = _tower(p, q, weights[:-1], biases[:-1])
    return z @ weights[-1].T + biases[-1]


@mutant(
    "mlp-tower",
    name="no ReLU at all",
    says="Without a ReLU between them, layers collapse into one matrix, and a matrix cannot let the user and "
    "the item meet: it adds a part for the one to a part for the other.",
)
def tower_linear(p, q, weights, biases):
    return _tower(p, q, weights, biases, activation=lambda z: z)


@mutant(
    "mlp-tower",
    name="the item first",
    says="You put the item before the user. The weights expect the user's numbers in the first columns.",
)
def tower_item_first(p, q, weights, biases):
    return _tower(q, p, weights, biases)


@mutant(
    "mlp-tower",
    name="bias forgotten",
    says="You left out the biases: each layer is W z + b.",
)
def tower_no_bias(p, q, weights, biases):
    return _tower(p, q, weights, [0 * bias for bias in biases])


@mutant(
    "mlp-tower",
    name="bias after the ReLU",
    says="You add the bias after the ReLU. It belongs inside, where it moves the point at which a unit "
    "switches on.",
)
def tower_late_bias(p, q, weights, biases):
    z = torch.cat([p, q], dim=-1)
    for weight, bias in zip(weights, biases, strict=True):
        z = torch.relu(z @ weight.T) + bias
    return z


@mutant(
    "mlp-tower",
    name="sigmoid instead of ReLU",
    says="You used the sigmoid. In deep towers it flattens gradients; the paper, and this exercise, use "
    "ReLU.",
)
def tower_sigmoid(p, q, weights, biases):
    return _tower(p, q, weights, biases, activation=torch.sigmoid)


@mutant(
    "mlp-tower",
    name="weights not transposed",
    says="The weights have shape (out, in), as nn.Linear keeps them. For rows of inputs that is z @ weight.T "
    "+ bias.",
)
def tower_not_transposed(p, q, weights, biases):
    return _tower(p, q, [weight.T for weight in weights], biases)


@mutant(
    "mlp-tower",
    name="joined along the second dimension",
    says="You joined along dimension 1. With candidates for each user the tensors have three dimensions, and "
    "the numbers stand in the last: use dim=-1.",
)
def tower_second_dimension(p, q, weights, biases):
    z = torch.cat([p, q], dim=1)
    for weight, bias in zip(weights, biases, strict=True):
        z = torch.relu(z @ weight.T + bias)
    return z


@mutant(
    "mlp-tower",
    name="only the first layer",
    says="Your tower stops after its first layer. Let each layer read what the one before it gave.",
)
def tower_one_layer(p, q, weights, biases):
    return _tower(p, q, weights[:1], biases[:1])


# neumf-scores


@mutant(
    "neumf-scores",
    name="the tower first",
    says="You put the tower's layer before the products. The first weights in h belong to the products p ⊙ "
    "q.",
)
def fused_tower_first(p, q, hidden, h, bias):
    return torch.cat([hidden, p * q], dim=1) @ h + bias


@mutant(
    "neumf-scores",
    name="embeddings added instead of multiplied",
    says="You added p and q. The GMF half is their product, element by element.",
)
def fused_sum(p, q, hidden, h, bias):
    return torch.cat([p + q, hidden], dim=1) @ h + bias


@mutant(
    "neumf-scores",
    name="bias forgotten",
    says="You left the bias out. It carries how rare a yes is among all the noes.",
)
def fused_no_bias(p, q, hidden, h, bias):
    return torch.cat([p * q, hidden], dim=1) @ h


@mutant(
    "neumf-scores",
    name="the halves added instead of joined",
    says="You added the two halves. They stand side by side, each with weights of its own, and may differ in "
    "width.",
)
def fused_added(p, q, hidden, h, bias):
    return (p * q + hidden) @ h[: p.shape[1]] + bias


@mutant(
    "neumf-scores",
    name="a ReLU around everything",
    says="You applied a ReLU to the joined vector. Products of GMF may be negative: that is how it says no.",
)
def fused_relu(p, q, hidden, h, bias):
    return torch.relu(torch.cat([p * q, hidden], dim=1)) @ h + bias


@mutant(
    "neumf-scores",
    name="dot product beside the tower",
    says="You added the plain dot product of p and q to the tower's part. In NeuMF each product has its "
    "weight in h.",
)
def fused_dot(p, q, hidden, h, bias):
    return (p * q).sum(dim=1) + hidden @ h[p.shape[1] :] + bias


@mutant(
    "neumf-scores",
    name="probabilities instead of logits",
    says="You applied the sigmoid. Return the logits; the loss applies it, in the form that does not "
    "overflow.",
)
def fused_sigmoid(p, q, hidden, h, bias):
    return torch.sigmoid(torch.cat([p * q, hidden], dim=1) @ h + bias)


# pretrained-output


@mutant(
    "pretrained-output",
    name="joined without alpha",
    says="You joined the two vectors as they are. The logits of both models then add up, and the fused model "
    "starts twice as confident as either: scale the parts by alpha and 1 - alpha.",
)
def pretrained_unscaled(h_gmf, b_gmf, h_mlp, b_mlp, alpha):
    return torch.cat([h_gmf, h_mlp]), b_gmf + b_mlp


@mutant(
    "pretrained-output",
    name="alpha for the wrong half",
    says="You gave alpha to the MLP. It says how much of the start comes from GMF; the MLP gets 1 - alpha.",
)
def pretrained_swapped(h_gmf, b_gmf, h_mlp, b_mlp, alpha):
    return torch.cat([(1 - alpha) * h_gmf, alpha * h_mlp]), (1 - alpha) * b_gmf + alpha * b_mlp


@mutant(
    "pretrained-output",
    name="alpha for both halves",
    says="You scaled both halves by alpha. The MLP's half gets 1 - alpha, so that the start is a mean of two "
    "models.",
)
def pretrained_same(h_gmf, b_gmf, h_mlp, b_mlp, alpha):
    return torch.cat([alpha * h_gmf, alpha * h_mlp]), alpha * b_gmf + alpha * b_mlp


@mutant(
    "pretrained-output",
    name="biases added without alpha",
    says="You scaled the weights but added the biases as they are. They are part of the same two logits: "
    "scale them too.",
)
def pretrained_biases(h_gmf, b_gmf, h_mlp, b_mlp, alpha):
    return torch.cat([alpha * h_gmf, (1 - alpha) * h_mlp]), b_gmf + b_mlp


@mutant(
    "pretrained-output",
    name="biases halved whatever alpha is",
    says="You took the plain mean of the biases. It is right for alpha = 0.5 only: weigh them by alpha and 1 "
    "- alpha.",
)
def pretrained_mean_bias(h_gmf, b_gmf, h_mlp, b_mlp, alpha):
    return torch.cat([alpha * h_gmf, (1 - alpha) * h_mlp]), (b_gmf + b_mlp) / 2


@mutant(
    "pretrained-output",
    name="the MLP first",
    says="You put the MLP's weights first. In NeuMF the first weights belong to GMF's products.",
)
def pretrained_mlp_first(h_gmf, b_gmf, h_mlp, b_mlp, alpha):
    return torch.cat([(1 - alpha) * h_mlp, alpha * h_gmf]), alpha * b_gmf + (1 - alpha) * b_mlp


@mutant(
    "pretrained-output",
    name="added instead of joined",
    says="You added the two vectors. They weigh different things and stand one behind the other: d + w "
    "numbers.",
)
def pretrained_added(h_gmf, b_gmf, h_mlp, b_mlp, alpha):
    return alpha * h_gmf + (1 - alpha) * h_mlp, alpha * b_gmf + (1 - alpha) * b_mlp
