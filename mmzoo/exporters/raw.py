"""Parts that take what users have, encoded pictures and strings, in place of tensors."""

from __future__ import annotations

import dataclasses
import io
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmzoo.bundle import PartEntry
from mmzoo.bundle.chatter import quiet
from mmzoo.bundle.samples import Golden
from mmzoo.exporters.parity import golden_outputs
from mmzoo.exporters.pictures import IMAGE_BYTES, framed, read_pictures, require_same_pictures, write_pictures
from mmzoo.exporters.saved_model import save_signatures, serving_function
from mmzoo.exporters.strings import agreeing, texts_in_graph, tokenizer_in_graph
from mmzoo.exporters.tokens import fuzz_corpus, read_definition
from mmzoo.exporters.tokens.onnx.files import TEXTS as TEXTS_INPUT
from mmzoo.exporters.trace import Trace
from mmzoo.signature import Part, RawImages, RawPictures, RawTexts, RawWords, TensorSpec

SAMPLES = 16  # strings and files that raw artifacts are proven with
TEXTS = ("a photo of a cat.", "Zwei große Hunde, die im Schnee spielen!", "数字七 🎉", "")


@dataclass(frozen=True)
class RawPart:
    """A part's raw form: its entry in the manifest, the part it belongs to, how inputs of that are read of its own, and what
    becomes of its output."""

    entry: PartEntry
    part: str
    trace: Trace
    forms: tuple[RawImages | RawTexts, ...]
    raw_output: RawWords | RawPictures | None = None

    @property
    def formats(self) -> set[str]:
        """The formats that have it."""
        return {"saved_model"} if any(isinstance(form, RawImages) for form in self.forms) else {"saved_model", "onnx"}


def forms_in_graphs(parts: Mapping[str, Part], formats: Collection[str]) -> dict[str, Part]:
    """The parts with those of their raw forms that these formats can have.

    Warns of a tokenizer that has no form in a graph, as SigLIP's: the part is written without strings, or not at all where those
    are what it gives.
    """
    found: dict[str, Part] = {}
    for name, part in parts.items():
        if part.raw_output is not None:
            if "saved_model" not in formats:
                continue
            if isinstance(part.raw_output, RawWords) and (problem := _missing_words(part.raw_output)):
                warnings.warn(f"part {name!r} is left out: {problem}", stacklevel=3)
                continue
        missing: dict[Any, str | None] = {}
        if {"saved_model", "onnx"} & set(formats):
            missing = {form: _missing_form(form) for form in part.raw if isinstance(form, RawTexts)}
        for problem in filter(None, missing.values()):
            warnings.warn(f"part {name!r} is written without its strings: {problem}", stacklevel=3)
        found[name] = dataclasses.replace(part, raw=tuple(form for form in part.raw if not missing.get(form)))
    return found


def raw_parts(parts: Mapping[str, Part], traces: Mapping[str, Trace]) -> dict[str, RawPart]:
    """The raw forms of each part: "image_bytes" of a part "image", "text_strings" of a part "text"; of a part "classifier" that
    takes both, "classifier_raw" with picture files and strings and "classifier_strings" with pictures as tensors; of a part that
    gives words or PNG files, itself.

    Raises ValueError where a raw form makes none of the part's inputs, there are two of a kind, or a name is taken.
    """
    found: dict[str, RawPart] = {}
    for name, part in parts.items():
        _check_forms(name, part)
        images = tuple(form for form in part.raw if isinstance(form, RawImages))
        texts = tuple(form for form in part.raw if isinstance(form, RawTexts))
        if part.raw_output is not None:
            outputs = _raw_outputs(traces[name], part.raw_output)
            entry = PartEntry(name, _raw_inputs(part, images + texts), outputs, pictures=part.pictures)
            found[name] = RawPart(entry, name, traces[name], images + texts, part.raw_output)
            continue
        both = {"raw": images + texts} if images and texts else {"bytes": images}
        for suffix, forms in (both | {"strings": texts}).items():
            if forms:
                raw_name = f"{name}_{suffix}"
                if raw_name in parts:
                    raise ValueError(f"a part must not have the name of a raw form of {name!r}, received {raw_name!r}")
                outputs = traces[name].entry.outputs
                entry = PartEntry(raw_name, _raw_inputs(part, forms), outputs, pictures=part.pictures)
                found[raw_name] = RawPart(entry, name, traces[name], forms)
    return found


def _check_forms(name: str, part: Part) -> None:
    made, inputs = [form.input for form in part.raw], [spec.name for spec in part.inputs]
    if unknown := [each for each in made if each not in inputs]:
        raise ValueError(
            f"part {name!r} must have the raw input {unknown[0]!r} as an input, received {', '.join(inputs)}"
        )
    kinds = [type(form) for form in part.raw]
    if len(set(kinds)) < len(kinds) or len(set(made)) < len(made):
        raise ValueError(f"part {name!r} must have at most one raw form of each kind, received {', '.join(made)}")


def _raw_inputs(part: Part, forms: Sequence[RawImages | RawTexts]) -> tuple[TensorSpec, ...]:
    """The part's inputs with strings in place of those that the forms make."""
    raw = {form.input: TensorSpec(_raw_name(form), (None,), "string") for form in forms}
    return tuple(raw.get(spec.name, spec) for spec in part.inputs)


