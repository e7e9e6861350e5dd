import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from mmzoo.data.handwriting import DIGIT_NAMES, DIGIT_TEMPLATES, DIGIT_TEMPLATES_ZH, digit_captions, digits


@pytest.fixture(scope="module")
def train():
    return digits("train")


@pytest.fixture(scope="module")
def test():
    return digits("test")


def test_every_fifth_picture_is_a_test_picture(train, test):
    target = load_digits().target
    np.testing.assert_array_equal(test.labels, target[4::5])
    np.testing.assert_array_equal(train.labels, np.delete(target, np.s_[4::5]))
    assert (len(train), len(test)) == (1438, 359)


def test_pictures_are_rgb_of_32_pixels(train):
    assert train.images.shape == (1438, 32, 32, 3)
    assert train.images.dtype == np.uint8
    assert (train.images.min(), train.images.max()) == (0, 255)


def test_a_picture_shrunk_again_is_the_scanned_digit(test):
    ink = test.images[:, 4:28, 4:28, 0].reshape(-1, 8, 3, 8, 3).mean((2, 4))
    scanned = load_digits().images[4::5]
    assert np.corrcoef(ink.ravel(), scanned.ravel())[0, 1] > 0.98


def test_a_neighbour_in_train_names_a_test_digit(train, test):
    def small(pairs):
        return pairs.images[:, 4:28:2, 4:28:2, 0].reshape(len(pairs), -1).astype(np.float32)

    judge = KNeighborsClassifier(3).fit(small(train), train.labels)
    assert judge.score(small(test), test.labels) > 0.97


def test_captions_of_a_digit_name_it_and_no_other():
    for digit in range(10):
        for caption in digit_captions(digit):
            words = [name for name in DIGIT_NAMES if name in caption.split()]
            numerals = [character for character in caption if character.isdigit()]
            chinese = [character for character in caption if character in "零二三四五六七八九"]
            assert len(words) + len(numerals) + len(chinese) <= 1
            assert words in ([], [DIGIT_NAMES[digit]])
            assert numerals in ([], [str(digit)])


def test_the_captions_of_the_ten_digits_are_all_different():
    captions = [caption for digit in range(10) for caption in digit_captions(digit)]
    assert len(captions) == len(set(captions)) == 10 * 14


def test_seven_is_said_as_documented(test):
    row = test.captions[int(np.flatnonzero(test.labels == 7)[0])]
    assert row[0] == "a photo of the digit seven"
    assert "a handwritten 7" in row
    assert "数字七" in row


def test_every_template_has_one_place_for_the_name():
    for template in (*DIGIT_TEMPLATES, *DIGIT_TEMPLATES_ZH):
        assert template.count("{}") == 1
        assert template.format("seven") in digit_captions(7) or template.format("七") in digit_captions(7)


def test_a_mirrored_digit_is_no_digit(train):
    assert not train.augment.flip


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split must be 'train' or 'test', received 'validation'"):
        digits("validation")


def test_one_language_and_tags():
    english, chinese = digits("test", languages=("en",)), digits("test", languages=("zh",), tagged=True)
    assert english.captions[0] + chinese.captions[0] == digits("test").captions[0]
    assert len(english.captions[0]) == 8
    assert {caption.language for caption in chinese.captions[0]} == {"zh"}
    with pytest.raises(ValueError, match="language must be one of en, zh, received 'fr'"):
        digits(languages=("fr",))
