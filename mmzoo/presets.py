"""Named model sizes as plain data."""

from __future__ import annotations

from dataclasses import dataclass

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class ImagePreprocessing:
    """How a picture of any size becomes the model's input; mean and std are the model's own first layer.

    size: (height, width) in pixels. interpolation: "bicubic" or "bilinear", always with antialias.
    fit: "crop" scales the shortest side to size and crops the centre (CLIP); "squash" ignores the aspect ratio (SigLIP).
    """

    size: tuple[int, int]
    interpolation: str = "bicubic"
    fit: str = "crop"

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", tuple(self.size))
        if len(self.size) != 2 or any(int(side) != side or side < 1 for side in self.size):
            raise ValueError(f"size must be (height, width) in pixels, both at least 1, received {self.size!r}")
        if self.interpolation not in ("bicubic", "bilinear"):
            raise ValueError(f"interpolation must be 'bicubic' or 'bilinear', received {self.interpolation!r}")
        if self.fit not in ("crop", "squash"):
            raise ValueError(f"fit must be 'crop' or 'squash', received {self.fit!r}")


@dataclass(frozen=True)
class ViTSizes:
    """The arguments of build_vit that make one vision transformer differ from another."""

    image_size: int
    patch_size: int
    width: int
    depth: int
    num_heads: int
    activation: str = "quick_gelu"


@dataclass(frozen=True)
class ConvnetSizes:
    """The arguments of build_convnet that make one convolutional network differ from another."""

    image_size: int
    widths: tuple[int, ...]
    blocks: int = 1


@dataclass(frozen=True)
class TextSizes:
    """The arguments of build_text_transformer that make one text transformer differ from another."""

    vocab_size: int
    context_length: int
    width: int
    depth: int
    num_heads: int
    activation: str = "quick_gelu"


@dataclass(frozen=True)
class ClipPreset:
    """The sizes of a CLIP; dataclasses.replace makes a variant."""

    embed_dim: int
    image: ViTSizes | ConvnetSizes
    text: TextSizes
    paper: str = ""


_OPENAI = "arXiv:2103.00020, table 19"

CLIP_PRESETS: dict[str, ClipPreset] = {
    "tiny": ClipPreset(64, ConvnetSizes(32, (32, 64, 128)), TextSizes(1024, 24, 96, 2, 4, "gelu_tanh")),
    "small": ClipPreset(256, ViTSizes(64, 8, 256, 6, 4, "gelu_tanh"), TextSizes(8192, 32, 256, 6, 4, "gelu_tanh")),
    "vit_b_32": ClipPreset(512, ViTSizes(224, 32, 768, 12, 12), TextSizes(49408, 77, 512, 12, 8), _OPENAI),
    "vit_b_16": ClipPreset(512, ViTSizes(224, 16, 768, 12, 12), TextSizes(49408, 77, 512, 12, 8), _OPENAI),
    "vit_l_14": ClipPreset(768, ViTSizes(224, 14, 1024, 24, 16), TextSizes(49408, 77, 768, 12, 12), _OPENAI),
}
