"""Backbones of KerasHub as encoders: one adapter, one row a family."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import keras
import tokenizers
from keras import ops
from tokenizers import decoders, models, normalizers, pre_tokenizers

from mmzoo.encoders.contract import ImageEncoder, TextEncoder
from mmzoo.layers import EndOfTextPooling, ImageNormalization, TokenMask
from mmzoo.presets import HALF, ImagePreprocessing
from mmzoo.tokenizer import Tokenizer
from mmzoo.tokenizer.roles import with_roles


@dataclass(frozen=True)
class TextFamily:
    """What one kind of text backbone needs to be told.

    pad_id, end_id: of its published vocabulary. pooled: "first" or "end" (the vector of the first, or the end token), else the name
    of the backbone's own output.
    """

    pad_id: int
    end_id: int
    pooled: str


@dataclass(frozen=True)
class ImageFamily:
    """What one kind of image backbone needs to be told: its pixels, and how pictures are scaled for it."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    fit: str


FAMILIES: dict[str, TextFamily | ImageFamily] = {
    "BertBackbone": TextFamily(0, 102, "pooled_output"),
    "DistilBertBackbone": TextFamily(0, 102, "first"),
    "RobertaBackbone": TextFamily(1, 2, "first"),
    "GPT2Backbone": TextFamily(50256, 50256, "end"),
    "ViTBackbone": ImageFamily(HALF, HALF, "bilinear", "squash"),
}


def build_hub(
    source: Any,
    *,
    context_length: int | None = None,
    tokenizer: Any = None,
    image_size: int | tuple[int, int] | None = None,
    name: str | None = None,
) -> TextEncoder | ImageEncoder:
    """A backbone of KerasHub as an encoder: BERT, RoBERTa, DistilBERT, GPT-2 (texts), ViT (pictures), and their subclasses.

    source: a preset's name ("bert_base_en_uncased"; KerasHub downloads it), the folder of one, or a backbone of your own such as
    keras_hub.models.BertBackbone(vocabulary_size=..., num_layers=...). A preset brings its tokenizer, or its pixels and scaling.
    context_length: number of token ids, default the backbone's longest. tokenizer: an mmzoo.Tokenizer or KerasHub's; without any,
    padding is told by the published vocabulary's ids. image_size: pixels, default the backbone's; for another one the weights are
    copied and the position vectors resized (bicubic, antialias; arXiv:2010.11929, section 3.2).
    Inputs:  token_ids (B, context_length) int32, or images (B, H, W, 3) in [0, 255].
    Outputs: texts: sequence (B, T, D); pooled (B, D), BERT's pooled output, the first token, or for GPT-2 the end token; mask (B, T).
    Pictures: sequence (B, N, D) without the class token; pooled (B, D), the class token, or the mean where there is none.
    Raises:  ValueError for another kind of backbone, sizes or ids it does not have, or a preset that is none; OSError where a
    preset cannot be downloaded.
    """
    backbone, found = (source, None) if isinstance(source, keras.Model) else _read_preset(source)
    family = _family(backbone)
    if isinstance(family, TextFamily):
        if image_size is not None:
            raise ValueError(f"image_size must be None for a text backbone, received {image_size}")
        tokenizer = found if tokenizer is None else tokenizer
        if tokenizer is not None and not isinstance(tokenizer, Tokenizer):
            tokenizer = convert_tokenizer(tokenizer)
        return _text_encoder(backbone, family, context_length, tokenizer, name or "text_encoder")
    if context_length is not None or tokenizer is not None:
        raise ValueError("context_length and tokenizer must be None for an image backbone")
    if found is not None:
        family = _converted(found)
    return _image_encoder(backbone, family, image_size, name or "image_encoder")


