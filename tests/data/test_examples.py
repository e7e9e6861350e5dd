import os
from dataclasses import dataclass, replace

import numpy as np
import pytest

from mmzoo.data.augmentation import Augment
from mmzoo.data.decode import UnreadableImage
from mmzoo.data.examples import Examples
from mmzoo.data.images import ImageView
from mmzoo.data.pipeline import batches
from mmzoo.data.reading import BadPictures
from mmzoo.presets import ImagePreprocessing


class Numbers:
    """A tokenizer whose ids can be read: the text as a number, in every place; 999 for no text."""

    def __call__(self, texts: list[str], length: int) -> np.ndarray:
        return np.array([[int(text or 999)] * length for text in texts], np.int32).reshape(len(texts), length)


NUMBERS, SIZE = Numbers(), ImagePreprocessing((6, 6))


@dataclass(frozen=True)
class Model:
    tokenizer: Numbers | None = NUMBERS
    image_preprocessing: ImagePreprocessing = SIZE
    context_length: int = 3
    missing_modalities: bool = False


class Pictures:
    """Decoded on request, some of them unreadable; picture i is filled with i."""

    def __init__(self, count: int, bad: tuple[int, ...] = ()) -> None:
        self.count, self.bad, self.asked = count, bad, set()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> np.ndarray:
        self.asked.add(index)
        if index in self.bad:
            raise UnreadableImage(f"{index}.jpg", "the file is empty")
        return np.full((8, 10, 3), index, np.uint8)


LABELS = tuple(f"label {i}" for i in range(50))


def examples(count: int = 20, bad: tuple[int, ...] = (), **more: object) -> Examples:
    """Picture, text and target of example i are all i."""
    return Examples(Pictures(count, bad), tuple(map(str, range(count))), np.arange(count), LABELS, **more)


def pixels(count: int) -> np.ndarray:
    return np.zeros((count, 4, 4, 3), np.uint8)


def agreed(batch: tuple[dict[str, np.ndarray], np.ndarray]) -> list[int]:
    """The numbers of the examples of a batch, read from the targets, after a look at pictures and texts."""
    inputs, targets = batch
    np.testing.assert_array_equal(inputs["images"][:, 0, 0, 0], targets)
    np.testing.assert_array_equal(inputs["token_ids"][:, 0], targets)
    return targets.tolist()


def test_a_training_batch_is_inputs_and_targets() -> None:
    inputs, targets = next(iter(batches(examples(), Model(), 4)))
    assert {name: (array.shape, array.dtype) for name, array in inputs.items()} == {
        "images": ((4, 6, 6, 3), np.uint8),
        "token_ids": ((4, 3), np.int32),
    }
    assert (targets.shape, targets.dtype) == ((4,), np.int32)


@pytest.mark.parametrize("bad", [(), (0, 3, 4, 5, 11)])
@pytest.mark.parametrize("training", [True, False])
def test_targets_stay_with_their_pictures_whatever_is_left_out(bad: tuple[int, ...], training: bool) -> None:
    seen = [each for batch in batches(examples(20, bad), Model(), 5, training=training) for each in agreed(batch)]
    assert set(seen) == set(range(20)) - set(bad)


def test_arrays_leave_out_what_cannot_be_read() -> None:
    bad = BadPictures()
    assert agreed(examples(6, (1, 4)).arrays(Model(), bad_pictures=bad)) == [0, 2, 3, 5]
    assert bad.indices == [1, 4]


def test_several_questions_about_one_picture_show_that_picture() -> None:
    source = Examples(ImageView(Pictures(2), [1, 0, 1]), ("7", "8", "9"), np.array([0.5, 1.5, 2.5]))
    inputs, targets = source.arrays(Model())
    assert inputs["images"][:, 0, 0, 0].tolist() == [1, 0, 1]
    assert inputs["token_ids"][:, 0].tolist() == [7, 8, 9]
    assert (targets.tolist(), targets.dtype) == ([0.5, 1.5, 2.5], np.float32)


def test_a_text_that_names_a_side_keeps_the_picture_as_it_is() -> None:
    picture = np.zeros((1, 6, 6, 3), np.uint8)
    picture[:, :, 0] = 255

    class Lengths:
        def __call__(self, texts: list[str], length: int) -> np.ndarray:
            return np.full((len(texts), length), 0, np.int32)

    for text, most in (("is it left of the other?", 1), ("is it red?", 2)):
        source = Examples(picture, (text,), np.zeros(1), augment=Augment((1.0, 1.0), flip=True))
        model = replace(Model(), tokenizer=Lengths())
        shown = {next(iter(batches(source, model, 1, epoch=epoch)))[0]["images"].tobytes() for epoch in range(20)}
        assert len(shown) == most


