"""What every fusion keeps: one signature, one kind of output, masks honoured, saved and read as it was."""

import keras
import numpy as np
import pytest

from mmzoo.fusion import (
    FUSIONS,
    BilinearFusion,
    CoAttentionFusion,
    CrossAttentionFusion,
    EarlyConcatFusion,
    build_fusion,
)

ATTENDS = {
    "cross_attention": lambda: CrossAttentionFusion(8, depth=1),
    "cross_attention image": lambda: CrossAttentionFusion(8, direction="image", depth=1),
    "cross_attention both": lambda: CrossAttentionFusion(8, direction="both", depth=1),
    "co_attention": lambda: CoAttentionFusion(8, depth=1),
}
EVERY = {name: lambda name=name: build_fusion(name, 8) for name in FUSIONS}
EVERY |= ATTENDS | {"early_concat": lambda: EarlyConcatFusion(8, depth=1)}
every_fusion = pytest.mark.parametrize("name", EVERY)

RNG = np.random.default_rng(0)
LENGTHS = np.array([4, 2, 0])


def image(scale=1.0):
    return {
        "sequence": scale * np.random.default_rng(1).normal(size=(3, 6, 7)).astype("float32"),
        "pooled": scale * np.random.default_rng(2).normal(size=(3, 5)).astype("float32"),
    }


def text(scale=1.0, length=4):
    """Three texts of 4, 2 and 0 tokens; what stands behind them is noise."""
    words = np.random.default_rng(3).normal(size=(3, 4, 9)).astype("float32")
    sequence = 9 * RNG.normal(size=(3, length, 9)).astype("float32")
    mask = np.arange(length) < LENGTHS[:, None]
    sequence[:, :4] = np.where(mask[:, :4, None], words, sequence[:, :4])
    pooled = np.random.default_rng(4).normal(size=(3, 9)).astype("float32")
    return {"sequence": scale * sequence, "pooled": scale * pooled, "mask": mask}


def symbolic(encoded, length=None):
    """Inputs like these; a text's of `length` tokens, by default any number."""
    shapes = {name: value.shape[1:] for name, value in encoded.items()}
    if "mask" in encoded:
        shapes |= {"sequence": (length, *shapes["sequence"][1:]), "mask": (length,)}
    side = "text" if "mask" in encoded else "image"
    return {
        name: keras.Input(shape, dtype=encoded[name].dtype, name=f"{side}_{name}") for name, shape in shapes.items()
    }


def arrays(fused):
    return {name: np.asarray(value) for name, value in fused.items()}


def test_swapping_is_one_word():
    sizes = {
        name: {key: value.shape for key, value in arrays(build_fusion(name, 8)(image(), text())).items()}
        for name in FUSIONS
    }
    expected = {"sequence": (3, 4, 8), "pooled": (3, 8), "mask": (3, 4)}
    assert sizes == dict.fromkeys(FUSIONS, expected) | {"late": expected | {"pooled": (3, 2, 8)}}


@every_fusion
def test_shapes_are_known_before_anything_is_computed(name):
    fusion, asked = EVERY[name](), {"return_attention": True} if name in ATTENDS else {}
    spec, found = fusion(symbolic(image()), symbolic(text()), **asked), arrays(fusion(image(), text(), **asked))
    assert spec.keys() == found.keys()
    for key, value in found.items():
        assert spec[key].dtype == value.dtype
        assert all(known in (None, size) for known, size in zip(spec[key].shape, value.shape, strict=True))


@every_fusion
def test_what_the_mask_hides_changes_nothing(name):
    fusion = EVERY[name]()
    short, other, longer = (arrays(fusion(image(), each)) for each in (text(), text(), text(length=7)))
    for fused in (other, longer):
        np.testing.assert_allclose(fused["pooled"], short["pooled"], atol=1e-6)
        visible = short["mask"]
        np.testing.assert_allclose(
            fused["sequence"][:, : visible.shape[1]][visible], short["sequence"][visible], atol=1e-6
        )


@every_fusion
def test_a_caption_without_a_token_gives_finite_numbers(name):
    fused = arrays(EVERY[name]()(image(), text() | {"mask": np.zeros((3, 4), bool)}))
    assert np.isfinite(fused["pooled"]).all()
    assert np.isfinite(fused["sequence"]).all()


@every_fusion
def test_both_modalities_reach_the_fused_vector(name):
    fusion = EVERY[name]()
    before = arrays(fusion(image(), text()))["pooled"]
    for changed in (fusion(image(-1.0), text()), fusion(image(), text(-1.0))):
        assert np.abs(arrays(changed)["pooled"] - before).reshape(3, -1).max(1).min() > 1e-3


