"""The SavedModel client answers as the Keras model does, and loads nothing that the checksums do not vouch for."""

import shutil

import numpy as np
import pytest

from mmzoo.data import resize, safe_decode

TEXTS = ["a red circle", "数字七", "un café"]


@pytest.fixture
def saved_model_client(client_module):
    return client_module("saved_model_client").SavedModelClient


@pytest.mark.parametrize("tokenizer_inside", [False, True])
def test_embeddings_are_the_models(saved_model_client, bundle, clip, pictures, tokenizer_inside):
    client = saved_model_client(bundle, tokenizer_inside=tokenizer_inside)
    images = np.stack([resize(safe_decode(path), clip.image_preprocessing) for path in pictures])
    assert np.abs(client.embed_images(pictures, batch_size=2) - clip.encode_image(images)).max() < 1e-5
    assert np.abs(client.embed_texts(TEXTS, batch_size=2) - clip.encode_text(TEXTS)).max() < 1e-5


def test_any_models_parts_run_by_name(saved_model_client, tagged):
    x = np.arange(48, dtype=np.float32).reshape(3, 16)
    assert np.array_equal(saved_model_client(tagged).run("model", {"x": x})["y"], 4 * x + 3)


@pytest.mark.parametrize("name", ["saved_model.pb", "assets/more"])
def test_a_changed_or_added_file_is_refused(saved_model_client, tagged, tmp_path, name):
    copy = shutil.copytree(tagged, tmp_path / "copy")
    path = copy / "saved_model/1" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b"\0")
    with pytest.raises(ValueError, match=f"saved_model/1/{name} must have the sha256"):
        saved_model_client(copy).run("model", {"x": np.zeros((1, 16), np.float32)})
