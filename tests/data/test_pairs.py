import numpy as np
import pytest

from mmzoo.data.augmentation import Augment
from mmzoo.data.pairs import Pairs


def pixels(count: int, side: int = 4) -> np.ndarray:
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, side, side, 3), np.uint8)


def pairs(count: int = 4, **more: object) -> Pairs:
    return Pairs(pixels(count), tuple((f"picture {i}", f"image {i}") for i in range(count)), **more)


class Unread:
    """Pictures that count how often they are asked for."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int, /) -> np.ndarray:
        self.asked.append(index)
        return np.full((2, 3, 3), index, np.uint8)


def test_all_captions_in_order() -> None:
    assert pairs(2).all_captions() == ["picture 0", "image 0", "picture 1", "image 1"]


def test_a_bare_string_is_one_caption() -> None:
    assert Pairs(pixels(2), ("a cat", "a dog")).captions == (("a cat",), ("a dog",))


def test_subset_takes_everything_along() -> None:
    whole = pairs(4, labels=np.array([0, 1, 0, 1]), label_names=("even", "odd"), truth=("a", "b", "c", "d"))
    part = whole.subset([3, 0])
    assert (len(part), part.images[0][0, 0, 0], part.captions[0][0]) == (2, 3, "picture 3")
    assert (part.labels.tolist(), part.truth, part.label_names) == ([1, 0], ("d", "a"), ("even", "odd"))


def test_subset_of_a_subset_of_unread_pictures_reads_nothing() -> None:
    images = Unread(10)
    part = Pairs(images, tuple(map(str, range(10)))).subset([8, 6, 4]).subset(np.array([2, 0]))
    assert images.asked == []
    assert [int(part.images[i][0, 0, 0]) for i in range(2)] == [4, 8]


def test_an_empty_subset() -> None:
    assert len(pairs().subset([])) == 0


@pytest.mark.parametrize("indices", [[4], [-1], [0.5], [True, False, True, False], [[0]]])
def test_wrong_indices(indices: list) -> None:
    with pytest.raises(ValueError, match=r"indices must be .* received"):
        pairs().subset(indices)


def test_split_is_a_partition_that_the_seed_repeats() -> None:
    whole = Pairs(pixels(50), tuple(map(str, range(50))))
    training, held_out = whole.split(0.2, seed=3)
    assert (len(training), len(held_out)) == (40, 10)
    assert sorted(training.captions + held_out.captions) == sorted(whole.captions)
    assert whole.split(0.2, seed=3)[1].captions == held_out.captions
    assert whole.split(0.2, seed=4)[1].captions != held_out.captions


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0, -1])
def test_a_split_needs_two_parts(share: float) -> None:
    with pytest.raises(ValueError, match="held_out must leave both parts of 4 pictures at least one"):
        pairs().split(share)


def test_concat_keeps_what_both_know() -> None:
    first = pairs(2, labels=np.array([0, 1]), label_names=("a", "b"), truth=(1, 2), augment=Augment(flip=True))
    second = pairs(3, labels=np.array([1, 1, 0]), label_names=("a", "b"), truth=(3, 4, 5), augment=Augment(rotate=9))
    both = first.concat(second)
    assert (len(both), both.labels.tolist(), both.truth) == (5, [0, 1, 1, 1, 0], (1, 2, 3, 4, 5))
    assert both.augment == Augment()


def test_concat_drops_what_one_does_not_know() -> None:
    known = pairs(2, labels=np.array([0, 1]), label_names=("a", "b"), truth=(1, 2), augment=Augment())
    for other in (pairs(2), pairs(2, labels=np.array([0, 1]), label_names=("a", "c"))):
        both = known.concat(other)
        assert (both.labels, both.label_names, both.truth, both.augment) == (None, (), None, None)


def test_concat_of_different_sizes_stays_lazy() -> None:
    images = Unread(3)
    both = pairs(2).concat(Pairs(images, ("a", "b", "c")))
    assert images.asked == []
    assert [both.images[i].shape[0] for i in range(5)] == [4, 4, 2, 2, 2]
    assert [int(both.images[i][0, 0, 0]) for i in range(5)] == [0, 1, 0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.zeros((2, 4, 4, 3), np.float32)}, r"images must be uint8 .* received float32 \(2, 4, 4, 3\)"),
        ({"images": np.zeros((2, 4, 4), np.uint8)}, r"images must be uint8 .* received uint8 \(2, 4, 4\)"),
        ({"captions": (("a",),)}, "captions must be 2, one entry a picture, received 1"),
        ({"captions": (("a",), ())}, r"captions\[1\] must be one or several strings, received \(\)"),
        ({"captions": (("a",), (b"b",))}, r"captions\[1\] must be one or several strings"),
        ({"truth": (1,)}, "truth must have 2 entries, one a picture, received 1"),
        ({"labels": np.array([0, 2]), "label_names": ("a", "b")}, "labels must index the 2 label_names, .* 0 to 2"),
        ({"labels": np.array([0, 0])}, "labels must index the 0 label_names"),
        ({"labels": np.array([0.0, 1.0]), "label_names": ("a", "b")}, "labels must be integers of shape .* float64"),
        ({"labels": np.array([0]), "label_names": ("a",)}, r"labels must be integers of shape \(2,\), received int64"),
    ],
)
def test_mistakes_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pairs(**{"images": pixels(2), "captions": (("a",), ("b",)), **arguments})
