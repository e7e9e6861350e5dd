"""Tiny checkpoints of transformers and open_clip, read and written back (see tests/golden/make_checkpoints.py)."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import mmzoo

FOLDERS = sorted((Path(__file__).parents[1] / "golden" / "checkpoints").iterdir())
TOLERANCE = 2e-5
LOGITS = 20 * TOLERANCE  # their scale is 20, and the cosines have the tolerance


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def folder(request):
    return request.param


@pytest.fixture(scope="module")
def model(folder):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*has no tokenizer")
        warnings.filterwarnings("ignore", ".*has a head")
        return mmzoo.from_pretrained(folder)


@pytest.fixture(autouse=True, scope="module")
def _empty_hub_cache(tmp_path_factory):
    """A tokenizer that happens to be on this machine would not go with 99 words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
        yield


@pytest.fixture(scope="module")
def expected(folder):
    with np.load(folder / "reference.npz") as arrays:
        return dict(arrays)


def tensors(folder):
    """{name: (dtype, shape, bytes)} of all weights of a folder."""
    found = {}
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "np") as file:
            for name in sorted(file.keys()):
                tensor = file.get_tensor(name)
                found[name] = (tensor.dtype, tensor.shape, tensor.tobytes())
    return found


def test_outputs_are_those_of_the_library_that_wrote_it(model, expected):
    expected = dict(expected)
    inputs = {name: expected.pop(name) for name in ("images", "token_ids") if name in expected}
    outputs = {name: np.asarray(value) for name, value in model(inputs, training=False).items()}
    if "logits_per_image" in expected:
        logits = np.asarray(model.logit_scale(model.similarity(inputs["images"], inputs["token_ids"])))
        assert np.abs(logits - expected.pop("logits_per_image")).max() <= LOGITS
        expected.pop("logit_scale")
    assert len(expected) == 2
    for name, value in expected.items():
        assert np.abs(outputs[name] - value).max() <= TOLERANCE


def test_every_tensor_is_written_back_bit_for_bit(folder, model, tmp_path):
    form = "open_clip" if folder.name.startswith("open_clip") else "hf"
    mmzoo.save_pretrained(model, tmp_path / "again", format=form)
    original = {name.removeprefix("bert."): value for name, value in tensors(folder).items()}
    written = tensors(tmp_path / "again")
    assert {name for name in original.keys() - written.keys() if not name.startswith("cls.")} == set()
    assert written == {name: original[name] for name in written}
