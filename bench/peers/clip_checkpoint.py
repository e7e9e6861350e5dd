"""transformers' CLIP ViT-L/14 with random weights: writes its folder, or times loading it.

    python clip_checkpoint.py make FOLDER
    python clip_checkpoint.py load FOLDER       prints seconds to the loaded model and to its first embedding, imports left out

Runs in the peers' environment.
"""

import json
import resource
import sys
import time

import torch
from transformers import CLIPConfig, CLIPModel

LARGE = {
    "projection_dim": 768,
    "text_config": {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_attention_heads": 12,
        "num_hidden_layers": 12,
        "projection_dim": 768,
    },
    "vision_config": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_attention_heads": 16,
        "num_hidden_layers": 24,
        "patch_size": 14,
        "projection_dim": 768,
    },
}


def load(folder):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    model = CLIPModel.from_pretrained(folder)
    loaded = time.perf_counter() - started
    pixels = torch.full((1, 3, model.config.vision_config.image_size, model.config.vision_config.image_size), 0.5)
    with torch.inference_mode():
        model.get_image_features(pixel_values=pixels)
    seconds = time.perf_counter() - started
    size = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(json.dumps({"load": loaded, "first": seconds, "peak": peak, "bytes": size}))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        torch.manual_seed(0)
        CLIPModel(CLIPConfig(**LARGE)).save_pretrained(sys.argv[2])
    else:
        load(sys.argv[2])
