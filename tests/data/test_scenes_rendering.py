import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mmzoo.data.scenes.geometry import circumradius, coverage, inradius
from mmzoo.data.scenes.rendering import render
from mmzoo.data.scenes.scene import Object, Scene


def drawn_by_pillow(scene, size, factor=16):
    canvas = Image.new("RGB", (size * factor,) * 2, (15, 15, 15))
    draw = ImageDraw.Draw(canvas)
    for thing in scene.objects:
        x, y, radius = (value * size * factor for value in (thing.x, thing.y, thing.radius))
        if thing.shape == "circle":
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(220, 30, 30))
            continue
        # Area pi r^2: a square of side r sqrt(pi); a triangle of side 2 r sqrt(pi / sqrt(3)).
        sides, side = (4, math.sqrt(math.pi)) if thing.shape == "square" else (3, 2 * math.sqrt(math.pi / math.sqrt(3)))
        corner = radius * side / math.sqrt(2 if sides == 4 else 3)
        first = math.radians(thing.angle) - (math.pi / 4 if sides == 4 else math.pi / 2)
        angles = [first + 2 * math.pi * k / sides for k in range(sides)]
        draw.polygon([(x + corner * math.cos(a), y + corner * math.sin(a)) for a in angles], fill=(220, 30, 30))
    return np.asarray(canvas.resize((size, size), Image.Resampling.BOX), np.float32)


@pytest.mark.parametrize("shape", ["circle", "square", "triangle"])
@pytest.mark.parametrize("size", [32, 64])
def test_agrees_with_pillow_drawing_at_sixteen_times_the_size(shape, size):
    scene = Scene((Object(shape, "red", "large", 0.43, 0.57, 1.05, 0.0 if shape == "circle" else -7.0),), "black")
    difference = np.abs(render(scene, size) - drawn_by_pillow(scene, size))
    assert difference.mean() < 1
    assert difference.max() < 0.25 * 205


@pytest.mark.parametrize("sides", [0, 3, 4, 5])
def test_all_shapes_have_the_area_of_the_circle(sides):
    centre = np.arange(64) + 0.5 - 31.7
    for covered in coverage(sides, centre, centre, 10.0, np.radians([0.0, 11.0])):
        assert covered.sum() == pytest.approx(math.pi * 100, rel=0.01)


def test_an_ideal_square_has_half_its_side_as_inradius():
    assert inradius(4) == pytest.approx(math.sqrt(math.pi) / 2)
    assert circumradius(4) == pytest.approx(math.sqrt(math.pi / 2))


def test_the_colour_is_the_vocabularys_plus_its_shade():
    scene = Scene((Object("square", "green", "large", 0.5, 0.5, shade=(5, -5, 1)),), "white", (-1, 2, 3))
    picture = render(scene)
    assert picture[16, 16].tolist() == [35, 155, 51]
    assert picture[0, 0].tolist() == [239, 242, 243]


def test_a_triangle_stands_on_its_side():
    picture = render(Scene((Object("triangle", "red", "large", 0.5, 0.5),), "black"))[..., 0] > 100
    assert picture[22].sum() < picture[18].sum() or picture[22].sum() == 0
    assert picture[11].sum() < picture[18].sum()


def test_any_size_shows_the_same_scene():
    scene = Scene((Object("triangle", "cyan", "small", 0.3, 0.6),), "blue")
    shrunk = render(scene, 128).reshape(32, 4, 32, 4, 3).mean((1, 3))
    assert np.abs(shrunk - render(scene, 32)).max() < 20


def test_a_picture_too_small_to_tell_shapes_apart_is_refused():
    with pytest.raises(ValueError, match="image_size must be at least 16, received 8"):
        render(Scene((Object("circle", "red", "small", 0.5, 0.5),), "black"), 8)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("shape", "star", "shape must be one of circle, square, triangle, received 'star'"),
        ("x", 1.5, "x and y must be in"),
    ],
)
def test_what_cannot_be_drawn_is_refused(field, value, message):
    fields = {"shape": "circle", "colour": "red", "size": "small", "x": 0.5, "y": 0.5, field: value}
    with pytest.raises(ValueError, match=message):
        Object(**fields)


def test_a_background_without_a_colour_is_refused():
    with pytest.raises(ValueError, match="background must be one of black, white, gray, blue, received 'red'"):
        Scene((), "red")
