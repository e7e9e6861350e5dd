"""Pictures become the pixel values of transformers' image processors, in mmzoo.data and inside an exported SavedModel.

MMZOO_PARITY names the folder that tests/parity/pictures.py wrote. A difference is counted in pixels of [0, 255].
"""

import json
import os
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.bundle import Bundle
from mmzoo.data import resize, safe_decode
from mmzoo.pretrained.preprocessing import read_preprocessing, write_preprocessing
from mmzoo.signature import Part, RawImages, TensorSpec

PEER = Path(os.environ["MMZOO_PARITY"]) / "pictures"
SCRIPT = Path(__file__).with_name("pictures.py")
PROCESSORS = sorted(path.name for path in (PEER / "processors").iterdir())
SOURCES = sorted((PEER / "sources").iterdir())
FAMILIES = ("clip", "siglip", "vit", "resnet")
# What a graph reads: JPEG and PNG, without turning them.
IN_GRAPH = [path for path in SOURCES if path.suffix in (".jpg", ".png") and path.stem != "turned"]


def normalized(pictures, preprocessing):
    return (pictures / 255 - np.array(preprocessing.mean)) / np.array(preprocessing.std)


def require_same(ours, theirs, preprocessing, paths):
    """The bar: within 1 of 255 at 99.7 % of each picture's values, and 0.2 on average."""
    assert ours.shape == theirs.shape
    differences = np.abs(ours - theirs) * np.array(preprocessing.std) * 255
    for path, difference in zip(paths, differences, strict=True):
        assert np.mean(difference <= 1.001) >= 0.997, path.name  # float32 makes a 1 a little more
        assert difference.mean() <= 0.2, path.name


@pytest.fixture(scope="module")
def decoded():
    return {path: safe_decode(path) for path in SOURCES}


def test_there_are_twenty_sizes_and_all_modes(decoded):
    assert len({picture.shape for picture in decoded.values()}) >= 20
    assert len(IN_GRAPH) >= 20


@pytest.mark.parametrize("name", PROCESSORS)
def test_pixel_values_are_those_of_transformers(decoded, name):
    preprocessing = read_preprocessing(PEER / "processors" / name)
    ours = normalized(np.stack([resize(decoded[path], preprocessing.image) for path in SOURCES]), preprocessing)
    require_same(ours, np.load(PEER / f"{name}.npy"), preprocessing, SOURCES)


@pytest.mark.parametrize("name", PROCESSORS)
def test_what_transformers_saves_of_it_is_read_the_same(name):
    saved = read_preprocessing(PEER / "saved" / name)
    assert saved == read_preprocessing(PEER / "processors" / name)


class Readers:
    """A model with a part for each family, which gives back the pixel values that its pictures become."""

    name = "readers"

    def __init__(self):
        self.preprocessing = {name: read_preprocessing(PEER / "processors" / name) for name in FAMILIES}

    def save_assets(self, directory):
        pass

    def export_parts(self):
        parts = {}
        for name, preprocessing in self.preprocessing.items():
            shape = (*preprocessing.image.size, 3)
            images = keras.Input(shape, name="images")
            mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
            values = keras.layers.Rescaling(list(1 / (255 * std)), list(-mean / std))(images)
            spec = TensorSpec("images", (None, *shape), "uint8", (0, 255))
            model = keras.Model({"images": images}, {"pixel_values": values}, name=name)
            parts[name] = Part(model, (spec,), (RawImages("images", preprocessing.image),))
        return parts


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    directory = tmp_path_factory.mktemp("parity") / "readers"
    mmzoo.export(Readers(), directory, formats=("saved_model",))
    return Bundle(directory)


@pytest.mark.parametrize("name", FAMILIES)
def test_an_exported_model_makes_the_same_of_picture_files(readers, name):
    files = np.array([path.read_bytes() for path in IN_GRAPH], object)
    ours = readers.run(f"{name}_bytes", "saved_model", {"image_bytes": files})["pixel_values"]
    theirs = np.load(PEER / f"{name}.npy")[[SOURCES.index(path) for path in IN_GRAPH]]
    require_same(ours, theirs, read_preprocessing(PEER / "processors" / name), IN_GRAPH)


def test_transformers_reads_what_is_written(decoded, tmp_path):
    few = [path for path in SOURCES if path.stem in ("odd_margin", "odd_tall", "photo", "wide", "tiny")]
    for path in few:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    expected = {}
    for name in PROCESSORS:
        preprocessing = read_preprocessing(PEER / "processors" / name)
        for model_type in FAMILIES if name in FAMILIES else ("clip",):
            folder = tmp_path / f"{name}-{model_type}"
            folder.mkdir()
            write_preprocessing(folder, preprocessing, model_type=model_type)
            expected[folder.name] = preprocessing
    python = json.loads((PEER / "peer.json").read_text())["python"]
    result = subprocess.run(
        [python, SCRIPT, "--read", tmp_path, tmp_path / "found.npz"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-2000:]
    with np.load(tmp_path / "found.npz") as found:
        assert set(found) == set(expected)
        for name, preprocessing in expected.items():
            ours = np.stack([resize(decoded[path], preprocessing.image) for path in few])
            require_same(normalized(ours, preprocessing), found[name], preprocessing, few)
