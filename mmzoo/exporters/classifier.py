"""A zero-shot classifier as a file: pictures in, a probability for each label out, nothing else needed."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.bundle import FORMATS, Manifest
from mmzoo.exporters.gate import DEFAULT_GATE, Gate
from mmzoo.exporters.parity import golden_outputs
from mmzoo.exporters.parts import float32_compute
from mmzoo.exporters.writer import export
from mmzoo.metrics import Evaluation, label_embeddings
from mmzoo.signature import Part, RawImages, RawTexts

LABELS = "labels.json"
_NEEDED = ("export_parts", "encode_text", "logit_scale")
_SAME = 1e-6  # two unit vectors no further apart than this in any place come from the same token ids
_ROWS = 1024


@dataclasses.dataclass(frozen=True)
class BakedClassifier:
    """What export writes for export_classifier: the one part "classifier", labels.json and preprocessing.json.

    model: images -> {"probabilities": (B, C)}. activation: "softmax", the C probabilities of a picture sum to 1, or
    "sigmoid", each is on its own. part: the image tower's, whose inputs it takes.
    """

    model: keras.Model
    labels: tuple[str, ...]
    templates: tuple[str, ...]
    activation: str
    part: Part

    @property
    def name(self) -> str:
        return str(self.model.name)

    def export_parts(self) -> dict[str, Part]:
        """The image tower's part with the classifier in its place."""
        return {"classifier": dataclasses.replace(self.part, model=self.model)}

    def save_assets(self, directory: str | Path) -> None:
        """Writes labels.json, in the order of the probabilities, and preprocessing.json."""
        labels = {"labels": self.labels, "templates": self.templates, "activation": self.activation}
        _write_json(Path(directory) / LABELS, labels)
        for form in self.part.raw:
            if isinstance(form, RawImages):
                _write_json(Path(directory) / "preprocessing.json", dataclasses.asdict(form.preprocessing))


def export_classifier(
    model: Any,
    labels: Sequence[str],
    templates: Sequence[str],
    directory: str | Path,
    formats: Sequence[str] = FORMATS,
    *,
    scale: float | None = None,
    quantize: str | Sequence[str] | None = None,
    samples: Mapping[str, np.ndarray] | None = None,
    evaluation: Evaluation | None = None,
    gate: Gate | None = DEFAULT_GATE,
    raw: bool = True,
    layout: str | None = None,
    allow_flex: bool = False,
    tflite_batch: int | None = None,
    external_data: bool = False,
    metrics: Mapping[str, float] | None = None,
    atol: float = 1e-4,
    rtol: float | None = None,
    min_cosine: float = 0.99999,
    overwrite: bool = False,
) -> Manifest:
    """Writes a CLIP's image tower with the labels' embeddings inside (arXiv:2103.00020, section 3.1): a phone needs no tokenizer.

    The part "classifier" takes the image tower's inputs and gives "probabilities" (B, C) float32; labels.json holds the
    C labels in their order. Those of a model trained with the softmax loss sum to 1 over the labels. With the sigmoid
    loss (SigLIP) each is the probability that this label and the picture belong together, independent of the other labels:
    they need not sum to 1, and may all be small. labels and templates are those of label_embeddings. scale: multiplies
    the cosines instead of the model's own trained logit scale; less than it makes softmax probabilities more even, the
    order of the labels stays. The other options are export's; classification_evaluation makes an evaluation set.

    Raises: what export raises; TypeError for a model that has no image part, encode_text and logit_scale; ValueError
    for no labels or templates, a template without {}, labels given twice or that the model cannot tell apart, and a
    model without tokenizer.
    """
    return export(
        bake_classifier(model, labels, templates, scale=scale),
        directory,
        formats,
        quantize=quantize,
        samples=samples,
        evaluation=evaluation,
        gate=gate,
        raw=raw,
        layout=layout,
        allow_flex=allow_flex,
        tflite_batch=tflite_batch,
        external_data=external_data,
        metrics=metrics,
        atol=atol,
        rtol=rtol,
        min_cosine=min_cosine,
        overwrite=overwrite,
    )


def bake_classifier(
    model: Any, labels: Sequence[str], templates: Sequence[str], *, scale: float | None = None
) -> BakedClassifier:
    """The classifier that export_classifier writes; its model is a keras.Model that shares the image tower's layers."""
    missing = [name for name in _NEEDED if not hasattr(model, name)]
    part: Part | None = None if missing else model.export_parts().get("image")
    if part is None:
        lacking = ", ".join(missing) or "an image part"
        raise TypeError(
            f"model must have an image part, encode_text and logit_scale, as a CLIP, received none of {lacking}"
        )
    if scale is not None and not 0 < scale < float("inf"):
        raise ValueError(f"scale must be above 0, received {scale}")
    embeds = label_embeddings(_text_encoder(model), labels, templates)
    if repeated := sorted(label for label, count in Counter(labels).items() if count > 1):
        raise ValueError(f"labels must be given once each, received {', '.join(repeated)} again")
    _require_different(labels, embeds)
    nearness = keras.layers.Dense(len(labels), use_bias=False, dtype="float32", name="labels")
    similarities = nearness(part.model.outputs[0])
    nearness.kernel.assign(embeds.T)
    if scale is None:
        logits = model.logit_scale(similarities)
    else:
        bias = float(keras.ops.convert_to_numpy(model.logit_scale(keras.ops.zeros(()))))
        logits = keras.layers.Rescaling(scale, bias, dtype="float32", name="scale")(similarities)
    activation = "sigmoid" if getattr(model, "loss_name", "softmax") == "sigmoid" else "softmax"
    outputs = {"probabilities": keras.layers.Activation(activation, dtype="float32", name="probabilities")(logits)}
    classifier = keras.Model(part.model.input, outputs, name=f"{model.name}_classifier")
    return BakedClassifier(classifier, tuple(labels), tuple(templates), activation, part)


def _text_encoder(model: Any) -> Callable[[list[str]], np.ndarray]:
    """encode_text as a file computes it: in float32, whatever the model's policy is."""
    part = model.export_parts().get("text")
    forms = () if part is None else [form for form in part.raw if isinstance(form, RawTexts)]
    if part is None or not forms or len(part.model.outputs) != 1:
        return model.encode_text
    texts = forms[0]

    def encode(strings: list[str]) -> np.ndarray:
        token_ids = texts.tokenizer(strings, texts.length)
        with float32_compute(part.model):
            (embeds,) = golden_outputs(part, {texts.input: token_ids}).values()
        return embeds

    return encode


def _require_different(labels: Sequence[str], embeds: np.ndarray) -> None:
    """Labels that a tokenizer makes one of, as it lower-cases or cuts off, would share each answer by chance."""
    for start in range(0, len(embeds), _ROWS):
        rows = embeds[start : start + _ROWS]
        for i, j in np.argwhere(rows @ embeds.T > 1 - 1e-4):
            if start + i < j and np.abs(rows[i] - embeds[j]).max() < _SAME:
                raise ValueError(
                    f"labels must differ for the model, received {labels[start + i]!r} and {labels[j]!r}, "
                    "which have one embedding"
                )


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
