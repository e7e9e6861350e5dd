import numpy as np
import pytest

from mmzoo.data.images import ImageView, in_memory

PIXELS = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)


def test_a_view_repeats_pictures_without_a_copy() -> None:
    view = ImageView(PIXELS, [2, 0, 2])
    assert len(view) == 3
    assert [int(view[i][0, 0, 0]) for i in range(3)] == [2, 0, 2]
    assert np.shares_memory(view[0], PIXELS)
    assert np.shares_memory(view[2], view[0])


def test_a_view_is_in_memory_if_its_pictures_are() -> None:
    assert in_memory(ImageView(ImageView(PIXELS, [0, 1]), [1]))
    assert not in_memory(ImageView(list(PIXELS), [1]))


def test_a_view_of_an_array_is_cut_as_the_array_is() -> None:
    assert ImageView(PIXELS, [2, 0, 2])[:2][:, 0, 0, 0].tolist() == [2, 0]


@pytest.mark.parametrize("indices", [[3], [-1], [0.5], [True, False, True], [[0]]])
def test_wrong_indices_of_a_view(indices: list) -> None:
    with pytest.raises(ValueError, match=r"indices must be .* received"):
        ImageView(PIXELS, indices)
