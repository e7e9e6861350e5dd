"""Checkpoints of transformers and open_clip, read, written and trained by mmzoo (the peer's side is tests/parity/models.py).

Largest differences at float32. Embeddings have norm 1; logits are divided by their scale, so that they are cosines (and a
bias); states and pooled outputs of encoders come behind the last norm and are compared as they are.
"""

import functools
import json
import os
import shutil
import subprocess
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

import mmzoo

ROOT = Path(os.environ["MMZOO_PARITY"])
MODELS, WRITTEN = ROOT / "models", ROOT / "written"
PEER = json.loads((MODELS / "peer.json").read_text(encoding="utf-8"))
NAMES = sorted(path.name for path in MODELS.iterdir() if path.is_dir())
SMALL = [name for name in NAMES if name not in PEER["large"]]
TOLERANCE = 2e-5
HEADS = ("cls.", "classifier.")
pytestmark = pytest.mark.timeout(1200)  # the first test waits until the peer has read everything back


def reference(name):
    with np.load(MODELS / name / "reference.npz") as arrays:
        return dict(arrays)


def inputs_of(name):
    return {key: value for key, value in reference(name).items() if key in ("images", "token_ids")}


def outputs_of(model, inputs):
    outputs = {key: np.asarray(value) for key, value in model(inputs, training=False).items() if key != "mask"}
    if hasattr(model, "similarity"):
        similarity = model.similarity(inputs["images"], inputs["token_ids"])
        outputs["logits_per_image"] = np.asarray(model.logit_scale(similarity))
    return outputs


def largest_difference(found, expected):
    worst = {key: float(np.abs(found[key] - expected[key]).max()) for key in found.keys() - {"logit_scale"}}
    if "logits_per_image" in worst:
        worst["logits_per_image"] /= float(expected["logit_scale"])
    return max(worst.values())


def train(model, inputs):
    """Three steps, a CLIP by its own loss and an encoder towards zero."""
    if hasattr(model, "similarity"):
        options, targets = {}, {}
    else:
        options = {"loss": {"pooled": "mse"}}
        targets = {"y": {"pooled": np.zeros((4, model.output["pooled"].shape[-1]), "float32")}}
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True, **options)
    model.fit(inputs, epochs=3, batch_size=4, verbose=0, **targets)


@functools.cache
def ours(name):
    """What mmzoo reads: (model, its outputs, warnings)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = mmzoo.from_pretrained(MODELS / name)
    return model, outputs_of(model, inputs_of(name)), [str(warning.message) for warning in caught]


@pytest.fixture(scope="module")
def trained():
    """Writes every model, trains the small ones, writes them again; {name: outputs after training, or what went wrong}."""
    shutil.rmtree(WRITTEN, ignore_errors=True)
    outputs = {}
    for name in NAMES:
        form = "open_clip" if name.startswith("open_clip") else "hf"
        try:
            model, _, _ = ours(name)
            mmzoo.save_pretrained(model, WRITTEN / "same" / name, format=form)
            if name in SMALL:
                train(model, inputs_of(name))
                mmzoo.save_pretrained(model, WRITTEN / "trained" / name, format=form)
                outputs[name] = outputs_of(model, inputs_of(name))
        except Exception as error:
            outputs[name] = error
    return outputs


@pytest.fixture(scope="module")
def theirs(trained):
    """What the peer makes of everything that mmzoo wrote."""
    subprocess.run([PEER["python"], Path(__file__).with_name("models.py"), "again", ROOT], check=True)

    def answer(kind, name, file):
        if isinstance(trained.get(name), Exception):
            raise trained[name]
        folder = WRITTEN / kind / name
        if (folder / "error.txt").exists():
            pytest.fail(f"the peer cannot load what mmzoo wrote: {(folder / 'error.txt').read_text(encoding='utf-8')}")
        if file.endswith(".json"):
            return json.loads((folder / file).read_text(encoding="utf-8"))
        with np.load(folder / file) as arrays:
            return dict(arrays)

    return answer


def test_there_are_sixteen_configurations_and_more():
    assert len(NAMES) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_the_peers(name, record):
    expected = reference(name)
    _, outputs, _ = ours(name)
    assert {*outputs} == {*expected} - {"images", "token_ids", "logit_scale"}
    difference = largest_difference(outputs, expected)
    record(name, "read", difference)
    assert difference <= TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_is_written_back_bit_for_bit(name, theirs):
    found = theirs("same", name, "tensors.json")
    heads = [lost for lost in found["lost"] if lost.startswith(HEADS)]
    assert found == {"lost": heads, "new": [], "different": []}


@pytest.mark.parametrize("name", NAMES)
def test_a_head_is_left_out_with_a_warning(name, theirs):
    _, _, caught = ours(name)
    warned = any("has a head" in warning for warning in caught)
    assert warned == bool(theirs("same", name, "tensors.json")["lost"])


@pytest.mark.parametrize("name", NAMES)
def test_the_configuration_written_back_means_the_same(name, theirs):
    meant = json.loads((MODELS / name / "meaning.json").read_text(encoding="utf-8"))
    assert theirs("same", name, "meaning.json") == meant


@pytest.mark.parametrize("name", NAMES)
def test_the_peer_computes_the_same_from_what_is_written_back(name, theirs):
    assert largest_difference(theirs("same", name, "answers.npz"), reference(name)) <= 1e-6


@pytest.mark.parametrize("name", SMALL)
def test_the_peer_computes_the_same_after_training(name, theirs, trained, record):
    expected = theirs("trained", name, "answers.npz")
    assert largest_difference(expected, reference(name)) > 1e-3  # it did train
    difference = largest_difference(trained[name], expected)
    record(name, "trained", difference)
    assert difference <= TOLERANCE