def _raw_outputs(trace: Trace, raw_output: RawWords | RawPictures) -> tuple[TensorSpec, ...]:
    """The part's outputs with strings in place of the token ids, or the pictures."""
    strings = TensorSpec(raw_output.output, (None,), "string")
    return tuple(strings if spec.name == raw_output.output else spec for spec in trace.entry.outputs)


def _raw_name(form: RawImages | RawTexts) -> str:
    return IMAGE_BYTES if isinstance(form, RawImages) else TEXTS_INPUT


def _missing_form(texts: RawTexts) -> str | None:
    """Why the tokenizer cannot be inside a graph, or None where it can."""
    try:
        read_definition(texts.tokenizer)
    except ValueError as error:
        return str(error)
    return None


def _missing_words(words: RawWords) -> str | None:
    """Why no graph can make words of the token ids, or None where one can."""
    if words.tokenizer is None:
        return "the model has no tokenizer to make words of what it writes"
    try:
        with quiet():
            texts_in_graph(words.tokenizer)
    except ValueError as error:
        return str(error)
    return None


def raw_golden(raw: RawPart, part: Part, golden: Golden, *, allow_token_differences: bool = False) -> Golden:
    """What a raw part is proven with: the part's samples, with its pictures as PNG files, and strings of many scripts as texts.

    allow_token_differences: leaves out strings on which a tokenizer in a graph differs, which prove nothing of the rest.
    """
    texts = next((form for form in raw.forms if isinstance(form, RawTexts)), None)
    if texts is None:
        rows = np.arange(min(SAMPLES, golden.count))
        inputs, outputs = _rows(golden.inputs, rows), _rows(golden.outputs, rows)
        given = dict(inputs)
    else:
        # NumPy's strings end at their last character that is not NUL.
        strings = [text.rstrip("\0") for text in (*TEXTS, *fuzz_corpus(SAMPLES - len(TEXTS)))]
        if allow_token_differences:
            strings = agreeing(texts, strings)
        inputs = _rows(golden.inputs, np.arange(len(strings)) % golden.count)
        inputs[texts.input] = texts.tokenizer(strings, texts.length)
        outputs = golden_outputs(part, inputs)
        given = inputs | {texts.input: np.array(strings)}
    for form in raw.forms:
        if isinstance(form, RawImages):
            pictures = [_png(framed(picture, form.preprocessing)) for picture in given[form.input]]
            given[form.input] = np.array(pictures, "S")
    match raw.raw_output:
        case RawWords(output, tokenizer) if tokenizer is not None:
            outputs = outputs | {output: np.array(tokenizer.decode(outputs[output]))}
        case RawPictures(output):
            outputs = outputs | {output: np.array([_png(picture) for picture in outputs[output]], "S")}
    names = {form.input: _raw_name(form) for form in raw.forms}
    return Golden({names.get(name, name): array for name, array in given.items()}, outputs)


def _rows(arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: array[rows] for name, array in arrays.items()}


def write_raw_saved_model(
    raws: Mapping[str, RawPart], path: Path, *, allow_token_differences: bool = False
) -> dict[str, tuple[str, ...]]:
    """Writes one SavedModel with a signature for each raw part; what loads TensorFlow loads it.

    Returns the classes of strings on which each part's tokenizer gives other ids than tokenizer.json, if that is allowed.
    Raises TokenDifferenceError where it does and is not, ValueError for a tokenizer that has no form in a graph,
    OSError for a full disk.
    """
    readers = {form: _reader(form, allow_token_differences) for raw in raws.values() for form in raw.forms}
    functions = {name: _serving_function(raw, readers) for name, raw in raws.items()}
    used = {raw.part: raw.trace for raw in raws.values()}
    save_signatures(functions, [variable for trace in used.values() for variable in trace.variables], path)
    return {
        name: tuple(dict.fromkeys(each for form in raw.forms for each in readers[form][1]))
        for name, raw in raws.items()
    }


def _serving_function(raw: RawPart, readers: Mapping[Any, tuple[Callable[[Any], Any], Any]]) -> Any:
    import tensorflow as tf

    serve_tensors, raw_output = serving_function(raw.trace), raw.raw_output
    write = _writer(raw_output)
    made = {_raw_name(form): (form.input, readers[form][0]) for form in raw.forms}

    def serve(inputs: dict[str, Any]) -> dict[str, Any]:
        tensors = dict(inputs)
        for name, (input, read) in made.items():
            tensors[input] = read(tensors.pop(name))
        outputs = serve_tensors(tensors)
        if raw_output is None or write is None:
            return outputs
        return outputs | {raw_output.output: write(outputs[raw_output.output])}

    specs = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in raw.entry.inputs}
    return tf.function(serve, autograph=False, input_signature=[specs])


def _reader(form: RawImages | RawTexts, allow_token_differences: bool) -> tuple[Callable[[Any], Any], tuple[str, ...]]:
    if isinstance(form, RawTexts):
        return tokenizer_in_graph(form, allow_differences=allow_token_differences)
    require_same_pictures(form.preprocessing)
    return lambda contents: read_pictures(contents, form.preprocessing), ()


def _writer(raw_output: RawWords | RawPictures | None) -> Callable[[Any], Any] | None:
    """What makes strings of an output, with TensorFlow operations."""
    match raw_output:
        case RawWords(_, tokenizer) if tokenizer is not None:
            return texts_in_graph(tokenizer)
        case RawPictures():
            return write_pictures
    return None


def _png(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 -> a PNG file; it never ends in NUL, which NumPy would drop."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
