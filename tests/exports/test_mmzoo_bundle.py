"""Pictures and texts become the inputs that the model was trained with, and damaged files are refused."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tokenizers
from PIL import Image
from tokenizers import models, pre_tokenizers, processors

from mmzoo import Tokenizer
from mmzoo.data import resize, safe_decode
from mmzoo.presets import ImagePreprocessing

TEXTS = [
    "",
    "a red circle",
    "CAFÉ À LA CRÈME, naïve ß ﬁ",
    "красный круг ελληνικά العربية 数字七 🎉🏽",
    "3.14 <end><pad>[SEP] </s> it's",
    "nul\0inside, lone \ud800 surrogate, pair \ud83c\udf89",
    "tab\tand\nline  spaces ",
    "long " * 200,
]


@pytest.fixture
def shared(client_module):
    return client_module("mmzoo_bundle")


def upright(exif_orientation):
    exif = Image.Exif()
    exif[0x0112] = exif_orientation
    return {"exif": exif}


def written(folder, image, suffix="png", **options):
    path = folder / f"{len(list(folder.iterdir()))}.{suffix}"
    image.save(path, **options)
    return path


@pytest.fixture
def files(tmp_path):
    generator = np.random.default_rng(3)
    rgb = Image.fromarray(generator.integers(0, 256, (50, 71, 3)).astype("uint8"))
    rgba = Image.fromarray(generator.integers(0, 256, (41, 30, 4)).astype("uint8"))
    wide = Image.fromarray(generator.integers(0, 65536, (33, 47)).astype("uint16"))
    return [
        written(tmp_path, rgb),
        *(written(tmp_path, rgb, "jpg", **upright(turn)) for turn in range(1, 9)),
        written(tmp_path, rgba),
        written(tmp_path, wide),
        written(tmp_path, wide, transparency=int(np.asarray(wide)[4, 5])),
        written(tmp_path, rgb.convert("L")),
        written(tmp_path, rgb.convert("P"), transparency=3),
        written(tmp_path, rgb.convert("1")),
        written(tmp_path, rgb.convert("CMYK"), "jpg"),
        written(tmp_path, rgba, "webp"),
        written(tmp_path, rgb.resize((3, 400))),
    ]


@pytest.mark.parametrize(
    "choice",
    [
        {"fit": "crop"},  # a file from before shortest_side and crop_rounding
        {"fit": "squash"},
        {"fit": "squash", "shortest_side": None, "crop_rounding": "down"},
        {"fit": "crop", "shortest_side": None, "crop_rounding": "down"},
        {"fit": "crop", "shortest_side": 97, "crop_rounding": "nearest"},
        {"fit": "crop", "shortest_side": 103, "crop_rounding": "down"},
    ],
)
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_pictures_are_those_of_mmzoo_data(shared, files, choice, interpolation):
    for path in files:
        assert np.array_equal(shared.decode(path), safe_decode(path))
        assert np.array_equal(shared.decode(path.read_bytes()), safe_decode(path))
        for size in ((32, 32), (50, 71), (24, 90)):
            expected = resize(safe_decode(path), ImagePreprocessing(size, interpolation, **choice))
            actual = shared.resize(shared.decode(path), size=size, interpolation=interpolation, **choice)
            assert np.array_equal(actual, expected)


def test_a_picture_that_cannot_be_read_is_named(shared, files, tmp_path, monkeypatch):
    broken = tmp_path / "broken.png"
    broken.write_bytes(files[0].read_bytes()[:300])
    with pytest.raises(ValueError, match=r"broken\.png must be a readable picture"):
        shared.decode(broken)
    with pytest.raises(ValueError, match=r"must be \(H, W, 3\) uint8, received \(2, 2\) float64"):
        shared.decode(np.zeros((2, 2)))
    monkeypatch.setattr(shared, "MAX_PIXELS", 3000)
    with pytest.raises(ValueError, match="71 x 50 pixels, more than 3,000"):
        shared.decode(files[0])


def clip_like():
    """No pad of its own, the end token is unknown too, as in CLIP's file."""
    encoder = tokenizers.Tokenizer(
        models.BPE({"<s>": 0, "</s>": 1, "a": 2, "r": 3, "e": 4, "re": 5}, [("r", "e")], unk_token="</s>")
    )
    encoder.pre_tokenizer = pre_tokenizers.Whitespace()
    encoder.add_special_tokens(["<s>", "</s>"])
    encoder.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0), False, False)
    return encoder.to_str()


