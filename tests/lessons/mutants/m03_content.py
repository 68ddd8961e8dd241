"""Plausible wrong answers to the exercises of lesson 03, each with what to tell the learner."""

import re

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.preprocessing import scale

import coursekit
from tests.lessons.mutants import mutant


def _counted_by_library(texts, vocabulary):
    return CountVectorizer(vocabulary=vocabulary).transform(texts).toarray()


def _step_by_autograd(centre, context, negatives, rate):
    import torch

    vectors = [torch.tensor(given, requires_grad=True) for given in (centre, context, negatives)]
    c, o, n = vectors
    log = torch.nn.functional.logsigmoid
    (-log(c @ o) - log(-(n @ c)).sum()).backward()
    return tuple((v - rate * v.grad).detach().numpy() for v in vectors)


def _data(weights):
    """The weights as interactions, with a history for everybody who has any."""
    users, items = np.nonzero(weights)
    labels = [np.arange(n) for n in weights.shape]
    return coursekit.Interactions(users, items, weights[users, items], None, *labels)


def _profiles_by_library(vectors, weights):
    model = coursekit.ContentBased(vectors=vectors, weights="value").fit(_data(weights))
    return model.score(np.arange(len(weights))).astype(float)


def _blend_by_library(first, second, weight, warm):
    rows = [scale(scores[:, warm], axis=1) for scores in (first, second)]
    scores = np.zeros(first.shape)
    scores[:, warm] = scale(weight * rows[0] + (1 - weight) * rows[1], axis=1)
    return scores


SHORTCUTS = {
    "bag-of-words": _counted_by_library,
    "tf-idf": lambda counts: TfidfTransformer().fit_transform(counts).toarray(),
    "skip-gram-pairs": None,
    "negative-sampling-step": _step_by_autograd,
    "profile-scores": _profiles_by_library,
    "hybrid-scores": _blend_by_library,
}


# bag-of-words


def _words(text):
    return re.findall(r"\w\w+", text.lower())


@mutant(
    "bag-of-words",
    name="letters counted inside words",
    says="You search the text for the letters of a word, so 'art' is found in 'start'. Cut the text into "
    "words first, then count whole words.",
)
def bag_substring(texts, vocabulary):
    return np.array([[text.lower().count(word) for word in vocabulary] for text in texts])


@mutant(
    "bag-of-words",
    name="present or not instead of how often",
    says="You note whether a word is there. The bag counts: a text that says 'SQL' three times has a 3.",
)
def bag_binary(texts, vocabulary):
    return np.array([[int(word in _words(text)) for word in vocabulary] for text in texts])


@mutant(
    "bag-of-words",
    name="capital letters left in",
    says="'SQL' and 'sql' are two words to you. Turn the text into lower case before you cut it up.",
)
def bag_case(texts, vocabulary):
    return np.array([[re.findall(r"\w\w+", text).count(word) for word in vocabulary] for text in texts])


@mutant(
    "bag-of-words",
    name="punctuation sticks to words",
    says="You cut at spaces, so the comma of 'SQL,' stays on, and the word is not found. Use the rule of the "
    r"exercise: re.findall(r'\w\w+', text).",
)
def bag_split(texts, vocabulary):
    return np.array([[text.lower().split().count(word) for word in vocabulary] for text in texts])


@mutant(
    "bag-of-words",
    name="columns in alphabetical order",
    says="Your columns are in alphabetical order. They must follow the vocabulary as it is given, or nobody "
    "knows which column means what.",
)
def bag_sorted(texts, vocabulary):
    return np.array([[_words(text).count(word) for word in sorted(vocabulary)] for text in texts])


@mutant(
    "bag-of-words",
    name="shares instead of counts",
    says="You divided by the number of words in the text. Asked for are the counts themselves; lengths are "
    "dealt with later, by the norm.",
)
def bag_shares(texts, vocabulary):
    found = [_words(text) for text in texts]
    return np.array([[words.count(word) / max(len(words), 1) for word in vocabulary] for words in found])


