"""Reading a config.json: values that mmzoo has no layer for are refused, since a network without them gives other numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmzoo.presets import BertSizes, TextSizes, ViTSizes

_TRANSFORMER = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
ACTIVATIONS = {
    "quick_gelu": "quick_gelu",
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
}


def activation(config: Mapping[str, Any], key: str = "hidden_act", default: str = "gelu") -> str:
    """mmzoo's name of the activation that a configuration names. Raises ValueError for another: it would ruin the weights."""
    name = config.get(key, default)
    if name not in ACTIVATIONS:
        raise ValueError(f"{key} must be one of {', '.join(ACTIVATIONS)}, received {name!r}")
    return ACTIVATIONS[name]


def hugging_face_activation(name: str) -> str:
    """The name that config.json has for an activation of mmzoo."""
    return {"gelu_tanh": "gelu_pytorch_tanh"}.get(name, name)


def require(config: Mapping[str, Any], **expected: Any) -> None:
    """Raises ValueError where a key is there and has another value."""
    for key, value in expected.items():
        if config.get(key, value) != value:
            raise ValueError(f"{key} must be {value!r}: mmzoo has no layer for {config[key]!r}")


def whole_numbers(config: Mapping[str, Any], defaults: Mapping[str, int]) -> dict[str, int]:
    """The values of these keys, or their defaults. Raises ValueError for what is no whole number from 1 up to a million."""
    values = {key: config.get(key, default) for key, default in defaults.items()}
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
            raise ValueError(f"{key} must be a whole number from 1 to 1,000,000, received {value!r}")
    return values


def hidden(width: int, size: int) -> int | None:
    """mlp_dim as mmzoo's sizes have it: None is four times the width."""
    return None if size == 4 * width else size


def section(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A nested configuration. Raises ValueError where it is no dictionary.

    Older files also have NAME_dict: transformers fills it with its defaults and lets all of it win, so it is read alone.
    """
    found = config.get(f"{name}_dict")
    found = config.get(name) if found is None else found
    if not isinstance(found, Mapping | None):
        raise ValueError(f"{name} must be a dictionary, received {found!r:.80}")
    return dict(found or {})


def epsilon(config: Mapping[str, Any], default: float, key: str = "layer_norm_eps") -> float:
    """Of layer normalisation. Raises ValueError for what is no number above 0 and below 1."""
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise ValueError(f"{key} must be a number between 0 and 1, received {value!r}")
    return float(value)


def token_id(config: Mapping[str, Any], key: str, default: int) -> int:
    """A token's id. Raises ValueError for what is no whole number from 0."""
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{key} must be a token's id, received {value!r}")
    return value


def image_size(config: Mapping[str, Any], default: int = 224) -> int | tuple[int, int]:
    """One side, or height and width."""
    value = config.get("image_size", default)
    if isinstance(value, (list, tuple)) and len(value) == 2:
        height, width = (whole_numbers({"image_size": side}, {"image_size": 1})["image_size"] for side in value)
        return height if height == width else (height, width)
    return whole_numbers({"image_size": value}, {"image_size": 1})["image_size"]


def transformer_fields(sizes: ViTSizes | TextSizes | BertSizes) -> dict[str, Any]:
    """What the configurations of all of transformers' encoders have."""
    return {
        "hidden_size": sizes.width,
        "intermediate_size": sizes.mlp_dim or 4 * sizes.width,
        "num_hidden_layers": sizes.depth,
        "num_attention_heads": sizes.num_heads,
        "hidden_act": hugging_face_activation(sizes.activation),
        "layer_norm_eps": sizes.epsilon,
    }


def stated_vision(config: Mapping[str, Any], *, patch_size: int, hidden_act: str, layer_norm_eps: float) -> ViTSizes:
    """What the configurations of transformers' vision transformers share, with these defaults; the rest is build_vit's.

    Raises ValueError for pictures of other than three channels, and as the readers of single values do.
    """
    require(config, num_channels=3)
    values = whole_numbers(config, _TRANSFORMER | {"patch_size": patch_size})
    return ViTSizes(
        image_size(config),
        values["patch_size"],
        values["hidden_size"],
        values["num_hidden_layers"],
        values["num_attention_heads"],
        activation(config, default=hidden_act),
        hidden(values["hidden_size"], values["intermediate_size"]),
        epsilon=epsilon(config, layer_norm_eps),
    )


def stated_text(
    config: Mapping[str, Any], defaults: Mapping[str, int], *, hidden_act: str, layer_norm_eps: float
) -> TextSizes:
    """What the configurations of CLIP's and SigLIP's text transformers share, with these defaults; the rest is build_text_transformer's."""
    values = whole_numbers(config, _TRANSFORMER | dict(defaults))
    return TextSizes(
        values["vocab_size"],
        values["max_position_embeddings"],
        values["hidden_size"],
        values["num_hidden_layers"],
        values["num_attention_heads"],
        activation(config, default=hidden_act),
        hidden(values["hidden_size"], values["intermediate_size"]),
        epsilon=epsilon(config, layer_norm_eps),
    )
