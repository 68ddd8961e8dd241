"""Plausible wrong answers to the exercises of lesson 04, each with what to tell the learner."""

import numpy as np
import torch
from scipy import sparse

from coursekit.models.factorization.als import solve_side
from coursekit.models.factorization.autorec import AutoRecNetwork
from coursekit.models.factorization.fm import FMSide
from coursekit.models.factorization.network import SquaredErrorNetwork, bpr_loss
from coursekit.models.factorization.rows import RowBatch
from coursekit.models.pairs import RatingBatch
from tests.lessons.mutants import mutant


def _sgd_by_library(p, q, b_u, b_i, mu, rating, rate, l2):
    network = SquaredErrorNetwork([True], [True], len(p), mu, regularization=l2)
    before = np.append(p, b_u), np.append(q, b_i)
    for side, row in zip((network.users, network.items), before, strict=True):
        side.weight.data = torch.tensor(row)[None]
    only = torch.zeros(1, dtype=torch.int64)
    network.loss(RatingBatch(only, only[:, None], torch.tensor([rating]))).backward()
    sides = network.users.weight, network.items.weight
    user, item = ((side - rate / 2 * side.grad)[0].detach().numpy() for side in sides)
    return user[:-1], item[:-1], float(user[-1]), float(item[-1])


def _bpr_by_library(positive, negative):
    return float(bpr_loss(torch.tensor(np.column_stack([positive, negative]))))


def _als_by_library(Y, counts, alpha, l2):
    return solve_side(Y, sparse.csr_array(alpha * counts[None].astype(float)), l2)[0]


def _fm_by_library(X, w0, w, V):
    side = FMSide(np.zeros(len(X), bool), X, V.shape[1], 0.1)
    side.of_features.data = torch.tensor(np.column_stack([V, w]))
    side.features = torch.tensor(X)
    return w0 + side.double()(torch.arange(len(X)))[1].detach().numpy()


def _autorec_by_library(R, V, mu, W, b, l2):
    network = AutoRecNetwork(R.shape, len(V))
    tables = {"encoder.weight": V, "encoder.bias": mu, "decoder.weight": W, "decoder.bias": b}
    network.double().load_state_dict({name: torch.tensor(table) for name, table in tables.items()})
    known = ~np.isnan(R)
    batch = RowBatch(torch.tensor(np.nan_to_num(R)), torch.tensor(known.astype(float)))
    return float(network.loss(batch)) * known.sum() + l2 / 2 * ((V**2).sum() + (W**2).sum())


SHORTCUTS = {
    "sgd-step": _sgd_by_library,
    "optimiser-step": None,
    "bpr-loss": _bpr_by_library,
    "als-user": _als_by_library,
    "fm-scores": _fm_by_library,
    "autorec-loss": _autorec_by_library,
}


# sgd-step


def _error(p, q, b_u, b_i, mu, rating):
    return rating - (mu + b_u + b_i + p @ q)


def _moved(p, q, b_u, b_i, e, rate, l2):
    vectors = p + rate * (e * q - l2 * p), q + rate * (e * p - l2 * q)
    return *vectors, b_u + rate * (e - l2 * b_u), b_i + rate * (e - l2 * b_i)


@mutant(
    "sgd-step",
    name="the new p moves q",
    says="You changed p first and then used the new p to change q. Both gradients belong to the same moment: "
    "compute both from the old values, then assign.",
)
def sgd_new_p(p, q, b_u, b_i, mu, rating, rate, l2):
    e = _error(p, q, b_u, b_i, mu, rating)
    new = p + rate * (e * q - l2 * p)
    return new, *_moved(new, q, b_u, b_i, e, rate, l2)[1:]


@mutant(
    "sgd-step",
    name="away from the rating",
    says="Your step goes the wrong way: after it the prediction is further from the rating. With the error "
    "e = rating - prediction, e times q is added to p.",
)
def sgd_uphill(p, q, b_u, b_i, mu, rating, rate, l2):
    return _moved(p, q, b_u, b_i, -_error(p, q, b_u, b_i, mu, rating), rate, l2)


