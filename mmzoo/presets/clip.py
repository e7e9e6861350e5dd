"""Named CLIPs and SigLIPs."""

from __future__ import annotations

from dataclasses import dataclass

from mmzoo.presets.encoders import ImagePreset, TextPreset
from mmzoo.presets.preprocessing import HALF
from mmzoo.presets.sizes import ClipResNetSizes, ConvnetSizes, ImageSizes, TextEncoderSizes, TextSizes, ViTSizes


@dataclass(frozen=True)
class ClipPreset:
    """The sizes of a CLIP; dataclasses.replace makes a variant.

    loss, image_projection and text_projection: as in build_clip. paper: where the sizes stand; empty where they are mmzoo's own.
    fit: as in ImagePreprocessing.
    """

    embed_dim: int
    image: ImageSizes
    text: TextEncoderSizes
    paper: str = ""
    loss: str = "softmax"
    image_projection: str = "linear"
    text_projection: str = "linear"
    fit: str = "crop"

    @property
    def image_preset(self) -> ImagePreset:
        """The image side alone."""
        return ImagePreset(self.image, self.paper, fit=self.fit)

    @property
    def text_preset(self) -> TextPreset:
        """The text side alone."""
        return TextPreset(self.text, self.paper)


def _openai(embed_dim: int, image: ImageSizes, text_width: int) -> ClipPreset:
    text = TextSizes(49408, 77, text_width, 12, text_width // 64)
    projection = "affine" if isinstance(image, ClipResNetSizes) else "linear"
    return ClipPreset(embed_dim, image, text, "arXiv:2103.00020, appendix F", image_projection=projection)


def _resnet(image_size: int, width: int, depths: tuple[int, ...]) -> ClipResNetSizes:
    return ClipResNetSizes(image_size, width, depths, width // 2)


def _open_clip(embed_dim: int, paper: str, image: tuple[int, int, int, int], text: tuple[int, int]) -> ClipPreset:
    """image: width, depth, heads and the MLP's width. text: width and depth."""
    width, depth, heads, mlp_dim = image
    return ClipPreset(
        embed_dim,
        ViTSizes(224, 14, width, depth, heads, "gelu", mlp_dim),
        TextSizes(49408, 77, *text, text[0] // 64, "gelu"),
        paper,
    )


@dataclass(frozen=True)
class _Tower:
    width: int
    depth: int
    num_heads: int
    mlp_dim: int


_BASE, _LARGE = _Tower(768, 12, 12, 3072), _Tower(1024, 24, 16, 4096)
_SO400M, _GIANT = _Tower(1152, 27, 16, 4304), _Tower(1536, 40, 16, 6144)


def _siglip(
    paper: str,
    patch_size: int,
    image_size: int,
    image: _Tower,
    text: _Tower,
    *,
    vocab_size: int = 32_000,
    context_length: int = 64,
) -> ClipPreset:
    """Attention pooling makes the picture's embedding; the text's is read at the last token, padding or not."""
    return ClipPreset(
        image.width,
        ViTSizes(
            image_size,
            patch_size,
            image.width,
            image.depth,
            image.num_heads,
            "gelu_tanh",
            image.mlp_dim,
            "attention",
            norm_first=False,
            patch_bias=True,
            epsilon=1e-6,
            mean=HALF,
            std=HALF,
        ),
        TextSizes(
            vocab_size,
            context_length,
            text.width,
            text.depth,
            text.num_heads,
            "gelu_tanh",
            text.mlp_dim,
            causal=False,
            pooling="last",
            epsilon=1e-6,
        ),
        paper,
        loss="sigmoid",
        image_projection="none",
        text_projection="affine",
        fit="squash",
    )


def _siglip1(patch_size: int, image_size: int, tower: _Tower, context_length: int = 64) -> ClipPreset:
    paper = "arXiv:2305.13035" if tower is _SO400M else "arXiv:2303.15343"
    return _siglip(paper, patch_size, image_size, tower, tower, context_length=context_length)


def _siglip2(patch_size: int, image_size: int, image: _Tower, text: _Tower | None = None) -> ClipPreset:
    """Of one resolution."""
    return _siglip("arXiv:2502.14786", patch_size, image_size, image, text or image, vocab_size=256_000)


_SCALING, _SCALED_VIT = "arXiv:2212.07143", "arXiv:2106.04560"

# MetaCLIP (arXiv:2309.16671) has the shapes of OpenAI's CLIPs, their activation included, and of vit_h_14 and vit_bigg_14 with
# "quick_gelu"; the base and large CLIPs of LAION have OpenAI's shapes with "gelu".
CLIP_PRESETS: dict[str, ClipPreset] = {
    "tiny": ClipPreset(64, ConvnetSizes(32, (32, 64, 128)), TextSizes(1024, 24, 96, 2, 4, "gelu_tanh")),
    "small": ClipPreset(256, ViTSizes(64, 8, 256, 6, 4, "gelu_tanh"), TextSizes(8192, 32, 256, 6, 4, "gelu_tanh")),
    "rn50": _openai(1024, _resnet(224, 64, (3, 4, 6, 3)), 512),
    "rn101": _openai(512, _resnet(224, 64, (3, 4, 23, 3)), 512),
    "rn50x4": _openai(640, _resnet(288, 80, (4, 6, 10, 6)), 640),
    "rn50x16": _openai(768, _resnet(384, 96, (6, 8, 18, 8)), 768),
    "rn50x64": _openai(1024, _resnet(448, 128, (3, 15, 36, 10)), 1024),
    "vit_b_32": _openai(512, ViTSizes(224, 32, 768, 12, 12), 512),
    "vit_b_16": _openai(512, ViTSizes(224, 16, 768, 12, 12), 512),
    "vit_l_14": _openai(768, ViTSizes(224, 14, 1024, 24, 16), 768),
    "vit_l_14_336": _openai(768, ViTSizes(336, 14, 1024, 24, 16), 768),
    "vit_h_14": _open_clip(1024, _SCALING, (1280, 32, 16, 5120), (1024, 24)),
    "vit_g_14": _open_clip(1024, _SCALING, (1408, 40, 16, 6144), (1024, 24)),
    "vit_bigg_14": _open_clip(1280, _SCALED_VIT, (1664, 48, 16, 8192), (1280, 32)),
    "siglip_b_16_224": _siglip1(16, 224, _BASE),
    "siglip_b_16_256": _siglip1(16, 256, _BASE),
    "siglip_b_16_384": _siglip1(16, 384, _BASE),
    "siglip_b_16_512": _siglip1(16, 512, _BASE),
    "siglip_l_16_256": _siglip1(16, 256, _LARGE),
    "siglip_l_16_384": _siglip1(16, 384, _LARGE),
    "siglip_so400m_14_224": _siglip1(14, 224, _SO400M, context_length=16),
    "siglip_so400m_14_384": _siglip1(14, 384, _SO400M),
    "siglip2_b_32_256": _siglip2(32, 256, _BASE),
    "siglip2_b_16_224": _siglip2(16, 224, _BASE),
    "siglip2_b_16_256": _siglip2(16, 256, _BASE),
    "siglip2_b_16_384": _siglip2(16, 384, _BASE),
    "siglip2_b_16_512": _siglip2(16, 512, _BASE),
    "siglip2_l_16_256": _siglip2(16, 256, _LARGE),
    "siglip2_l_16_384": _siglip2(16, 384, _LARGE),
    "siglip2_l_16_512": _siglip2(16, 512, _LARGE),
    "siglip2_so400m_14_224": _siglip2(14, 224, _SO400M),
    "siglip2_so400m_14_384": _siglip2(14, 384, _SO400M),
    "siglip2_so400m_16_256": _siglip2(16, 256, _SO400M),
    "siglip2_so400m_16_384": _siglip2(16, 384, _SO400M),
    "siglip2_so400m_16_512": _siglip2(16, 512, _SO400M),
    "siglip2_giant_16_256": _siglip2(16, 256, _GIANT, _SO400M),
    "siglip2_giant_16_384": _siglip2(16, 384, _GIANT, _SO400M),
}
