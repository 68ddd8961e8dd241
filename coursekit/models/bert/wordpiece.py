"""WordPiece: a fixed vocabulary of words and parts of words, into which every text can be split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing

#: In this order they are the first ids of a vocabulary of ours.
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONTINUED = "##"  # before a part that does not begin its word


def train_wordpiece(
    texts: Iterable[str], vocab_size: int = 3000, *, lowercase: bool = True, min_count: int = 2
) -> Tokenizer:
    """Learn a vocabulary from texts: characters first, then again and again the commonest pair joined.

    Texts are cleaned, lower-cased, accents dropped, and split at spaces and around every punctuation mark and
    every Chinese character, as BERT's are; what is joined never reaches over such a border. Pairs are chosen
    by count, as the `tokenizers` library does it; the original (Schuster and Nakajima, 2012) chose the pair
    that raises the likelihood most.

    Args:
        texts: n strings. All their characters enter the vocabulary; one that they lack is later [UNK].
        vocab_size: tokens wanted, special ones included. There are fewer when no pair is left to join, and
            more when the characters alone are more.
        lowercase: whether to lower-case and to drop accents.
        min_count: how often a pair must occur to be joined.

    Returns:
        A tokenizer that writes `[CLS] text [SEP]` and `[CLS] text [SEP] pair [SEP]`. The same texts give the
        same vocabulary, id by id.

    Raises:
        TypeError: for one string in place of many.
        ValueError: when the texts hold no character.

    Example:
        >>> tokenizer = train_wordpiece(["maps and more maps", "map the map"] * 2, vocab_size=40)
        >>> tokenizer.encode("Maps").tokens
        ['[CLS]', 'maps', '[SEP]']
    """
    if isinstance(texts, str):
        raise TypeError(f"texts is one string ({texts[:20]!r}…); give a list of strings")
    texts = list(texts)
    learner = _splitter(Tokenizer(models.WordPiece(unk_token="[UNK]")), lowercase)
    inside = _characters_inside_words(learner, texts)
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=min_count,
        # The trainer numbers characters inside words in an order that changes from run to run, and that
        # number decides between equally frequent pairs. Given as special tokens they are numbered by us.
        special_tokens=[*SPECIAL, *(CONTINUED + character for character in inside)],
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    vocabulary = learner.get_vocab(with_added_tokens=True)
    if len(vocabulary) == len(SPECIAL):
        raise ValueError("the texts hold no character, so there is nothing to learn a vocabulary from")
    return bert_tokenizer(vocabulary, lowercase=lowercase)


def bert_tokenizer(vocabulary: Mapping[str, int], *, lowercase: bool = True) -> Tokenizer:
    """BERT's tokenizer over a vocabulary, such as the lines of a vocab.txt.

    Raises:
        ValueError: when a special token is missing.
    """
    missing = [token for token in SPECIAL if token not in vocabulary]
    if missing:
        raise ValueError(f"the vocabulary of {len(vocabulary)} tokens lacks {', '.join(missing)}")
    tokenizer = _splitter(Tokenizer(models.WordPiece(dict(vocabulary), unk_token="[UNK]")), lowercase)
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    tokenizer.decoder = decoders.WordPiece(prefix=CONTINUED)
    return tokenizer


def _splitter(tokenizer: Tokenizer, lowercase: bool) -> Tokenizer:
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _characters_inside_words(tokenizer: Tokenizer, texts: list[str]) -> list[str]:
    """Those that stand somewhere after the first of a word, sorted."""
    found: set[str] = set()
    for text in texts:
        clean = tokenizer.normalizer.normalize_str(text)
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(clean):
            found.update(word[1:])
    return sorted(found)
