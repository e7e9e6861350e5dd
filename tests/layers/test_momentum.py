"""The moving average of weights, worked out by hand."""

import keras
import numpy as np
import pytest

from mmzoo.layers import MomentumCopy


def dense_and_copy(momentum=0.75):
    dense = keras.layers.Dense(1, use_bias=False)
    dense.build((None, 1))
    copy = MomentumCopy(momentum)
    copy.follow([dense])
    return dense, copy


def test_the_first_update_copies_and_later_ones_average():
    dense, copy = dense_and_copy()
    seen = []
    for value in (4.0, 8.0, 0.0):
        dense.kernel.assign([[value]])
        copy(layers=[dense])
        seen.append(float(copy.averages[0][0, 0]))
    assert seen == [4.0, 5.0, 3.75]  # 4; 0.75 * 4 + 0.25 * 8; 0.75 * 5 + 0.25 * 0


def test_layers_run_with_the_averages_inside_standing_in_and_with_their_own_outside():
    dense, copy = dense_and_copy()
    dense.kernel.assign([[2.0]])
    copy(layers=[dense])
    dense.kernel.assign([[10.0]])
    x = np.ones((1, 1), "float32")
    with copy.standing_in([dense]):
        assert float(dense(x)[0, 0]) == 2.0
    assert float(dense(x)[0, 0]) == 10.0


def test_averages_are_not_trained_whatever_is_unfrozen():
    _, copy = dense_and_copy()
    copy.trainable = True
    assert copy.trainable_weights == []


def test_half_precision_keeps_small_steps():
    keras.config.set_dtype_policy("mixed_float16")

    class Holder(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense, self.copy = dense_and_copy(0.999)

        def call(self, x):
            self.copy(layers=[self.dense])
            return self.dense(x)

    holder = Holder()
    x = np.ones((1, 1), "float32")
    holder.dense.kernel.assign([[1.0]])
    holder(x)
    holder.dense.kernel.assign([[1.1]])
    holder(x)
    # 0.999 * 1 + 0.001 * 1.1; float16 has steps of 0.001 here
    assert float(keras.ops.convert_to_numpy(holder.copy.averages[0])[0, 0]) == pytest.approx(1.0001, abs=1e-6)


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_a_momentum_out_of_range_is_refused(momentum):
    with pytest.raises(ValueError, match=f"at least 0 and below 1, received {momentum}"):
        MomentumCopy(momentum)
