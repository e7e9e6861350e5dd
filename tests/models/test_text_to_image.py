"""A generator and a discriminator that learn from one another, at tiny widths."""

import itertools
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from mmzoo import (
    Checkpoint,
    Tokenizer,
    build_clip,
    build_convnet,
    build_recurrent_text,
    build_text_to_image,
    load,
)
from mmzoo.data import Pairs, batches

TENSORFLOW = keras.backend.backend() == "tensorflow"
SIZE, COUNT = 32, 16
WORDS = [f"a {colour} {shape}" for colour in ("red", "green", "blue") for shape in ("disc", "ring", "bar")]
TOKENIZER = Tokenizer.train(WORDS, 280)
PICTURES = np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8)
IDS = TOKENIZER([WORDS[index % len(WORDS)] for index in range(COUNT)], 12)
DATA = {"images": PICTURES, "token_ids": IDS, "mismatched_ids": np.roll(IDS, 1, axis=0)}


def text_encoder():
    return build_recurrent_text(
        vocab_size=TOKENIZER.vocab_size, context_length=12, width=6, mask_rule="pad_id", pad_id=TOKENIZER.pad_id
    )


def build_small_clip():
    return build_clip(
        image_encoder=build_convnet(image_size=SIZE, widths=(4, 4, 4)),
        text_encoder=text_encoder(),
        tokenizer=TOKENIZER,
        embed_dim=8,
    )


@pytest.fixture(scope="module")
def small_clip():
    keras.utils.set_random_seed(5)
    return build_small_clip()


def build(clip, seed=0, **options):
    keras.utils.set_random_seed(seed)
    model = build_text_to_image(clip, width=2, noise_dim=4, penalty_every=2, **options)
    model.compile(keras.optimizers.Adam(1e-3, beta_1=0.0), keras.optimizers.Adam(2e-3, beta_1=0.0))
    return model


def train(model, epochs, *callbacks, data=DATA):
    model.run_eagerly = epochs == 1 and TENSORFLOW  # tracing takes longer than a step or two
    return model.fit(data, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks))


def weights(model):
    """By place and name, without the numbers that Keras gives to the second of a name."""
    variables = [*model.variables, *model.optimizer.variables]
    return {(index, variable.name): variable.numpy() for index, variable in enumerate(variables)}


def assert_same(first, second):
    assert first.keys() == second.keys()
    assert [name for name in first if not np.array_equal(first[name], second[name])] == []


# Every pair of a discriminator, a loss, guidance, attention to words and augmentation is in one of them.
CHOICES = {
    "discriminator": ("conv", "clip"),
    "loss": ("bce", "hinge", "relativistic"),
    "guidance": (0.0, 1.5),
    "word_attention": (False, True),
    "augmentation": (None, {"flip": True, "translation": 0.2, "cutout": 0.2, "brightness": 0.1}),
}
PAIRWISE = [
    ("conv", "bce", 0.0, False, 0),
    ("clip", "bce", 1.5, True, 1),
    ("conv", "hinge", 0.0, True, 1),
    ("clip", "hinge", 1.5, False, 0),
    ("conv", "relativistic", 1.5, False, 1),
    ("clip", "relativistic", 0.0, True, 0),
]


def options_of(row):
    options = dict(zip(CHOICES, row, strict=True))
    return options | {"augmentation": CHOICES["augmentation"][row[-1]]}


def test_every_pair_of_choices_is_tried():
    tried = [options_of(row) for row in PAIRWISE]
    for (first, ones), (second, others) in itertools.combinations(CHOICES.items(), 2):
        for one, other in itertools.product(ones, others):
            assert any(row[first] == one and row[second] == other for row in tried), (first, one, second, other)


# On JAX compiling one takes as long as training all the others: the two that have the most in them.
ROWS = PAIRWISE if TENSORFLOW else [PAIRWISE[1], PAIRWISE[4]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(map(str, row)))
def test_a_killed_run_resumes_to_the_same_weights(small_clip, tmp_path, row):
    whole = build(small_clip, **options_of(row))
    before = whole.generator.get_weights(), whole.discriminator.get_weights()
    history = train(whole, 3, Checkpoint(tmp_path, keep=3)).history
    assert np.isfinite([value for values in history.values() for value in values]).all()
    for epoch in (2, 3):  # what a kill in the second epoch would not have left
        shutil.rmtree(tmp_path / f"epoch-{epoch:04d}")
    resumed = build(small_clip, seed=9, **options_of(row))
    train(resumed, 3, Checkpoint(tmp_path))
    assert_same(weights(resumed), weights(whole))
    for side, start in zip((whole.generator, whole.discriminator), before, strict=True):
        assert any(np.any(a != b) for a, b in zip(side.get_weights(), start, strict=True))


