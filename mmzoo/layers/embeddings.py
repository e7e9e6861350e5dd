"""From pixels and token ids to the sequences a transformer reads."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class PatchEmbedding(keras.layers.Layer):
    """Cuts pictures into patches, projects each, adds a class token and learned positions (ViT, arXiv:2010.11929, section 3.1).

    call(images (B, H, W, C), patch_mask (B, N) bool, True where hidden) -> (B, N [+ 1], width), N = (H / patch) (W / patch), row by
    row, the class token first. A hidden patch is replaced by a learned mask token (SimMIM, arXiv:2111.09886, section 3.2), which
    exists where mask_token is True.
    What is left over on the right and at the bottom is not read, as in SigLIP so400m/14 at 384 pixels.
    Raises ValueError where the picture is smaller than a patch, or a mask is given without a mask token.
    """

    def __init__(
        self,
        width: int,
        patch_size: int,
        *,
        use_bias: bool = True,
        class_token: bool = True,
        mask_token: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if width < 1 or patch_size < 1:
            raise ValueError(f"width and patch_size must be at least 1, received {width} and {patch_size}")
        self.width, self.patch_size, self.use_bias = width, patch_size, use_bias
        self.class_token, self.mask_token = class_token, mask_token
        self.projection = keras.layers.Conv2D(
            width, patch_size, strides=patch_size, use_bias=use_bias, dtype=self.dtype_policy, name="projection"
        )

    def build(self, images_shape: Any) -> None:
        height, width = images_shape[1:3]
        if not height or not width or min(height, width) < self.patch_size:
            raise ValueError(f"image size must be at least patch_size={self.patch_size}, received {height} x {width}")
        self.num_patches = (height // self.patch_size) * (width // self.patch_size)
        self.projection.build(images_shape)
        small = keras.initializers.RandomNormal(stddev=self.width**-0.5)
        length = self.num_patches + int(self.class_token)
        self.positions = self.add_weight(name="positions", shape=(length, self.width), initializer=small)
        self.class_embedding = self.mask_embedding = None
        if self.class_token:
            self.class_embedding = self.add_weight(name="class_token", shape=(self.width,), initializer=small)
        if self.mask_token:
            self.mask_embedding = self.add_weight(name="mask_token", shape=(self.width,), initializer=small)
        self.built = True

    def call(self, images: Any, patch_mask: Any = None) -> Any:
        x = ops.reshape(self.projection(images), (-1, self.num_patches, self.width))
        if patch_mask is not None:
            if self.mask_embedding is None:
                raise ValueError("patch_mask needs a mask token: build with mask_token=True")
            x = ops.where(ops.cast(patch_mask, "bool")[:, :, None], ops.cast(self.mask_embedding, x.dtype), x)
        if self.class_embedding is not None:
            first = ops.zeros_like(x[:, :1]) + ops.cast(self.class_embedding, x.dtype)
            x = ops.concatenate([first, x], axis=1)
        return x + ops.cast(self.positions, x.dtype)

    def compute_output_shape(self, images_shape: Any, patch_mask_shape: Any = None) -> tuple[int | None, ...]:
        batch, height, width = images_shape[:3]
        patches = (height // self.patch_size) * (width // self.patch_size)
        return (batch, patches + int(self.class_token), self.width)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "width": self.width,
            "patch_size": self.patch_size,
            "use_bias": self.use_bias,
            "class_token": self.class_token,
            "mask_token": self.mask_token,
        }


@keras.saving.register_keras_serializable("mmzoo")
class TokenEmbedding(keras.layers.Layer):
    """Token vectors plus learned positions (arXiv:2103.00020, section 2.4): (B, T) int ids below vocab_size -> (B, T, width).

    max_positions: how many positions there are, of which the first context_length are used; None is as many. token_types: number
    of learned vectors of segments, of which the first is added everywhere, as for BERT's single texts (arXiv:1810.04805, figure 2).
    Raises ValueError where T differs from context_length, or is above max_positions: positions past it were never learned.
    """

    def __init__(
        self,
        vocab_size: int,
        context_length: int,
        width: int,
        *,
        max_positions: int | None = None,
        token_types: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(vocab_size, context_length, width) < 1:
            sizes = f"{vocab_size}, {context_length}, {width}"
            raise ValueError(f"vocab_size, context_length and width must be at least 1, received {sizes}")
        if max_positions is not None and max_positions < context_length:
            raise ValueError(f"context_length must be at most max_positions={max_positions}, received {context_length}")
        if token_types < 0:
            raise ValueError(f"token_types must be at least 0, received {token_types}")
        self.vocab_size, self.context_length, self.width = vocab_size, context_length, width
        self.max_positions, self.token_types = max_positions or context_length, token_types

    def build(self, input_shape: Any) -> None:
        if input_shape[1] != self.context_length:
            raise ValueError(f"token ids must have shape (B, {self.context_length}), received {tuple(input_shape)}")
        self.tokens = self._table("tokens", self.vocab_size, 0.02)
        self.positions = self._table("positions", self.max_positions, 0.01)
        self.types = self._table("types", self.token_types, 0.02) if self.token_types else None
        self.built = True

    def _table(self, name: str, rows: int, std: float) -> Any:
        start = keras.initializers.RandomNormal(stddev=std)
        return self.add_weight(name=name, shape=(rows, self.width), initializer=start)

    def call(self, token_ids: Any) -> Any:
        vectors = ops.cast(ops.take(self.tokens, token_ids, axis=0), self.compute_dtype)
        added = self.positions[: self.context_length]
        if self.types is not None:
            added = added + self.types[0]
        return vectors + ops.cast(added, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "vocab_size": self.vocab_size,
            "context_length": self.context_length,
            "width": self.width,
            "max_positions": self.max_positions,
            "token_types": self.token_types,
        }
