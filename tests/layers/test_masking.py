"""What is hidden, how much of it, and that it is the same each time where it must be."""

import numpy as np
import pytest

from mmzoo.layers import PatchMasking, TokenMasking

PAD, START, MASK, END = 0, 1, 2, 3
SPECIAL = (PAD, START, MASK, END)


def texts(rows, length, body, seed=0):
    """[start] body [end], then pads; the body holds ids from 4 to 39."""
    token_ids = np.full((rows, length), PAD, "int32")
    token_ids[:, 0], token_ids[:, 1 + body] = START, END
    token_ids[:, 1 : 1 + body] = np.random.default_rng(seed).integers(4, 40, (rows, body))
    return token_ids


def hide(token_ids, training=True, **options):
    layer = TokenMasking(MASK, 40, special_ids=SPECIAL, **options)
    return {name: np.asarray(value) for name, value in layer(token_ids, training=training).items()}


# BERT's released code hides max(1, round(0.15 n)) of n tokens: 0.15 * 20 = 3, 0.15 * 9 = 1.35, 0.15 * 1 = 0.15.
@pytest.mark.parametrize(("body", "expected"), [(20, 3), (9, 1), (1, 1), (0, 0)])
def test_of_a_text_s_tokens_its_share_is_hidden_and_at_least_one(body, expected):
    hidden = hide(texts(50, 30, body))
    assert hidden["positions"].shape == (50, 4)  # round(0.15 * 30)
    np.testing.assert_array_equal(hidden["counted"].sum(1), expected)


def test_special_tokens_and_padding_are_never_hidden_nor_put_in_by_chance():
    token_ids = texts(2000, 24, 20)
    hidden = hide(token_ids)
    tokens = hidden["tokens"][hidden["counted"]]
    assert not np.isin(tokens, SPECIAL).any()
    rows = np.repeat(np.arange(2000), hidden["counted"].sum(1))
    read = hidden["token_ids"][rows, hidden["positions"][hidden["counted"]]]
    assert set(read[np.isin(read, SPECIAL)].tolist()) == {MASK}
    others = read[(read != MASK) & (read != tokens)]
    assert set(others.tolist()) == set(range(4, 40))  # all ordinary tokens come, and no others


def test_four_fifths_become_the_mask_and_half_of_the_rest_stays():
    token_ids = texts(4000, 24, 20)
    hidden = hide(token_ids)
    counted, tokens = hidden["counted"], hidden["tokens"]
    np.testing.assert_array_equal(tokens, np.take_along_axis(token_ids, hidden["positions"], axis=1))
    read = np.take_along_axis(hidden["token_ids"], hidden["positions"], axis=1)
    # 12,000 draws: five standard deviations are 5 sqrt(0.8 * 0.2 / 12000) = 0.018 and 5 sqrt(0.1 * 0.9 / 12000) = 0.014.
    assert counted.sum() == 12000
    assert (read == MASK)[counted].mean() == pytest.approx(0.8, abs=0.018)
    # One of 36 random tokens is the one that stood there: 0.1 + 0.1 / 36.
    assert (read == tokens)[counted].mean() == pytest.approx(0.1 + 0.1 / 36, abs=0.014)
    # Each of the 20 places is hidden in 600 of 4,000 texts, five standard deviations are 5 sqrt(4000 * 0.15 * 0.85) = 113.
    places = np.bincount(hidden["positions"][counted], minlength=24)
    assert places[[0, 21, 22, 23]].sum() == 0
    np.testing.assert_allclose(places[1:21], 600, atol=113)


def test_what_is_not_hidden_stays():
    token_ids = texts(100, 24, 20)
    hidden = hide(token_ids)
    changed = np.zeros(token_ids.shape, bool)
    np.put_along_axis(changed, hidden["positions"], hidden["counted"], axis=1)
    np.testing.assert_array_equal(hidden["token_ids"][~changed], token_ids[~changed])


@pytest.mark.parametrize(
    ("layer", "batch"),
    [(TokenMasking(MASK, 40, special_ids=SPECIAL), texts(64, 24, 20)), (PatchMasking(16), np.zeros((64, 8, 8, 3)))],
)
def test_training_draws_anew_and_evaluation_does_not(layer, batch):
    def drawn(training):
        outputs = layer(batch, training=training)
        return np.asarray(outputs["positions"] if isinstance(outputs, dict) else outputs)

    np.testing.assert_array_equal(drawn(False), drawn(False))
    assert (drawn(True) != drawn(True)).any()
    again = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(np.asarray(drawn(False)), np.asarray(_first(again(batch, training=False))))


def _first(outputs):
    return outputs["positions"] if isinstance(outputs, dict) else outputs


# round(0.6 * 16) = 10, round(0.75 * 16) = 12; of two patches one is hidden whatever the rate.
@pytest.mark.parametrize(("patches", "rate", "expected"), [(16, 0.6, 10), (16, 0.75, 12), (2, 0.99, 1), (9, 0.01, 1)])
def test_each_picture_hides_the_same_number_of_patches(patches, rate, expected):
    mask = np.asarray(PatchMasking(patches, rate=rate)(np.zeros((50, 2, 2, 3)), training=True))
    assert mask.shape == (50, patches)
    np.testing.assert_array_equal(mask.sum(1), expected)


def test_patches_are_drawn_evenly():
    mask = np.asarray(PatchMasking(16, rate=0.5)(np.zeros((4000, 2, 2, 3)), training=True))
    # Five standard deviations of a share of 4,000: 5 sqrt(0.25 / 4000) = 0.04.
    np.testing.assert_allclose(mask.mean(0), 0.5, atol=0.04)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TokenMasking(2, 40, rate=1.0), "mask_rate must be above 0 and below 1, received 1.0"),
        (lambda: TokenMasking(40, 40), r"from 0 to 39, the ids of the vocabulary, received \[40\]"),
        (lambda: TokenMasking(0, 1), "above the 1 special tokens, received 1"),
        (lambda: PatchMasking(16, rate=0.0), "patch_mask_rate must be above 0 and below 1"),
        (lambda: PatchMasking(1), "at least 2 patches"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
