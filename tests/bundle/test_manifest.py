import copy
import json

import pytest

from mmzoo.bundle import Artifact, Manifest, PartEntry, SamplesEntry, read_manifest
from mmzoo.bundle.manifest import decode_manifest, encode_manifest, write_manifest
from mmzoo.signature import TensorSpec, Writing

# The example of the design.
EXAMPLE = {
    "schema": 1,
    "model": "clip",
    "created_by": {"mmzoo": "0.1.0", "tensorflow": "2.21.0"},
    "samples": {"count": 64, "kind": "real"},
    "parts": {
        "image": {
            "inputs": [{"name": "images", "shape": [None, 224, 224, 3], "dtype": "uint8", "range": [0, 255]}],
            "outputs": [{"name": "image_embeds", "shape": [None, 512], "dtype": "float32"}],
        }
    },
    "artifacts": [
        {
            "part": "image",
            "format": "onnx",
            "precision": "fp32",
            "path": "image/model.onnx",
            "bytes": 351000000,
            "sha256": "00" * 32,
            "max_abs_diff": 1.5e-7,
            "min_cosine": 0.9999999,
            "samples": 64,
        }
    ],
    "metrics": {"digits_zero_shot_top1": 0.97},
}


def changed(path: str, value) -> str:
    """The example as text with one field replaced, or removed where value is ...."""
    content = copy.deepcopy(EXAMPLE)
    *parents, name = path.split("/")
    entry = content
    for parent in parents:
        entry = entry[int(parent) if isinstance(entry, list) else parent]
    if value is ...:
        del entry[name]
    else:
        entry[name] = value
    return json.dumps(content)


def test_the_design_s_example_is_read_and_written_unchanged():
    manifest = decode_manifest(json.dumps(EXAMPLE))
    assert manifest.parts["image"].inputs == (TensorSpec("images", (None, 224, 224, 3), "uint8", (0, 255)),)
    assert manifest.artifacts[0].max_abs_diff == 1.5e-7
    assert json.loads(encode_manifest(manifest)) == EXAMPLE


def test_a_float_range_of_whole_numbers_is_written_as_whole_numbers():
    part = PartEntry("p", (TensorSpec("x", (None,), "uint8", (0.0, 255.0)),), ())
    text = encode_manifest(Manifest("m", {}, SamplesEntry(1, "real"), {"p": part}, ()))
    assert "255.0" not in text


def test_a_written_manifest_reads_back_equal(tmp_path):
    manifest = decode_manifest(json.dumps(EXAMPLE))
    write_manifest(manifest, tmp_path)
    assert read_manifest(tmp_path) == manifest


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("schema", 2, "must have schema 1, received 2"),
        ("schema", ..., "must have the field 'schema'"),
        ("schema", True, "schema must be of type int"),
        ("model", 3, "model must be of type str"),
        ("parts", ..., "must have the field 'parts'"),
        ("parts", [], "parts must be of type dict"),
        ("parts/image/inputs", ..., "part 'image' must have the field 'inputs'"),
        ("parts/image/inputs/0/shape", ["batch"], "shape must be a list of lengths and null"),
        ("parts/image/inputs/0/range", [1], "range must be a list of two numbers"),
        ("samples/kind", "made up", "kind must be one of real, synthetic"),
        ("artifacts/0/sha256", ..., "must have the field 'sha256'"),
        ("artifacts/0/bytes", 1.5, "bytes must be of type int"),
        ("artifacts/0/part", "text", "part must be one of image, received 'text'"),
        ("artifacts/0/path", "../model.onnx", "path must lie inside the bundle"),
        ("artifacts/0/path", "/model.onnx", "path must lie inside the bundle"),
        ("metrics", {"accuracy": "high"}, "metrics: accuracy must be of type float"),
    ],
)
def test_a_wrong_field_is_named(path, value, message):
    with pytest.raises(ValueError, match=message):
        decode_manifest(changed(path, value))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": NaN}'])
def test_other_text_is_refused_in_one_line(text):
    with pytest.raises(ValueError, match=r"^manifest\.json must be[^\n]*$"):
        decode_manifest(text)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match="must be UTF-8"):
        read_manifest(tmp_path)


def test_a_directory_without_manifest_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must have a manifest\.json"):
        read_manifest(tmp_path)


def test_nan_is_not_written():
    manifest = Manifest("m", {}, SamplesEntry(1, "real"), {}, (), {"loss": float("nan")})
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_manifest(manifest)


def test_an_artifact_is_found_by_part_format_and_precision():
    manifest = decode_manifest(json.dumps(EXAMPLE))
    assert isinstance(manifest.artifact("image", "onnx"), Artifact)
    with pytest.raises(ValueError, match=r"\(image/onnx/fp32\), received image/onnx/int8"):
        manifest.artifact("image", "onnx", "int8")


WRITING = {
    "start_id": 1,
    "end_id": 3,
    "pad_id": 0,
    "context_length": 16,
    "unwritten_ids": [0, 1, 2],
    "language_ids": {"en": 5},
}


def test_how_a_part_writes_is_read_and_written_unchanged():
    text = changed("parts/image/writing", WRITING)
    manifest = decode_manifest(text)
    assert manifest.parts["image"].writing == Writing(1, 3, 0, 16, (0, 1, 2), {"en": 5})
    assert json.loads(encode_manifest(manifest)) == json.loads(text)


@pytest.mark.parametrize("wrong", [{"end_id": "3"}, {"unwritten_ids": [-1]}, {"language_ids": {"en": True}}])
def test_how_a_part_writes_must_be_whole_numbers(wrong):
    with pytest.raises(ValueError, match=r"part 'image': (end_id must be of type int|writing must be made of whole)"):
        decode_manifest(changed("parts/image/writing", WRITING | wrong))


def test_pictures_and_how_far_they_are_off_are_read_and_written_unchanged():
    content = copy.deepcopy(EXAMPLE)
    content["parts"]["image"]["pictures"] = ["image_embeds"]
    content["artifacts"][0]["mean_levels"] = 0.5
    manifest = decode_manifest(json.dumps(content))
    assert (manifest.parts["image"].pictures, manifest.artifacts[0].mean_levels) == (("image_embeds",), 0.5)
    assert json.loads(encode_manifest(manifest)) == content


def test_pictures_must_be_outputs():
    with pytest.raises(ValueError, match=r"part 'image': pictures must be names of outputs, received \['images'\]"):
        decode_manifest(changed("parts/image/pictures", ["images"]))
