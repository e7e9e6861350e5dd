"""Writes clip_tiny.npz: a tiny CLIP with random weights by transformers, its inputs and its embeddings.

Run once, in an environment of its own:  pip install torch==2.13.0 transformers==5.17.0 numpy && python tests/golden/make_clip.py
"""

from pathlib import Path

import numpy as np
import torch
from transformers import CLIPConfig, CLIPModel

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], "float32")
STD = np.array([0.26862954, 0.26130258, 0.27577711], "float32")


def main() -> None:
    torch.manual_seed(0)
    layers = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_act": "quick_gelu"}
    config = CLIPConfig(
        text_config={
            **layers,
            "hidden_size": 32,
            "intermediate_size": 128,
            "vocab_size": 99,
            "max_position_embeddings": 12,
            "eos_token_id": 98,
            "bos_token_id": 97,
            "pad_token_id": 0,
        },
        vision_config={**layers, "hidden_size": 48, "intermediate_size": 192, "image_size": 30, "patch_size": 6},
        projection_dim=16,
    )
    model = CLIPModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # the defaults are so small that an omitted layer would hardly show
            if parameter.ndim:
                parameter += 0.1 * torch.randn_like(parameter)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 30, 30, 3)).astype("uint8")
    token_ids = rng.integers(1, 97, (5, 12)).astype("int32")
    token_ids[:, 0] = 97
    for row, end in enumerate((2, 5, 11, 7, 4)):
        token_ids[row, end] = 98
        token_ids[row, end + 1 :] = 0 if row % 2 else 98  # both ways of padding that are in use
    pixels = torch.tensor(((images / np.float32(255) - MEAN) / STD).transpose(0, 3, 1, 2).astype("float32"))
    with torch.no_grad():
        output = model(input_ids=torch.tensor(token_ids.astype("int64")), pixel_values=pixels)
    arrays = {
        f"weight/{name}": value.numpy() for name, value in model.state_dict().items() if "position_ids" not in name
    }
    np.savez_compressed(
        Path(__file__).with_name("clip_tiny.npz"),
        images=images,
        token_ids=token_ids,
        image_embeds=output.image_embeds.numpy(),
        text_embeds=output.text_embeds.numpy(),
        logits_per_image=output.logits_per_image.numpy(),
        **arrays,
    )


if __name__ == "__main__":
    main()
