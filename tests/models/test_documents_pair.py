"""build_clip(image_encoder=resnet50, text_encoder=bert): towers of other libraries, trained and shipped."""

import keras
import pytest

import mmzoo
from mmzoo import data

keras_hub = pytest.importorskip("keras_hub")

TRAIN = data.digits("train").subset(range(48))
TOKENIZER = mmzoo.Tokenizer.train(TRAIN.all_captions(), 200, kind="wordpiece", lower_case=True)


def bert():
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 32, "intermediate_dim": 64, "max_sequence_length": 16}
    backbone = keras_hub.models.BertBackbone(vocabulary_size=TOKENIZER.vocab_size, **sizes)
    return mmzoo.build_hub(backbone, tokenizer=TOKENIZER, context_length=12)


def network():
    """A small one, handed over as a user's own: ResNet50 alone takes a minute to export, and goes the same way."""
    return keras.applications.MobileNet(include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.25)


def pair():
    image_encoder = mmzoo.build_application(network(), pixels="tf")
    return mmzoo.build_clip(image_encoder=image_encoder, text_encoder=bert(), embed_dim=16)


def test_it_takes_tokenizer_and_scaling_from_its_towers():
    model = pair()
    assert model.tokenizer == TOKENIZER
    assert (model.image_preprocessing.size, model.image_preprocessing.shortest_side) == ((32, 32), 37)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exporters are TensorFlow's")
def test_the_pair_trains_on_digits_and_runs_everywhere(tmp_path):
    model = pair()
    model.compile(keras.optimizers.AdamW(1e-3), run_eagerly=True)  # a graph takes longer to trace than these steps
    history = model.fit(TRAIN.dataset(model, batch_size=16), epochs=4, verbose=0).history["loss"]
    assert history[-1] < 0.9 * history[0]
    batch = TRAIN.arrays(model)
    samples = {name: array[:8] for name, array in batch.items()}
    # A dozen steps leave the running statistics near where they began, and all pictures would get the same answer.
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(batch, training=True)
    manifest = mmzoo.export(model, tmp_path / "pair", quantize="int8", gate=None, samples=samples)
    written = {(artifact.part, artifact.format, artifact.precision) for artifact in manifest.artifacts}
    formats = ("saved_model", "tflite", "onnx")
    assert {(part, format, "fp32") for part in ("image", "text") for format in formats} <= written
    assert {(part, format, "int8") for part in ("image", "text") for format in formats[1:]} <= written
    assert {"image_bytes", "text_strings"} <= {part for part, _, _ in written}
