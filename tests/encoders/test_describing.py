"""The sizes read off an encoder are those it was built with, also after saving and loading."""

import keras
import pytest

import mmzoo
from mmzoo.encoders import build_encoder
from mmzoo.encoders.describing import bert_sizes, clip_resnet_sizes, resnet_sizes, text_sizes, vit_sizes
from mmzoo.presets import HALF, BertSizes, ClipResNetSizes, ResNetSizes, TextSizes, ViTSizes

READERS = {
    ViTSizes: vit_sizes,
    ClipResNetSizes: clip_resnet_sizes,
    ResNetSizes: resnet_sizes,
    TextSizes: text_sizes,
    BertSizes: bert_sizes,
}
SIZES = [
    ViTSizes(12, 4, 16, 1, 2),
    ViTSizes((12, 8), 4, 16, 2, 4, "gelu", 20, "attention", False, True, epsilon=1e-6, mean=HALF, std=HALF),
    ViTSizes(12, 4, 16, 1, 2, pooling="mean"),
    ViTSizes(12, 4, 16, 1, 2, norm_first=False, patch_bias=True, pooler=True),
    ClipResNetSizes(32, 4, (1, 2, 1, 1), 4),
    ResNetSizes(32, 4, (8, 12), (2, 1)),
    ResNetSizes((32, 48), 4, (8, 12), (1, 1), "basic", downsample_in_first_stage=True, activation="gelu"),
    ResNetSizes(32, 4, (8, 12), (1, 1), downsample_in_bottleneck=True),
    TextSizes(50, 8, 16, 1, 2),
    TextSizes(50, 8, 16, 2, 2, "gelu_tanh", 20, causal=False, pooling="last", epsilon=1e-6),
    TextSizes(50, 8, 16, 1, 2, pooling="first", mask_rule="pad_id", pad_id=3),
    TextSizes(50, 8, 16, 1, 2, pooling="mean", mask_rule="after_first_eos", end_id=4),
    TextSizes(50, 8, 16, 1, 2, end_id=4),
    BertSizes(50, 8, 16, 1, 2),
    BertSizes(50, 8, 16, 2, 4, "gelu_tanh", 20, max_positions=12, token_types=3, pooler=False, pad_id=5, epsilon=1e-6),
]


@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: type(sizes).__name__)
def test_sizes_come_back(sizes, tmp_path):
    encoder = build_encoder(sizes)
    assert READERS[type(sizes)](encoder) == sizes
    encoder.save(tmp_path / "encoder.keras")
    assert READERS[type(sizes)](mmzoo.load(tmp_path / "encoder.keras")) == sizes


@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: type(sizes).__name__)
def test_an_encoder_is_described_by_its_own_reader_only(sizes):
    encoder = build_encoder(sizes)
    assert [kind for kind, read in READERS.items() if read(encoder) is not None] == [type(sizes)]


def test_a_model_of_somebody_else_has_no_sizes():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    assert [read(model) for read in READERS.values()] == [None] * len(READERS)
