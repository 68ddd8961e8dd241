"""Plausible wrong answers to the exercises of lesson 09, each with what to tell the learner."""

import math
import re

import numpy as np
import torch
from torch.nn import functional as F

from tests.lessons.mutants import mutant


def _in_batch_by_library(users, items, item_ids, temperature):
    from coursekit.models.finetuning.biencoder import in_batch_loss

    kinds, wanted = torch.unique(item_ids, return_inverse=True)
    first = [int((item_ids == kind).nonzero()[0]) for kind in kinds]
    return in_batch_loss(users @ items[first].T / temperature, wanted)


def _warmup_by_library(step, total, warmup, peak):
    from coursekit.training import warmup_linear

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
    return warmup_linear(total, warmup / total)(optimizer).lr_lambdas[0](step) * peak


def _rates_by_library(names, layers, rate, decay):
    from coursekit.training import layerwise_adamw

    network = torch.nn.Module()
    network.blocks = torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(layers))
    groups = layerwise_adamw(network, decay)(network.parameters(), lr=rate).param_groups
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    return {name: rates[id(network.get_parameter(name.removeprefix("encoder.")))] for name in names}


def _lora_by_library(x, W, b, A, B, alpha):
    from coursekit.models.finetuning import LoRALinear

    layer = torch.nn.Linear(W.shape[1], W.shape[0])
    wrapped = LoRALinear(layer, rank=len(A), alpha=alpha)
    return wrapped(x), W, A.numel() + B.numel()


def _fgm_by_library(gradient, epsilon):
    from coursekit.training import FGM

    return FGM(epsilon)


def _augment_by_library(tokens, synonyms, draws, share):
    from coursekit.models.finetuning import replace_synonyms

    return replace_synonyms(" ".join(tokens), np.random.default_rng(0), share).split()


SHORTCUTS = {
    "in-batch-loss": _in_batch_by_library,
    "warmup-rate": _warmup_by_library,
    "layer-rates": _rates_by_library,
    "lora-layer": _lora_by_library,
    "fgm-perturbation": _fgm_by_library,
    "augment-words": _augment_by_library,
}


# in-batch-loss


def _logits(users, items, item_ids, temperature, struck=-math.inf):
    logits = users @ items.T / temperature
    twin = item_ids[:, None] == item_ids
    return torch.where(twin & ~torch.eye(len(users), dtype=torch.bool), struck, logits)


@mutant(
    "in-batch-loss",
    name="accidental hits left in",
    says="Two learners of your batch took the same course, and each of them is told that the other's copy of "
    "it is wrong. Strike such places out before the softmax.",
)
def in_batch_unmasked(users, items, item_ids, temperature):
    return F.cross_entropy(users @ items.T / temperature, torch.arange(len(users)))


@mutant(
    "in-batch-loss",
    name="the positive struck out too",
    says="You struck out every place with an equal item, and so the positive itself, for it is equal to "
    "itself. The diagonal must stay.",
)
def in_batch_all_struck(users, items, item_ids, temperature):
    logits = users @ items.T / temperature
    logits = torch.where(item_ids[:, None] == item_ids, -math.inf, logits)
    return -torch.log_softmax(logits, dim=1).diagonal().mean()


@mutant(
    "in-batch-loss",
    name="struck out with a zero",
    says="You set the logit of an accidental hit to 0. That is a logit like any other and takes its share of "
    "the softmax; minus infinity takes none.",
)
def in_batch_zero(users, items, item_ids, temperature):
    logits = _logits(users, items, item_ids, temperature, struck=0.0)
    return F.cross_entropy(logits, torch.arange(len(users)))


@mutant(
    "in-batch-loss",
    name="multiplied by the temperature",
    says="You multiplied by the temperature. Divide by it: a low temperature makes differences larger.",
)
def in_batch_multiplied(users, items, item_ids, temperature):
    return F.cross_entropy(_logits(users, items, item_ids, 1 / temperature), torch.arange(len(users)))


@mutant(
    "in-batch-loss",
    name="temperature ignored",
    says="The temperature has no effect in your function. Divide the dot products by it.",
)
def in_batch_lukewarm(users, items, item_ids, temperature):
    return F.cross_entropy(_logits(users, items, item_ids, 1.0), torch.arange(len(users)))


