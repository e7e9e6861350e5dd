import io
import json
import logging
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmzoo.data.augmentation import Augment
from mmzoo.data.decode import UnreadableImage
from mmzoo.data.folders import folder

COLOURS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255)}


def picture(path: Path, colour: str = "red") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), colour).save(path)


def jsonl(root: Path, *rows: object) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (root / "captions.jsonl").write_text("\n".join(lines), encoding="utf-8")


def shard(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def png(colour: str = "red") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (6, 4), colour).save(stream, "PNG")
    return stream.getvalue()


# captions.jsonl


def test_jsonl(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", "red")
    picture(tmp_path / "中" / "b.png", "blue")
    jsonl(
        tmp_path,
        {"image": "a.png", "caption": " a red card "},
        "",
        {"image": "中/b.png", "captions": ["a blue card", "蓝色", " "]},
        {"image": "a.png", "caption": "红色", "extra": 1},
        {"image": "a.png", "caption": "红色"},
    )
    pairs = folder(tmp_path)
    assert pairs.captions == (("a red card", "红色"), ("a blue card", "蓝色"))
    assert [pairs.images[i][0, 0].tolist() for i in (0, 1)] == [[255, 0, 0], [0, 0, 255]]
    assert (pairs.labels, pairs.augment) == (None, Augment(flip=True))


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "captions.jsonl").write_bytes(b'\xef\xbb\xbf{"image": "a.png", "caption": "one"}\r\n')
    assert folder(tmp_path).captions == (("one",),)


