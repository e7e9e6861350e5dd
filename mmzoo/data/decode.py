"""Any picture file as uint8 RGB, or one sentence that says why not."""

from __future__ import annotations

import io
import math
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mmzoo.presets import ImagePreprocessing

# The suffixes by which a folder or a shard knows its pictures; what a file really holds is read from its first bytes.
PICTURE_SUFFIXES = frozenset(
    ".avif .bmp .gif .jfif .jp2 .jpeg .jpg .pgm .png .pnm .ppm .tif .tiff .webp".split()  # noqa: SIM905
)
# Pillow also knows formats that start other programs (EPS runs Ghostscript): only these are ever tried.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
_MAX_FILE_BYTES = 2**30
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FILTERS = {"bicubic": (Image.Resampling.BICUBIC, 2), "bilinear": (Image.Resampling.BILINEAR, 1)}  # with their support


class UnreadableImage(ValueError):
    """A picture that cannot be used; `name` is the file, `reason` says why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name} cannot be read: {self.reason}"


def safe_decode(source: bytes | str | Path, *, max_pixels: int = 50_000_000, name: str | None = None) -> np.ndarray:
    """Decodes one picture of any common format, however odd, into plain RGB.

    source: the file's bytes or its path. max_pixels: limit on height x width, compared with the header before anything
    is decoded, because a file of 48 KB can hold 1.4 GB of pixels. name: what errors call a picture given as bytes.
    Turned upright by its EXIF orientation; alpha composited on white; 16-bit values scaled (high byte); CMYK, grey,
    palette and 1-bit converted; the first frame of an animation. Integers of 32 bits and floating point have no fixed
    white: values within [0, 65535] or [0, 1] are taken to fill that range, others are stretched from their own minimum
    to their own maximum. Colour profiles are not applied.
    Returns (H, W, 3) uint8 in [0, 255].
    Raises:  UnreadableImage, which names the file and the reason: missing, empty, truncated, no picture, too many
             pixels, or a PNG whose checksums do not match (decoders accept those and return wrong pixels).
    """
    if max_pixels < 1:
        raise ValueError(f"max_pixels must be at least 1, received {max_pixels}")
    if isinstance(source, (str, Path)):
        name = name or str(source)
        data = _read_file(Path(source), name)
    else:
        data = bytes(source)
        name = name or f"a picture given as {len(data):,} bytes"
    if not data:
        raise UnreadableImage(name, "the file is empty")
    if data.startswith(b"\x89PNG\r\n\x1a\n") and (problem := _png_damage(data)):
        raise UnreadableImage(name, problem)
    too_large = f"it has more pixels than the limit of {max_pixels:,}"
    try:
        with _pillow_silenced(), Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            width, height = picture.size
            if width * height > max_pixels:
                raise UnreadableImage(name, f"{too_large}: {width:,} x {height:,}")
            picture.load()
            return _rgb(_upright(picture))
    except UnreadableImage:
        raise
    except UnidentifiedImageError:
        raise UnreadableImage(name, f"its contents are none of {', '.join(_FORMATS)}") from None
    except Image.DecompressionBombError:
        raise UnreadableImage(name, too_large) from None
    except MemoryError:
        raise UnreadableImage(name, "there is not enough memory to decode it") from None
    except Exception as error:
        # Damaged files make Pillow's readers raise nearly anything (SyntaxError, KeyError, struct.error, ...).
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableImage(name, f"the file is damaged ({reason})") from error


def resize(image: np.ndarray, preprocessing: ImagePreprocessing) -> np.ndarray:
    """Scales a picture to the model's size with Pillow's antialiased filter (CLIP, arXiv:2103.00020, code release).

    image (H, W, 3) uint8 -> (h, w, 3) uint8. fit "crop": the shortest side is scaled, then the centre kept; "squash":
    both sides to size.
    """
    height, width = preprocessing.size
    rows, columns = image.shape[:2]
    if preprocessing.fit == "squash":
        return resample(image, (0.0, 0.0, columns, rows), preprocessing)
    tall, wide = _scaled(rows, columns, preprocessing)
    top, left = (_half(spare, preprocessing.crop_rounding) for spare in (tall - height, wide - width))
    # The filter reads beyond the box where it needs to, so this equals resize-then-crop, without ever making the scaled
    # picture, which for a strip of 1 x 10,000,000 pixels would be gigabytes.
    y, x = rows / tall, columns / wide
    return resample(image, (left * x, top * y, (left + width) * x, (top + height) * y), preprocessing)


def _scaled(rows: int, columns: int, preprocessing: ImagePreprocessing) -> tuple[int, int]:
    """(height, width) before the crop, the longer side rounded down as transformers and torchvision do."""
    height, width = preprocessing.size
    if preprocessing.shortest_side is not None:
        height = width = preprocessing.shortest_side
    if height * columns >= width * rows:
        return height, height * columns // rows
    return width * rows // columns, width


def _half(spare: int, rounding: str) -> int:
    return spare // 2 if rounding == "down" else round(spare / 2)


def resample(
    image: np.ndarray, box: tuple[float, float, float, float], preprocessing: ImagePreprocessing
) -> np.ndarray:
    """Scales the box (left, top, right, bottom; in pixels, fractions allowed) of a picture to the model's size.

    image (H, W, 3) uint8 -> (h, w, 3) uint8, antialiased; columns first, rounded, then rows.
    """
    height, width = preprocessing.size
    filter, support = _FILTERS[preprocessing.interpolation]
    left, top, right, bottom = box
    # What the filter reads alone, because Pillow keeps a box in float32, and across before down in two calls, because which
    # pass Pillow makes first depends on its version and the picture's shape, and with it the rounding between.
    rows = _read_by_filter(top, bottom, height, support, image.shape[0])
    columns = _read_by_filter(left, right, width, support, image.shape[1])
    part = Image.fromarray(image[rows, columns])
    across = (left - columns.start, 0, right - columns.start, part.height)
    down = (0, top - rows.start, width, bottom - rows.start)
    return np.array(part.resize((width, part.height), filter, across).resize((width, height), filter, down))


def _read_by_filter(start: float, end: float, size: int, support: int, length: int) -> slice:
    """The pixels that a filter reads at most to scale the stretch from start to end to size pixels."""
    reach = math.ceil(support * max((end - start) / size, 1)) + 1
    return slice(max(math.floor(start) - reach, 0), min(math.ceil(end) + reach, length))


def _read_file(path: Path, name: str) -> bytes:
    try:
        if not path.exists():
            raise UnreadableImage(name, "there is no such file")
        if not path.is_file():
            raise UnreadableImage(name, "it is not a file")
        if (size := path.stat().st_size) > _MAX_FILE_BYTES:
            raise UnreadableImage(name, f"the file has {size:,} bytes, more than {_MAX_FILE_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage(name, error.strerror or str(error)) from error
    except ValueError as error:
        if isinstance(error, UnreadableImage):
            raise
        raise UnreadableImage(name, f"its name is not a path ({error})") from error


def _png_damage(data: bytes) -> str | None:
    """What is wrong with a PNG's chunks: Pillow does not check the checksums of pixel data."""
    view = memoryview(data)
    position = 8
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(view[position : position + 4], "big")
        if end > len(data):
            break
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            kind = bytes(view[position + 4 : position + 8])
            return f"the file is damaged (the checksum of its PNG chunk {kind!r} does not match)"
        if view[position + 4 : position + 8] == b"IEND":
            return None
        position = end
    return "the file is truncated (its PNG chunks do not end)"