@pytest.mark.once
def test_what_is_frozen_stays_as_it_was(small_clip):
    model = build(small_clip, discriminator="clip", guidance=1.0)
    parts = (model.text_reader, model.guide, model.discriminator.reader.get_layer("feature_maps"))
    before = [part.get_weights() for part in parts]
    train(model, 1)
    for part, values in zip(parts, before, strict=True):
        for value, kept in zip(part.get_weights(), values, strict=True):
            np.testing.assert_array_equal(value, kept)
    assert small_clip.trainable_variables  # the user's own is not locked


def copy_of(model):
    """Another of the same, in memory: others look at the fixture after this test."""
    copy = type(model).from_config(model.get_config())
    copy.compile(model.optimizer)
    for to, of in zip(
        [*copy.variables, *copy.optimizer.variables], [*model.variables, *model.optimizer.variables], strict=True
    ):
        to.assign(np.array(of.value))
    return copy


@pytest.fixture(scope="module")
def trained(small_clip):
    model = build(small_clip, guidance=1.0)
    train(model, 2)
    return model


def test_a_keras_file_keeps_everything_and_goes_on_alike(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    first, second = (load(tmp_path / "model.keras") for _ in range(2))
    np.testing.assert_array_equal(first.generate(WORDS, seed=3), trained.generate(WORDS, seed=3))
    assert_same(weights(first), weights(trained))
    original = copy_of(trained)
    for model in (first, second, original):
        train(model, 1)
    assert_same(weights(first), weights(second))
    assert_same(weights(first), weights(original))
    assert first.objective == trained.objective
    assert first.tokenizer == TOKENIZER


def test_pictures_are_of_the_caption_and_the_seed_whatever_the_batch(trained):
    one = trained.generate(WORDS[:5], seed=3)
    assert (one.shape, one.dtype) == ((5, SIZE, SIZE, 3), np.uint8)
    parts = np.concatenate([trained.generate(WORDS[:5], seed=3, batch_size=2)])
    assert np.abs(one.astype(int) - parts).max() <= 1
    np.testing.assert_array_equal(trained.generate(TOKENIZER(WORDS[:5], 12), seed=3), one)
    assert np.abs(trained.generate(WORDS[:5], seed=4).astype(int) - one).max() > 1
    assert trained.generate([]).shape == (0, SIZE, SIZE, 3)


def test_truncation_draws_again_what_is_far_from_the_middle():
    from mmzoo.models.text_to_image.generation import drawn_noise

    free, near = drawn_noise(200, 8, 0, None), drawn_noise(200, 8, 0, 0.7)
    assert np.abs(near).max() <= 0.7
    inside = np.abs(free) <= 0.7
    np.testing.assert_array_equal(near[inside], free[inside])
    assert abs(free.std() - 1) < 0.05


@pytest.mark.once
def test_of_several_candidates_the_one_that_the_judge_finds_best(trained, small_clip):
    captions = WORDS[:3]
    best = trained.generate(captions, seed=1, candidates=4, judge=small_clip)
    every = trained.generate([caption for caption in captions for _ in range(4)], seed=1).reshape(3, 4, SIZE, SIZE, 3)
    for caption, candidates, chosen in zip(captions, every, best, strict=True):
        cosines = small_clip.similarity(candidates, [caption])[:, 0]
        np.testing.assert_array_equal(chosen, candidates[cosines.argmax()])


def test_frozen_features_draw_no_dropout():
    clip = build_clip(
        image_encoder=build_convnet(image_size=SIZE, widths=(4, 4), dropout=0.5),
        text_encoder=text_encoder(),
        tokenizer=TOKENIZER,
    )
    model = build_text_to_image(clip, width=2, discriminator="clip")
    first, second = (keras.ops.convert_to_numpy(model.discriminator.read(PICTURES.astype("float32"))) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.once
def test_the_average_follows_the_generator(small_clip):
    model = build(small_clip)
    train(model, 1, data={name: values[:8] for name, values in DATA.items()})
    # One step: 1 / 11 of the start is left, and the rest is the weights of now.
    keras.utils.set_random_seed(0)
    start = build(small_clip).generator.get_weights()
    for average, weight, first in zip(
        model.averaged_generator.get_weights(), model.generator.get_weights(), start, strict=True
    ):
        np.testing.assert_allclose(average, first / 11 * 1 + weight * 10 / 11, rtol=1e-4, atol=1e-6)


@pytest.mark.once
def test_gradients_are_accumulated_by_each_side(small_clip):
    model = build_text_to_image(small_clip, width=2, noise_dim=4)
    model.compile(
        keras.optimizers.SGD(0.1, gradient_accumulation_steps=2),
        keras.optimizers.SGD(0.1, gradient_accumulation_steps=2),
    )
    before = model.generator.get_weights()
    eight = {name: values[:8] for name, values in DATA.items()}
    train(model, 1, data=eight)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.generator.get_weights(), strict=True))
    train(model, 1, data=eight)
    assert not all(np.array_equal(a, b) for a, b in zip(before, model.generator.get_weights(), strict=True))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_it_trains_and_resumes_in_mixed_precision(small_clip, policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    if (policy, keras.backend.backend()) == ("mixed_float16", "jax"):
        with pytest.raises(ValueError, match="the dtype policy must be mixed_bfloat16 on JAX"):
            build(small_clip)
        return
    model = build(small_clip, guidance=1.0)
    history = train(model, 2, Checkpoint(tmp_path, keep=2)).history
    assert np.isfinite([value for values in history.values() for value in values]).all()
    assert model.generator.trainable_variables[0].dtype == "float32"
    scaled = isinstance(model.optimizer.generator, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    shutil.rmtree(tmp_path / "epoch-0002")
    resumed = build(small_clip, seed=4, guidance=1.0)
    train(resumed, 2, Checkpoint(tmp_path))
    assert_same(weights(resumed), weights(model))
    model.save(tmp_path / "model.keras")
    assert_same(weights(load(tmp_path / "model.keras")), weights(model))


def test_several_devices_are_refused(small_clip):
    model = build(small_clip)
    model._distribute_strategy = SimpleNamespace(num_replicas_in_sync=2)
    with pytest.raises(ValueError, match="the model must train on one device, received a strategy of 2"):
        train(model, 1)


@pytest.mark.once
def test_without_mismatched_texts_the_neighbours_are_taken(small_clip):
    rolled = DATA | {
        "mismatched_ids": np.concatenate(
            [np.roll(DATA["token_ids"][half], 1, axis=0) for half in np.split(np.arange(COUNT), 2)]
        )
    }
    first, second = build(small_clip), build(small_clip)
    train(first, 1, data=rolled)
    train(second, 1, data={name: DATA[name] for name in ("images", "token_ids")})
    assert_same(weights(first), weights(second))


@pytest.mark.once
def test_a_text_encoder_alone_can_read(small_clip):
    model = build(text_encoder(), tokenizer=TOKENIZER)
    assert model.guide is None
    train(model, 1)
    assert model.generate(WORDS[:2]).shape == (2, SIZE, SIZE, 3)


@pytest.mark.once
@pytest.mark.parametrize("size", [64, 128])
def test_larger_pictures(small_clip, size):
    model = build(small_clip, image_size=size, discriminator="clip", guidance=1.0)
    assert model.generate(WORDS[:1]).shape == (1, size, size, 3)
    pictures = np.zeros((8, size, size, 3), np.uint8)
    train(model, 1, data={"images": pictures + np.uint8(9), "token_ids": IDS[:8]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 48}, "image_size must be one of 32, 64, 128, 256, received 48"),
        ({"discriminator": "vit"}, "discriminator must be one of conv, clip, received 'vit'"),
        ({"loss": "mse"}, "loss must be one of bce, hinge, relativistic, received 'mse'"),
        ({"penalty": "l2"}, "penalty must be one of matching, zero_centred, none, received 'l2'"),
        ({"guidance": -1.0}, "penalty_scale and guidance must be numbers of at least 0, received .* and -1"),
        ({"penalty_scale": float("nan")}, "penalty_scale and guidance must be numbers of at least 0, received nan"),
        (
            {"penalty": "none", "penalty_scale": 1.0},
            "penalty_scale must be left out where penalty is 'none', received 1.0",
        ),
        ({"penalty_every": 0}, "penalty_every must be at least 1 step, received 0"),
        ({"width": 0}, "width, noise_dim and discriminator_width must be at least 1, received width=0"),
        ({"average_decay": 1.0}, r"average_decay must be at least 0 and below 1, received 1\.0"),
    ],
)
def test_a_choice_that_there_is_not_is_refused(small_clip, options, message):
    with pytest.raises(ValueError, match=message):
        build_text_to_image(small_clip, **options)


