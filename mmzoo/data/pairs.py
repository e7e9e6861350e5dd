"""Pictures and their captions, wherever they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.images import Images, checked_images, checked_indices, checked_picture, choose, join
from mmzoo.data.mismatched import mismatched_texts
from mmzoo.data.source import Chosen, ImageTextModel, token_ids

if TYPE_CHECKING:
    from mmzoo.data.reading import BadPictures


@dataclass(frozen=True, eq=False)
class Pairs:
    """N pictures with their captions, and, where the source knows them, classes or the whole scene.

    images: N pictures (see `Images`). captions: for each picture one or several. labels: (N,) integers that index
    label_names. truth: for each picture what is known of it. augment: what is safe to do to these pictures in
    training, None for nothing. templates: prompts for zero-shot classification, {} for a label's name. hard_negatives: for each
    picture captions that nearly describe it and do not, or none; one that stands there twice is drawn twice as often.
    Raises:  ValueError if the lengths differ or a picture has no caption: then pictures and captions would not match.
    """

    images: Images
    captions: tuple[tuple[str, ...], ...]
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    truth: tuple[Any, ...] | None = None
    augment: Augment | None = None
    templates: tuple[str, ...] = ("a photo of a {}",)
    hard_negatives: tuple[tuple[str, ...], ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "captions", tuple(_caption_row(row) for row in self.captions))
        object.__setattr__(self, "label_names", tuple(self.label_names))
        count = len(checked_images(self.images))
        if len(self.captions) != count:
            raise ValueError(f"captions must be {count:,}, one entry a picture, received {len(self.captions):,}")
        for index, row in enumerate(self.captions):
            if not row or not all(isinstance(caption, str) for caption in row):
                raise ValueError(f"captions[{index}] must be one or several strings, received {row!r}")
        if self.truth is not None:
            object.__setattr__(self, "truth", tuple(self.truth))
            if len(self.truth) != count:
                raise ValueError(f"truth must have {count:,} entries, one a picture, received {len(self.truth):,}")
        if self.hard_negatives is not None:
            object.__setattr__(self, "hard_negatives", tuple(_caption_row(row) for row in self.hard_negatives))
            if len(self.hard_negatives) != count:
                raise ValueError(
                    f"hard_negatives must be {count:,}, one entry a picture, received {len(self.hard_negatives):,}"
                )
        if self.labels is not None:
            object.__setattr__(self, "labels", _checked_labels(self.labels, count, len(self.label_names)))

    def __len__(self) -> int:
        return len(self.images)

    def image_at(self, index: int) -> np.ndarray:
        """One picture as its source has it, (H, W, 3) uint8. Raises: UnreadableImage."""
        return checked_picture(self.images, index)

    def texts_at(self, index: int) -> tuple[str, ...]:
        """Every caption of one picture."""
        return self.captions[index]

    def check_model(self, model: ImageTextModel) -> None:
        """Pictures and captions fit every model."""

    def batch(self, model: ImageTextModel, chosen: Chosen) -> dict[str, np.ndarray]:
        """{"images", "token_ids"}: what a model that needs no labels is given; with "mismatched_ids" where it reads captions that do not
        fit, and "guide_token_ids" where it has a guide with a tokenizer of its own."""
        inputs = {"images": chosen.images, "token_ids": token_ids(chosen.texts, model.tokenizer, model.context_length)}
        if getattr(model, "reads_mismatched", False):
            wrong = mismatched_texts(self, chosen)
            inputs["mismatched_ids"] = token_ids(wrong, model.tokenizer, model.context_length)
        guide = getattr(model, "guide_reads", None)  # (tokenizer, length)
        if guide is not None:
            inputs["guide_token_ids"] = token_ids(chosen.texts, *guide)
        return inputs

    def all_captions(self) -> list[str]:
        """Every caption of every picture, in order: what a tokenizer is trained on."""
        return [caption for row in self.captions for caption in row]

    def subset(self, indices: Sequence[int] | np.ndarray) -> Pairs:
        """The pictures at these positions, in this order; file-backed pictures stay unread."""
        chosen = checked_indices(indices, len(self))
        return replace(
            self,
            images=choose(self.images, chosen),
            captions=tuple(self.captions[i] for i in chosen),
            labels=None if self.labels is None else self.labels[chosen],
            truth=None if self.truth is None else tuple(self.truth[i] for i in chosen),
            hard_negatives=None if self.hard_negatives is None else tuple(self.hard_negatives[i] for i in chosen),
        )

    def split(self, held_out: float = 0.1, seed: int = 0) -> tuple[Pairs, Pairs]:
        """(training, held-out) parts drawn at random; the same seed gives the same parts.

        Raises:  ValueError if either part would be empty.
        """
        size = round(len(self) * held_out)
        if not 0 < size < len(self):
            raise ValueError(
                f"held_out must leave both parts of {len(self):,} pictures at least one, received {held_out!r}"
            )
        order = np.random.default_rng(seed).permutation(len(self))
        return self.subset(np.sort(order[size:])), self.subset(np.sort(order[:size]))

    def concat(self, other: Pairs) -> Pairs:
        """These pictures followed by the other's; what only one of the two knows (labels, truth) is dropped."""
        same_classes = self.labels is not None and other.labels is not None and self.label_names == other.label_names
        return Pairs(
            images=join(self.images, other.images),
            captions=self.captions + other.captions,
            labels=np.concatenate([self.labels, other.labels]) if same_classes else None,
            label_names=self.label_names if same_classes else (),
            truth=self.truth + other.truth if self.truth is not None and other.truth is not None else None,
            augment=self.augment.common(other.augment) if self.augment and other.augment else None,
            templates=self.templates if same_classes else Pairs.templates,
            hard_negatives=_joined(self, other),
        )

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
        """A tf.data.Dataset for `fit` or `evaluate`: see `mmzoo.data.dataset`."""
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

    def arrays(self, model: ImageTextModel, *, bad_pictures: BadPictures | None = None) -> dict[str, np.ndarray]:
        """Everything at once as NumPy arrays: see `mmzoo.data.arrays`."""
        from mmzoo.data.pipeline import arrays

        return arrays(self, model, bad_pictures=bad_pictures)


def _joined(first: Pairs, second: Pairs) -> tuple[tuple[str, ...], ...] | None:
    if first.hard_negatives is None and second.hard_negatives is None:
        return None
    return tuple(row for each in (first, second) for row in each.hard_negatives or ((),) * len(each))


def _caption_row(row: Sequence[str]) -> tuple[str, ...]:
    # A bare string would otherwise become one caption a letter.
    return (row,) if isinstance(row, str) else tuple(row)


def _checked_labels(labels: np.ndarray, count: int, classes: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers of shape ({count},), received {labels.dtype} {labels.shape}")
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(
            f"labels must index the {classes} label_names, received values from {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int32)