# What is missing.


def missing() -> Examples:
    texts = ("0", "1", "", "3")
    shown, said = np.array([True, False, True, True]), np.array([True, True, False, True])
    return Examples(Pictures(4, bad=(1,)), texts, np.arange(4), LABELS, image_present=shown, text_present=said)


def test_presents_are_inputs_of_a_model_that_has_them() -> None:
    inputs, targets = missing().arrays(Model(missing_modalities=True))
    assert inputs["image_present"].tolist() == [True, False, True, True]
    assert inputs["text_present"].tolist() == [True, True, False, True]
    assert targets.tolist() == [0, 1, 2, 3]


def test_a_missing_picture_is_black_and_never_read() -> None:
    source = missing()
    inputs, _ = source.arrays(Model(missing_modalities=True))
    assert inputs["images"][1].max() == 0
    assert source.images.asked == {0, 2, 3}


def test_presents_go_with_their_examples_in_any_order() -> None:
    orders = set()
    for epoch in range(5):
        inputs, targets = next(iter(batches(missing(), Model(missing_modalities=True), 4, epoch=epoch)))
        assert (inputs["image_present"] == (targets != 1)).all()
        assert (inputs["text_present"] == (targets != 2)).all()
        orders.add(tuple(targets.tolist()))
    assert len(orders) > 1


def test_all_is_present_where_the_examples_say_nothing() -> None:
    inputs, _ = examples(3).arrays(Model(missing_modalities=True))
    assert inputs["image_present"].tolist() == inputs["text_present"].tolist() == [True] * 3


def test_presents_that_are_all_true_ask_nothing_of_the_model() -> None:
    inputs, _ = examples(3, image_present=np.ones(3, bool)).arrays(Model())
    assert set(inputs) == {"images", "token_ids"}


def test_a_model_that_knows_no_missing_picture_is_named() -> None:
    for make in (lambda: missing().arrays(Model()), lambda: batches(missing(), Model(), 2)):
        with pytest.raises(ValueError, match=r"missing_modalities=True where an example has no image, .* 1 such"):
            make()


# Parts.


def test_subset_takes_everything_along() -> None:
    part = replace(missing(), kinds=("a", "b", "c", "d")).subset([2, 1])
    assert (part.texts, part.targets.tolist(), part.kinds) == (("", "1"), [2, 1], ("c", "b"))
    assert (part.image_present.tolist(), part.text_present.tolist()) == ([True, False], [False, True])
    assert part.image_at(0)[0, 0, 0] == 2


def test_subset_of_a_view_is_a_view_of_the_same_pictures() -> None:
    view = ImageView(pixels(3), np.array([0, 0, 1, 2]))
    part = Examples(view, tuple("abcd"), np.zeros(4)).subset([3, 1])
    assert part.images.images is view.images
    assert part.images.indices.tolist() == [2, 0]


def test_split_is_a_partition_that_the_seed_repeats() -> None:
    whole = examples(50)
    training, held_out = whole.split(0.2, seed=3)
    assert (len(training), len(held_out)) == (40, 10)
    assert sorted([*training.targets, *held_out.targets]) == list(range(50))
    assert whole.split(0.2, seed=3)[1].texts == held_out.texts
    assert whole.split(0.2, seed=4)[1].texts != held_out.texts


def test_split_never_shows_a_held_out_picture_with_another_question() -> None:
    shared = np.arange(60) // 3
    source = Examples(ImageView(pixels(20), shared), ("",) * 60, np.zeros(60))
    training, held_out = source.split(0.25)
    assert len(set(held_out.images.indices)) == 5
    assert not set(training.images.indices) & set(held_out.images.indices)


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0, -1])
def test_a_split_needs_two_parts(share: float) -> None:
    with pytest.raises(ValueError, match="held_out must leave both parts of 4 pictures at least one"):
        examples(4).split(share)