def test_what_needs_a_clip_says_so():
    with pytest.raises(ValueError, match="guidance=2 needs a CLIP, as text or as guide, received neither"):
        build_text_to_image(text_encoder(), guidance=2.0)
    with pytest.raises(ValueError, match="discriminator='clip' needs a CLIP"):
        build_text_to_image(text_encoder(), discriminator="clip")


def test_a_guide_of_other_token_ids_needs_a_tokenizer(small_clip):
    reader = build_recurrent_text(vocab_size=280, context_length=9, width=6)
    guide = build_clip(image_encoder=build_convnet(image_size=SIZE, widths=(4,)), text_encoder=text_encoder())
    with pytest.raises(
        ValueError, match=r"guide must have a tokenizer where it reads 12 token ids a text and .* 9, received none"
    ):
        build_text_to_image(reader, guide=guide, guidance=1.0)


@pytest.mark.once
def test_a_guide_may_have_a_tokenizer_of_its_own(small_clip, tmp_path):
    words = Tokenizer.train([*WORDS, "and more"], 290)
    reader = build_recurrent_text(vocab_size=words.vocab_size, context_length=9, width=6)
    model = build(reader, tokenizer=words, guide=small_clip, guidance=1.0)
    pairs = Pairs(PICTURES, tuple((WORDS[index % len(WORDS)],) for index in range(COUNT)))
    batch = next(iter(batches(pairs, model, 8)))
    assert batch["guide_token_ids"].shape == (8, 12)
    assert TOKENIZER.decode(batch["guide_token_ids"]) == words.decode(batch["token_ids"])
    model.fit(pairs.dataset(model, 8), epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    assert load(tmp_path / "model.keras").guide_tokenizer == TOKENIZER
    with pytest.raises(ValueError, match="inputs must be a dictionary of images, token_ids, guide_token_ids"):
        train(model, 1)


@pytest.mark.once
def test_another_clip_may_guide(small_clip):
    model = build(text_encoder(), tokenizer=TOKENIZER, guide=small_clip, guidance=1.0)
    assert "cosine" in train(model, 1).history


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, clip: model.generate("a red disc"), "captions must be a list of strings, received 'a red disc'"),
        (lambda model, clip: model.generate(np.zeros((2, 5), np.int32)), r"token ids must have shape \(N, 12\)"),
        (
            lambda model, clip: model.generate(WORDS, truncation=0.0),
            r"truncation must be at least 0\.01, received 0\.0",
        ),
        (lambda model, clip: model.generate(WORDS, candidates=0), "candidates and batch_size must be at least 1"),
        (
            lambda model, clip: model.generate(IDS, candidates=2, judge=clip),
            "captions must be strings where there is a judge",
        ),
        (
            lambda model, clip: model.fit(DATA, validation_split=0.5),
            "validation_data and validation_split must be left out",
        ),
        (
            lambda model, clip: model.fit({"images": PICTURES}, verbose=0),
            "inputs must be a dictionary of images, token_ids, received",
        ),
        (
            lambda model, clip: model.fit(DATA | {"images": np.zeros((COUNT, 16, 16, 3))}, verbose=0),
            r"images must have shape \(B, 32, 32, 3\), received",
        ),
        (lambda model, clip: build_text_to_image(text_encoder(), guide=clip), "guide must go with guidance above 0"),
        (lambda model, clip: model.generate(WORDS, candidates=3), "candidates=3 need a judge"),
        (lambda model, clip: model.evaluate(DATA, verbose=0), "has no loss on held-out pictures"),
        (lambda model, clip: model.compile(loss="mse"), "loss must be chosen in build_text_to_image"),
        (lambda model, clip: model.fit(PICTURES), "fit must be given dictionaries"),
        (lambda model, clip: model.fit(DATA, IDS, verbose=0), "targets and sample_weight must be None"),
    ],
)
def test_bad_input_is_one_clear_sentence(small_clip, call, message):
    with pytest.raises(ValueError, match=message):
        call(build(small_clip), small_clip)
