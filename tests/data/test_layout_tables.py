import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmzoo.data import table
from mmzoo.data.augmentation import Augment
from mmzoo.data.decode import UnreadableImage
from mmzoo.data.reading import BadPictures
from mmzoo.presets import ImagePreprocessing


class Numerals:
    """A tokenizer whose ids can be read: the text's number in every place."""

    def __call__(self, texts: list[str], length: int) -> np.ndarray:
        return np.array([[int(text or 0)] * length for text in texts], np.int32)


class Model:
    tokenizer = Numerals()
    image_preprocessing = ImagePreprocessing((4, 4))
    context_length = 2
    missing_modalities = True


RED, BLUE = [255, 0, 0], [0, 0, 255]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (6, 4), colour).save(tmp_path / name)
    return tmp_path


def write(root: Path, name: str, content: str | bytes) -> Path:
    path = root / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def lines(root: Path, *rows: object) -> Path:
    return write(root, "t.jsonl", "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))


def colour(examples, index: int) -> list[int]:
    return examples.image_at(index)[0, 0].tolist()


# What a table may look like


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", 'id,image,text,label\n1,a.png,"red, ""so"" red",warm\n2,b.png,blue,cold\n'),
        ("t.tsv", 'id\timage\ttext\tlabel\n1\ta.png\t"red, ""so"" red"\twarm\n2\tb.png\tblue\tcold\n'),
        ("t.jsonl", '{"image": "a.png", "text": "red, \\"so\\" red", "label": "warm", "id": 1}\n\n'
                    '{"label": "cold", "text": " blue ", "image": "b.png"}'),
        ("T.NDJSON", '{"image": "a.png", "text": "red, \\"so\\" red", "label": "warm"}\n'
                     '{"image": "b.png", "text": "blue", "label": "cold"}\n'),
        ("bom.csv", b"\xef\xbb\xbfimage, text ,label\r\na.png,\"red, \"\"so\"\" red\",warm\r\n\r\nb.png,blue,cold\r\n"),
    ],
)  # fmt: skip
def test_each_format_gives_the_same_examples(root: Path, name: str, content: str | bytes) -> None:
    examples = table(write(root, name, content))
    assert examples.texts == ('red, "so" red', "blue")
    assert (examples.label_names, examples.targets.tolist()) == (("cold", "warm"), [1, 0])
    assert examples.targets.dtype == np.int32
    assert (colour(examples, 0), colour(examples, 1)) == (RED, BLUE)
    assert examples.image_present.all()
    assert examples.text_present.all()
    assert examples.augment is None


def test_a_quoted_cell_has_line_ends_and_errors_name_the_rows_first_line(root: Path) -> None:
    path = write(root, "t.csv", 'image,text,label\na.png,"one\r\ntwo\n\nthree",x\nb.png,four\n')
    with pytest.raises(ValueError, match=r"t\.csv, line 6: must have 3 columns as the header has, received 2 \(a cell"):
        table(path)
    path.write_text('image,text,label\na.png,"one\ntwo",x\n')
    assert table(path).texts == ("one\ntwo",)


def test_unicode_line_separators_do_not_end_a_json_line(root: Path) -> None:
    assert table(lines(root, '{"image": "a.png", "text": "one\u2028two", "label": 1}')).texts == ("one\u2028two",)


def test_columns_and_the_folder_of_the_pictures_have_names(root: Path) -> None:
    (root / "tables").mkdir()
    path = write(root / "tables", "t.csv", "file,title,mood\nb.png,sea,calm\n")
    augment = Augment(flip=True)
    examples = table(path, images=root, image="file", text="title", label="mood", augment=augment)
    assert (examples.texts, examples.label_names, colour(examples, 0)) == (("sea",), ("calm",), BLUE)
    assert examples.augment == augment


def test_rows_of_one_picture_share_it_and_are_not_parted(root: Path) -> None:
    rows = [{"image": f"{p}.png", "text": f"{p}{i}", "label": i} for i in range(4) for p in "ab"]
    examples = table(lines(root, *rows))
    training, held_out = examples.split(0.5, seed=1)
    assert {text[0] for text in training.texts} != {text[0] for text in held_out.texts}
    assert len(training) == len(held_out) == 4


