"""What a parity checkpoint is: a folder as a user has it, its inputs, and the peer's own answer to them.

The peer's side: torch and NumPy only. Nothing here or beside it is imported by mmzoo's tests.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

Pixels = tuple[tuple[float, ...], tuple[float, ...]]  # mean and standard deviation of values in [0, 1]
CLIP_PIXELS: Pixels = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
IMAGENET_PIXELS: Pixels = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF_PIXELS: Pixels = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
TABLES = ("embedding", "embedding.weight", "embeddings", "embeddings.weight", "cls_token", "probe")
SCALE, BIAS = 20.0, -9.0


@dataclass(frozen=True)
class Captions:
    """Rows of token ids as the family's tokenizers write them.

    end: the id that closes a text. "highest" marks rows whose end is the highest id, "first" rows where other ids are higher,
    "padded" rows of words, padded with pad; "full" rows without an end.
    """

    vocab_size: int
    length: int
    kind: str
    end: int = 0
    pad: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint, as plain functions of the peer's.

    build(): the model. save(model, folder): the folder a user has. load(folder): the peer's own model of such a folder, in
    float32. run(model, tensors): its outputs, under mmzoo's names. meaning(folder): what its configuration comes to, defaults
    included. image_size: pixels of a side, or None; pixels: mean and
    standard deviation. is_golden: small enough to be committed. is_large: of real size, so its folder is not kept.
    """

    name: str
    build: Callable[[], torch.nn.Module]
    save: Callable[[torch.nn.Module, Path], None]
    load: Callable[[Path], torch.nn.Module]
    run: Callable[[torch.nn.Module, dict[str, torch.Tensor]], dict[str, torch.Tensor]]
    meaning: Callable[[Path], dict[str, object]]
    image_size: int | None = None
    pixels: Pixels = CLIP_PIXELS
    captions: Captions | None = None
    is_golden: bool = False
    is_large: bool = False


@torch.no_grad()
def shake(module: torch.nn.Module) -> None:
    """Random weights and statistics under which every tensor counts and activations keep their size; defaults would hide most."""
    for name, tensor in module.state_dict().items():
        noise = torch.randn(tensor.shape)
        if name.endswith("num_batches_tracked"):
            tensor.fill_(7)
        elif name == "logit_scale":
            tensor.fill_(np.log(SCALE))
        elif name == "logit_bias":
            tensor.fill_(BIAS)
        elif name.endswith(TABLES) and tensor.ndim < 4:  # a convolution makes patch embeddings
            tensor.copy_(0.5 * noise)
        elif name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight")):
            tensor.copy_(1 + 0.25 * noise.clamp(-3, 3))
        elif tensor.ndim == 1:
            tensor.copy_(0.25 * noise)
        else:
            tensor.copy_(noise * (tensor.numel() / tensor.shape[0]) ** -0.5)


def inputs_of(checkpoint: Checkpoint, count: int = 4) -> dict[str, np.ndarray]:
    """images (count, H, W, 3) uint8 and token_ids (count, length) int32, as far as the checkpoint takes them."""
    rng = np.random.default_rng(0)
    inputs = {}
    if checkpoint.image_size:
        shape = (count, checkpoint.image_size, checkpoint.image_size, 3)
        inputs["images"] = rng.integers(0, 256, shape).astype("uint8")
    if checkpoint.captions is not None:
        inputs["token_ids"] = rows_of(checkpoint.captions, count, rng)
    return inputs


def rows_of(captions: Captions, count: int, rng: np.random.Generator) -> np.ndarray:
    """Texts of several lengths, the longest and the shortest among them."""
    size, length = captions.vocab_size, captions.length
    rows = rng.integers(3, size, (count, length))
    ends = [length - 1, 1, *rng.integers(2, length - 1, count)][:count]
    if captions.kind in ("highest", "first"):
        others = np.array([token for token in range(3, size) if token != captions.end])
        rows = rng.choice(others if captions.kind == "first" else others[others < captions.end], (count, length))
        for index, (row, end) in enumerate(zip(rows, ends, strict=True)):
            row[end] = captions.end
            if captions.kind == "highest" or index % 2:  # else what follows the end stays, higher ids too
                row[end + 1 :] = captions.pad
    elif captions.kind == "padded":
        for row, end in zip(rows, ends, strict=True):
            row[end + 1 :] = captions.pad
    return rows.astype("int32")


def tensors_of(checkpoint: Checkpoint, inputs: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The inputs as the peer's models take them: pixel_values (B, 3, H, W), normalised, and input_ids."""
    tensors = {}
    if "images" in inputs:
        mean, std = (np.array(values) for values in checkpoint.pixels)
        pixels = ((inputs["images"] / 255 - mean) / std).transpose(0, 3, 1, 2).astype("float32")
        tensors["pixel_values"] = torch.tensor(pixels)
    if "token_ids" in inputs:
        tensors["input_ids"] = torch.tensor(inputs["token_ids"].astype("int64"))
    return tensors


def write(checkpoint: Checkpoint, folder: Path) -> None:
    """The folder of a model with random weights, and reference.npz beside its files: inputs, and what the peer makes of them."""
    torch.manual_seed(0)
    model = checkpoint.build().eval()
    shake(model)
    folder.mkdir(parents=True)
    checkpoint.save(model, folder)
    inputs = inputs_of(checkpoint)
    np.savez_compressed(folder / "reference.npz", **inputs, **answers(checkpoint, folder, inputs))


@torch.no_grad()
def answers(checkpoint: Checkpoint, folder: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the peer's model of the folder makes of the inputs, in float32."""
    outputs = checkpoint.run(checkpoint.load(folder).eval(), tensors_of(checkpoint, inputs))
    return {name: output.numpy() for name, output in outputs.items()}


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def flat(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    """A nested dictionary as one, its keys joined by points."""
    result: dict[str, object] = {}
    for key, value in values.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return result
