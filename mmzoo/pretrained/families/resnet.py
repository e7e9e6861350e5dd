"""ResNet as Hugging Face's transformers keeps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import keras

from mmzoo.encoders.describing import named, resnet_sizes
from mmzoo.presets import ImagePreprocessing, ResNetSizes
from mmzoo.pretrained.families.config import activation, hugging_face_activation, require, whole_numbers
from mmzoo.pretrained.families.family import Family
from mmzoo.pretrained.families.naming import batch_norm, convolution
from mmzoo.pretrained.links import Link

_PREFIX = "resnet."  # in the files of a ResNet with a classifier


def sizes(config: Mapping[str, Any], names: Collection[str]) -> ResNetSizes:
    """The sizes that config.json names, with transformers' own defaults; pictures may have any size."""
    require(config, num_channels=3)
    relu = config.get("hidden_act", "relu") == "relu"
    return ResNetSizes(
        224,
        whole_numbers(config, {"embedding_size": 64})["embedding_size"],
        _numbers(config, "hidden_sizes", (256, 512, 1024, 2048)),
        _numbers(config, "depths", (3, 4, 6, 3)),
        config.get("layer_type", "bottleneck"),
        bool(config.get("downsample_in_first_stage", False)),
        bool(config.get("downsample_in_bottleneck", False)),
        "relu" if relu else activation(config),
    )


def config(model: keras.Model) -> dict[str, Any] | None:
    """The config.json of an encoder of build_resnet."""
    sizes = resnet_sizes(model)
    if sizes is None:
        return None
    stages = [f"stage{index + 1}" for index in range(len(sizes.depths))]
    return {
        "architectures": ["ResNetModel"],
        "model_type": "resnet",
        "num_channels": 3,
        "embedding_size": sizes.stem_width,
        "hidden_sizes": list(sizes.widths),
        "depths": list(sizes.depths),
        "layer_type": sizes.block,
        "hidden_act": hugging_face_activation(sizes.activation),
        "downsample_in_first_stage": sizes.downsample_in_first_stage,
        "downsample_in_bottleneck": sizes.downsample_in_bottleneck,
        "stage_names": ["stem", *stages],
        "out_features": stages[-1:],
        "out_indices": [len(stages)],
    }


def links(model: keras.Model, names: Collection[str] = ()) -> list[Link]:
    """Every tensor of ResNetModel but the counters of batches, which nothing reads."""
    prefix = _PREFIX if any(name.startswith(_PREFIX) for name in names) else ""
    sizes = resnet_sizes(model)
    if sizes is None:
        raise ValueError(f"a ResNet must come from build_resnet, received {model.name}")
    pairs = [("stem", f"{prefix}embedder.embedder")]
    for stage, depth in enumerate(sizes.depths):
        for index in range(depth):
            ours, theirs = f"stage_{stage}_block_{index}", f"{prefix}encoder.stages.{stage}.layers.{index}"
            parts = 3 if sizes.block == "bottleneck" else 2
            pairs += [(f"{ours}_{part}", f"{theirs}.layer.{part}") for part in range(parts)]
            if named(model, f"{ours}_shortcut_conv") is not None:
                pairs.append((f"{ours}_shortcut", f"{theirs}.shortcut"))
    return [link for ours, theirs in pairs for link in _convolved(model, ours, theirs)]


def _convolved(model: keras.Model, ours: str, theirs: str) -> list[Link]:
    return [
        *convolution(named(model, f"{ours}_conv"), f"{theirs}.convolution"),
        *batch_norm(named(model, f"{ours}_norm"), f"{theirs}.normalization"),
    ]


def _numbers(config: Mapping[str, Any], key: str, default: tuple[int, ...]) -> tuple[int, ...]:
    values = config.get(key, default)
    if not isinstance(values, (list, tuple)) or not 1 <= len(values) <= 16:
        raise ValueError(f"{key} must be a list of 1 to 16 numbers, received {values!r:.80}")
    return tuple(whole_numbers({key: value}, {key: 1})[key] for value in values)


FAMILY = Family(
    name="ResNet",
    format="hf",
    model_types=("resnet",),
    sizes=sizes,
    config=config,
    links=links,
    any_size=True,
    preprocessing=lambda size: ImagePreprocessing(size, shortest_side=int(min(size) / 0.875), crop_rounding="down"),
    left_out=lambda name: name.startswith("classifier."),
    ignored=lambda name: name.endswith(".num_batches_tracked"),
)