@mutant(
    "in-batch-loss",
    name="softmax over the users",
    says="Your softmax runs over the users: it asks which learner took this course. Each learner chooses "
    "among the courses of the batch, so it runs along the rows.",
)
def in_batch_columns(users, items, item_ids, temperature):
    return F.cross_entropy(_logits(users, items, item_ids, temperature).T, torch.arange(len(users)))


@mutant(
    "in-batch-loss",
    name="sum instead of mean",
    says="You added the losses up. Take the mean over the batch, or the step size depends on its size.",
)
def in_batch_sum(users, items, item_ids, temperature):
    logits = _logits(users, items, item_ids, temperature)
    return F.cross_entropy(logits, torch.arange(len(users)), reduction="sum")


@mutant(
    "in-batch-loss",
    name="positive missing below the line",
    says="Your denominator holds the negatives only. Then the loss has no bottom: it falls for ever, and "
    "goes below 0. The positive is one of the choices.",
)
def in_batch_negatives_only(users, items, item_ids, temperature):
    logits = _logits(users, items, item_ids, temperature)
    others = torch.where(torch.eye(len(users), dtype=torch.bool), -math.inf, logits)
    return (torch.logsumexp(others, dim=1) - logits.diagonal()).mean()


@mutant(
    "in-batch-loss",
    name="exponentials that overflow",
    says="At a low temperature e to the logit is infinite, and infinite by infinite is nan. Let "
    "torch.logsumexp or log_softmax do it: they subtract the largest logit first.",
)
def in_batch_overflow(users, items, item_ids, temperature):
    powers = torch.exp(_logits(users, items, item_ids, temperature))
    return -torch.log(powers.diagonal() / powers.sum(dim=1)).mean()


# warmup-rate


@mutant(
    "warmup-rate",
    name="no decay after the warm-up",
    says="Your rate stays at its peak after the warm-up. From there it falls in a straight line, to 0 at the "
    "last step.",
)
def warmup_constant(step, total, warmup, peak):
    if step < warmup:
        return peak * step / warmup
    return peak if step < total else 0.0


@mutant(
    "warmup-rate",
    name="decay as if it had begun at step 0",
    says="After the warm-up your rate jumps down: the fall is reckoned from step 0. It begins at step "
    "warmup, at the peak, and has total - warmup steps.",
)
def warmup_jump(step, total, warmup, peak):
    return peak * step / warmup if step < warmup else max(0.0, peak * (total - step) / total)


@mutant(
    "warmup-rate",
    name="one step ahead",
    says="You are one step ahead: step counts from 0, and the rate of step 0 is 0 when there is a warm-up.",
)
def warmup_ahead(step, total, warmup, peak):
    step = step + 1
    if step < warmup:
        return peak * step / warmup
    return peak * max(0, total - step) / max(1, total - warmup)


@mutant(
    "warmup-rate",
    name="negative after the end",
    says="After the last step your rate is negative, and training would climb instead of descend. It stays "
    "at 0.",
)
def warmup_negative(step, total, warmup, peak):
    return peak * step / warmup if step < warmup else peak * (total - step) / max(1, total - warmup)


@mutant(
    "warmup-rate",
    name="divided by a warm-up of 0",
    says="With warmup=0 you divide by 0. There is no warm-up then: step 0 already has the peak.",
)
def warmup_zero(step, total, warmup, peak):
    climb = step / warmup
    return peak * max(0.0, min(climb, (total - step) / max(1, total - warmup)))


@mutant(
    "warmup-rate",
    name="the warm-up read as a share",
    says="You took warmup for a share of all steps. Here it is a number of steps.",
)
def warmup_share(step, total, warmup, peak):
    rise = warmup * total
    return peak * step / rise if step < rise else peak * max(0, total - step) / max(1, total - rise)


@mutant(
    "warmup-rate",
    name="a cosine instead of a line",
    says="Your rate falls along a cosine. That is a schedule of its own; asked for is a straight line.",
)
def warmup_cosine(step, total, warmup, peak):
    if step < warmup:
        return peak * step / warmup
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    return peak * (1 + math.cos(math.pi * done)) / 2


@mutant(
    "warmup-rate",
    name="falls during the warm-up",
    says="Both lines act at once in your warm-up: you multiplied the rise by the fall. First the one, then "
    "the other.",
)
def warmup_product(step, total, warmup, peak):
    rise = min(1.0, step / warmup) if warmup else 1.0
    return peak * rise * min(1.0, max(0, total - step) / max(1, total))


