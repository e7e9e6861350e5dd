"""Every fusion, every kind of tower and every head, each with each of the others: built, trained a step, saved, reloaded, exported."""

import itertools
import random

import keras
import numpy as np
import pytest

from mmzoo.encoders import (
    build_application,
    build_bert,
    build_clip_resnet,
    build_convnet,
    build_recurrent_text,
    build_resnet,
    build_text_transformer,
    build_vit,
)
from mmzoo.exporters import export
from mmzoo.fusion import FUSIONS
from mmzoo.models import build_classifier

SIZE, LENGTH, VOCABULARY = 32, 3, 12
TRANSFORMER = {"width": 8, "depth": 1, "num_heads": 2}
WORDS = {"vocab_size": VOCABULARY, "context_length": LENGTH}


def first_stage_of_vgg():
    network = keras.applications.VGG16(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    return keras.Model(network.input, network.get_layer("block1_pool").output)


IMAGE_TOWERS = {
    "vit": lambda: build_vit(image_size=SIZE, patch_size=16, **TRANSFORMER),
    "convnet": lambda: build_convnet(image_size=SIZE, widths=(4,)),
    "clip_resnet": lambda: build_clip_resnet(image_size=SIZE, width=2, depths=(1, 1, 1, 1), num_heads=2),
    "resnet": lambda: build_resnet(
        image_size=SIZE, stem_width=4, widths=(4, 8), depths=(1, 1), block="basic", activation="relu"
    ),
    "application": lambda: build_application(first_stage_of_vgg(), pixels="tf"),
}
TEXT_TOWERS = {
    "causal": lambda: build_text_transformer(**WORDS, **TRANSFORMER),
    "bidirectional": lambda: build_text_transformer(
        **WORDS, **TRANSFORMER, causal=False, pooling="mean", mask_rule="pad_id", pad_id=0
    ),
    "bert": lambda: build_bert(**WORDS, **TRANSFORMER),
    "bilstm": lambda: build_recurrent_text(**WORDS, width=4),
    "gru": lambda: build_recurrent_text(**WORDS, width=8, cell="gru", bidirectional=False),
}
HEADS = {
    "softmax": np.array([0, 1, 2, 1]),
    "sigmoid": np.eye(3, dtype="float32")[[0, 1, 2, 1]],
    "hinge": np.array([0, 1, 2, 1]),
    "regression": np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3),
}
FACTORS = (tuple(FUSIONS), tuple(IMAGE_TOWERS), tuple(TEXT_TOWERS), tuple(HEADS))


def pairs_of(row):
    return set(itertools.combinations(enumerate(row), 2))


def covering_rows(factors, tries=200):
    """Few rows in which each value meets each value of every other factor: greedily, the best of some that begin with a missing pair."""
    chance = random.Random(0)
    missing = {pair for row in itertools.product(*factors) for pair in pairs_of(row)}
    rows = []
    while missing:
        ordered = sorted(missing)
        candidates = []
        for _ in range(tries):
            row = [chance.choice(values) for values in factors]
            for place, value in chance.choice(ordered):
                row[place] = value
            candidates.append(tuple(row))
        rows.append(max(candidates, key=lambda row: len(pairs_of(row) & missing)))
        missing -= pairs_of(rows[-1])
    return rows


ROWS = covering_rows(FACTORS)


def test_every_pair_occurs():
    covered = set().union(*(pairs_of(row) for row in ROWS))
    for (i, first), (j, second) in itertools.combinations(enumerate(FACTORS), 2):
        for pair in itertools.product(first, second):
            assert ((i, pair[0]), (j, pair[1])) in covered, pair
    assert len(ROWS) == 40  # 8 fusions x 5 towers cannot be had in fewer


@pytest.mark.parametrize(("fusion", "image", "text", "head"), ROWS)
def test_it_builds_trains_saves_reloads_and_exports(fusion, image, text, head, tmp_path):
    attends = fusion in ("early_concat", "cross_attention", "co_attention")
    layer = FUSIONS[fusion](8, **({"num_heads": 2, "depth": 1} if attends else {}))
    model = build_classifier(IMAGE_TOWERS[image](), TEXT_TOWERS[text](), layer, num_classes=3, head=head)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, SIZE, SIZE, 3)).astype("float32")
    token_ids = rng.integers(1, VOCABULARY, (4, LENGTH)).astype("int32")
    token_ids[0, 2:] = 0
    inputs = {"images": images, "token_ids": token_ids}

    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    parts = {"image": model.trunk.image_encoder, "text": model.trunk.text_encoder, "head": model.answer_head}
    before = {name: [np.array(weight) for weight in part.trainable_variables] for name, part in parts.items()}
    assert np.isfinite(model.train_on_batch([token_ids, images], HEADS[head]))
    for name, part in parts.items():
        after = [np.array(weight) for weight in part.trainable_variables]
        assert all(np.isfinite(weight).all() for weight in after), name
        assert any((old != new).any() for old, new in zip(before[name], after, strict=True)), name

    expected = np.asarray(model(inputs, training=False))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(loaded(inputs, training=False)), expected, atol=1e-6)

    manifest = export(loaded, tmp_path / "bundle", raw=False)
    assert {artifact.format for artifact in manifest.artifacts} == {"saved_model", "tflite", "onnx"}
