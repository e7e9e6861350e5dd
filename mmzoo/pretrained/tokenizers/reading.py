"""A checkpoint's tokenizer, from whichever files it brings."""

from __future__ import annotations

import json
import os
from pathlib import Path

import tokenizers
from tokenizers import normalizers

from mmzoo.pretrained.tokenizers.files import first_repeated, read_object
from mmzoo.pretrained.tokenizers.pieces import read_pieces
from mmzoo.pretrained.tokenizers.settings import Settings, read_settings
from mmzoo.pretrained.tokenizers.vocabularies import CLIP_END, read_merges, read_words
from mmzoo.tokenizer import Tokenizer
from mmzoo.tokenizer.roles import declared_roles, frame, parse, template


def read_tokenizer(folder: str | os.PathLike[str], *, pad_id: int | None = None) -> Tokenizer | None:
    """The tokenizer of a checkpoint's folder, with the ids that transformers gives; None where it brings none.

    The first of these is read: tokenizer.json; vocab.json with merges.txt (CLIP, GPT-2, RoBERTa); vocab.txt (BERT);
    spiece.model or tokenizer.model (SigLIP, Gemma, T5). Pad, start and end are those of the file, unless
    tokenizer_config.json or special_tokens_map.json say otherwise (pad_token, add_bos_token, add_eos_token). Every row
    has an end here: a file without one (GPT-2) gets its eos_token. Texts are lower-cased for SigLIP 2, which was trained
    so, also where its file does not say it. A pad that is a piece like any other ("!", id 0 of open_clip) stays one in a
    text.

    pad_id: replaces the pad of the files.
    Raises: ValueError naming the file if it is broken, too large (JSON 256 MiB, others 64 MiB) or names tokens that are
    not in the vocabulary; or if pad_id is the id of no token.
    """
    folder = Path(folder)
    settings = read_settings(folder)
    found = _read(folder, settings)
    if found is None:
        return None
    name, encoder = found
    try:
        if settings.is_siglip2:
            encoder.normalizer = _lower_cased(encoder.normalizer)
        _set_frame(encoder, settings)
        _set_pad(encoder, settings, pad_id)
        return Tokenizer(encoder.to_str())
    except ValueError as error:
        raise ValueError(f"{name} must fit its roles: {error}") from error


def _read(folder: Path, settings: Settings) -> tuple[str, tokenizers.Tokenizer] | None:
    """The name of the file and what it holds."""
    if (folder / "tokenizer.json").exists():
        return "tokenizer.json", _definition(folder / "tokenizer.json")
    if (folder / "vocab.json").exists():
        return "vocab.json", read_merges(folder, settings)
    if (folder / "vocab.txt").exists():
        return "vocab.txt", read_words(folder, settings)
    for name in ("spiece.model", "tokenizer.model"):
        if (folder / name).exists():
            return name, read_pieces(folder / name, settings)
    return None


def _definition(path: Path) -> tokenizers.Tokenizer:
    content = read_object(path, distinct=True)
    model = content.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    try:
        repeated = first_repeated(vocabulary.values() if isinstance(vocabulary, dict) else ())
        if repeated is not None:
            raise ValueError(f"each token needs an id of its own, id {repeated!r:.40} comes twice")
        # transformers notes a pad as special even where it is a piece that texts use, such as "!" of CLIP.
        added = content.get("added_tokens")
        if isinstance(added, list):
            content["added_tokens"] = [token for token in added if not _is_piece(token)]
        return parse(json.dumps(content))
    except (TypeError, ValueError) as error:
        reason = error.__cause__ or error
        raise ValueError(f"{path.name} must be a tokenizer.json, received one that is refused: {reason}") from error


def _is_piece(token: object) -> bool:
    return isinstance(token, dict) and token.get("special") is True and len(str(token.get("content"))) == 1


def _lower_cased(normalizer: normalizers.Normalizer | None) -> normalizers.Normalizer:
    if normalizer is None:
        return normalizers.Lowercase()
    if normalizer.normalize_str("A") == "a":
        return normalizer
    return normalizers.Sequence([normalizers.Lowercase(), normalizer])


def _set_frame(encoder: tokenizers.Tokenizer, settings: Settings) -> None:
    # Only the post-processor's state: all of a large tokenizer takes a second to write out.
    content = None if encoder.post_processor is None else json.loads(encoder.post_processor.__getstate__())
    before, after = frame(content)
    start, end = (None if index is None else encoder.id_to_token(index) for index in (before, after))
    if "add_bos_token" in settings.flags or "add_eos_token" in settings.flags:  # the rule of transformers
        start = settings.token("bos_token") if settings.flags.get("add_bos_token") else None
        end = settings.token("eos_token") if settings.flags.get("add_eos_token") else None
    if end is None:
        end = settings.token("eos_token", "sep_token")
        if end is None and encoder.token_to_id(CLIP_END) is not None:  # what GPT-2 ends with where nothing is said
            end = CLIP_END
    if (_id(encoder, "start", start), _id(encoder, "end", end)) == (before, after):
        return
    mask, tags = declared_roles(content)
    names = {language: token for language, i in tags.items() if (token := encoder.id_to_token(i)) is not None}
    encoder.post_processor = template(encoder, start, end, None if mask is None else encoder.id_to_token(mask), names)


def _set_pad(encoder: tokenizers.Tokenizer, settings: Settings, pad_id: int | None) -> None:
    pad = settings.token("pad_token") if pad_id is None else encoder.id_to_token(pad_id)
    if pad_id is not None and pad is None:
        raise ValueError(f"pad_id must be the id of a token, received {pad_id}")
    index = _id(encoder, "pad", pad)
    if pad is not None and index is not None:
        encoder.enable_padding(pad_id=index, pad_token=pad)


def _id(encoder: tokenizers.Tokenizer, role: str, token: str | None) -> int | None:
    index = None if token is None else encoder.token_to_id(token)
    if token is not None and index is None:
        raise ValueError(f"{role} must be a token of the vocabulary, received {token!r:.40}")
    return index