# Missing modalities and bad pictures


def test_an_empty_cell_is_a_missing_modality(root: Path) -> None:
    examples = table(write(root, "t.csv", "image,text,label\na.png,  ,x\n,only words,y\nb.png,both,x\n"))
    assert examples.image_present.tolist() == [True, False, True]
    assert examples.text_present.tolist() == [False, True, True]
    assert examples.texts == ("", "only words", "both")
    assert (colour(examples, 0), colour(examples, 1), colour(examples, 2)) == (RED, [0, 0, 0], BLUE)


def test_null_and_a_missing_key_are_missing_modalities(root: Path) -> None:
    examples = table(
        lines(root, {"image": None, "text": "t", "label": 0}, {"text": "u", "label": 0}, {"image": "a.png", "label": 1})
    )
    assert examples.image_present.tolist() == [False, False, True]
    assert examples.text_present.tolist() == [True, True, False]


def test_rows_without_a_picture_do_not_share_a_place(root: Path) -> None:
    examples = table(write(root, "t.csv", "image,text,label\n,one,x\n,two,x\n"))
    assert [len(part) for part in examples.split(0.5)] == [1, 1]


def test_a_missing_file_is_left_to_the_pipeline(root: Path) -> None:
    examples = table(write(root, "t.csv", "image,text,label\ngone.png,gone,x\na.png,here,x\n"))
    assert examples.image_present.tolist() == [True, True]
    with pytest.raises(UnreadableImage, match=r"gone\.png cannot be read: there is no such file"):
        examples.image_at(0)


def test_a_table_beside_none_of_its_pictures_says_so(root: Path) -> None:
    path = write(root, "t.csv", "image,text,label\nimg/a.png,t,x\n")
    with pytest.raises(ValueError, match=r"t\.csv must name pictures by their path from .*, received 'img/a\.png' and"):
        table(path)


def test_a_table_feeds_a_model_and_bad_pictures_are_counted(root: Path) -> None:
    write(root, "broken.png", b"not a picture")
    path = write(root, "t.csv", "image,text,label\na.png,1,x\ngone.png,2,x\n,3,y\nbroken.png,4,y\nb.png,,y\n")
    bad = BadPictures()
    inputs, targets = table(path).arrays(Model(), bad_pictures=bad)
    assert inputs["images"][:, 0, 0].tolist() == [RED, [0, 0, 0], BLUE]
    assert inputs["token_ids"].tolist() == [[1, 1], [3, 3], [0, 0]]
    assert inputs["image_present"].tolist() == [True, False, True]
    assert inputs["text_present"].tolist() == [True, True, False]
    assert targets.tolist() == [0, 1, 1]
    assert [Path(name).name for name in bad.reasons] == ["gone.png", "broken.png"]


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "a/../../secret.png", "/etc/passwd", "..\\secret.png", "C:\\secret.png", "C:secret.png",
     "\\\\server\\share\\a.png", "a\0.png"],
)  # fmt: skip
@pytest.mark.parametrize("format", ["t.csv", "t.jsonl"])
def test_paths_do_not_leave_the_folder(root: Path, name: str, format: str) -> None:
    Image.new("RGB", (2, 2)).save(root / "secret.png")
    (root / "data").mkdir()
    if format == "t.csv":
        path = write(root / "data", format, f'image,text,label\n"{name}",t,x\n')
    else:
        path = write(root / "data", format, json.dumps({"image": name, "text": "t", "label": 0}))
    with pytest.raises(ValueError, match=r", line \d: image must be a path inside the folder, received"):
        table(path)


# Classes


def test_classes_found_are_sorted_names_then_numbers_by_size(root: Path) -> None:
    rows = [{"image": "a.png", "text": "t", "label": label} for label in (10, "9", -1, "b", "a", True, 9)]
    examples = table(lines(root, *rows))
    assert examples.label_names == ("a", "b", "true", "-1", "9", "10")
    assert examples.targets.tolist() == [5, 4, 3, 1, 0, 2, 4]


