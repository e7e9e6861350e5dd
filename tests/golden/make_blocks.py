"""Writes blocks.npz: a post-norm transformer layer by torch, SigLIP's pooling head and both losses by transformers, with inputs.

Run once, in an environment of its own:  pip install torch==2.13.0 transformers==5.17.0 numpy && python tests/golden/make_blocks.py
"""

from pathlib import Path

import numpy as np
import torch
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel, SiglipVisionConfig
from transformers.models.siglip.modeling_siglip import SiglipMultiheadAttentionPoolingHead


def shake(module: torch.nn.Module) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim:
                parameter += 0.2 * torch.randn_like(parameter)


def state(module: torch.nn.Module, prefix: str) -> dict[str, np.ndarray]:
    return {f"{prefix}/{name}": value.numpy() for name, value in module.state_dict().items()}


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    sequence = torch.randn(3, 7, 16)
    visible = torch.arange(7)[None] < torch.tensor([7, 4, 2])[:, None]
    block = torch.nn.TransformerEncoderLayer(16, 4, 32, 0.0, "gelu", batch_first=True, norm_first=False).eval()
    shake(block)
    head = SiglipMultiheadAttentionPoolingHead(
        SiglipVisionConfig(hidden_size=16, num_attention_heads=4, intermediate_size=32)
    ).eval()
    shake(head)
    arrays = {
        "sequence": sequence.numpy(),
        "visible": visible.numpy(),
        "block_output": block(sequence, src_key_padding_mask=~visible).numpy() * visible[..., None].numpy(),
        "pooled": head(sequence).numpy(),
        **state(block, "block"),
        **state(head, "head"),
    }
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    vision = {**small, "image_size": 8, "patch_size": 4}
    for name, config, model_class in (
        (
            "clip",
            CLIPConfig(text_config={**small, "vocab_size": 9}, vision_config=vision, projection_dim=16),
            CLIPModel,
        ),
        ("siglip", SiglipConfig(text_config={**small, "vocab_size": 9}, vision_config=vision), SiglipModel),
    ):
        model = model_class(config).eval()
        shake(model)
        pixels, ids = torch.randn(6, 3, 8, 8), torch.randint(3, 9, (6, 5))
        output = model(input_ids=ids, pixel_values=pixels, return_loss=True)
        arrays[f"{name}_logits_per_image"] = output.logits_per_image.numpy()
        arrays[f"{name}_loss"] = output.loss.numpy()
    np.savez_compressed(Path(__file__).with_name("blocks.npz"), **arrays)


if __name__ == "__main__":
    main()
