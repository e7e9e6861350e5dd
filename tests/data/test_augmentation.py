import numpy as np
import pytest

from mmzoo.data.augmentation import Augment, augment, flip_allowed
from mmzoo.data.decode import resize
from mmzoo.presets import ImagePreprocessing

EIGHT = ImagePreprocessing((8, 8))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def noise(height: int, width: int) -> np.ndarray:
    return rng(9).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_whole_picture_is_the_models_own_preprocessing() -> None:
    image = noise(20, 30)
    np.testing.assert_array_equal(augment(image, Augment(crop=(1.0, 1.0)), EIGHT, rng()), resize(image, EIGHT))


def test_the_same_generator_gives_the_same_picture() -> None:
    how = Augment(crop=(0.5, 1.0), rotate=30, flip=True)
    first, second, other = (augment(noise(20, 30), how, EIGHT, rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 4), (64, 64)])
@pytest.mark.parametrize("preprocessing", [EIGHT, ImagePreprocessing((4, 12), "bilinear", "squash")])
def test_any_size_becomes_the_models_size(shape: tuple[int, int], preprocessing: ImagePreprocessing) -> None:
    for seed in range(10):
        result = augment(noise(*shape), Augment((0.1, 1.0), 180, True), preprocessing, rng(seed))
        assert (result.shape, result.dtype) == ((*preprocessing.size, 3), np.uint8)


def test_a_crop_keeps_the_stated_share_of_the_area() -> None:
    # Across a ramp that rises by 1 a pixel, a quarter of the area spans half of the side: 128 values of 256.
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (256, 256, 3))
    for seed in range(20):
        row = augment(ramp, Augment(crop=(0.25, 0.25)), ImagePreprocessing((64, 64)), rng(seed))[0, :, 0].astype(int)
        assert row[-1] - row[0] == pytest.approx(128 - 2, abs=2)


def test_crops_reach_all_sides() -> None:
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (256, 256, 3))
    starts = [augment(ramp, Augment(crop=(0.25, 0.25)), EIGHT, rng(seed))[0, 0, 0] for seed in range(200)]
    assert min(starts) < 25
    assert max(starts) > 115


def test_half_are_flipped() -> None:
    image = noise(8, 8)
    flipped = [
        (augment(image, Augment((1.0, 1.0), flip=True), EIGHT, rng(seed)) == image[:, ::-1]).all()
        for seed in range(400)
    ]
    assert 150 < sum(flipped) < 250  # five standard deviations


def test_a_caption_about_sides_is_never_flipped() -> None:
    image = noise(8, 8)
    for seed in range(50):
        result = augment(image, Augment((1.0, 1.0), flip=True), EIGHT, rng(seed), caption="a cat left of a dog")
        np.testing.assert_array_equal(result, image)


def test_rotation_shows_no_foreign_colour_in_the_corners() -> None:
    for seed in range(20):
        turned = augment(np.full((16, 16, 3), 200, np.uint8), Augment((1.0, 1.0), rotate=180), EIGHT, rng(seed))
        assert (turned == 200).all()


def test_rotation_turns_about_the_centre_by_at_most_the_angle() -> None:
    image = np.zeros((65, 65, 3), np.uint8)
    image[30:35, 50:55] = 255  # 20 pixels to the right of the centre (32, 32)
    angles = []
    for seed in range(100):
        turned = augment(image, Augment((1.0, 1.0), rotate=30), ImagePreprocessing((65, 65)), rng(seed))[..., 0]
        y, x = (float((axis * turned).sum() / turned.sum()) - 32 for axis in np.mgrid[:65, :65])
        assert np.hypot(y, x) == pytest.approx(20, abs=0.5)
        angles.append(np.degrees(np.arctan2(y, x)))
    assert -31 < min(angles) < -25
    assert 25 < max(angles) < 31


def test_common_is_safe_for_both() -> None:
    digits, photos = Augment((0.9, 1.0), 10, False), Augment((0.6, 0.95), 0, True)
    assert digits.common(photos) == Augment((0.9, 1.0), 0, False)


@pytest.mark.parametrize("crop", [(0, 1), (0.5, 1.1), (0.9, 0.8), (0.5,)])
def test_wrong_crops(crop: tuple) -> None:
    with pytest.raises(ValueError, match=r"crop must be \(least, most\) share of the area .* received \("):
        Augment(crop=crop)


def test_wrong_angle() -> None:
    with pytest.raises(ValueError, match="rotate must be an angle from 0 to 180 degrees, received -5"):
        Augment(rotate=-5)


@pytest.mark.parametrize(
    "caption",
    [
        "a dog to the left of a cat",
        "LEFTMOST house",
        "turn right.",
        "a photo of the digit seven",
        'a photo of the number: "three"',
        "the letter Q",
        "A",
        "7",
        "route 66",
        "a shop sign that says open",
        "handwritten notes",
        "红色圆形在蓝色方块的左边",
        "數字七",
        "数字七",
        "右側に犬がいる",
        "ein Hund links von einer Katze",
        "un chien à gauche",
        "un perro a la derecha",
        "un cane a sinistra",
        "um cão à esquerda",
        "собака слева от кошки",
        "강아지가 왼쪽에 있다",
        "كلب على يسار القطة",
        "kedinin solunda bir köpek: solda",
        "बिल्ली के बाएँ कुत्ता",
    ],
)
def test_flip_is_refused(caption: str) -> None:
    assert not flip_allowed(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "a photo of a dog",
        "a bright red square above a circle",
        "seven dogs",
        "一只猫",
        "ein Hund auf dem Sofa",
        "un chien",
    ],
)
def test_flip_is_allowed(caption: str) -> None:
    assert flip_allowed(caption)


def test_a_caption_too_long_to_search_is_not_flipped() -> None:
    assert flip_allowed("dog " * 500)
    assert not flip_allowed("dog " * 250_000)