@pytest.mark.parametrize("name", ATTENDS)
def test_attention_is_a_share_and_none_of_it_is_on_what_the_mask_hides(name):
    attention = arrays(ATTENDS[name]()(image(), text(), return_attention=True))["attention"]
    over_words = name == "cross_attention image"
    assert attention.shape == ((3, 4, 6, 4) if over_words else (3, 4, 4, 6))
    assert attention.dtype == np.float32
    assert attention.min() >= 0
    assert attention.sum(-1).max() < 1  # the rest is on the pooled place
    if over_words:
        assert attention.transpose(0, 3, 1, 2)[~text()["mask"]].max() == 0


@pytest.mark.parametrize("name", sorted(set(FUSIONS) - set(ATTENDS)))
def test_a_fusion_without_attention_says_which_have_it(name):
    message = f"fusion must be cross_attention or co_attention to have attention, received {name}"
    with pytest.raises(ValueError, match=message):
        build_fusion(name, 8)(image(), text(), return_attention=True)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@every_fusion
def test_gradients_are_finite_in_half_precision(name, policy):
    keras.config.set_dtype_policy(policy)
    inputs = {"image": symbolic(image()), "text": symbolic(text(), 4)}
    fused = EVERY[name]()(inputs["image"], inputs["text"])
    assert fused["pooled"].dtype == policy.removeprefix("mixed_")
    outputs = [keras.layers.Activation("linear", dtype="float32")(fused[key]) for key in ("pooled", "sequence")]
    model = keras.Model(inputs, outputs)
    # Without loss scaling: with it, the optimizer would leave out a step whose gradients are not finite.
    eagerly = keras.backend.backend() == "tensorflow"  # there a trace takes longer than the steps
    model.compile(keras.optimizers.SGD(0.1), ["mae", "mae"], auto_scale_loss=False, run_eagerly=eagerly)
    zeros = [np.zeros((3, *output.shape[1:]), "float32") for output in outputs]
    before = model.get_weights()
    for scale in (1.0, 1e3):
        assert np.isfinite(model.train_on_batch({"image": image(scale), "text": text(scale)}, zeros)).all()
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert any(not np.array_equal(x, y) for x, y in zip(before, model.get_weights(), strict=True))


@every_fusion
def test_a_fusion_survives_its_configuration_and_a_file(name, tmp_path):
    fusion = EVERY[name]()
    assert type(fusion).from_config(fusion.get_config()).get_config() == fusion.get_config()
    inputs = {"image": symbolic(image()), "text": symbolic(text(), 4)}
    model = keras.Model(inputs, fusion(inputs["image"], inputs["text"]))
    model.save(tmp_path / "fusion.keras")
    given = {"image": image(), "text": text()}
    expected, found = arrays(model(given)), arrays(keras.saving.load_model(tmp_path / "fusion.keras")(given))
    for key, value in expected.items():
        assert model.output[key].shape == (None, *value.shape[1:])
        np.testing.assert_array_equal(found[key], value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: CrossAttentionFusion(10),
            "width must be a positive multiple of num_heads, received width=10, num_heads=4",
        ),
        (lambda: CoAttentionFusion(8, num_heads=0), "width must be a positive multiple of num_heads.* num_heads=0"),
        (lambda: EarlyConcatFusion(8, depth=0), "depth must be at least 1, received 0"),
        (lambda: BilinearFusion(8, rank=0), "rank must be at least 1, received 0"),
        (lambda: CrossAttentionFusion(8, direction="x"), "direction must be one of text, image, both, received 'x'"),
        (lambda: build_fusion("sum", 8), f"fusion must be one of {', '.join(FUSIONS)}, received 'sum'"),
        *((lambda name=name: build_fusion(name, 0), "width must be .* received (width=)?0") for name in FUSIONS),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", ["concat", "add", "gated", "bilinear", "late"])
def test_a_text_of_two_sizes_is_refused_by_fusions_of_vectors(name):
    with pytest.raises(ValueError, match="text's pooled and sequence must have one size to be fused, received 3 and 9"):
        build_fusion(name, 8)(image(), text() | {"pooled": np.zeros((3, 3), "float32")})


def test_regions_of_any_number_cannot_learn_positions():
    inputs = {"sequence": keras.Input((None, 7)), "pooled": keras.Input((5,))}
    with pytest.raises(ValueError, match="sequence must have a fixed length to learn positions"):
        build_fusion("cross_attention", 8)(inputs, symbolic(text()))


def test_a_fusion_is_a_name_or_a_layer():
    layer = BilinearFusion(8, rank=2)
    assert build_fusion(layer, 16) is layer
    with pytest.raises(TypeError, match=r"fusion must be one of concat, .* or a layer of mmzoo\.fusion, received 3"):
        build_fusion(3, 8)
