import shutil
import sys

import numpy as np
import pytest

from mmzoo.bundle import verify
from mmzoo.checksums import list_files, write_sums

FORMATS = {"saved_model": "saved_model/1", "tflite": "double/model.tflite", "onnx": "double/model.onnx"}


def flip(path, position, bit=0):
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)


def wrong_files(result):
    return [check.path for check in result.files if check.problem]


def test_a_good_bundle_verifies_in_every_format(bundle):
    result = verify(bundle)
    assert result.ok
    assert result.problems == ()
    assert {check.artifact.format: check.max_abs_diff for check in result.artifacts} == dict.fromkeys(FORMATS, 0.0)
    assert {check.path for check in result.files} == set(list_files(bundle))


def test_verifying_changes_nothing_in_the_bundle(bundle):
    before = {name: (bundle / name).stat().st_mtime_ns for name in list_files(bundle)}
    verify(bundle)
    assert {name: (bundle / name).stat().st_mtime_ns for name in list_files(bundle)} == before


def test_one_flipped_bit_in_any_file_names_that_file_and_no_other(bundle):
    generator = np.random.default_rng(0)
    for name in list_files(bundle):
        original = (bundle / name).read_bytes()
        flip(bundle / name, generator.integers(len(original)), generator.integers(8))
        result = verify(bundle)
        assert wrong_files(result) == [name]
        assert not result.ok
        (bundle / name).write_bytes(original)


@pytest.mark.parametrize("name", ["manifest.json", "SHA256SUMS", "samples.npz", "double/model.tflite"])
def test_a_truncated_and_a_deleted_file_are_named(bundle, name):
    content = (bundle / name).read_bytes()
    (bundle / name).write_bytes(content[: len(content) // 2])
    assert wrong_files(verify(bundle)) == [name]
    (bundle / name).unlink()
    assert wrong_files(verify(bundle)) == [name]


def test_a_deleted_file_of_the_saved_model_is_named(bundle):
    (bundle / "saved_model/1/variables/variables.index").unlink()
    assert wrong_files(verify(bundle)) == ["saved_model/1/variables/variables.index"]


def test_an_extra_file_is_named(bundle):
    (bundle / "double/extra.py").write_text("")
    assert wrong_files(verify(bundle)) == ["double/extra.py"]


def test_a_damaged_file_is_not_run(bundle):
    flip(bundle / "double/model.tflite", 100)
    skipped = {check.artifact.format: check.skipped for check in verify(bundle).artifacts}
    assert skipped == {"saved_model": None, "onnx": None, "tflite": "double/model.tflite is damaged"}


def test_nothing_is_run_by_a_damaged_manifest(bundle):
    text = (bundle / "manifest.json").read_text()
    (bundle / "manifest.json").write_text(text.replace('"max_abs_diff": 0.0', '"max_abs_diff": 9.0'))
    result = verify(bundle)
    assert wrong_files(result) == ["manifest.json"]
    assert {check.skipped for check in result.artifacts} == {"manifest.json is damaged"}


def test_a_changed_artifact_shows_though_sha256sums_was_made_again(bundle):
    flip(bundle / "double/model.onnx", -1)
    write_sums(bundle)
    result = verify(bundle)
    assert wrong_files(result) == ["double/model.onnx"]
    assert "by manifest.json" in result.problems[0]


@pytest.mark.parametrize("text", ["{", '{"schema": 7}'])
def test_a_manifest_that_cannot_be_read_is_a_problem_not_an_exception(bundle, text):
    (bundle / "manifest.json").write_text(text)
    write_sums(bundle)
    assert wrong_files(verify(bundle)) == ["manifest.json"]


def test_samples_that_lack_an_array_are_a_problem_not_an_exception(bundle):
    np.savez(bundle / "samples.npz", other=np.ones(3))
    write_sums(bundle)
    result = verify(bundle)
    assert wrong_files(result) == ["samples.npz"]
    assert all(check.skipped for check in result.artifacts)


def test_other_answers_are_reported_with_their_figures(bundle):
    # All golden answers half a unit higher than what the files give.
    with np.load(bundle / "samples.npz") as arrays:
        golden = dict(arrays)
    golden["double/outputs/y"] += 0.5
    np.savez(bundle / "samples.npz", **golden)
    write_sums(bundle)
    result = verify(bundle)
    assert wrong_files(result) == []
    assert [check.max_abs_diff for check in result.artifacts] == [0.5, 0.5, 0.5]
    assert len(result.problems) == 3
    assert "found 5.0e-01" in result.problems[0]


@pytest.mark.parametrize("module", ["onnxruntime", "ai_edge_litert.interpreter", "tensorflow"])
def test_a_missing_runtime_skips_its_artifact_alone(bundle, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    result = verify(bundle)
    assert result.ok
    assert [check.skipped.count("pip install") for check in result.artifacts if check.skipped] == [1]


def test_no_directory_is_a_problem_not_an_exception(tmp_path):
    assert not verify(tmp_path / "absent").ok
    assert verify(tmp_path / "absent").problems == (".: must be a directory, found none",)


def test_an_empty_directory_is_no_bundle(tmp_path):
    assert wrong_files(verify(tmp_path)) == ["SHA256SUMS", "manifest.json"]


def test_a_moved_bundle_verifies(bundle, tmp_path):
    moved = shutil.move(bundle, tmp_path / "elsewhere")
    assert verify(moved).ok
