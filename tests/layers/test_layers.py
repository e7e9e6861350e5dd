"""What every layer of ours keeps: its configuration, the shape it announces, its .keras file, float16."""

import keras
import numpy as np
import pytest

from mmzoo import layers

SEQUENCE = np.random.default_rng(0).normal(size=(3, 5, 8)).astype("float32")
TOKENS = np.random.default_rng(0).integers(0, 11, (3, 5)).astype("int32")
PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype("float32")

CASES = {
    "attention": (lambda: layers.Attention(8, 2, causal=True), (SEQUENCE,)),
    "attention_pooling": (lambda: layers.AttentionPooling(8, 2), (SEQUENCE,)),
    "end_of_text_pooling": (lambda: layers.EndOfTextPooling(3), (SEQUENCE, TOKENS)),
    "image_normalization": (lambda: layers.ImageNormalization((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)), (PICTURES,)),
    "logit_scale": (lambda: layers.LogitScale(10.0, initial_bias=-10.0), (SEQUENCE[0],)),
    "mean_pooling": (lambda: layers.MeanPooling(), (SEQUENCE,)),
    "mlp": (lambda: layers.MLP(8, 16, activation="quick_gelu"), (SEQUENCE,)),
    "patch_embedding": (lambda: layers.PatchEmbedding(8, 4, mask_token=True), (PICTURES,)),
    "token_embedding": (lambda: layers.TokenEmbedding(11, 5, 8), (TOKENS,)),
    "stand_in": (lambda: layers.StandIn(), (PICTURES, np.array([True, False, True]))),
    "transformer_block": (lambda: layers.TransformerBlock(8, 2, norm="post", depth=3), (SEQUENCE,)),
}


@pytest.fixture(params=CASES)
def case(request):
    make, inputs = CASES[request.param]
    return make(), inputs


def test_config_round_trip(case):
    layer, _ = case
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_announces_its_output_shape(case):
    layer, inputs = case
    announced = layer.compute_output_shape(*(value.shape for value in inputs))
    assert tuple(layer(*inputs).shape) == tuple(announced)


def test_survives_a_keras_file(case, tmp_path):
    layer, inputs = case
    symbols = [keras.Input(value.shape[1:], dtype=value.dtype) for value in inputs]
    model = keras.Model(symbols, layer(*symbols))
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(np.asarray(loaded(list(inputs))), np.asarray(model(list(inputs))))


def test_is_finite_in_half_precision(case):
    layer, inputs = case
    config = layer.get_config()
    config["dtype"] = "mixed_float16"
    output = type(layer).from_config(config)(*inputs)
    assert np.isfinite(np.asarray(keras.ops.cast(output, "float32"))).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Attention(8, 3), "multiple of num_heads"),
        (lambda: layers.MLP(8, 0), "at least 1"),
        (lambda: layers.MLP(8, 8, activation="selu"), "gelu, gelu_tanh, quick_gelu"),
        (lambda: layers.TransformerBlock(8, 2, norm="middle"), "'pre' or 'post'"),
        (lambda: layers.ImageNormalization((0.5,), (0.0,)), "std above 0"),
        (lambda: layers.LogitScale(200.0), "at most maximum=100"),
        (lambda: layers.PatchEmbedding(8, 300)(PICTURES), "at least patch_size=300"),
        (lambda: layers.PatchEmbedding(8, 4)(PICTURES, np.ones((3, 4), bool)), "mask_token=True"),
        (lambda: layers.TokenEmbedding(11, 4, 8)(TOKENS), r"\(B, 4\)"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_image_normalization_by_hand():
    layer = layers.ImageNormalization((0.5, 0.5, 0.5), (0.25, 0.5, 1.0))
    pixels = np.full((1, 1, 1, 3), 255, "uint8")
    np.testing.assert_allclose(np.asarray(layer(pixels)).ravel(), [2.0, 1.0, 0.5], rtol=1e-6)


def test_activations_by_hand():
    x = np.array([-1.0, 0.0, 2.0], "float32")
    np.testing.assert_allclose(np.asarray(layers.gelu(x)), [-0.15865525, 0.0, 1.9544997], atol=1e-6)
    np.testing.assert_allclose(np.asarray(layers.quick_gelu(x)), [-0.15420423, 0.0, 1.9356585], atol=1e-6)
    np.testing.assert_allclose(np.asarray(layers.gelu_tanh(x)), [-0.15880801, 0.0, 1.9545977], atol=1e-6)


def test_end_of_text_is_the_first_end_token_or_the_highest_id():
    token_ids = np.array([[1, 9, 2, 9], [5, 0, 0, 0]], "int32")
    sequence = np.arange(8, dtype="float32").reshape(2, 4, 1)
    assert np.asarray(layers.EndOfTextPooling(9)(sequence, token_ids)).ravel().tolist() == [1.0, 4.0]
    assert np.asarray(layers.EndOfTextPooling()(sequence, token_ids)).ravel().tolist() == [1.0, 4.0]
    assert np.asarray(layers.EndOfTextPooling(2)(sequence, token_ids)).ravel().tolist() == [2.0, 4.0]


def test_mean_pooling_counts_only_what_the_mask_shows():
    mask = np.array([[True, True, False, False, False], [False] * 5, [True] * 5])
    pooled = np.asarray(layers.MeanPooling()(SEQUENCE, mask))
    np.testing.assert_allclose(pooled, [SEQUENCE[0, :2].mean(0), np.zeros(8), SEQUENCE[2].mean(0)], atol=1e-6)


def test_patches_are_read_row_by_row_and_hidden_ones_replaced():
    layer = layers.PatchEmbedding(8, 4, class_token=False, mask_token=True)
    plain = np.asarray(layer(PICTURES))
    swapped = PICTURES.copy()
    swapped[:, :4, 4:] += 100  # the second patch of the first row
    changed = np.abs(np.asarray(layer(swapped)) - plain).max(axis=(0, 2)) > 0
    assert changed.tolist() == [False, True, False, False]
    hidden = np.zeros((3, 4), bool)
    hidden[:, 1] = True
    np.testing.assert_array_equal(np.asarray(layer(swapped, hidden)), np.asarray(layer(PICTURES, hidden)))


def test_logit_scale_never_passes_its_maximum():
    layer = layers.LogitScale(99.0)
    layer.build()
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.apply([keras.ops.convert_to_tensor(-5.0)], [layer.log_scale])
    assert float(np.exp(layer.log_scale)) == pytest.approx(100.0, rel=1e-6)