def convert_tokenizer(tokenizer: Any) -> Tokenizer:
    """KerasHub's WordPiece (BERT, DistilBERT) or byte-level BPE (RoBERTa, GPT-2) tokenizer as a Tokenizer.

    The ids are those of the published vocabularies' own code: KerasHub's WordPiece folds case (ß is ss) and splits words at control
    characters, and its BPE called outside a graph splits words as Llama 3 does.
    GPT-2's start token, which is its end token, is left out; its texts are padded with the end token.
    Raises ValueError for a tokenizer of another kind.
    """
    import keras_hub

    if isinstance(tokenizer, keras_hub.tokenizers.WordPieceTokenizer) and tokenizer.split:
        vocabulary = {token: index for index, token in enumerate(tokenizer.get_vocabulary())}
        prefix = tokenizer.suffix_indicator
        model = models.WordPiece(vocabulary, unk_token=tokenizer.oov_token, continuing_subword_prefix=prefix)
        encoder = tokenizers.Tokenizer(model)
        encoder.normalizer = normalizers.BertNormalizer(
            handle_chinese_chars=tokenizer.split_on_cjk,
            strip_accents=tokenizer.strip_accents,
            lowercase=tokenizer.lowercase,
        )
        encoder.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        encoder.decoder = decoders.WordPiece(prefix=prefix)
    elif isinstance(tokenizer, keras_hub.tokenizers.BytePairTokenizer):
        merges = [tuple(merge.split(" ")) for merge in tokenizer.merges if not merge.startswith("#version:")]
        encoder = tokenizers.Tokenizer(models.BPE(dict(tokenizer.vocabulary), merges))
        encoder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=tokenizer.add_prefix_space)
        encoder.decoder = decoders.ByteLevel()
    else:
        raise ValueError(
            "tokenizer must be a mmzoo.Tokenizer, or KerasHub's of the kind WordPiece or byte-level BPE, received "
            f"{type(tokenizer).__name__}"
        )
    start, end, pad, mask = (getattr(tokenizer, f"{role}_token", None) for role in ("start", "end", "pad", "mask"))
    if end is None:
        raise ValueError(f"tokenizer must have an end token, received a {type(tokenizer).__name__} without")
    encoder.add_special_tokens([token for token in (start, end, pad, mask) if token is not None])
    start = None if start == end else start
    definition = with_roles(encoder.to_str(), pad=pad or end, start=start, end=end, mask=mask, unknown=None)
    return Tokenizer(definition)


def _read_preset(source: str | os.PathLike[str]) -> tuple[keras.Model, Any]:
    """The backbone of a preset, and its tokenizer or image converter where it has one."""
    import keras_hub

    preset = os.fspath(source)
    try:
        backbone = keras_hub.models.Backbone.from_preset(preset)
        texts = isinstance(_family(backbone), TextFamily)
        kind = keras_hub.tokenizers.Tokenizer if texts else keras_hub.layers.ImageConverter
        try:
            return backbone, kind.from_preset(preset)
        except FileNotFoundError:
            return backbone, None
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"source must be a KerasHub backbone, a preset's name or its folder, received {preset!r}: {reason}"
        ) from error
    except OSError as error:
        raise OSError(f"the preset {preset!r} could not be read or downloaded by KerasHub: {error}") from error


def _family(backbone: keras.Model) -> TextFamily | ImageFamily:
    import keras_hub

    for name, family in FAMILIES.items():
        if isinstance(backbone, getattr(keras_hub.models, name)):
            return family
    raise ValueError(f"source must be one of KerasHub's {', '.join(FAMILIES)}, received a {type(backbone).__name__}")


