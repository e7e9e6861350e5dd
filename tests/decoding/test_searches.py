"""Searches against all the texts there are, against each other, and against what their options promise."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from mmzoo.decoders import build_decoder
from mmzoo.decoding import Decoding, Prompts, beam_search, draw, single_search

VOCABULARY, ROWS, PAD, END, START = 5, 3, 0, 1, 2
MEMORY = np.random.default_rng(0).normal(size=(ROWS, 4, 7)).astype("float32")


@pytest.fixture(scope="module", params=["transformer", "gru"])
def decoder(request):
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(3)
    sizes = {"depth": 2, "num_heads": 2} if request.param == "transformer" else {}
    layer = build_decoder(request.param, VOCABULARY, 8, 16, **sizes)
    layer(np.zeros((ROWS, 8), "int32"), MEMORY)
    layer.set_weights([2 * weight + 0.3 * rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def prompts(max_tokens=4, starts=((START,),) * ROWS, allowed=None):
    longest = max(map(len, starts))
    ids = np.array([[*start, *[PAD] * (longest - len(start))] for start in starts], "int32")
    lengths = np.array([len(start) for start in starts], "int32")
    allowed = np.ones(VOCABULARY, bool) if allowed is None else allowed
    return Prompts(ids, lengths, int(lengths.min()), max_tokens, allowed, END, PAD)


def search(decoder, asked, options=None, rows=slice(None), noise=None):
    options = options or Decoding()
    context = decoder.read(ops.convert_to_tensor(MEMORY[rows]))
    if options.strategy == "beam":
        found = beam_search(decoder, context, asked, options)
    else:
        found = single_search(decoder, context, asked, options, noise)
    return {name: ops.convert_to_numpy(each) for name, each in found.items()}


def log_probabilities(decoder, ids, row):
    """Of each next token of rows of ids, all about one memory, without a cache."""
    logits = decoder(ids[:, :-1].astype("int32"), np.repeat(MEMORY[row : row + 1], len(ids), axis=0))
    scores = ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))
    return np.take_along_axis(scores, ids[:, 1:, None], axis=2)[:, :, 0]


def all_texts(most):
    """Every text of at most so many tokens that ends, or is as long as may be."""
    for length in range(1, most + 1):
        for text in itertools.product(range(VOCABULARY), repeat=length):
            if END not in text[:-1] and (text[-1] == END or length == most):
                yield text


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0, -0.5])
def test_beams_wide_enough_find_the_best_of_all_texts(decoder, length_penalty):
    options = Decoding("beam", num_beams=VOCABULARY**3, length_penalty=length_penalty)
    found = search(decoder, prompts(), options)
    texts = list(all_texts(4))
    ids = np.full((len(texts), 5), PAD)
    ids[:, 0] = START
    for place, text in enumerate(texts):
        ids[place, 1 : 1 + len(text)] = text
    lengths = np.array([len(text) for text in texts])
    for row in range(ROWS):
        scores = log_probabilities(decoder, ids, row)
        sums = (scores * (np.arange(4) < lengths[:, None])).sum(1)
        best = np.argsort(-sums / lengths**length_penalty)[:3]
        np.testing.assert_array_equal(found["token_ids"][row, :3], ids[best])
        np.testing.assert_allclose(found["log_probabilities"][row, :3], sums[best], atol=1e-5)
        np.testing.assert_allclose(found["scores"][row, :3], (sums / lengths**length_penalty)[best], atol=1e-5)


def test_greedy_takes_the_likeliest_each_time_as_without_a_cache(decoder):
    found = search(decoder, prompts(6))
    for row, ids in enumerate(found["token_ids"]):
        text = [START]
        while len(text) < 7 and text[-1] != END:
            padded = np.array([text + [PAD] * (7 - len(text))], "int32")
            logits = ops.convert_to_numpy(decoder(padded, MEMORY[row : row + 1]))
            text.append(int(logits[0, len(text) - 1].argmax()))
        assert ids.tolist() == text + [PAD] * (7 - len(text))
        scores = log_probabilities(decoder, ids[None], row)[0, : len(text) - 1]
        assert found["log_probabilities"][row] == pytest.approx(scores.sum(), abs=1e-5)


@pytest.mark.parametrize("options", [{}, {"repetition_penalty": 1.5}, {"min_tokens": 3}])
def test_one_beam_is_greedy(decoder, options):
    greedy = search(decoder, prompts(6), Decoding(**options))
    beam = search(decoder, prompts(6), Decoding("beam", num_beams=1, **options))
    np.testing.assert_array_equal(beam["token_ids"][:, 0], greedy["token_ids"])
    np.testing.assert_allclose(beam["log_probabilities"][:, 0], greedy["log_probabilities"], atol=1e-5)


def test_one_beams_score_has_the_repetition_penalty_and_the_length_as_several_beams_have(decoder):
    one, two = (
        search(decoder, prompts(6), Decoding("beam", num_beams=beams, repetition_penalty=1.5, length_penalty=0.7))
        for beams in (1, 2)
    )
    same = [row for row in range(len(two["token_ids"])) if (one["token_ids"][row, 0] == two["token_ids"][row, 0]).all()]
    assert same
    np.testing.assert_allclose(one["scores"][same, 0], two["scores"][same, 0], atol=1e-5)


@pytest.mark.parametrize("strategy", ["greedy", "beam", "sample"])
def test_prompts_of_several_lengths_go_on_as_each_alone(decoder, strategy):
    starts = ((START,), (START, 4, 3), (START, 3))
    noise = np.random.default_rng(5).random((ROWS, 4), "float32")
    options = Decoding(strategy, num_beams=2)
    together = search(decoder, prompts(starts=starts), options, noise=noise if strategy == "sample" else None)
    for row, start in enumerate(starts):
        given = noise[row : row + 1] if strategy == "sample" else None
        alone = search(decoder, prompts(starts=(start,)), options, slice(row, row + 1), given)
        expected = alone["token_ids"][0]
        np.testing.assert_array_equal(together["token_ids"][row][..., : expected.shape[-1]], expected)
        np.testing.assert_allclose(together["log_probabilities"][row], alone["log_probabilities"][0], atol=1e-5)


@pytest.mark.parametrize("strategy", ["greedy", "beam"])
def test_options_keep_their_promise(decoder, strategy):
    def written(asked=None, **options):
        ids = search(decoder, asked or prompts(6), Decoding(strategy, **options))["token_ids"]
        return ids[:, 0] if strategy == "beam" else ids

    for ids in written(min_tokens=3):
        assert END not in ids[1:4]
    only = np.isin(np.arange(VOCABULARY), [END, 3])
    assert set(np.unique(written(prompts(6, allowed=only))[:, 1:])) <= {PAD, END, 3}


def test_what_is_there_is_not_said_again(decoder):
    allowed = ~np.isin(np.arange(VOCABULARY), [END, PAD])
    found = search(decoder, prompts(4, allowed=allowed), Decoding(repetition_penalty=1e4))
    assert all(len(set(ids[:3].tolist())) == 3 for ids in found["token_ids"])


@pytest.mark.parametrize("strategy", ["greedy", "beam", "sample"])
def test_nothing_may_be_written(decoder, strategy):
    noise = np.zeros((ROWS, 1), "float32") if strategy == "sample" else None
    found = search(decoder, prompts(0), Decoding(strategy), noise=noise)
    ids = found["token_ids"][:, 0] if strategy == "beam" else found["token_ids"]
    np.testing.assert_array_equal(ids, np.full((ROWS, 1), START))
    assert found["log_probabilities"].max() == 0


def test_an_end_at_once_is_a_text_of_nothing(decoder):
    only_end = np.arange(VOCABULARY) == END
    np.testing.assert_array_equal(
        search(decoder, prompts(allowed=only_end))["token_ids"], [[START, END, 0, 0, 0]] * ROWS
    )


def empirical(scores, options, count=20_000):
    uniform = np.random.default_rng(0).random(count, "float32")
    tokens = draw(np.repeat(scores[None], count, axis=0), uniform, options)
    return np.bincount(ops.convert_to_numpy(tokens), minlength=len(scores))


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"top_k": 3}, [4, 1, 0]),
        ({"top_p": 0.7}, [4, 1, 0]),
        ({"top_p": 0.5}, [4, 1]),
        ({"top_p": 1e-6}, [4]),
        ({"top_k": 2, "top_p": 0.9}, [4, 1]),
        ({"temperature": 2.0}, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_samples_are_distributed_as_promised(options, kept):
    from scipy.stats import chisquare

    probabilities = np.array([0.15, 0.25, 0.1, 0.08, 0.35, 0.07])
    counts = empirical(np.log(probabilities).astype("float32"), Decoding("sample", **options))
    expected = np.zeros(6)
    expected[kept] = probabilities[kept] ** (1 / options.get("temperature", 1))
    expected *= counts.sum() / expected.sum()
    assert counts[expected == 0].sum() == 0
    if len(kept) > 1:
        assert chisquare(counts[kept], expected[kept]).pvalue > 0.01


def test_what_is_impossible_is_never_drawn():
    scores = np.log(np.array([0.2, 0.3, 0.5])).astype("float32")
    scores[[0, 2]] = -1e9
    for uniform in (0.0, 0.5, np.nextafter(np.float32(1), np.float32(0))):
        assert int(draw(scores[None], np.array([uniform], "float32"), Decoding("sample"))[0]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "best"}, "strategy must be one of greedy, beam, sample, received 'best'"),
        ({"num_beams": 0}, "num_beams must be an integer from 1, received 0"),
        ({"top_k": 0}, "top_k must be an integer from 1, received 0"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, received 0.0"),
        ({"temperature": 0.0}, "temperature must be above 0, received 0.0"),
        ({"length_penalty": float("nan")}, "length_penalty must be finite, received nan"),
        ({"num_returned": 2}, "num_returned must be at most 1 with strategy='greedy', received 2"),
        ({"strategy": "beam", "num_returned": 5}, "num_returned must be at most 4"),
        ({"min_tokens": True}, "min_tokens must be an integer from 0, received True"),
    ],
)
def test_bad_numbers_get_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        Decoding(**options)
