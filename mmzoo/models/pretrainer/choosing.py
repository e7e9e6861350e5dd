"""Which objectives the parts allow, and what they need to know."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from mmzoo.encoders.contract import id_range
from mmzoo.encoders.describing import vit_sizes
from mmzoo.layers import EndOfTextPooling, TokenMask
from mmzoo.tokenizer import Tokenizer

OBJECTIVES = ("itc", "itm", "mlm", "mim")
"""Image-text contrast, image-text matching, masked language modelling, masked image modelling."""

NEEDS = {"itc": "both encoders", "itm": "both encoders", "mlm": "a text encoder", "mim": "an image encoder"}


def choose_objectives(
    objectives: Sequence[str] | None,
    image_encoder: keras.Model | None,
    text_encoder: keras.Model | None,
    mask_id: int | None,
) -> tuple[str, ...]:
    """The objectives in a fixed order; None is all that the encoders allow: mim a ViT, mlm a mask token.

    Raises ValueError for none, an unknown one, one that is given twice, or one that lacks an encoder or a mask token.
    """
    if image_encoder is None and text_encoder is None:
        raise ValueError("build_pretrainer needs image_encoder, text_encoder or both, received neither")
    both = image_encoder is not None and text_encoder is not None
    possible = {"itc": both, "itm": both, "mlm": text_encoder is not None, "mim": image_encoder is not None}
    if objectives is None:
        possible["mlm"] = possible["mlm"] and mask_id is not None
        possible["mim"] = image_encoder is not None and vit_sizes(image_encoder) is not None
        objectives = [name for name in OBJECTIVES if possible[name]]
        if not objectives:
            raise ValueError(
                "an encoder alone must be a ViT, or a text encoder with a mask token (a tokenizer that has one, or mask_id=)"
            )
    if isinstance(objectives, str) or not objectives or len(set(objectives)) < len(objectives):
        raise ValueError(f"objectives must be some of {', '.join(OBJECTIVES)}, each once, received {objectives!r}")
    for name in objectives:
        if name not in OBJECTIVES:
            raise ValueError(f"objectives must be of {', '.join(OBJECTIVES)}, received {name!r}")
        if not possible[name]:
            received = "an image encoder" if text_encoder is None else "a text encoder"
            raise ValueError(f"objective {name!r} needs {NEEDS[name]}, received {received} alone")
    if "mlm" in objectives and mask_id is None:
        raise ValueError("objective 'mlm' needs a tokenizer with a mask token, or mask_id=, received neither")
    return tuple(name for name in OBJECTIVES if name in objectives)


def check_weights(weights: Mapping[str, float] | None, objectives: Sequence[str]) -> dict[str, float]:
    """The weight of each objective's loss, 1 where none is given. Raises ValueError for another objective, or weights not above 0."""
    weights = dict(weights or {})
    if unknown := [name for name in weights if name not in objectives]:
        raise ValueError(f"weights must be of the objectives {', '.join(objectives)}, received {', '.join(unknown)}")
    for name, weight in weights.items():
        if not (weight > 0 and math.isfinite(weight)):
            raise ValueError(f"weights must be above 0 and finite, received {weight} for {name!r}")
    return {name: float(weights.get(name, 1.0)) for name in objectives}


def find_mask_id(tokenizer: Tokenizer | None, mask_id: int | None) -> int | None:
    """The id given, or the tokenizer's, or None."""
    return mask_id if mask_id is not None or tokenizer is None else tokenizer.mask_id


def find_special_ids(
    tokenizer: Tokenizer | None, text_encoder: keras.Model, special_ids: Sequence[int], mask_id: int
) -> list[int]:
    """The ids that are never hidden: those given, those with a role in the tokenizer, the pad and the end that the encoder looks for.

    Raises ValueError for a mask_id that the encoder would take for the end of the text.
    """
    found: list[Any] = list(special_ids)
    ids = id_range(text_encoder)
    last = None if ids is None else ids[1]  # the end, where the encoder looks for the highest id
    if tokenizer is not None:
        found += [tokenizer.unknown_id, tokenizer.mask_id, *tokenizer.language_ids.values()]
        for role in ("pad_id", "start_id", "end_id"):
            try:
                found.append(getattr(tokenizer, role))
            except ValueError:  # a file without this role
                continue
    for layer in text_encoder.layers:
        if isinstance(layer, TokenMask):
            found += [layer.pad_id, layer.end_id]
        elif isinstance(layer, EndOfTextPooling):
            found.append(last if layer.end_id is None else layer.end_id)
            if layer.end_id is None and last is not None and mask_id == last:
                raise ValueError(
                    f"mask_id must be below the end token, which is the highest id of a text, received {mask_id}"
                )
    return sorted({int(index) for index in found if index is not None})


def vocabulary_size(tokenizer: Tokenizer | None, text_encoder: keras.Model) -> int:
    """How many tokens there are to guess from. Raises ValueError where neither the encoder nor a tokenizer tells."""
    ids = id_range(text_encoder)
    if ids is not None:
        return ids[1] + 1
    if tokenizer is None:
        raise ValueError(f"objective 'mlm' needs a tokenizer where {text_encoder.name!r} does not tell its vocabulary")
    return tokenizer.vocab_size


def check_momentum(momentum: float | None, queue_size: int, distillation: float, objectives: Sequence[str]) -> None:
    """Raises ValueError for momentum that nothing reads, a queue without it, or a distillation outside [0, 1]."""
    if not 0 <= distillation <= 1:
        raise ValueError(f"distillation must be from 0 to 1, received {distillation}")
    if queue_size < 0:
        raise ValueError(f"queue_size must be at least 0, received {queue_size}")
    if momentum is not None and not {"itc", "mlm"} & set(objectives):
        raise ValueError(f"momentum must go with objective 'itc' or 'mlm', received {', '.join(objectives)}")
    if queue_size and (momentum is None or "itc" not in objectives):
        raise ValueError(
            f"queue_size must go with momentum and objective 'itc', received momentum={momentum} and {', '.join(objectives)}"
        )


def check_fused_positions(trunk: keras.Model, objectives: Sequence[str]) -> None:
    """Raises ValueError where tokens are guessed from a fusion that gives the picture's positions."""
    if "mlm" in objectives and getattr(trunk.fusion, "direction", "text") == "image":
        raise ValueError("fusion must give the text's positions for objective 'mlm', received direction 'image'")


def check_inputs(inputs: Any, images: bool, texts: bool) -> Mapping[str, Any]:
    """The dictionary of inputs. Raises ValueError for anything else, or where one that is read is missing."""
    wanted = ["images"] * images + ["token_ids"] * texts
    named = ", ".join(f'"{name}": ...' for name in wanted)
    if not isinstance(inputs, Mapping):
        raise ValueError(f"inputs must be dictionaries {{{named}}}, received a {type(inputs).__name__}")
    if missing := [name for name in wanted if name not in inputs]:
        raise ValueError(f"inputs must be dictionaries {{{named}}}, received none of {', '.join(missing)}")
    return inputs
