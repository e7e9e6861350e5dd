"""Vision transformers as CLIP and SigLIP use them."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from mmzoo.encoders.contract import ImageEncoder
from mmzoo.layers import AttentionPooling, ImageNormalization, MeanPooling, PatchEmbedding, TransformerBlock
from mmzoo.presets import CLIP_MEAN, CLIP_STD


def build_vit(
    *,
    image_size: int | tuple[int, int] = 224,
    patch_size: int = 16,
    width: int = 768,
    depth: int = 12,
    num_heads: int = 12,
    mlp_dim: int | None = None,
    activation: str = "quick_gelu",
    pooling: str = "class_token",
    norm_first: bool = True,
    patch_bias: bool = False,
    pooler: bool = False,
    mask_token: bool = False,
    dropout: float = 0.0,
    epsilon: float = 1e-5,
    mean: Sequence[float] = CLIP_MEAN,
    std: Sequence[float] = CLIP_STD,
    name: str = "image_encoder",
) -> ImageEncoder:
    """Vision transformer (arXiv:2010.11929, section 3.1), by default with CLIP's details (arXiv:2103.00020, section 2.4).

    Inputs:  images (B, H, W, 3) in [0, 255]; with mask_token=True also patch_mask (B, N) bool, True where a patch is hidden.
    Outputs: sequence (B, N, width), the patches after the final norm; pooled (B, width).
    pooling: "class_token", "mean", or "attention" (SigLIP's head). norm_first: a LayerNormalization before the first block (CLIP).
    pooler: a dense layer with tanh after the class token (as BERT's, in ViTs trained without labels).
    Raises:  ValueError for an unknown pooling, a pooler without a class token, or an image_size below patch_size.
    """
    if pooling not in ("class_token", "mean", "attention"):
        raise ValueError(f"pooling must be 'class_token', 'mean' or 'attention', received {pooling!r}")
    if pooler and pooling != "class_token":
        raise ValueError(f"pooler must go with pooling 'class_token', received {pooling!r}")
    height, breadth = (image_size, image_size) if isinstance(image_size, int) else image_size
    images = keras.Input((height, breadth, 3), name="images")
    inputs = {"images": images}
    class_token = pooling == "class_token"
    embedding = PatchEmbedding(
        width,
        patch_size,
        use_bias=patch_bias,
        class_token=class_token,
        mask_token=mask_token,
        name="patch_embedding",
    )
    x = ImageNormalization(mean, std, name="image_normalization")(images)
    if mask_token:
        patches = (height // patch_size) * (breadth // patch_size)
        inputs["patch_mask"] = keras.Input((patches,), dtype="bool", name="patch_mask")
        x = embedding(x, inputs["patch_mask"])
    else:
        x = embedding(x)
    if norm_first:
        x = keras.layers.LayerNormalization(epsilon=epsilon, name="first_norm")(x)
    for index in range(depth):
        x = TransformerBlock(
            width,
            num_heads,
            mlp_dim=mlp_dim,
            activation=activation,
            dropout=dropout,
            epsilon=epsilon,
            depth=depth,
            name=f"block_{index}",
        )(x)
    x = keras.layers.LayerNormalization(epsilon=epsilon, name="final_norm")(x)
    if class_token:
        pooled = keras.layers.Dense(width, activation="tanh", name="pooler")(x[:, 0]) if pooler else x[:, 0]
        outputs = {"sequence": x[:, 1:], "pooled": pooled}
    elif pooling == "mean":
        outputs = {"sequence": x, "pooled": MeanPooling(name="pooling")(x)}
    else:
        head = AttentionPooling(
            width, num_heads, mlp_dim=mlp_dim, activation=activation, epsilon=epsilon, name="pooling"
        )
        outputs = {"sequence": x, "pooled": head(x)}
    return ImageEncoder(inputs, outputs, name=name)
