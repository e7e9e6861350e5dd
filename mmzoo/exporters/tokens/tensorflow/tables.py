"""Look-ups whose tables are constants of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

_PAGE = 256


def of_each_character(table: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    """A look-up of code points in a table of all 0x110000 of them, stored as its distinct pages of 256."""
    distinct: dict[bytes, int] = {}
    numbers = np.array([distinct.setdefault(page.tobytes(), len(distinct)) for page in table.reshape(-1, _PAGE)])
    numbers, pages = numbers.astype(np.int32), np.frombuffer(b"".join(distinct), table.dtype)

    def look_up(codes: tf.Tensor) -> tf.Tensor:
        return tf.gather(pages, tf.gather(numbers, codes // _PAGE) * _PAGE + codes % _PAGE)

    return look_up


def of_pairs(table: Mapping[tuple[int, int], int]) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """A look-up of pairs of integers from 0 to 2^31 - 1, by bisection: int32, -1 where a pair is not in the table."""
    # A key that nothing has keeps an empty table from being a case of its own.
    keys = np.array([left << 32 | right for left, right in table] + [2**63 - 1], np.int64)
    values = np.array([*table.values(), -1], np.int32)
    order = np.argsort(keys)
    keys, values = keys[order], values[order]

    def look_up(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
        asked = tf.bitwise.left_shift(tf.cast(left, tf.int64), tf.constant(32, tf.int64)) + tf.cast(right, tf.int64)
        place = tf.searchsorted(keys, asked)
        return tf.where(tf.gather(keys, place) == asked, tf.gather(values, place), -1)

    return look_up
