import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mmzoo.data.scenes.checking import check
from mmzoo.data.scenes.reading import Refusal, read_scene
from mmzoo.data.scenes.rendering import render
from mmzoo.data.scenes.sampling import sample_scene
from mmzoo.data.scenes.segmentation import connected
from mmzoo.data.scenes.vocabulary import BACKGROUNDS, COLOURS

SEEDS = 40


def polygon(sides, first=-90.0, stretch=1.0, inner=1.0):
    radii = [1.0, inner] if inner != 1.0 else [1.0]
    count = sides * len(radii)
    angles = [math.radians(first + 360 * k / count) for k in range(count)]
    return [
        (radii[k % len(radii)] * math.cos(a) * stretch, radii[k % len(radii)] * math.sin(a))
        for k, a in enumerate(angles)
    ]


def drawn(outline, rng, size, *, turn=True, hole=0.0):
    """An outline drawn by Pillow in random colours at a random place, of the area that scenes have."""
    factor = 8
    background, colour = (list(names.values())[rng.integers(len(names))] for names in (BACKGROUNDS, COLOURS))
    canvas = Image.new("RGB", (size * factor,) * 2, background)
    points = np.array(outline) - np.mean(outline, 0)
    x, y = points.T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    angle = rng.uniform(0, 2 * math.pi) if turn else 0.0
    turned = points @ [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
    centre, radius = rng.uniform(0.4, 0.6, 2), rng.uniform(0.115, 0.2)
    placed = (centre + turned * radius * math.sqrt(math.pi / area)) * size * factor
    draw = ImageDraw.Draw(canvas)
    draw.polygon([tuple(point) for point in placed], fill=colour)
    if hole:
        low, high = (centre - radius * hole) * size * factor, (centre + radius * hole) * size * factor
        draw.ellipse([*low, *high], fill=background)
    return np.asarray(canvas.resize((size, size), Image.Resampling.BOX))


CIRCLE = polygon(72)
HALF = [(math.cos(a), math.sin(a)) for a in np.linspace(0, math.pi, 40)]


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize(("split", "objects"), [("test", (1, 1)), ("held_out", (1, 1)), ("test", (2, 3))])
def test_real_scenes_are_read_completely(size, split, objects):
    scenes = [sample_scene(split, index, objects=objects) for index in range(200)]
    right = [check(render(scene, size), scene).all for scene in scenes]
    assert np.mean(right) >= 0.99


def test_place_and_size_are_read_to_half_a_pixel():
    for index in range(100):
        scene = sample_scene("test", index)
        (thing,), (seen,) = scene.objects, read_scene(render(scene)).objects
        assert max(abs(thing.x - seen.x), abs(thing.y - seen.y), abs(thing.radius - seen.radius)) < 0.5 / 32


def test_mild_noise_changes_nothing():
    rng = np.random.default_rng(0)
    scenes = [sample_scene("test", index) for index in range(200)]
    noisy = [np.clip(render(scene) + rng.normal(0, 10, (32, 32, 3)), 0, 255) for scene in scenes]
    assert np.mean([check(picture, scene).all for picture, scene in zip(noisy, scenes, strict=True)]) >= 0.99


@pytest.mark.parametrize(
    ("outline", "turn", "shape"),
    [(CIRCLE, True, "circle"), (polygon(4, 45.0), False, "square"), (polygon(3), False, "triangle")],
)
@pytest.mark.parametrize("size", [32, 64])
def test_ideal_shapes_drawn_by_pillow_are_named(outline, turn, shape, size):
    for seed in range(SEEDS):
        reading = read_scene(drawn(outline, np.random.default_rng(seed), size, turn=turn))
        assert reading.refused is None
        assert reading.objects[0].shape == shape


WRONG = {
    "pentagon": polygon(5),
    "hexagon": polygon(6),
    "star": polygon(5, inner=0.45),
    "ellipse": polygon(72, stretch=2.0),
    "rectangle": [(-2, -1), (2, -1), (2, 1), (-2, 1)],
    "half circle": HALF,
    "cross": [
        (1, 3),
        (1, 1),
        (3, 1),
        (3, -1),
        (1, -1),
        (1, -3),
        (-1, -3),
        (-1, -1),
        (-3, -1),
        (-3, 1),
        (-1, 1),
        (-1, 3),
    ],
    "right-angled triangle": [(-1, -1), (-1, 1), (1, 1)],
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("size", [32, 64])
def test_wrong_shapes_are_refused(name, size):
    for seed in range(SEEDS):
        reading = read_scene(drawn(WRONG[name], np.random.default_rng(seed), size))
        assert reading.refused is Refusal.UNKNOWN_SHAPE
        assert reading.objects[0].shape is None


@pytest.mark.parametrize("outline", [polygon(4), polygon(3, 90.0)], ids=["diamond", "triangle on its tip"])
def test_a_shape_turned_as_none_is_drawn_is_refused(outline):
    for seed in range(SEEDS):
        picture = drawn(outline, np.random.default_rng(seed), 32, turn=False)
        assert read_scene(picture).refused is Refusal.UNKNOWN_SHAPE


def test_a_ring_is_refused():
    for seed in range(SEEDS):
        picture = drawn(CIRCLE, np.random.default_rng(seed), 64, hole=0.5)
        assert read_scene(picture).refused is Refusal.UNKNOWN_SHAPE


@pytest.mark.parametrize("size", [32, 64])
def test_blobs_are_refused_unless_they_fit(size):
    refused = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        t = np.linspace(0, 2 * math.pi, 80, endpoint=False)
        radius = 1 + sum(
            rng.normal(0, 0.22 / math.sqrt(k)) * np.cos((k + 1) * t + rng.uniform(0, 7)) for k in range(1, 5)
        )
        radius = np.clip(radius, 0.15, None)
        refused += (
            read_scene(drawn(np.stack([radius * np.cos(t), radius * np.sin(t)], 1), rng, size)).refused is not None
        )
    assert refused >= 88


@pytest.mark.parametrize("size", [32, 64])
def test_two_objects_grown_together_are_refused(size):
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        first, second = rng.permutation(list(COLOURS.values()))[:2]
        picture = np.empty((size, size, 3))
        picture[:] = BACKGROUNDS["black"]
        side, middle = size // 5, size // 2
        picture[middle - side : middle, middle - side : middle] = first
        picture[middle - side // 2 : middle + side // 2, middle : middle + side] = second if seed % 2 else first
        assert read_scene(picture).refused in (Refusal.MIXED_COLOURS, Refusal.UNKNOWN_SHAPE)


@pytest.mark.parametrize("size", [32, 64])
def test_noise_is_refused(size):
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        assert read_scene(rng.integers(0, 256, (size, size, 3))).refused is Refusal.UNEVEN
        assert read_scene(rng.normal(128, 30, (size, size, 3))).refused is Refusal.UNEVEN


def test_an_empty_picture_is_refused_but_its_background_named():
    reading = read_scene(np.full((32, 32, 3), 128))
    assert (reading.background, reading.refused) == ("gray", Refusal.BLANK)


def test_a_shape_that_hardly_shows_is_refused():
    for index in range(SEEDS):
        picture = render(sample_scene("test", index)).astype(float)
        ground = picture[0, 0]
        most = np.linalg.norm(picture - ground, axis=-1).max()
        faint = ground + (picture - ground) * 45 / most
        assert read_scene(faint).refused is Refusal.LOW_CONTRAST


def test_a_background_without_a_name_is_refused():
    picture = np.full((32, 32, 3), (255, 150, 200))
    picture[8:20, 8:20] = (30, 160, 50)
    reading = read_scene(picture)
    assert (reading.background, reading.refused) == (None, Refusal.UNKNOWN_BACKGROUND)
    assert reading.objects[0].shape == "square"


def test_a_colour_without_a_name_is_refused():
    picture = np.full((32, 32, 3), 240)
    picture[8:20, 8:20] = (90, 60, 40)
    reading = read_scene(picture)
    assert (reading.objects[0].shape, reading.objects[0].colour) == ("square", None)
    assert reading.refused is Refusal.UNKNOWN_COLOUR


def test_many_specks_are_refused():
    picture = np.full((32, 32, 3), 15)
    picture[4:28:4, 4:28:4] = (220, 30, 30)
    assert read_scene(picture).refused is Refusal.CLUTTER


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 4), (32, 16, 3), (8, 8, 3)])
def test_what_is_no_square_colour_picture_is_refused(shape):
    with pytest.raises(ValueError, match="image must be \\(S, S, 3\\) with S at least 16, received shape"):
        read_scene(np.zeros(shape))


def test_nan_is_refused():
    with pytest.raises(ValueError, match="image must be finite"):
        read_scene(np.full((32, 32, 3), np.nan))


def test_regions_that_touch_at_a_corner_are_two():
    mask = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [1, 0, 1, 1]], bool)
    np.testing.assert_array_equal(connected(mask), [[1, 1, 0, 0], [0, 1, 0, 2], [3, 0, 2, 2]])


def test_a_spiral_is_one_region():
    spiral = np.array([[1, 1, 1, 1, 1], [0, 0, 0, 0, 1], [1, 1, 1, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]], bool)
    np.testing.assert_array_equal(connected(spiral), spiral.astype(int))
