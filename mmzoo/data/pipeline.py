"""From pictures with texts to batches: decoded, augmented, tokenized, in an order that a resumed run repeats exactly.

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
from mmzoo.data.reading import BadPictures, Sample, first_readable, no_pictures, read_ahead, samples_in_order
from mmzoo.data.source import Batch, Chosen, ImageTextModel, Source, token_ids


def batches(
    source: Source[Batch],
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

    source: `Pairs` or `Examples`, whose targets go with their pictures whatever the order, and whatever is left out.
    training: shuffled, one of each picture's texts at random, augmented as `augment` or else `source.augment` says,
    the remainder dropped; an unreadable picture gives its place to the next in the epoch's order, so that there are
    always N // batch_size batches. Otherwise: the data's order, first texts, no augmentation, the remainder kept;
    an unreadable picture is missing from its batch. The same (seed, epoch) gives the same batches.
    Yields:  {"images": (B, h, w, 3) uint8, "token_ids": (B, T) int32} of Pairs; of Examples (inputs, targets), the
        inputs with "image_present" and "text_present" (B,) bool where model.missing_modalities is True.
    Raises:  ValueError if there is no full batch to train on, if not one picture can be read, or if the model has no
        place for what the data has.
    """
    _check_model(source, model)
    steps = _batch_count(source, batch_size, training)
    _check_numbers(seed, epoch)
    bad = BadPictures() if bad_pictures is None else bad_pictures
    if training:
        return _training_batches(source, model, batch_size, steps, augment or source.augment, (seed, epoch), bad)
    return _evaluation_batches(source, model, batch_size, bad)


