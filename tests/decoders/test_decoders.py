"""Decoders against themselves step by step, against their equations in NumPy, and what they refuse."""

import keras
import numpy as np
import pytest
from keras import ops

from mmzoo.decoders import DECODERS, RecurrentDecoder, TransformerDecoder, build_decoder

RNG = np.random.default_rng(0)
MEMORY = RNG.normal(size=(3, 5, 7)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]], bool)
IDS = RNG.integers(0, 20, (3, 9)).astype("int32")
KINDS = ["transformer", "unimodal", "gru", "lstm"]


def decoder(kind, **options):
    if kind in ("gru", "lstm"):
        layer = RecurrentDecoder(20, 9, 16, cell=kind, **options)
        layer(IDS, MEMORY)
        return layer
    sizes = {"depth": 3, "num_heads": 2, "unimodal_depth": int(kind == "unimodal")}
    layer = TransformerDecoder(20, 9, 16, **sizes | options)
    layer(IDS, MEMORY)
    # As it starts it hardly tells one token from another.
    layer.set_weights([weight + 0.2 * RNG.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_steps_give_what_the_whole_gives(kind, mask):
    layer = decoder(kind)
    whole = numpy(layer(IDS, MEMORY, memory_mask=mask))
    assert whole.shape == (3, 9, 20)
    context = layer.read(ops.convert_to_tensor(MEMORY), None if mask is None else ops.convert_to_tensor(mask))
    logits, state = layer.step(IDS[:, :4], 0, context, layer.start(context))
    np.testing.assert_allclose(numpy(logits), whole[:, 3], atol=2e-6)
    for place in range(4, 9):
        logits, state = layer.step(IDS[:, place : place + 1], place, context, state)
        np.testing.assert_allclose(numpy(logits), whole[:, place], atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_may_share_a_memory(kind):
    layer = decoder(kind)
    context = layer.read(ops.convert_to_tensor(MEMORY), ops.convert_to_tensor(MASK))
    texts = RNG.integers(0, 20, (6, 1)).astype("int32")
    shared, _ = layer.step(texts, 0, context, layer.start(context, 2), 2)
    own = layer.read(*(ops.convert_to_tensor(np.repeat(x, 2, axis=0)) for x in (MEMORY, MASK)))
    expected, _ = layer.step(texts, 0, own, layer.start(own))
    np.testing.assert_allclose(numpy(shared), numpy(expected), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_mask_hides_changes_nothing(kind):
    layer = decoder(kind)
    other = np.where(MASK[:, :, None], MEMORY, 100 * RNG.normal(size=MEMORY.shape)).astype("float32")
    np.testing.assert_allclose(numpy(layer(IDS, MEMORY, MASK)), numpy(layer(IDS, other, MASK)), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_sees_those_before_it_alone(kind):
    layer = decoder(kind)
    later = IDS.copy()
    later[:, 5:] = (later[:, 5:] + 1) % 20
    np.testing.assert_array_equal(numpy(layer(IDS, MEMORY))[:, :5], numpy(layer(later, MEMORY))[:, :5])
    assert np.abs(numpy(layer(IDS, MEMORY))[:, 5:] - numpy(layer(later, MEMORY))[:, 5:]).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_attention_is_a_distribution_over_what_the_mask_shows(kind):
    _, attention = decoder(kind)(IDS, MEMORY, MASK, return_attention=True)
    assert attention.shape == (3, 9, 5)
    np.testing.assert_allclose(numpy(attention).sum(-1), 1, atol=1e-6)
    assert numpy(attention)[~np.repeat(MASK[:, None], 9, axis=1)].max() == 0


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_the_recurrent_decoder_is_its_equations():
    # Show, Attend and Tell: equations 1 to 7, 13, and the gate of section 4.2.1, with layer-normalised regions.
    layer = RecurrentDecoder(20, 9, 4, cell="lstm")
    whole = numpy(layer(IDS, MEMORY))
    weight = {variable.path.split("decoder/")[-1]: numpy(variable) for variable in layer.weights}
    weight = {path.split("/", 1)[-1] if path.startswith("recurrent_decoder") else path: x for path, x in weight.items()}

    def dense(name, x):
        return x @ weight[f"{name}/kernel"] + weight.get(f"{name}/bias", 0)

    regions = MEMORY - MEMORY.mean(-1, keepdims=True)
    regions = regions / np.sqrt((regions**2).mean(-1, keepdims=True) + 1e-5) + weight["memory/places"]
    hidden, cell = (np.tanh(dense(f"first_{name}", regions.mean(1))) for name in ("hidden", "cell"))
    for place in range(9):
        vector = weight["token_embedding/embeddings"][IDS[:, place]]
        scores = dense("score", np.tanh(dense("query", hidden)[:, None] + dense("keys", regions)))[..., 0]
        share = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        mixture = (share[:, :, None] * regions).sum(1) * sigmoid(dense("gate", hidden))
        gates = np.concatenate([vector, mixture], 1) @ weight["recurrent/kernel"]
        gates = gates + hidden @ weight["recurrent/recurrent_kernel"] + weight["recurrent/bias"]
        enter, forget, candidate, leave = np.split(gates, 4, axis=1)
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(candidate)
        hidden = sigmoid(leave) * np.tanh(cell)
        output = vector + dense("state_output", hidden) + dense("mixture_output", mixture)
        np.testing.assert_allclose(whole[:, place], output @ weight["token_embedding/embeddings"].T, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_back_from_its_configuration(kind):
    layer = decoder(kind, dropout=0.1)
    layer(IDS, MEMORY)
    again = type(layer).from_config(layer.get_config())
    again(IDS, MEMORY)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(numpy(layer(IDS, MEMORY)), numpy(again(IDS, MEMORY)))


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_gives_float32_logits(kind):
    layer = decoder(kind, dtype="mixed_float16")
    logits = layer(IDS, MEMORY, MASK)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert np.isfinite(numpy(logits)).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build_decoder("rnn", 20, 9, 16), "decoder must be one of transformer, gru, lstm, received 'rnn'"),
        (lambda: build_decoder(7, 20, 9, 16), "decoder must be a name or a layer of mmzoo.decoders, received int"),
        (
            lambda: TransformerDecoder(20, 9, 16, depth=2, unimodal_depth=2),
            "unimodal_depth must be at least 0 and below",
        ),
        (lambda: TransformerDecoder(20, 9, 16, num_heads=3), "width must be a positive multiple of num_heads"),
        (lambda: RecurrentDecoder(20, 9, 16, cell="rnn"), "cell must be one of lstm, gru, received 'rnn'"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_every_decoder_has_a_name():
    assert set(DECODERS) == {"transformer", "gru", "lstm"}
