"""Named encoders of one side."""

from __future__ import annotations

from dataclasses import dataclass

from mmzoo.presets.preprocessing import HALF, ImagePreprocessing
from mmzoo.presets.sizes import (
    BertSizes,
    ImageSizes,
    RecurrentSizes,
    ResNetSizes,
    TextEncoderSizes,
    ViTSizes,
    height_and_width,
)


@dataclass(frozen=True)
class ImagePreset:
    """The sizes of an image encoder, and how pictures of other sizes become its input; dataclasses.replace makes a variant.

    paper: where the sizes stand; empty where they are mmzoo's own. interpolation, fit: as in ImagePreprocessing. crop: how much
    of the shortest side the centre keeps.
    """

    sizes: ImageSizes
    paper: str = ""
    interpolation: str = "bicubic"
    fit: str = "crop"
    crop: float = 1.0

    @property
    def preprocessing(self) -> ImagePreprocessing:
        """From pictures of any size to the encoder's."""
        size = height_and_width(self.sizes)
        shortest_side = None if self.crop == 1 else round(max(size) / self.crop)
        return ImagePreprocessing(size, self.interpolation, self.fit, shortest_side)


@dataclass(frozen=True)
class TextPreset:
    """The sizes of a text encoder; dataclasses.replace makes a variant. paper: as for ImagePreset."""

    sizes: TextEncoderSizes
    paper: str = ""


def _vit(paper: str, patch_size: int, width: int, depth: int, num_heads: int) -> ImagePreset:
    """A vision transformer as it was published for classification, without its pooler."""
    sizes = ViTSizes(
        224,
        patch_size,
        width,
        depth,
        num_heads,
        activation="gelu",
        norm_first=False,
        patch_bias=True,
        epsilon=1e-6,
        mean=HALF,
        std=HALF,
    )
    return ImagePreset(sizes, paper, interpolation="bilinear", fit="squash")


def _resnet(widths: tuple[int, ...], depths: tuple[int, ...], block: str) -> ImagePreset:
    """A residual network with its strides in the 3 x 3 convolutions, as today's checkpoints have them."""
    return ImagePreset(ResNetSizes(224, 64, widths, depths, block), "arXiv:1512.03385, table 1", crop=0.875)


def _bert(paper: str, width: int, depth: int) -> TextPreset:
    return TextPreset(BertSizes(30522, 512, width, depth, width // 64), paper)


_VIT, _DEIT = "arXiv:2010.11929, table 1", "arXiv:2012.12877, table 1"
_BASIC, _BOTTLENECK = (64, 128, 256, 512), (256, 512, 1024, 2048)
_BERT, _SMALL_BERTS = "arXiv:1810.04805, section 3", "arXiv:1908.08962"

IMAGE_PRESETS: dict[str, ImagePreset] = {
    "resnet_18": _resnet(_BASIC, (2, 2, 2, 2), "basic"),
    "resnet_34": _resnet(_BASIC, (3, 4, 6, 3), "basic"),
    "resnet_50": _resnet(_BOTTLENECK, (3, 4, 6, 3), "bottleneck"),
    "resnet_101": _resnet(_BOTTLENECK, (3, 4, 23, 3), "bottleneck"),
    "resnet_152": _resnet(_BOTTLENECK, (3, 8, 36, 3), "bottleneck"),
    "vit_tiny_16": _vit(_DEIT, 16, 192, 12, 3),
    "vit_small_16": _vit(_DEIT, 16, 384, 12, 6),
    "vit_base_32": _vit(_VIT, 32, 768, 12, 12),
    "vit_base_16": _vit(_VIT, 16, 768, 12, 12),
    "vit_large_16": _vit(_VIT, 16, 1024, 24, 16),
    "vit_huge_14": _vit(_VIT, 14, 1280, 32, 16),
}

TEXT_PRESETS: dict[str, TextPreset] = {
    "bilstm": TextPreset(RecurrentSizes(8192, 32, 256)),
    "gru": TextPreset(RecurrentSizes(8192, 32, 256, "gru", bidirectional=False, pooling="last")),
    "bert_tiny": _bert(_SMALL_BERTS, 128, 2),
    "bert_mini": _bert(_SMALL_BERTS, 256, 4),
    "bert_small": _bert(_SMALL_BERTS, 512, 4),
    "bert_medium": _bert(_SMALL_BERTS, 512, 8),
    "bert_base": _bert(_BERT, 768, 12),
    "bert_large": _bert(_BERT, 1024, 24),
}
