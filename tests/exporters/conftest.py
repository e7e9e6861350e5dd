"""Small models to export, and one export of two parts that many tests look at."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mmzoo.signature import Part, TensorSpec

if keras.backend.backend() != "tensorflow":
    collect_ignore_glob = ["test_[!b]*.py"]  # all but test_backend.py


def image_tower() -> keras.Model:
    images = keras.Input((8, 8, 3), name="images")
    x = keras.layers.Rescaling(1 / 127.5, -1)(images)
    x = keras.layers.Conv2D(6, 3, strides=2, activation="gelu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model({"images": images}, {"image_embeds": keras.layers.UnitNormalization()(x)}, name="image_tower")


def text_tower() -> keras.Model:
    token_ids = keras.Input((7,), dtype="int32", name="token_ids")
    x = keras.layers.Embedding(600, 128, name="embedding")(token_ids)  # large enough to be kept outside the graph
    x = keras.layers.Dense(5)(keras.layers.LayerNormalization()(keras.layers.GlobalAveragePooling1D()(x)))
    return keras.Model(
        {"token_ids": token_ids}, {"text_embeds": keras.layers.UnitNormalization()(x)}, name="text_tower"
    )


def small_model(name: str = "small") -> keras.Model:
    x = keras.Input((4,), name="x")
    return keras.Model(x, {"y": keras.layers.Dense(3)(x)}, name=name)


class TwoTowers:
    """What export asks of a model with parts, and no more."""

    name = "two_towers"

    def __init__(self) -> None:
        keras.utils.set_random_seed(0)
        self.image_tower, self.text_tower = image_tower(), text_tower()

    def save_assets(self, directory: Path) -> None:
        (directory / "tokenizer.json").write_text('{"version": "1.0"}')
        (directory / "preprocessing.json").write_text('{"size": [8, 8]}')

    def export_parts(self) -> dict[str, Part]:
        image = TensorSpec("images", (None, 8, 8, 3), "uint8", (0, 255))
        text = TensorSpec("token_ids", (None, 7), "int32", (0, 599))
        return {"image": Part(self.image_tower, (image,)), "text": Part(self.text_tower, (text,))}


@pytest.fixture(scope="session")
def two_towers() -> TwoTowers:
    return TwoTowers()


@pytest.fixture(scope="session")
def samples() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (5, 8, 8, 3)).astype("uint8")
    return {"images": images, "token_ids": generator.integers(0, 600, (5, 7))}


@pytest.fixture(scope="session")
def exported(two_towers, samples, tmp_path_factory) -> Path:
    from mmzoo.exporters import export

    directory = tmp_path_factory.mktemp("exports") / "two"
    export(two_towers, directory, samples=samples, metrics={"top1": 0.75, "top1_chance": 0.1, "images": 8})
    return directory


@pytest.fixture
def small() -> keras.Model:
    return small_model()
