"""The peer's side of test_models_parity.py. Runs in the peers' environment.

python tests/parity/models.py make DIRECTORY     writes DIRECTORY/models: a folder for each checkpoint, as its library's users
                                                 have it, with inputs and what the library makes of them in reference.npz
python tests/parity/models.py again DIRECTORY    writes answers.npz, meaning.json and tensors.json, a comparison with the first
                                                 folder's tensors, into each folder NAME/CHECKPOINT of DIRECTORY/written, which
                                                 mmzoo wrote; what the library cannot load has error.txt instead
"""

import sys
from pathlib import Path

import numpy as np
import torch
from checkpoints import Checkpoint, answers, write, write_json
from peer_open_clip import OPEN_CLIP
from safetensors.torch import load_file
from transformers_checkpoints import TRANSFORMERS

CHECKPOINTS: dict[str, Checkpoint] = {checkpoint.name: checkpoint for checkpoint in [*TRANSFORMERS, *OPEN_CLIP]}


def make(directory: Path) -> None:
    folder = directory / "models"
    for name, checkpoint in CHECKPOINTS.items():
        write(checkpoint, folder / name)
        write_json(folder / name / "meaning.json", checkpoint.meaning(folder / name))
    large = [name for name, checkpoint in CHECKPOINTS.items() if checkpoint.is_large]
    write_json(folder / "peer.json", {"python": sys.executable, "large": large})


def again(directory: Path) -> None:
    for folder in sorted((directory / "written").glob("*/*/")):
        checkpoint, original = CHECKPOINTS[folder.name], directory / "models" / folder.name
        with np.load(original / "reference.npz") as reference:
            inputs = {name: reference[name] for name in ("images", "token_ids") if name in reference}
        try:
            found = answers(checkpoint, folder, inputs)
            write_json(folder / "meaning.json", checkpoint.meaning(folder))
        except Exception as error:
            (folder / "error.txt").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
            continue
        write_json(folder / "tensors.json", compared(tensors_in(original), tensors_in(folder)))
        np.savez(folder / "answers.npz", **found)


def tensors_in(folder: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()}


def compared(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> dict[str, list[str]]:
    """Names only in the first, only in the second, and with another dtype, shape or bit.

    An encoder is written as such: without the name of what it was part of in front, its norms under the names of today.
    """
    first = {encoder_name(name): tensor for name, tensor in first.items()}
    different = [name for name in first.keys() & second.keys() if bits(first[name]) != bits(second[name])]
    return {
        "lost": sorted(first.keys() - second.keys()),
        "new": sorted(second.keys() - first.keys()),
        "different": sorted(different),
    }


def encoder_name(name: str) -> str:
    for prefix in ("bert.", "vit.", "resnet."):
        name = name.removeprefix(prefix)
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def bits(tensor: torch.Tensor) -> tuple[torch.dtype, torch.Size, bytes]:
    return tensor.dtype, tensor.shape, tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


if __name__ == "__main__":
    torch.set_num_threads(2)
    {"make": make, "again": again}[sys.argv[1]](Path(sys.argv[2]))
