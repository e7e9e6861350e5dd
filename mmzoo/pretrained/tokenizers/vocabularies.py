"""Tokenizers of vocabulary files: CLIP's and GPT-2's vocab.json with merges.txt, BERT's vocab.txt."""

from __future__ import annotations

from pathlib import Path

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors

from mmzoo.pretrained.tokenizers.files import first_repeated, read_lines, read_object
from mmzoo.pretrained.tokenizers.settings import Settings

WORD_END = "</w>"
CLIP_START, CLIP_END = "<|startoftext|>", "<|endoftext|>"
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # arXiv:2103.00020, section 2.4


def read_merges(folder: Path, settings: Settings) -> tokenizers.Tokenizer:
    """Byte-level BPE of vocab.json and merges.txt: CLIP's if its pieces mark the end of a word, else GPT-2's or RoBERTa's.

    Raises: ValueError if merges.txt is missing, a merge is no pair of tokens or does not fit the vocabulary, or ids are
    no distinct numbers.
    """
    vocabulary = read_object(folder / "vocab.json", distinct=True)
    for token, index in vocabulary.items():
        if type(index) is not int or not 0 <= index < 2**31:
            raise ValueError(
                f"vocab.json must give each token an id of at least 0, received {index!r:.40} for {token!r:.40}"
            )
    if (repeated := first_repeated(vocabulary.values())) is not None:
        raise ValueError(f"vocab.json must give each token an id of its own, received {repeated} twice")
    if not (folder / "merges.txt").exists():
        raise ValueError("merges.txt must lie beside vocab.json, received a folder without it")
    merges = _merges(folder / "merges.txt")
    clip = any(token.endswith(WORD_END) for token in vocabulary)
    return (_clip if clip else _byte_level)(vocabulary, merges, settings)


def read_words(folder: Path, settings: Settings) -> tokenizers.Tokenizer:
    """BERT's WordPiece of vocab.txt, one token a line (arXiv:1810.04805).

    Raises: ValueError if a token comes twice or one of BERT's special tokens is missing.
    """
    lines = read_lines(folder / "vocab.txt")
    if (repeated := first_repeated(lines)) is not None:
        raise ValueError(f"vocab.txt must hold each token once, received {repeated!r:.40} twice")
    vocabulary = {token: index for index, token in enumerate(lines)}
    start, end = settings.token("cls_token") or "[CLS]", settings.token("sep_token") or "[SEP]"
    unknown, pad = settings.token("unk_token") or "[UNK]", settings.token("pad_token") or "[PAD]"
    _require("vocab.txt", vocabulary, start, end, unknown, pad)
    encoder = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    encoder.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.flags.get("tokenize_chinese_chars", True),
        strip_accents=settings.flags.get("strip_accents"),
        lowercase=settings.flags.get("do_lower_case", True),
    )
    encoder.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    encoder.decoder = decoders.WordPiece(prefix="##")
    mask = settings.token("mask_token") or "[MASK]"
    encoder.add_special_tokens([token for token in (pad, unknown, start, end, mask) if token in vocabulary])
    ids = [(start, vocabulary[start]), (end, vocabulary[end])]
    encoder.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", pair=f"{start} $A {end} $B:1 {end}:1", special_tokens=ids
    )
    encoder.enable_padding(pad_id=vocabulary[pad], pad_token=pad)
    return encoder


def _merges(path: Path) -> list[tuple[str, str]]:
    merges = []
    for number, line in enumerate(read_lines(path), 1):
        if not line or (number == 1 and "#version" in line):
            continue
        pair = line.split(" ")
        if len(pair) != 2:
            raise ValueError(f"{path.name} must hold two tokens in each line, received {line!r:.80} in line {number}")
        merges.append((pair[0], pair[1]))
    return merges


def _clip(vocabulary: dict[str, int], merges: list[tuple[str, str]], settings: Settings) -> tokenizers.Tokenizer:
    start, end = settings.token("bos_token") or CLIP_START, settings.token("eos_token") or CLIP_END
    _require("vocab.json", vocabulary, start, end)
    unknown = settings.token("unk_token") or end
    encoder = _bpe(vocabulary, merges, unk_token=unknown, end_of_word_suffix=WORD_END)
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    encoder.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
    phrases = "".join(token.replace("|", r"\|") + "|" for token in (CLIP_START, CLIP_END))
    words = pre_tokenizers.Split(Regex(phrases + CLIP_WORDS), behavior="removed", invert=True)
    encoder.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    encoder.add_special_tokens([start, end])
    encoder.post_processor = processors.RobertaProcessing(
        (end, vocabulary[end]), (start, vocabulary[start]), trim_offsets=False, add_prefix_space=False
    )
    return encoder


def _byte_level(vocabulary: dict[str, int], merges: list[tuple[str, str]], settings: Settings) -> tokenizers.Tokenizer:
    encoder = _bpe(vocabulary, merges)
    space = settings.flags.get("add_prefix_space", False)
    encoder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=space)
    start, end = settings.token("cls_token", "bos_token") or "<s>", settings.token("sep_token", "eos_token") or "</s>"
    if start == end or start not in vocabulary:  # GPT-2 has one special token, and rows begin with none
        encoder.add_special_tokens(
            [token for token in (settings.token("eos_token") or CLIP_END,) if token in vocabulary]
        )
        return encoder
    _require("vocab.json", vocabulary, start, end)
    pad, *others = (settings.token(f"{role}_token") or f"<{role}>" for role in ("pad", "unk", "mask"))
    encoder.add_special_tokens([token for token in (start, end, pad, *others) if token in vocabulary])
    if pad in vocabulary:
        encoder.enable_padding(pad_id=vocabulary[pad], pad_token=pad)
    encoder.post_processor = processors.RobertaProcessing(
        (end, vocabulary[end]), (start, vocabulary[start]), trim_offsets=True, add_prefix_space=space
    )
    return encoder


def _bpe(vocabulary: dict[str, int], merges: list[tuple[str, str]], **options: str) -> tokenizers.Tokenizer:
    try:
        model = models.BPE(vocabulary, merges, **options)
    except Exception as error:  # the library raises nothing more specific
        raise ValueError(
            f"merges.txt must join tokens of vocab.json, received a merge that does not fit: {error}"
        ) from error
    encoder = tokenizers.Tokenizer(model)
    encoder.decoder = decoders.ByteLevel()
    return encoder


def _require(name: str, vocabulary: dict[str, int], *tokens: str) -> None:
    for token in tokens:
        if token not in vocabulary:
            raise ValueError(f"{name} must hold the special token {token!r}, received one without")
