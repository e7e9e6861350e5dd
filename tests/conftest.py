"""On the JAX backend TensorFlow cannot be imported at all, so whatever passes there needs none."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ.get("KERAS_BACKEND") == "jax":
    sys.modules["tensorflow"] = None

import keras
import numpy as np
import pytest

if keras.backend.backend() == "tensorflow":  # small graphs run a few times: optimizing them costs more than it saves
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

CAPTIONS = ("a red circle on the left", "a small blue square", "un café à la crème", "красный круг", "数字七 3.14")
SAID = [
    f"a {colour} {shape} on the {side}"
    for colour in ("red", "blue", "green", "white")
    for shape in ("circle", "square", "star", "ring")
    for side in ("left", "right", "top", "middle")
]


@pytest.fixture(autouse=True)
def _seed_and_policy():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def plain_search(monkeypatch):
    """Searches without XLA on TensorFlow, where compiling one takes longer than a test's few texts; tests of searches have it."""
    if keras.backend.backend() == "tensorflow":
        from mmzoo.models.captioner import generation

        monkeypatch.setattr(generation, "JIT_COMPILE", False)


@pytest.fixture(scope="session")
def clip() -> keras.Model:
    """A CLIP nobody trained."""
    import mmzoo

    keras.utils.set_random_seed(7)
    return mmzoo.build_clip("tiny", tokenizer=mmzoo.Tokenizer.train(CAPTIONS, 300))


@pytest.fixture(scope="session")
def clip_bundle(clip, tmp_path_factory) -> Path:
    """The CLIP in every form there is: it takes a while, so all tests that look at one look at this."""
    import mmzoo

    directory = tmp_path_factory.mktemp("bundles") / "my-clip"
    mmzoo.export(clip, directory, quantize="int8", gate=None, layout="triton")
    return directory


@pytest.fixture(scope="session")
def shown() -> np.ndarray:
    """The pictures that a captioner has learnt to say something about (64, 8, 8, 3)."""
    return np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3)).astype("uint8")


@pytest.fixture(scope="session", params=["transformer", "gru"])
def captioner(request, shown) -> keras.Model:
    """A captioner that says of each of 64 pictures what it says of no other."""
    import mmzoo

    keras.utils.set_random_seed(0)
    tokenizer = mmzoo.Tokenizer.train(SAID, 320, languages=("en", "zh"))
    model = mmzoo.build_captioner(
        mmzoo.build_convnet(image_size=8, widths=(16,), blocks=1),
        decoder=request.param,
        tokenizer=tokenizer,
        context_length=12,
        width=32,
        **({"depth": 2, "num_heads": 2} if request.param == "transformer" else {}),
    )
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    model.fit({"images": shown, "token_ids": tokenizer(SAID, 12)}, batch_size=64, epochs=250, verbose=0)
    return model


@pytest.fixture(scope="session")
def captioner_bundle(captioner, shown, tmp_path_factory) -> Path:
    """The captioner in every form; that its int8 files pass the gate is part of what is tested."""
    import mmzoo

    directory = tmp_path_factory.mktemp("bundles") / "my-captioner"
    mmzoo.export(captioner, directory, quantize="int8", samples={"images": shown})
    return directory


@pytest.fixture(scope="session")
def make_painter():
    """Builds a text-to-image model that nobody trained, and that draws something else for each text and noise all the same."""
    import mmzoo

    def make(text, **options):
        keras.utils.set_random_seed(3)
        model, rng = mmzoo.build_text_to_image(text, **options), np.random.default_rng(0)
        for weight in model.averaged_generator.weights:
            if weight.path.endswith("kernel"):  # some start at 0
                weight.assign(rng.normal(0, 0.8 * np.prod(weight.shape[:-1]) ** -0.5, weight.shape))
        return model

    return make


@pytest.fixture(scope="session")
def painter(clip, make_painter) -> keras.Model:
    """A text-to-image model that draws what a CLIP reads."""
    return make_painter(clip, width=4)


@pytest.fixture(scope="session")
def painter_bundle(painter, tmp_path_factory) -> Path:
    """The text-to-image model in every form; that its smaller files pass the gate is part of what is tested."""
    import mmzoo

    directory = tmp_path_factory.mktemp("bundles") / "my-painter"
    mmzoo.export(painter, directory, quantize=("int8", "fp16"))
    return directory
