"""What a user of a captioner expects: fit on pairs, texts with log-probabilities, questions, prefixes, and what comes of odd data."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_convnet, build_recurrent_text
from mmzoo.models import Captioner, build_captioner
from mmzoo.models.captioner import generation
from mmzoo.models.captioner.generation import allowed_tokens
from mmzoo.models.captioner.ids import SpecialIds, written
from mmzoo.tokenizer import Tagged, Tokenizer

JIT = keras.backend.backend() == "jax"  # TensorFlow takes longer to compile such a step than to run it
CAPTIONS = ("a red circle", "a blue square", "a green star", "a white ring")
TOKENIZER = Tokenizer.train([*CAPTIONS, "what is it?"], 300, languages=("en", "zh"))
LENGTH = 16
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
X = {"images": IMAGES, "token_ids": TOKENIZER(CAPTIONS, LENGTH)}


def captioner(decoder="transformer", **options):
    keras.utils.set_random_seed(0)
    if decoder == "transformer":
        options = {"depth": 1, "num_heads": 2} | options
    sizes = {"context_length": LENGTH, "width": 16, "tokenizer": TOKENIZER}
    return build_captioner(build_convnet(image_size=8, widths=(8,), blocks=1), decoder=decoder, **sizes | options)


@pytest.fixture(scope="module", params=["transformer", "gru", "lstm"])
def trained(request):
    model = captioner(request.param)
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=JIT)
    history = model.fit(X, batch_size=4, epochs=150, verbose=0).history
    return model, history


def test_it_learns_to_say_what_it_was_told(trained):
    model, history = trained
    assert set(history) == {"loss", "token_accuracy"}
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    assert history["token_accuracy"][-1] > 0.95
    assert [str(each) for each in model.generate(IMAGES)] == list(CAPTIONS)


def test_a_text_comes_with_its_log_probability(trained):
    model, _ = trained
    for row, each in enumerate(model.generate(IMAGES, strategy="beam", num_beams=3, num_returned=2)):
        text = np.full((1, LENGTH), TOKENIZER.pad_id, "int32")
        text[0, : len(each.token_ids)] = each.token_ids
        logits = keras.ops.convert_to_numpy(model({"images": IMAGES[row : row + 1], "token_ids": text})["logits"])[0]
        scores = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        expected = sum(scores[place, token] for place, token in enumerate(each.token_ids[1:]))
        assert each.log_probability == pytest.approx(float(expected), abs=1e-4)
        assert each.score == pytest.approx(each.log_probability / (len(each.token_ids) - 1), abs=1e-5)
        assert each.score >= each.alternatives[0].score


def test_batches_of_any_size_give_the_same_texts(trained):
    model, _ = trained
    pictures = np.concatenate([IMAGES] * 9)[:33]
    for strategy in ("greedy", "sample"):
        whole = [str(each) for each in model.generate(pictures, strategy=strategy, batch_size=33)]
        assert whole == [str(each) for each in model.generate(pictures, strategy=strategy, batch_size=8)]
        assert whole[0] == str(model.generate(pictures[:1], strategy=strategy)[0])
    assert model.generate(pictures[:0]) == []


def test_a_prefix_is_what_the_text_begins_with(trained):
    model, _ = trained
    texts = [str(each) for each in model.generate(IMAGES[:2], prefix=["a white", "a"])]
    assert texts[0].startswith("a white")
    tagged = model.generate(IMAGES[:1], language="zh")[0]
    assert tagged.token_ids[:2].tolist() == [TOKENIZER.start_id, TOKENIZER.language_ids["zh"]]
    assert [str(each) for each in model.generate(IMAGES, prefix="")] == [str(each) for each in model.generate(IMAGES)]


def test_a_vocabulary_is_all_that_is_written(trained):
    model, _ = trained
    words = model.generate(IMAGES, vocabulary=["a white ring"])
    allowed = {TOKENIZER.end_id, *TOKENIZER(["a white ring"], LENGTH)[0].tolist()}
    assert all(set(each.token_ids.tolist()) <= allowed for each in words)


def test_nothing_may_be_asked_for(trained):
    model, _ = trained
    nothing = model.generate(IMAGES, max_tokens=0)
    assert [(each.text, each.log_probability) for each in nothing] == [("", 0.0)] * 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": -1}, "max_tokens must be an integer from 0 to 15, what the context of 16 tokens has room for"),
        ({"max_tokens": 16}, "max_tokens must be an integer from 0 to 15"),
        ({"prefix": "a red circle " * 9}, "prefix must be at most 16 tokens with the start"),
        ({"prefix": ["a", "b"]}, "prefix must be one text, or one for each of the 4 pictures, received 2"),
        ({"language": "fr"}, r"language must be one of \['en', 'zh'\], received 'fr'"),
        ({"vocabulary": "a"}, "vocabulary must be a list of texts, received 'a'"),
        ({"batch_size": 0}, "batch_size must be an integer from 1, received 0"),
        ({"seed": -1}, "seed must be an integer from 0, received -1"),
        ({"temperature": None}, "temperature must be above 0, received None"),
        (
            {"vocabulary": [""], "min_tokens": 2},
            "vocabulary must have a token to write with min_tokens=2, received none",
        ),
        ({"texts": ["what is it?"] * 4}, "texts must be None: this captioner has no text encoder to read them"),
        ({"images": IMAGES[0]}, r"images must have shape \(N, 8, 8, 3\), received \(8, 8, 3\)"),
    ],
)
def test_what_cannot_be_written_gets_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        captioner("gru").generate(**{"images": IMAGES} | options)


@pytest.mark.once
@pytest.mark.usefixtures("plain_search")
def test_a_captioner_of_two_languages_writes_the_one_asked_for():
    english, chinese = CAPTIONS, ("红色的圆", "蓝色的方", "绿色的星", "白色的环")
    tokenizer = Tokenizer.train([*english, *chinese], 400, languages=("en", "zh"))
    tagged = [Tagged(text, "en") for text in english] + [Tagged(text, "zh") for text in chinese]
    model = captioner(tokenizer=tokenizer, context_length=24)
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=JIT)
    x = {"images": np.concatenate([IMAGES, IMAGES]), "token_ids": tokenizer(tagged, 24)}
    model.fit(x, batch_size=8, epochs=150, verbose=0)
    for language, captions in (("en", english), ("zh", chinese)):
        assert [str(each) for each in model.generate(IMAGES, language=language)] == list(captions)


@pytest.mark.usefixtures("plain_search")
def test_an_all_black_picture_is_no_picture_in_unit_range():
    model = captioner("gru")
    model.generate(np.zeros((1, 8, 8, 3), "uint8"), max_tokens=1)
    with pytest.warns(UserWarning, match="multiply pictures in"):
        model.generate(np.full((1, 8, 8, 3), 0.5, "float32"), max_tokens=1)


@pytest.mark.once
@pytest.mark.usefixtures("plain_search")
def test_questions_are_answered_in_words():
    words = build_recurrent_text(vocab_size=TOKENIZER.vocab_size, context_length=8, width=8)
    model = captioner(text_encoder=words, fusion="cross_attention")
    assert {tensor.name for tensor in model.inputs} == {"images", "token_ids", "decoder_token_ids"}
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=JIT)
    questions = TOKENIZER(["what is it?"] * 4, 8)
    model.fit(
        {"images": IMAGES, "token_ids": questions, "decoder_token_ids": X["token_ids"]},
        batch_size=4,
        epochs=150,
        verbose=0,
    )
    assert [str(each) for each in model.generate(IMAGES, ["what is it?"] * 4)] == list(CAPTIONS)
    with pytest.raises(ValueError, match="texts must be 4 strings, one for each picture, received none"):
        model.generate(IMAGES)


def test_the_loss_is_that_of_the_tokens_up_to_the_end():
    model = captioner()
    inputs = {"images": IMAGES, "token_ids": X["token_ids"].copy()}
    model.compile("sgd", jit_compile=JIT)
    before = model.evaluate(inputs, batch_size=4, verbose=0)
    logits = keras.ops.convert_to_numpy(model(inputs)["logits"])
    scores = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    targets = inputs["token_ids"][:, 1:]
    gained = np.take_along_axis(scores, targets[:, :, None], 2)[..., 0]
    assert before[0] == pytest.approx(-gained[targets != TOKENIZER.pad_id].mean(), abs=1e-4)


SAMPLING = {"strategy": "sample", "temperature": 1.5}


@pytest.mark.usefixtures("plain_search")
def test_the_same_seed_gives_the_same_texts_in_batches_of_any_size():
    model = captioner("gru")  # untrained, so that any other number gives another text
    some = IMAGES[np.arange(9) % 4]
    texts = [each.token_ids.tolist() for each in model.generate(some, seed=1, **SAMPLING)]
    again = [each.token_ids.tolist() for each in model.generate(some, seed=1, batch_size=4, **SAMPLING)]
    others = [each.token_ids.tolist() for each in model.generate(some, seed=2, **SAMPLING)]
    assert texts == again
    assert all(one != other for one, other in zip(texts, others, strict=True))
    assert len(set(map(tuple, texts))) == 9


@pytest.mark.once
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_writes_by_every_strategy(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = captioner("gru")
        for options in ({}, SAMPLING, {"strategy": "beam", "num_beams": 2}):
            assert len(model.generate(IMAGES[:2], max_tokens=3, **options)) == 2
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.usefixtures("plain_search")
@pytest.mark.parametrize("strategy", ["greedy", "sample", "beam"])
def test_nothing_is_written_after_prompts_of_different_lengths_with_no_tokens_left(strategy):
    found = captioner("gru").generate(IMAGES[:2], strategy=strategy, prefix=["a white", "a"], max_tokens=0)
    assert [each.text for each in found] == ["a white", "a"]
    assert [each.log_probability for each in found] == [0, 0]


def test_prefixes_of_other_lengths_go_on_with_what_was_compiled():
    model = captioner("gru")
    model.generate(IMAGES[:2], prefix=["a", "a white"], max_tokens=3)
    found = model.generate(IMAGES[:2], prefix=["a", "a white ring"], max_tokens=3)
    prompts = (TOKENIZER(["a", "a white ring"], LENGTH) != TOKENIZER.pad_id).sum(axis=1) - 1
    assert [len(each.token_ids) for each in found] == (prompts + 3).tolist()
    assert len(model.programs.compiled) == 2  # what reads, and the search


@pytest.mark.usefixtures("plain_search")
def test_only_numbers_that_a_strategy_looks_at_compile_anew_and_the_last_are_kept(monkeypatch):
    model = captioner("gru")
    for unused in ({}, {"temperature": 0.5}, {"num_beams": 7}, {"top_k": np.int64(3)}):
        model.generate(IMAGES[:1], max_tokens=1, **unused)
    assert len(model.programs.compiled) == 2
    monkeypatch.setattr(generation, "MOST_PROGRAMS", 3)
    for count in (2, 3, 4):
        model.generate(IMAGES[:1], max_tokens=count)
    assert [key and key[-1] for key in model.programs.compiled] == [3, (), 4]


@pytest.mark.usefixtures("plain_search")
def test_a_start_that_is_an_end_too_begins_a_text(tmp_path):
    TOKENIZER.save(tmp_path / "tokenizer.json")
    (both,) = [each["content"] for each in json.loads(TOKENIZER.definition)["added_tokens"] if each["id"] == 3]
    model = captioner("gru", tokenizer=Tokenizer.from_file(tmp_path / "tokenizer.json", start=both, end=both))
    found = model.generate(IMAGES[:1], prefix="a white", max_tokens=2)[0]
    assert found.token_ids[0] == model.special_ids.start == model.special_ids.end == 3
    assert found.text.startswith("a white")


def test_a_long_text_of_the_vocabulary_counts_to_its_end():
    words = "a red blue green white square star circle " * 6 + "ring"
    model = captioner("gru")
    allowed = allowed_tokens(model, [words])
    assert allowed[TOKENIZER(["a ring"], 8)[0, 2]]


def test_an_encoder_with_an_operation_that_xla_has_not_writes():
    images = keras.Input((8, 8, 3), name="images")
    resized = keras.layers.Lambda(lambda x: keras.ops.image.resize(x, (4, 4), "bicubic"), output_shape=(4, 4, 3))(
        images
    )
    regions = keras.layers.Reshape((16, 3))(resized)
    encoder = keras.Model({"images": images}, {"sequence": regions, "pooled": keras.ops.mean(regions, axis=1)})
    model = build_captioner(encoder, decoder="gru", tokenizer=TOKENIZER, width=8)
    assert len(model.generate(IMAGES, max_tokens=2)) == 4


def test_what_is_written_ends_with_the_first_end():
    ids = np.array([[5, 3, 3, 3], [5, 6, 7, 8], [3, 0, 0, 0]])
    assert np.asarray(written(ids, SpecialIds(1, 3, 3))).tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]
    assert np.asarray(written(ids, SpecialIds(1, 3, 0))).tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]


@pytest.mark.once
def test_it_comes_back_from_its_file_in_a_fresh_process(trained, tmp_path):
    model, _ = trained
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", IMAGES)
    code = (
        "import sys, numpy, mmzoo; model = mmzoo.load(sys.argv[1]); "
        "print([str(each) for each in model.generate(numpy.load(sys.argv[2]))])"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "model.keras"), str(tmp_path / "images.npy")]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str([str(each) for each in model.generate(IMAGES)])


def test_half_precision_trains():
    keras.config.set_dtype_policy("mixed_float16")
    model = captioner("lstm")
    model.compile("adam", jit_compile=JIT)
    assert np.isfinite(model.fit(X, batch_size=4, verbose=0).history["loss"]).all()
    assert len(model.generate(IMAGES)) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decoder": "rnn"}, "decoder must be one of transformer, gru, lstm, received 'rnn'"),
        ({"fusion": "concat"}, "fusion must be None without a text_encoder, received 'concat'"),
        (
            {"tokenizer": None},
            "build_captioner must be given a tokenizer, or vocab_size and special_ids, received neither",
        ),
        ({"decoder": "gru", "depth": 2}, "depth and num_heads must be None with decoder='gru', received 2 and None"),
        ({"vocab_size": 10}, "decoder must have vocab_size="),
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1, received 1.0"),
        ({"context_length": 1}, "context_length must be at least 2, a start and an end, received 1"),
        (
            {"text_encoder": build_recurrent_text(vocab_size=50, context_length=8, width=8)},
            f"text_encoder must have vocab_size={TOKENIZER.vocab_size} for this tokenizer, received 50",
        ),
    ],
)
def test_bad_arguments_get_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        captioner(**options)


def test_a_second_loss_and_targets_are_refused():
    model = captioner()
    model.compile("sgd", "mse", run_eagerly=not JIT)
    with pytest.raises(
        ValueError, match=r"loss must be chosen in build_captioner\(label_smoothing=...\), not in compile\(loss="
    ):
        model.fit(X, batch_size=4, verbose=0)
    model.compile("sgd", metrics=["accuracy"], run_eagerly=not JIT)
    with pytest.raises(ValueError, match="metrics must be chosen in the model's own logs, not in compile"):
        model.fit(X, batch_size=4, verbose=0)
    model.compile("sgd", run_eagerly=not JIT)
    with pytest.raises(ValueError, match="targets must be None: the captions are the input token_ids"):
        model.fit(X, np.zeros(4), batch_size=4, verbose=0)
    with pytest.raises(ValueError, match="fit must be given dictionaries"):
        model.fit([X["token_ids"], IMAGES], batch_size=4, verbose=0)


def test_it_is_a_model_of_the_zoo():
    assert isinstance(captioner(), Captioner)
