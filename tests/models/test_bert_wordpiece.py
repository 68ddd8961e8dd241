"""The tokenizer: the same vocabulary every time, and the pieces that BERT's rule gives."""

import os
import subprocess
import sys

import pytest

from coursekit.models.bert import bert_tokenizer, train_wordpiece
from coursekit.models.bert.wordpiece import SPECIAL

TEXTS = ["Maps and more maps, mapped", "map the map!", "数据科学 maps", "Café, naïve"] * 2


@pytest.fixture(scope="module")
def tokenizer():
    return train_wordpiece(TEXTS, vocab_size=60)


def pieces(vocabulary, word):
    """The longest known beginning, again and again: BERT's rule, written out."""
    found, start = [], 0
    while start < len(word):
        ends = range(len(word), start, -1)
        begin = "##" if start else ""
        end = next((end for end in ends if begin + word[start:end] in vocabulary), None)
        if end is None:
            return ["[UNK]"]
        found.append(begin + word[start:end])
        start = end
    return found


@pytest.mark.parametrize("word", ["maps", "mapped", "more", "ampers", "thermo", "cafe", "xylophone", "moreq"])
def test_words_fall_into_the_longest_known_pieces(tokenizer, word):
    expected = pieces(tokenizer.get_vocab(), word)
    assert tokenizer.encode(word, add_special_tokens=False).tokens == expected


def test_special_tokens_come_first(tokenizer):
    assert [tokenizer.id_to_token(number) for number in range(5)] == list(SPECIAL)


def test_case_accents_punctuation_and_chinese_characters(tokenizer):
    assert tokenizer.encode("MAPS,Café 数据").tokens == ["[CLS]", "maps", ",", "cafe", "数", "据", "[SEP]"]
    assert not any(len(token) > 1 and "数" in token for token in tokenizer.get_vocab())


def test_with_capitals_kept():
    cased = train_wordpiece(["Maps maps"] * 3, 40, lowercase=False)
    assert cased.encode("Maps maps").tokens == ["[CLS]", "Maps", "maps", "[SEP]"]


def test_pairs_have_segments_and_special_words_in_texts_are_special(tokenizer):
    row = tokenizer.encode("maps", "the [MASK]")
    assert row.tokens == ["[CLS]", "maps", "[SEP]", "the", "[MASK]", "[SEP]"]
    assert row.type_ids == [0, 0, 0, 1, 1, 1]
    assert row.ids[4] == SPECIAL.index("[MASK]")


def test_pieces_can_be_joined_again(tokenizer):
    assert tokenizer.decode(tokenizer.encode("mapped maps").ids) == "mapped maps"


def test_a_character_never_seen_is_unknown(tokenizer):
    assert tokenizer.encode("maps ß").tokens == ["[CLS]", "maps", "[UNK]", "[SEP]"]


def test_the_size_is_what_was_asked_for_where_there_is_enough_to_join():
    texts = [f"word{a}{b}{c}" for a in "abcdef" for b in "ghijkl" for c in "mnopqr"] * 2
    assert train_wordpiece(texts, 120).get_vocab_size() == 120
    assert train_wordpiece(["ab"] * 5, 120).get_vocab_size() == len(SPECIAL) + len(["##b", "a", "b", "ab"])


def test_rare_pairs_are_not_joined():
    texts = ["tea"] * 3 + ["cup"]
    assert "tea" in train_wordpiece(texts, 60).get_vocab()
    assert "cup" not in train_wordpiece(texts, 60).get_vocab()
    assert "cup" in train_wordpiece(texts, 60, min_count=1).get_vocab()


# Ties everywhere: each word occurs twice, so which pairs are joined first depends on the order alone.
_SCRIPT = """
import random
from coursekit.models.bert import train_wordpiece
words = random.Random(0)
texts = ["".join(words.choices("abcdefghijklmnop", k=9)) for _ in range(300)] * 2
print(sorted(train_wordpiece(texts, 300).get_vocab().items()))
"""


def test_every_process_learns_the_same_vocabulary():
    runs = [
        subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(3)
    ]
    assert len(runs[0]) > 1000
    assert len(set(runs)) == 1


def test_as_transformers_splits(tokenizer):
    transformers = pytest.importorskip("transformers")
    texts = ["Maps, mapped and thermos", "数据 map!", "Naïve CAFÉ [MASK]", "", "  a\tb\n"]
    theirs = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **dict(zip(
            ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True
        ))
    )  # fmt: skip
    assert theirs(texts)["input_ids"] == [row.ids for row in tokenizer.encode_batch(texts)]


def test_wrong_texts_are_refused():
    with pytest.raises(TypeError, match="texts is one string"):
        train_wordpiece("maps")
    with pytest.raises(ValueError, match="no character"):
        train_wordpiece(["", "  "])
    with pytest.raises(ValueError, match=r"lacks \[CLS\], \[SEP\]"):
        bert_tokenizer({"[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "a": 3})