_silence_lock = threading.Lock()
_silence_depth = 0
_silence: warnings.catch_warnings | None = None


@contextmanager
def _pillow_silenced() -> Iterator[None]:
    """Hides Pillow's warnings (bombs, odd EXIF) while any thread decodes.

    `warnings.catch_warnings` alone is not safe with several threads: the last to leave would restore what the first
    had changed. So the first in hides, and the last out restores.
    """
    global _silence, _silence_depth
    with _silence_lock:
        _silence_depth += 1
        if _silence_depth == 1:
            _silence = warnings.catch_warnings()
            _silence.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        yield
    finally:
        with _silence_lock:
            _silence_depth -= 1
            if _silence_depth == 0 and _silence is not None:
                _silence.__exit__(None, None, None)
                _silence = None


def _upright(picture: Image.Image) -> Image.Image:
    try:
        orientation = picture.getexif().get(_ORIENTATION, 1)
    except Exception:
        orientation = 1  # an unreadable EXIF block does not spoil the pixels
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return picture if turn is None else picture.transpose(turn)


def _rgb(picture: Image.Image) -> np.ndarray:
    if picture.mode.startswith("I;16"):
        wide = np.asarray(picture)
        grey = (wide >> 8).astype(np.uint8)
        transparent = picture.info.get("transparency")
        if isinstance(transparent, int):
            grey[wide == transparent] = 255
        return _grey(grey)
    if picture.mode in ("I", "F"):
        return _grey(_eight_bits(np.asarray(picture), 65535 if picture.mode == "I" else 1))
    if picture.has_transparency_data:
        colours = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, colours)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _eight_bits(values: np.ndarray, white: float) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ValueError("its pixels contain NaN or infinity")
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= white:
        low, high = 0.0, white
    span = high - low or 1.0  # a constant picture is black
    return np.round((values.astype(np.float64) - low) * (255 / span)).astype(np.uint8)


def _grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=-1)