@mutant(
    "warmup-rate",
    name="the factor without the peak",
    says="You return the factor between 0 and 1. Multiply it by the peak rate.",
)
def warmup_factor(step, total, warmup, peak):
    return step / warmup if step < warmup else max(0, total - step) / max(1, total - warmup)


# layer-rates


def _depth(name, layers):
    """Steps below the head: 0 there, 1 in the top block, layers + 1 in the embeddings."""
    found = re.match(r"encoder\.blocks\.(\d+)\.", name)
    if found:
        return layers - int(found[1])
    return layers + 1 if name.startswith("encoder.") else 0


@mutant(
    "layer-rates",
    name="the bottom gets the most",
    says="You have it upside down: block 0 lies next to the words, knows the most general things and should "
    "move least. The rates shrink from the head down.",
)
def rates_reversed(names, layers, rate, decay):
    found = {name: _depth(name, layers) for name in names}
    return {name: rate * decay ** (layers + 1 - depth) for name, depth in found.items()}


@mutant(
    "layer-rates",
    name="the top block like the head",
    says="Your top block learns as fast as the head. It lies one step below it, so it has one factor of "
    "decay.",
)
def rates_off_by_one(names, layers, rate, decay):
    return {name: rate * decay ** max(0, _depth(name, layers) - 1) for name in names}


@mutant(
    "layer-rates",
    name="embeddings like block 0",
    says="Your embeddings have the rate of block 0. They lie one step below it: layers + 1 factors of decay.",
)
def rates_embeddings(names, layers, rate, decay):
    return {name: rate * decay ** min(layers, _depth(name, layers)) for name in names}


@mutant(
    "layer-rates",
    name="only the first digit of the block",
    says="You read one digit of the block's number, so block 11 counts as block 1. BERT-base has blocks 0 to "
    "11: read all digits.",
)
def rates_one_digit(names, layers, rate, decay):
    depths = {}
    for name in names:
        found = re.match(r"encoder\.blocks\.(\d)", name)
        depths[name] = layers - int(found[1]) if found else _depth(name, layers)
    return {name: rate * decay**depth for name, depth in depths.items()}


@mutant(
    "layer-rates",
    name="divided instead of multiplied",
    says="You divided by decay, so rates grow from the head down. (Howard and Ruder divide, but by 2.6.) "
    "Here each step down multiplies by decay.",
)
def rates_divided(names, layers, rate, decay):
    return {name: rate / decay ** _depth(name, layers) for name in names}


@mutant(
    "layer-rates",
    name="one factor for all blocks",
    says="All your blocks have the same rate, one factor of decay below the head. Each block has a factor "
    "more than the one above it.",
)
def rates_two_groups(names, layers, rate, decay):
    return {name: rate * decay ** min(1, _depth(name, layers)) for name in names}


@mutant(
    "layer-rates",
    name="a factor for each parameter",
    says="You count parameters and not layers: the weight and the bias of one block must have the same rate.",
)
def rates_by_place(names, layers, rate, decay):
    return {name: rate * decay ** (len(names) - 1 - place) for place, name in enumerate(names)}


@mutant(
    "layer-rates",
    name="the head forgotten",
    says="You left the head out, so it would not be trained at all. It is new and has the full rate.",
)
def rates_headless(names, layers, rate, decay):
    depths = {name: _depth(name, layers) for name in names}
    return {name: rate * decay**depth for name, depth in depths.items() if depth}


# lora-layer


@mutant(
    "lora-layer",
    name="without the scale",
    says="You added B A as it is. It is scaled by alpha / r, so that another rank does not ask for another "
    "learning rate.",
)
def lora_unscaled(x, W, b, A, B, alpha):
    merged = W + B @ A
    return F.linear(x, merged, b), merged, A.numel() + B.numel()


@mutant(
    "lora-layer",
    name="alpha not divided by the rank",
    says="You scaled by alpha alone. The scale is alpha / r, r being the rank: the number of rows of A.",
)
def lora_alpha(x, W, b, A, B, alpha):
    merged = W + alpha * B @ A
    return F.linear(x, merged, b), merged, A.numel() + B.numel()


@mutant(
    "lora-layer",
    name="the width taken for the rank",
    says="You divided alpha by the width of the input. A is (r, in): the rank is its number of rows.",
)
def lora_width(x, W, b, A, B, alpha):
    merged = W + alpha / A.shape[1] * B @ A
    return F.linear(x, merged, b), merged, A.numel() + B.numel()