# Mistakes.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.zeros((2, 4, 4, 3), np.float32)}, r"images must be uint8 .* received float32 \(2, 4, 4, 3\)"),
        ({"texts": ("a",)}, "texts must be 2, one an example, received 1"),
        ({"texts": "ab"}, "texts must be a list of strings, received the string 'ab'"),
        ({"texts": ("a", None)}, r"texts\[1\] must be a string, received None"),
        ({"kinds": ("a",)}, "kinds must be 2, one an example, received 1"),
        ({"label_names": ("a", "a")}, r"label_names must differ, received \('a', 'a'\)"),
        ({"targets": np.array([0, 5])}, "targets must index the 2 label_names, received values from 0 to 5$"),
        ({"targets": np.array([-1, 1])}, "targets must index the 2 label_names, received values from -1 to 1"),
        ({"targets": np.array([0, 1]), "label_names": ()}, r"index the 0 label_names, .* predicted must be float"),
        ({"targets": np.array([0.0, 1.0])}, "targets must be integers that index the 2 label_names, received float64"),
        ({"targets": np.array(["a", "b"])}, "targets must be numbers, received <U1"),
        ({"targets": np.zeros(3)}, r"targets must be \(2,\) or \(2, C\), one row an example, received \(3,\)"),
        ({"targets": np.zeros((2, 3))}, r"targets must be \(2, 2\), one column a label name, received \(2, 3\)"),
        ({"targets": np.array([[0, 1], [2, 0]])}, r"targets must be in \[0, 1\] for each label, .* from 0 to 2"),
        (
            {"targets": np.array([1.0, np.nan]), "label_names": ()},
            "targets must be finite numbers, .* nan for example 1",
        ),
        ({"targets": np.zeros((2, 0)), "label_names": ()}, r"one row an example, received \(2, 0\)"),
        ({"image_present": np.ones(2)}, r"image_present must be bool \(2,\), received float64 \(2,\)"),
        ({"text_present": np.ones(3, bool)}, r"text_present must be bool \(2,\), received bool \(3,\)"),
        (
            {"image_present": np.array([True, False]), "text_present": np.array([True, False])},
            "each example must have a picture or a text, received neither for 1",
        ),
    ],
)
def test_mistakes_are_named(arguments: dict, message: str) -> None:
    right = {"images": pixels(2), "texts": ("a", "b"), "targets": np.array([0, 1]), "label_names": ("x", "y")}
    with pytest.raises(ValueError, match=message):
        Examples(**{**right, **arguments})


def test_labels_that_apply_or_not_become_float() -> None:
    source = Examples(pixels(2), ("a", "b"), np.array([[True, False], [True, True]]), ("x", "y"))
    assert (source.targets.tolist(), source.targets.dtype) == ([[1.0, 0.0], [1.0, 1.0]], np.float32)


def test_no_examples_at_all() -> None:
    with pytest.raises(ValueError, match="examples must hold at least one picture, received none"):
        batches(examples(4).subset([]), Model(), 1, training=False)


# Below: tf.data, and Keras itself as the judge.

needs_tensorflow = pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow", reason="tf.data belongs to the TensorFlow backend"
)


@needs_tensorflow
@pytest.mark.parametrize("model", [Model(), Model(missing_modalities=True)])
def test_dataset_is_the_batches_with_static_shapes(model: Model) -> None:
    source = examples(10, (2,))
    stream = source.dataset(model, 4, seed=2, first_epoch=3)
    inputs, targets = stream.element_spec
    assert inputs["images"].shape.as_list() == [4, 6, 6, 3]
    assert targets.shape.as_list() == [4]
    assert ("image_present" in inputs) == model.missing_modalities
    expected = list(batches(source, model, 4, seed=2, epoch=3))
    assert [agreed(batch) for batch in stream.as_numpy_iterator()] == [agreed(batch) for batch in expected]


@needs_tensorflow
def test_dataset_resumes_through_seek_epoch() -> None:
    source = examples(20, (4,))
    expected = [[agreed(batch) for batch in batches(source, Model(), 5, epoch=epoch)] for epoch in range(3)]
    stream = source.dataset(Model(), 5)
    stream.seek_epoch(1)
    passes = [[agreed(batch) for batch in stream.as_numpy_iterator()] for _ in range(2)]
    assert passes == expected[1:]


@needs_tensorflow
def test_keras_fits_and_evaluates_on_it() -> None:
    import keras

    images, ids = keras.Input((6, 6, 3), name="images"), keras.Input((3,), name="token_ids")
    output = keras.layers.Dense(1, kernel_initializer="zeros")(ids)
    model = keras.Model({"images": images, "token_ids": ids}, output)
    model.compile("sgd", "mse")
    source = Examples(Pictures(4), ("1", "2", "3", "4"), np.array([1.0, 2.0, 3.0, 6.0]))
    assert model.evaluate(source.dataset(Model(), 2, training=False), verbose=0) == pytest.approx(50 / 4)
    model.fit(source.dataset(Model(), 2), epochs=1, verbose=0, shuffle=False)
    assert model.get_weights()[0].any()
