"""The Inception network of 2015-12-05, of whose features the Fréchet distance is called FID."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from mmzoo.metrics.generation import INCEPTION_2015, FeatureExtractor
from mmzoo.pretrained.checkpoint import Checkpoint
from mmzoo.pretrained.headers import read_header

SIZE = 299
_CLASSES = 1008
_BATCHES = ".num_batches_tracked"  # torch's count, which nothing is computed from

Unit = tuple[str, int, Any] | tuple[str, int, Any, int]  # name, filters, kernel, stride


def inception_2015(path: str | Path, *, logits: bool = False, batch_size: int = 32) -> FeatureExtractor:
    """Your file of the weights that FID is defined by, as a FeatureExtractor whose figures are called FID and KID (arXiv:1706.08500).

    path: pt_inception-2015-12-05-6726825d, as pytorch-fid and torch-fidelity publish it, as safetensors: pickles are never read, so
    convert it where you trust it, with safetensors.torch.save_file(torch.load(FILE, weights_only=True), PATH). That the numbers are
    those of 2015 is your word: names and shapes alone are checked.
    Pictures (N, H, W, 3) in [0, 255], scaled to 299 x 299 as TensorFlow 1 did -> pooled features (N, 2048); logits: of the 1,008
    classes without their bias, (N, 1008), which inception_score takes.
    Raises OSError where there is no file, ValueError for one that is damaged or of another network.
    """
    path = Path(path)
    checkpoint = Checkpoint(path.parent, *read_header(path))
    network = build_inception_2015()
    _assign(network, checkpoint, path)

    def extract(images: np.ndarray) -> np.ndarray:
        outputs = network((scale_like_tensorflow_1(images, SIZE) - 128) / 128, training=False)
        return keras.ops.convert_to_numpy(outputs["logits" if logits else "pooled"])

    return FeatureExtractor(INCEPTION_2015, extract, batch_size)


def build_inception_2015() -> keras.Model:
    """(B, 299, 299, 3) in [-1, 1) -> {"pooled": (B, 2048), "logits": (B, 1008)}; layers have the names of torch's tensors.

    Inception V3 (arXiv:1512.00567) but for its last pool, which takes the greatest where all others of its kind take the mean.
    """
    images = x = keras.Input((SIZE, SIZE, 3), name="images")
    x = _unit(x, "Conv2d_1a_3x3", 32, 3, 2)
    x = _unit(x, "Conv2d_2a_3x3", 32, 3, padding="valid")
    x = _unit(x, "Conv2d_2b_3x3", 64, 3)
    x = layers.MaxPooling2D(3, 2)(x)
    x = _unit(x, "Conv2d_3b_1x1", 80, 1)
    x = _unit(x, "Conv2d_4a_3x3", 192, 3, padding="valid")
    x = layers.MaxPooling2D(3, 2)(x)
    for name, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        x = _join(
            _chain(x, name, [("branch1x1", 64, 1)]),
            _chain(x, name, [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)]),
            _chain(x, name, [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)]),
            _chain(_mean(x), name, [("branch_pool", pooled, 1)]),
        )
    x = _join(
        _chain(x, "Mixed_6a", [("branch3x3", 384, 3, 2)]),
        _chain(x, "Mixed_6a", [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3, 2)]),
        layers.MaxPooling2D(3, 2)(x),
    )
    across, down = (1, 7), (7, 1)
    for name, width in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        single: list[Unit] = [("branch7x7_1", width, 1), ("branch7x7_2", width, across), ("branch7x7_3", 192, down)]
        double: list[Unit] = [
            ("branch7x7dbl_1", width, 1),
            ("branch7x7dbl_2", width, down),
            ("branch7x7dbl_3", width, across),
            ("branch7x7dbl_4", width, down),
            ("branch7x7dbl_5", 192, across),
        ]
        x = _join(
            _chain(x, name, [("branch1x1", 192, 1)]),
            _chain(x, name, single),
            _chain(x, name, double),
            _chain(_mean(x), name, [("branch_pool", 192, 1)]),
        )
    double = [
        ("branch7x7x3_1", 192, 1),
        ("branch7x7x3_2", 192, across),
        ("branch7x7x3_3", 192, down),
        ("branch7x7x3_4", 192, 3, 2),
    ]
    x = _join(
        _chain(x, "Mixed_7a", [("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3, 2)]),
        _chain(x, "Mixed_7a", double),
        layers.MaxPooling2D(3, 2)(x),
    )
    for name, pool in (("Mixed_7b", _mean), ("Mixed_7c", layers.MaxPooling2D(3, 1, "same"))):
        fork = _chain(x, name, [("branch3x3_1", 384, 1)])
        double_fork = _chain(x, name, [("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3)])
        x = _join(
            _chain(x, name, [("branch1x1", 320, 1)]),
            _chain(fork, name, [("branch3x3_2a", 384, (1, 3))]),
            _chain(fork, name, [("branch3x3_2b", 384, (3, 1))]),
            _chain(double_fork, name, [("branch3x3dbl_3a", 384, (1, 3))]),
            _chain(double_fork, name, [("branch3x3dbl_3b", 384, (3, 1))]),
            _chain(pool(x), name, [("branch_pool", 192, 1)]),
        )
    pooled = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(_CLASSES, use_bias=False, name="fc")(pooled)
    return keras.Model(images, {"pooled": pooled, "logits": logits}, name="inception_2015")


def scale_like_tensorflow_1(images: np.ndarray, size: int) -> np.ndarray:
    """Bilinear from the upper left corner, without antialias: pictures (B, H, W, 3) -> (B, size, size, 3) float32.

    tf.image.resize of today takes the pixels' centres instead, which changes FID (arXiv:2104.11222).
    """
    pixels = np.asarray(images, np.float32)
    for axis in (2, 1):
        length = pixels.shape[axis]
        places = np.arange(size, dtype=np.float32) * np.float32(length / size)
        low = places.astype(int)
        share = (places - low).reshape([-1 if each == axis else 1 for each in range(4)])
        before, after = pixels.take(low, axis), pixels.take(np.minimum(low + 1, length - 1), axis)
        pixels = before + (after - before) * share
    return pixels


def _unit(x: Any, name: str, filters: int, kernel: Any, stride: int = 1, padding: str | None = None) -> Any:
    padding = padding or ("same" if stride == 1 else "valid")
    x = layers.Conv2D(filters, kernel, stride, padding, use_bias=False, name=f"{name}.conv")(x)
    return layers.ReLU()(layers.BatchNormalization(epsilon=1e-3, name=f"{name}.bn")(x))


def _chain(x: Any, block: str, units: Sequence[Unit]) -> Any:
    for name, *sizes in units:
        x = _unit(x, f"{block}.{name}", *sizes)
    return x


def _join(*branches: Any) -> Any:
    return layers.Concatenate()(branches)


def _mean(x: Any) -> Any:
    return layers.AveragePooling2D(3, 1, "same")(x)  # of the pixels there are, not of the padding


def _assign(network: keras.Model, checkpoint: Checkpoint, path: Path) -> None:
    wanted = _tensors(network)
    kept = {name for name in checkpoint.tensors if not name.endswith(_BATCHES)} - {"fc.bias"}
    if odd := sorted(kept ^ set(wanted)):
        fault = "has none" if odd[0] in wanted else "has one that it has not"
        raise ValueError(f"{path} must hold the tensors of pt_inception-2015-12-05, and {fault} named {odd[0]}")
    for name, (variable, order) in wanted.items():
        values = checkpoint.read(name)
        if values.ndim != len(order) or values.transpose(order).shape != tuple(variable.shape):
            raise ValueError(
                f"{path} must hold the tensors of pt_inception-2015-12-05, and {name} has the shape {values.shape}"
            )
        variable.assign(values.transpose(order))


def _tensors(network: keras.Model) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """torch's name of each variable, with the order of axes that torch's become Keras's by."""
    tensors: dict[str, tuple[Any, tuple[int, ...]]] = {"fc.weight": (network.get_layer("fc").kernel, (1, 0))}
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            tensors[f"{layer.name}.weight"] = (layer.kernel, (2, 3, 1, 0))
        elif isinstance(layer, layers.BatchNormalization):
            names = {"weight": layer.gamma, "bias": layer.beta, "running_mean": layer.moving_mean}
            names["running_var"] = layer.moving_variance
            tensors |= {f"{layer.name}.{name}": (variable, (0,)) for name, variable in names.items()}
    return tensors
