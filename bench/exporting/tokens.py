"""10,000 generated strings through every kind of tokenizer inside a graph: are the ids those of tokenizer.json?

The model's output is its token ids, so what is compared has gone through the whole of an exported artifact.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from processes import in_fresh_process
from report import Row
from sections import Measured, progress

if TYPE_CHECKING:
    from mmzoo import Tokenizer

STRINGS, LENGTH, BATCH = 10_000, 48, 250
FORMATS = ("saved_model", "onnx")
KINDS = ("byte_bpe", "byte_bpe_lower_case", "clip_bpe", "wordpiece", "wordpiece_cased")


def measure(arguments: argparse.Namespace) -> Measured:
    rows, details = [Row("token_strings", STRINGS)], {}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as temporary:
            found, _ = in_fresh_process(differences, kind, arguments.seed, temporary)
        progress(f"{kind}: {json.dumps(found, ensure_ascii=False)}")
        details[kind] = found
        rows += [
            Row(f"token_differences_{kind}", sum(each["undeclared"] for each in found.values())),
            Row(f"token_declared_{kind}", max(each["declared"] for each in found.values()), unit="strings of classes"),
        ]
    return rows, {"tokens": details}


def differences(kind: str, seed: int, directory: str) -> dict[str, dict[str, Any]]:
    """For each format: strings whose ids differ outside the classes that the manifest declares ("undeclared"), strings of
    those classes ("declared"), how many of those differ, and the classes."""
    import numpy as np

    import mmzoo
    from mmzoo.bundle import Bundle
    from mmzoo.exporters.tokens.classes import class_of
    from mmzoo.exporters.tokens.corpus import fuzz_corpus

    texts = fuzz_corpus(STRINGS, seed)
    tokenizer = build_tokenizer(kind)
    expected = tokenizer(texts, LENGTH)
    mmzoo.export(IdsAsOutputs(tokenizer), Path(directory, "bundle"), FORMATS, allow_token_differences=True)
    bundle = Bundle(Path(directory, "bundle"))
    (output,) = bundle.manifest.parts["text_strings"].outputs
    found = {}
    for format in FORMATS:
        declared = bundle.manifest.artifact("text_strings", format, "fp32").differs_on
        batches = [np.array(texts[start : start + BATCH], object) for start in range(0, STRINGS, BATCH)]
        ids = np.concatenate(
            [bundle.run("text_strings", format, {"text_strings": batch})[output.name] for batch in batches]
        )
        differing = (ids.reshape(expected.shape) != expected).any(1)
        excused = np.array([class_of(text) in declared for text in texts])
        wrong = [text for text, differs in zip(texts, differing & ~excused, strict=True) if differs]
        found[format] = {
            "undeclared": len(wrong),
            "of_classes": dict(Counter(map(class_of, wrong))),
            "examples": [ascii(text)[:80] for text in sorted(wrong, key=len)[:3]],
            "classes": list(declared),
            "declared": int(excused.sum()),
            "declared_that_differ": int((differing & excused).sum()),
        }
    return found


class IdsAsOutputs:
    """A model whose embedding of a token is its id, which float32 holds exactly; as export takes it."""

    name = "ids"

    def __init__(self, tokenizer: Tokenizer) -> None:
        import keras
        import numpy as np

        from mmzoo.signature import Part, RawTexts, TensorSpec

        token_ids = keras.Input((LENGTH,), dtype="int32", name="token_ids")
        table = keras.layers.Embedding(tokenizer.vocab_size, 1, name="ids")
        model = keras.Model(token_ids, {"ids": table(token_ids)})
        table.set_weights([np.arange(tokenizer.vocab_size, dtype="float32")[:, None]])
        spec = TensorSpec("token_ids", (None, LENGTH), "int32", (0, tokenizer.vocab_size - 1))
        self.export_parts = lambda: {"text": Part(model, (spec,), (RawTexts("token_ids", tokenizer, LENGTH),))}


def build_tokenizer(kind: str) -> Tokenizer:
    """Learned from other strings of the same generator, so that all scripts are in the vocabulary."""
    from mmzoo import Tokenizer
    from mmzoo.exporters.tokens.corpus import fuzz_corpus

    texts = fuzz_corpus(4000, seed=1_000_003)
    match kind:
        case "byte_bpe":
            return Tokenizer.train(texts, 4096)
        case "byte_bpe_lower_case":
            return Tokenizer.train(texts, 4096, lower_case=True)
        case "wordpiece":
            return Tokenizer.train(texts, 32_768, kind="wordpiece", lower_case=True)
        case "wordpiece_cased":
            return Tokenizer.train(texts, 32_768, kind="wordpiece")
    return _clip_bpe(texts)


def _clip_bpe(texts: list[str]) -> Tokenizer:
    """Built as the tokenizer.json of published CLIP checkpoints is, with merges of its own."""
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

    from mmzoo import Tokenizer

    start, end = "<|startoftext|>", "<|endoftext|>"
    words = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    encoder = tokenizers.Tokenizer(models.BPE(unk_token=end, end_of_word_suffix="</w>"))
    encoder.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(tokenizers.Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    encoder.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(words), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    every_byte = [letter + suffix for letter in alphabet for suffix in ("", "</w>")]
    trainer = trainers.BpeTrainer(
        vocab_size=4096, special_tokens=[*every_byte, start, end], end_of_word_suffix="</w>", show_progress=False
    )
    encoder.train_from_iterator(texts, trainer)
    definition = json.loads(encoder.to_str())
    definition["added_tokens"] = [token for token in definition["added_tokens"] if token["content"] in (start, end)]
    encoder = tokenizers.Tokenizer.from_str(json.dumps(definition))
    names = [(token, encoder.token_to_id(token)) for token in (end, start)]
    encoder.post_processor = processors.RobertaProcessing(*names, trim_offsets=False, add_prefix_space=False)
    return Tokenizer(encoder.to_str())