@mutant(
    "bag-of-words",
    name="rows and columns swapped",
    says="You have one row a word. Texts are the rows and words the columns, so that a row describes a text.",
)
def bag_transposed(texts, vocabulary):
    return np.array([[_words(text).count(word) for text in texts] for word in vocabulary])


# tf-idf


def _weighed(counts, idf):
    weighted = counts * idf
    lengths = np.sqrt((weighted**2).sum(axis=1, keepdims=True))
    return weighted / np.where(lengths > 0, lengths, 1)


def _smooth(counts):
    return np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1


@mutant(
    "tf-idf",
    name="occurrences counted instead of texts",
    says="For idf you added up how often a word occurs. What matters is in how many texts it occurs at least "
    "once: a word repeated in one text is still rare.",
)
def tfidf_occurrences(counts):
    return _weighed(counts, np.log((1 + len(counts)) / (1 + counts.sum(axis=0))) + 1)


@mutant(
    "tf-idf",
    name="idf not smoothed",
    says="Your idf is ln(n / df) + 1, without the two ones inside the logarithm. They stand for one more "
    "text that holds every word, so that no word is divided by 0.",
)
def tfidf_plain(counts):
    n_with_word = np.maximum((counts > 0).sum(axis=0), 1)
    return _weighed(counts, np.log(len(counts) / n_with_word) + 1)


@mutant(
    "tf-idf",
    name="the + 1 after the logarithm forgotten",
    says="Your idf has no + 1 after the logarithm, so a word that stands in every text gets the weight 0 and "
    "vanishes. Here it keeps a small weight.",
)
def tfidf_without_one(counts):
    return _weighed(counts, _smooth(counts) - 1)


@mutant(
    "tf-idf",
    name="logarithm to base 10",
    says="You took the logarithm to base 10. The formula has the natural logarithm: np.log.",
)
def tfidf_log10(counts):
    return _weighed(counts, (_smooth(counts) - 1) / np.log(10) + 1)


@mutant(
    "tf-idf",
    name="rows not brought to length 1",
    says="You multiplied by idf and stopped. Divide each row by its length, or long texts have larger "
    "numbers than short ones.",
)
def tfidf_not_normalised(counts):
    return counts * _smooth(counts)


@mutant(
    "tf-idf",
    name="rows that sum to 1",
    says="You divided each row by its sum. Its length is the square root of the sum of squares; only then is "
    "a product of two rows their cosine.",
)
def tfidf_sum(counts):
    weighted = counts * _smooth(counts)
    return weighted / np.maximum(weighted.sum(axis=1, keepdims=True), 1)


@mutant(
    "tf-idf",
    name="nan for a text without words",
    says="A text without words has length 0, and you divide by it. Leave its row at 0.",
)
def tfidf_nan(counts):
    weighted = counts * _smooth(counts)
    with np.errstate(all="ignore"):
        return weighted / np.sqrt((weighted**2).sum(axis=1, keepdims=True))


@mutant(
    "tf-idf",
    name="columns brought to length 1",
    says="You normalised along the wrong axis: each column has length 1 now. It is the rows, the texts, that "
    "must have length 1.",
)
def tfidf_columns(counts):
    weighted = counts * _smooth(counts)
    lengths = np.sqrt((weighted**2).sum(axis=0))
    return weighted / np.where(lengths > 0, lengths, 1)


# skip-gram-pairs


def _pairs(words, window, allowed):
    places = range(len(words))
    return [(words[i], words[j]) for i in places for j in places if i != j and allowed(j - i, window)]


@mutant(
    "skip-gram-pairs",
    name="a word is its own context",
    says="Your pairs hold each word with itself, at distance 0. A word is to be foretold by others: leave "
    "its own place out.",
)
def pairs_self(words, window):
    places = range(len(words))
    return [(words[i], words[j]) for i in places for j in places if abs(i - j) <= window]


@mutant(
    "skip-gram-pairs",
    name="only what comes after",
    says="You look to the right only. The window reaches as far to the left.",
)
def pairs_right(words, window):
    return _pairs(words, window, lambda distance, size: 0 < distance <= size)