def dataset(
    source: Source[Batch],
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
    Returns a tf.data.Dataset of what `batches` yields.
    Raises:  ValueError as `batches`, here rather than in the middle of `fit`.
    """
    import tensorflow as tf

    _check_model(source, model)
    steps = _batch_count(source, batch_size, training)
    _check_numbers(seed, first_epoch)
    bad = BadPictures() if bad_pictures is None else bad_pictures
    first_readable(source)
    epoch = first_epoch

    def seek_epoch(wanted: int) -> None:
        nonlocal epoch
        epoch = wanted

    def one_pass() -> Iterator[Batch]:
        nonlocal epoch
        current = epoch
        stream = batches(
            source,
            model,
            batch_size,
            training=training,
            augment=augment,
            seed=seed,
            epoch=current,
            bad_pictures=bad,
        )
        # The reading ahead is done here, not by tf.data's prefetch, so that this loop turns only as batches are taken.
        for step, batch in enumerate(read_ahead(stream, 2), 1):
            if step == steps:
                epoch = current + 1
            yield batch

    rows = batch_size if training else None
    no_images = np.zeros((0, *model.image_preprocessing.size, 3), np.uint8)
    nothing = source.batch(model, Chosen(np.zeros(0, np.int64), no_images, (), np.random.default_rng(seed)))
    signature = tf.nest.map_structure(lambda array: tf.TensorSpec((rows, *array.shape[1:]), array.dtype), nothing)
    result = tf.data.Dataset.from_generator(one_pass, output_signature=signature)
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    result = result.apply(tf.data.experimental.assert_cardinality(steps)).with_options(options)
    if training:
        result.seek_epoch = seek_epoch  # a model's fit that resumes from a checkpoint calls it
    return result


def arrays(source: Source[Batch], model: ImageTextModel, *, bad_pictures: BadPictures | None = None) -> Batch:
    """Every picture with its first text, as arrays for `fit` on any backend.

    Returns what `batches` yields, as one batch of all: {"images": (N, h, w, 3) uint8, "token_ids": (N, T) int32} of
    Pairs, (inputs, targets) of Examples. Unreadable pictures are left out; their positions are in
    `bad_pictures.indices`.
    Raises:  ValueError if not one picture can be read, or the model has no place for what the data has.
    """
    bad = BadPictures() if bad_pictures is None else bad_pictures
    before = bad.count
    _check_model(source, model)
    images = np.empty((len(source), *model.image_preprocessing.size, 3), np.uint8)
    indices: list[int] = []
    texts: list[str] = []
    for sample in samples_in_order(source, range(len(source)), len(source), _plain(source, model), bad, replace=False):
        if sample is not None:
            index, images[len(indices)], text = sample
            indices.append(index)
            texts.append(text)
    bad.log_new(before, len(source))
    chosen = Chosen(np.array(indices, np.int64), images[: len(indices)], texts, np.random.default_rng(0))
    return source.batch(model, chosen)


def _training_batches(
    source: Source[Batch],
    model: ImageTextModel,
    batch_size: int,
    steps: int,
    how: Augment | None,
    key: tuple[int, int],
    bad: BadPictures,
) -> Iterator[Batch]:
    # NumPy pads short seeds with zeros, so the third number keeps the order's generator apart from the pictures' and the batches'.
    order = np.random.default_rng((*key, 0)).permutation(len(source))
    preprocessing = model.image_preprocessing

    def sample(index: int) -> Sample:
        rng = np.random.default_rng((*key, 1, index))
        texts = source.texts_at(index)
        text = texts[int(rng.integers(len(texts)))]
        picture = source.image_at(index)
        if how is None:
            return index, resize(picture, preprocessing), text
        return index, augmentation.augment(picture, how, preprocessing, rng, caption=text), text

    before = bad.count
    stream = samples_in_order(source, order, steps * batch_size, sample, bad, replace=True)
    for step in range(steps):
        drawing = np.random.default_rng((*key, 2, step))
        batch = _batch(source, model, [next(stream) for _ in range(batch_size)], drawing)
        if step == steps - 1:
            bad.log_new(before, len(source))
        yield batch


def _evaluation_batches(
    source: Source[Batch], model: ImageTextModel, batch_size: int, bad: BadPictures
) -> Iterator[Batch]:
    before = bad.count
    make = _plain(source, model)
    stream = samples_in_order(source, range(len(source)), len(source), make, bad, replace=False)
    for start in range(0, len(source), batch_size):
        group = [next(stream) for _ in range(start, min(start + batch_size, len(source)))]
        if all(sample is None for sample in group):
            # The length of the dataset was promised, and an empty batch has no mean: show a readable picture again.
            group = [make(first_readable(source))]
        if start + batch_size >= len(source):
            bad.log_new(before, len(source))
        yield _batch(source, model, group, np.random.default_rng(start))


def _plain(source: Source[Any], model: ImageTextModel) -> Callable[[int], Sample]:
    def sample(index: int) -> Sample:
        return index, resize(source.image_at(index), model.image_preprocessing), source.texts_at(index)[0]

    return sample


def _batch(
    source: Source[Batch], model: ImageTextModel, samples: Sequence[Sample | None], rng: np.random.Generator
) -> Batch:
    indices, pictures, texts = zip(*(sample for sample in samples if sample is not None), strict=True)
    return source.batch(model, Chosen(np.array(indices, np.int64), np.stack(pictures), texts, rng))


def _check_model(source: Source[Any], model: ImageTextModel) -> None:
    token_ids((), model.tokenizer, model.context_length)  # raises now where there is no tokenizer
    source.check_model(model)


def _check_numbers(seed: int, epoch: int) -> None:
    if not all(isinstance(number, (int, np.integer)) and number >= 0 for number in (seed, epoch)):
        raise ValueError(f"seed and epoch must be integers from 0, received {seed!r} and {epoch!r}")


def _batch_count(source: Source[Any], batch_size: int, training: bool) -> int:
    if not len(source):
        raise no_pictures(source)
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(f"batch_size must be an integer from 1, received {batch_size!r}")
    if training and batch_size > len(source):
        raise ValueError(f"batch_size must be at most the {len(source):,} pictures there are, received {batch_size}")
    return len(source) // batch_size if training else -(-len(source) // batch_size)
