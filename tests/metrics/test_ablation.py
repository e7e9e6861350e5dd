"""Models whose answers are known: what they lose when a modality is shuffled can be worked out by hand."""

import json

import keras
import numpy as np
import pytest

from mmzoo.metrics.ablation import modality_ablation

BRIGHT, WORD = np.repeat([0, 1], 20), np.tile([0, 1], 20)
X = {
    "images": np.broadcast_to(255.0 * BRIGHT[:, None, None, None], (40, 2, 2, 3)).astype("float32"),
    "token_ids": np.stack([WORD, np.zeros(40, int)], 1).astype("int32"),
}


def model_of(answer, **inputs):
    """A model that says class answer(bright, word), each 0 or 1, with certainty."""
    images = keras.Input((2, 2, 3), name="images")
    token_ids = keras.Input((2,), name="token_ids", dtype="int32")
    bright = images[:, 0, 0, :1] / 255
    second = answer(bright, keras.ops.cast(token_ids[:, :1], "float32"), *inputs.values())
    y = keras.ops.concatenate([1 - second, second], 1)
    return keras.Model({"images": images, "token_ids": token_ids, **inputs}, y)


def test_one_that_reads_the_text_alone_loses_nothing_by_shuffled_pictures():
    report = modality_ablation(model_of(lambda bright, word: word + 0 * bright), (X, WORD))
    assert report.value == 1
    assert report.images_shuffled == (1, 1, 1)
    assert max(report.texts_shuffled) < 0.8


def test_one_that_needs_both_falls_to_chance_with_either_shuffled():
    both = model_of(lambda bright, word: bright + word - 2 * bright * word)
    report = modality_ablation(both, (X, BRIGHT ^ WORD), repeats=20)
    assert (report.value, report.chance) == (1, 0.5)
    # With the picture of another example, drawn among the 39 others: 19 of them are like its own.
    assert np.mean(report.images_shuffled) == pytest.approx(19 / 39, abs=0.06)
    assert np.mean(report.texts_shuffled) == pytest.approx(19 / 39, abs=0.06)


