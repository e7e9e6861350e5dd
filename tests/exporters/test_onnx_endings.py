"""Models that end, or are read, where the passes over ONNX graphs have something to do."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from mmzoo.exporters import export


def pooled(pool):
    x = keras.Input((6, 6, 3), name="x")
    return keras.Model(x, {"y": pool(layers.Conv2D(8, 3)(x))})


def rows(head):
    x = keras.Input((6, 6), name="x")
    return keras.Model(x, {"y": head(x)})


def contracted():
    x = keras.Input((5, 4, 8), name="x")
    kernel = np.random.default_rng(0).normal(size=(4, 8, 64)).astype("float32")
    return keras.Model(x, {"y": ops.tensordot(x, kernel, axes=2)})


def both_ways(x):
    r = ops.relu(x)
    return layers.Dense(3)((r + ops.transpose(r, (0, 2, 1)))[:, :1])


MODELS = {
    "mean_of_pictures": lambda: pooled(layers.GlobalAveragePooling2D()),
    "squares": lambda: rows(lambda x: ops.square(layers.Dense(64)(x))),
    "square_root": lambda: rows(lambda x: ops.sqrt(ops.abs(layers.Dense(8)(x)))),
    "sum": lambda: rows(lambda x: ops.sum(layers.Dense(64)(x), axis=1)),
    "first_row": lambda: rows(lambda x: ops.relu(layers.Dense(4)(x))[:, :1]),
    "rows_and_columns": lambda: rows(both_ways),
    "two_axes_contracted": contracted,
}


@pytest.mark.parametrize("name", MODELS)
def test_it_is_exported_in_every_precision(name, tmp_path):
    manifest = export(MODELS[name](), tmp_path / "x", ("onnx",), quantize=("int8", "fp16"))
    assert [artifact.precision for artifact in manifest.artifacts] == ["fp32", "fp16", "int8"]
    assert manifest.artifact("model", "onnx").max_abs_diff < 1e-4
