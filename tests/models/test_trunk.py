"""Two encoders and a fusion: what goes in, what comes out, and what changes nothing."""

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_convnet, build_encoder, build_recurrent_text, build_text_transformer, build_vit
from mmzoo.fusion import FUSIONS
from mmzoo.models import Trunk
from mmzoo.presets import TextSizes

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype("float32")
TEXTS = np.array([[3, 4, 5, 0, 0], [6, 7, 0, 0, 0], [1, 2, 3, 4, 5]], "int32")


def vit(**options):
    return build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2, **options)


def words(context_length=5):
    return build_recurrent_text(vocab_size=10, context_length=context_length, width=4)


def transformer(**options):
    return build_text_transformer(
        vocab_size=10, context_length=5, width=8, depth=1, num_heads=2, causal=False, pooling="mean", **options
    )


def fusion_of(name):
    """Of one block, where it has blocks: two cost twice the time and show no more."""
    sizes = {"num_heads": 2, "depth": 1} if name in ("early_concat", "cross_attention", "co_attention") else {}
    return FUSIONS[name](8, **sizes)


def run(trunk, images=IMAGES, token_ids=TEXTS, **present):
    outputs = trunk({"images": images, "token_ids": token_ids, **present}, training=False)
    return {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}


@pytest.mark.parametrize("fusion", FUSIONS)
def test_more_padding_changes_nothing(fusion):
    short = Trunk(vit(), words(5), fusion_of(fusion))
    long = Trunk(vit(), words(9), fusion_of(fusion))
    long.set_weights(short.get_weights())
    expected, actual = run(short), run(long, token_ids=np.pad(TEXTS, ((0, 0), (0, 4))))
    np.testing.assert_allclose(actual["pooled"], expected["pooled"], atol=1e-6)
    mask = expected["mask"]
    np.testing.assert_array_equal(actual["mask"], np.pad(mask, ((0, 0), (0, 4))))
    np.testing.assert_allclose(actual["sequence"][:, :5][mask], expected["sequence"][mask], atol=1e-6)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_ids_under_the_mask_change_nothing(fusion):
    trunk = Trunk(vit(), transformer(mask_rule="after_first_eos", end_id=9), fusion_of(fusion))
    token_ids = np.array([[3, 9, 1, 2, 3], [4, 5, 9, 6, 6], [1, 9, 9, 9, 9]], "int32")
    others = np.array([[3, 9, 8, 0, 9], [4, 5, 9, 1, 9], [1, 9, 2, 3, 4]], "int32")
    np.testing.assert_allclose(
        run(trunk, token_ids=others)["pooled"], run(trunk, token_ids=token_ids)["pooled"], atol=1e-6
    )


CAUSAL = {"vocab_size": 10, "context_length": 5, "width": 8, "depth": 1, "num_heads": 2}
TOWERS = {
    "end_id": lambda: build_text_transformer(**CAUSAL, end_id=9),
    "highest id": lambda: build_text_transformer(**CAUSAL),
    "preset": lambda: build_encoder(TextSizes(10, 5, 8, 1, 2, end_id=9)),
}


