import json
import logging
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmzoo.data import hateful_memes, mvsa
from mmzoo.data.decode import UnreadableImage

HEADER = "ID\ttext,image\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for number in range(1, 8):
        Image.new("RGB", (4, 4), "red").save(tmp_path / "data" / f"{number}.jpg")
        (tmp_path / "data" / f"{number}.txt").write_text(f"tweet {number} \n")
    return tmp_path


def labels(root: Path, content: str) -> None:
    (root / "labelResultAll.txt").write_bytes(content.encode())


# MVSA


def test_text_and_picture_are_combined(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mmzoo.data")
    labels(
        root,
        HEADER + "1\tpositive,positive\r\n2\tpositive,negative\n3\tneutral,negative\n4\tpositive,neutral\n"
        "5\tnegative,positive\n6\tneutral,neutral\n",
    )
    examples = mvsa(root)
    assert examples.texts == ("tweet 1", "tweet 3", "tweet 4", "tweet 6")
    assert examples.label_names == ("negative", "neutral", "positive")
    assert examples.targets.tolist() == [2, 0, 2, 1]
    assert examples.image_at(3).shape == (4, 4, 3)
    assert "2 of 6 tweets left out, which contradict themselves" in caplog.text


def test_the_majority_of_three_annotators_decides_each_modality(root: Path) -> None:
    labels(
        root,
        "ID\ttext,image\ttext,image\ttext,image\n"
        "1\tpositive,neutral\tpositive,neutral\tnegative,negative\n"  # positive, neutral
        "2\tpositive,neutral\tneutral,neutral\tnegative,neutral\n"  # the text has no majority
        "3\tneutral,negative\tneutral,negative\tneutral,positive\n"  # neutral, negative
        "4\tpositive,negative\tpositive,negative\tpositive,positive\n",  # positive, negative
    )
    examples = mvsa(root)
    assert (examples.texts, examples.targets.tolist()) == (("tweet 1", "tweet 3"), [2, 0])


def test_texts_may_be_windows_1252_empty_or_missing(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root / "data" / "1.txt").write_bytes(b"caf\xe9 \x93so\x94 \x81")
    (root / "data" / "2.txt").write_bytes("\ufeffthé".encode())
    (root / "data" / "3.txt").write_bytes(b" \n")
    (root / "data" / "4.txt").unlink()
    (root / "data" / "5.jpg").unlink()
    labels(root, HEADER + "".join(f"{number}\tneutral,positive\n" for number in range(1, 6)))
    examples = mvsa(root)
    assert examples.texts == ("café “so” \ufffd", "thé", "", "", "tweet 5")
    assert examples.text_present.tolist() == [True, True, False, False, True]
    assert "of 5 tweets, 2 without a text" in caplog.text
    with pytest.raises(UnreadableImage, match=r"5\.jpg cannot be read: there is no such file"):
        examples.image_at(4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + "1\tpositive,positive\n2\tpositive\n", r"labelResultAll\.txt, line 3: must be ID, a tab and TEXT,IMAGE of"),
        (HEADER + "1\thappy,positive\n", r"line 2: must be ID, .* of negative, neutral, positive for each annotator, received"),
        (HEADER + "1 positive,positive\n", r"line 2: must be ID, a tab"),
        (HEADER + "../1\tpositive,positive\n", r"line 2: must be ID, a tab"),
        (HEADER + "1\tpositive,negative\n", r"labelResultAll\.txt must have a tweet with one sentiment, received 1 without$"),
        ("", r"must have a tweet with one sentiment, received 0 without$"),
        (HEADER + "8\tpositive,positive\n", r"must name pictures by their path from .*data, received '8\.jpg' and others"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_mvsas_labels_is_named(root: Path, content: str, message: str) -> None:
    labels(root, content)
    with pytest.raises(ValueError, match=message):
        mvsa(root)


def test_a_folder_without_labels(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"labelResultAll\.txt must be a file"):
        mvsa(root)


# Hateful Memes


def memes(root: Path, *rows: dict[str, Any]) -> Path:
    (root / "img").mkdir(exist_ok=True)
    Image.new("RGB", (4, 4), "blue").save(root / "img" / "42953.png")
    path = root / "train.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


MEME = {"id": 42953, "img": "img/42953.png", "label": 0, "text": "its their character not their color"}


def test_hateful_memes(root: Path) -> None:
    path = memes(root, MEME, {**MEME, "label": 1, "text": "another"})
    examples = hateful_memes(path)
    assert examples.texts == ("its their character not their color", "another")
    assert (examples.label_names, examples.targets.tolist()) == (("not-hateful", "hateful"), [0, 1])
    assert examples.image_at(1)[0, 0].tolist() == [0, 0, 255]
    assert examples.augment is None


def test_memes_may_lie_elsewhere(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = memes(root, MEME).rename(tmp_path_factory.mktemp("elsewhere") / "dev.jsonl")
    assert hateful_memes(path, root).image_at(0).shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {key: MEME[key] for key in ("id", "img", "text")},
            r"must have a column 'label', received 'id', 'img', 'text'$",
        ),
        ({**MEME, "label": 2}, r"train\.jsonl, line 1: label must be one of not-hateful, hateful, received '2'$"),
        ({**MEME, "img": "../42953.png"}, r"train\.jsonl, line 1: image must be a path inside the folder"),
    ],
)
def test_what_is_wrong_with_a_meme_is_named(root: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hateful_memes(memes(root, row))
