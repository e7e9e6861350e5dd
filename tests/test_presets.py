"""Names and sizes: parameters as published, and what build_clip and build_encoder make of a name."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mmzoo import ImagePreprocessing, Tokenizer, build_clip, list_presets
from mmzoo.encoders import ImageEncoder, TextEncoder, build_encoder
from mmzoo.presets import CLIP_PRESETS, IMAGE_PRESETS, TEXT_PRESETS, BertSizes, count_parameters, find_preset
from mmzoo.pretrained.assigning import uninitialized

COUNTED = json.loads(Path(__file__).with_name("golden").joinpath("parameter_counts.json").read_text(encoding="utf-8"))
ROWS = {row.name: row for row in list_presets()}
OWN = {"tiny", "small", "bilstm", "gru"}  # published nowhere

# Millions of parameters, from open_clip's table (its repository, docs/model_profile.csv).
OPEN_CLIP_TABLE = {
    "rn50": 102.01,
    "rn101": 119.69,
    "rn50x4": 178.3,
    "rn50x16": 290.98,
    "rn50x64": 623.26,
    "vit_b_32": 151.28,
    "vit_b_16": 149.62,
    "vit_l_14": 427.62,
    "vit_l_14_336": 427.94,
    "vit_h_14": 986.11,
    "vit_g_14": 1366.68,
    "vit_bigg_14": 2539.57,
    "siglip_b_16_224": 203.16,
    "siglip_b_16_256": 203.2,
    "siglip_b_16_384": 203.45,
    "siglip_b_16_512": 203.79,
    "siglip_l_16_256": 652.15,
    "siglip_l_16_384": 652.48,
    "siglip_so400m_14_224": 877.36,
    "siglip_so400m_14_384": 877.96,
}
# Millions as their papers round them: arXiv:1908.08962 (table 1), arXiv:1810.04805 (section 3), arXiv:2010.11929 (table 1),
# arXiv:2012.12877 (table 1). The last two count a classifier of 1,000 classes, which these encoders have not.
PAPERS = {
    "bert_tiny": (4.4, 0),
    "bert_mini": (11.3, 0),
    "bert_small": (29.1, 0),
    "bert_medium": (41.7, 0),
    "bert_base": (110, 0),
    "bert_large": (340, 0),
    "vit_tiny_16": (5, 192),
    "vit_small_16": (22, 384),
    "vit_base_16": (86, 768),
    "vit_large_16": (307, 1024),
    "vit_huge_14": (632, 1280),
}


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(["a red circle", "数字七"], 300)


class TestParameters:
    def test_every_published_size_is_counted_in_another_library(self):
        assert set(ROWS) - OWN == set(COUNTED)

    @pytest.mark.parametrize("name", COUNTED)
    def test_they_are_those_of_the_other_library_s_module(self, name):
        assert ROWS[name].parameters == COUNTED[name]["parameters"]

    @pytest.mark.parametrize("name", OPEN_CLIP_TABLE)
    def test_they_are_those_of_open_clip_s_table(self, name):
        assert ROWS[name].parameters / 1e6 == pytest.approx(OPEN_CLIP_TABLE[name], abs=0.006)

    @pytest.mark.parametrize("name", PAPERS)
    def test_they_are_about_what_the_paper_says(self, name):
        millions, width = PAPERS[name]
        classifier = 1000 * (width + 1) if width else 0
        assert (ROWS[name].parameters + classifier) / 1e6 == pytest.approx(millions, rel=0.02, abs=0.75)

    @pytest.mark.parametrize("name", ["rn50", "vit_b_16", "siglip_b_16_224", "resnet_50", "bert_base"])
    def test_a_model_of_full_size_has_them(self, name):
        with uninitialized():
            model = build_clip(name) if name in CLIP_PRESETS else build_encoder(name)
        assert sum(int(np.prod(weight.shape)) for weight in model.trainable_variables) == ROWS[name].parameters

    def test_options_that_no_preset_uses_are_counted_as_built(self):
        vit = dataclasses.replace(CLIP_PRESETS["small"].image, image_size=(9, 4), patch_size=4, width=4, depth=1)
        resnet = dataclasses.replace(IMAGE_PRESETS["resnet_18"].sizes, stem_width=2, widths=(4, 8), depths=(1, 2))
        bert = dataclasses.replace(TEXT_PRESETS["bert_tiny"].sizes, vocab_size=9, width=4, depth=1, context_length=3)
        lstm = dataclasses.replace(TEXT_PRESETS["bilstm"].sizes, vocab_size=9, width=3, context_length=3)
        for sizes in (
            dataclasses.replace(vit, pooler=True, mlp_dim=5),
            dataclasses.replace(vit, pooling="mean", patch_bias=True, norm_first=False),
            dataclasses.replace(resnet, image_size=32, downsample_in_first_stage=True),
            dataclasses.replace(resnet, image_size=32, block="bottleneck", downsample_in_first_stage=True),
            dataclasses.replace(bert, max_positions=7, token_types=0, pooler=False),
            dataclasses.replace(lstm, embedding_dim=5, depth=2),
            dataclasses.replace(lstm, cell="gru", depth=2, bidirectional=False),
        ):
            built = sum(int(np.prod(weight.shape)) for weight in build_encoder(sizes).trainable_variables)
            assert count_parameters(sizes) == built, sizes


class TestRows:
    def test_a_name_means_one_preset(self):
        assert len(ROWS) == len(CLIP_PRESETS) + len(IMAGE_PRESETS) + len(TEXT_PRESETS)

    def test_a_row_of_each_kind(self):
        assert dataclasses.astuple(ROWS["siglip_so400m_14_384"]) == (
            *("siglip_so400m_14_384", "clip", 877_960_498, (384, 384), 64, 1152),
            "arXiv:2305.13035",
        )
        assert dataclasses.astuple(ROWS["resnet_50"])[:6] == ("resnet_50", "image", 23_508_032, (224, 224), None, 2048)
        assert dataclasses.astuple(ROWS["bilstm"])[1:] == ("text", 3_147_776, None, 32, 512, "")

    def test_what_is_published_names_its_paper(self):
        assert {name for name, row in ROWS.items() if not row.paper.startswith("arXiv:")} == OWN


class TestPreprocessing:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("vit_l_14_336", ImagePreprocessing((336, 336))),
            ("rn50x4", ImagePreprocessing((288, 288))),
            ("siglip2_l_16_384", ImagePreprocessing((384, 384), fit="squash")),
        ],
    )
    def test_of_a_clip(self, name, expected):
        assert CLIP_PRESETS[name].image_preset.preprocessing == expected

    def test_a_resnet_crops_224_of_256_pixels_and_a_vit_squashes(self):
        resnet, vit = IMAGE_PRESETS["resnet_50"], IMAGE_PRESETS["vit_base_16"]
        assert resnet.preprocessing == ImagePreprocessing((224, 224), shortest_side=256)
        assert vit.preprocessing == ImagePreprocessing((224, 224), "bilinear", "squash")

    def test_a_variant_s_follows_its_size(self):
        preset = IMAGE_PRESETS["resnet_18"]
        variant = dataclasses.replace(preset, sizes=dataclasses.replace(preset.sizes, image_size=(28, 56)))
        assert variant.preprocessing == ImagePreprocessing((28, 56), shortest_side=64)
        assert build_encoder(variant).image_preprocessing == variant.preprocessing


class TestNames:
    def test_swapping_a_side_is_one_word(self, tokenizer):
        model = build_clip(image_encoder="resnet_18", text_encoder="gru", tokenizer=tokenizer, embed_dim=8)
        assert model.image_size == (224, 224)
        assert model.image_preprocessing.shortest_side == 256
        assert model.text_encoder.get_layer("token_embedding").input_dim == tokenizer.vocab_size
        assert model.text_encoder.get_layer("token_mask").pad_id == tokenizer.pad_id
        assert (model.context_length, model.image_projection, model.loss_name) == (32, "linear", "softmax")

    def test_a_clip_s_name_gives_its_side(self, tokenizer):
        model = build_clip(image_encoder="tiny", text_encoder="small", tokenizer=tokenizer)
        assert (model.image_size, model.context_length, model.embed_dim) == ((32, 32), 32, 512)

    def test_a_side_that_replaces_a_preset_s_gets_a_linear_projection(self, tokenizer):
        sizes = dataclasses.replace(CLIP_PRESETS["siglip_b_16_224"].text, width=8, depth=1, num_heads=1)
        preset = dataclasses.replace(CLIP_PRESETS["siglip_b_16_224"], text=sizes)
        model = build_clip(preset, image_encoder="tiny", tokenizer=tokenizer)
        assert (model.image_projection, model.text_projection, model.loss_name) == ("linear", "affine", "sigmoid")
        assert model.image_preprocessing == ImagePreprocessing((32, 32))

    def test_bert_takes_the_tokenizer_s_pad(self, tokenizer):
        model = build_clip("tiny", text_encoder="bert_tiny", tokenizer=tokenizer)
        assert model.text_encoder.get_layer("token_mask").pad_id == tokenizer.pad_id

    def test_build_encoder_takes_a_name(self):
        assert isinstance(build_encoder("resnet_18"), ImageEncoder)
        assert isinstance(build_encoder("bert_tiny"), TextEncoder)
        assert find_preset("bert_tiny").sizes == BertSizes(30522, 512, 128, 2, 2)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: build_clip("ViT-B/32"), "preset must be one of tiny.*received 'ViT-B/32': did you mean vit_b_32"),
            (lambda: build_clip("resnet_50"), "preset must be one of tiny"),
            (lambda: build_clip("tiny", image_encoder="resnet50"), "image_encoder must be .* did you mean resnet_50"),
            (lambda: build_clip("tiny", text_encoder="lstm"), "text_encoder must be .* did you mean bilstm"),
            (lambda: build_encoder("rn50"), "one encoder, received 'rn50', a CLIP: build_clip builds it"),
        ],
    )
    def test_a_wrong_name_gets_one_sentence_with_those_near_to_it(self, make, message):
        with pytest.raises(ValueError, match=message):
            make()

    def test_build_encoder_refuses_what_is_no_preset(self):
        with pytest.raises(TypeError, match=r"preset must be a name, an ImagePreset, .* received 3"):
            build_encoder(3)