def test_nobody_keeps_its_own():
    x = {"images": np.zeros((5, 2, 2, 3), "float32"), "token_ids": np.arange(10).reshape(5, 2)}
    seen = []

    class Watched:
        def predict(self, inputs, batch_size, verbose):
            seen.append(inputs["token_ids"][:, 0] // 2)
            return np.eye(2)[[0] * 5]

    modality_ablation(Watched(), (x, np.zeros(5, int)), repeats=10)
    for order in (each for each in seen if list(each) != [0, 1, 2, 3, 4]):
        assert not (order == np.arange(5)).any()
        assert sorted(order) == [0, 1, 2, 3, 4]
    assert len([each for each in seen if list(each) != [0, 1, 2, 3, 4]]) == 10


def test_the_seed_decides():
    both = model_of(lambda bright, word: bright + word - 2 * bright * word)
    reports = [modality_ablation(both, (X, BRIGHT ^ WORD), seed=seed) for seed in (3, 3, 4)]
    assert reports[0] == reports[1]
    assert reports[0] != reports[2]


def test_a_picture_takes_along_whether_it_is_present_and_other_inputs_stay():
    present, other = keras.Input((), name="image_present", dtype="bool"), keras.Input((1,), name="other")

    def answer(bright, word, present, other):
        return keras.ops.cast(present, "float32")[:, None] * bright + other + 0 * word

    model = model_of(answer, image_present=present, other=other)
    # Absent pictures are white: were the flag left behind, they would count.
    x = {"images": np.full((6, 2, 2, 3), 255.0), "token_ids": np.zeros((6, 2), int)}
    x |= {"image_present": np.zeros(6, bool), "other": np.array([[0.0], [0], [0], [1], [1], [1]])}
    x["images"][:3], x["image_present"][:3] = 0, True
    report = modality_ablation(model, (x, np.array([0, 0, 0, 1, 1, 1])))
    assert report.images_shuffled == (1, 1, 1)


def test_examples_bring_their_label_names():
    class Examples:
        label_names = ("dark", "bright", "never")

        def arrays(self, model):
            return X, BRIGHT

    with pytest.raises(ValueError, match="label_names must be 2"):
        modality_ablation(model_of(lambda bright, word: bright + 0 * word), Examples())


def test_a_regression_is_ablated_by_its_error():
    images, token_ids = keras.Input((2, 2, 3), name="images"), keras.Input((2,), name="token_ids", dtype="int32")
    y = images[:, 0, 0, :1] / 255 + 0 * keras.ops.cast(token_ids[:, :1], "float32")
    report = modality_ablation(keras.Model([images, token_ids], y), (X, BRIGHT.astype("float32")))
    assert (report.metric, report.value, report.chance) == ("mean_absolute_error", 0, 0.5)
    assert min(report.images_shuffled) > 0.2
    assert report.texts_shuffled == (0, 0, 0)


def test_soft_targets_are_ablated_by_what_the_first_guess_is_worth():
    class Examples:
        label_names = ("dark", "bright", "grey")

        def arrays(self, model):
            return X, np.stack([1 - BRIGHT, BRIGHT, np.full(40, 0.3)], 1).astype("float32")

    images, token_ids = keras.Input((2, 2, 3), name="images"), keras.Input((2,), name="token_ids", dtype="int32")
    bright = images[:, 0, 0, :1] / 255 + 0 * keras.ops.cast(token_ids[:, :1], "float32")
    # The right answer is the most probable, and under one half, as among thousands.
    answers = keras.ops.concatenate([0.4 - 0.2 * bright, 0.2 + 0.2 * bright, 0.3 + 0 * bright], 1)
    report = modality_ablation(keras.Model([images, token_ids], answers), Examples())
    assert (report.metric, report.value, report.chance) == ("top1", 1, 0.5)
    assert max(report.images_shuffled) < 0.8
    assert report.texts_shuffled == (1, 1, 1)


@pytest.mark.parametrize("head", ["hinge", None])
def test_shuffled_scores_are_counted_as_the_others_are(head):
    class Scores:
        """Those of the examples as they are lie about 0, those of any others in [0, 1]."""

        def predict(self, inputs, batch_size, verbose):
            as_they_are = (inputs["token_ids"] == X["token_ids"]).all() and (inputs["images"] == X["images"]).all()
            return np.where(WORD, 0.3, -0.3 if as_they_are else 0.0)[:, None]

    model = Scores()
    model.head = head
    report = modality_ablation(model, (X, WORD))
    assert (report.value, report.images_shuffled, report.texts_shuffled) == (1, (1, 1, 1), (1, 1, 1))


def test_a_hinge_score_decides_at_0_though_all_are_small():
    class Scores:
        head = "hinge"

        def predict(self, inputs, batch_size, verbose):
            return np.full((40, 1), 0.3)

    assert modality_ablation(Scores(), (X, np.ones(40, int))).value == 1


def test_table_and_json():
    report = modality_ablation(model_of(lambda bright, word: word + 0 * bright), (X, WORD), repeats=2)
    lines = str(report).splitlines()
    assert lines[0] == "40 examples, 2 shuffles"
    assert lines[2].split() == ["as", "it", "is", "1.0000", "1.0000", "1.0000"]
    record = json.loads(json.dumps(report.to_dict()))
    assert record["accuracy"] == record["images_shuffled"] == 1
    assert record["accuracy_chance"] == 0.5
    assert len(record["texts_shuffled_each"]) == 2


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        (X, {}, TypeError, "data must be Examples, or"),
        (([1, 2], [0, 1]), {}, TypeError, "data must be Examples, or"),
        (({"images": X["images"]}, WORD), {}, ValueError, "received none named token_ids"),
        ((X, WORD[:5]), {}, ValueError, "as many in each array"),
        (({name: each[:1] for name, each in X.items()}, WORD[:1]), {}, ValueError, "two examples or more"),
        ((X, WORD), {"repeats": 0}, ValueError, "at least 1, received 0"),
    ],
)
def test_a_mistake_gets_one_sentence(data, options, error, message):
    with pytest.raises(error, match=message):
        modality_ablation(model_of(lambda bright, word: word + 0 * bright), data, **options)
