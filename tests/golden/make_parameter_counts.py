"""Writes parameter_counts.json: how many parameters transformers' and open_clip's own modules have at the published sizes.

They are built on torch's meta device, which allocates nothing. Run once, in an environment of its own:
    pip install torch==2.13.0 transformers==5.17.0 numpy ftfy && pip install --no-deps open_clip_torch==3.3.0
    python tests/golden/make_parameter_counts.py
"""

import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import torch
import transformers


class Nothing(type):
    """Stands for every name of torchvision, which open_clip imports and these modules do not use."""

    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class Stub(metaclass=Nothing):
    pass


for name in ("", ".transforms", ".transforms.functional", ".ops", ".ops.misc"):
    module = ModuleType(f"torchvision{name}")
    module.__spec__, module.__path__ = ModuleSpec(module.__name__, None), []
    module.__getattr__ = lambda name: getattr(Stub, name)
    sys.modules[module.__name__] = module

import open_clip  # noqa: E402
from open_clip.model import CLIP  # noqa: E402

OPEN_CLIP = {
    "rn50": "RN50-quickgelu",
    "rn101": "RN101-quickgelu",
    "rn50x4": "RN50x4-quickgelu",
    "rn50x16": "RN50x16-quickgelu",
    "rn50x64": "RN50x64-quickgelu",
    "vit_b_32": "ViT-B-32-quickgelu",
    "vit_b_16": "ViT-B-16-quickgelu",
    "vit_l_14": "ViT-L-14-quickgelu",
    "vit_l_14_336": "ViT-L-14-336-quickgelu",
    "vit_h_14": "ViT-H-14",
    "vit_g_14": "ViT-g-14",
    "vit_bigg_14": "ViT-bigG-14",
}
# The config.json of google/siglip-* and google/siglip2-*: width, depth, heads and MLP width of each tower.
B, L, SO400M, GIANT = (768, 12, 12, 3072), (1024, 24, 16, 4096), (1152, 27, 16, 4304), (1536, 40, 16, 6144)
SIGLIP = {
    "siglip_b_16_224": ("google/siglip-base-patch16-224", B, B, 16, 224, 32_000, 64),
    "siglip_b_16_256": ("google/siglip-base-patch16-256", B, B, 16, 256, 32_000, 64),
    "siglip_b_16_384": ("google/siglip-base-patch16-384", B, B, 16, 384, 32_000, 64),
    "siglip_b_16_512": ("google/siglip-base-patch16-512", B, B, 16, 512, 32_000, 64),
    "siglip_l_16_256": ("google/siglip-large-patch16-256", L, L, 16, 256, 32_000, 64),
    "siglip_l_16_384": ("google/siglip-large-patch16-384", L, L, 16, 384, 32_000, 64),
    "siglip_so400m_14_224": ("google/siglip-so400m-patch14-224", SO400M, SO400M, 14, 224, 32_000, 16),
    "siglip_so400m_14_384": ("google/siglip-so400m-patch14-384", SO400M, SO400M, 14, 384, 32_000, 64),
    "siglip2_b_32_256": ("google/siglip2-base-patch32-256", B, B, 32, 256, 256_000, 64),
    "siglip2_b_16_224": ("google/siglip2-base-patch16-224", B, B, 16, 224, 256_000, 64),
    "siglip2_b_16_256": ("google/siglip2-base-patch16-256", B, B, 16, 256, 256_000, 64),
    "siglip2_b_16_384": ("google/siglip2-base-patch16-384", B, B, 16, 384, 256_000, 64),
    "siglip2_b_16_512": ("google/siglip2-base-patch16-512", B, B, 16, 512, 256_000, 64),
    "siglip2_l_16_256": ("google/siglip2-large-patch16-256", L, L, 16, 256, 256_000, 64),
    "siglip2_l_16_384": ("google/siglip2-large-patch16-384", L, L, 16, 384, 256_000, 64),
    "siglip2_l_16_512": ("google/siglip2-large-patch16-512", L, L, 16, 512, 256_000, 64),
    "siglip2_so400m_14_224": ("google/siglip2-so400m-patch14-224", SO400M, SO400M, 14, 224, 256_000, 64),
    "siglip2_so400m_14_384": ("google/siglip2-so400m-patch14-384", SO400M, SO400M, 14, 384, 256_000, 64),
    "siglip2_so400m_16_256": ("google/siglip2-so400m-patch16-256", SO400M, SO400M, 16, 256, 256_000, 64),
    "siglip2_so400m_16_384": ("google/siglip2-so400m-patch16-384", SO400M, SO400M, 16, 384, 256_000, 64),
    "siglip2_so400m_16_512": ("google/siglip2-so400m-patch16-512", SO400M, SO400M, 16, 512, 256_000, 64),
    "siglip2_giant_16_256": ("google/siglip2-giant-opt-patch16-256", GIANT, SO400M, 16, 256, 256_000, 64),
    "siglip2_giant_16_384": ("google/siglip2-giant-opt-patch16-384", GIANT, SO400M, 16, 384, 256_000, 64),
}
# microsoft/resnet-*: kind of block, widths, depths.
RESNET = {
    "resnet_18": ("basic", [64, 128, 256, 512], [2, 2, 2, 2]),
    "resnet_34": ("basic", [64, 128, 256, 512], [3, 4, 6, 3]),
    "resnet_50": ("bottleneck", [256, 512, 1024, 2048], [3, 4, 6, 3]),
    "resnet_101": ("bottleneck", [256, 512, 1024, 2048], [3, 4, 23, 3]),
    "resnet_152": ("bottleneck", [256, 512, 1024, 2048], [3, 8, 36, 3]),
}
VIT = {
    "vit_tiny_16": ("facebook/deit-tiny-patch16-224", 16, (192, 12, 3, 768)),
    "vit_small_16": ("facebook/deit-small-patch16-224", 16, (384, 12, 6, 1536)),
    "vit_base_32": ("google/vit-base-patch32-224-in21k", 32, B),
    "vit_base_16": ("google/vit-base-patch16-224", 16, B),
    "vit_large_16": ("google/vit-large-patch16-224", 16, L),
    "vit_huge_14": ("google/vit-huge-patch14-224-in21k", 14, (1280, 32, 16, 5120)),
}
BERT = {
    "bert_tiny": ("google/bert_uncased_L-2_H-128_A-2", (128, 2, 2, 512)),
    "bert_mini": ("google/bert_uncased_L-4_H-256_A-4", (256, 4, 4, 1024)),
    "bert_small": ("google/bert_uncased_L-4_H-512_A-8", (512, 4, 8, 2048)),
    "bert_medium": ("google/bert_uncased_L-8_H-512_A-8", (512, 8, 8, 2048)),
    "bert_base": ("bert-base-uncased", B),
    "bert_large": ("bert-large-uncased", L),
}


