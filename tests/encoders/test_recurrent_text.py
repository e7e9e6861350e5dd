"""Recurrent text encoders against torch's layers over packed texts."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_recurrent_text

GOLDEN = np.load(Path(__file__).parents[1] / "golden/recurrent.npz")
TOKENS = GOLDEN["token_ids"]
SIZES = {"vocab_size": 11, "context_length": 7, "width": 6}
CASES = {"lstm": {}, "gru": {"cell": "gru"}, "one_way": {"bidirectional": False}}
ORDER = {4: (0, 1, 2, 3), 3: (1, 0, 2)}  # of the gates: the same for an LSTM's four, z before r for a GRU's three


def in_keras_order(array, gates):
    parts = np.split(array, gates)
    return np.concatenate([parts[index] for index in ORDER[gates]])


def load(encoder, name):
    encoder.get_layer("token_embedding").set_weights([GOLDEN["table"]])
    for index in range(2):
        for way in ("", "_reverse")[: 1 if name == "one_way" else 2]:
            layer = encoder.get_layer(f"recurrent_{index}{way.replace('reverse', 'backward')}")
            gates = 3 if name == "gru" else 4
            kernel, recurrent, *biases = (
                in_keras_order(GOLDEN[f"{name}/{kind}_l{index}{way}"], gates)
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            layer.set_weights([kernel.T, recurrent.T, np.stack(biases) if name == "gru" else sum(biases)])


@pytest.mark.parametrize(("name", "pooling"), [("lstm", "last"), ("lstm", "max"), ("gru", "mean"), ("one_way", "last")])
def test_torch_s_weights_give_torch_s_states(name, pooling):
    encoder = build_recurrent_text(**SIZES, embedding_dim=5, depth=2, pooling=pooling, **CASES[name])
    load(encoder, name)
    outputs = encoder.predict({"token_ids": TOKENS}, verbose=0)
    np.testing.assert_allclose(outputs["sequence"], GOLDEN[f"{name}_sequence"], atol=2e-6)
    np.testing.assert_allclose(outputs["pooled"], GOLDEN[f"{name}_{pooling}"], atol=2e-6)
    np.testing.assert_array_equal(outputs["mask"], TOKENS > 0)


def test_an_end_token_ends_a_text_that_is_padded_with_itself():
    encoder = build_recurrent_text(**SIZES, mask_rule="after_first_eos", end_id=2, pad_id=None, pooling="last")
    tokens = np.array([[5, 6, 2, 2, 2, 2, 2], [5, 6, 2, 9, 8, 7, 0]], "int32")
    first, second = np.asarray(encoder({"token_ids": tokens})["pooled"])
    np.testing.assert_allclose(first, second, atol=1e-7)


def test_an_empty_text_is_read_as_one_pad():
    outputs = build_recurrent_text(**SIZES)({"token_ids": np.zeros((1, 7), "int32")})
    assert not np.asarray(outputs["mask"]).any()
    pooled, sequence = np.asarray(outputs["pooled"])[0], np.asarray(outputs["sequence"])[0]
    np.testing.assert_allclose(pooled, sequence[0], atol=1e-7)
    assert np.abs(pooled).max() > 0
    assert not sequence[1:].any()


def test_without_a_mask_rule_padding_is_read():
    outputs = build_recurrent_text(**SIZES, mask_rule="none")({"token_ids": np.zeros((1, 7), "int32")})
    assert np.asarray(outputs["mask"]).all()
    assert np.abs(np.asarray(outputs["sequence"])).min(axis=2).all()


def test_it_is_the_same_after_saving_and_loading(tmp_path):
    encoder = build_recurrent_text(**SIZES, pooling="last", cell="gru", dropout=0.1)
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    expected = encoder({"token_ids": TOKENS})
    for key, value in loaded({"token_ids": TOKENS}).items():
        np.testing.assert_array_equal(np.asarray(value), np.asarray(expected[key]))


def test_it_learns_the_last_token_in_a_fit():
    encoder = build_recurrent_text(**SIZES, pooling="last", bidirectional=False)
    model = keras.Model(encoder.input, keras.layers.Dense(11, activation="softmax")(encoder.output["pooled"]))
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    tokens = np.random.default_rng(0).integers(1, 11, (128, 7)).astype("int32")
    fitted = model.fit({"token_ids": tokens}, tokens[:, -1], epochs=15, verbose=0)
    assert fitted.history["accuracy"][-1] > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "rnn"}, "one of lstm, gru, received 'rnn'"),
        ({"pooling": "first"}, "one of mean, max, last, received 'first'"),
        ({"mask_rule": "zero"}, "none, pad_id, after_first_eos"),
        ({"mask_rule": "after_first_eos"}, "needs end_id"),
        ({"depth": 0}, "must be at least 1, received 11, 7, 6, 6, 0"),
    ],
)
def test_what_cannot_be_built_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build_recurrent_text(**SIZES | change)