@mutant(
    "skip-gram-pairs",
    name="window one too small on the right",
    says="To the right your window ends one place early. A slice leaves its end out: go up to place + window "
    "+ 1.",
)
def pairs_off_by_one(words, window):
    return _pairs(words, window, lambda distance, size: -size <= distance < size)


@mutant(
    "skip-gram-pairs",
    name="negative start of the slice",
    says="Near the beginning of the text, place - window is negative, and Python counts a negative index "
    "from the end, so the slice comes out empty. Start at max(place - window, 0).",
)
def pairs_negative_start(words, window):
    pairs = []
    for place, centre in enumerate(words):
        around = words[place - window : place] + words[place + 1 : place + 1 + window]
        pairs += [(centre, context) for context in around]
    return pairs


@mutant(
    "skip-gram-pairs",
    name="equal words left out",
    says="You compare words to leave the centre out, and lose every other place where the same word stands. "
    "Compare places.",
)
def pairs_by_word(words, window):
    return [(a, b) for a, b in _pairs(words, window, lambda d, size: abs(d) <= size) if a != b]


@mutant(
    "skip-gram-pairs",
    name="context before centre",
    says="You wrote (context, centre). The centre comes first, then the context it is to foretell.",
)
def pairs_swapped(words, window):
    return [(b, a) for a, b in _pairs(words, window, lambda d, size: abs(d) <= size)]


@mutant(
    "skip-gram-pairs",
    name="each pair once",
    says="You dropped pairs that occur again. Every occurrence is an example: what often stands together "
    "must be seen often.",
)
def pairs_once(words, window):
    return list(dict.fromkeys(_pairs(words, window, lambda d, size: abs(d) <= size)))


# negative-sampling-step


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _stepped(centre, context, negatives, rate, good, bad, of_centre=None):
    """One step, given the errors: `good` for the true word, `bad` (n,) for the negatives."""
    slope = good * context + bad @ negatives if of_centre is None else of_centre
    return centre - rate * slope, context - rate * good * centre, negatives - rate * np.outer(bad, centre)


@mutant(
    "negative-sampling-step",
    name="up the slope instead of down",
    says="You walk up: the true word moves away and the negatives come nearer. Gradient descent subtracts "
    "rate times the gradient.",
)
def step_up(centre, context, negatives, rate):
    good, bad = _sigmoid(context @ centre) - 1, _sigmoid(negatives @ centre)
    return _stepped(centre, context, negatives, -rate, good, bad)


@mutant(
    "negative-sampling-step",
    name="the centre moved first",
    says="You moved the centre and then used the moved one in the other gradients. All gradients belong to "
    "the same point: compute them all before anything moves.",
)
def step_in_turn(centre, context, negatives, rate):
    good, bad = _sigmoid(context @ centre) - 1, _sigmoid(negatives @ centre)
    moved = centre - rate * (good * context + bad @ negatives)
    return moved, context - rate * good * moved, negatives - rate * np.outer(bad, moved)


@mutant(
    "negative-sampling-step",
    name="negatives treated as true words",
    says="Your negatives are drawn towards the centre like the true word. Their error is σ(c·n), without the "
    "- 1: they are to be pushed away.",
)
def step_all_true(centre, context, negatives, rate):
    good, bad = _sigmoid(context @ centre) - 1, _sigmoid(negatives @ centre) - 1
    return _stepped(centre, context, negatives, rate, good, bad)


@mutant(
    "negative-sampling-step",
    name="the true word treated as a negative",
    says="Your error for the true word is σ(c·o), which pushes it away. It is σ(c·o) - 1.",
)
def step_none_true(centre, context, negatives, rate):
    good, bad = _sigmoid(context @ centre), _sigmoid(negatives @ centre)
    return _stepped(centre, context, negatives, rate, good, bad)


@mutant(
    "negative-sampling-step",
    name="mean over the negatives",
    says="You averaged over the negatives. The loss sums over them, so the gradient does too.",
)
def step_mean(centre, context, negatives, rate):
    good, bad = _sigmoid(context @ centre) - 1, _sigmoid(negatives @ centre)
    return _stepped(centre, context, negatives, rate, good, bad / max(len(bad), 1))


