"""The 2015 Inception network; tests/parity has its features against torch-fidelity's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmzoo.pretrained import inception_2015
from mmzoo.pretrained.inception import _tensors, build_inception_2015, scale_like_tensorflow_1
from mmzoo.pretrained.storing import NewTensor, write_checkpoint


@pytest.fixture(scope="module")
def network():
    return build_inception_2015()


@pytest.fixture
def tensors(network):
    """What a file holds, by torch's names: 94 convolutions with their normalisations, and the classes."""
    draws = np.random.default_rng(0)
    shapes = {}
    for name, (variable, order) in _tensors(network).items():
        shapes[name] = tuple(np.array(variable.shape)[np.argsort(order)].tolist())
    shapes["fc.bias"] = (1008,)
    made = {name: draws.normal(size=shape, scale=0.05).astype("float32") for name, shape in shapes.items()}
    made |= {name: np.ones_like(values) for name, values in made.items() if name.endswith("running_var")}
    return made | {"Conv2d_1a_3x3.bn.num_batches_tracked": np.array(0)}


def save(path, tensors):
    def tensor(values):
        return NewTensor(values.shape, values.dtype.name, lambda: values)

    write_checkpoint(path, {name: tensor(values) for name, values in tensors.items()})
    return path


def test_the_network_has_the_published_shapes(network, tensors):
    theirs = keras.applications.InceptionV3(weights=None, include_top=False)
    kernels = [
        sorted(tuple(layer.kernel.shape) for layer in each.layers if isinstance(layer, keras.layers.Conv2D))
        for each in (network, theirs)
    ]
    assert len(kernels[0]) == 94
    assert kernels[0] == kernels[1]
    assert tensors["Mixed_6b.branch7x7_2.conv.weight"].shape == (128, 128, 1, 7)
    assert tensors["Mixed_7c.branch3x3dbl_3b.conv.weight"].shape == (384, 384, 3, 1)
    assert tensors["fc.weight"].shape == (1008, 2048)


def test_a_file_gives_features_that_may_be_called_fid(tmp_path, tensors):
    path = save(tmp_path / "inception.safetensors", tensors)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("uint8")
    features, logits = inception_2015(path), inception_2015(path, logits=True)
    assert features.name == "Inception 2015-12-05"
    pooled = features(pictures)
    assert pooled.shape == (2, 2048)
    np.testing.assert_allclose(logits(pictures), pooled @ tensors["fc.weight"].T, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fc.weight": np.zeros((1000, 2048), "float32")}, r"fc.weight has the shape \(1000, 2048\)"),
        ({"AuxLogits.fc.weight": np.zeros((1, 1), "float32")}, "has one that it has not named AuxLogits.fc.weight"),
        ({"Mixed_5b.branch1x1.bn.bias": None}, "has none named Mixed_5b.branch1x1.bn.bias"),
    ],
    ids=["other classes", "too much", "too little"],
)
def test_another_network_is_refused(tmp_path, tensors, change, message):
    changed = {name: values for name, values in (tensors | change).items() if values is not None}
    with pytest.raises(ValueError, match=f"must hold the tensors of pt_inception-2015-12-05, and {message}"):
        inception_2015(save(tmp_path / "other.safetensors", changed))


def test_a_pickle_is_never_read(tmp_path):
    (tmp_path / "inception.pth").write_bytes(b"PK\x03\x04 what torch.save writes")
    with pytest.raises(ValueError, match="must be a whole safetensors file"):
        inception_2015(tmp_path / "inception.pth")


@pytest.mark.parametrize("shape", [(8, 8), (13, 40)])
def test_pictures_are_scaled_as_tensorflow_1_did(shape):
    pictures = np.random.default_rng(0).integers(0, 256, (2, *shape, 3)).astype("float32")
    expected = tf.compat.v1.image.resize_bilinear(pictures, (29, 29))
    np.testing.assert_allclose(scale_like_tensorflow_1(pictures, 29), expected, atol=1e-3)
