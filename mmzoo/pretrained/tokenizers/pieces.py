"""Tokenizers of sentencepiece files: Unigram (arXiv:1804.10959) and BPE, and how SigLIP cleans a text before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, processors

from mmzoo.pretrained.tokenizers.files import first_repeated, read_bytes
from mmzoo.pretrained.tokenizers.settings import Settings

SPACE = "▁"
_KEEP_NUMBERS = ("", "SiglipTokenizer", "Siglip2Tokenizer", "GemmaTokenizer", "T5Tokenizer")
_UNIGRAM, _BPE = 1, 2
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED = 1, 2, 3, 4
# What str.lower() makes of a capital sigma at the end of a word; Lowercase looks at each character alone.
_FINAL_SIGMA = r"\p{Cased}\p{Case_Ignorable}*\KΣ(?!\p{Case_Ignorable}*\p{Cased})"
_PUNCTUATION = r"[!-/:-@\[-`{-~]"  # string.punctuation
_WHITE_SPACE = r"[\s\x1c-\x1f]+"  # what Python calls white space


def read_pieces(path: Path, settings: Settings) -> tokenizers.Tokenizer:
    """The tokenizer of spiece.model or tokenizer.model; with SigLIP's cleaning where the settings name SigLIP.

    Raises: ValueError if the file is no sentencepiece model, holds a piece twice, is neither Unigram nor BPE, marks white
    space in another way, or belongs to a tokenizer that numbers its pieces differently (XLM-R).
    """
    if settings.tokenizer_class not in _KEEP_NUMBERS:
        raise ValueError(
            f"{path.name} must belong to a tokenizer that keeps its numbers, received that of {settings.tokenizer_class}, "
            "which may not: a tokenizer.json of it can be read"
        )
    proto = _parse(path)
    trainer, rules = proto.trainer_spec, proto.normalizer_spec
    names = [piece.piece for piece in proto.pieces]
    if (repeated := first_repeated(names)) is not None:
        raise ValueError(f"{path.name} must hold each piece once, received {repeated!r:.40} twice")
    if trainer.model_type not in (_UNIGRAM, _BPE):
        raise ValueError(f"{path.name} must be a Unigram or BPE model, received type {trainer.model_type}")
    if not rules.escape_whitespaces or trainer.treat_whitespace_as_suffix:
        raise ValueError(f"{path.name} must mark white space before words, received one that does not")
    if not 0 <= trainer.unk_id < len(names):
        raise ValueError(f"{path.name} must have an unknown piece among its {len(names)}, received {trainer.unk_id}")
    try:
        return _build(proto, settings)
    except Exception as error:  # the library raises nothing more specific
        raise ValueError(f"{path.name} must be a sentencepiece model, received one that is refused: {error}") from error


def _build(proto: Any, settings: Settings) -> tokenizers.Tokenizer:
    trainer, rules = proto.trainer_spec, proto.normalizer_spec
    names = [piece.piece for piece in proto.pieces]
    encoder = tokenizers.Tokenizer((_unigram if trainer.model_type == _UNIGRAM else _bpe)(proto))
    encoder.normalizer = _normalizer(rules, settings)
    steps = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if rules.add_dummy_prefix:
        steps.append(decoders.Strip(" ", 1, 0))
    encoder.decoder = decoders.Sequence(steps)
    encoder.add_special_tokens([piece.piece for piece in proto.pieces if piece.type in (_UNKNOWN, _CONTROL)])
    encoder.add_tokens([AddedToken(p.piece, normalized=False) for p in proto.pieces if p.type == _USER_DEFINED])
    end = settings.token("eos_token") or (names[trainer.eos_id] if 0 <= trainer.eos_id < len(names) else None)
    if end in names:
        ends = [(end, names.index(end))]
        encoder.post_processor = processors.TemplateProcessing(single=f"$A {end}", special_tokens=ends)
    pad = end if settings.is_siglip else names[trainer.pad_id] if 0 <= trainer.pad_id < len(names) else None
    if pad in names:
        encoder.enable_padding(pad_id=names.index(pad), pad_token=pad)
    return encoder


def _parse(path: Path) -> Any:
    from google.protobuf.message import DecodeError
    from sentencepiece import sentencepiece_model_pb2

    try:
        proto = sentencepiece_model_pb2.ModelProto.FromString(read_bytes(path))  # type: ignore[attr-defined]
    except DecodeError as error:
        raise ValueError(f"{path.name} must be a sentencepiece model, received a file that is none: {error}") from error
    wrong = next((piece.piece for piece in proto.pieces if not isinstance(piece.piece, str)), None)
    if wrong is not None:  # protobuf hands over what is not UTF-8 as bytes
        raise ValueError(f"{path.name} must hold pieces in UTF-8, received {wrong!r:.80}")
    return proto


def _unigram(proto: Any) -> models.Unigram:
    scores = [(piece.piece, piece.score) for piece in proto.pieces]
    return models.Unigram(scores, unk_id=proto.trainer_spec.unk_id, byte_fallback=proto.trainer_spec.byte_fallback)


def _bpe(proto: Any) -> models.BPE:
    """Every way to put a piece together from two others is a merge; the piece with the better score goes first."""
    vocabulary = {piece.piece: index for index, piece in enumerate(proto.pieces)}
    joined = {piece.piece: piece.score for piece in proto.pieces if piece.type == _NORMAL}
    merges = [
        (-score, len(left), left, right)
        for whole, score in joined.items()
        for cut in range(1, len(whole))
        if (left := whole[:cut]) in joined and (right := whole[cut:]) in joined
    ]
    return models.BPE(
        vocabulary,
        [(left, right) for *_, left, right in sorted(merges)],
        unk_token=proto.pieces[proto.trainer_spec.unk_id].piece,
        fuse_unk=True,
        byte_fallback=proto.trainer_spec.byte_fallback,
    )


def _normalizer(rules: Any, settings: Settings) -> normalizers.Sequence:
    steps: list[normalizers.Normalizer] = []
    if settings.is_siglip:
        steps += _cleaning(settings.flags.get("do_lower_case", True))
    prefix = SPACE
    if rules.precompiled_charsmap:
        steps.append(normalizers.Precompiled(rules.precompiled_charsmap))
        prefix = steps[-1].normalize_str(SPACE)
    if settings.is_siglip:  # a mark goes before each text, and spaces behind it are not those of a beginning
        steps.append(normalizers.Prepend(prefix))
    if rules.remove_extra_whitespaces:
        steps += [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Replace(Regex(f"[ {SPACE}]+$"), "")]
        if not settings.is_siglip:
            steps.append(normalizers.Replace(Regex("^ "), ""))
    if rules.add_dummy_prefix and not settings.is_siglip:
        steps.append(normalizers.Prepend(SPACE))
    steps.append(normalizers.Replace(" ", SPACE))
    return normalizers.Sequence(steps)


def _cleaning(lower_case: bool) -> list[normalizers.Normalizer]:
    """Lower case, no punctuation, single spaces; the mark goes first, so a space at the very beginning stays one."""
    lower = [normalizers.Replace(Regex(_FINAL_SIGMA), "ς"), normalizers.Lowercase()] if lower_case else []
    return [
        normalizers.Replace(SPACE, " "),
        *lower,
        normalizers.Replace(Regex(_PUNCTUATION), ""),
        normalizers.Replace(Regex(_WHITE_SPACE), " "),
        normalizers.Replace(Regex(" $"), ""),
    ]
