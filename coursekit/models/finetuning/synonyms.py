"""More texts out of few: the same sentence with some words changed for others of the same meaning."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np

TABLE = Path(__file__).with_name("synonyms.txt")
# A word in lower case, of letters only, touched by no letter, digit, apostrophe, hyphen, @ or _, nor by a dot
# that does not end a sentence: "small-scale" and "small.py" are no such words.
_WORD = re.compile(r"(?<![\w'’@.-])[a-z]+(?![\w'’@-]|\.\w)")
_ARTICLE = re.compile(r"(?:^|\W)an?\s$", re.IGNORECASE)  # looked for in the four characters before a word
_VOWELS = "aeiou"


def replace_synonyms(text: str, rng: int | np.random.Generator = 0, share: float = 0.5) -> str:
    """The text with some of its words replaced by synonyms (Zhang, Zhao and LeCun, 2015, section 2.4, augment
    texts so: "Character-level convolutional networks for text classification", NeurIPS).

    Each word that has synonyms is replaced with probability `share`, by one of its group at random. The
    groups are those of `synonyms.txt` beside this file: words of the course catalogue, each of which occurs
    there. Words with capitals or digits are never touched, so names, titles and numbers stay. After "a" and
    "an" only a word that goes with the same article is put.

    Args:
        text: any text. One without words of the table comes back as it is, whatever its language.
        rng: a seed, or a generator that goes on drawing. The same seed gives the same text.
        share: of the replaceable words, between 0 (none) and 1 (all).

    Raises:
        ValueError: when the share lies outside.

    Example:
        >>> replace_synonyms("A quiet start for beginners: phone photos from Paris.", rng=1, share=1)
        'A silent start for newcomers: telephone photographs from Paris.'
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share={share} must lie between 0 and 1")
    rng = np.random.default_rng(rng)
    others = synonym_table()

    def replaced(found: re.Match[str]) -> str:
        word = found.group()
        choices = others.get(word, ())
        if _ARTICLE.search(text[max(0, found.start() - 4) : found.start()]):
            choices = [other for other in choices if (other[0] in _VOWELS) == (word[0] in _VOWELS)]
        if not choices or rng.random() >= share:
            return word
        return choices[int(rng.integers(len(choices)))]

    return _WORD.sub(replaced, text)


@cache
def synonym_table() -> dict[str, tuple[str, ...]]:
    """Each word of the table with the others of its group."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    groups = [line.split() for line in lines if line and not line.startswith("#")]
    return {word: tuple(other for other in group if other != word) for group in groups for word in group}
