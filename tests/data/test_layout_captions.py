import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmzoo.data import coco_captions, flickr30k
from mmzoo.data.augmentation import Augment
from mmzoo.data.decode import UnreadableImage

GIRL = "Child in a pink dress ."


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for place in (folder, folder / "val2014"):
        place.mkdir()
        for name, colour in (("1.jpg", "red"), ("2.jpg", "blue")):
            Image.new("RGB", (8, 8), colour).save(place / name)
    return folder


def write(images: Path, name: str, content: Any) -> Path:
    path = images.parent / name
    path.write_bytes((content if isinstance(content, str) else json.dumps(content)).encode())
    return path


def coco(**changes: Any) -> dict[str, Any]:
    return {
        "info": {"year": 2014},
        "images": [{"id": 7, "file_name": "2.jpg"}, {"id": 3, "file_name": "1.jpg"}, {"id": 5, "file_name": "5.jpg"}],
        "annotations": [
            {"image_id": 3, "id": 1, "caption": "A red card.\n"},
            {"image_id": 7, "id": 2, "caption": "A blue card."},
            {"image_id": 3, "id": 3, "caption": "Red, all over."},
            {"image_id": 3, "id": 4, "caption": " "},
        ],
        **changes,
    }


def karpathy(*images: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"images": list(images), "dataset": "flickr30k", **rest}


def entry(name: str, split: str, *captions: str, **rest: Any) -> dict[str, Any]:
    sentences = [{"tokens": caption.lower().split(), "raw": caption, "sentid": i} for i, caption in enumerate(captions)]
    return {"filename": name, "split": split, "sentences": sentences, "imgid": 0, **rest}


# COCO


def test_coco_captions(images: Path) -> None:
    pairs = coco_captions(write(images, "captions.json", coco()), images)
    assert pairs.captions == (("A blue card.",), ("A red card.", "Red, all over."))
    assert pairs.images[0][0, 0, 2] > 200
    assert pairs.augment == Augment(flip=True)
    assert pairs.labels is None


def test_a_missing_picture_is_left_to_the_pipeline(images: Path) -> None:
    annotations = [{"image_id": 5, "caption": "gone"}, {"image_id": 3, "caption": "here"}]
    pairs = coco_captions(write(images, "c.json", coco(annotations=annotations)), images, augment=None)
    assert pairs.captions == (("here",), ("gone",))
    assert pairs.augment is None
    with pytest.raises(UnreadableImage, match=r"5\.jpg cannot be read: there is no such file"):
        pairs.images[1]


