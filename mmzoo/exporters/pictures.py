"""Encoded pictures to a model's image input with TensorFlow operations, as mmzoo.data reads them with Pillow, and drawn ones to files."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from mmzoo.data import resize, safe_decode
from mmzoo.exporters.parity import ParityError
from mmzoo.presets import ImagePreprocessing

IMAGE_BYTES = "image_bytes"
"""The input that takes encoded pictures."""

LIMITS = (
    "JPEG and PNG only",
    "EXIF orientation is not applied",
    "a picture that cannot be decoded fails its whole batch",
    "no limit on the number of pixels",
)
_SAME = 0.997  # of the values
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH = 24  # the byte with the bits of a channel, before that of the colour type
_KERNELS = {"bicubic": "keyscubic", "bilinear": "triangle"}


def read_pictures(contents: Any, preprocessing: ImagePreprocessing) -> Any:
    """Decodes, scales and crops JPEG and PNG files: (B,) string -> (B, height, width, 3) uint8 in [0, 255].

    Transparency is composited on white and 16-bit values keep their high byte, as in mmzoo.data; what it does and a
    graph cannot is in LIMITS.
    """
    import tensorflow as tf

    def read(content: Any) -> Any:
        return _resize(_decode(content), preprocessing)

    signature = tf.TensorSpec((*preprocessing.size, 3), tf.uint8)
    return tf.map_fn(read, contents, fn_output_signature=signature)


def write_pictures(pictures: Any) -> Any:
    """(B, H, W, 3) uint8 -> (B,) string, PNG files."""
    import tensorflow as tf

    return tf.map_fn(tf.io.encode_png, pictures, fn_output_signature=tf.TensorSpec((), tf.string))


def framed(picture: np.ndarray, preprocessing: ImagePreprocessing) -> np.ndarray:
    """A picture of the model's size (h, w, 3), with the border that the preprocessing cuts off: it is not scaled."""
    side = preprocessing.shortest_side
    if side is None:
        return picture
    first = [_half(side - length, preprocessing.crop_rounding) for length in preprocessing.size]
    borders = [(start, side - length - start) for start, length in zip(first, preprocessing.size, strict=True)]
    return np.pad(picture, [*borders, (0, 0)], "edge")


def require_same_pictures(preprocessing: ImagePreprocessing) -> None:
    """Reads two pictures of other sizes than the model's in a graph and with mmzoo.data.

    Raises ParityError unless 99.7 % of the values are within 1 of each other.
    """
    import tensorflow as tf

    files = [_encoded((160, 220), "JPEG"), _encoded((97, 61), "PNG")]
    actual = tf.function(lambda contents: read_pictures(contents, preprocessing))(tf.constant(files)).numpy()
    expected = np.stack([resize(safe_decode(file), preprocessing) for file in files])
    share = np.mean(np.abs(actual.astype(int) - expected) <= 1)
    if share < _SAME:
        raise ParityError(
            f"pictures read in a graph must be as mmzoo.data reads them, within 1 of 255 for {_SAME:.1%} of the values, "
            f"received {share:.2%} for {preprocessing}"
        )


def _encoded(size: tuple[int, int], kind: str) -> bytes:
    """A file with waves of several lengths and some noise; size is (height, width)."""
    y, x = np.mgrid[: size[0], : size[1], 0:3][:2]
    waves = 120 + 60 * np.sin(x / 9 + [0, 1, 2]) + 50 * np.cos(y / (4 + x / 20))
    noise = np.random.default_rng(0).normal(0, 8, waves.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(waves + noise, 0, 255).astype(np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def _decode(content: Any) -> Any:
    """-> (H, W, 3) uint8."""
    import tensorflow as tf

    def png() -> Any:
        depth, kind = tf.unstack(
            tf.cast(tf.io.decode_raw(tf.strings.substr(content, _PNG_DEPTH, 2), tf.uint8), tf.int32), 2
        )
        decoded = tf.cond(depth == 16, wide_png, lambda: tf.io.decode_png(content, channels=4))
        # For grey of 1, 2 and 4 bits TensorFlow's opaque is the largest value of so many bits.
        opaque = tf.where((kind == 0) & (depth < 8), tf.bitwise.left_shift(1, depth) - 1, 255)
        alpha = tf.minimum(tf.cast(decoded[..., 3:], tf.float32) / tf.cast(opaque, tf.float32), 1)
        colours = tf.cast(decoded[..., :3], tf.float32)
        return tf.cast(tf.round(colours * alpha + 255 * (1 - alpha)), tf.uint8)

    def wide_png() -> Any:
        wide = tf.io.decode_png(content, channels=4, dtype=tf.uint16)
        return tf.cast(tf.bitwise.right_shift(wide, tf.constant(8, tf.uint16)), tf.uint8)

    def jpeg() -> Any:
        # Pillow's choice of the inverse cosine transform; TensorFlow's own is coarser.
        return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")

    return tf.cond(tf.equal(tf.strings.substr(content, 0, len(_PNG)), _PNG), png, jpeg)


def _resize(image: Any, preprocessing: ImagePreprocessing) -> Any:
    """(H, W, 3) uint8 -> (height, width, 3) uint8: antialiased, rows before columns and rounded between, as Pillow."""
    import tensorflow as tf

    height, width = preprocessing.size
    source = tf.shape(image, tf.int64)
    tall, wide = _scaled(source[0], source[1], preprocessing)
    rows = _resample(image, source[1], wide, width, preprocessing, axis=1)
    both = _resample(rows, source[0], tall, height, preprocessing, axis=0)
    both.set_shape((height, width, 3))
    return both


def _scaled(rows: Any, columns: Any, preprocessing: ImagePreprocessing) -> tuple[Any, Any]:
    """(height, width) before the crop, in whole numbers as mmzoo.data: the longer side rounded down."""
    import tensorflow as tf

    height, width = (tf.constant(side, tf.int64) for side in preprocessing.size)
    if preprocessing.fit == "squash":
        return height, width
    if preprocessing.shortest_side is not None:
        height = width = tf.constant(preprocessing.shortest_side, tf.int64)
    is_wide = height * columns >= width * rows
    return tf.where(is_wide, height, width * rows // columns), tf.where(is_wide, height * columns // rows, width)


def _half(spare: Any, rounding: str) -> Any:
    """Half of a whole number as a whole number; "nearest" rounds half to even, as Python."""
    return spare // 2 if rounding == "down" else spare // 2 + spare % 2 * (spare // 2 % 2)


def _resample(image: Any, source: Any, scaled: Any, size: int, preprocessing: ImagePreprocessing, axis: int) -> Any:
    """Scales one axis from source to scaled pixels and keeps the size of them in the middle."""
    import tensorflow as tf

    offset = tf.cast(_half(scaled - size, preprocessing.crop_rounding), tf.float32)
    factor = tf.cast(scaled / source, tf.float32)
    shape = tf.shape(image)[:2]
    new = tf.stack([size, shape[1]] if axis == 0 else [shape[0], size])
    factors = tf.stack([factor, 1.0] if axis == 0 else [1.0, factor])
    shifts = tf.stack([-offset, 0.0] if axis == 0 else [0.0, -offset])
    values = tf.raw_ops.ScaleAndTranslate(
        images=tf.cast(image[None], tf.float32),
        size=new,
        scale=factors,
        translation=shifts,
        kernel_type=_KERNELS[preprocessing.interpolation],
        antialias=True,
    )
    return tf.cast(tf.clip_by_value(tf.floor(values[0] + 0.5), 0, 255), tf.uint8)  # half up, as Pillow
