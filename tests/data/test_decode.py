import contextlib
import io
import math
import re
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmzoo.data.decode import UnreadableImage, resize, safe_decode
from mmzoo.presets import ImagePreprocessing

RED, WHITE, BLACK = [255, 0, 0], [255, 255, 255], [0, 0, 0]


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def noise(height: int = 12, width: int = 17) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_return_the_very_pixels(kind: str) -> None:
    pixels = noise()
    decoded = safe_decode(encoded(Image.fromarray(pixels), kind))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize(("kind", "options"), [("WEBP", {"lossless": True}), ("JPEG2000", {"irreversible": False})])
def test_lossless_modes_of_lossy_formats(kind: str, options: dict) -> None:
    pixels = noise()
    np.testing.assert_array_equal(safe_decode(encoded(Image.fromarray(pixels), kind, **options)), pixels)


@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
def test_lossy_formats_are_near(kind: str) -> None:
    decoded = safe_decode(encoded(Image.new("RGB", (16, 8), (200, 100, 50)), kind, quality=95))
    assert decoded.shape == (8, 16, 3)
    np.testing.assert_allclose(decoded, np.broadcast_to([200, 100, 50], (8, 16, 3)), atol=6)


def test_bytes_path_and_string_give_the_same(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(noise()), "PNG")
    path = tmp_path / "图片.png"
    path.write_bytes(data)
    np.testing.assert_array_equal(safe_decode(path), safe_decode(data))
    np.testing.assert_array_equal(safe_decode(str(path)), safe_decode(data))


def test_the_result_may_be_written_to() -> None:
    safe_decode(encoded(Image.fromarray(noise()), "PNG"))[0, 0] = 7


def test_16_bit_grey_keeps_its_scale() -> None:
    rows = b"\0" + struct.pack(">4H", 0, 256, 32768, 65535)
    assert safe_decode(png(4, 1, 16, 0, rows))[0, :, 1].tolist() == [0, 1, 128, 255]


def test_16_bit_colour_keeps_its_scale() -> None:
    rows = b"\0" + struct.pack(">6H", 0, 256, 32768, 65535, 511, 512)
    assert safe_decode(png(2, 1, 16, 2, rows)).tolist() == [[[0, 1, 128], [255, 1, 2]]]


def test_16_bit_grey_with_a_transparent_value() -> None:
    rows = b"\0" + struct.pack(">2H", 1000, 32768)
    decoded = safe_decode(png(2, 1, 16, 0, rows, chunk(b"tRNS", struct.pack(">H", 1000))))
    assert decoded[0, :, 0].tolist() == [255, 128]


def test_one_bit_and_grey() -> None:
    assert safe_decode(png(3, 1, 1, 0, b"\0" + bytes([0b01000000])))[0].tolist() == [BLACK, WHITE, BLACK]
    assert safe_decode(png(2, 1, 8, 0, b"\0" + bytes([7, 200])))[0].tolist() == [[7] * 3, [200] * 3]


def test_palette_with_and_without_transparency() -> None:
    palette = chunk(b"PLTE", bytes(RED + BLACK))
    assert safe_decode(png(2, 1, 8, 3, b"\0\0\1", palette))[0].tolist() == [RED, BLACK]
    half = chunk(b"tRNS", bytes([255, 0]))
    assert safe_decode(png(2, 1, 8, 3, b"\0\0\1", palette, half))[0].tolist() == [RED, WHITE]


def test_alpha_is_composited_on_white() -> None:
    rows = b"\0" + bytes([255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 128])
    assert safe_decode(png(3, 1, 8, 6, rows))[0].tolist() == [RED, WHITE, [127, 127, 127]]


def test_grey_with_alpha() -> None:
    assert safe_decode(png(2, 1, 8, 4, b"\0" + bytes([0, 255, 0, 0])))[0].tolist() == [BLACK, WHITE]


def test_a_transparent_colour_becomes_white() -> None:
    rows = b"\0" + bytes(RED + BLACK)
    decoded = safe_decode(png(2, 1, 8, 2, rows, chunk(b"tRNS", struct.pack(">3H", *BLACK))))
    assert decoded[0].tolist() == [RED, WHITE]


def test_cmyk() -> None:
    decoded = safe_decode(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"))
    assert decoded[0, 0].tolist() == RED


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[-10.0, 0.0, 10.0]], np.float32), [0, 128, 255]),
        (np.array([[0, 257, 65535]], np.int32), [0, 1, 255]),
        (np.array([[0, 500_000, 1_000_000]], np.int32), [0, 128, 255]),
    ],
)
def test_32_bit_values(values: np.ndarray, expected: list[int]) -> None:
    assert safe_decode(encoded(Image.fromarray(values), "TIFF"))[0, :, 2].tolist() == expected