@mutant(
    "negative-sampling-step",
    name="no sigmoid",
    says="You used the dot product itself as the probability. Put it through σ(x) = 1 / (1 + exp(-x)) first.",
)
def step_linear(centre, context, negatives, rate):
    return _stepped(centre, context, negatives, rate, context @ centre - 1, negatives @ centre)


@mutant(
    "negative-sampling-step",
    name="the centre stays where it is",
    says="You moved the context and the negatives, but returned the centre as it was. It has a gradient as "
    "well: all the others, each times its error.",
)
def step_centre_fixed(centre, context, negatives, rate):
    good, bad = _sigmoid(context @ centre) - 1, _sigmoid(negatives @ centre)
    return _stepped(centre, context, negatives, rate, good, bad, of_centre=0 * centre)


@mutant(
    "negative-sampling-step",
    name="gradients instead of moved vectors",
    says="You return the three gradients. Asked for are the vectors after the step: each minus rate times "
    "its gradient.",
)
def step_gradients(centre, context, negatives, rate):
    good, bad = _sigmoid(context @ centre) - 1, _sigmoid(negatives @ centre)
    return good * context + bad @ negatives, good * centre, np.outer(bad, centre)


# profile-scores


def _cosines(profiles, vectors):
    lengths = np.sqrt((profiles**2).sum(axis=1, keepdims=True))
    return profiles @ vectors.T / np.where(lengths > 0, lengths, 1)


@mutant(
    "profile-scores",
    name="average item not subtracted",
    says="You added up the item vectors as they are, so every profile looks like the average text. Subtract "
    "the mean vector of all items from each before you add.",
)
def profile_raw(vectors, weights):
    return _cosines(weights @ vectors, vectors)


@mutant(
    "profile-scores",
    name="average item subtracted once",
    says="You subtracted the average item once from the whole sum, where it hardly shows. Subtract it from "
    "each item before you weigh and add.",
)
def profile_once(vectors, weights):
    known = weights.sum(axis=1, keepdims=True) > 0
    return _cosines((weights @ vectors - vectors.mean(axis=0)) * known, vectors)


@mutant(
    "profile-scores",
    name="weights ignored",
    says="Every item taken counts the same in your profile. Multiply each by its entry in weights.",
)
def profile_unweighted(vectors, weights):
    return _cosines((weights > 0).astype(float) @ (vectors - vectors.mean(axis=0)), vectors)


@mutant(
    "profile-scores",
    name="profile not brought to length 1",
    says="You did not divide by the length of the profile, so a long history has larger scores than a short "
    "one, and they are no cosines.",
)
def profile_length(vectors, weights):
    return weights @ (vectors - vectors.mean(axis=0)) @ vectors.T


@mutant(
    "profile-scores",
    name="the user's mean subtracted instead of the item's",
    says="You subtracted from each row of scores its own mean, which changes no order within it. It is the "
    "average item that has to be taken out, before the scores are made.",
)
def profile_by_row(vectors, weights):
    scores = _cosines(weights @ vectors, vectors)
    return scores - scores.mean(axis=1, keepdims=True)


@mutant(
    "profile-scores",
    name="the average item of the histories",
    says="You subtracted the mean over the items that these users took. The yardstick is the mean over all "
    "items, the same whoever else is asked about.",
)
def profile_average_taken(vectors, weights):
    taken = weights.sum(axis=0) > 0
    average = vectors[taken].mean(axis=0) if taken.any() else 0.0
    return _cosines(weights @ (vectors - average), vectors)


@mutant(
    "profile-scores",
    name="nan without a history",
    says="Without a history the profile has length 0, and you divide by it. Such a user's scores are all 0.",
)
def profile_nan(vectors, weights):
    profiles = weights @ (vectors - vectors.mean(axis=0))
    with np.errstate(all="ignore"):
        return profiles @ vectors.T / np.sqrt((profiles**2).sum(axis=1, keepdims=True))


