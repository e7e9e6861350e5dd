"""A file remembers where the random draws were, dropout's too."""

import keras
import numpy as np

from mmzoo.training.draws import load_draws, save_draws


def model(*rates):
    return keras.Sequential([keras.Input((8,)), *(keras.layers.Dropout(rate, seed=i) for i, rate in enumerate(rates))])


def drawn(of, times=1):
    return [np.asarray(of(np.ones((4, 8), "float32"), training=True)) for _ in range(times)][-1]


def test_draws_go_on_where_they_were():
    first, second, store = model(0.5, 0.5), model(0.5, 0.5), {"0": np.zeros(3)}
    drawn(first, times=3)
    save_draws(first, store)
    assert store["draws"].tolist() == [[0, 3], [1, 3]]  # the seed, and how often it was drawn
    assert set(load_draws(second, store)) == {"0"}
    np.testing.assert_array_equal(drawn(second), drawn(first))


def test_a_model_without_draws_writes_none():
    store = {}
    save_draws(model(), store)
    assert store == {}


def test_a_model_that_draws_elsewhere_is_left_as_it_is():
    store = {}
    first, second = model(0.5), model(0.5, 0.5)
    drawn(first)
    save_draws(first, store)
    for saved in (store, {}):
        assert load_draws(second, saved) == {}
    assert [np.asarray(state).tolist() for state in second.variables] == [[0, 0], [1, 0]]