@mutant(
    "lora-layer",
    name="the frozen weight left out",
    says="Only the update is left in your layer. The pretrained W stays, and B A is added to it.",
)
def lora_update_only(x, W, b, A, B, alpha):
    update = alpha / len(A) * B @ A
    return F.linear(x, update, b), update, A.numel() + B.numel()


@mutant(
    "lora-layer",
    name="merged is the update alone",
    says="Your outputs are right, but what you return as merged is the update alone. The merged weight takes "
    "the place of W, so it holds W too.",
)
def lora_not_merged(x, W, b, A, B, alpha):
    update = alpha / len(A) * B @ A
    return F.linear(x, W + update, b), update, A.numel() + B.numel()


@mutant(
    "lora-layer",
    name="the bias added twice",
    says="You put the bias into both branches, so it counts twice. B A has no bias.",
)
def lora_two_biases(x, W, b, A, B, alpha):
    merged = W + alpha / len(A) * B @ A
    return F.linear(x, merged, b) + b, merged, A.numel() + B.numel()


@mutant(
    "lora-layer",
    name="the bias forgotten",
    says="You left the bias out. It is frozen, but it is still there.",
)
def lora_no_bias(x, W, b, A, B, alpha):
    merged = W + alpha / len(A) * B @ A
    return x @ merged.T, merged, A.numel() + B.numel()


@mutant(
    "lora-layer",
    name="frozen numbers counted",
    says="You counted W (and b) among the trained parameters. They are frozen: only A and B are trained.",
)
def lora_counts_all(x, W, b, A, B, alpha):
    merged = W + alpha / len(A) * B @ A
    return F.linear(x, merged, b), merged, sum(part.numel() for part in (W, b, A, B))


@mutant(
    "lora-layer",
    name="size of the product counted",
    says="You counted the entries of B A, which are as many as W has. Trained are the entries of A and of B.",
)
def lora_counts_product(x, W, b, A, B, alpha):
    merged = W + alpha / len(A) * B @ A
    return F.linear(x, merged, b), merged, (B @ A).numel()


# fgm-perturbation


@mutant(
    "fgm-perturbation",
    name="downhill",
    says="Your step goes against the gradient, to where the loss is smaller. An adversary goes up.",
)
def fgm_downhill(gradient, epsilon):
    return -epsilon * gradient / torch.linalg.vector_norm(gradient).clamp(min=1e-30)


@mutant(
    "fgm-perturbation",
    name="the sign of the gradient",
    says="This is the fast gradient *sign* method, made for pictures: every number moves equally far. FGM "
    "keeps the direction of the gradient.",
)
def fgm_sign(gradient, epsilon):
    return epsilon * torch.sign(gradient)


@mutant(
    "fgm-perturbation",
    name="the length of each row",
    says="You divided each word's gradient by its own length, so every word moves by epsilon, however little "
    "it matters. The length is that of the whole gradient.",
)
def fgm_rows(gradient, epsilon):
    return epsilon * gradient / torch.linalg.vector_norm(gradient, dim=-1, keepdim=True).clamp(min=1e-30)


@mutant(
    "fgm-perturbation",
    name="divided by the squared length",
    says="You divided by the sum of squares and forgot the root: the smaller the gradient, the farther you "
    "jump.",
)
def fgm_squared(gradient, epsilon):
    return epsilon * gradient / (gradient**2).sum().clamp(min=1e-30)


@mutant(
    "fgm-perturbation",
    name="sum of absolute values for the length",
    says="You divided by the sum of absolute values. The length is the root of the sum of squares.",
)
def fgm_absolute(gradient, epsilon):
    return epsilon * gradient / gradient.abs().sum().clamp(min=1e-30)


@mutant(
    "fgm-perturbation",
    name="the largest entry for the length",
    says="You divided by the largest entry. The length is the root of the sum of all squares.",
)
def fgm_largest(gradient, epsilon):
    return epsilon * gradient / gradient.abs().max().clamp(min=1e-30)


@mutant(
    "fgm-perturbation",
    name="not brought to a length",
    says="You multiplied the gradient by epsilon. The step must have length epsilon, whatever the gradient's "
    "is: late in training gradients are tiny, and the attack would vanish.",
)
def fgm_raw(gradient, epsilon):
    return epsilon * gradient


