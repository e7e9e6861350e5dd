"""Every preset with tiny widths: it answers, survives a file, learns, and goes through every exporter.

`shrunk` keeps what makes one structure differ from another (pooling, norms, activation, projections, loss, pixels left over by
the patches) and drops what only makes it large. Presets that shrink to the same structure share one examination, and towers of
the same structure one export; the tests are asked for by name all the same, so a new preset is tested without a line here.
"""

import dataclasses
import functools
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo import ClipPreset, build_clip, list_presets
from mmzoo.presets import (
    BertSizes,
    ClipResNetSizes,
    ConvnetSizes,
    ImagePreset,
    RecurrentSizes,
    ResNetSizes,
    TextSizes,
    ViTSizes,
    count_parameters,
    find_preset,
    pooled_size,
)

pytestmark = pytest.mark.once  # the layers are tried on every backend
# Where it takes longer to compile so small a model than to run it. JAX compiles each operation of a model that is not compiled.
EAGERLY = keras.backend.backend() == "tensorflow"
NAMES = [row.name for row in list_presets()]
VOCABULARY, LENGTH, EMBED_DIM = 20, 5, 6
IMAGE, TEXT = ConvnetSizes(4, (4,)), TextSizes(VOCABULARY, LENGTH, 4, 0, 1)  # the other side of an encoder's preset


def shrunk_sizes(sizes):
    match sizes:
        case ViTSizes():
            left_over = 1 if sizes.image_size % sizes.patch_size else 0
            mlp_dim = None if sizes.mlp_dim is None else 12
            changes = {"image_size": 8 + left_over, "patch_size": 4, "width": 8, "depth": 1, "num_heads": 2}
            return dataclasses.replace(sizes, **changes, mlp_dim=mlp_dim)
        case ConvnetSizes():
            return dataclasses.replace(sizes, image_size=8, widths=(4, 8))
        case ClipResNetSizes():
            return dataclasses.replace(sizes, image_size=64, width=4, depths=(2, 1, 1, 1), num_heads=2)
        case ResNetSizes():
            ratio = sizes.widths[0] // sizes.stem_width
            return dataclasses.replace(sizes, image_size=16, stem_width=4, widths=(4 * ratio, 8 * ratio), depths=(2, 1))
        case TextSizes() | BertSizes():
            mlp_dim = None if sizes.mlp_dim is None else 12
            changes = {"vocab_size": VOCABULARY, "context_length": LENGTH, "width": 8, "depth": 1, "num_heads": 2}
            return dataclasses.replace(sizes, **changes, mlp_dim=mlp_dim)
        case RecurrentSizes():
            return dataclasses.replace(sizes, vocab_size=VOCABULARY, context_length=LENGTH, width=4)


def shrunk(name):
    """A tiny CLIP with the structure of the preset, or of the encoder's preset on its side; hashable."""
    preset = find_preset(name)
    if not isinstance(preset, ClipPreset):
        sides = (preset.sizes, TEXT) if isinstance(preset, ImagePreset) else (IMAGE, preset.sizes)
        preset = ClipPreset(EMBED_DIM, *sides)
    image = IMAGE if preset.image == IMAGE else shrunk_sizes(preset.image)
    text = TEXT if preset.text == TEXT else shrunk_sizes(preset.text)
    embed_dim = pooled_size(image) if preset.image_projection == "none" else EMBED_DIM
    return dataclasses.replace(preset, image=image, text=text, embed_dim=embed_dim, paper="")


def sample(preset, count=3):
    rng = np.random.default_rng(0)
    size = preset.image.image_size
    return {
        "images": rng.integers(0, 256, (count, size, size, 3)).astype("float32"),
        "token_ids": rng.integers(1, VOCABULARY, (count, LENGTH)).astype("int32"),
    }


@dataclasses.dataclass(frozen=True)
class Facts:
    outputs: dict
    parameters: int
    after_reload: dict
    preprocessing: tuple
    loss: float
    unchanged: list


@functools.cache
def examined(preset):
    """Builds the preset, calls it, saves and loads it, and takes one step."""
    keras.utils.set_random_seed(0)
    model, inputs = build_clip(preset), sample(preset)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        loaded = mmzoo.load(Path(folder) / "model.keras")
    for clip in (model, loaded):
        clip.compile(keras.optimizers.Adam(0.01), run_eagerly=EAGERLY)
    outputs, after_reload = (clip.predict(inputs, verbose=0) for clip in (model, loaded))
    rng = np.random.default_rng(1)
    before = []
    for weight in model.trainable_variables:  # a zero that a block starts with would keep its inside from learning
        before.append(keras.ops.convert_to_numpy(weight) + 0.1 * rng.standard_normal(weight.shape).astype("float32"))
        weight.assign(before[-1])
    loss = model.train_on_batch(sample(preset, 8))
    pairs = zip(before, model.trainable_variables, strict=True)
    unchanged = [weight.path for old, weight in pairs if np.array_equal(old, keras.ops.convert_to_numpy(weight))]
    preprocessing = (model.image_preprocessing, loaded.image_preprocessing)
    return Facts(outputs, sum(value.size for value in before), after_reload, preprocessing, float(loss), unchanged)


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_have_norm_one(name):
    preset = shrunk(name)
    outputs = examined(preset).outputs
    assert set(outputs) == {"image_embeds", "text_embeds"}
    for embeds in outputs.values():
        assert embeds.shape == (3, preset.embed_dim)
        np.testing.assert_allclose(np.linalg.norm(embeds, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_formula_counts_what_is_built(name):
    preset = shrunk(name)
    assert examined(preset).parameters == count_parameters(preset)


@pytest.mark.parametrize("name", NAMES)
def test_a_reloaded_model_gives_the_same_numbers_and_prepares_pictures_the_same_way(name):
    preset = shrunk(name)
    facts = examined(preset)
    for key, embeds in facts.outputs.items():
        np.testing.assert_array_equal(facts.after_reload[key], embeds)
    assert facts.preprocessing == (preset.image_preset.preprocessing,) * 2


@pytest.mark.parametrize("name", NAMES)
def test_one_step_changes_every_weight(name):
    facts = examined(shrunk(name))
    assert np.isfinite(facts.loss)
    # The bias of keys adds the same to all scores of a query, and a softmax does not see it: any change is rounding.
    assert [path for path in facts.unchanged if not path.endswith("key/bias")] == []


@functools.cache
def exported_formats(preset, side):
    """The formats a tower was written in; export itself compares each file with the model. One run for towers alike."""
    model = build_clip(preset)
    tower, inputs = {"image": (model.image_tower, "images"), "text": (model.text_tower, "token_ids")}[side]
    with tempfile.TemporaryDirectory() as folder:
        manifest = mmzoo.export(tower, Path(folder) / "bundle", samples={inputs: sample(preset)[inputs]}, raw=False)
    return {artifact.format for artifact in manifest.artifacts}


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports need TensorFlow")
@pytest.mark.parametrize("name", NAMES)
def test_every_exporter_writes_its_towers(name):
    preset = shrunk(name)
    partner = ClipPreset(preset.embed_dim, IMAGE, TEXT)
    image = dataclasses.replace(partner, image=preset.image, image_projection=preset.image_projection)
    text = dataclasses.replace(partner, text=preset.text, text_projection=preset.text_projection)
    for side, tower in (("image", image), ("text", text)):
        assert exported_formats(tower, side) == {"saved_model", "tflite", "onnx"}
