"""A queue of past pairs: newest first, the oldest forgotten."""

import numpy as np
import pytest

from mmzoo.layers import EmbeddingQueue


def put(queue, *numbers):
    rows = np.array(numbers, "float32")[:, None]
    hashes = np.tile(np.array(numbers, "int32")[:, None], (1, 2))
    queue(rows, -rows, hashes)


def test_batches_of_any_size_go_in_front():
    queue = EmbeddingQueue(5, 1)
    queue.build()
    assert not np.asarray(queue.is_filled()).any()
    put(queue, 1, 2)
    np.testing.assert_array_equal(np.asarray(queue.is_filled()), [True, True, False, False, False])
    put(queue, 3, 4, 5)
    put(queue, 6)
    np.testing.assert_array_equal(np.asarray(queue.image_embeds)[:, 0], [6, 3, 4, 5, 1])
    np.testing.assert_array_equal(np.asarray(queue.text_embeds)[:, 0], [-6, -3, -4, -5, -1])
    np.testing.assert_array_equal(np.asarray(queue.text_hashes)[:, 1], [6, 3, 4, 5, 1])
    assert np.asarray(queue.is_filled()).all()
    assert queue.trainable_weights == []


def test_a_batch_above_the_queue_fills_it():
    queue = EmbeddingQueue(2, 1)
    queue.build()
    put(queue, 1, 2, 3)
    np.testing.assert_array_equal(np.asarray(queue.image_embeds)[:, 0], [1, 2])


def test_sizes_under_one_are_refused():
    with pytest.raises(ValueError, match="at least 1, received 0 and 4"):
        EmbeddingQueue(0, 4)
    assert EmbeddingQueue.from_config(EmbeddingQueue(3, 4).get_config()).size == 3