@pytest.mark.parametrize("tower", TOWERS)
@pytest.mark.parametrize("fusion", ["early_concat", "cross_attention", "co_attention"])
def test_what_a_causal_tower_does_not_read_is_not_fused(fusion, tower):
    trunk = Trunk(vit(), TOWERS[tower](), fusion_of(fusion))
    token_ids = np.array([[3, 9, 0, 0, 0], [4, 5, 9, 0, 0], [1, 2, 3, 4, 9]], "int32")
    others = np.array([[3, 9, 8, 1, 9], [4, 5, 9, 9, 9], [1, 2, 3, 4, 9]], "int32")
    expected, found = run(trunk, token_ids=token_ids), run(trunk, token_ids=others)
    np.testing.assert_allclose(found["pooled"], expected["pooled"], atol=1e-6)
    np.testing.assert_array_equal(found["mask"], [[1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    mask = expected["mask"]
    np.testing.assert_allclose(found["sequence"][mask], expected["sequence"][mask], atol=1e-6)


def test_a_row_of_padding_alone_is_a_text_unless_the_rule_knows_padding():
    token_ids = np.zeros_like(TEXTS)
    for tower, is_text in (
        (TOWERS["end_id"](), True),
        (build_encoder(TextSizes(10, 5, 8, 1, 2, mask_rule="pad_id", pad_id=0)), False),
    ):
        trunk = Trunk(vit(), tower, "concat")
        before = run(trunk, token_ids=token_ids)["pooled"]
        trunk.text_absent.vector.assign(trunk.text_absent.vector + 1.0)
        assert np.allclose(run(trunk, token_ids=token_ids)["pooled"], before, atol=1e-6) == is_text


def test_a_caption_of_padding_alone_is_the_learned_vector():
    trunk = Trunk(vit(), words(), "concat")
    token_ids = TEXTS.copy()
    token_ids[1] = 0
    before = run(trunk, token_ids=token_ids)
    assert np.isfinite(before["pooled"]).all()
    assert not before["mask"][1].any()
    trunk.text_absent.vector.assign(trunk.text_absent.vector + 1.0)
    after = run(trunk, token_ids=token_ids)
    changed = np.abs(after["pooled"] - before["pooled"]).max(axis=1) > 1e-3
    assert changed.tolist() == [False, True, False]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_what_stands_where_a_modality_is_missing_changes_nothing(fusion):
    trunk = Trunk(vit(), words(), fusion_of(fusion), missing_modalities=True)
    present = {"image_present": np.array([True, False, True]), "text_present": np.array([True, True, False])}
    images, token_ids = IMAGES.copy(), TEXTS.copy()
    images[1], token_ids[2] = 255 - images[1], 7
    np.testing.assert_allclose(
        run(trunk, images, token_ids, **present)["pooled"], run(trunk, **present)["pooled"], atol=1e-6
    )


@pytest.mark.parametrize("by_parts", [False, True])
def test_in_training_a_missing_picture_leaves_the_others_and_the_statistics_as_they_are(by_parts):
    present = {"image_present": np.array([True, False, True]), "text_present": np.ones(3, bool)}
    found = []
    for stand_in in (0.0, 255.0):
        keras.utils.set_random_seed(0)
        trunk = Trunk(build_convnet(image_size=8, widths=(4,)), words(), "concat", missing_modalities=True)
        images = IMAGES.copy()
        images[1] = stand_in
        inputs = {"images": images, "token_ids": TEXTS, **present}
        inputs = {name: keras.ops.convert_to_tensor(values) for name, values in inputs.items()}
        parts = trunk.encode(inputs, training=True) if by_parts else None
        outputs = trunk(inputs, training=True) if parts is None else trunk.fuse(*parts, training=True)
        statistics = [np.asarray(weight) for weight in trunk.image_encoder.non_trainable_variables]
        found.append([keras.ops.convert_to_numpy(outputs["pooled"]), *statistics])
    assert len(found[0]) > 1
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_without_batch_normalisation_training_is_of_each_example_alone():
    trunk = Trunk(vit(), words(), "concat", missing_modalities=True)
    present = {"image_present": np.array([True, False, True]), "text_present": np.ones(3, bool)}
    inputs = {"images": IMAGES, "token_ids": TEXTS, **present}
    trained = keras.ops.convert_to_numpy(trunk(inputs, training=True)["pooled"])
    np.testing.assert_allclose(trained, run(trunk, **present)["pooled"], atol=1e-6)


def test_two_missing_pictures_are_one_and_the_same_thing():
    trunk = Trunk(vit(), words(), "cross_attention", missing_modalities=True)
    same = np.repeat(TEXTS[:1], 3, axis=0)
    nowhere = {"image_present": np.zeros(3, bool), "text_present": np.ones(3, bool)}
    pooled = run(trunk, token_ids=same, **nowhere)["pooled"]
    np.testing.assert_allclose(pooled, pooled[:1].repeat(3, axis=0), atol=1e-6)


@pytest.mark.parametrize("fusion", ["concat", "co_attention"])
def test_encode_and_fuse_are_the_trunk(fusion):
    trunk = Trunk(vit(), words(), fusion_of(fusion))
    fused = trunk.fuse(*trunk.encode({"images": IMAGES, "token_ids": TEXTS}, training=False), training=False)
    expected = run(trunk)
    for name, values in expected.items():
        np.testing.assert_allclose(keras.ops.convert_to_numpy(fused[name]), values, atol=1e-6)


def test_hidden_patches_change_what_is_fused():
    trunk = Trunk(vit(mask_token=True), words(), "concat")
    trunk.image_encoder.set_weights([w + 0.1 for w in trunk.image_encoder.get_weights()])
    inputs = {"images": IMAGES, "token_ids": TEXTS}
    inputs = {name: keras.ops.convert_to_tensor(values) for name, values in inputs.items()}
    hidden, _ = trunk.encode(inputs, patch_mask=keras.ops.ones((3, 4), "bool"), training=False)
    seen, _ = trunk.encode(inputs, training=False)
    assert np.abs(np.asarray(hidden["pooled"]) - np.asarray(seen["pooled"])).max() > 1e-3
    np.testing.assert_allclose(run(trunk)["pooled"].shape, (3, 8))


def test_a_fusion_may_be_a_layer_of_its_own():
    fusion = FUSIONS["cross_attention"](12, num_heads=3, depth=1, direction="image")
    trunk = Trunk(vit(), words(), fusion)
    assert trunk.fusion is fusion
    assert trunk.width == 12
    assert run(trunk)["sequence"].shape == (3, 4, 12)


def test_a_config_rebuilds_it():
    trunk = Trunk(vit(), words(), "gated", width=6, missing_modalities=True)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(trunk))
    again.set_weights(trunk.get_weights())
    present = {"image_present": np.array([True, False, True]), "text_present": np.array([True, True, False])}
    np.testing.assert_array_equal(run(again, **present)["pooled"], run(trunk, **present)["pooled"])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Trunk(vit(), words(), "sum"), ValueError, "one of concat, early_concat, add, .* late, received 'sum'"),
        (lambda: Trunk(vit(), words(), 3), TypeError, "one of concat, .* or a layer of mmzoo.fusion, received 3"),
        (
            lambda: Trunk(words(), vit()),
            ValueError,
            r"image_encoder must have the input images, received \['token_ids'\]",
        ),
        (
            lambda: Trunk(vit(), build_convnet(image_size=8, widths=(4,))),
            ValueError,
            r"text_encoder must have the input token_ids, received \['images'\]",
        ),
        (
            lambda: Trunk(vit(), words(), "cross_attention", width=6),
            ValueError,
            "width must be a positive multiple of num_heads, received width=6, num_heads=4",
        ),
        (lambda: Trunk(vit(), words(), "add", width=0), ValueError, "width must be at least 1, received 0"),
    ],
)
def test_parts_that_do_not_fit_get_one_sentence(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_encoder_that_lacks_what_is_fused_is_named():
    images = keras.Input((8, 8, 3), name="images")
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    with pytest.raises(ValueError, match=r"image_encoder must return .* sequence, pooled, received \['pooled'\]"):
        Trunk(keras.Model({"images": images}, {"pooled": pooled}), words())
