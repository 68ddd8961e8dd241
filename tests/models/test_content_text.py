"""Words, bags of words and TF-IDF against counting by hand."""

import math

import numpy as np
import pytest

from coursekit.models import bag_of_words, tfidf_matrix, tokenize

TEXTS = ["maps and more maps", "more data", "data, maps; data!", ""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Learn R, C and SQL-99 today", ["learn", "r", "c", "and", "sql", "99", "today"]),
        ("Don’t panic, it's 'quoted'", ["don't", "panic", "it's", "quoted"]),
        ("snake_case", ["snake", "case"]),
        ("Ｐｙｔｈｏｎ Cafe\u0301", ["python", "café"]),
        ("数据科学", ["数据", "据科", "科学"]),
        ("小板子 A/B 测试, 茶", ["小板", "板子", "a", "b", "测试", "茶"]),
        ("Python入门", ["python", "入门"]),
        ("Привет, Ελλάδα", ["привет", "ελλάδα"]),
        (" …!  ", []),
    ],
)
def test_words_of_a_text(text, words):
    assert tokenize(text) == words


def test_bag_counts_every_word():
    counts, terms = bag_of_words(TEXTS)
    assert terms == ["and", "data", "maps", "more"]
    assert counts.toarray().tolist() == [[1, 0, 2, 1], [0, 1, 0, 1], [0, 2, 1, 0], [0, 0, 0, 0]]
    assert counts.dtype == np.float32


def by_hand(texts, sublinear=False):
    """TF-IDF with loops: idf = ln((1 + n) / (1 + df)) + 1, rows of length 1."""
    words = [tokenize(text) for text in texts]
    terms = sorted({word for text in words for word in text})
    idf = {t: math.log((1 + len(texts)) / (1 + sum(t in text for text in words))) + 1 for t in terms}
    rows = []
    for text in words:
        count = [text.count(t) for t in terms]
        tf = [1 + math.log(c) if sublinear and c else c for c in count]
        row = [f * idf[t] for f, t in zip(tf, terms, strict=True)]
        length = math.sqrt(sum(x * x for x in row)) or 1.0
        rows.append([x / length for x in row])
    return np.array(rows), terms


@pytest.mark.parametrize("sublinear", [False, True])
def test_tfidf_equals_the_formula_number_for_number(sublinear):
    rng = np.random.default_rng(0)
    texts = [*TEXTS, *(" ".join(rng.choice(list("abcdefgh"), 9)) for _ in range(20))]
    found, terms = tfidf_matrix(texts, sublinear_tf=sublinear)
    expected, expected_terms = by_hand(texts, sublinear)
    assert terms == expected_terms
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)


def test_three_texts_one_weight():
    # "data" stands in 1 of 2 texts: idf = ln(3/2) + 1 = 1.405; "maps" in both: 1. Length √(1.405² + 1).
    found, terms = tfidf_matrix(["data maps", "maps"])
    assert found[0, terms.index("data")] == pytest.approx(1.4054651 / math.hypot(1.4054651, 1))


def test_rare_and_frequent_terms_and_stop_words_can_be_left_out():
    assert bag_of_words(TEXTS, min_df=2)[1] == ["data", "maps", "more"]
    assert bag_of_words(TEXTS, max_df=1)[1] == ["and"]
    assert tfidf_matrix(TEXTS, stop_words="english")[1] == ["data", "maps"]
    assert tfidf_matrix(TEXTS, stop_words=["maps"])[1] == ["and", "data", "more"]


def test_one_string_is_no_list_of_texts():
    with pytest.raises(TypeError, match=r"one string \('more data'…\); give a list"):
        tfidf_matrix("more data")


def test_text_that_is_none_is_named_by_its_place():
    with pytest.raises(TypeError, match="text 1 is None, not a string"):
        bag_of_words(["data", None])


@pytest.mark.parametrize(("texts", "options"), [(["", " "], {}), (["a", "b"], {"min_df": 2})])
def test_texts_that_leave_no_term_are_refused(texts, options):
    with pytest.raises(ValueError, match="no term is left"):
        tfidf_matrix(texts, **options)


def test_unknown_list_of_stop_words_is_refused():
    with pytest.raises(ValueError, match="stop_words='german': write 'english'"):
        bag_of_words(TEXTS, stop_words="german")
