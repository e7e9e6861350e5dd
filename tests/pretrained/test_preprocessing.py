"""Image preprocessing from the files of other libraries, and back: expectations by hand, and what transformers made."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from mmzoo.data import resize, safe_decode
from mmzoo.presets import CLIP_MEAN, CLIP_STD, HALF, IMAGENET_MEAN, IMAGENET_STD, ImagePreprocessing
from mmzoo.pretrained.preprocessing import (
    Preprocessing,
    open_clip_preprocessing,
    read_preprocessing,
    write_preprocessing,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "pictures.npz"
CLIP = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": list(CLIP_MEAN),
    "image_processor_type": "CLIPImageProcessor",
    "image_std": list(CLIP_STD),
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224},
}
VIT = {"image_processor_type": "ViTImageProcessor"}
SIGLIP = {"image_processor_type": "SiglipImageProcessor"}
RESNET = {
    "crop_pct": 0.875,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "ConvNextFeatureExtractor",
    "image_mean": list(IMAGENET_MEAN),
    "image_std": list(IMAGENET_STD),
    "resample": 3,
    "size": 224,
}


def crop(size, **fields):
    return ImagePreprocessing(size, crop_rounding="down", **fields)


def squash(size, interpolation="bicubic"):
    return ImagePreprocessing(size, interpolation, "squash", crop_rounding="down")


def written(folder, content, name="preprocessor_config.json"):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (CLIP, Preprocessing(crop((224, 224)))),
        (CLIP | {"image_processor_type": "CLIPImageProcessorFast"}, Preprocessing(crop((224, 224)))),
        ({"image_processor_type": "CLIPImageProcessor"}, Preprocessing(crop((224, 224)))),
        (
            {"feature_extractor_type": "CLIPFeatureExtractor", "size": 336, "crop_size": 336, "resample": 3},
            Preprocessing(crop((336, 336))),
        ),
        (CLIP | {"size": {"shortest_edge": 256}}, Preprocessing(crop((224, 224), shortest_side=256))),
        (
            CLIP | {"size": 256, "crop_size": {"height": 224, "width": 112}, "resample": 2},
            Preprocessing(crop((224, 112), interpolation="bilinear", shortest_side=256)),
        ),
        (CLIP | {"size": {"height": 224, "width": 224}}, Preprocessing(squash((224, 224)))),
        (CLIP | {"size": {"height": 9, "width": 8}, "do_center_crop": False}, Preprocessing(squash((9, 8)))),
        (SIGLIP, Preprocessing(squash((224, 224)), HALF, HALF)),
        (
            SIGLIP | {"resample": 2, "size": {"height": 256, "width": 256}, "do_convert_rgb": None},
            Preprocessing(squash((256, 256), "bilinear"), HALF, HALF),
        ),
        (VIT, Preprocessing(squash((224, 224), "bilinear"), HALF, HALF)),
        (VIT | {"size": 384, "image_mean": 0.4}, Preprocessing(squash((384, 384), "bilinear"), (0.4, 0.4, 0.4), HALF)),
        ({"image_processor_type": "ViTFeatureExtractor"}, Preprocessing(squash((224, 224), "bilinear"), HALF, HALF)),
        (VIT | {"size": [9, 8]}, Preprocessing(squash((9, 8), "bilinear"), HALF, HALF)),
        (RESNET, Preprocessing(crop((224, 224), shortest_side=256), IMAGENET_MEAN, IMAGENET_STD)),
        (
            RESNET | {"size": {"shortest_edge": 383}, "crop_pct": 1},
            Preprocessing(crop((383, 383)), *(IMAGENET_MEAN, IMAGENET_STD)),
        ),
        (RESNET | {"size": 384}, Preprocessing(squash((384, 384)), IMAGENET_MEAN, IMAGENET_STD)),
    ],
)
def test_transformers_files_say_what_is_done(tmp_path, content, expected):
    assert read_preprocessing(written(tmp_path, content)) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"do_normalize": False},
        {"do_rescale": False, "image_mean": [120, 110, 100], "image_std": [60, 70, 80]},
        {"do_rescale": False, "do_normalize": False},
        {"rescale_factor": 1 / 127.5, "image_mean": [1, 1, 1], "image_std": [1, 1, 1]},
    ],
)
def test_mean_and_std_are_those_of_pixels_divided_by_255(tmp_path, fields):
    found = read_preprocessing(written(tmp_path, VIT | fields))
    pixel = 77
    factor = fields.get("rescale_factor", 1 / 255) if fields.get("do_rescale", True) else 1
    mean, std = np.array(fields.get("image_mean", HALF)), np.array(fields.get("image_std", HALF))
    expected = (pixel * factor - mean) / std if fields.get("do_normalize", True) else np.full(3, pixel * factor)
    np.testing.assert_allclose((pixel / 255 - np.array(found.mean)) / np.array(found.std), expected, rtol=1e-12)


def test_the_nested_file_goes_first_as_in_transformers(tmp_path):
    written(tmp_path, RESNET)
    written(tmp_path, {"image_processor": CLIP, "processor_class": "CLIPProcessor"}, "processor_config.json")
    assert read_preprocessing(tmp_path) == Preprocessing(crop((224, 224)))
    written(tmp_path, {"processor_class": "CLIPProcessor"}, "processor_config.json")
    assert read_preprocessing(tmp_path).image.shortest_side == 256


@pytest.mark.parametrize(
    ("model_type", "fit"), [("clip", "crop"), ("siglip", "squash"), ("vit", "squash"), ("resnet", "crop")]
)
def test_a_file_without_a_type_is_the_model_s_own_processor_s(tmp_path, model_type, fit):
    written(tmp_path, {"model_type": model_type}, "config.json")
    found = read_preprocessing(written(tmp_path, {"size": 64, "crop_size": 64} if fit == "crop" else {}))
    assert found.image.fit == fit


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Preprocessing(ImagePreprocessing((240, 240)))),
        (
            {"mean": 0.5, "std": [0.5, 0.5, 0.5], "interpolation": "bilinear", "resize_mode": "squash", "size": 99},
            Preprocessing(ImagePreprocessing((240, 240), "bilinear", "squash"), HALF, HALF),
        ),
        ({"interpolation": "random", "resize_mode": None}, Preprocessing(ImagePreprocessing((240, 240)))),
    ],
)
def test_open_clip_files_say_what_is_done(tmp_path, fields, expected):
    content = {"model_cfg": {"vision_cfg": {"image_size": 240}}, "preprocess_cfg": fields}
    assert read_preprocessing(written(tmp_path, content, "open_clip_config.json")) == expected


def test_a_folder_that_says_nothing_gives_none(tmp_path):
    assert read_preprocessing(tmp_path) is None
    assert read_preprocessing(written(tmp_path, {"model_cfg": {}}, "open_clip_config.json")) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (CLIP | {"do_resize": False}, "do_resize must be true"),
        (CLIP | {"do_center_crop": False}, "size without do_center_crop must have a height and a width"),
        (CLIP | {"crop_size": 225}, "crop_size must be at most the shortest edge 224"),
        (CLIP | {"crop_size": {"shortest_edge": 4}}, "crop_size must have a height and a width"),
        (CLIP | {"size": {"height": 256, "width": 256}}, r"crop_size must be size \(256, 256\)"),
        (CLIP | {"size": {"shortest_edge": 224, "longest_edge": 448}}, "size must be a height and a width or"),
        (SIGLIP | {"size": 224}, "size without do_center_crop"),
        (CLIP | {"do_pad": True}, "do_pad must be false"),
        (CLIP | {"do_flip_channel_order": True}, r"steps must be known ones .*received \['do_flip_channel_order'\]"),
        (CLIP | {"do_normalize": "no"}, "do_normalize must be true or false, received 'no'"),
        (CLIP | {"resample": 1}, r"resample must be 2 \(bilinear\) or 3 \(bicubic\), received 1"),
        (CLIP | {"resample": [3]}, r"resample must be 2 .* received \[3\]"),
        (CLIP | {"size": 10**9}, "size must be from 1 to 16,384 pixels, received 1000000000"),
        (CLIP | {"size": -224}, "size must be from 1 to 16,384 pixels, received -224"),
        (CLIP | {"size": True}, "size must be from 1 to 16,384 pixels, received True"),
        (CLIP | {"size": "224"}, "size must be a height and a width or a shortest edge, received '224'"),
        (CLIP | {"image_mean": [0.5, 0.5]}, r"image_mean must be three numbers, received \[0.5, 0.5\]"),
        (CLIP | {"image_mean": [0.5, 0.5, math.nan]}, "image_mean must be a number from -1e.06 to 1e.06, received nan"),
        (CLIP | {"image_mean": [0.5, 0.5, 10**400]}, "image_mean must be a number from"),
        (CLIP | {"image_std": [0.5, 0.5, 0]}, "image_std must be a number from 1e-06 to 1e.06, received 0"),
        (CLIP | {"rescale_factor": 0}, "rescale_factor must be a number from"),
        (RESNET | {"crop_pct": 0}, "crop_pct must be a number from"),
        (RESNET | {"crop_pct": 1.5}, "crop_pct must be a number from"),
        (RESNET | {"size": {"height": 224, "width": 224}}, "size must be a shortest edge for ConvNextImageProcessor"),
        (RESNET | {"do_center_crop": True}, "do_center_crop must be false for ConvNextImageProcessor"),
        ({"image_processor_type": "Siglip2ImageProcessor"}, "image_processor_type must be one of CLIPImageProcessor, "),
        ({"size": 224}, "image_processor_type must be one of .* received neither"),
    ],
)
def test_what_a_model_cannot_do_is_refused(tmp_path, content, reason):
    with pytest.raises(ValueError, match=rf"preprocessor_config\.json: {reason}"):
        read_preprocessing(written(tmp_path, content))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"resize_mode": "longest"}, "resize_mode must be 'shortest' or 'squash', received 'longest'"),
        ({"interpolation": "lanczos"}, "interpolation must be 'bicubic' or 'bilinear', received 'lanczos'"),
        ({"mode": "L"}, "mode must be 'RGB', received 'L'"),
        ({"size": [224, 112]}, r"image_size must be square for resize_mode 'shortest', received \(224, 112\)"),
        ({"std": [1, 1, 0]}, "std must be a number from"),
    ],
)
def test_what_open_clip_does_otherwise_is_refused(tmp_path, fields, reason):
    content = {"model_cfg": {"vision_cfg": {}}, "preprocess_cfg": fields}
    with pytest.raises(ValueError, match=rf"open_clip_config\.json: {reason}"):
        read_preprocessing(written(tmp_path, content, "open_clip_config.json"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (json.dumps(CLIP)[:-40], "must be JSON: "),
        ("", "must be JSON: "),
        ("[1, 2]", r"must be a JSON object, received \[1, 2\]"),
        ("[" * 200_000, "must be JSON: it is nested too deeply"),
        ('{"size": ' + "9" * 5000 + "}", "must be JSON: "),
        ('{"size": "' + "9" * 2**20 + '"}', "must have at most 1,048,576 bytes, received 1,048,588"),
    ],
)
@pytest.mark.parametrize("name", ["preprocessor_config.json", "processor_config.json", "open_clip_config.json"])
def test_a_damaged_file_is_refused(tmp_path, name, text, reason):
    with pytest.raises(ValueError, match=rf"{name} {reason}"):
        read_preprocessing(written(tmp_path, text, name))


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "preprocessor_config.json"
    with path.open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(ValueError, match="must have at most 1,048,576 bytes, received 1,073,741,824"):
        read_preprocessing(tmp_path)


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / "preprocessor_config.json").mkdir()
    with pytest.raises(ValueError, match="must be a file, received something else"):
        read_preprocessing(tmp_path)


ALL = [
    Preprocessing(crop((224, 224))),
    Preprocessing(crop((224, 224), interpolation="bilinear", shortest_side=256), IMAGENET_MEAN, IMAGENET_STD),
    Preprocessing(crop((300, 300), shortest_side=343), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    Preprocessing(crop((400, 400), shortest_side=401)),
    Preprocessing(crop((40, 64), shortest_side=64)),
    Preprocessing(squash((224, 224)), HALF, HALF),
    Preprocessing(squash((40, 64), "bilinear"), HALF, HALF),
    Preprocessing(squash((384, 384)), IMAGENET_MEAN, IMAGENET_STD),
]


@pytest.mark.parametrize("model_type", ["clip", "siglip", "vit", "resnet"])
@pytest.mark.parametrize("preprocessing", ALL, ids=str)
def test_what_is_written_is_read_back(tmp_path, preprocessing, model_type):
    write_preprocessing(tmp_path, preprocessing, model_type=model_type)
    assert read_preprocessing(tmp_path) == preprocessing


def test_every_shortest_side_has_a_share_that_is_read_back(tmp_path):
    for side in range(224, 384):
        preprocessing = Preprocessing(crop((224, 224), shortest_side=side if side > 224 else None))
        write_preprocessing(tmp_path, preprocessing, model_type="resnet")
        assert json.loads((tmp_path / "preprocessor_config.json").read_text())["size"] == {"shortest_edge": 224}
        assert read_preprocessing(tmp_path) == preprocessing


def test_openai_s_preprocessing_is_written_as_openai_has_it(tmp_path):
    write_preprocessing(tmp_path, read_preprocessing(written(tmp_path, CLIP)))
    assert json.loads((tmp_path / "preprocessor_config.json").read_text()) == CLIP


@pytest.mark.parametrize("preprocessing", [ALL[0], ALL[5], ALL[7]], ids=str)
def test_open_clip_s_part_is_read_back(tmp_path, preprocessing):
    size = {"vision_cfg": {"image_size": preprocessing.image.size[0]}}
    content = {"model_cfg": size, "preprocess_cfg": open_clip_preprocessing(preprocessing)}
    nearest = dataclasses.replace(preprocessing.image, crop_rounding="nearest")
    found = read_preprocessing(written(tmp_path, content, "open_clip_config.json"))
    assert found == dataclasses.replace(preprocessing, image=nearest)


def test_what_no_file_can_express_is_refused(tmp_path):
    oblong = Preprocessing(ImagePreprocessing((40, 64)))
    with pytest.raises(ValueError, match="image must have a square size or a shortest_side for transformers"):
        write_preprocessing(tmp_path, oblong)
    for preprocessing in (oblong, ALL[1]):
        with pytest.raises(ValueError, match="image must scale the shortest side to a square size for open_clip"):
            open_clip_preprocessing(preprocessing)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("processor", ["clip", "siglip", "vit", "resnet", "resnet_384"])
def test_pictures_are_those_of_transformers(golden, tmp_path, processor):
    found = read_preprocessing(written(tmp_path, str(golden[f"{processor}/preprocessor_config.json"])))
    sources = sorted(name for name in golden if name.startswith("source/"))
    assert len(sources) >= 20
    ours = np.stack([resize(safe_decode(golden[name].tobytes()), found.image) for name in sources])
    if processor == "resnet_384":
        ours = ours[:, ::24, ::24]
    theirs = golden[f"{processor}/pixels"]
    for name, difference in zip(sources, np.abs(ours.astype(int) - theirs), strict=True):
        assert np.mean(difference <= 1) >= 0.997, name
        assert difference.mean() <= 0.2, name
    normalized = (theirs[:, 0, 0] / 255 - np.array(found.mean)) / np.array(found.std)
    np.testing.assert_allclose(normalized, golden[f"{processor}/first_values"], atol=1e-5)