@mutant(
    "fgm-perturbation",
    name="nothing divided by nothing",
    says="Where the gradient is 0 you divide 0 by 0, and one nan in the embeddings is the end of the model. "
    "No gradient, no step.",
)
def fgm_nan(gradient, epsilon):
    return epsilon * gradient / torch.linalg.vector_norm(gradient)


@mutant(
    "fgm-perturbation",
    name="a small number below the line",
    says="You added a small number to the length. Where gradients are as small as that, the step is too "
    "short; treat a length of exactly 0 as its own case.",
)
def fgm_epsilon(gradient, epsilon):
    return epsilon * gradient / (torch.linalg.vector_norm(gradient) + 1e-6)


# augment-words


def _pick(words, draw):
    return words[int(draw * len(words))]


@mutant(
    "augment-words",
    name="the others are replaced",
    says="You replace where the first draw lies *above* share, so a share of 0.1 would replace nine words in "
    "ten.",
)
def augment_above(tokens, synonyms, draws, share):
    return [
        _pick(synonyms[word], pick) if word in synonyms and chance >= share else word
        for word, (chance, pick) in zip(tokens, draws.tolist(), strict=True)
    ]


@mutant(
    "augment-words",
    name="one draw for two choices",
    says="You use the first draw for both choices. It lies below share whenever a word is replaced, so the "
    "last synonyms never come. The second draw is there for the choice.",
)
def augment_one_draw(tokens, synonyms, draws, share):
    return [
        _pick(synonyms[word], chance) if word in synonyms and chance < share else word
        for word, (chance, _) in zip(tokens, draws.tolist(), strict=True)
    ]


@mutant(
    "augment-words",
    name="always the first synonym",
    says="You always take the first synonym. Which one it is, the second draw decides.",
)
def augment_first(tokens, synonyms, draws, share):
    return [
        synonyms[word][0] if word in synonyms and chance < share else word
        for word, (chance, _) in zip(tokens, draws.tolist(), strict=True)
    ]


@mutant(
    "augment-words",
    name="rounded instead of cut off",
    says="You rounded draw times number of synonyms. Then the first and the last come too seldom, and near 1 "
    "you run out of the list: cut off with int().",
)
def augment_rounded(tokens, synonyms, draws, share):
    return [
        synonyms[word][round(pick * len(synonyms[word]))] if word in synonyms and chance < share else word
        for word, (chance, pick) in zip(tokens, draws.tolist(), strict=True)
    ]


@mutant(
    "augment-words",
    name="draws counted by words with synonyms",
    says="You use up a row of draws only where a word has synonyms. Row t belongs to token t, whatever "
    "stands before it.",
)
def augment_consumed(tokens, synonyms, draws, share):
    rows, found = iter(draws.tolist()), []
    for word in tokens:
        chance, pick = next(rows) if word in synonyms else (1.0, 0.0)
        found.append(_pick(synonyms[word], pick) if chance < share else word)
    return found


@mutant(
    "augment-words",
    name="one decision for all copies of a word",
    says="You decide once for a word, and replace all its copies. Each place has draws of its own.",
)
def augment_all_copies(tokens, synonyms, draws, share):
    changed = {}
    for word, (chance, pick) in zip(tokens, draws.tolist(), strict=True):
        if word in synonyms and word not in changed and chance < share:
            changed[word] = _pick(synonyms[word], pick)
    return [changed.get(word, word) for word in tokens]


@mutant(
    "augment-words",
    name="words without synonyms dropped",
    says="You lost the words that have no synonyms. They stay as they are.",
)
def augment_dropped(tokens, synonyms, draws, share):
    return [
        _pick(synonyms[word], pick) if chance < share else word
        for word, (chance, pick) in zip(tokens, draws.tolist(), strict=True)
        if word in synonyms
    ]


@mutant(
    "augment-words",
    name="share ignored",
    says="You replace every word that has a synonym. Only those are replaced whose first draw lies below "
    "share.",
)
def augment_always(tokens, synonyms, draws, share):
    return [
        _pick(synonyms[word], pick) if word in synonyms else word
        for word, (_, pick) in zip(tokens, draws.tolist(), strict=True)
    ]


@mutant(
    "augment-words",
    name="the synonym added",
    says="You put the synonym beside the word. It takes the word's place, so the text keeps its length.",
)
def augment_added(tokens, synonyms, draws, share):
    found = []
    for word, (chance, pick) in zip(tokens, draws.tolist(), strict=True):
        found += [word, _pick(synonyms[word], pick)] if word in synonyms and chance < share else [word]
    return found
