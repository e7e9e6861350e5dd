"""The LiteRT client answers as the Keras model does, from files and strings."""

import numpy as np
import pytest

from mmzoo.data import resize, safe_decode

TEXTS = ["a red circle", "数字七", "un café"]


@pytest.fixture
def litert_client(client_module):
    return client_module("litert_client").LiteRTClient


def test_embeddings_are_the_models(litert_client, bundle, clip, pictures):
    client = litert_client(bundle)
    images = np.stack([resize(safe_decode(path), clip.image_preprocessing) for path in pictures])
    assert np.abs(client.embed_images(pictures, batch_size=2) - clip.encode_image(images)).max() < 1e-5
    assert np.abs(client.embed_texts(TEXTS, batch_size=2) - clip.encode_text(TEXTS)).max() < 1e-5


def test_int8_is_the_int8_file(litert_client, bundle, pictures):
    exact, rounded = (litert_client(bundle, precision=p).embed_images(pictures) for p in ("fp32", "int8"))
    assert not np.array_equal(exact, rounded)
    assert (exact * rounded).sum(1).min() > 0.98


def test_any_models_parts_run_by_name(litert_client, tagged):
    x = np.arange(48, dtype=np.float32).reshape(3, 16)
    assert np.array_equal(litert_client(tagged).run("model", {"x": x})["y"], 4 * x + 3)


def test_a_fixed_batch_takes_any_number_of_rows(litert_client, tmp_path):
    import keras

    import mmzoo

    x = keras.Input((4,), name="x")
    model = keras.Model(x, {"y": keras.layers.Dense(3)(x)}, name="small")
    mmzoo.export(model, tmp_path / "small", formats=("tflite",), tflite_batch=2)
    rows = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    answers = litert_client(tmp_path / "small").run("model", {"x": rows})["y"]
    assert np.allclose(answers, model.predict(rows, verbose=0)["y"], atol=1e-5)
