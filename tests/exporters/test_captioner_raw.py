"""One SavedModel that reads picture files and writes captions, the whole loop inside."""

import io
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo.bundle import Bundle, verify
from mmzoo.bundle.manifest import read_manifest

pytestmark = pytest.mark.usefixtures("plain_search")

NAME = "caption_image_bytes"


def png(picture):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def small(tokenizer, **options):
    keras.utils.set_random_seed(0)
    image = mmzoo.build_convnet(image_size=8, widths=(8,), blocks=1)
    return mmzoo.build_captioner(image, decoder="gru", tokenizer=tokenizer, context_length=8, width=16, **options)


def test_64_png_files_get_the_captions_of_generate(captioner, captioner_bundle, shown):
    files = np.array([png(picture) for picture in shown])
    found = Bundle(captioner_bundle).run(NAME, "saved_model", {"image_bytes": files})["captions"]
    expected = [str(each) for each in captioner.generate(shown)]
    assert len(set(expected)) == 64
    assert [text.decode() for text in found] == expected


def test_it_is_proven_and_verified_as_the_others_are(captioner_bundle):
    artifact = read_manifest(captioner_bundle).artifact(NAME, "saved_model")
    assert (artifact.path, artifact.samples, artifact.max_abs_diff) == ("saved_model_raw/1", 16, 0)
    checks = {check.artifact.part: check for check in verify(captioner_bundle).artifacts}
    assert (checks[NAME].max_abs_diff, checks[NAME].problem) == (0, None)


def test_only_tensorflow_is_needed(captioner_bundle, shown):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('mmzoo', 'keras', 'tokenizers', 'tensorflow_text')))\n"
        "import tensorflow as tf\n"
        f"run = tf.saved_model.load(sys.argv[1]).signatures[{NAME!r}]\n"
        "file = tf.io.encode_png(tf.zeros((9, 9, 3), tf.uint8))\n"
        "print(run(image_bytes=file[None])['captions'].dtype)"
    )
    command = [sys.executable, "-c", code, str(captioner_bundle / "saved_model_raw/1")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "<dtype: 'string'>\n"


def test_questions_are_strings_too(shown, tmp_path):
    tokenizer = mmzoo.Tokenizer.train(["what colour is it?", "a red ring"], 300, kind="wordpiece", lower_case=True)
    encoder = mmzoo.build_text_transformer(
        vocab_size=tokenizer.vocab_size, context_length=10, width=8, depth=1, num_heads=1, end_id=3
    )
    model = small(tokenizer, text_encoder=encoder, fusion="add")
    mmzoo.export(model, tmp_path / "answers", ("saved_model",))
    texts = ["What colour is it?", "ring", "数字七 ٣", ""] * 16
    given = {"image_bytes": np.array([png(picture) for picture in shown]), "text_strings": np.array(texts)}
    found = Bundle(tmp_path / "answers").run(NAME, "saved_model", given)["captions"]
    assert [text.decode() for text in found] == [str(each) for each in model.generate(shown, texts)]


def test_without_a_tokenizer_it_is_left_out_with_a_reason(tmp_path):
    model = small(None, vocab_size=20)
    with pytest.warns(UserWarning, match=f"'{NAME}' is left out: the model has no tokenizer to make words"):
        manifest = mmzoo.export(model, tmp_path / "ids", ("saved_model",))
    assert set(manifest.parts) == {"encoder", "prefill", "decode_step", "encoder_bytes"}


def test_only_saved_models_have_it(tmp_path):
    tokenizer = mmzoo.Tokenizer.train(["a red ring"], 300)
    assert NAME not in mmzoo.export(small(tokenizer), tmp_path / "onnx", ("onnx",)).parts
    assert NAME not in mmzoo.export(small(tokenizer), tmp_path / "plain", ("saved_model",), raw=False).parts
