import numpy as np
import pytest

from mmzoo import Tokenizer, build_clip
from mmzoo.bundle import Bundle
from mmzoo.exporters import export


@pytest.mark.timeout(600)
def test_a_clip_s_towers_answer_in_every_format_as_encode_image_and_encode_text_do(tmp_path):
    captions = ["a photo of the digit seven", "数字七", "a red circle"]
    model = build_clip("tiny", tokenizer=Tokenizer.train(captions, 300))
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype("uint8")
    token_ids = model.tokenizer(captions, model.context_length)
    export(model, tmp_path / "clip", samples={"images": images, "token_ids": token_ids})
    bundle = Bundle(tmp_path / "clip")
    for format in ("saved_model", "tflite", "onnx"):
        image = bundle.run("image", format, {"images": images})["image_embeds"]
        text = bundle.run("text", format, {"token_ids": token_ids})["text_embeds"]
        np.testing.assert_allclose(image, model.encode_image(images), atol=1e-5)
        np.testing.assert_allclose(text, model.encode_text(captions), atol=1e-5)
    assert Tokenizer.from_file(tmp_path / "clip/tokenizer.json").vocab_size == model.tokenizer.vocab_size
