"""Learning a vocabulary from captions."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Sequence

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from mmzoo.tokenizer.roles import template
from mmzoo.tokenizer.texts import as_texts

# Ids 0 to 4 of every tokenizer learned here. The end is not 2, to which transformers' CLIP gives a meaning of its own.
ROLES = ("<pad>", "<start>", "<mask>", "<end>", "<unk>")


def learn(
    captions: Iterable[str | bytes], vocab_size: int, kind: str, lower_case: bool, languages: Sequence[str]
) -> tokenizers.Tokenizer:
    """A tokenizers object with the special tokens in their roles; arguments and errors are those of Tokenizer.train."""
    if kind not in ("byte_bpe", "wordpiece"):
        raise ValueError(f"kind must be 'byte_bpe' or 'wordpiece', received {kind!r}")
    texts = list(as_texts(captions))
    if not any(text.strip() for text in texts):
        raise ValueError(f"captions must hold at least one that is not empty, received {len(texts)} of them")
    tags = _language_tags(languages)
    special = [*ROLES, *tags.values()]
    size = operator.index(vocab_size)
    encoder = (_byte_bpe if kind == "byte_bpe" else _wordpiece)(texts, size, special, lower_case)
    encoder.post_processor = template(encoder, "<start>", "<end>", "<mask>", tags)
    encoder.enable_padding(pad_id=ROLES.index("<pad>"), pad_token="<pad>")
    return encoder


def _byte_bpe(texts: list[str], size: int, special: list[str], lower_case: bool) -> tokenizers.Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    _check_room(size, special, alphabet, "bytes")
    encoder = tokenizers.Tokenizer(models.BPE(unk_token="<unk>"))
    encoder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    encoder.decoder = decoders.ByteLevel()
    if lower_case:
        encoder.normalizer = normalizers.Lowercase()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    encoder.train_from_iterator(texts, trainer)
    return encoder


def _wordpiece(texts: list[str], size: int, special: list[str], lower_case: bool) -> tokenizers.Tokenizer:
    encoder = tokenizers.Tokenizer(models.WordPiece(unk_token="<unk>"))
    encoder.normalizer = normalizers.BertNormalizer(lowercase=lower_case)
    encoder.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    encoder.decoder = decoders.WordPiece()
    words = {
        word
        for text in texts
        for word, _ in encoder.pre_tokenizer.pre_tokenize_str(encoder.normalizer.normalize_str(text))
    }
    characters = sorted({character for word in words for character in word})
    characters += sorted({"##" + character for word in words for character in word[1:]})
    _check_room(size, special, characters, "characters")
    # The trainer numbers "##x" in the order of a hash map, another one in each process. It keeps the order of special
    # tokens, so the characters are passed as such and the vocabulary is then put into a model where they are not.
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=[*special, *characters], show_progress=False)
    learner = tokenizers.Tokenizer(models.WordPiece(unk_token="<unk>"))
    learner.normalizer = encoder.normalizer
    learner.pre_tokenizer = encoder.pre_tokenizer
    learner.train_from_iterator(texts, trainer)
    encoder.model = models.WordPiece(learner.get_vocab(), unk_token="<unk>")
    encoder.add_special_tokens(special)
    return encoder


def _check_room(size: int, special: list[str], alphabet: list[str], unit: str) -> None:
    least = len(special) + len(alphabet) + 1
    if size < least:
        raise ValueError(
            f"vocab_size must be at least {least}, for {len(special)} special tokens, {len(alphabet)} {unit} and "
            f"something to learn, received {size}"
        )


def _language_tags(languages: Sequence[str]) -> dict[str, str]:
    if isinstance(languages, str):
        raise TypeError(f"languages must be a list such as ['en'], received the single str {languages!r}")
    tags = {language: f"<{language}>" for language in languages}
    wrong = [
        name for name, tag in tags.items() if tag in ROLES or not re.fullmatch("[a-z]{2,3}(-[a-z0-9]{2,8})*", name)
    ]
    if wrong or len(tags) != len(languages):
        raise ValueError(f"languages must be distinct tags such as 'en' or 'zh-hant', received {list(languages)!r}")
    return tags
