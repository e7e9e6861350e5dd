"""Losses of what was hidden, against torch's and transformers' (see tests/golden/make_losses.py), and by hand."""

import math

import numpy as np
import pytest

from mmzoo.layers import PatchEmbedding
from mmzoo.losses import masked_image_loss, masked_mean, masked_token_accuracy, masked_token_loss


def test_masked_tokens_equal_torch(golden):
    loss = masked_token_loss(golden["token_logits"], golden["token_ids"], golden["token_masked"])
    assert float(loss) == pytest.approx(float(golden["token_loss"]), rel=1e-5)


def test_masked_tokens_by_hand():
    logits = np.log(np.array([[[1, 3], [1, 1], [7, 1]]], "float32"))
    # Hidden are the first, right with 3/4, and the last, wrong with 7/8.
    token_ids, masked = np.array([[1, 0, 1]]), np.array([[True, False, True]])
    assert float(masked_token_loss(logits, token_ids, masked)) == pytest.approx(
        (math.log(4 / 3) + math.log(8)) / 2, rel=1e-6
    )
    assert float(masked_token_accuracy(logits, token_ids, masked)) == 0.5


def test_nothing_hidden_costs_nothing(gradient):
    logits, token_ids = np.ones((2, 3, 4), "float32"), np.zeros((2, 3), "int32")
    nothing = np.zeros((2, 3), bool)
    value, slope = gradient(lambda x: masked_token_loss(x, token_ids, nothing), logits)
    assert value == 0
    np.testing.assert_array_equal(slope, 0)
    assert float(masked_token_accuracy(logits, token_ids, nothing)) == 0
    pixels, images = np.ones((1, 4, 12), "float32"), np.zeros((1, 4, 4, 3))
    value, slope = gradient(lambda x: masked_image_loss(x, images, np.zeros((1, 4)), patch_size=2), pixels)
    assert value == 0
    np.testing.assert_array_equal(slope, 0)


def test_what_is_not_masked_may_be_anything(gradient):
    losses, masked = np.array([1, np.nan, 3], "float32"), np.array([True, False, True])
    assert float(masked_mean(losses, masked)) == 2
    token_ids = np.array([[0, -1]])  # -1 as torch's -100: nothing to guess
    logits = np.zeros((1, 2, 2), "float32")
    value, slope = gradient(lambda x: masked_token_loss(x, token_ids, token_ids >= 0), logits)
    assert value == pytest.approx(math.log(2), rel=1e-6)
    np.testing.assert_allclose(slope, [[[-0.5, 0.5], [0, 0]]], atol=1e-7)


@pytest.mark.parametrize(
    ("name", "options"),
    [("mae", {}), ("mae_plain", {"normalize": False}), ("simmim", {"normalize": False, "norm": "l1"})],
)
def test_masked_images_equal_transformers(golden, name, options):
    loss = masked_image_loss(
        golden[f"{name}_pixels"], golden["images"], golden[f"{name}_mask"], patch_size=4, **options
    )
    assert float(loss) == pytest.approx(float(golden[f"{name}_loss"]), rel=1e-5)


def test_masked_images_by_hand():
    images = np.full((1, 2, 4, 1), 255.0)  # two patches of 2 x 2, all 1 in [-1, 1]
    pixels = np.array([[[0, 1, 1, 0.5], [9, 9, 9, 9]]], "float32")
    mask = np.array([[True, False]])
    plain = {"patch_size": 2, "normalize": False}
    assert float(masked_image_loss(pixels, images, mask, **plain)) == pytest.approx((1 + 0.25) / 4)
    assert float(masked_image_loss(pixels, images, mask, norm="l1", **plain)) == pytest.approx((1 + 0.5) / 4)
    # An even patch is 0 when normalised.
    assert float(masked_image_loss(pixels, images, mask, patch_size=2)) == pytest.approx((2 + 0.25) / 4)


def test_patches_are_cut_as_patch_embedding_cuts_them():
    images = (
        np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3)).astype("float32")
    )  # a row and a column are left over
    layer = PatchEmbedding(12, 2, use_bias=False, class_token=False)
    layer.build(images.shape)
    layer.projection.kernel.assign(np.eye(12).reshape(2, 2, 3, 12))  # each number of a patch, row by row, channels last
    layer.positions.assign(np.zeros(layer.positions.shape))
    cut = layer(images / 127.5 - 1)
    mask = np.ones((2, 12), bool)
    assert float(masked_image_loss(cut, images, mask, patch_size=2, normalize=False)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_extreme_guesses_have_a_loss_and_a_gradient(gradient, dtype):
    logits = np.array([[[-1e4, 1e4], [1e4, -1e4]]], dtype)
    mask = np.ones((1, 2), bool)
    for value, slope in (
        gradient(lambda x: masked_token_loss(x, np.array([[0, 1]]), mask), logits),
        gradient(
            lambda x: masked_image_loss(x, np.zeros((1, 2, 2, 1)), mask[:, :1], patch_size=2), logits.reshape(1, 1, 4)
        ),
    ):
        assert np.isfinite(value)
        assert value > 1e4
        assert np.isfinite(slope).all()


IMAGES, PIXELS, MASK = np.zeros((1, 4, 4, 3)), np.zeros((1, 4, 12)), np.ones((1, 4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: masked_mean(np.zeros((2, 3)), np.ones(3)), r"masked must have shape \(2, 3\), received \(3,\)"),
        (lambda: masked_token_loss(np.zeros((1, 2, 3)), np.zeros((1, 3)), np.ones((1, 2))), r"shape \(1, 2\)"),
        (lambda: masked_token_accuracy(np.zeros((1, 2, 3)), np.zeros((1, 3)), np.ones((1, 2))), r"shape \(1, 2\)"),
        (lambda: masked_image_loss(PIXELS, IMAGES, MASK, patch_size=2, norm="l3"), "l2, l1, received 'l3'"),
        (lambda: masked_image_loss(PIXELS, IMAGES, MASK, patch_size=5), "between 1 and the 4 x 4 .* received 5"),
        (lambda: masked_image_loss(PIXELS, IMAGES, MASK, patch_size=0), "received 0"),
        (
            lambda: masked_image_loss(PIXELS, IMAGES, MASK, patch_size=4),
            r"pixels must have shape .* received \(1, 4, 12\)",
        ),
        (lambda: masked_image_loss(PIXELS, IMAGES, MASK[:, :3], patch_size=2), r"masked must have shape .*\(1, 3\)"),
        (lambda: masked_image_loss(PIXELS, IMAGES[0], MASK, patch_size=2), r"\(B, H, W, C\)"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
