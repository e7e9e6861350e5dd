"""A ViT gets a mask token, or loses it, and computes what it computed before."""

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_bert, build_convnet, build_recurrent_text, build_vit
from mmzoo.encoders.hiding import token_table, with_mask_token
from mmzoo.presets import ImagePreprocessing

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("float32")


@pytest.mark.parametrize("options", [{}, {"pooling": "mean", "patch_bias": True}, {"pooling": "attention"}])
def test_the_same_pictures_give_the_same_numbers_with_nothing_hidden(options):
    vit = build_vit(image_size=8, patch_size=4, width=8, depth=2, num_heads=2, dropout=0.1, **options)
    vit.image_preprocessing = ImagePreprocessing((8, 8), "bilinear", "squash")
    hiding = with_mask_token(vit)
    assert hiding.image_preprocessing == vit.image_preprocessing
    assert hiding.get_layer("block_1").dropout == 0.1
    expected = vit({"images": IMAGES})
    seen = hiding({"images": IMAGES, "patch_mask": np.zeros((2, 4), bool)})
    back = with_mask_token(hiding, False)({"images": IMAGES})
    for name in ("sequence", "pooled"):
        np.testing.assert_array_equal(np.asarray(seen[name]), np.asarray(expected[name]))
        np.testing.assert_array_equal(np.asarray(back[name]), np.asarray(expected[name]))


def test_one_that_is_so_already_is_returned():
    vit = build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2, mask_token=True)
    assert with_mask_token(vit) is vit


def test_the_rebuilt_one_keeps_its_precision():
    vit = build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2)
    keras.config.set_dtype_policy("mixed_float16")
    assert with_mask_token(vit).get_layer("block_0").dtype_policy.name == "float32"
    assert keras.config.dtype_policy().name == "mixed_float16"


def test_what_is_no_vit_is_refused():
    with pytest.raises(ValueError, match="image_encoder must be a ViT to hide patches, received 'image_encoder'"):
        with_mask_token(build_convnet(image_size=8, widths=(4,)))


def test_the_table_is_that_of_the_tokens():
    bert = build_bert(vocab_size=40, context_length=6, width=8, depth=1, num_heads=2)
    assert token_table(bert) is bert.get_layer("token_embedding").tokens
    lstm = build_recurrent_text(vocab_size=40, context_length=6, width=8, embedding_dim=4)
    assert tuple(token_table(lstm).shape) == (40, 4)