@pytest.mark.parametrize(
    "line",
    [
        '{"image": "a.png", "caption": "unfinished',
        '["a.png", "a list"]',
        '{"image": "a.png"}',
        '{"image": 3, "caption": "a number"}',
        '{"image": "a.png", "caption": 3}',
        '{"image": "a.png", "captions": ["a", null]}',
        "[" * 100_000,
        "NaN",
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    picture(tmp_path / "a.png")
    jsonl(tmp_path, {"image": "a.png", "caption": "fine"}, "", line)
    with pytest.raises(ValueError, match=r"captions\.jsonl, line 3: must be .*, received") as caught:
        folder(tmp_path)
    assert len(str(caught.value)) < 400


def test_a_blank_caption_is_named_by_its_line(tmp_path: Path) -> None:
    jsonl(tmp_path, {"image": "a.png", "caption": "  "})
    with pytest.raises(ValueError, match=r"line 1: the picture 'a\.png' must have a caption, received a blank one"):
        folder(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "a/../../secret.png", "/etc/passwd", "..\\secret.png", "C:\\secret.png", "C:secret.png",
     "\\\\server\\share\\a.png", "", "  ", "a\0.png"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["captions.jsonl", "captions.csv"])
def test_paths_do_not_leave_the_folder(tmp_path: Path, name: str, kind: str) -> None:
    picture(tmp_path / "secret.png")
    root = tmp_path / "data"
    root.mkdir()
    if kind == "captions.jsonl":
        jsonl(root, {"image": name, "caption": "a secret"})
    else:
        (root / kind).write_text(f'image,caption\n"{name}",a secret\n', newline="")
    with pytest.raises(ValueError, match=r"line \d: image must be a path inside the folder, received"):
        folder(root)


def test_a_missing_picture_is_left_to_the_pipeline(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    jsonl(tmp_path, {"image": "gone.png", "caption": "gone"}, {"image": "a.png", "caption": "here"})
    pairs = folder(tmp_path)
    with pytest.raises(UnreadableImage, match=r"gone\.png cannot be read: there is no such file"):
        pairs.images[0]
    assert pairs.images[1].shape == (4, 6, 3)


def test_a_caption_file_of_missing_pictures_only(tmp_path: Path) -> None:
    jsonl(tmp_path, {"image": "gone.png", "caption": "gone"})
    with pytest.raises(ValueError, match=r"received 'gone\.png' and others: not one of them is there"):
        folder(tmp_path)


@pytest.mark.parametrize(("name", "text"), [("captions.jsonl", "\n\n"), ("captions.csv", "image,caption\n")])
def test_a_caption_file_that_names_nothing(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=rf"{name} must name at least one picture, received none"):
        folder(tmp_path)


@pytest.mark.parametrize("name", ["captions.jsonl", "captions.csv"])
def test_a_caption_file_that_is_not_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"image,caption\n\xff\xfe\x00a")
    with pytest.raises(ValueError, match=rf"{name}"):
        folder(tmp_path)


# captions.csv


def test_csv(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    (tmp_path / "captions.csv").write_text(
        'Caption,image,source\n"a card, red",a.png,x\n"two\nlines",b.png,y\n\n红色,a.png,z\n', encoding="utf-8-sig"
    )
    assert folder(tmp_path).captions == (("a card, red", "红色"), ("two\nlines",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"must begin with a header naming the columns image and caption, received \[\]"),
        ("a.png,a card\n", r"must begin with a header .* received \['a\.png', 'a card'\]"),
        ("image,caption\na.png,fine\na.png,a card, red\n", "line 3: must have 2 columns as the header has, received 3"),
        ("image,caption\na.png\n", "line 2: must have 2 columns as the header has, received 1"),
        ("image,caption\na.png," + "x" * 200_000 + "\n", "line 2: must be CSV, received what is not"),
    ],
)
def test_csv_mistakes(tmp_path: Path, text: str, message: str) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "captions.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        folder(tmp_path)


# class sub-folders


def classes(root: Path) -> None:
    picture(root / "red_card" / "1.png", "red")
    picture(root / "red_card" / "deep" / "2.JPG", "red")
    picture(root / "blue_card" / "1.webp", "blue")
    (root / "red_card" / "notes.txt").write_text("no picture")
    (root / "red_card" / "._1.png").write_bytes(b"left by a Mac")
    (root / "empty").mkdir()
    picture(root / ".cache" / "x.png")


def test_class_folders(tmp_path: Path) -> None:
    classes(tmp_path)
    pairs = folder(tmp_path, templates=("a photo of a {}", "一张{}的照片"))
    assert pairs.label_names == ("blue_card", "red_card")
    assert pairs.labels.tolist() == [0, 1, 1]
    assert pairs.captions[0] == ("a photo of a blue card", "一张blue card的照片")
    assert pairs.images[1][0, 0].tolist() == [255, 0, 0]


def test_class_order_can_be_given(tmp_path: Path) -> None:
    classes(tmp_path)
    pairs = folder(tmp_path, class_names=("red_card", "blue_card", "unseen"))
    assert (pairs.label_names, pairs.labels.tolist()) == (("red_card", "blue_card", "unseen"), [1, 0, 0])
    with pytest.raises(ValueError, match="must hold the classes red_card, received also 'blue_card'"):
        folder(tmp_path, class_names=("red_card",))
    with pytest.raises(ValueError, match="class_names must be distinct"):
        folder(tmp_path, class_names=("red_card", "blue_card", "red_card"))


def test_a_class_may_be_called_like_a_format_string(tmp_path: Path) -> None:
    picture(tmp_path / "{0.__class__}%s" / "1.png")
    assert folder(tmp_path).captions == (("a photo of a {0.  class  }%s",),)


@pytest.mark.parametrize("templates", ["a {}", (), ("a photo",)])
def test_wrong_templates(tmp_path: Path, templates: object) -> None:
    with pytest.raises(ValueError, match=r"templates must be a list of texts that each contain \{\}"):
        folder(tmp_path, templates=templates)


# which layout it is


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="which does not exist"):
        folder(tmp_path / "nowhere")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is empty; a folder must have captions\.jsonl or captions\.csv, sub-folders"):
        folder(tmp_path)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.pdf").touch()
    with pytest.raises(ValueError, match="has no pictures; a folder must have"):
        folder(tmp_path)


def test_pictures_without_captions(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    with pytest.raises(ValueError, match="has 2 pictures without captions; a folder must have"):
        folder(tmp_path)


def test_another_file(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"must be a folder of pictures or a \.tar shard, received the file .*a\.png"):
        folder(tmp_path / "a.png")


def test_two_caption_files(tmp_path: Path) -> None:
    jsonl(tmp_path, {"image": "a.png", "caption": "a"})
    (tmp_path / "captions.csv").write_text("image,caption\na.png,a\n")
    with pytest.raises(ValueError, match=r"one caption file, received both captions\.jsonl and captions\.csv"):
        folder(tmp_path)


def test_a_caption_file_comes_before_class_folders(tmp_path: Path) -> None:
    classes(tmp_path)
    jsonl(tmp_path, {"image": "red_card/1.png", "caption": "one"})
    assert folder(tmp_path).captions == (("one",),)
    with pytest.raises(
        ValueError, match=r"class_names and labels_from_captions are for classes, .* has captions\.jsonl"
    ):
        folder(tmp_path, class_names=("red_card",))


def test_shards_and_class_folders_at_once(tmp_path: Path) -> None:
    classes(tmp_path)
    shard(tmp_path / "0.tar", {"a.png": png(), "a.txt": b"from the shard"})
    with pytest.raises(ValueError, match=r"one layout, received both \.tar shards \(0\.tar, \.\.\.\) and sub-folders"):
        folder(tmp_path)
    assert folder(tmp_path, pattern="*.tar").captions == (("from the shard",),)


def test_a_pattern_that_matches_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"pattern must match \.tar shards in .*, received 'train-\*\.tar', which matches none"
    ):
        folder(tmp_path, pattern="train-*.tar")


# shards


def test_shards_by_pattern_with_class_names_as_captions(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("green\nred\nblue\n")
    for number, colours in enumerate((["red", "blue"], ["red"])):
        members = {}
        for i, colour in enumerate(colours):
            members |= {f"{number}{i}.png": png(colour), f"{number}{i}.txt": f"{colour}\n".encode()}
        shard(tmp_path / f"train-{number}.tar", members)
    shard(tmp_path / "test-0.tar", {"9.png": png("green"), "9.txt": b"green"})
    pairs = folder(tmp_path, pattern="train-*.tar", labels_from_captions=True)
    assert (pairs.label_names, pairs.labels.tolist()) == (("green", "red", "blue"), [1, 2, 1])
    assert pairs.captions[0] == ("a photo of a red",)
    for i, label in enumerate(pairs.labels):
        assert pairs.images[i][0, 0].tolist() == list(COLOURS[pairs.label_names[label]])
    assert folder(tmp_path, pattern="train-*.tar").captions == (("red",), ("blue",), ("red",))


def test_one_shard_and_classes_that_are_found(tmp_path: Path) -> None:
    path = tmp_path / "only.tar"
    shard(path, {"0.png": png(), "0.txt": b"b", "1.png": png(), "1.txt": b"a"})
    pairs = folder(path, labels_from_captions=True)
    assert (pairs.label_names, pairs.labels.tolist()) == (("a", "b"), [1, 0])


def test_class_numbers(tmp_path: Path) -> None:
    members = {"0.png": png(), "0.cls": b"10", "1.png": png(), "1.cls": b"2\n"}
    shard(tmp_path / "a.tar", members)
    pairs = folder(tmp_path)
    assert (pairs.label_names, pairs.labels.tolist()) == (("2", "10"), [1, 0])
    names = tuple("abcdefghijkl")
    pairs = folder(tmp_path, class_names=names)
    assert (pairs.labels.tolist(), pairs.captions[1]) == ([10, 2], ("a photo of a c",))
    with pytest.raises(ValueError, match="must hold the classes a, b, c, received also '10'"):
        folder(tmp_path, class_names=names[:3])


def test_class_and_caption_together(tmp_path: Path) -> None:
    shard(tmp_path / "a.tar", {"0.png": png(), "0.cls": b"card", "0.json": b'{"captions": ["a red card", "red"]}'})
    pairs = folder(tmp_path)
    assert (pairs.captions, pairs.labels.tolist(), pairs.label_names) == ((("a red card", "red"),), [0], ("card",))


def test_some_samples_with_a_class_and_some_with_a_caption(tmp_path: Path) -> None:
    shard(tmp_path / "a.tar", {"0.png": png(), "0.cls": b"card", "1.png": png(), "1.txt": b"a red card"})
    with pytest.raises(ValueError, match=r"every sample must have a \.cls, or every sample a caption"):
        folder(tmp_path)


def test_several_captions_cannot_be_a_class(tmp_path: Path) -> None:
    shard(tmp_path / "a.tar", {"0.png": png(), "0.json": b'{"captions": ["a", "b"]}'})
    with pytest.raises(ValueError, match="labels_from_captions needs one caption a picture, received"):
        folder(tmp_path, labels_from_captions=True)


def test_a_damaged_picture_in_a_shard_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shard(tmp_path / "a.tar", {"0.png": png()[:-20], "0.txt": b"cut", "1.png": b"", "1.txt": b"empty"})
    with caplog.at_level(logging.WARNING):
        pairs = folder(tmp_path)
    assert not caplog.records  # the tar itself is sound
    with pytest.raises(UnreadableImage, match=r"a\.tar:0\.png cannot be read: the file is truncated"):
        pairs.images[0]
    with pytest.raises(UnreadableImage, match=r"a\.tar:1\.png cannot be read: the file is empty"):
        pairs.images[1]


def test_pictures_are_decoded_under_the_given_limit(tmp_path: Path) -> None:
    classes(tmp_path)
    with pytest.raises(UnreadableImage, match="limit of 10: 6 x 4"):
        folder(tmp_path, max_pixels=10).images[0]


def test_labels_are_int32(tmp_path: Path) -> None:
    classes(tmp_path)
    assert folder(tmp_path).labels.dtype == np.int32
