"""What a .keras file keeps of every model besides its weights."""

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_convnet, build_recurrent_text
from mmzoo.models import build_captioner, build_classifier, build_clip, build_pretrainer
from mmzoo.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train(["a red circle"], 300)
SIZES = {"vocab_size": TOKENIZER.vocab_size, "context_length": 8, "width": 8}


def image():
    return build_convnet(image_size=8, widths=(8,), blocks=1)


def text():
    return build_recurrent_text(dropout=0.5, **SIZES)


MODELS = {
    "clip": lambda: build_clip(image_encoder=image(), text_encoder=text(), embed_dim=8, tokenizer=TOKENIZER),
    "captioner": lambda: build_captioner(image(), decoder="gru", dropout=0.5, tokenizer=TOKENIZER, width=8),
    "classifier": lambda: build_classifier(image(), text(), num_classes=2, dropout=0.5, tokenizer=TOKENIZER),
    "pretrainer": lambda: build_pretrainer(image(), text(), objectives=("itc",), embed_dim=8, tokenizer=TOKENIZER),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_draws_tokenizer_and_preprocessing_come_back(make, tmp_path):
    model = make()
    inputs = {"images": np.ones((2, 8, 8, 3), "uint8")}
    lengths = model.context_length
    inputs["token_ids"] = TOKENIZER(["a red circle"] * 2, lengths)
    for _ in range(3):
        model(inputs, training=True)
    draws = [np.asarray(state) for state in seeds(model)]
    assert any(count for _, count in draws)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal([np.asarray(state) for state in seeds(again)], draws)
    assert again.tokenizer.definition == TOKENIZER.definition
    assert again.image_preprocessing == model.image_preprocessing


def seeds(model):
    return [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]
