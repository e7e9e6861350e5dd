import numpy as np
import pytest

from mmzoo import Tokenizer
from mmzoo.bundle import Bundle

CAPTIONS = ["a photo of the digit seven", "数字七", "a red circle"]


@pytest.mark.parametrize("format", ["saved_model", "tflite", "onnx"])
def test_a_clip_s_towers_answer_as_encode_image_and_encode_text_do(clip, clip_bundle, format):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype("uint8")
    token_ids = clip.tokenizer(CAPTIONS, clip.context_length)
    bundle = Bundle(clip_bundle)
    image = bundle.run("image", format, {"images": images})["image_embeds"]
    text = bundle.run("text", format, {"token_ids": token_ids})["text_embeds"]
    np.testing.assert_allclose(image, clip.encode_image(images), atol=1e-5)
    np.testing.assert_allclose(text, clip.encode_text(CAPTIONS), atol=1e-5)


def test_the_tokenizer_goes_along(clip, clip_bundle):
    assert Tokenizer.from_file(clip_bundle / "tokenizer.json") == clip.tokenizer