def tower(sizes: tuple[int, int, int, int]) -> dict[str, int]:
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    return dict(zip(names, sizes, strict=True))


def modules():
    """Name of the preset, where its sizes stand, and the module."""
    for name, source in OPEN_CLIP.items():
        config = open_clip.get_model_config(source)
        yield name, f"open_clip {open_clip.__version__}: {source}", CLIP(**config)
    library = f"transformers {transformers.__version__}"
    for name, (source, image, text, patch, size, vocabulary, length) in SIGLIP.items():
        vision = tower(image) | {"patch_size": patch, "image_size": size}
        words = tower(text) | {"vocab_size": vocabulary, "max_position_embeddings": length, "projection_size": image[0]}
        config = transformers.SiglipConfig(text_config=words, vision_config=vision)
        yield name, f"{library}: {source}", transformers.SiglipModel(config)
    for name, (block, widths, depths) in RESNET.items():
        config = transformers.ResNetConfig(hidden_sizes=widths, depths=depths, layer_type=block)
        yield name, f"{library}: microsoft/{name.replace('_', '-')}", transformers.ResNetModel(config)
    for name, (source, patch, sizes) in VIT.items():
        config = transformers.ViTConfig(**tower(sizes), patch_size=patch)
        yield name, f"{library}: {source}, no pooler", transformers.ViTModel(config, add_pooling_layer=False)
    for name, (source, sizes) in BERT.items():
        yield name, f"{library}: {source}", transformers.BertModel(transformers.BertConfig(**tower(sizes)))


def main() -> None:
    with torch.device("meta"):
        counts = {
            name: {"parameters": sum(weight.numel() for weight in module.parameters()), "source": source}
            for name, source, module in modules()
        }
    text = json.dumps(counts, indent=1) + "\n"
    Path(__file__).with_name("parameter_counts.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
