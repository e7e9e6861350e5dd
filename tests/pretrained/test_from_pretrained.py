"""from_pretrained and save_pretrained as users call them: what comes back, and what a bad folder says."""

import json
import shutil

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import mmzoo
from mmzoo.presets import BertSizes, ClipPreset, TextSizes, ViTSizes

CAPTIONS = ("a red circle on the left", "a small blue square", "un café à la crème")


@pytest.fixture(scope="module")
def tokenizer():
    return mmzoo.Tokenizer.train(CAPTIONS, 300)


@pytest.fixture(scope="module")
def model(tokenizer):
    keras.utils.set_random_seed(3)
    sizes = ClipPreset(8, ViTSizes(12, 4, 16, 2, 2), TextSizes(300, 10, 16, 2, 2))
    return mmzoo.build_clip(sizes, tokenizer=tokenizer)


@pytest.fixture(scope="module")
def pictures(model):
    return np.random.default_rng(0).integers(0, 256, (3, *model.image_size, 3)).astype("uint8")


@pytest.fixture
def folder(model, tmp_path):
    mmzoo.save_pretrained(model, tmp_path / "clip")
    return tmp_path / "clip"


@pytest.mark.parametrize("format", ["hf", "open_clip", "keras"])
def test_what_was_saved_comes_back(model, pictures, tmp_path, format):
    mmzoo.save_pretrained(model, tmp_path / "clip", format=format)
    back = mmzoo.from_pretrained(tmp_path / "clip")
    assert np.array_equal(back.encode_image(pictures), model.encode_image(pictures))
    assert np.allclose(back.encode_text(CAPTIONS), model.encode_text(CAPTIONS), atol=1e-6)
    assert back.tokenizer(CAPTIONS, 10).tolist()[0][:4] == model.tokenizer(CAPTIONS, 10).tolist()[0][:4]
    assert (back.image_preprocessing.size, back.image_preprocessing.fit) == ((12, 12), "crop")


def test_a_loaded_model_trains_and_is_written_again(folder, pictures, tmp_path):
    model = mmzoo.from_pretrained(folder)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)  # a graph takes longer to trace than two steps
    token_ids = model.tokenizer(CAPTIONS, 10)
    model.fit({"images": pictures, "token_ids": token_ids}, batch_size=3, epochs=2, verbose=0)
    mmzoo.save_pretrained(model, tmp_path / "tuned")
    assert np.array_equal(
        mmzoo.from_pretrained(tmp_path / "tuned").encode_image(pictures), model.encode_image(pictures)
    )
    before, after = load_file(folder / "model.safetensors"), load_file(tmp_path / "tuned" / "model.safetensors")
    assert not np.array_equal(before["visual_projection.weight"], after["visual_projection.weight"])


def test_another_picture_size_resizes_positions_and_preprocessing(folder):
    model = mmzoo.from_pretrained(folder, image_size=20)
    assert model.image_size == (20, 20)
    assert model.image_preprocessing.size == (20, 20)
    assert model.encode_image(np.full((1, 20, 20, 3), 99, "uint8")).shape == (1, 8)
    same = mmzoo.from_pretrained(folder)
    names = [variable.path for variable in model.image_encoder.weights if "positions" in variable.path]
    assert len(names) == 1
    ours, theirs = model.image_encoder.get_layer("patch_embedding"), same.image_encoder.get_layer("patch_embedding")
    assert np.array_equal(ours.positions[0], theirs.positions[0])  # the class token's stays


def test_the_folder_alone_is_enough_and_a_warning_says_what_stands_in(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "preprocessor_config.json").unlink()
    with pytest.warns(UserWarning, match="has no tokenizer|says nothing of image preprocessing") as warnings:
        model = mmzoo.from_pretrained(folder)
    messages = [str(warning.message) for warning in warnings]
    assert any("has no tokenizer" in message for message in messages)
    assert any("says nothing of image preprocessing" in message and "CLIP" in message for message in messages)
    assert model.tokenizer is None
    assert model.image_preprocessing.size == (12, 12)