@mutant(
    "sgd-step",
    name="biases without L2",
    says="You shrink the two vectors, but not the two biases. In our loss λ stands before all four squares.",
)
def sgd_free_biases(p, q, b_u, b_i, mu, rating, rate, l2):
    e = _error(p, q, b_u, b_i, mu, rating)
    return *_moved(p, q, b_u, b_i, e, rate, l2)[:2], b_u + rate * e, b_i + rate * e


@mutant(
    "sgd-step",
    name="no L2",
    says="Your step only follows the error. Each of the four is also pulled towards zero: subtract λ times "
    "its own old value inside the brackets.",
)
def sgd_no_l2(p, q, b_u, b_i, mu, rating, rate, l2):
    return _moved(p, q, b_u, b_i, _error(p, q, b_u, b_i, mu, rating), rate, 0.0)


@mutant(
    "sgd-step",
    name="L2 not scaled by the learning rate",
    says="You subtract λ times the old value, whatever the learning rate. The pull is part of the gradient, "
    "so the learning rate multiplies it as well.",
)
def sgd_l2_unscaled(p, q, b_u, b_i, mu, rating, rate, l2):
    return _moved(p, q, b_u, b_i, _error(p, q, b_u, b_i, mu, rating), rate, l2 / rate)


@mutant(
    "sgd-step",
    name="prediction without biases",
    says="Your error compares the rating with the dot product alone. The prediction is the mean plus both "
    "biases plus the dot product.",
)
def sgd_dot_only(p, q, b_u, b_i, mu, rating, rate, l2):
    return _moved(p, q, b_u, b_i, rating - p @ q, rate, l2)


@mutant(
    "sgd-step",
    name="biases left alone",
    says="You moved the two vectors and returned the biases as they were. A bias is a parameter too: its "
    "gradient is the error itself.",
)
def sgd_fixed_biases(p, q, b_u, b_i, mu, rating, rate, l2):
    return *_moved(p, q, b_u, b_i, _error(p, q, b_u, b_i, mu, rating), rate, l2)[:2], b_u, b_i


@mutant(
    "sgd-step",
    name="each vector follows itself",
    says="You move p along p and q along q. The derivative of p·q with respect to p is q, and the other way "
    "round.",
)
def sgd_own_vector(p, q, b_u, b_i, mu, rating, rate, l2):
    e = _error(p, q, b_u, b_i, mu, rating)
    vectors = p + rate * (e * p - l2 * p), q + rate * (e * q - l2 * q)
    return *vectors, *_moved(p, q, b_u, b_i, e, rate, l2)[2:]


@mutant(
    "sgd-step",
    name="twice the step",
    says="All your steps are twice as long as they should be. Our loss is half the squared error, so that "
    "the 2 of the derivative cancels.",
)
def sgd_twice(p, q, b_u, b_i, mu, rating, rate, l2):
    return _moved(p, q, b_u, b_i, _error(p, q, b_u, b_i, mu, rating), 2 * rate, l2)


# optimiser-step


def _momentum(x, gradient, m, rate, keep=0.9, new=1.0):
    m = keep * m + new * gradient
    return x - rate * m, m


def _rmsprop(x, gradient, v, rate):
    v = 0.99 * v + 0.01 * gradient**2
    return x - rate * gradient / (np.sqrt(v) + 1e-8), v


def _adam(x, gradient, m, v, t, rate):
    m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
    return x - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def _step(kind, x, gradient, m, v, t, rate, **other):
    """The right step, with another one in the place of the kind that `other` names."""
    if kind in other:
        return other[kind](x, gradient, m, v, t, rate)
    if kind == "sgd":
        return x - rate * gradient, m, v
    if kind == "momentum":
        return *_momentum(x, gradient, m, rate), v
    if kind == "rmsprop":
        x, v = _rmsprop(x, gradient, v, rate)
        return x, m, v
    return _adam(x, gradient, m, v, t, rate)


@mutant(
    "optimiser-step",
    name="uphill",
    says="Your steps climb. The gradient points to where the loss grows: subtract.",
)
def optimiser_uphill(kind, x, gradient, m, v, t, rate):
    return _step(kind, x, gradient, m, v, t, -rate)


