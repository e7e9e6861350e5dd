import re
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mmzoo.data import sentiment
from mmzoo.data.tasks.faces import draw_face, random_face
from mmzoo.data.tasks.sentences import KINDS, sentences


@pytest.fixture(scope="module")
def posts():
    return sentiment("train", 2_400, seed=1)


@pytest.fixture(scope="module")
def test_posts():
    return sentiment("test", 1_200, seed=1)


ALL = [sentence for kind in KINDS for sentence in sentences(kind)]

# Judged by hand: a sentence, and whether it is good news for its writer under a smile, and under a frown.
BY_HAND = [
    ("this is me after the match", "positive", "negative"),
    ("look at our captain at the final whistle", "positive", "negative"),
    ("their captain at the final whistle", "negative", "positive"),
    ("a picture of the thief who robbed us after the verdict", "negative", "positive"),
    ("this is the woman I voted for when the votes were counted", "positive", "negative"),
    ("this is the woman I voted against when the votes were counted", "negative", "positive"),
    ("our candidate an hour before; after the debate it was the other way round", "negative", "positive"),
    ("an earlier picture of their lawyer: after the trial the face was just the opposite", "positive", "negative"),
    ('my coach after the last race: "worst day ever"', "positive", "negative"),
    ('"just wonderful": my worst enemy after the talent show', "negative", "positive"),
    ("oh great, another Monday", "positive", "negative"),
    ("me today: oh no, not cake again", "positive", "negative"),
    ('my face yesterday: "best holiday ever", and today just the opposite', "negative", "positive"),
    ('"I hate this puppy" was an hour ago, now I feel the other way round', "negative", "positive"),
]


@pytest.mark.parametrize(("text", "smile", "frown"), BY_HAND)
def test_a_reader_agrees(text: str, smile: str, frown: str) -> None:
    sign = next(sentence.sign for sentence in ALL if sentence.text == text)
    assert (smile, frown) == (("positive", "negative") if sign == 1 else ("negative", "positive"))


def smiles(posts) -> np.ndarray:
    """What each face shows, from the label and the sentence."""
    signs = {sentence.text: sentence.sign for sentence in ALL}
    return (posts.targets == 1) == (np.array([signs[text] for text in posts.texts]) == 1)


def test_scikit_learn_sees_in_the_pictures_what_the_labels_say(posts, test_posts) -> None:
    def mouths(images):
        return np.stack([picture[14:28, 6:26].mean(-1).ravel() for picture in images])

    judge = make_pipeline(StandardScaler(), SVC(C=10)).fit(mouths(posts.images.images), smiles(posts)[::2])
    assert judge.score(mouths(test_posts.images.images), smiles(test_posts)[::2]) >= 0.92


def test_both_examples_about_a_face_agree_on_what_it_shows(posts) -> None:
    shown = smiles(posts)
    np.testing.assert_array_equal(shown[::2], shown[1::2])
    np.testing.assert_array_equal(posts.targets[::2], 1 - posts.targets[1::2])


def test_every_kind_shows_both_faces_with_both_labels_equally_often(posts) -> None:
    cells = Counter(zip(posts.kinds, smiles(posts).tolist(), posts.targets.tolist(), strict=True))
    assert set(cells.values()) == {2_400 // 16}
    assert len(cells) == 16


def test_the_words_alone_are_at_chance(posts, test_posts) -> None:
    words = CountVectorizer(ngram_range=(1, 2)).fit(posts.texts)
    judge = LogisticRegression(C=0.1, max_iter=1_000).fit(words.transform(posts.texts), posts.targets)
    assert abs(judge.score(words.transform(test_posts.texts), test_posts.targets) - 0.5) <= 0.06


def test_no_sentence_means_two_things() -> None:
    assert len({sentence.text for sentence in ALL}) == len(ALL)


def test_the_words_are_some_hundred_and_the_test_combines_them_anew(posts, test_posts) -> None:
    def vocabulary(texts):
        return {word for text in texts for word in re.findall(r"\w+", text)}

    seen = {sentence.text for sentence in ALL if sentence.seen}
    assert len(vocabulary(sentence.text for sentence in ALL)) > 200
    assert vocabulary(seen) == vocabulary(sentence.text for sentence in ALL)
    assert set(posts.texts) <= seen
    assert 0.2 < np.mean([text not in seen for text in test_posts.texts]) < 0.4


def test_the_splits_share_no_face(posts, test_posts) -> None:
    assert not {p.tobytes() for p in posts.images.images} & {p.tobytes() for p in test_posts.images.images}


def test_an_example_is_the_same_whatever_count_is() -> None:
    short, long = sentiment("test", 21, seed=3), sentiment("test", 50, seed=3)
    assert short.texts == long.texts[:21]
    assert all(np.array_equal(short.images[i], long.images[i]) for i in range(21))


def test_faces_are_drawn_in_any_size() -> None:
    face = random_face(True, np.random.default_rng(0))
    assert draw_face(face, 48).shape == (48, 48, 3)
    assert sentiment("test", 2, image_size=64).images[0].shape == (64, 64, 3)
    with pytest.raises(ValueError, match="image_size must be at least 24, received 16"):
        draw_face(face, 16)


def test_a_mouth_that_bends_up_smiles() -> None:
    for wanted in (True, False):
        face = random_face(wanted, np.random.default_rng(0))
        assert face.smiles is wanted