def test_karpathys_coco(images: Path) -> None:
    document = karpathy(
        entry("1.jpg", "train", "one", filepath="val2014"),
        entry("2.jpg", "restval", "two", "zwei", filepath="val2014"),
        entry("3.jpg", "test", "three", filepath="val2014"),
    )
    path = write(images, "dataset_coco.json", document)
    assert coco_captions(path, images).captions == (("one",), ("two", "zwei"), ("three",))
    pairs = coco_captions(path, images, split=("train", "restval"))
    assert pairs.captions == (("one",), ("two", "zwei"))
    assert pairs.images[1][0, 0, 2] > 200
    with pytest.raises(
        ValueError, match=r"split must be of restval, test, train in .*dataset_coco\.json, received 'val'"
    ):
        coco_captions(path, images, split="val")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": None}, r"c\.json: 'annotations' must be a list, received None$"),
        ({"annotations": []}, r"c\.json: 'annotations' must have at least one entry, received none$"),
        ({"images": {}}, r"c\.json: 'images' must be a list, received \{\}$"),
        ({"images": ["1.jpg"]}, r"c\.json, images\[0\] must be an object, received '1\.jpg'$"),
        ({"images": [{"id": 1}]}, r"c\.json, images\[0\]: must have 'file_name', received \['id'\]$"),
        ({"images": [{"id": "1", "file_name": "1.jpg"}]}, r"images\[0\]: 'id' must be a whole number, received '1'$"),
        ({"images": [{"id": True, "file_name": "1.jpg"}]}, r"images\[0\]: 'id' must be a whole number, received True$"),
        ({"images": [{"id": 3, "file_name": "../1.jpg"}]},
         r"c\.json, images\[0\]: image must be a path inside the folder, received '\.\./1\.jpg'$"),
        ({"annotations": [{"image_id": 4, "caption": "x"}]},
         r"annotations\[0\]: 'image_id' must be the id of one of its images, received 4$"),
        ({"annotations": [{"image_id": 3}]}, r"annotations\[0\]: must have 'caption', received \['image_id'\]$"),
        ({"annotations": [{"image_id": 3, "caption": None}]}, r"annotations\[0\]: 'caption' must be a string, received None$"),
        ({"annotations": [{"image_id": 3, "caption": " "}]}, r"must have a caption for at least one picture, received none$"),
        ({"annotations": [{"image_id": 5, "caption": "x"}]},
         r"must name pictures by their path from .*, received '5\.jpg' and others: not one of them is there$"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_cocos_file_is_named(images: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        coco_captions(write(images, "c.json", coco(**changes)), images)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images": [\n{"id": 1,}]}', r"c\.json, line 2: must be JSON, received what is not \("),
        ("", r"c\.json, line 1: must be JSON"),
        ("[1]", r"c\.json must be an object, received \[1\]$"),
        ("[" * 100_000, r"c\.json must be JSON, received one nested too deeply$"),
    ],
)
def test_what_is_no_json_is_named(images: Path, content: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        coco_captions(write(images, "c.json", content), images)


def test_a_file_that_is_not_there(images: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.json must be a file"):
        coco_captions(images / "gone.json", images)


def test_only_karpathys_files_have_splits(images: Path) -> None:
    with pytest.raises(ValueError, match=r"split is for Karpathy's dataset_coco\.json, received 'val' with"):
        coco_captions(write(images, "c.json", coco()), images, split="val")
    with pytest.raises(ValueError, match=r"split is for Karpathy's dataset_flickr30k\.json, received 'val' with"):
        flickr30k(write(images, "results.csv", ""), images, split="val")


# Flickr30k


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results_20130124.token", f"1.jpg#0\t{GIRL}\n1.jpg#1\tA girl | a stair .\n2.jpg#0\tTwo \"dogs\" , one # ball .\n"),
        ("token.crlf.token", f"1.jpg#0\t{GIRL}\r\n1.jpg#1\tA girl | a stair .\r\n\r\n2.jpg#0\tTwo \"dogs\" , one # ball .\r\n"),
        ("results.csv", "image_name| comment_number| comment\n"
         f"1.jpg| 0| {GIRL}\n1.jpg| 1   A girl | a stair .\n2.jpg| 0| Two \"dogs\" , one # ball .\n"),
        ("dataset_flickr30k.json", karpathy(entry("1.jpg", "train", GIRL, "A girl | a stair ."),
                                            entry("2.jpg", "test", 'Two "dogs" , one # ball .'))),
    ],
)  # fmt: skip
def test_each_form_of_flickr30k_gives_the_same_pairs(images: Path, name: str, content: Any) -> None:
    pairs = flickr30k(write(images, name, content), images)
    assert pairs.captions == ((GIRL, "A girl | a stair ."), ('Two "dogs" , one # ball .',))
    assert pairs.images[0][0, 0, 0] > 200
    assert pairs.augment == Augment(flip=True)


def test_a_comment_may_hold_the_separator(images: Path) -> None:
    path = write(images, "results.csv", "image_name| comment_number| comment\n1.jpg| 12| left | right\n")
    assert flickr30k(path, images).captions == (("left | right",),)


def test_karpathys_split_of_flickr30k(images: Path) -> None:
    path = write(images, "d.json", karpathy(entry("1.jpg", "train", "one"), entry("2.jpg", "test", "two")))
    assert flickr30k(path, images, split="test").captions == (("two",),)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.token", f"1.jpg#0\t{GIRL}\n1.jpg#1 {GIRL}\n", r"r\.token, line 2: must be NAME\.jpg#NUMBER, a tab and a caption"),
        ("r.token", "1.jpg\tx\n", r"line 1: must be NAME\.jpg#NUMBER"),
        ("r.token", "1.jpg#x\tx\n", r"line 1: must be NAME\.jpg#NUMBER"),
        ("r.token", "../1.jpg#0\tx\n", r"r\.token, line 1: image must be a path inside the folder, received '\.\./1\.jpg'"),
        ("r.token", "", r"r\.token must have a caption for at least one picture, received none"),
        ("r.csv", "", r"r\.csv: must be 'image_name\| comment_number\| comment', received ''"),
        ("r.csv", "1.jpg| 0| x\n", r"r\.csv, line 1: must be 'image_name\| comment_number\| comment', received '1"),
        ("r.csv", "image_name| comment_number| comment\n\n1.jpg, 0, x\n", r"r\.csv, line 3: must be NAME\.jpg\| NUMBER\| cap"),
        ("r.csv", "image_name| comment_number| comment\n1.jpg| one| x\n", r"line 2: must be NAME\.jpg\| NUMBER\| caption"),
        ("r.csv", "image_name| comment_number| comment\n/1.jpg| 0| x\n", r"line 2: image must be a path inside the folder"),
        ("r.json", {"images": []}, r"r\.json: 'images' must have at least one entry, received none"),
        ("r.json", karpathy({"filename": "1.jpg"}), r"r\.json, images\[0\]: must have 'split', received \['filename'\]"),
        ("r.json", karpathy(entry("/1.jpg", "train", "x")), r"r\.json, images\[0\]: image must be a path inside"),
        ("r.json", karpathy(entry("1.jpg", "train") | {"sentences": [{"tokens": []}]}),
         r"r\.json, images\[0\], sentences\[0\]: must have 'raw', received \['tokens'\]"),
        ("r.json", karpathy(entry("1.jpg", "train") | {"sentences": ["x"]}), r"sentences\[0\] must be an object, received 'x'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_flickrs_file_is_named(images: Path, name: str, content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        flickr30k(write(images, name, content), images)


def test_other_bytes_are_named_by_their_line(images: Path) -> None:
    path = images.parent / "r.token"
    path.write_bytes(b"1.jpg#0\tone\n1.jpg#1\tcaf\xe9\n")
    with pytest.raises(ValueError, match=r"r\.token, line 2: must be UTF-8 text, received other bytes"):
        flickr30k(path, images)