def test_a_given_tokenizer_and_preprocessing_need_no_warning(folder, tokenizer):
    (folder / "tokenizer.json").unlink()
    (folder / "preprocessor_config.json").unlink()
    squash = mmzoo.ImagePreprocessing((12, 12), fit="squash")
    model = mmzoo.from_pretrained(folder, tokenizer=tokenizer, image_preprocessing=squash)
    assert model.tokenizer == tokenizer
    assert model.image_preprocessing == squash


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_narrow_file_is_written_narrow_until_training_needs_more(model, tmp_path, dtype):
    mmzoo.save_pretrained(model, tmp_path / "narrow", dtype=dtype)
    back = mmzoo.from_pretrained(tmp_path / "narrow")
    mmzoo.save_pretrained(back, tmp_path / "again")
    names = (tmp_path / "narrow" / "model.safetensors", tmp_path / "again" / "model.safetensors")
    assert names[0].read_bytes() == names[1].read_bytes()
    assert json.loads((tmp_path / "again" / "config.json").read_text())["dtype"] == dtype
    table = back.text_encoder.get_layer("token_embedding").tokens
    table.assign(table + 1e-4 * keras.random.normal(table.shape, seed=0))
    mmzoo.save_pretrained(back, tmp_path / "tuned")
    assert {value.dtype.name for value in load_file(tmp_path / "tuned" / "model.safetensors").values()} == {"float32"}


def test_shards_come_back(model, pictures, tmp_path):
    mmzoo.save_pretrained(model, tmp_path / "shards", max_shard_bytes=20_000)
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    back = mmzoo.from_pretrained(tmp_path / "shards")
    assert np.array_equal(back.encode_image(pictures), model.encode_image(pictures))


def test_a_bert_may_read_shorter_texts(tmp_path):
    bert = mmzoo.encoders.build_encoder(BertSizes(50, 16, 16, 1, 2))
    mmzoo.save_pretrained(bert, tmp_path / "bert")
    with pytest.warns(UserWarning, match="has no tokenizer"):
        short = mmzoo.from_pretrained(tmp_path / "bert", context_length=6)
    ids = np.array([[2, 7, 9, 3, 0, 0]], "int32")
    padded = np.pad(ids, ((0, 0), (0, 10)))
    assert np.allclose(short({"token_ids": ids})["pooled"], bert({"token_ids": padded})["pooled"], atol=1e-6)
    with pytest.raises(ValueError, match="context_length must be from 1 to the 16 positions learned, received 17"):
        mmzoo.from_pretrained(tmp_path / "bert", context_length=17)


def _rewrite(folder, change):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def _config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


def _pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _long_header(folder):
    (folder / "model.safetensors").write_bytes((100_000_001).to_bytes(8, "little") + b"{")