def test_nan_is_refused() -> None:
    with pytest.raises(UnreadableImage, match="NaN"):
        safe_decode(encoded(Image.fromarray(np.array([[np.nan, 1]], np.float32)), "TIFF"))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_an_animation(kind: str) -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    data = encoded(first, kind, save_all=True, append_images=[second])
    np.testing.assert_allclose(safe_decode(data), np.broadcast_to(RED, (8, 8, 3)), atol=3)


# Where the picture's first pixel (row 0, column 0) is to be shown: (row, column) of the upright picture, from the
# definition of the tag in the EXIF standard, 4.6.5 A.
@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, (0, 0)), (2, (0, -1)), (3, (-1, -1)), (4, (-1, 0)), (5, (0, 0)), (6, (0, -1)), (7, (-1, -1)), (8, (-1, 0))],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_exif_orientation(kind: str, orientation: int, corner: tuple[int, int]) -> None:
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = safe_decode(encoded(Image.fromarray(pixels), kind, exif=exif))
    assert decoded.shape == ((32, 16, 3) if orientation >= 5 else (16, 32, 3))
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert decoded[row, column].mean() == pytest.approx(255 if (row, column) == corner else 0, abs=12)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
def test_broken_exif_does_not_spoil_the_picture(exif: bytes) -> None:
    assert safe_decode(encoded(Image.new("RGB", (8, 8), "red"), "JPEG", exif=exif)).shape == (8, 8, 3)


def test_the_pixel_limit_is_read_from_the_header() -> None:
    # 40,000 x 40,000 white pixels: 200 MB of zeros if decoded, and the data is not even there.
    bomb = png(40_000, 40_000, 1, 0, b"\0")
    with pytest.raises(UnreadableImage, match=r"^bomb\.png cannot be read: it has more pixels than the limit of"):
        safe_decode(bomb, name="bomb.png")


@pytest.mark.parametrize("side", [9_600, 13_000])  # Pillow warns about the first and refuses the second
def test_pillows_own_bomb_checks_stay_silent(side: int) -> None:
    with pytest.raises(UnreadableImage, match="50,000,000"):
        safe_decode(png(side, side, 1, 0, b"\0"))


def test_the_pixel_limit_itself_is_allowed() -> None:
    data = encoded(Image.fromarray(noise(10, 10)), "PNG")
    assert safe_decode(data, max_pixels=100).shape == (10, 10, 3)
    with pytest.raises(UnreadableImage, match="limit of 99: 10 x 10"):
        safe_decode(data, max_pixels=99)
    with pytest.raises(ValueError, match="max_pixels must be at least 1, received 0"):
        safe_decode(data, max_pixels=0)


def test_any_flipped_bit_of_a_png_is_refused() -> None:
    data = encoded(Image.fromarray(noise()), "PNG")
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(UnreadableImage):
            safe_decode(bytes(damaged))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000"])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind: str, share: float) -> None:
    data = encoded(Image.fromarray(noise(64, 64)), kind)
    with pytest.raises(UnreadableImage) as caught:
        safe_decode(data[: int(len(data) * share)], name="a.jpg")
    assert caught.value.name == "a.jpg"
    assert caught.value.reason
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImage, match="its contents are none of JPEG, PNG"):
        safe_decode(data)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match=r"a\.jpg cannot be read: there is no such file"):
        safe_decode(tmp_path / "a.jpg")
    with pytest.raises(UnreadableImage, match="it is not a file"):
        safe_decode(tmp_path)
    with pytest.raises(UnreadableImage, match=r"its name is not a path|no such file"):
        safe_decode("a\0b.jpg")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(UnreadableImage, match=r"empty\.jpg cannot be read: the file is empty"):
        safe_decode(tmp_path / "empty.jpg")


def test_noise_after_every_magic_number_is_refused() -> None:
    rng = np.random.default_rng(1)
    for magic in (
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM",
        b"II*\0",
        b"MM\0*",
        b"RIFF\x40\0\0\0WEBP",
        b"P6 ",
    ):
        for _ in range(20):
            with pytest.raises(UnreadableImage):
                safe_decode(magic + rng.bytes(64))


