"""CoCa writes and compares with one decoder."""

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_convnet
from mmzoo.loading import load
from mmzoo.models import build_coca
from mmzoo.tokenizer import Tokenizer

pytestmark = pytest.mark.usefixtures("plain_search")

JIT = keras.backend.backend() == "jax"  # TensorFlow takes longer to compile such a step than to run it
CAPTIONS = ("a red circle", "a blue square", "a green star", "a white ring")
TOKENIZER = Tokenizer.train(CAPTIONS, 300)
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
X = {"images": IMAGES, "token_ids": TOKENIZER(CAPTIONS, 16)}


def coca(**options):
    keras.utils.set_random_seed(0)
    sizes = {"context_length": 16, "width": 16, "depth": 2, "num_heads": 2, "num_queries": 4, "embed_dim": 8}
    encoder = build_convnet(image_size=8, widths=(8,), blocks=1)
    return build_coca(encoder, **sizes | {"tokenizer": TOKENIZER} | options)


def test_it_learns_to_write_and_to_compare(tmp_path):
    model = coca()
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=JIT)
    loss = model.fit(X, batch_size=4, epochs=200, verbose=0).history["loss"]
    assert loss[-1] < 0.2 * loss[0]
    assert [str(each) for each in model.generate(IMAGES)] == list(CAPTIONS)
    outputs = model(X)
    np.testing.assert_allclose(np.linalg.norm(outputs["image_embeds"], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(model.encode_image(IMAGES), outputs["image_embeds"], atol=1e-5)
    np.testing.assert_allclose(model.encode_text(CAPTIONS), outputs["text_embeds"], atol=1e-5)
    model.save(tmp_path / "coca.keras")
    again = load(tmp_path / "coca.keras")
    np.testing.assert_allclose(again.similarity(IMAGES, CAPTIONS), model.similarity(IMAGES, CAPTIONS), atol=1e-6)


def test_a_text_s_vector_knows_nothing_of_its_padding():
    model = coca()
    ids = X["token_ids"]
    other = np.where(ids == TOKENIZER.pad_id, 7, ids)
    expected = model({"images": IMAGES, "token_ids": ids})["text_embeds"]
    np.testing.assert_allclose(model({"images": IMAGES, "token_ids": other})["text_embeds"], expected, atol=1e-6)


def test_the_loss_of_a_model_that_knows_nothing():
    model = coca(caption_weight=0.0)
    model.compile("sgd", jit_compile=JIT)
    assert model.evaluate(X, batch_size=4, verbose=0)[0] > 0
    with pytest.raises(ValueError, match="weights must be at least 0, received -1"):
        coca(caption_weight=-1)
    with pytest.raises(ValueError, match="build_coca must be given a tokenizer"):
        coca(tokenizer=None)
    with pytest.raises(ValueError, match="class_token must be False with unimodal_depth=0"):
        coca(unimodal_depth=0)
