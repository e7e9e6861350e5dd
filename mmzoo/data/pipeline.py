"""From pairs to batches: decoded, augmented, tokenized, in an order that a resumed run repeats exactly.

Everything random is a pure function of (seed, epoch, picture), never of what was drawn before: that is what lets a
run that was killed go on at `first_epoch` with the very batches it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mmzoo.data import augmentation
from mmzoo.data.augmentation import Augment
from mmzoo.data.decode import resize
from mmzoo.data.pairs import CaptionTokenizer, ImageTextModel, Pairs
from mmzoo.data.reading import BadPictures, Sample, first_readable, picture_at, read_ahead, samples_in_order

Batch = dict[str, np.ndarray]


def batches(
    pairs: Pairs,
    model: ImageTextModel,
    batch_size: int,
    *,
    training: bool = True,
    augment: Augment | None = None,
    seed: int = 0,
    epoch: int = 0,
    bad_pictures: BadPictures | None = None,
) -> Iterator[Batch]:
    """One epoch as NumPy batches, without TensorFlow.

    training: shuffled, one of each picture's captions at random, augmented as `augment` or else `pairs.augment` says,
    the remainder dropped; an unreadable picture gives its place to the next in the epoch's order, so that there are
    always N // batch_size batches. Otherwise: the data's order, first captions, no augmentation, the remainder kept;
    an unreadable picture is missing from its batch. The same (seed, epoch) gives the same batches.
    Yields:  {"images": (B, h, w, 3) uint8, "token_ids": (B, T) int32}
    Raises:  ValueError if there is no full batch to train on, or if not one picture can be read.
    """
    _tokenizer(model)
    steps = _batch_count(pairs, batch_size, training)
    _check_numbers(seed, epoch)
    bad = BadPictures() if bad_pictures is None else bad_pictures
    if training:
        return _training_batches(pairs, model, batch_size, steps, augment or pairs.augment, (seed, epoch), bad)
    return _evaluation_batches(pairs, model, batch_size, bad)


def dataset(
    pairs: Pairs,
    model: ImageTextModel,
    batch_size: int,
    *,
    training: bool = True,
    augment: Augment | None = None,
    seed: int = 0,
    first_epoch: int = 0,
    bad_pictures: BadPictures | None = None,
) -> Any:
    """The batches of `batches` as a tf.data.Dataset of known length, two batches ahead of its reader.

    In training the first pass is epoch `first_epoch`; a pass counts once its last batch was taken, so one that was
    only begun (Keras does that, and so does `.take(1)`) is repeated. To resume after e epochs, pass first_epoch=e. A
    distribution strategy reads a few batches ahead by itself: there, passes of fewer than five batches may be skipped.
    The `fit` of mmzoo's models resumes by itself, through the dataset's `seek_epoch`, when a Checkpoint does.
    Returns a tf.data.Dataset of {"images": (B, h, w, 3) uint8, "token_ids": (B, T) int32}.
    Raises:  ValueError as `batches`, here rather than in the middle of `fit`.
    """
    import tensorflow as tf

    _tokenizer(model)
    steps = _batch_count(pairs, batch_size, training)
    _check_numbers(seed, first_epoch)
    bad = BadPictures() if bad_pictures is None else bad_pictures
    first_readable(pairs)
    epoch = first_epoch

    def seek_epoch(wanted: int) -> None:
        nonlocal epoch
        epoch = wanted

    def one_pass() -> Iterator[Batch]:
        nonlocal epoch
        current = epoch
        source = batches(
            pairs,
            model,
            batch_size,
            training=training,
            augment=augment,
            seed=seed,
            epoch=current,
            bad_pictures=bad,
        )
        # The reading ahead is done here, not by tf.data's prefetch, so that this loop turns only as batches are taken.
        for step, batch in enumerate(read_ahead(source, 2), 1):
            if step == steps:
                epoch = current + 1
            yield batch

    rows = batch_size if training else None
    signature = {
        "images": tf.TensorSpec((rows, *model.image_preprocessing.size, 3), tf.uint8),
        "token_ids": tf.TensorSpec((rows, model.context_length), tf.int32),
    }
    result = tf.data.Dataset.from_generator(one_pass, output_signature=signature)
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    result = result.apply(tf.data.experimental.assert_cardinality(steps)).with_options(options)
    if training:
        result.seek_epoch = seek_epoch  # a model's fit that resumes from a checkpoint calls it
    return result


def arrays(pairs: Pairs, model: ImageTextModel, *, bad_pictures: BadPictures | None = None) -> Batch:
    """Every picture with its first caption, as arrays for `fit` on any backend.

    Returns {"images": (N, h, w, 3) uint8, "token_ids": (N, T) int32}. Unreadable pictures are left out; their positions
    are in `bad_pictures.indices`.
    Raises:  ValueError if not one picture can be read.
    """
    bad = BadPictures() if bad_pictures is None else bad_pictures
    before = bad.count
    _tokenizer(model)
    images = np.empty((len(pairs), *model.image_preprocessing.size, 3), np.uint8)
    captions: list[str] = []
    for sample in samples_in_order(pairs, range(len(pairs)), len(pairs), _plain(pairs, model), bad, replace=False):
        if sample is not None:
            images[len(captions)] = sample[0]
            captions.append(sample[1])
    bad.log_new(before, len(pairs))
    return {"images": images[: len(captions)], "token_ids": _token_ids(model, captions)}


def _training_batches(
    pairs: Pairs,
    model: ImageTextModel,
    batch_size: int,
    steps: int,
    how: Augment | None,
    key: tuple[int, int],
    bad: BadPictures,
) -> Iterator[Batch]:
    # NumPy pads short seeds with zeros, so the third number keeps the order's generator apart from the pictures'.
    order = np.random.default_rng((*key, 0)).permutation(len(pairs))
    preprocessing = model.image_preprocessing

    def sample(index: int) -> Sample:
        rng = np.random.default_rng((*key, 1, index))
        row = pairs.captions[index]
        caption = row[int(rng.integers(len(row)))]
        picture = picture_at(pairs, index)
        if how is None:
            return resize(picture, preprocessing), caption
        return augmentation.augment(picture, how, preprocessing, rng, caption=caption), caption

    before = bad.count
    stream = samples_in_order(pairs, order, steps * batch_size, sample, bad, replace=True)
    for step in range(steps):
        batch = _batch(model, [next(stream) for _ in range(batch_size)])
        if step == steps - 1:
            bad.log_new(before, len(pairs))
        yield batch


def _evaluation_batches(pairs: Pairs, model: ImageTextModel, batch_size: int, bad: BadPictures) -> Iterator[Batch]:
    before = bad.count
    make = _plain(pairs, model)
    stream = samples_in_order(pairs, range(len(pairs)), len(pairs), make, bad, replace=False)
    for start in range(0, len(pairs), batch_size):
        group = [next(stream) for _ in range(start, min(start + batch_size, len(pairs)))]
        if all(sample is None for sample in group):
            # The length of the dataset was promised, and an empty batch has no mean: show a readable picture again.
            group = [make(first_readable(pairs))]
        if start + batch_size >= len(pairs):
            bad.log_new(before, len(pairs))
        yield _batch(model, group)


def _plain(pairs: Pairs, model: ImageTextModel) -> Callable[[int], Sample]:
    return lambda index: (resize(picture_at(pairs, index), model.image_preprocessing), pairs.captions[index][0])


def _batch(model: ImageTextModel, samples: Sequence[Sample | None]) -> Batch:
    readable = [sample for sample in samples if sample is not None]
    return {
        "images": np.stack([picture for picture, _ in readable]),
        "token_ids": _token_ids(model, [caption for _, caption in readable]),
    }


def _token_ids(model: ImageTextModel, captions: list[str]) -> np.ndarray:
    return np.asarray(_tokenizer(model)(captions, model.context_length), np.int32)


def _tokenizer(model: ImageTextModel) -> CaptionTokenizer:
    if model.tokenizer is None:
        raise ValueError("model must have a tokenizer (build_clip(..., tokenizer=...)), received one without")
    return model.tokenizer


def _check_numbers(seed: int, epoch: int) -> None:
    if not all(isinstance(number, (int, np.integer)) and number >= 0 for number in (seed, epoch)):
        raise ValueError(f"seed and epoch must be integers from 0, received {seed!r} and {epoch!r}")


def _batch_count(pairs: Pairs, batch_size: int, training: bool) -> int:
    if not len(pairs):
        raise ValueError("pairs must hold at least one picture, received none")
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(f"batch_size must be an integer from 1, received {batch_size!r}")
    if training and batch_size > len(pairs):
        raise ValueError(f"batch_size must be at most the {len(pairs):,} pictures there are, received {batch_size}")
    return len(pairs) // batch_size if training else -(-len(pairs) // batch_size)