def _escape(folder):
    (folder / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {"logit_scale": "../../x.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


BAD = {
    "truncated": (_truncate, ValueError, "model.safetensors"),
    "missing": (lambda f: _rewrite(f, lambda t: t.pop("logit_scale")), ValueError, "has no logit_scale"),
    "extra": (lambda f: _rewrite(f, lambda t: t.update(odd=np.zeros(2, "float32"))), ValueError, "also has odd"),
    "shape": (
        lambda f: _rewrite(f, lambda t: t.update({"text_projection.weight": np.zeros((8, 17), "float32")})),
        ValueError,
        r"text_projection.weight must have shape \(8, 16\), found \(8, 17\)",
    ),
    "pickle": (_pickle, (ValueError, FileNotFoundError), "pytorch_model.bin"),
    "header": (_long_header, ValueError, "header"),
    "index": (_escape, ValueError, r"\.\./\.\./x"),
    "model_type": (lambda f: _config(f, model_type="wav2vec2"), ValueError, "received 'wav2vec2'"),
    "no configuration": (lambda f: (f / "config.json").unlink(), FileNotFoundError, "config.json"),
    "damaged configuration": (lambda f: (f / "config.json").write_text("{"), ValueError, "config.json must be JSON"),
    "unknown activation": (
        lambda f: _config(f, text_config={"hidden_act": "swish"}),
        ValueError,
        "hidden_act must be one of .*, received 'swish'",
    ),
    "endless depth": (
        lambda f: _config(f, text_config={"num_hidden_layers": 900_000}),
        ValueError,
        "at most as many blocks as there are tensors, received 900000",
    ),
    "no numbers": (lambda f: _config(f, projection_dim="8"), ValueError, "projection_dim must be a whole number"),
    "no folder": (shutil.rmtree, FileNotFoundError, "clip"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_gets_one_sentence(folder, case):
    damage, kind, message = BAD[case]
    damage(folder)
    with pytest.raises(kind, match=message) as error:
        mmzoo.from_pretrained(folder)
    assert "\n" not in str(error.value)


def test_options_of_the_other_modality_are_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="context_length must be None for CLIP"):
        mmzoo.from_pretrained(folder, context_length=5)
    mmzoo.save_pretrained(mmzoo.encoders.build_encoder(BertSizes(50, 16, 16, 1, 2)), tmp_path / "bert")
    with pytest.raises(ValueError, match="image_size must be None for BERT"):
        mmzoo.from_pretrained(tmp_path / "bert", image_size=32)


def test_a_model_that_a_format_cannot_say_is_refused_and_nothing_written(tmp_path):
    model = mmzoo.build_clip("tiny")
    for format in ("hf", "open_clip"):
        with pytest.raises(ValueError, match="format='keras' takes any model"):
            mmzoo.save_pretrained(model, tmp_path / "tiny", format=format)
    assert not list(tmp_path.iterdir())
    mmzoo.save_pretrained(model, tmp_path / "tiny", format="keras")
    assert mmzoo.from_pretrained(tmp_path / "tiny").count_params() == model.count_params()


def test_an_earlier_checkpoint_is_replaced_only_on_request_and_nothing_else_ever(model, folder):
    with pytest.raises(FileExistsError, match="must not exist yet"):
        mmzoo.save_pretrained(model, folder)
    mmzoo.save_pretrained(model, folder, overwrite=True)
    (folder / "results.json").write_text("years of work")
    with pytest.raises(FileExistsError):
        mmzoo.save_pretrained(model, folder, overwrite=True)
    assert (folder / "results.json").exists()
    assert (folder / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "torch"}, "format must be one of hf, open_clip, keras, received 'torch'"),
        ({"dtype": "int8"}, "dtype must be one of float32, float16, bfloat16, or None, received 'int8'"),
        ({"format": "keras", "dtype": "float16"}, "dtype must be None for format 'keras'"),
        ({"max_shard_bytes": 0}, "max_shard_bytes must be at least 1, received 0"),
    ],
)
def test_wrong_options_of_save_pretrained(model, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        mmzoo.save_pretrained(model, tmp_path / "x", **options)
    assert not list(tmp_path.iterdir())


def test_open_clip_is_told_of_a_tokenizer_that_is_not_its_own(model, tmp_path):
    mmzoo.save_pretrained(model, tmp_path / "clip", format="open_clip")
    config = json.loads((tmp_path / "clip" / "open_clip_config.json").read_text())
    assert config["model_cfg"]["text_cfg"]["hf_tokenizer_name"]
    assert mmzoo.from_pretrained(tmp_path / "clip").tokenizer.pad_id == model.tokenizer.pad_id


def test_open_clip_files_beside_those_of_timm_are_read(model, pictures, tmp_path):
    mmzoo.save_pretrained(model, tmp_path / "clip", format="open_clip")
    (tmp_path / "clip" / "config.json").write_text('{"architecture": "vit_base_patch32_clip_224"}')
    shutil.copy(tmp_path / "clip" / "open_clip_model.safetensors", tmp_path / "clip" / "model.safetensors")
    back = mmzoo.from_pretrained(tmp_path / "clip")
    assert np.array_equal(back.encode_image(pictures), model.encode_image(pictures))
    (tmp_path / "clip" / "open_clip_config.json").unlink()
    with pytest.raises(ValueError, match="received timm's"):
        mmzoo.from_pretrained(tmp_path / "clip")


def test_a_tokenizer_that_does_not_fit_is_refused(tmp_path, tokenizer):
    mmzoo.save_pretrained(mmzoo.encoders.build_encoder(BertSizes(50, 16, 16, 1, 2)), tmp_path / "bert")
    with pytest.raises(ValueError, match="must have vocab_size="):
        mmzoo.from_pretrained(tmp_path / "bert", tokenizer=tokenizer)
    mmzoo.save_pretrained(mmzoo.encoders.build_encoder(BertSizes(300, 16, 16, 1, 2, pad_id=7)), tmp_path / "other")
    with pytest.raises(ValueError, match="must have pad_id=0 for this tokenizer, received 7"):
        mmzoo.from_pretrained(tmp_path / "other", tokenizer=tokenizer)


def test_a_stand_in_from_the_cache_must_have_the_model_s_vocabulary(folder, tokenizer, tmp_path, monkeypatch):
    import mmzoo.pretrained.reading as reading

    (folder / "tokenizer.json").unlink()
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr(reading, "_cached", lambda repository: cache)
    tokenizer.save(cache / "tokenizer.json")
    with pytest.warns(UserWarning, match="in the hub's cache stands in"):
        assert mmzoo.from_pretrained(folder).tokenizer == tokenizer
    mmzoo.Tokenizer.train(["a cat"], 280).save(cache / "tokenizer.json")
    with pytest.warns(UserWarning, match="none in the hub's cache fits"):
        assert mmzoo.from_pretrained(folder).tokenizer is None


def test_a_temperature_above_clip_s_limit_stays_for_siglip(pictures, tokenizer, tmp_path):
    image = mmzoo.encoders.build_encoder(ViTSizes(12, 4, 16, 1, 2))
    text = mmzoo.encoders.build_encoder(TextSizes(300, 10, 16, 1, 2, end_id=3))
    model = mmzoo.build_clip(image_encoder=image, text_encoder=text, embed_dim=8, loss="sigmoid", tokenizer=tokenizer)
    model.logit_scale.log_scale.assign(4.765)  # google/siglip-base-patch16-224 has about this
    model.compile(keras.optimizers.SGD(1e-12))
    model.fit({"images": pictures, "token_ids": tokenizer(CAPTIONS, 10)}, batch_size=3, verbose=0)
    assert float(model.logit_scale.log_scale) == pytest.approx(4.765)


def test_a_given_preprocessing_of_another_size_is_refused(folder):
    with pytest.raises(ValueError, match=r"must have the model's size \(12, 12\), received \(24, 24\)"):
        mmzoo.from_pretrained(folder, image_preprocessing=mmzoo.ImagePreprocessing((24, 24)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_config": {"eos_token_id": None}}, "eos_token_id must be a token's id, received None"),
        ({"text_config": {"eos_token_id": [3]}}, r"eos_token_id must be a token's id, received \[3\]"),
        ({"vision_config": {"layer_norm_eps": None}}, "layer_norm_eps must be a number between 0 and 1, received None"),
        ({"vision_config": [1]}, r"vision_config must be a dictionary, received \[1\]"),
    ],
)
def test_strange_values_are_named(folder, changes, message):
    _config(folder, **changes)
    with pytest.raises(ValueError, match=message):
        mmzoo.from_pretrained(folder)


def test_the_older_sections_fill_up_with_defaults_and_win():
    from mmzoo.pretrained.families.clip import FAMILY

    old = {"hidden_act": "gelu", "eos_token_id": 2}
    sizes = FAMILY.sizes({"text_config": old, "text_config_dict": {"hidden_size": 512}}, ())
    assert (sizes.text.activation, sizes.text.end_id, sizes.text.width) == ("quick_gelu", 49407, 512)
    assert FAMILY.sizes({"text_config": old}, ()).text.end_id is None


def test_pictures_of_another_size_than_the_model_s_are_warned_of(folder):
    path = folder / "preprocessor_config.json"
    path.write_text(path.read_text().replace("12", "24"))
    with pytest.warns(UserWarning, match=r"scales pictures to \(24, 24\), and its model reads \(12, 12\)"):
        assert mmzoo.from_pretrained(folder).image_preprocessing.size == (12, 12)
