"""A text to be written beside answers that are chosen."""

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_recurrent_text, build_vit
from mmzoo.models import CaptionTask, MultiTask, Task, build_captioner, build_multitask
from mmzoo.tokenizer import Tokenizer

pytestmark = pytest.mark.usefixtures("plain_search")

JIT = keras.backend.backend() == "jax"
CAPTIONS = ("a red circle", "a blue square", "a green star", "a white ring")
TOKENIZER = Tokenizer.train([*CAPTIONS, "what is it?"], 300)
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
QUESTIONS = ["what is it?"] * 4
LENGTH = 16
X = {
    "images": IMAGES,
    "token_ids": TOKENIZER(QUESTIONS, 8),
    "caption_token_ids": TOKENIZER(CAPTIONS, LENGTH),
}
LABELS = np.array([0, 1, 1, 0])
CAPTION = CaptionTask("gru", context_length=LENGTH, width=16)


def multitask(tasks, **options):
    keras.utils.set_random_seed(0)
    words = build_recurrent_text(vocab_size=TOKENIZER.vocab_size, context_length=8, width=8)
    image = build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2)
    return build_multitask(image, words, tasks=tasks, tokenizer=TOKENIZER, **options)


def both(**options):
    return multitask(
        {"side": Task(2, labels=("left", "right")), "caption": CAPTION}, fusion="cross_attention", **options
    )


@pytest.fixture(scope="module")
def trained():
    model = both()
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=JIT)
    history = model.fit(X, {"side": LABELS}, batch_size=4, epochs=150, verbose=0).history
    return model, history


def test_it_learns_to_answer_and_to_write(trained):
    model, history = trained
    assert set(history) == {"loss", "side_loss", "side_accuracy", "caption_loss", "caption_accuracy"}
    assert history["side_accuracy"][-1] == 1
    assert history["caption_accuracy"][-1] > 0.95
    assert model.classify(IMAGES, QUESTIONS) == {"side": ["left", "right", "right", "left"]}
    assert [str(each) for each in model.writer("caption").generate(IMAGES, QUESTIONS)] == list(CAPTIONS)


def test_it_comes_back_from_its_file(trained, tmp_path):
    model, _ = trained
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.tasks == model.tasks
    texts = [str(each) for each in again.writer("caption").generate(IMAGES, QUESTIONS)]
    assert texts == list(CAPTIONS)


def test_its_loss_is_a_captioners_of_the_texts_that_there_are():
    model = multitask({"caption": CAPTION})
    model.compile("sgd", jit_compile=JIT)
    some = X["caption_token_ids"].copy()
    some[1:3] = TOKENIZER.pad_id
    logs = model.evaluate(X | {"caption_token_ids": some}, batch_size=4, verbose=0, return_dict=True)
    writer = model.writer("caption")
    writer.compile("sgd", jit_compile=JIT)
    x = {"images": IMAGES, "token_ids": X["token_ids"], "decoder_token_ids": X["caption_token_ids"]}
    kept = {name: value[[0, 3]] for name, value in x.items()}
    alone = writer.evaluate(kept, batch_size=4, verbose=0, return_dict=True)
    assert logs["caption_loss"] == pytest.approx(alone["loss"], rel=1e-5)
    assert logs["loss"] == pytest.approx(alone["loss"], rel=1e-5)
    assert logs["caption_accuracy"] == pytest.approx(alone["token_accuracy"], rel=1e-5)


def test_a_batch_without_a_text_adds_nothing():
    model = both()
    model.compile("sgd", jit_compile=JIT)
    none = np.full_like(X["caption_token_ids"], TOKENIZER.pad_id)
    logs = model.evaluate(X | {"caption_token_ids": none}, {"side": LABELS}, batch_size=4, verbose=0, return_dict=True)
    assert logs["caption_loss"] == 0
    assert logs["loss"] == pytest.approx(logs["side_loss"])


def test_its_answers_are_exported_without_what_is_written():
    (part,) = both().export_parts().values()
    assert [spec.name for spec in part.inputs] == ["images", "token_ids"]
    assert list(part.model.output) == ["side"]
    assert {"encoder", "prefill", "decode_step"} <= set(both().writer("caption").export_parts())


def test_a_writer_is_made_once_with_the_models_own_special_ids_and_dtype():
    model = both()
    assert model.writer("caption") is model.writer("caption")
    words = build_recurrent_text(vocab_size=20, context_length=8, width=8)
    trunk = build_multitask(
        build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2), words, tasks={"side": Task(2)}
    ).trunk
    task = CaptionTask("gru", context_length=6, width=8, vocab_size=20)
    other = MultiTask(trunk, {"caption": task}, special_ids=(7, 8, 9), dtype="mixed_bfloat16")
    assert other.writer("caption").special_ids == (7, 8, 9)
    assert other.decoders["caption"].dtype_policy.name == "mixed_bfloat16"


def test_a_captioner_takes_another_models_trunk():
    model = both()
    writer = build_captioner(trunk=model.trunk, decoder="gru", tokenizer=TOKENIZER, width=8)
    assert writer.reader is model.trunk


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CaptionTask(weight=-1), "weight must be at least 0, received -1"),
        (lambda: CaptionTask(label_smoothing=1), "label_smoothing must be at least 0 and below 1, received 1"),
        (lambda: both().writer("side"), "task must be one of caption, received 'side'"),
        (lambda: both(missing_modalities=True).writer("caption"), "must have a trunk without missing_modalities"),
        (lambda: multitask({"caption": CaptionTask("gru", vocab_size=20)}), "vocab_size must be .* received 20"),
        (lambda: fitted(both(), metrics={"side": ["accuracy"]}), "metrics must be chosen in the tasks' own logs"),
        (lambda: multitask({"caption": CAPTION}).export_parts(), "is exported by its writer"),
        (lambda: fitted(both(), loss={"side": "mse"}), "loss must be left to a model with a CaptionTask"),
        (lambda: build_captioner(), "must be given an image_encoder, or a trunk and no encoders or fusion"),
        (
            lambda: build_captioner(trunk=both().trunk, fusion="add", tokenizer=TOKENIZER),
            "must be given an image_encoder, or a trunk and no encoders or fusion",
        ),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def fitted(model, **compiled):
    model.compile("sgd", jit_compile=JIT, **compiled)
    model.fit(X, {"side": LABELS}, batch_size=4, verbose=0)