@mutant(
    "optimiser-step",
    name="momentum as a mean",
    says="Your velocity is a running mean, 0.9 m + 0.1 g. That is Adam's m. Momentum adds the whole "
    "gradient, 0.9 m + g.",
)
def optimiser_mean_momentum(kind, x, gradient, m, v, t, rate):
    def mean(x, gradient, m, v, t, rate):
        return *_momentum(x, gradient, m, rate, new=0.1), v

    return _step(kind, x, gradient, m, v, t, rate, momentum=mean)


@mutant(
    "optimiser-step",
    name="momentum moves with the old velocity",
    says="Your momentum steps with the velocity of last time. Update m first, then go along the new m.",
)
def optimiser_late_momentum(kind, x, gradient, m, v, t, rate):
    def late(x, gradient, m, v, t, rate):
        return x - rate * m, 0.9 * m + gradient, v

    return _step(kind, x, gradient, m, v, t, rate, momentum=late)


@mutant(
    "optimiser-step",
    name="RMSprop without the square root",
    says="Your RMSprop divides by the mean square. Divide by its root, so that numerator and denominator "
    "have the same unit.",
)
def optimiser_no_root(kind, x, gradient, m, v, t, rate):
    def rootless(x, gradient, m, v, t, rate):
        v = 0.99 * v + 0.01 * gradient**2
        return x - rate * gradient / (v + 1e-8), m, v

    return _step(kind, x, gradient, m, v, t, rate, rmsprop=rootless)


@mutant(
    "optimiser-step",
    name="squares added up for ever",
    says="Your RMSprop adds up all squares (that is AdaGrad), so its steps shrink for ever. RMSprop forgets: "
    "0.99 of the old mean and 0.01 of the new square.",
)
def optimiser_adagrad(kind, x, gradient, m, v, t, rate):
    def adagrad(x, gradient, m, v, t, rate):
        v = v + gradient**2
        return x - rate * gradient / (np.sqrt(v) + 1e-8), m, v

    return _step(kind, x, gradient, m, v, t, rate, rmsprop=adagrad)


@mutant(
    "optimiser-step",
    name="Adam without correction",
    says="Your Adam lacks the bias correction. m and v begin at zero, so early on they are too small: divide "
    "them by 1 - 0.9^t and 1 - 0.999^t.",
)
def optimiser_uncorrected(kind, x, gradient, m, v, t, rate):
    return _step(kind, x, gradient, m, v, np.inf if kind == "adam" else t, rate)


@mutant(
    "optimiser-step",
    name="corrected values kept",
    says="Your Adam returns the corrected m and v, so the next step corrects them again. The correction is "
    "for this step's use only; return the running means themselves.",
)
def optimiser_corrected_state(kind, x, gradient, m, v, t, rate):
    def kept(x, gradient, m, v, t, rate):
        x, m, v = _adam(x, gradient, m, v, t, rate)
        return x, m / (1 - 0.9**t), v / (1 - 0.999**t)

    return _step(kind, x, gradient, m, v, t, rate, adam=kept)


@mutant(
    "optimiser-step",
    name="the correction without t",
    says="Your Adam divides by 1 - 0.9 and 1 - 0.999 at every step. The correction fades: raise 0.9 and "
    "0.999 to the power t.",
)
def optimiser_no_power(kind, x, gradient, m, v, t, rate):
    return _step(kind, x, gradient, m, v, 1 if kind == "adam" else t, rate)


@mutant(
    "optimiser-step",
    name="epsilon under the root",
    says="You add 1e-8 before you take the root, which makes it 1e-4: where gradients are small, your steps "
    "nearly vanish. Take the root first.",
)
def optimiser_epsilon_inside(kind, x, gradient, m, v, t, rate):
    def rmsprop(x, gradient, m, v, t, rate):
        v = 0.99 * v + 0.01 * gradient**2
        return x - rate * gradient / np.sqrt(v + 1e-8), m, v

    def adam(x, gradient, m, v, t, rate):
        _, m, v = _adam(x, gradient, m, v, t, rate)
        return x - rate * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t) + 1e-8), m, v

    return _step(kind, x, gradient, m, v, t, rate, rmsprop=rmsprop, adam=adam)


# bpr-loss


def _softplus(x):
    return np.logaddexp(0, x)


