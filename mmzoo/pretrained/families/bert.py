"""BERT as Hugging Face's transformers keeps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import keras

from mmzoo.encoders.describing import bert_sizes, named
from mmzoo.presets import BertSizes
from mmzoo.pretrained.families.config import (
    activation,
    epsilon,
    hidden,
    require,
    token_id,
    transformer_fields,
    whole_numbers,
)
from mmzoo.pretrained.families.family import Family
from mmzoo.pretrained.families.naming import BlockNames, blocks, dense, norm
from mmzoo.pretrained.links import Link

_NAMES = BlockNames(
    "attention.output.LayerNorm",
    ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attention.output.dense",
    "output.LayerNorm",
    "intermediate.dense",
    "output.dense",
)
_PREFIX = "bert."  # in the files of a BERT with a task's head


def sizes(config: Mapping[str, Any], names: Collection[str]) -> BertSizes:
    """The sizes that config.json names, with transformers' own defaults; a pooler where the file has one."""
    require(config, position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
    values = whole_numbers(
        config,
        {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "vocab_size": 30522,
            "max_position_embeddings": 512,
            "type_vocab_size": 2,
        },
    )
    return BertSizes(
        values["vocab_size"],
        values["max_position_embeddings"],
        values["hidden_size"],
        values["num_hidden_layers"],
        values["num_attention_heads"],
        activation(config),
        hidden(values["hidden_size"], values["intermediate_size"]),
        token_types=values["type_vocab_size"],
        pooler=any(name.endswith("pooler.dense.weight") for name in names),
        pad_id=token_id(config, "pad_token_id", 0),
        epsilon=epsilon(config, 1e-12),
    )


def config(model: keras.Model) -> dict[str, Any] | None:
    """The config.json of an encoder of build_bert."""
    sizes = bert_sizes(model)
    if sizes is None:
        return None
    return transformer_fields(sizes) | {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": sizes.vocab_size,
        "max_position_embeddings": sizes.max_positions or sizes.context_length,
        "type_vocab_size": sizes.token_types,
        "pad_token_id": sizes.pad_id,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
    }


def links(model: keras.Model, names: Collection[str] = ()) -> list[Link]:
    """Every tensor of BertModel."""
    prefix = _PREFIX if any(name.startswith(_PREFIX) for name in names) else ""
    embedding, pooler = named(model, "token_embedding"), named(model, "pooler")
    return [
        Link(f"{prefix}embeddings.word_embeddings.weight", (embedding.tokens,)),
        Link(f"{prefix}embeddings.position_embeddings.weight", (embedding.positions,)),
        Link(f"{prefix}embeddings.token_type_embeddings.weight", (embedding.types,)),
        *norm(named(model, "embedding_norm"), f"{prefix}embeddings.LayerNorm", names),
        *blocks(model, f"{prefix}encoder.layer", _NAMES, names),
        *([] if pooler is None else dense(pooler, f"{prefix}pooler.dense")),
    ]


FAMILY = Family(
    name="BERT",
    format="hf",
    model_types=("bert",),
    sizes=sizes,
    config=config,
    links=links,
    tokenizer="google-bert/bert-base-uncased",
    left_out=lambda name: name.startswith(("cls.", "classifier.", "qa_outputs.")),
    ignored=lambda name: name.endswith("embeddings.position_ids"),
)
