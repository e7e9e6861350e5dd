"""Parts that take what users have, encoded pictures and strings, in place of tensors."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmzoo.bundle import PartEntry
from mmzoo.bundle.samples import Golden
from mmzoo.exporters.parity import golden_outputs
from mmzoo.exporters.pictures import framed, read_pictures, require_same_pictures
from mmzoo.exporters.saved_model import save_signatures, serving_function
from mmzoo.exporters.strings import agreeing, tokenizer_in_graph
from mmzoo.exporters.tokens import fuzz_corpus, read_definition
from mmzoo.exporters.trace import Trace
from mmzoo.signature import Part, RawImages, RawTexts, TensorSpec

SAMPLES = 16  # strings and files that raw artifacts are proven with
TEXTS = ("a photo of a cat.", "Zwei große Hunde, die im Schnee spielen!", "数字七 🎉", "")


@dataclass(frozen=True)
class RawPart:
    """A part's raw form: its entry in the manifest, the part it belongs to, and how its input is read."""

    entry: PartEntry
    part: str
    form: RawImages | RawTexts

    @property
    def input(self) -> str:
        """The name of its one input: "image_bytes" or "text_strings"."""
        return self.entry.inputs[0].name

    @property
    def formats(self) -> set[str]:
        """The formats that have it."""
        return {"saved_model", "onnx"} if isinstance(self.form, RawTexts) else {"saved_model"}


def raw_parts(parts: Mapping[str, Part], traces: Mapping[str, Trace]) -> dict[str, RawPart]:
    """The raw form of each part that has one: "image_bytes" of a part "image", "text_strings" of a part "text".

    Warns of a tokenizer that has no form in a graph, as SigLIP's: the part is written without strings.
    Raises ValueError where a part has other inputs besides the one that its raw form makes, or a name is taken.
    """
    found: dict[str, RawPart] = {}
    for name, part in parts.items():
        if part.raw is None:
            continue
        if [spec.name for spec in part.inputs] != [part.raw.input]:
            received = ", ".join(spec.name for spec in part.inputs)
            raise ValueError(f"part {name!r} must have {part.raw.input!r} as its only input, received {received}")
        if isinstance(part.raw, RawTexts) and (problem := _missing_form(part.raw)):
            warnings.warn(f"part {name!r} is written without its strings: {problem}", stacklevel=3)
            continue
        raw_name = f"{name}_{'bytes' if isinstance(part.raw, RawImages) else 'strings'}"
        if raw_name in parts:
            raise ValueError(f"a part must have another name than the raw form of {name!r}, received {raw_name!r}")
        spec = TensorSpec("image_bytes" if isinstance(part.raw, RawImages) else "text_strings", (None,), "string")
        entry = PartEntry(raw_name, (spec,), traces[name].entry.outputs)
        found[raw_name] = RawPart(entry, name, part.raw)
    return found


def _missing_form(texts: RawTexts) -> str | None:
    """Why the tokenizer cannot be inside a graph, or None where it can."""
    try:
        read_definition(texts.tokenizer)
    except ValueError as error:
        return str(error)
    return None


def raw_golden(raw: RawPart, part: Part, golden: Golden, *, allow_token_differences: bool = False) -> Golden:
    """What a raw part is proven with: the part's sample pictures as PNG files, or strings of many scripts.

    allow_token_differences: leaves out strings on which a tokenizer in a graph differs, which prove nothing of the rest.
    """
    name = raw.input
    if isinstance(raw.form, RawImages):
        pictures = golden.inputs[raw.form.input][:SAMPLES]
        files = np.array([_png(framed(picture, raw.form.preprocessing)) for picture in pictures], "S")
        return Golden({name: files}, {key: array[:SAMPLES] for key, array in golden.outputs.items()})
    # NumPy's strings end at their last character that is not NUL.
    texts = [text.rstrip("\0") for text in (*TEXTS, *fuzz_corpus(SAMPLES - len(TEXTS)))]
    if allow_token_differences:
        texts = agreeing(raw.form, texts)
    token_ids = raw.form.tokenizer(texts, raw.form.length)
    return Golden({name: np.array(texts)}, golden_outputs(part, {raw.form.input: token_ids}))


def write_raw_saved_model(
    raws: Mapping[str, RawPart], traces: Mapping[str, Trace], path: Path, *, allow_token_differences: bool = False
) -> dict[str, tuple[str, ...]]:
    """Writes one SavedModel with a signature for each raw part; what loads TensorFlow loads it.

    Returns the classes of strings on which each part's tokenizer gives other ids than tokenizer.json, if that is allowed.
    Raises TokenDifferenceError where it does and is not, ValueError for a tokenizer that has no form in a graph,
    OSError for a full disk.
    """
    functions, differs_on = {}, {}
    for name, raw in raws.items():
        read, differs_on[name] = _reader(raw.form, allow_token_differences)
        functions[name] = _serving_function(raw, read, traces[raw.part])
    used = dict.fromkeys(raw.part for raw in raws.values())
    save_signatures(functions, [variable for name in used for variable in traces[name].variables], path)
    return differs_on


def _serving_function(raw: RawPart, read: Callable[[Any], Any], trace: Trace) -> Any:
    import tensorflow as tf

    serve_tensors, name = serving_function(trace), raw.input

    def serve(inputs: dict[str, Any]) -> dict[str, Any]:
        return serve_tensors({raw.form.input: read(inputs[name])})

    return tf.function(serve, autograph=False, input_signature=[{name: tf.TensorSpec((None,), tf.string, name=name)}])


def _reader(form: RawImages | RawTexts, allow_token_differences: bool) -> tuple[Callable[[Any], Any], tuple[str, ...]]:
    if isinstance(form, RawTexts):
        return tokenizer_in_graph(form, allow_differences=allow_token_differences)
    require_same_pictures(form.preprocessing)
    return lambda contents: read_pictures(contents, form.preprocessing), ()


def _png(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 -> a PNG file; it never ends in NUL, which NumPy would drop."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