@mutant(
    "bpr-loss",
    name="the logarithm of an underflow",
    says="Your formula is right, but for a difference of -1000 the sigmoid is 0 and its logarithm infinite. "
    "Use -ln σ(d) = ln(1 + e^(-d)), which np.logaddexp(0, -d) computes without overflow.",
)
def bpr_overflow(positive, negative):
    with np.errstate(all="ignore"):
        return float(-np.log(1 / (1 + np.exp(-(positive[:, None] - negative)))).mean())


@mutant(
    "bpr-loss",
    name="a small number inside the logarithm",
    says="You added a small number inside the logarithm. The loss then stops growing where the order is most "
    "wrong, and its gradient vanishes there. Use np.logaddexp(0, -d), which needs no such trick.",
)
def bpr_epsilon(positive, negative):
    with np.errstate(all="ignore"):
        return float(-np.log(1 / (1 + np.exp(-(positive[:, None] - negative))) + 1e-10).mean())


@mutant(
    "bpr-loss",
    name="negative minus positive",
    says="You reward the wrong order: your loss is small where the negative scores higher. The difference is "
    "positive minus negative.",
)
def bpr_reversed(positive, negative):
    return float(_softplus(positive[:, None] - negative).mean())


@mutant(
    "bpr-loss",
    name="sum instead of mean",
    says="You added the pairs up. The loss is their mean, so that the step does not depend on "
    "the batch's size.",
)
def bpr_sum(positive, negative):
    return float(_softplus(negative - positive[:, None]).sum())


@mutant(
    "bpr-loss",
    name="no logarithm",
    says="You average 1 - σ(d). That has almost no gradient where the order is badly wrong; BPR takes "
    "-ln σ(d).",
)
def bpr_no_log(positive, negative):
    return float(np.exp(-_softplus(positive[:, None] - negative)).mean())


@mutant(
    "bpr-loss",
    name="positives along the wrong axis",
    says="Each positive is compared with other users' negatives. positive has shape (B,) and negative "
    "(B, n): make the first one a column with positive[:, None].",
)
def bpr_axis(positive, negative):
    return float(_softplus(negative.T[..., None] - positive).mean())


@mutant(
    "bpr-loss",
    name="each score by itself",
    says="You ask every score by itself whether it has the right sign (that is binary cross-entropy). BPR "
    "looks at the difference of two scores only: add 5 to all, and nothing changes.",
)
def bpr_pointwise(positive, negative):
    return float(np.mean(_softplus(-positive[:, None]) + _softplus(negative)))


@mutant(
    "bpr-loss",
    name="against the mean negative",
    says="You compare each positive with the mean of its negatives. Each negative makes a pair of its own; "
    "take the mean of the losses, not of the scores.",
)
def bpr_mean_first(positive, negative):
    return float(_softplus(negative.mean(axis=1) - positive).mean())


# als-user


def _solved(Y, weight, target, l2):
    return np.linalg.solve(Y.T @ (weight[:, None] * Y) + l2 * np.eye(Y.shape[1]), Y.T @ target)


@mutant(
    "als-user",
    name="only what was taken",
    says="You sum over the items taken and leave all others out. Then nothing keeps the scores of the others "
    "down: they count as well, with preference 0 and confidence 1.",
)
def als_taken_only(Y, counts, alpha, l2):
    taken = (counts > 0).astype(float)
    confidence = (1 + alpha * counts) * taken
    return _solved(Y, confidence, confidence * taken, l2)


@mutant(
    "als-user",
    name="no confidence on the right side",
    says="The confidence weighs the squared errors, so it stands on both sides of the equation. Your right "
    "side is Yᵀp; it should be YᵀCp.",
)
def als_bare_right(Y, counts, alpha, l2):
    return _solved(Y, 1 + alpha * counts, (counts > 0).astype(float), l2)


@mutant(
    "als-user",
    name="no confidence at all",
    says="You solve the plain least squares, in which a 0 counts as much as a 1. Weigh each item by its "
    "confidence 1 + α times the count.",
)
def als_no_confidence(Y, counts, alpha, l2):
    return _solved(Y, np.ones(len(Y)), (counts > 0).astype(float), l2)


@mutant(
    "als-user",
    name="the count as preference",
    says="Your preference is the count. In this model the preference is 1 or 0 (taken or not); how often "
    "goes into the confidence.",
)
def als_count_preference(Y, counts, alpha, l2):
    confidence = 1 + alpha * counts
    return _solved(Y, confidence, confidence * counts, l2)


