"""On the JAX backend TensorFlow cannot be imported at all, so whatever passes there needs none."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ.get("KERAS_BACKEND") == "jax":
    sys.modules["tensorflow"] = None

import keras
import pytest

CAPTIONS = ("a red circle on the left", "a small blue square", "un café à la crème", "красный круг", "数字七 3.14")


@pytest.fixture(autouse=True)
def _seed_and_policy():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


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