def test_threads_leave_the_warning_filters_as_they_were() -> None:
    warned_about = png(9_600, 9_600, 1, 0, b"\0")
    before = list(warnings.filters)

    def work() -> None:
        for _ in range(30):
            with contextlib.suppress(UnreadableImage):
                safe_decode(warned_about)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def smooth(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([(y * 3) % 256, (x * 2) % 256, (x + y) % 256], axis=-1).astype(np.uint8)


# 49 x 98 is scaled to 32 x 64 exactly, but 98 * (32 / 49) in floating point is less than 64.
@pytest.mark.parametrize("rounding", ["nearest", "down"])
@pytest.mark.parametrize("shortest", [None, 32, 41])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("shape", [(50, 100), (101, 67), (7, 9), (33, 32), (32, 32), (49, 98)])
def test_crop_equals_resize_then_centre_crop(
    shape: tuple[int, int], interpolation: str, shortest: int | None, rounding: str
) -> None:
    height, width = shape
    side = shortest or 32
    scaled = (side, side * width // height) if height <= width else (side * height // width, side)
    half = round if rounding == "nearest" else math.floor
    top, left = half((scaled[0] - 32) / 2), half((scaled[1] - 32) / 2)
    image = smooth(*shape)
    reference = Image.fromarray(image).resize(scaled[::-1], Image.Resampling[interpolation.upper()])
    expected = np.asarray(reference.crop((left, top, left + 32, top + 32))).astype(int)
    difference = np.abs(
        resize(image, ImagePreprocessing((32, 32), interpolation, "crop", shortest, rounding)) - expected
    )
    assert np.mean(difference <= 1) > 0.999  # Pillow keeps a box in float32, and so rounds a few values the other way
    assert difference.max() <= 2


@pytest.mark.parametrize(("rounding", "columns"), [("nearest", (2, 0, 1)), ("down", (1, 0, 1))])
def test_a_centre_between_two_pixels_is_rounded(rounding: str, columns: tuple[int, ...]) -> None:
    preprocessing = ImagePreprocessing((2, 2), crop_rounding=rounding)
    for width, column in zip((5, 3, 4), columns, strict=True):  # 3 pixels to spare, 1, and 2
        row = np.arange(width, dtype=np.uint8)[None, :, None].repeat(2, 0).repeat(3, 2)
        assert resize(row, preprocessing)[0, :, 0].tolist() == [column, column + 1]


def test_an_oblong_size_is_cropped_from_its_shortest_side() -> None:
    image = smooth(60, 90)
    expected = np.asarray(Image.fromarray(image).resize((72, 48), Image.Resampling.BICUBIC).crop((20, 4, 52, 44)))
    ours = resize(image, ImagePreprocessing((40, 32), shortest_side=48)).astype(int)
    assert np.abs(ours - expected).max() <= 1


def test_columns_are_scaled_before_rows_where_pillow_would_not() -> None:
    image = noise(800, 3)  # Pillow 12 scales rows first if there are a hundred times more, Pillow 13 by another rule
    across = Image.fromarray(image).resize((16, 800), Image.Resampling.BICUBIC)
    expected = np.asarray(across.resize((16, 16), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(resize(image, ImagePreprocessing((16, 16), fit="squash")), expected)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"crop_rounding": "up"}, "crop_rounding must be 'nearest' or 'down', received 'up'"),
        ({"shortest_side": 31}, "shortest_side must be at least 32, the size to be cropped, received 31"),
        ({"shortest_side": 32.5}, "shortest_side must be at least 32, the size to be cropped, received 32.5"),
        ({"fit": "squash", "shortest_side": 40}, "shortest_side must be None where fit is not 'crop', received 40"),
    ],
)
def test_preprocessing_that_cannot_be_is_refused(fields: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        ImagePreprocessing((32, 16), **fields)


def test_squash_is_pillows_resize() -> None:
    image = noise(50, 100)
    expected = np.asarray(Image.fromarray(image).resize((24, 16), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(resize(image, ImagePreprocessing((16, 24), fit="squash")), expected)


def test_a_picture_of_the_right_size_is_unchanged() -> None:
    image = noise(8, 8)
    np.testing.assert_array_equal(resize(image, ImagePreprocessing((8, 8))), image)


def test_oblong_targets_are_filled() -> None:
    image = np.zeros((30, 30, 3), np.uint8)
    image[10:20] = 255  # the middle third is what 1:3 keeps
    assert resize(image, ImagePreprocessing((10, 30)))[2:-2].min() > 240


@pytest.mark.parametrize("shape", [(1, 3_000_000), (3_000_000, 1), (1, 1)])
def test_strips_cost_no_more_than_their_crop(shape: tuple[int, int]) -> None:
    assert resize(np.full((*shape, 3), 9, np.uint8), ImagePreprocessing((64, 64))).tolist() == [[[9] * 3] * 64] * 64