@mutant(
    "als-user",
    name="confidence without the one",
    says="Your confidence is α times the count, so items not taken weigh nothing. It is 1 + α times "
    "the count.",
)
def als_no_one(Y, counts, alpha, l2):
    return _solved(Y, alpha * counts, alpha * counts, l2)


@mutant(
    "als-user",
    name="λ for every item",
    says="You multiplied λ by the number of items taken. (Some libraries do.) Our loss has λ once before "
    "the squared length of x.",
)
def als_scaled_l2(Y, counts, alpha, l2):
    confidence = 1 + alpha * counts
    return _solved(Y, confidence, confidence * (counts > 0), l2 * (counts > 0).sum())


@mutant(
    "als-user",
    name="no L2",
    says="λ is missing from your equation. Add λ times the identity matrix to YᵀCY; without it the matrix "
    "may not even be invertible.",
)
def als_no_l2(Y, counts, alpha, l2):
    confidence = 1 + alpha * counts
    return np.linalg.pinv(Y.T @ (confidence[:, None] * Y)) @ (Y.T @ (confidence * (counts > 0)))


@mutant(
    "als-user",
    name="λ added to every entry",
    says="You added λ to all entries of the matrix. It belongs on the diagonal only: λ times np.eye(k).",
)
def als_l2_everywhere(Y, counts, alpha, l2):
    confidence = 1 + alpha * counts
    left = Y.T @ (confidence[:, None] * Y) + l2
    return np.linalg.pinv(left) @ (Y.T @ (confidence * (counts > 0)))


@mutant(
    "als-user",
    name="scores instead of the vector",
    says="You return the scores of the items, Yx. Asked for is the learner's vector x.",
)
def als_scores(Y, counts, alpha, l2):
    confidence = 1 + alpha * counts
    return Y @ _solved(Y, confidence, confidence * (counts > 0), l2)


# fm-scores


@mutant(
    "fm-scores",
    name="no half",
    says="Your interactions are twice too large: the square of a sum holds each pair twice. Take half.",
)
def fm_twice(X, w0, w, V):
    return w0 + X @ w + ((X @ V) ** 2 - X**2 @ V**2).sum(axis=1)


@mutant(
    "fm-scores",
    name="features paired with themselves",
    says="You did not subtract the squares. The square of a sum also holds each feature times itself, which "
    "is no pair of two features.",
)
def fm_own_pairs(X, w0, w, V):
    return w0 + X @ w + 0.5 * ((X @ V) ** 2).sum(axis=1)


@mutant(
    "fm-scores",
    name="V squared, X not",
    says="In the second sum you squared V but not X. With features that are 0 or 1 nobody would notice; "
    "hours of study are neither.",
)
def fm_x_not_squared(X, w0, w, V):
    return w0 + X @ w + 0.5 * ((X @ V) ** 2 - X @ V**2).sum(axis=1)


@mutant(
    "fm-scores",
    name="squared after the sum over factors",
    says="You summed over the factors before you squared. Each factor has a square of its own; the sum over "
    "factors comes last.",
)
def fm_late_square(X, w0, w, V):
    return w0 + X @ w + 0.5 * ((X @ V).sum(axis=1) ** 2 - ((X**2) @ V**2).sum(axis=1))


@mutant(
    "fm-scores",
    name="interactions only",
    says="You return the interactions alone. The constant and the linear part belong to the score too.",
)
def fm_interactions(X, w0, w, V):
    return 0.5 * ((X @ V) ** 2 - X**2 @ V**2).sum(axis=1)


@mutant(
    "fm-scores",
    name="linear part only",
    says="You return a linear model. The interactions of the features are missing.",
)
def fm_linear(X, w0, w, V):
    return w0 + X @ w


@mutant(
    "fm-scores",
    name="values of the features lost",
    says="You treat every feature as present or absent. Its value counts: a feature of 0.5 contributes half.",
)
def fm_presence(X, w0, w, V):
    P = (X != 0).astype(float)
    return w0 + X @ w + 0.5 * ((P @ V) ** 2 - P @ V**2).sum(axis=1)