def _text_encoder(
    backbone: Any, family: TextFamily, context_length: int | None, tokenizer: Tokenizer | None, name: str
) -> TextEncoder:
    longest, known = backbone.max_sequence_length, backbone.vocabulary_size
    length = longest if context_length is None else context_length
    if not 1 <= length <= longest:
        raise ValueError(f"context_length must be from 1 to the backbone's {longest}, received {length}")
    if tokenizer is None:
        pad_id, end_id = family.pad_id, family.end_id
        if max(pad_id, end_id) >= known:
            raise ValueError(
                "tokenizer must be given for a backbone with another vocabulary than the published one, received None "
                f"for a vocabulary of {known}"
            )
    else:
        pad_id, end_id = tokenizer.pad_id, tokenizer.end_id
        if _start_id(tokenizer) == end_id:
            raise ValueError(f"tokenizer must have a start token other than its end token, received {end_id} for both")
        if tokenizer.vocab_size > known:
            raise ValueError(
                f"tokenizer must have at most the backbone's {known} ids, received one of {tokenizer.vocab_size}"
            )
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    rule = "after_first_eos" if pad_id == end_id else "pad_id"
    mask = TokenMask(rule, pad_id=pad_id, end_id=end_id, name="token_mask")(token_ids)
    inputs = {"token_ids": token_ids, "padding_mask": ops.cast(mask, "int32")}
    if "segment_ids" in backbone.input:
        inputs["segment_ids"] = ops.zeros_like(token_ids)
    answer = backbone(inputs)
    sequence = answer["sequence_output"] if isinstance(answer, dict) else answer
    if family.pooled == "first":
        pooled = sequence[:, 0]
    elif family.pooled == "end":
        pooled = EndOfTextPooling(end_id, name="pooling")(sequence, token_ids)
    else:
        pooled = answer[family.pooled]
    encoder = TextEncoder({"token_ids": token_ids}, {"sequence": sequence, "pooled": pooled, "mask": mask}, name=name)
    encoder.tokenizer = tokenizer
    return encoder


def _start_id(tokenizer: Tokenizer) -> int | None:
    try:
        return tokenizer.start_id
    except ValueError:  # it has none
        return None


def _image_encoder(
    backbone: Any, family: ImageFamily, image_size: int | tuple[int, int] | None, name: str
) -> ImageEncoder:
    asked = backbone.image_shape if image_size is None else image_size
    size = (asked, asked) if isinstance(asked, int) else (asked[0], asked[1])
    if size != tuple(backbone.image_shape[:2]):
        backbone = _resized(backbone, size)
    images = keras.Input((*size, 3), name="images")
    x = backbone(ImageNormalization(family.mean, family.std, name="image_normalization")(images))
    if backbone.use_class_token:
        outputs = {"sequence": x[:, 1:], "pooled": x[:, 0]}
    else:
        outputs = {"sequence": x, "pooled": keras.layers.GlobalAveragePooling1D(name="pooling")(x)}
    encoder = ImageEncoder({"images": images}, outputs, name=name)
    encoder.image_preprocessing = ImagePreprocessing(size, family.interpolation, family.fit)
    return encoder


def _converted(converter: Any) -> ImageFamily:
    """The pixels (x * scale + offset) and the scaling of KerasHub's ImageConverter."""
    if converter.pad_to_aspect_ratio:
        raise ValueError("the preset's image converter must crop or squash pictures, received one that pads them")
    scale, offset = (
        tuple(value) if isinstance(value, (list, tuple)) else (value,) * 3
        for value in (
            1.0 if converter.scale is None else converter.scale,
            0.0 if converter.offset is None else converter.offset,
        )
    )
    std = tuple(1 / (255 * factor) for factor in scale)
    mean = tuple(-shift * width for shift, width in zip(offset, std, strict=True))
    return ImageFamily(mean, std, converter.interpolation, "crop" if converter.crop_to_aspect_ratio else "squash")


def _resized(backbone: Any, size: tuple[int, int]) -> Any:
    """A copy for pictures of another size: the same weights, but for the position vectors."""
    copy = type(backbone).from_config(backbone.get_config() | {"image_shape": (*size, 3)})
    first = int(backbone.use_class_token)
    patches = tuple(backbone.patch_size)
    old, new = (
        tuple(side // patch for side, patch in zip(shape, patches, strict=True))
        for shape in (backbone.image_shape[:2], size)
    )
    for source, target in zip(backbone.weights, copy.weights, strict=True):
        value = ops.convert_to_tensor(source)
        if source.path.endswith("position_embedding/embeddings"):
            grid = ops.reshape(value[first:], (1, *old, -1))
            grid = ops.image.resize(grid, new, interpolation="bicubic", antialias=True, data_format="channels_last")
            value = ops.concatenate([value[:first], ops.reshape(grid, (new[0] * new[1], -1))])
        target.assign(value)
    return copy
