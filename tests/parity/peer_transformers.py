"""How transformers saves, loads and runs CLIP, SigLIP, BERT, ViT and ResNet, and the forms their folders have on the hub."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tokens
import torch
import transformers
from checkpoints import flat, write_json
from safetensors.torch import load_file, save_file

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
WEIGHTS, PROCESSOR = "model.safetensors", "preprocessor_config.json"
# What config.json says of its author and versions, of training from nothing, and of heads that an encoder does not have.
UNUSED = (
    "_name_or_path",
    "architectures",
    "transformers_version",
    "initializer_",
    "id2label",
    "label2id",
    "problem_type",
)
# Ids that a tokenizer gives; a network that looks for an end of text looks for eos_token_id.
_IDS = ("text_config.bos_token_id", "text_config.pad_token_id")
UNUSED_IDS = {"clip": _IDS, "siglip": (*_IDS, "text_config.eos_token_id")}
Save = Callable[[torch.nn.Module, Path], None]
Tensors = dict[str, torch.Tensor]


def saving(processor: dict[str, Any] | None = None, *, dtype: str = "float32", shard: str = "5GB") -> Save:
    """save_pretrained, with a preprocessor_config.json for models of pictures."""

    def save(model: torch.nn.Module, folder: Path) -> None:
        model.to(getattr(torch, dtype)).save_pretrained(folder, max_shard_size=shard)
        if processor is not None:
            write_json(folder / PROCESSOR, processor)

    return save


def without_defaults(save: Save) -> Save:
    """config.json as many repositories have it: without what equals the class's defaults."""

    def differences(values: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
        return {
            key: differences(value, usual.get(key) or {}) if isinstance(value, dict) else value
            for key, value in values.items()
            if key in ("model_type", "architectures") or isinstance(value, dict) or value != usual.get(key)
        }

    def sparse(model: torch.nn.Module, folder: Path) -> None:
        save(model, folder)
        path = folder / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, differences(config, transformers.AutoConfig.for_model(config["model_type"]).to_dict()))

    return sparse


def with_config_dicts(save: Save) -> Save:
    """CLIP's config.json of 2022: the sizes are in text_config_dict and vision_config_dict, which count more than stale ones."""

    def doubled(model: torch.nn.Module, folder: Path) -> None:
        save(model, folder)
        path = folder / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        for name in ("text_config", "vision_config"):
            config[f"{name}_dict"] = config[name]
            config[name] = {"model_type": config[name]["model_type"], "num_hidden_layers": 12, "hidden_size": 768}
        write_json(path, config)

    return doubled


def with_real_tokenizer(save: Save) -> Save:
    """OpenAI's vocabulary, as vocab.json and merges.txt."""

    def complete(model: torch.nn.Module, folder: Path) -> None:
        save(model, folder)
        with tempfile.TemporaryDirectory() as scratch:
            tokens.make_clip(Path(scratch), tokens.real_clip_merges())
            for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
                shutil.copy(Path(scratch) / "clip_files" / name, folder)

    return complete


def changing_tensors(save: Save, change: Callable[[Tensors], Tensors]) -> Save:
    def changed(model: torch.nn.Module, folder: Path) -> None:
        save(model, folder)
        save_file(change(load_file(folder / WEIGHTS)), folder / WEIGHTS, metadata={"format": "pt"})

    return changed


def position_buffers(tensors: Tensors) -> Tensors:
    """Files of transformers before 4.31 hold the positions 0, 1, 2... too."""
    tables = {
        name.partition(".position_embedding")[0]: table for name, table in tensors.items() if "position_emb" in name
    }
    return tensors | {f"{name}.position_ids": torch.arange(len(table))[None] for name, table in tables.items()}


def first_names(tensors: Tensors) -> Tensors:
    """Files converted from BERT's first release call the parts of a norm gamma and beta."""
    return {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in tensors.items()
    }


def loading(kind: type, **options: Any) -> Callable[[Path], torch.nn.Module]:
    return lambda folder: kind.from_pretrained(folder, dtype=torch.float32, **options)


def meaning(folder: Path) -> dict[str, Any]:
    """What transformers makes of config.json, as far as it reaches the network."""
    config = transformers.AutoConfig.from_pretrained(folder).to_dict()
    same = {"gelu_new": "gelu_pytorch_tanh"}  # two names of one function
    return {
        key: same.get(value, value) if isinstance(value, str) else value
        for key, value in flat(config).items()
        if not key.startswith(UNUSED) and key not in UNUSED_IDS.get(config["model_type"], ())
    }


def run_both(model: torch.nn.Module, inputs: Tensors) -> Tensors:
    """CLIP and SigLIP."""
    output = model(**inputs)
    names = ("image_embeds", "text_embeds", "logits_per_image")
    return {"logit_scale": model.logit_scale.exp().reshape(()), **{name: getattr(output, name) for name in names}}


def run_bert(model: torch.nn.Module, inputs: Tensors) -> Tensors:
    output = model(**inputs, attention_mask=(inputs["input_ids"] != model.config.pad_token_id).long())
    return {"sequence": output.last_hidden_state, "pooled": first_unless(output.pooler_output, output)}


def run_vit(model: torch.nn.Module, inputs: Tensors) -> Tensors:
    output = model(**inputs)
    return {"sequence": output.last_hidden_state[:, 1:], "pooled": first_unless(output.pooler_output, output)}


def first_unless(pooled: torch.Tensor | None, output: Any) -> torch.Tensor:
    """The class token's state where the model has no pooler."""
    return output.last_hidden_state[:, 0] if pooled is None else pooled


def run_resnet(model: torch.nn.Module, inputs: Tensors) -> Tensors:
    output = model(**inputs)
    return {"sequence": output.last_hidden_state.flatten(2).transpose(1, 2), "pooled": output.pooler_output.flatten(1)}