def bert_like():
    encoder = tokenizers.Tokenizer(
        models.WordLevel({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "red": 5}, "[UNK]")
    )
    encoder.pre_tokenizer = pre_tokenizers.Whitespace()
    encoder.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    encoder.post_processor = processors.Sequence(
        [processors.ByteLevel(), processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))]
    )
    encoder.enable_truncation(5)
    return encoder.to_str()


def t5_like():
    """No start token, and pieces that spell the end."""
    encoder = tokenizers.Tokenizer(
        models.Unigram([("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("a", -1.0), ("red", -2.0)], 2, False)
    )
    encoder.add_special_tokens(["<pad>", "</s>", "<unk>"])
    encoder.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    encoder.enable_padding(pad_id=0, pad_token="<pad>", length=9)
    return encoder.to_str()


@pytest.mark.parametrize(
    "definition",
    [
        Tokenizer.train(TEXTS[1:4], 300).definition,
        Tokenizer.train(TEXTS[1:4], 300, languages=("en",)).definition,
        Tokenizer.train(TEXTS[1:4], 300, kind="wordpiece", lower_case=True).definition,
        clip_like(),
        bert_like(),
        t5_like(),
    ],
    ids=["byte_bpe", "languages", "wordpiece", "clip", "bert", "t5"],
)
@pytest.mark.parametrize("length", [3, 24])
def test_token_ids_are_those_of_the_tokenizer(shared, definition, length):
    rows = shared.TokenRows(definition)(TEXTS, length)
    assert rows.dtype == np.int32
    assert np.array_equal(rows, Tokenizer(definition)(TEXTS, length))


@pytest.mark.parametrize("name", ["manifest.json", "SHA256SUMS", "tokenizer.json", "preprocessing.json"])
def test_one_flipped_bit_is_refused(shared, bundle, tmp_path, pictures, name):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    content = bytearray((copy / name).read_bytes())
    content[-9] ^= 1
    (copy / name).write_bytes(content)

    def use():
        opened = shared.Bundle(copy)
        opened.pictures(pictures)
        opened.token_ids(["a"])

    with pytest.raises(ValueError, match=rf"{name} must"):
        use()


def test_inputs_that_a_part_does_not_take_are_refused(shared, bundle):
    opened = shared.Bundle(bundle)
    images = np.zeros((2, 32, 32, 3), np.uint8)
    assert opened.check_inputs("image", {"images": images}) == 2
    for part, inputs, reason in (
        ("picture", {"images": images}, "part must be one of image, text"),
        ("image", {"image": images}, r"inputs must be \['images'\], received \['image'\]"),
        ("image", {"images": images / 255}, "images must have dtype uint8, received float64"),
        ("image", {"images": images[:, :16]}, r"images must have shape \[None, 32, 32, 3\]"),
        ("image", {"images": images[:0]}, r"at least 1, received \[0\]"),
    ):
        with pytest.raises(ValueError, match=reason):
            opened.check_inputs(part, inputs)


def test_the_clients_need_neither_mmzoo_nor_tensorflow(project, bundle):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('mmzoo', 'keras', 'tensorflow')))\n"
        "import json, litert_client, onnxruntime_client, tf_serving_client, triton_client\n"
        "clients = [m(sys.argv[1]) for m in (litert_client.LiteRTClient, onnxruntime_client.OnnxClient)]\n"
        "print(json.dumps([client.embed_texts(['a red circle']).tolist() for client in clients]))"
    )
    command = [sys.executable, "-c", code, str(bundle)]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    litert, onnx = np.array(json.loads(result.stdout))
    assert np.allclose(litert, onnx, atol=1e-5)
