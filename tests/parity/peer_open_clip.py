"""The checkpoints of open_clip that mmzoo is compared on, written as its own program for uploads writes them.

Importing open_clip needs torchvision, which does not go with this torch: its models use nothing of it, so names stand in for it.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import torch
from checkpoints import CLIP_PIXELS, Captions, Checkpoint, flat
from safetensors.torch import load_file, save_file
from transformers.utils import is_torchvision_available

CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"


class _Name(type):
    """A class all of whose attributes are names too."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class _Nothing(metaclass=_Name):
    pass


class _StandIn(types.ModuleType):
    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


@contextlib.contextmanager
def stand_in_for_torchvision() -> Iterator[None]:
    is_torchvision_available()  # asked while it is not there: transformers remembers the answer
    names = ("", ".transforms", ".transforms.functional", ".ops", ".ops.misc", ".datasets")
    modules = {f"torchvision{name}": _StandIn(f"torchvision{name}") for name in names}
    for name, module in modules.items():
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(modules[parent], child, module)
    sys.modules.update(modules)
    yield
    for name in modules:
        del sys.modules[name]


with stand_in_for_torchvision():
    models = importlib.import_module("open_clip.model")
    uploads = importlib.import_module("open_clip.push_to_hf_hub")


def build(config: dict[str, Any]) -> torch.nn.Module:
    """The model of a model_cfg, by the class that open_clip takes for it."""
    arguments = dict(config)
    kind = models.CustomTextCLIP if arguments.pop("custom_text", False) else models.CLIP
    return kind(**arguments)


def checkpoint(
    name: str,
    config: dict[str, Any],
    captions: Captions,
    *,
    dtype: torch.dtype = torch.float32,
    is_golden: bool = False,
) -> Checkpoint:
    def save(model: torch.nn.Module, folder: Path) -> None:
        model.visual.image_mean, model.visual.image_std = CLIP_PIXELS
        model.visual.preprocess_cfg = {"interpolation": "bicubic", "resize_mode": "shortest"}
        uploads.save_config_for_hf(model, folder / CONFIG, config)
        save_file(model.to(dtype).state_dict(), folder / WEIGHTS)

    return Checkpoint(
        name,
        build=lambda: build(config),
        save=save,
        load=load,
        run=run,
        meaning=meaning,
        image_size=config["vision_cfg"]["image_size"],
        captions=captions,
        is_golden=is_golden,
    )


def load(folder: Path) -> torch.nn.Module:
    """The model of a folder, every tensor of the file used and none missing."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model_cfg"]
    model = build(config)
    model.load_state_dict(load_file(folder / WEIGHTS))
    return model.float()


def meaning(folder: Path) -> dict[str, Any]:
    """What open_clip makes of the configuration, as far as it reaches the network or the pictures."""
    content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    model, pictures = content["model_cfg"], content["preprocess_cfg"]
    vision = vars(models.CLIPVisionCfg(**model.pop("vision_cfg")))
    words = vars(models.CLIPTextCfg(**model.pop("text_cfg")))
    for part in (vision, words):
        part["mlp_width"] = int(part["width"] * part.pop("mlp_ratio"))
    if isinstance(vision["layers"], list):
        del vision["patch_size"]  # a ResNet has no patches
    del words["hf_tokenizer_name"]
    return flat({"quick_gelu": False, **model, "vision": vision, "text": words, "pictures": pictures})


def run(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    image = model.encode_image(inputs["pixel_values"], normalize=True)
    text = model.encode_text(inputs["input_ids"], normalize=True)
    scale = model.logit_scale.exp()
    bias = 0.0 if model.logit_bias is None else model.logit_bias
    return {
        "logit_scale": scale,
        "image_embeds": image,
        "text_embeds": text,
        "logits_per_image": scale * image @ text.T + bias,
    }


def vit(size: int, patch: int, width: int, depth: int, **others: Any) -> dict[str, Any]:
    return {"image_size": size, "layers": depth, "width": width, "head_width": 8, "patch_size": patch, **others}


def resnet(size: int, layers: list[int]) -> dict[str, Any]:
    return {"image_size": size, "layers": layers, "width": 2, "head_width": 16, "patch_size": None}


def text(captions: Captions, width: int, depth: int, **others: Any) -> dict[str, Any]:
    sizes = {"context_length": captions.length, "vocab_size": captions.vocab_size}
    return {**sizes, "width": width, "heads": width // 8, "layers": depth, **others}


def checkpoints() -> list[Checkpoint]:
    words, end = Captions(99, 12, "highest", end=98), Captions(99, 12, "first", end=2, pad=1)
    image, caption = vit(18, 6, 16, 2), text(words, 16, 1)
    wide, ratio = vit(28, 7, 24, 1, mlp_ratio=4.9231), text(words, 32, 2, mlp_ratio=3.7362)
    usual, quick = {"embed_dim": 12}, {"embed_dim": 12, "quick_gelu": True}
    worldwide = {"pool_type": "eos", "eos_id": 2, "hf_tokenizer_name": "facebook/xlm-v-base"}
    shallow, fifty, hundred = resnet(32, [1, 1, 1, 1]), resnet(64, [3, 4, 6, 3]), resnet(96, [3, 4, 23, 3])
    return [
        checkpoint("open_clip_vit", {**usual, "vision_cfg": image, "text_cfg": caption}, words, is_golden=True),
        checkpoint("open_clip_vit_quick_gelu", {**quick, "vision_cfg": image, "text_cfg": caption}, words),
        checkpoint("open_clip_vit_other_ratios", {**usual, "vision_cfg": wide, "text_cfg": ratio}, words),
        checkpoint(
            "open_clip_vit_no_first_norm",
            {**quick, "vision_cfg": {**image, "no_ln_pre": True}, "text_cfg": caption},
            words,
        ),
        checkpoint(
            "open_clip_vit_own_text_tower",
            {**usual, "custom_text": True, "vision_cfg": image, "text_cfg": text(end, 16, 1, **worldwide)},
            end,
            is_golden=True,
        ),
        checkpoint(
            "open_clip_resnet",
            {**quick, "vision_cfg": shallow, "text_cfg": caption},
            words,
            dtype=torch.float16,
            is_golden=True,
        ),
        checkpoint("open_clip_resnet_50", {**usual, "vision_cfg": fifty, "text_cfg": caption}, words),
        checkpoint("open_clip_resnet_101", {**quick, "vision_cfg": hundred, "text_cfg": caption}, words),
    ]


OPEN_CLIP = checkpoints()
