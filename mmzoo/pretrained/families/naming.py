"""Links of the parts that all transformers have, under each format's names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from mmzoo.layers import AttentionPooling, TransformerBlock
from mmzoo.pretrained.links import Link


@dataclass(frozen=True)
class BlockNames:
    """What a format calls the parts of a transformer block; qkv is one name where the three are fused."""

    attention_norm: str
    qkv: str | tuple[str, str, str]
    output: str
    mlp_norm: str
    mlp_hidden: str
    mlp_output: str


# Hugging Face's CLIP and SigLIP, and what OpenAI's CLIP and open_clip use.
HUGGING_FACE = BlockNames(
    "layer_norm1",
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attn.out_proj",
    "layer_norm2",
    "mlp.fc1",
    "mlp.fc2",
)
OPEN_CLIP = BlockNames("ln_1", "attn.in_proj", "attn.out_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")


def dense(layer: Any, name: str) -> list[Link]:
    """A dense layer, with its bias where it has one."""
    weight = Link(f"{name}.weight", (layer.kernel,), "dense")
    return [weight] if layer.bias is None else [weight, Link(f"{name}.bias", (layer.bias,))]


def convolution(layer: Any, name: str) -> list[Link]:
    """A convolution, with its bias where it has one."""
    weight = Link(f"{name}.weight", (layer.kernel,), "conv")
    return [weight] if layer.bias is None else [weight, Link(f"{name}.bias", (layer.bias,))]


def norm(layer: Any, name: str, names: Collection[str] = ()) -> list[Link]:
    """A layer normalisation; files converted from TensorFlow say gamma and beta."""
    weight, bias = ("gamma", "beta") if f"{name}.gamma" in names else ("weight", "bias")
    return [Link(f"{name}.{weight}", (layer.gamma,)), Link(f"{name}.{bias}", (layer.beta,))]


def batch_norm(layer: Any, name: str) -> list[Link]:
    """A batch normalisation with its running statistics."""
    return [
        Link(f"{name}.weight", (layer.gamma,)),
        Link(f"{name}.bias", (layer.beta,)),
        Link(f"{name}.running_mean", (layer.moving_mean,)),
        Link(f"{name}.running_var", (layer.moving_variance,)),
    ]


def attention(layer: Any, qkv: str | tuple[str, ...], output: str) -> list[Link]:
    """An attention layer; fused projections are torch's own, NAME_weight and NAME_bias."""
    inputs = (layer.query_dense, layer.key_dense, layer.value_dense)
    if isinstance(qkv, str):
        kernels, biases = tuple(part.kernel for part in inputs), tuple(part.bias for part in inputs)
        links = [Link(f"{qkv}_weight", kernels, "dense"), Link(f"{qkv}_bias", biases)]
    else:
        links = [link for part, name in zip(inputs, qkv, strict=True) for link in dense(part, name)]
    return links + dense(layer.output_dense, output)


def block(layer: TransformerBlock, prefix: str, says: BlockNames, names: Collection[str] = ()) -> list[Link]:
    """A transformer block; prefix ends with a point."""
    qkv = prefix + says.qkv if isinstance(says.qkv, str) else tuple(prefix + name for name in says.qkv)
    return [
        *norm(layer.attention_norm, prefix + says.attention_norm, names),
        *attention(layer.attention, qkv, prefix + says.output),
        *norm(layer.mlp_norm, prefix + says.mlp_norm, names),
        *dense(layer.mlp.hidden_dense, prefix + says.mlp_hidden),
        *dense(layer.mlp.output_dense, prefix + says.mlp_output),
    ]


def blocks(encoder: Any, prefix: str, says: BlockNames, names: Collection[str] = ()) -> list[Link]:
    """All transformer blocks of an encoder, prefix.0, prefix.1 and so on."""
    stack = [layer for layer in encoder.layers if isinstance(layer, TransformerBlock)]
    return [link for index, layer in enumerate(stack) for link in block(layer, f"{prefix}.{index}.", says, names)]


def attention_pooling(layer: AttentionPooling, prefix: str) -> list[Link]:
    """SigLIP's attention pooling in Hugging Face's names."""
    return [
        Link(f"{prefix}.probe", (layer.probe,)),
        *attention(layer.attention, f"{prefix}.attention.in_proj", f"{prefix}.attention.out_proj"),
        *norm(layer.norm, f"{prefix}.layernorm"),
        *dense(layer.mlp.hidden_dense, f"{prefix}.mlp.fc1"),
        *dense(layer.mlp.output_dense, f"{prefix}.mlp.fc2"),
    ]
