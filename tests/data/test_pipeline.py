import logging
import os
import threading
from dataclasses import dataclass, replace

import numpy as np
import pytest

from mmzoo.data.augmentation import Augment
from mmzoo.data.decode import UnreadableImage
from mmzoo.data.pairs import Pairs
from mmzoo.data.pipeline import arrays, batches, dataset
from mmzoo.data.reading import BadPictures
from mmzoo.presets import ImagePreprocessing


class FirstWord:
    """A tokenizer whose ids can be read: the caption's first word, a number, in every place."""

    def __call__(self, texts: list[str], length: int) -> np.ndarray:
        return np.array([[int(text.split()[0])] * length for text in texts], np.int32).reshape(len(texts), length)


@dataclass(frozen=True)
class Model:
    tokenizer: FirstWord | None
    image_preprocessing: ImagePreprocessing
    context_length: int


class Pictures:
    """Decoded on request, some of them unreadable; picture i is filled with i."""

    def __init__(self, count: int, bad: tuple[int, ...] = ()) -> None:
        self.count, self.bad = count, bad

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int, /) -> np.ndarray:
        if index in self.bad:
            raise UnreadableImage(f"{index}.jpg", "the file is empty")
        return np.full((8, 10, 3), index % 256, np.uint8)


MODEL = Model(FirstWord(), ImagePreprocessing((6, 6)), 3)


def pairs(count: int, bad: tuple[int, ...] = (), **more: object) -> Pairs:
    return Pairs(Pictures(count, bad), tuple(str(i) for i in range(count)), **more)


def in_memory(count: int, **more: object) -> Pairs:
    images = np.random.default_rng(5).integers(0, 256, (count, 8, 10, 3), dtype=np.uint8)
    return Pairs(images, tuple((f"{i}", f"{i + 100}") for i in range(count)), **more)


def seen(stream: object) -> list[list[int]]:
    return [np.asarray(batch["token_ids"])[:, 0].tolist() for batch in stream]


def test_a_training_batch() -> None:
    first = next(iter(batches(in_memory(10), MODEL, 4)))
    assert {name: (array.shape, array.dtype) for name, array in first.items()} == {
        "images": ((4, 6, 6, 3), np.uint8),
        "token_ids": ((4, 3), np.int32),
    }


def test_pictures_and_captions_stay_together() -> None:
    for batch in batches(pairs(50), MODEL, 7):
        np.testing.assert_array_equal(batch["images"][:, 0, 0, 0], batch["token_ids"][:, 0])


def test_an_epoch_shows_each_picture_once_and_drops_the_remainder() -> None:
    epoch = seen(batches(pairs(23), MODEL, 5))
    assert [len(batch) for batch in epoch] == [5, 5, 5, 5]
    assert len({picture for batch in epoch for picture in batch}) == 20


def test_epochs_and_seeds_differ() -> None:
    orders = [seen(batches(pairs(40), MODEL, 40, seed=seed, epoch=epoch)) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(order) for order in orders}) == 4


@pytest.mark.parametrize("source", [in_memory(20), pairs(20)])
def test_the_same_epoch_is_the_same_to_the_bit(source: Pairs) -> None:
    how = Augment((0.3, 1.0), rotate=20, flip=True)
    runs = [list(batches(source, MODEL, 5, augment=how, seed=3, epoch=7)) for _ in range(2)]
    for first, second in zip(*runs, strict=True):
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])


def test_every_caption_of_a_picture_has_its_turn() -> None:
    chosen = {
        token for epoch in range(12) for batch in seen(batches(in_memory(4), MODEL, 4, epoch=epoch)) for token in batch
    }
    assert chosen == {0, 1, 2, 3, 100, 101, 102, 103}


def test_the_pairs_own_augmentation_is_the_default_and_none_outside_of_training() -> None:
    source = in_memory(8)
    cropping = replace(source, augment=Augment((0.2, 0.4)))
    plain, cropped = (next(iter(batches(each, MODEL, 8)))["images"] for each in (source, cropping))
    assert (plain != cropped).any()
    plain, untouched = (next(iter(batches(each, MODEL, 8, training=False)))["images"] for each in (source, cropping))
    np.testing.assert_array_equal(plain, untouched)


