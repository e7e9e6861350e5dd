import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from mmzoo.bundle import is_bundle, verify
from mmzoo.checksums import list_files, sha256, write_sums

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


def test_every_byte_of_the_two_lists_is_covered(light, tmp_path):
    """Whichever byte of manifest.json or SHA256SUMS has a flipped bit, that file is named and no other."""
    bundle = Path(shutil.copytree(light, tmp_path / "listed"))
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | {"artifacts": []}))  # nothing to run: quick
    write_sums(bundle)
    assert verify(bundle).ok
    for name in ("manifest.json", "SHA256SUMS"):
        original = (bundle / name).read_bytes()
        for position in range(len(original)):
            flip(bundle / name, position, position % 8)
            assert wrong_files(verify(bundle)) == [name], position
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


def test_a_file_replaced_by_a_link_to_its_own_content_is_named(bundle, tmp_path):
    for name in ("double/model.onnx", "manifest.json", "SHA256SUMS"):
        moved = shutil.move(bundle / name, tmp_path / "moved")
        (bundle / name).symlink_to(moved)
        assert wrong_files(verify(bundle)) == [name]
        assert "regular file" in verify(bundle).problems[0]
        (bundle / name).unlink()
        shutil.move(moved, bundle / name)


def test_a_directory_replaced_by_a_link_is_named_with_the_files_it_held(bundle, tmp_path):
    moved = shutil.move(bundle / "double", tmp_path / "moved")
    (bundle / "double").symlink_to(moved)
    assert wrong_files(verify(bundle)) == ["double", "double/model.onnx", "double/model.tflite"]


def test_an_empty_directory_is_nobody_s_file(bundle):
    # TensorFlow writes some; git and object stores keep none.
    (bundle / "empty").mkdir()
    assert verify(bundle).ok


def test_external_data_is_checked_and_its_artifact_not_run_without_it(light, tmp_path):
    import onnx

    bundle = Path(shutil.copytree(light, tmp_path / "external"))
    model = onnx.load(bundle / "double/model.onnx")
    onnx.save(
        model, bundle / "double/model.onnx", save_as_external_data=True, location="model.onnx.data", size_threshold=0
    )
    manifest = json.loads((bundle / "manifest.json").read_text())
    artifact = manifest["artifacts"][1]
    artifact |= {"files": ["double/model.onnx.data"], "sha256": sha256(bundle / "double/model.onnx")}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    write_sums(bundle)
    assert verify(bundle).ok
    flip(bundle / "double/model.onnx.data", 0)
    assert wrong_files(verify(bundle)) == ["double/model.onnx.data"]
    assert verify(bundle).artifacts[1].skipped == "double/model.onnx.data is damaged"
    (bundle / "double/model.onnx.data").unlink()
    write_sums(bundle)
    assert verify(bundle).problems == ("double/model.onnx.data: must exist by manifest.json, found nothing",)


@pytest.mark.parametrize("batch", [1, 2, 3, 40])
def test_a_fixed_batch_is_filled_up(light, tmp_path, batch):
    bundle = Path(shutil.copytree(light, tmp_path / "fixed"))
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["artifacts"][0]["batch"] = batch
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    write_sums(bundle)
    assert [check.max_abs_diff for check in verify(bundle).artifacts] == [0, 0]


@pytest.mark.parametrize("kind", ["U", "S"])
def test_an_artifact_that_takes_strings_is_run_on_those_of_the_samples(lengths, kind):
    with np.load(lengths / "samples.npz") as arrays:
        golden = dict(arrays)
    texts = golden["texts/inputs/text_strings"]
    golden["texts/inputs/text_strings"] = texts if kind == "U" else np.array([text.encode() for text in texts])
    assert golden["texts/inputs/text_strings"].dtype.kind == kind
    np.savez(lengths / "samples.npz", **golden)
    write_sums(lengths)
    result = verify(lengths)
    assert result.problems == ()
    assert [check.max_abs_diff for check in result.artifacts] == [0]


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


def test_what_never_was_a_bundle_gets_one_sentence_with_its_path(tmp_path):
    (tmp_path / "file").touch()
    expected = {
        tmp_path / "absent": "must be a bundle's directory, found nothing there",
        tmp_path / "file": "must be a bundle's directory, found a file there",
        tmp_path: "must be a bundle, found neither manifest.json nor SHA256SUMS in it",
    }
    for path, sentence in expected.items():
        assert verify(path).problems == (f"{path}: {sentence}",)
        assert not verify(path).ok


def test_a_moved_bundle_verifies(bundle, tmp_path):
    moved = shutil.move(bundle, tmp_path / "elsewhere")
    assert verify(moved).ok


def test_a_bundle_may_be_replaced_only_while_nothing_else_is_in_it(bundle, tmp_path):
    assert is_bundle(bundle)
    (bundle / "double/model.onnx").write_bytes(b"damaged, and still the export's own")
    assert is_bundle(bundle)
    (bundle / "notes.txt").write_text("mine")
    assert not is_bundle(bundle)
    assert not is_bundle(tmp_path)
