"""Writes resnets.npz: tiny residual networks with random weights by open_clip and transformers, with their inputs and outputs.

Run once, in an environment of its own:
    pip install torch==2.13.0 transformers==5.17.0 numpy && pip install --no-deps open_clip_torch==3.3.0
    python tests/golden/make_resnets.py
"""

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import torch
from transformers import ResNetConfig, ResNetModel

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RESNETS = {
    "bottleneck": ({"layer_type": "bottleneck"}, (2, 37, 50, 3)),
    "basic": ({"layer_type": "basic", "downsample_in_first_stage": True}, (2, 48, 41, 3)),
    "gelu": ({"layer_type": "bottleneck", "downsample_in_bottleneck": True, "hidden_act": "gelu"}, (2, 32, 32, 3)),
}


def modified_resnet() -> type[torch.nn.Module]:
    """open_clip's class: its package imports torchvision, of which this file needs a name only."""
    ops = types.ModuleType("torchvision.ops.misc")
    ops.FrozenBatchNorm2d = torch.nn.BatchNorm2d
    for name in ("torchvision", "torchvision.ops"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torchvision.ops.misc"] = ops
    folder = Path(importlib.util.find_spec("open_clip").origin).parent
    package = types.ModuleType("open_clip")
    package.__path__ = [str(folder)]
    sys.modules["open_clip"] = package
    return importlib.import_module("open_clip.modified_resnet").ModifiedResNet


@torch.no_grad()
def shake(module: torch.nn.Module) -> None:
    """Random weights and statistics that keep activations of one size, of so few values that the file stays small."""
    for name, tensor in module.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        steps = torch.round(2 * torch.randn_like(tensor)) / 2
        if "running_var" in name or (tensor.ndim == 1 and name.endswith("weight")):
            tensor.copy_(1 + steps.clamp(-1.5, 1.5) / 4)
        elif tensor.ndim == 1:
            tensor.copy_(steps / 4)
        else:
            tensor.copy_(steps * 2.0 ** round(np.log2(0.7 * tensor[0].numel() ** -0.5)))


def state(module: torch.nn.Module, prefix: str) -> dict[str, np.ndarray]:
    weights = {name: value for name, value in module.state_dict().items() if "num_batches" not in name}
    return {f"{prefix}/{name}": value.numpy().astype("float16") for name, value in weights.items()}


def pixels(images: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    scaled = (images / np.float32(255) - np.array(mean, "float32")) / np.array(std, "float32")
    return torch.tensor(scaled.transpose(0, 3, 1, 2).astype("float32"))


def rows(maps: torch.Tensor) -> np.ndarray:
    return maps.flatten(2).transpose(1, 2).numpy()


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (2, 70, 70, 3)).astype("uint8")
    clip = modified_resnet()([1, 2, 1, 1], output_dim=12, heads=8, image_size=70, width=4).eval()
    shake(clip)
    maps: list[torch.Tensor] = []
    clip.layer4.register_forward_hook(lambda _module, _inputs, output: maps.append(output))
    arrays = {
        "clip_images": images,
        "clip_embeds": clip(pixels(images, CLIP_MEAN, CLIP_STD)).numpy(),
        "clip_sequence": rows(maps[0]),
        **state(clip, "clip"),
    }
    for name, (options, shape) in RESNETS.items():
        config = ResNetConfig(embedding_size=6, hidden_sizes=[8, 12], depths=[2, 1], **options)
        model = ResNetModel(config).eval()
        shake(model)
        images = generator.integers(0, 256, shape).astype("uint8")
        output = model(pixels(images, IMAGENET_MEAN, IMAGENET_STD))
        arrays |= {
            f"{name}_images": images,
            f"{name}_sequence": rows(output.last_hidden_state),
            f"{name}_pooled": output.pooler_output.flatten(1).numpy(),
            **state(model, name),
        }
    np.savez_compressed(Path(__file__).with_name("resnets.npz"), **arrays)


if __name__ == "__main__":
    main()