def test_evaluation_keeps_the_order_the_first_caption_and_the_remainder() -> None:
    assert seen(batches(in_memory(7), MODEL, 3, training=False)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_bad_pictures_are_replaced_by_the_next_in_the_order(caplog: pytest.LogCaptureFixture) -> None:
    order = seen(batches(pairs(10), MODEL, 1))
    good = [batch[0] for batch in order if batch[0] not in (2, 5, 7)]
    bad = BadPictures()
    with caplog.at_level(logging.WARNING, "mmzoo.data"):
        first, second = seen(batches(pairs(10, (2, 5, 7)), MODEL, 5, bad_pictures=bad))
    assert first + second == good + good[:3]
    assert (bad.count, bad.indices) == (3, [2, 5, 7])
    assert bad.reasons == {f"{i}.jpg": "the file is empty" for i in (2, 5, 7)}
    example, summary = (record.getMessage() for record in caplog.records)
    assert example.endswith(".jpg cannot be read: the file is empty; it is left out, and so is any other such picture")
    assert summary.startswith("of 10 pictures, 3 unreadable (")


def test_bad_pictures_are_missing_from_evaluation() -> None:
    assert seen(batches(pairs(7, (1, 6)), MODEL, 3, training=False)) == [[0, 2], [3, 4, 5], [0]]


def test_one_good_picture_is_enough() -> None:
    assert seen(batches(pairs(40, tuple(range(1, 40))), MODEL, 20)) == [[0] * 20] * 2


@pytest.mark.parametrize("training", [True, False])
def test_no_good_picture_is_an_error(training: bool) -> None:
    with pytest.raises(ValueError, match=r"none of the 40 pictures can be read; for one, \d+\.jpg cannot be read"):
        list(batches(pairs(40, tuple(range(40))), MODEL, 4, training=training))


def test_no_thread_outlives_an_abandoned_epoch() -> None:
    before = set(threading.enumerate())
    stream = batches(pairs(2_000), MODEL, 4)
    next(stream)
    stream.close()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("mmzoo")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an integer from 1, received 0"),
        ({"batch_size": 2.0}, r"batch_size must be an integer from 1, received 2\.0"),
        ({"batch_size": 11}, "batch_size must be at most the 10 pictures there are, received 11"),
        ({"batch_size": 2, "seed": -1}, "seed and epoch must be integers from 0, received -1 and 0"),
        ({"batch_size": 2, "epoch": 0.5}, r"seed and epoch must be integers from 0, received 0 and 0\.5"),
    ],
)
def test_mistakes_are_named_at_once(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        batches(pairs(10), MODEL, **arguments)


def test_no_pictures_at_all() -> None:
    with pytest.raises(ValueError, match="pairs must hold at least one picture, received none"):
        batches(pairs(0), MODEL, 1, training=False)


def test_a_model_without_a_tokenizer_is_named() -> None:
    untokenized = replace(MODEL, tokenizer=None)
    for make in (lambda: batches(pairs(4), untokenized, 2), lambda: arrays(pairs(4), untokenized)):
        with pytest.raises(ValueError, match="model must have a tokenizer"):
            make()


def test_a_source_that_returns_something_else_is_named() -> None:
    wrong = Pairs([np.zeros((4, 4), np.uint8)], ("1",))
    with pytest.raises(ValueError, match=r"images\[0\] must be uint8 \(H, W, 3\), received uint8 \(4, 4\)"):
        next(batches(wrong, MODEL, 1))


def test_arrays() -> None:
    bad = BadPictures()
    whole = pairs(6, (1, 4)).arrays(MODEL, bad_pictures=bad)
    assert whole["images"].shape == (4, 6, 6, 3)
    assert whole["images"][:, 0, 0, 0].tolist() == whole["token_ids"][:, 0].tolist() == [0, 2, 3, 5]
    assert bad.indices == [1, 4]
    with pytest.raises(ValueError, match="none of the 2 pictures can be read"):
        arrays(pairs(2, (0, 1)), MODEL)


# Below: tf.data, and Keras itself as the judge of what an epoch sees.

needs_tensorflow = pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow", reason="tf.data belongs to the TensorFlow backend"
)


