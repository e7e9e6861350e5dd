import keras
import numpy as np
import pytest
from PIL import Image

from mmzoo import Tokenizer, build_captioner, build_classifier, build_coca, build_text_transformer, build_vit
from mmzoo.attention_maps import attention_map
from mmzoo.fusion import CoAttentionFusion, CrossAttentionFusion

TEXTS = ["is there a red circle?", "a café left of the square", "数字七"]
TOKENIZER = Tokenizer.train(TEXTS, 290)
LENGTH = 40
PICTURE = np.random.default_rng(0).integers(0, 256, (16, 24, 3), "uint8")


def classifier(fusion="cross_attention", tokenizer=TOKENIZER, **sizes):
    vit = {"image_size": (16, 24), "patch_size": 8, "width": 16, "depth": 1, "num_heads": 2} | sizes
    text = build_text_transformer(
        vocab_size=tokenizer.vocab_size if tokenizer else 300,
        context_length=LENGTH,
        width=16,
        depth=1,
        num_heads=2,
        end_id=3,
        mask_rule="pad_id",
        pad_id=0,
    )
    return build_classifier(build_vit(**vit), text, fusion, num_classes=2, tokenizer=tokenizer)


@pytest.fixture(scope="module")
def model():
    return classifier()


def attention(model, text):
    """What the fusion gives for the picture and the text, mean over heads (T, N)."""
    trunk = model.trunk
    encoded = trunk.encode({"images": PICTURE[None], "token_ids": TOKENIZER([text], LENGTH)})
    return np.asarray(trunk.fuse(*encoded, return_attention=True)["attention"])[0].mean(0)


def test_pieces_become_words_and_what_is_no_text_is_left_out(model):
    found = attention_map(model, PICTURE, "Is there  a café, left of 数字七?")
    assert found.words == ("Is", "there", "a", "café", ",", "left", "of", "数字七", "?")
    assert found.weights.shape == (9, 2, 3)
    assert found.weights.dtype == np.float32
    np.testing.assert_array_equal(found.image, PICTURE)


def test_a_word_has_the_mean_of_its_tokens_and_the_regions_row_by_row(model):
    text = "xy a"
    assert TOKENIZER.decode(TOKENIZER([text], LENGTH)[:, 1:4, None][0]) == ["x", "y", " a"]
    shares = attention(model, text)
    found = attention_map(model, PICTURE, text)
    assert found.words == ("xy", "a")
    np.testing.assert_allclose(found.weights[0], shares[1:3].mean(0).reshape(2, 3), atol=1e-6)
    np.testing.assert_allclose(found.weights[1].ravel(), shares[3], atol=1e-6)


@pytest.mark.parametrize(
    "fusion", [CoAttentionFusion(16, depth=1), CrossAttentionFusion(16, direction="both", depth=1)]
)
def test_other_fusions_that_attend_have_maps_too(fusion):
    found = attention_map(classifier(fusion), PICTURE, "is there")
    assert found.weights.min() > 0
    assert found.weights.sum((1, 2)).max() < 1


def test_where_the_regions_ask_a_map_is_what_each_paid_to_the_word():
    model = classifier(CrossAttentionFusion(16, direction="image", depth=1))
    found = attention_map(model, PICTURE, "xy a")
    np.testing.assert_allclose(found.weights[1].ravel(), attention(model, "xy a")[:, 3], atol=1e-6)


def test_a_word_is_found_wherever_it_stands(model):
    every = attention_map(model, PICTURE, "A circle, a square")
    found = attention_map(model, PICTURE, "A circle, a square", word="a")
    assert found.words == ("A", "a")
    np.testing.assert_array_equal(found.weights, every.weights[[0, 3]])


def test_a_picture_of_another_size_is_resized(model):
    large = PICTURE.repeat(4, axis=0).repeat(4, axis=1)
    assert attention_map(model, large, "a circle").image.shape == PICTURE.shape


def test_a_map_is_drawn_whole(model, tmp_path):
    attention_map(model, PICTURE, "is there a $red circle left of it", path=tmp_path / "map.png")
    attention_map(model, PICTURE, "a circle", word="circle", path=tmp_path / "word.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.png", "word.png"]
    with Image.open(tmp_path / "map.png") as every, Image.open(tmp_path / "word.png") as one:
        assert every.format == one.format == "PNG"
        assert every.height > one.height > 100