def test_given_names_keep_their_order_and_numbers_are_positions(root: Path) -> None:
    path = write(root, "t.csv", "image,text,label\na.png,t,no\na.png,t,1\na.png,t,0\n")
    examples = table(path, label_names=["yes", "no"])
    assert (examples.label_names, examples.targets.tolist()) == (("yes", "no"), [1, 1, 0])


def test_names_that_are_numbers_are_names(root: Path) -> None:
    path = write(root, "t.csv", "image,text,label\na.png,t,5\na.png,t,1\n")
    assert table(path, label_names=["1", "5"]).targets.tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"t\.csv, line 2: label must be one of 1, 2, received '5'"):
        table(path, label_names=["1", "2"])


@pytest.mark.parametrize("label", ["maybe", "2", "-1", 2])
def test_an_unknown_label_is_named_with_its_line(root: Path, label: object) -> None:
    rows = [{"image": "a.png", "text": "t", "label": name} for name in ("no", label)]
    with pytest.raises(ValueError, match=rf"t\.jsonl, line 2: label must be one of yes, no, received '{label}'$"):
        table(lines(root, *rows), label_names=["yes", "no"])


@pytest.mark.parametrize("label", [None, "", "  ", 1.0, ["a"], {}])
def test_a_class_is_a_name_or_a_whole_number(root: Path, label: object) -> None:
    with pytest.raises(ValueError, match=r"line 1: label must be a name or a whole number, received "):
        table(lines(root, {"image": "a.png", "text": "t", "label": label}))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("ab", "label_names must be a list of names, received 'ab'"),
        ([], "label_names must be a list of names"),
        ([1, 2], "label_names must be a list"),
        (["a", "a"], "label_names must differ, received"),
    ],
)
def test_label_names_are_distinct_strings(root: Path, names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        table(write(root, "t.csv", "image,text,label\na.png,t,a\n"), label_names=names)


# Several labels


def test_several_labels_are_parted_by_a_sign_or_listed(root: Path) -> None:
    expected = [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    cells = write(root, "t.csv", "image,text,label\na.png,t,red | round|red\nb.png,t,\nb.png,t,blue\n")
    listed = lines(
        root,
        *({"image": "a.png", "text": "t", "label": label} for label in (["red", "round"], [], "blue")),
    )
    for path in (cells, listed):
        examples = table(path, targets="labels")
        assert (examples.label_names, examples.targets.dtype) == (("blue", "red", "round"), np.float32)
        assert examples.targets.tolist() == expected


def test_another_separator_and_positions(root: Path) -> None:
    path = write(root, "t.csv", "image,text,label\na.png,t,0;2\nb.png,t,square;red\n")
    examples = table(path, targets="labels", label_names=["red", "round", "square"], separator=";")
    assert examples.targets.tolist() == [[1, 0, 1], [1, 0, 1]]
    with pytest.raises(ValueError, match=r"line 2: label must be one of red, round, square, received '0;2'"):
        table(path, targets="labels", label_names=["red", "round", "square"])


def test_a_table_without_any_label_has_no_names(root: Path) -> None:
    path = write(root, "t.csv", "image,text,label\na.png,t,\n")
    with pytest.raises(ValueError, match=r"t\.csv must have a label in at least one row, received none"):
        table(path, targets="labels")
    assert table(path, targets="labels", label_names=["x", "y"]).targets.tolist() == [[0, 0]]


def test_a_class_is_not_parted(root: Path) -> None:
    assert table(write(root, "t.csv", "image,text,label\na.png,t,x|y\n")).label_names == ("x|y",)


# Numbers


@pytest.mark.parametrize(
    ("labels", "expected"),
    [(["0.5", "-2e1"], [0.5, -20.0]), ([3, 4.5], [3.0, 4.5]), (["1| 2", "3|4"], [[1, 2], [3, 4]]), ([[1, 2.5]], [[1, 2.5]])],
)  # fmt: skip
def test_numbers_to_be_predicted(root: Path, labels: list[object], expected: list[object]) -> None:
    examples = table(
        lines(root, *({"image": "a.png", "text": "t", "label": label} for label in labels)), targets="numbers"
    )
    assert (examples.targets.tolist(), examples.targets.dtype, examples.label_names) == (expected, np.float32, ())


@pytest.mark.parametrize(
    "label", ["", None, "high", "1,5", "nan", "inf", "1e39", "1_000", True, [], [[1]], "1||2", 10**400]
)
def test_a_number_is_finite(root: Path, label: object) -> None:
    with pytest.raises(ValueError, match=r"line 1: label must be a finite number, received "):
        table(lines(root, {"image": "a.png", "text": "t", "label": label}), targets="numbers")


def test_every_row_has_as_many_numbers(root: Path) -> None:
    path = write(root, "t.csv", "image,text,label\na.png,t,1|2\na.png,t,3\n")
    with pytest.raises(ValueError, match=r"line 3: label must have as many numbers as the first row, 2, received 1$"):
        table(path, targets="numbers")


def test_numbers_have_no_names(root: Path) -> None:
    path = write(root, "t.csv", "image,text,label\na.png,t,1\n")
    with pytest.raises(ValueError, match="label_names must be None where targets are numbers"):
        table(path, targets="numbers", label_names=["a"])


# What a table must not look like


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", r"t\.csv must have a column 'image', received none$"),
        ("t.csv", "image,text,label\n", r"t\.csv must have at least one row, received none$"),
        ("t.jsonl", "\n \n", r"t\.jsonl must have at least one row, received none$"),
        ("t.csv", "picture,text,label\n", r"t\.csv must have a column 'image', received 'picture', 'text', 'label'$"),
        ("t.jsonl", '{"image": "a.png", "text": "t"}', r"must have a column 'label', received 'image', 'text'$"),
        ("t.csv", "image,text,label,text\n", r"t\.csv must have one column 'text', received 2$"),
        ("t.csv", "image,text,label\na.png,one, two,x\n", r"line 2: must have 3 columns .* received 4 .*comma needs quotes"),
        ("t.tsv", "image\ttext\tlabel\na.png\tone\n", r"line 2: must have 3 columns .* received 2 .*tab needs quotes"),
        ("t.csv", 'image,text,label\na.png,"open,x\n', r"t\.csv, line 2: must be CSV, received what is not \("),
        ("t.tsv", 'image\ttext\tlabel\na.png\t"a" b\tx\n', r"t\.tsv, line 2: must be TSV, received what is not \("),
        ("t.csv", "image,text,label\n" + "a" * 200_000 + ",t,x", r"line 2: must be CSV, .*field larger"),
        ("t.csv", b"image,text,label\na.png,caf\xe9,x\n", r"t\.csv, line 2: must be UTF-8 text, received other bytes"),
        ("t.csv", "image,text,label\n".encode("utf-16"), r"t\.csv, line 1: must be UTF-8 text"),
        ("t.csv", "image,text,label\na.png,t,x\n , ,x\n", r"line 3: must have a picture or a text, received neither$"),
        ("t.jsonl", '{"image": "a.png"', r"t\.jsonl, line 1: must be a JSON object, received '\{"),
        ("t.jsonl", '["a.png"]', r"line 1: must be a JSON object, received"),
        ("t.jsonl", "[" * 100_000, r"line 1: must be a JSON object, received"),
        ("t.jsonl", '{"image": 3, "text": "t", "label": 0}', r"line 1: 'image' must be a string, received 3$"),
        ("t.jsonl", '{"image": "a.png", "text": 3, "label": 0}', r"line 1: 'text' must be a string, received 3$"),
        ("t.xlsx", "", r"path must end in \.csv, \.tsv, \.jsonl or \.ndjson, received .*t\.xlsx$"),
    ],
)  # fmt: skip
def test_one_sentence_says_what_is_wrong(root: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        table(write(root, name, content))
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"t\.csv must be a file, received what is none or not there"):
        table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"targets": "auto"}, "targets must be one of classes, labels, numbers, received 'auto'"),
        ({"separator": ""}, "separator must be a sign between labels, received ''"),
    ],
)
def test_arguments_are_checked(tmp_path: Path, argument: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        table(tmp_path / "t.csv", **argument)
