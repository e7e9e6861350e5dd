"""Pictures with a text each, and what is to be learned of the two: answers, labels, scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.images import Images, ImageView, checked_images, checked_indices, checked_picture, choose
from mmzoo.data.source import Chosen, ImageTextModel, token_ids

if TYPE_CHECKING:
    from mmzoo.data.reading import BadPictures

Inputs = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Examples:
    """N pictures, each with a text and a target; several texts about one picture share it (see `ImageView`).

    images: N pictures (see `Images`). texts: N strings. targets: (N,) integers that index label_names; or, with
    label_names, (N, C) numbers in [0, 1], how much each of the C labels applies; or, without, (N,) or (N, C) numbers to
    be predicted. Kept as int32 in the first case, as float32 in the others. kinds: what each example is about, for
    figures by kind. augment: what is safe to do to these pictures in training, None for nothing.
    image_present, text_present: (N,) bool, where a picture or a text may be missing; a missing picture is never read.
    Raises:  ValueError if the lengths differ, a target is not a number or not one of the labels, or an example has
        neither picture nor text: there would be nothing to learn from.
    """

    images: Images
    texts: tuple[str, ...]
    targets: np.ndarray
    label_names: tuple[str, ...] = ()
    kinds: tuple[str, ...] | None = None
    augment: Augment | None = None
    image_present: np.ndarray | None = None
    text_present: np.ndarray | None = None

    def __post_init__(self) -> None:
        count = len(checked_images(self.images))
        for name in ("texts", "kinds"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, _checked_strings(name, values, count))
        names = _checked_strings("label_names", self.label_names, len(self.label_names))
        if len(set(names)) < len(names):
            raise ValueError(f"label_names must differ, received {names!r}")
        object.__setattr__(self, "label_names", names)
        object.__setattr__(self, "targets", _checked_targets(self.targets, count, len(names)))
        for name in ("image_present", "text_present"):
            present = getattr(self, name)
            if present is not None:
                present = np.asarray(present)
                if present.dtype != bool or present.shape != (count,):
                    raise ValueError(f"{name} must be bool ({count},), received {present.dtype} {present.shape}")
                object.__setattr__(self, name, present)
        if self.image_present is not None and self.text_present is not None:
            neither = np.flatnonzero(~(self.image_present | self.text_present))
            if neither.size:
                raise ValueError(f"each example must have a picture or a text, received neither for {neither[0]}")

    def __len__(self) -> int:
        return len(self.images)

    def image_at(self, index: int) -> np.ndarray:
        """The picture of one example, (H, W, 3) uint8; black where it is missing. Raises: UnreadableImage."""
        if self.image_present is not None and not self.image_present[index]:
            return np.zeros((1, 1, 3), np.uint8)
        return checked_picture(self.images, index)

    def texts_at(self, index: int) -> tuple[str, ...]:
        """The one text of an example."""
        return (self.texts[index],)

    def check_model(self, model: ImageTextModel) -> None:
        """Raises: ValueError if a picture or a text is missing and the model has no inputs that say so."""
        if getattr(model, "missing_modalities", False):
            return
        for name in ("image", "text"):
            present = getattr(self, f"{name}_present")
            if present is not None and not present.all():
                raise ValueError(
                    f"model must be built with missing_modalities=True where an example has no {name}, "
                    f"received one without and {np.count_nonzero(~present):,} such examples"
                )

    def batch(self, model: ImageTextModel, chosen: Chosen) -> tuple[Inputs, np.ndarray]:
        """({"images", "token_ids"}, targets), with "image_present" and "text_present" if the model has these inputs."""
        inputs = {"images": chosen.images, "token_ids": token_ids(chosen.texts, model.tokenizer, model.context_length)}
        if getattr(model, "missing_modalities", False):
            for name in ("image_present", "text_present"):
                present = getattr(self, name)
                inputs[name] = np.ones(len(chosen.indices), bool) if present is None else present[chosen.indices]
        return inputs, self.targets[chosen.indices]

    def subset(self, indices: Sequence[int] | np.ndarray) -> Examples:
        """The examples at these positions, in this order; file-backed pictures stay unread."""
        chosen = checked_indices(indices, len(self))
        return replace(
            self,
            images=choose(self.images, chosen),
            texts=tuple(self.texts[i] for i in chosen),
            targets=self.targets[chosen],
            kinds=None if self.kinds is None else tuple(self.kinds[i] for i in chosen),
            image_present=None if self.image_present is None else self.image_present[chosen],
            text_present=None if self.text_present is None else self.text_present[chosen],
        )

    def split(self, held_out: float = 0.1, seed: int = 0) -> tuple[Examples, Examples]:
        """(training, held-out) parts drawn at random; the same seed gives the same parts.

        held_out: share of the pictures. All examples about one picture of an `ImageView` come into the same part.
        Raises:  ValueError if either part would be empty.
        """
        shared = self.images.indices if isinstance(self.images, ImageView) else np.arange(len(self))
        pictures = np.unique(shared)
        size = round(len(pictures) * held_out)
        if not 0 < size < len(pictures):
            raise ValueError(
                f"held_out must leave both parts of {len(pictures):,} pictures at least one, received {held_out!r}"
            )
        is_held_out = np.isin(shared, np.random.default_rng(seed).permutation(pictures)[:size])
        return self.subset(np.flatnonzero(~is_held_out)), self.subset(np.flatnonzero(is_held_out))

    def dataset(
        self,
        model: ImageTextModel,
        batch_size: int,
        *,
        training: bool = True,
        augment: Augment | None = None,
        seed: int = 0,
        first_epoch: int = 0,
        bad_pictures: BadPictures | None = None,
    ) -> Any:
        """A tf.data.Dataset of (inputs, targets) for `fit` or `evaluate`: see `mmzoo.data.dataset`."""
        from mmzoo.data.pipeline import dataset

        return dataset(
            self,
            model,
            batch_size,
            training=training,
            augment=augment,
            seed=seed,
            first_epoch=first_epoch,
            bad_pictures=bad_pictures,
        )

    def arrays(self, model: ImageTextModel, *, bad_pictures: BadPictures | None = None) -> tuple[Inputs, np.ndarray]:
        """Everything at once as NumPy arrays, (inputs, targets): see `mmzoo.data.arrays`."""
        from mmzoo.data.pipeline import arrays

        return arrays(self, model, bad_pictures=bad_pictures)


def _checked_strings(name: str, values: Sequence[str], count: int) -> tuple[str, ...]:
    if isinstance(values, str):
        raise ValueError(f"{name} must be a list of strings, received the string {values!r}")
    strings = tuple(values)
    if len(strings) != count:
        raise ValueError(f"{name} must be {count:,}, one an example, received {len(strings):,}")
    for index, value in enumerate(strings):
        if not isinstance(value, str):
            raise ValueError(f"{name}[{index}] must be a string, received {value!r}")
    return strings


def _checked_targets(targets: np.ndarray, count: int, labels: int) -> np.ndarray:
    targets = np.asarray(targets)
    integers = np.issubdtype(targets.dtype, np.integer)
    if not (integers or targets.dtype == bool or np.issubdtype(targets.dtype, np.floating)):
        raise ValueError(f"targets must be numbers, received {targets.dtype}")
    if targets.ndim not in (1, 2) or len(targets) != count or 0 in targets.shape[1:]:
        raise ValueError(f"targets must be ({count},) or ({count}, C), one row an example, received {targets.shape}")
    if targets.ndim == 1 and labels and not integers:
        raise ValueError(f"targets must be integers that index the {labels} label_names, received {targets.dtype}")
    if targets.ndim == 1 and integers:
        if targets.size and not (targets.min() >= 0 and targets.max() < labels):
            raise ValueError(
                f"targets must index the {labels} label_names, received values from {targets.min()} to {targets.max()}"
                + ("" if labels else " (numbers to be predicted must be float)")
            )
        return targets.astype(np.int32)
    targets = targets.astype(np.float32, copy=False)
    if not np.isfinite(targets).all():
        where = np.flatnonzero(~np.isfinite(targets.reshape(count, -1)).all(1))
        raise ValueError(f"targets must be finite numbers, received {targets[where[0]]} for example {where[0]}")
    if labels and targets.shape[1] != labels:
        raise ValueError(f"targets must be ({count}, {labels}), one column a label name, received {targets.shape}")
    if labels and targets.size and not (targets.min() >= 0 and targets.max() <= 1):
        raise ValueError(
            f"targets must be in [0, 1] for each label, received values from {targets.min():g} to {targets.max():g}"
        )
    return targets
