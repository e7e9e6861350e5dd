"""Pictures decoded in a graph against mmzoo.data, which reads them with Pillow."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from mmzoo.data import resize, safe_decode
from mmzoo.exporters.pictures import framed, read_pictures
from mmzoo.presets import ImagePreprocessing

tf = pytest.importorskip("tensorflow")

PHOTO = np.ascontiguousarray(load_sample_images().images[0][60:360:2, 100:500:2])  # (150, 200, 3)


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def sixteen_bits() -> Image.Image:
    return Image.fromarray(PHOTO[..., 0].astype("uint16") * 257 + 100)


def with_alpha() -> Image.Image:
    alpha = np.random.default_rng(0).integers(0, 256, (*PHOTO.shape[:2], 1)).astype("uint8")
    return Image.fromarray(np.concatenate([PHOTO, alpha], -1))


photo = Image.fromarray(PHOTO)
FILES = {
    "jpeg": encoded(photo, "JPEG", quality=90),
    "progressive_jpeg": encoded(photo, "JPEG", progressive=True),
    "grey_jpeg": encoded(photo.convert("L"), "JPEG"),
    "cmyk_jpeg": encoded(photo.convert("CMYK"), "JPEG"),
    "png": encoded(photo, "PNG"),
    "palette_png": encoded(photo.quantize(64), "PNG"),
    "transparent_png": encoded(with_alpha(), "PNG"),
    "16_bit_png": encoded(sixteen_bits(), "PNG"),
    "1_bit_png": encoded(photo.convert("1"), "PNG"),
    "grey_and_alpha_png": encoded(photo.convert("LA"), "PNG"),
    "tall_png": encoded(photo.crop((80, 0, 101, 150)), "PNG"),
    "tiny_png": encoded(photo.crop((50, 50, 59, 55)), "PNG"),
}
WAYS = (
    ImagePreprocessing((32, 32)),
    ImagePreprocessing((64, 48)),
    ImagePreprocessing((40, 56), "bilinear", "squash"),
    ImagePreprocessing((224, 224), "bicubic", "squash"),
    ImagePreprocessing((56, 56), shortest_side=64, crop_rounding="down"),
    ImagePreprocessing((40, 24), "bilinear", shortest_side=61),
)


@pytest.fixture(scope="module")
def pictures():
    """{(way, name): picture read in a graph}; all files of one way in one batch."""
    contents = tf.constant(list(FILES.values()))
    read = {way: tf.function(lambda files, way=way: read_pictures(files, way))(contents).numpy() for way in WAYS}
    return {(way, name): batch[i] for way, batch in read.items() for i, name in enumerate(FILES)}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.fit}-{way.size[0]}x{way.size[1]}-{way.shortest_side}")
def test_a_picture_is_read_as_mmzoo_data_reads_it(pictures, way, name):
    expected = resize(safe_decode(FILES[name]), way).astype(int)
    difference = np.abs(pictures[way, name].astype(int) - expected)
    assert pictures[way, name].dtype == np.uint8
    assert np.mean(difference <= 1) >= 0.997
    assert difference.mean() <= 0.2


def test_a_picture_of_the_model_s_size_is_not_touched():
    way = ImagePreprocessing(PHOTO.shape[:2])
    assert np.array_equal(read_pictures(tf.constant([FILES["png"]]), way)[0].numpy(), PHOTO)


@pytest.mark.parametrize("rounding", ["nearest", "down"])
def test_a_framed_picture_loses_its_frame_and_nothing_else(rounding):
    way = ImagePreprocessing(PHOTO.shape[:2], shortest_side=227, crop_rounding=rounding)  # 77 rows and 27 columns more
    frame = framed(PHOTO, way)
    assert np.array_equal(resize(frame, way), PHOTO)
    assert np.array_equal(read_pictures(tf.constant([encoded(Image.fromarray(frame), "PNG")]), way)[0].numpy(), PHOTO)


def test_a_file_that_is_no_picture_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError):
        read_pictures(tf.constant([b"not a picture"]), WAYS[0])


def test_a_centre_between_two_pixels_is_rounded_as_in_mmzoo_data():
    rows = np.arange(5, dtype="uint8")[None, :, None].repeat(2, 0).repeat(3, 2)  # 3 more columns than the size
    file = encoded(Image.fromarray(rows), "PNG")
    for rounding in ("nearest", "down"):
        way = ImagePreprocessing((2, 2), crop_rounding=rounding)
        assert np.array_equal(read_pictures(tf.constant([file]), way)[0].numpy(), resize(rows, way))


MEASURE_STRIP = """
import io, resource
import numpy as np, tensorflow as tf
from PIL import Image
from mmzoo.exporters.pictures import framed, read_pictures
from mmzoo.presets import ImagePreprocessing

def read(rows, shortest):
    buffer = io.BytesIO()
    Image.fromarray(np.tile(np.arange(256, dtype="uint8")[:, None, None], (rows // 256, 1, 3))).save(buffer, "PNG")
    return read_pictures(tf.constant([buffer.getvalue()]), ImagePreprocessing((64, 64), shortest_side=shortest)).shape

read(256, 80)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
shapes = [*read(102400, None), *read(102400, 80)]
print(*shapes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_long_strip_takes_no_room():
    result = subprocess.run([sys.executable, "-c", MEASURE_STRIP], capture_output=True, text=True, check=True)
    *shapes, kilobytes = map(int, result.stdout.split())
    assert shapes == [1, 64, 64, 3] * 2
    assert kilobytes < 500_000  # scaled whole, the strip would have 64 x 6,553,600 pixels
