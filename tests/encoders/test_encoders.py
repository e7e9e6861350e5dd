"""The contract that every encoder keeps."""

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_convnet, build_text_transformer, build_vit

VIT = {"image_size": 8, "patch_size": 4, "width": 8, "depth": 2, "num_heads": 2}
TEXT = {"vocab_size": 11, "context_length": 5, "width": 8, "depth": 2, "num_heads": 2}
TOKENS = np.array([[1, 4, 5, 2, 0], [1, 2, 0, 0, 0], [1, 4, 6, 7, 2]], "int32")
PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype("uint8")

IMAGE = {
    "vit": lambda: build_vit(**VIT),
    "vit_mean": lambda: build_vit(**VIT, pooling="mean", norm_first=False, patch_bias=True),
    "vit_attention": lambda: build_vit(**VIT, pooling="attention"),
    "convnet": lambda: build_convnet(image_size=8, widths=(4, 8)),
}
TEXTS = {
    "clip": lambda: build_text_transformer(**TEXT, end_id=2),
    "siglip": lambda: build_text_transformer(**TEXT, causal=False, pooling="last"),
    "mean": lambda: build_text_transformer(**TEXT, causal=False, pooling="mean", mask_rule="pad_id", pad_id=0),
    "first": lambda: build_text_transformer(
        **TEXT, causal=False, pooling="first", mask_rule="after_first_eos", end_id=2
    ),
}


@pytest.mark.parametrize("name", IMAGE)
def test_image_encoder_contract(name):
    outputs = IMAGE[name]()({"images": PICTURES})
    assert {key: tuple(value.shape) for key, value in outputs.items()} == {"sequence": (3, 4, 8), "pooled": (3, 8)}


@pytest.mark.parametrize("name", TEXTS)
def test_text_encoder_contract(name):
    outputs = TEXTS[name]()({"token_ids": TOKENS})
    shapes = {key: tuple(value.shape) for key, value in outputs.items()}
    assert shapes == {"sequence": (3, 5, 8), "pooled": (3, 8), "mask": (3, 5)}


@pytest.mark.parametrize("name", IMAGE | TEXTS)
def test_encoder_survives_a_keras_file(name, tmp_path):
    encoder = (IMAGE | TEXTS)[name]()
    inputs = {"images": PICTURES} if name in IMAGE else {"token_ids": TOKENS}
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    for key, expected in encoder(inputs).items():
        np.testing.assert_array_equal(np.asarray(loaded(inputs)[key]), np.asarray(expected))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("none", [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]]),
        ("pad_id", [[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]]),
        ("after_first_eos", [[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]]),
    ],
)
def test_mask_rules(rule, expected):
    encoder = build_text_transformer(**TEXT, mask_rule=rule, pad_id=0, end_id=2, pooling="mean")
    assert np.asarray(encoder({"token_ids": TOKENS})["mask"]).astype(int).tolist() == expected


@pytest.mark.parametrize(("rule", "all_padding"), [("none", 1), ("pad_id", 0), ("after_first_eos", 1)])
def test_a_text_that_is_pooled_at_its_end_ends_there(rule, all_padding):
    encoder = build_text_transformer(**TEXT, mask_rule=rule, pad_id=0, end_id=2)
    token_ids = np.array([[1, 4, 5, 2, 0], [1, 2, 7, 2, 1], [1, 4, 6, 7, 9], [0, 0, 0, 0, 0]], "int32")
    expected = [[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [all_padding] * 5]
    if rule == "pad_id":
        token_ids[1, 2:] = 0
    assert np.asarray(encoder({"token_ids": token_ids})["mask"]).astype(int).tolist() == expected


def test_without_an_end_id_a_text_ends_at_its_highest_id():
    encoder = build_text_transformer(**TEXT)
    token_ids = np.array([[1, 4, 10, 0, 0], [1, 10, 10, 10, 10], [0, 0, 0, 0, 0]], "int32")
    expected = [[1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]]
    assert np.asarray(encoder({"token_ids": token_ids})["mask"]).astype(int).tolist() == expected


@pytest.mark.parametrize("name", ["mean", "first", "clip"])
def test_padding_changes_nothing(name):
    encoder = TEXTS[name]()
    other = TOKENS.copy()
    # after the first end token anything may stand, except where the pad id itself says what padding is
    other[1, 2:] = TOKENS[1, 2:] if name == "mean" else 7
    pooled = np.asarray(encoder({"token_ids": TOKENS})["pooled"])
    np.testing.assert_allclose(np.asarray(encoder({"token_ids": other})["pooled"]), pooled, atol=1e-6)
    embedding = encoder.get_layer("token_embedding")
    embedding.positions.assign(np.concatenate([np.asarray(embedding.positions)[:2], 9 * np.ones((3, 8))]))
    np.testing.assert_allclose(np.asarray(encoder({"token_ids": TOKENS})["pooled"])[1], pooled[1], atol=1e-6)


def test_hidden_patches_cannot_be_seen():
    encoder = build_vit(**VIT, mask_token=True)
    hidden = np.array([[True, False, False, False]] * 3)
    other = PICTURES.copy()
    other[:, :4, :4] = 0
    expected = np.asarray(encoder({"images": PICTURES, "patch_mask": hidden})["pooled"])
    np.testing.assert_array_equal(np.asarray(encoder({"images": other, "patch_mask": hidden})["pooled"]), expected)
    none = np.zeros((3, 4), bool)
    assert np.abs(np.asarray(encoder({"images": PICTURES, "patch_mask": none})["pooled"]) - expected).max() > 1e-4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build_vit(**VIT | {"image_size": 3}), "at least patch_size=4"),
        (lambda: build_vit(**VIT, pooling="max"), "'class_token', 'mean' or 'attention'"),
        (lambda: build_convnet(image_size=10, widths=(4, 8)), "multiple of 4"),
        (lambda: build_convnet(widths=()), "at least 1"),
        (lambda: build_text_transformer(**TEXT, pooling="middle"), "end_of_text, last, first, mean"),
        (lambda: build_text_transformer(**TEXT, mask_rule="zero"), "none, pad_id, after_first_eos"),
        (lambda: build_text_transformer(**TEXT, mask_rule="pad_id"), "needs pad_id"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
