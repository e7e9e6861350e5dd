"""The contrastive loss over two replicas gives the weights of one device."""

import os
import subprocess
import sys

import keras
import pytest

CODE = """
import sys
import numpy as np, keras, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from mmzoo.models import build_clip
from mmzoo.presets import ClipPreset, TextSizes, ViTSizes
rng = np.random.default_rng(0)
data = {"images": rng.integers(0, 256, (8, 8, 8, 3)).astype("float32"), "token_ids": rng.integers(0, 9, (8, 6)).astype("int32")}
data["token_ids"][7] = data["token_ids"][0]  # a repeat across the replicas
def batched():
    return tf.data.Dataset.from_tensor_slices(data).batch(8)
def train_on(strategy):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = build_clip(ClipPreset(8, ViTSizes(8, 4, 16, 1, 2), TextSizes(40, 6, 16, 1, 2)))
        model.compile(keras.optimizers.SGD(0.1))
    history = model.fit(batched(), epochs=3, verbose=0)
    return history.history["loss"], model.get_weights()
one_loss, one = train_on(tf.distribute.OneDeviceStrategy("CPU:0"))
two_loss, two = train_on(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
difference = max(np.abs(a - b).max() for a, b in zip(one, two))
print(one_loss, two_loss, difference)
assert difference < 2e-5, difference
assert np.allclose(one_loss, two_loss, rtol=1e-4)
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute is TensorFlow's")
def test_two_replicas_train_like_one_device():
    result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=200, env=os.environ)
    assert result.returncode == 0, result.stderr[-2000:]
