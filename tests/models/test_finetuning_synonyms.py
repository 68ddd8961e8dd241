import re

import numpy as np
import pytest

from coursekit.datasets import load
from coursekit.models.finetuning import replace_synonyms
from coursekit.models.finetuning.synonyms import TABLE, synonym_table


@pytest.fixture(scope="module")
def texts():
    return [str(text) for text in load("campus").item_text]


def groups():
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def test_every_word_of_the_table_occurs_in_the_catalogue_and_in_one_group(texts):
    words = set(re.findall(r"(?<![\w'’@.-])[a-z]+(?![\w'’@-])", " ".join(texts)))
    listed = [word for group in groups() for word in group]
    assert len(groups()) >= 150
    assert all(len(group) > 1 for group in groups())
    assert [word for word in listed if word not in words] == []
    assert len(set(listed)) == len(listed)
    assert groups() == sorted(sorted(group) for group in groups())


def test_replaced_words_are_of_the_same_group_and_nothing_else_changes(texts):
    others = synonym_table()
    split = re.compile(r"\W+").split
    changed = 0
    for text in texts:
        new = replace_synonyms(text, rng=1, share=1)
        before, after = split(text), split(new)
        assert len(before) == len(after)
        for old, word in zip(before, after, strict=True):
            if old != word:
                assert word in others[old]
                changed += 1
        assert re.sub(r"[a-z]+", "", text) == re.sub(r"[a-z]+", "", new)  # capitals, digits, signs stay
    assert changed > 800


def test_names_numbers_and_what_only_looks_like_a_word_stay():
    """Each of these holds a word of the table."""
    for text in (
        "Small",
        "SMALL",
        "small-scale",
        "small.py",
        "a_small",
        "small2",
        "small's",
        "@small",
        "e-small",
    ):
        assert replace_synonyms(text, share=1) == text
    assert replace_synonyms("small.", share=1) == "tiny."
    assert replace_synonyms("The Small, small (small) small!", share=1) == "The Small, tiny (tiny) tiny!"


def test_the_article_stays_right():
    for seed in range(20):
        assert replace_synonyms("an idea", seed, 1) == "an idea"  # notion would want "a"
        assert replace_synonyms("A method", seed, 1) == "A technique"
    assert replace_synonyms("the idea", 0, 1) == "the notion"


def test_the_share_is_kept_and_the_seed_decides(texts):
    text = " ".join(texts)
    replaceable = sum(word in synonym_table() for word in re.findall(r"[a-z]+", text))
    all_of_them = n_changed(text, replace_synonyms(text, 0, 1))
    half = n_changed(text, replace_synonyms(text, 0, 0.5))
    assert all_of_them <= replaceable
    assert half / all_of_them == pytest.approx(0.5, abs=0.06)
    assert replace_synonyms(text, 0, 0) == text
    assert replace_synonyms(text, 3, 0.5) == replace_synonyms(text, 3, 0.5)
    assert replace_synonyms(text, 3, 0.5) != replace_synonyms(text, 4, 0.5)


def n_changed(old, new):
    return sum(a != b for a, b in zip(old.split(), new.split(), strict=True))


def test_a_generator_goes_on_drawing():
    rng = np.random.default_rng(0)
    found = {replace_synonyms("careful beginners meet a quick error", rng, 0.5) for _ in range(40)}
    assert len(found) > 4


def test_texts_in_other_languages_and_none_at_all_come_back():
    for text in ("", "数据科学入门", "Deutsch im Büro", "1 + 1 = 2"):
        assert replace_synonyms(text, 0, 1) == text


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        replace_synonyms("small", 0, share)