def test_wordpiece_is_read_as_words():
    wordpiece = Tokenizer.train(["circles and squares"], 40, kind="wordpiece")
    found = attention_map(classifier(tokenizer=wordpiece), PICTURE, "squares and, circles")
    assert found.words == ("squares", "and", "circles")  # the comma is unknown to it


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": "a circle", "word": "square"}, "word must be one of a, circle, received 'square'"),
        ({"text": "  "}, "text must have a word, received '  '"),
        ({"image": PICTURE[..., 0]}, r"image must have shape \(H, W, 3\), received \(16, 24\)"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_sentence(given, message, model, tmp_path):
    arguments = {"image": PICTURE, "text": "a circle"} | given
    with pytest.raises(ValueError, match=message):
        attention_map(model, **arguments, path=tmp_path / "map.png")
    assert not list(tmp_path.iterdir())


def test_models_without_attention_tokenizer_or_trunk_are_refused(model):
    message = "fusion must be cross_attention or co_attention to have attention, received concat"
    with pytest.raises(ValueError, match=message):
        attention_map(classifier("concat"), PICTURE, "a circle")
    with pytest.raises(ValueError, match="model must have a tokenizer to read a text"):
        attention_map(classifier(tokenizer=None), PICTURE, "a circle")
    with pytest.raises(
        ValueError,
        match=r"model must have a trunk, .* that looks at regions, received ImageEncoder",
    ):
        attention_map(model.trunk.image_encoder, PICTURE, "a circle")


class ClassTokenFirst(keras.layers.Layer):
    def call(self, sequence):
        return keras.ops.concatenate([sequence[:, :1], sequence], axis=1)


def test_a_sequence_that_is_no_grid_is_refused(model):
    encoder = build_vit(image_size=(16, 24), patch_size=8, width=16, depth=1, num_heads=2)
    outputs = encoder.output | {"sequence": ClassTokenFirst()(encoder.output["sequence"])}
    other = build_classifier(
        keras.Model(encoder.input, outputs),
        model.trunk.text_encoder,
        "cross_attention",
        num_classes=2,
        tokenizer=TOKENIZER,
    )
    with pytest.raises(
        ValueError, match="must give a grid of square regions of its 16 x 24 pixels, received 7 regions"
    ):
        attention_map(other, PICTURE, "a circle")


def captioner(decoder="transformer", **options):
    vit = build_vit(image_size=(16, 24), patch_size=8, width=16, depth=1, num_heads=2)
    return build_captioner(vit, decoder=decoder, tokenizer=TOKENIZER, context_length=LENGTH, width=16, **options)


@pytest.mark.parametrize("decoder", ["transformer", "gru"])
def test_a_captioners_word_has_the_look_before_each_of_its_tokens(decoder):
    model = captioner(decoder)
    text = "xy a"
    found = attention_map(model, PICTURE, text)
    sequence, _ = model.remember({"images": PICTURE[None].astype("float32")})
    _, looks = model.decoder(TOKENIZER([text], LENGTH)[:, :-1], sequence, return_attention=True)
    looks = keras.ops.convert_to_numpy(looks)[0]  # the start token's row is the look for "x"
    assert found.words == ("xy", "a")
    np.testing.assert_allclose(found.weights[0], looks[0:2].mean(0).reshape(2, 3), atol=1e-6)
    np.testing.assert_allclose(found.weights[1].ravel(), looks[2], atol=1e-6)
    np.testing.assert_allclose(found.whole.ravel(), looks[0:3].mean(0), atol=1e-6)
    assert found.weights.sum(axis=(1, 2)) == pytest.approx(1, abs=1e-5)


def test_a_captioner_that_reads_texts_has_no_regions_to_draw():
    text = build_text_transformer(
        vocab_size=TOKENIZER.vocab_size, context_length=8, width=16, depth=1, num_heads=2, end_id=3
    )
    with pytest.raises(ValueError, match="without a text encoder that looks at regions, received Captioner"):
        attention_map(captioner(text_encoder=text), PICTURE, "a")


def test_a_coca_looks_at_no_regions():
    vit = build_vit(image_size=16, patch_size=4, width=16, depth=1, num_heads=2)
    model = build_coca(vit, tokenizer=TOKENIZER, width=16, depth=2, num_queries=16)
    with pytest.raises(ValueError, match="looks at regions, received CoCa"):
        attention_map(model, PICTURE, "a")
