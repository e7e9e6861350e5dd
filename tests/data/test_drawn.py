import numpy as np
import pytest

from mmzoo.data import drawn_pairs


class Painter:
    def generate(self, captions, *, seed=0):
        return np.array([np.full((2, 2, 3), len(caption) + seed) for caption in captions], np.uint8)


def test_pictures_stand_beside_what_they_were_drawn_for():
    pairs = drawn_pairs(Painter(), ["a", "bcd"], 50, augment=None, seed=3)
    assert {row[0] for row in pairs.captions} == {"a", "bcd"}
    assert all((picture == len(row[0]) + 3).all() for picture, row in zip(pairs.images, pairs.captions, strict=True))


@pytest.mark.parametrize(("captions", "count"), [("a cat", 3), ([], 3), (["a"], 0)])
def test_bad_input_is_refused(captions, count):
    with pytest.raises(ValueError, match="captions must be one string or more and count at least 1"):
        drawn_pairs(Painter(), captions, count, augment=None)
