"""From a text to numbers: words, bags of words, TF-IDF."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import CountVectorizer

# Chinese characters and Japanese kana, which are written without spaces between the words.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])[^\W_])+(?:['’](?:(?![{_UNSPACED}])[^\W_])+)*")


def tokenize(text: str) -> list[str]:
    """The words of a text, lower-cased, in order.

    A word is a run of letters and digits; an apostrophe inside belongs to it, a hyphen parts two
    words. Chinese and Japanese are written without spaces, so a run of their characters becomes its
    overlapping pairs ("数据科学" → 数据, 据科, 科学); a character that stands alone stays alone. Most
    Chinese words have two characters, so most true words are among the pairs. Full-width letters and
    letters with a separate accent are first brought to their usual form (Unicode NFKC).

    Example:
        >>> tokenize("Don't panic: A/B-tests in R, 第一次 A/B 测试")
        ["don't", 'panic', 'a', 'b', 'tests', 'in', 'r', '第一', '一次', 'a', 'b', '测试']
    """
    words = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if len(run) > 2 and re.match(f"[{_UNSPACED}]", run):
            words.extend(run[place : place + 2] for place in range(len(run) - 1))
        else:
            words.append(run.replace("’", "'"))
    return words


def bag_of_words(
    texts: Iterable[str],
    *,
    min_df: int | float = 1,
    max_df: int | float = 1.0,
    stop_words: str | Sequence[str] | None = None,
) -> tuple[sparse.csr_array, list[str]]:
    """How often each term occurs in each text: scikit-learn's `CountVectorizer` on our `tokenize`.

    Args:
        texts: n strings.
        min_df, max_df: keep terms that occur in at least (at most) so many texts; a float between 0
            and 1 is a share of the texts.
        stop_words: words to leave out: "english" for scikit-learn's list of 318, or a list of your own.

    Returns:
        counts: (n_texts, n_terms) float32; a text without any kept term has an empty row.
        terms: n_terms words in alphabetical order, the names of the columns.

    Raises:
        TypeError: for one string in place of many, or when a text is no string; its place is named.
        ValueError: when no term is left.

    Example:
        >>> counts, terms = bag_of_words(["Maps and more maps", "More data"])
        >>> terms, counts.toarray().tolist()
        (['and', 'data', 'maps', 'more'], [[1.0, 0.0, 2.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    """
    from sklearn.feature_extraction.text import CountVectorizer

    return _vectorised(CountVectorizer, texts, stop_words, min_df=min_df, max_df=max_df)


def tfidf_matrix(
    texts: Iterable[str],
    *,
    min_df: int | float = 1,
    max_df: int | float = 1.0,
    stop_words: str | Sequence[str] | None = None,
    sublinear_tf: bool = False,
) -> tuple[sparse.csr_array, list[str]]:
    """Counts weighted by rarity, rows of length 1: scikit-learn's `TfidfVectorizer` on our `tokenize`.

    With tf(d, t) the count of term t in text d, df(t) the number of the n texts that hold t:
    idf(t) = ln((1 + n) / (1 + df(t))) + 1,   x(d, t) = tf(d, t) · idf(t) / √Σ_t' (tf(d, t') · idf(t'))².
    The idea is Spärck Jones' (1972); the ones, as if one more text held every term, are scikit-learn's
    default (`smooth_idf`), and so is the + 1, which keeps a term that all texts share.

    Args:
        texts: n strings.
        min_df, max_df, stop_words: as in `bag_of_words`.
        sublinear_tf: take 1 + ln tf for tf, so that a word said ten times does not weigh ten times.

    Returns:
        tfidf: (n_texts, n_terms) float32; the product of two rows is the cosine of their texts. A text
            without any kept term has an empty row.
        terms: n_terms words in alphabetical order, the names of the columns.

    Raises:
        TypeError: for one string in place of many, or when a text is no string; its place is named.
        ValueError: when no term is left.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    options = {"min_df": min_df, "max_df": max_df, "sublinear_tf": sublinear_tf}
    return _vectorised(TfidfVectorizer, texts, stop_words, **options)


def as_texts(texts: Iterable[str]) -> list[str]:
    """Check that these are several strings, and list them."""
    if isinstance(texts, str):
        raise TypeError(f"texts is one string ({texts[:20]!r}…); give a list of strings")
    texts = list(texts)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {place} is {text!r}, not a string; write '' where there is no text")
    return texts


def without(stop_words: str | Sequence[str] | None) -> frozenset[str]:
    """The words to leave out, as a set.

    Raises:
        ValueError: for a string other than "english".
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    if isinstance(stop_words, str) and stop_words != "english":
        raise ValueError(f"stop_words={stop_words!r}: write 'english', a list of words, or None")
    return ENGLISH_STOP_WORDS if stop_words == "english" else frozenset(stop_words or ())


def _vectorised(
    vectorizer: type[CountVectorizer],
    texts: Iterable[str],
    stop_words: str | Sequence[str] | None,
    **options: object,
) -> tuple[sparse.csr_array, list[str]]:
    unwanted = without(stop_words)

    def terms_of(text: str) -> list[str]:
        return [word for word in tokenize(text) if word not in unwanted]

    made = vectorizer(analyzer=terms_of, dtype=np.float32, **options)
    try:
        matrix = made.fit_transform(as_texts(texts))
    except ValueError as error:
        raise ValueError(
            f"no term is left ({error}): are the texts empty, min_df={options['min_df']} too high, "
            f"max_df={options['max_df']} too low, or all words stop words?"
        ) from error
    matrix = sparse.csr_array(matrix)
    matrix.sort_indices()
    return matrix, made.get_feature_names_out().tolist()