@mutant(
    "profile-scores",
    name="candidates centred as well",
    says="You subtracted the average item from the candidates too. Only the profile is measured against the "
    "average; the candidate's vector stays as it is.",
)
def profile_both(vectors, weights):
    far = vectors - vectors.mean(axis=0)
    return _cosines(weights @ far, far)


# hybrid-scores


def _standardised(scores, chosen, axis=1):
    part = scores[:, chosen]
    spread = part.std(axis=axis, keepdims=True)
    return (scores - part.mean(axis=axis, keepdims=True)) / np.where(spread > 0, spread, 1)


def _blended(first, second, weight, warm):
    """Both standardised already; the blend is standardised again."""
    blend = _standardised(weight * first + (1 - weight) * second, warm)
    return np.where(warm, blend, second)


@mutant(
    "hybrid-scores",
    name="not standardised before blending",
    says="You blended the scores as they are. One of them has far larger numbers and drowns the other: "
    "standardise each user's rows first.",
)
def hybrid_raw(first, second, weight, warm):
    blend = _standardised(weight * first + (1 - weight) * second, warm)
    return np.where(warm, blend, _standardised(second, warm))


@mutant(
    "hybrid-scores",
    name="weight on the wrong score",
    says="You gave the weight to the second scores. It belongs to the first; the second get 1 - weight.",
)
def hybrid_swapped(first, second, weight, warm):
    return _blended(_standardised(first, warm), _standardised(second, warm), 1 - weight, warm)


@mutant(
    "hybrid-scores",
    name="cold items not treated apart",
    says="You blend cold items like the others. Their first score is no opinion but a gap: judge them by the "
    "second one alone.",
)
def hybrid_no_switch(first, second, weight, warm):
    first, second = _standardised(first, warm), _standardised(second, warm)
    return _standardised(weight * first + (1 - weight) * second, warm)


@mutant(
    "hybrid-scores",
    name="cold items in the means",
    says="Your means and standard deviations run over all items. The zeros of cold items are no scores: "
    "standardise over the warm items only.",
)
def hybrid_over_all(first, second, weight, warm):
    every = np.ones(len(warm), bool)
    first, second = _standardised(first, every), _standardised(second, every)
    return _blended(first, second, weight, warm)


@mutant(
    "hybrid-scores",
    name="blend not standardised again",
    says="You did not divide the blend by its own standard deviation. A mean of two opinions varies less "
    "than one opinion, so cold items would have the larger numbers: standardise the blend too.",
)
def hybrid_narrow(first, second, weight, warm):
    first, second = _standardised(first, warm), _standardised(second, warm)
    return np.where(warm, weight * first + (1 - weight) * second, second)


@mutant(
    "hybrid-scores",
    name="standardised over users",
    says="You standardised each item over its users. It is each user's row that has to be brought to mean 0 "
    "and standard deviation 1.",
)
def hybrid_columns(first, second, weight, warm):
    every = np.ones(len(warm), bool)
    first, second = (_standardised(scores, every, axis=0) for scores in (first, second))
    return _blended(first, second, weight, warm)


@mutant(
    "hybrid-scores",
    name="cold items only a share of their score",
    says="A cold item gets 1 - weight times its score, as if the first model had voted 0. It has not voted: "
    "take the whole score.",
)
def hybrid_cold_share(first, second, weight, warm):
    scores = _blended(_standardised(first, warm), _standardised(second, warm), weight, warm)
    return scores * np.where(warm, 1, 1 - weight)


@mutant(
    "hybrid-scores",
    name="nan where a row does not vary",
    says="A row whose warm scores are all equal has standard deviation 0, and you divide by it. It holds no "
    "opinion: let it be 0.",
)
def hybrid_nan(first, second, weight, warm):
    def standardised(scores):
        part = scores[:, warm]
        with np.errstate(all="ignore"):
            return (scores - part.mean(axis=1, keepdims=True)) / part.std(axis=1, keepdims=True)

    second = standardised(second)
    return np.where(warm, standardised(weight * standardised(first) + (1 - weight) * second), second)