@needs_tensorflow
def test_dataset_is_the_batches_with_static_shapes_and_a_known_length() -> None:
    source = in_memory(10, augment=Augment(flip=True))
    stream = source.dataset(MODEL, 4, seed=2, first_epoch=3)
    assert int(stream.cardinality()) == 2
    assert stream.element_spec["images"].shape.as_list() == [4, 6, 6, 3]
    assert stream.element_spec["token_ids"].shape.as_list() == [4, 3]
    expected = list(batches(source, MODEL, 4, seed=2, epoch=3))
    for ours, theirs in zip(stream.as_numpy_iterator(), expected, strict=True):
        for name in theirs:
            np.testing.assert_array_equal(ours[name], theirs[name])


@needs_tensorflow
def test_evaluation_dataset_keeps_its_length_with_bad_pictures() -> None:
    stream = dataset(pairs(7, (1, 3, 4, 5)), MODEL, 3, training=False)
    assert int(stream.cardinality()) == 3
    assert seen(stream) == [[0, 2], [0], [6]] == seen(stream)


@needs_tensorflow
def test_a_dataset_of_bad_pictures_is_refused_before_fit() -> None:
    with pytest.raises(ValueError, match="none of the 4 pictures can be read"):
        dataset(pairs(4, (0, 1, 2, 3)), MODEL, 2)


@needs_tensorflow
def test_a_pass_that_was_only_begun_is_repeated() -> None:
    stream = dataset(pairs(20), MODEL, 5)
    expected = [seen(batches(pairs(20), MODEL, 5, epoch=epoch)) for epoch in (0, 1)]
    assert seen(stream.take(1)) == expected[0][:1]
    assert [seen(stream), seen(stream)] == expected


def tiny_keras_model(record: list[list[int]]) -> object:
    import keras
    import tensorflow as tf

    class Recorder(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, inputs: dict) -> object:
            return self.dense(keras.ops.cast(inputs["token_ids"], "float32"))

        def train_step(self, data: dict) -> dict:
            tf.py_function(lambda ids: record.append(ids.numpy()[:, 0].tolist()), [data["token_ids"]], [])
            return super().train_step(data)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True) -> object:
            return keras.ops.mean(keras.ops.square(y_pred))

    model = Recorder()
    model.compile("sgd")
    return model


@needs_tensorflow
@pytest.mark.parametrize(("count", "batch_size"), [(23, 5), (6, 2), (5, 5)])
def test_fit_sees_each_epoch_once_and_in_order_and_so_does_a_resumed_run(count: int, batch_size: int) -> None:
    source = pairs(count, (1,))
    expected = [batch for epoch in range(4) for batch in seen(batches(source, MODEL, batch_size, epoch=epoch))]

    whole: list[list[int]] = []
    validation = dataset(source, MODEL, batch_size, training=False)
    stream = dataset(source, MODEL, batch_size)
    tiny_keras_model(whole).fit(stream, epochs=4, verbose=0, shuffle=False, validation_data=validation)
    assert whole == expected

    resumed: list[list[int]] = []
    model = tiny_keras_model(resumed)
    model.fit(dataset(source, MODEL, batch_size), epochs=2, verbose=0, shuffle=False)
    stream = dataset(source, MODEL, batch_size, first_epoch=2)
    model.fit(stream, epochs=4, initial_epoch=2, verbose=0, shuffle=False)
    assert resumed == expected


@needs_tensorflow
def test_fit_interrupted_inside_an_epoch_repeats_that_epoch() -> None:
    import keras

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            if batch == 1:
                raise KeyboardInterrupt

    source, record = pairs(20), []
    model, stream = tiny_keras_model(record), dataset(source, MODEL, 4)
    with pytest.raises(KeyboardInterrupt):
        model.fit(stream, verbose=0, shuffle=False, callbacks=[Stop()])
    model.fit(stream, epochs=2, verbose=0, shuffle=False)
    epochs = [seen(batches(source, MODEL, 4, epoch=epoch)) for epoch in (0, 1)]
    assert record == epochs[0][:2] + epochs[0] + epochs[1]