@mutant(
    "fm-scores",
    name="one sum over all rows",
    says="You summed over the rows as well, so every row gets the same interactions. Sum over factors: the "
    "last axis.",
)
def fm_axis(X, w0, w, V):
    return w0 + X @ w + 0.5 * ((X @ V) ** 2 - X**2 @ V**2).sum()


# autorec-loss


def _autorec(R, V, mu, W, b, l2, *, squash=lambda z: 1 / (1 + np.exp(-z)), penalty=None):
    known = ~np.isnan(R)
    rebuilt = squash(np.where(known, R, 0) @ V.T + mu) @ W.T + b
    errors = np.where(known, R - rebuilt, 0)
    half = l2 / 2 * ((V**2).sum() + (W**2).sum()) if penalty is None else penalty
    return errors, known, float(half)


@mutant(
    "autorec-loss",
    name="missing ratings count as zeros",
    says="Your errors run over all entries, so the network is taught that what is not rated is a 0. Only "
    "the ratings that are there may pull.",
)
def autorec_all(R, V, mu, W, b, l2):
    full = np.nan_to_num(R)
    errors, _, penalty = _autorec(full, V, mu, W, b, l2)
    return float((errors**2).sum()) + penalty


@mutant(
    "autorec-loss",
    name="nan in, nan out",
    says="You get nan. A missing rating must become 0 before it enters the network, and leave the sum of "
    "errors by np.where or by indexing: nan times 0 is still nan.",
)
def autorec_nan(R, V, mu, W, b, l2):
    hidden = 1 / (1 + np.exp(-(R @ V.T + mu)))
    errors = (R - hidden @ W.T - b) * ~np.isnan(R)
    return float((errors**2).sum() + l2 / 2 * ((V**2).sum() + (W**2).sum()))


@mutant(
    "autorec-loss",
    name="mean instead of sum",
    says="You divided by the number of ratings. This objective is a sum, as in the paper; a mean would "
    "change what λ means.",
)
def autorec_mean(R, V, mu, W, b, l2):
    errors, known, penalty = _autorec(R, V, mu, W, b, l2)
    return float((errors**2).sum() / known.sum()) + penalty


@mutant(
    "autorec-loss",
    name="no sigmoid",
    says="Your hidden layer is linear. Then the two layers are one matrix product, a factorisation without "
    "anything new: apply the sigmoid.",
)
def autorec_linear(R, V, mu, W, b, l2):
    errors, _, penalty = _autorec(R, V, mu, W, b, l2, squash=lambda z: z)
    return float((errors**2).sum()) + penalty


@mutant(
    "autorec-loss",
    name="λ not halved",
    says="Your penalty is twice too large: the objective says λ/2.",
)
def autorec_whole_l2(R, V, mu, W, b, l2):
    errors, _, penalty = _autorec(R, V, mu, W, b, l2)
    return float((errors**2).sum()) + 2 * penalty


@mutant(
    "autorec-loss",
    name="biases penalised",
    says="You penalise the biases as well. Only the two matrices are pulled towards zero: a bias has to "
    "reach the level of the ratings.",
)
def autorec_biases(R, V, mu, W, b, l2):
    errors, _, penalty = _autorec(R, V, mu, W, b, l2)
    return float((errors**2).sum()) + penalty + float(l2 / 2 * ((mu**2).sum() + (b**2).sum()))


@mutant(
    "autorec-loss",
    name="lengths instead of squared lengths",
    says="You add the lengths (norms) of the matrices. The penalty has their squares.",
)
def autorec_norms(R, V, mu, W, b, l2):
    errors, _, penalty = _autorec(
        R, V, mu, W, b, l2, penalty=l2 / 2 * (np.linalg.norm(V) + np.linalg.norm(W))
    )
    return float((errors**2).sum()) + penalty


@mutant(
    "autorec-loss",
    name="no penalty",
    says="You return the squared errors alone. Add the penalty on the two matrices.",
)
def autorec_free(R, V, mu, W, b, l2):
    errors, _, _ = _autorec(R, V, mu, W, b, l2)
    return float((errors**2).sum())


@mutant(
    "autorec-loss",
    name="absolute errors",
    says="You add absolute errors. The objective squares them.",
)
def autorec_absolute(R, V, mu, W, b, l2):
    errors, _, penalty = _autorec(R, V, mu, W, b, l2)
    return float(np.abs(errors).sum()) + penalty
