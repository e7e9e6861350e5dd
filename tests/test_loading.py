import subprocess
import sys
import zipfile

import keras
import pytest

import mmzoo


@pytest.mark.parametrize("name", ["none.keras", "."])
def test_no_file_is_said(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"must be a \.keras file"):
        mmzoo.load(tmp_path / name)


def test_another_kind_of_file_is_said(tmp_path):
    (tmp_path / "model.txt").touch()
    with pytest.raises(ValueError, match=r"must be a \.keras file, received one that ends in '\.txt'"):
        mmzoo.load(tmp_path / "model.txt")


def test_a_damaged_file_is_said(tmp_path):
    path = tmp_path / "broken.keras"
    path.write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"broken\.keras"):
        mmzoo.load(path)


def test_a_flipped_bit_is_said(tmp_path):
    path = tmp_path / "flipped.keras"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(50)])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        weights = archive.getinfo("model.weights.h5")
    content = bytearray(path.read_bytes())
    content[weights.header_offset + weights.compress_size // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"flipped\.keras"):
        mmzoo.load(path)


def test_kerashub_s_layers_are_found_in_a_fresh_process(tmp_path):
    keras_hub = pytest.importorskip("keras_hub")
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 8, "max_sequence_length": 6}
    tokenizer = mmzoo.Tokenizer.train(["a red circle"], 300)
    backbone = keras_hub.models.BertBackbone(vocabulary_size=tokenizer.vocab_size, **sizes)
    mmzoo.build_hub(backbone, tokenizer=tokenizer).save(tmp_path / "text.keras")
    code = (
        f"import mmzoo; model = mmzoo.load({str(tmp_path / 'text.keras')!r});"
        "ids = model.tokenizer(['a red circle'], 6); print(type(model).__name__, model({'token_ids': ids})['pooled'].shape)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.split("\n")[0].startswith("TextEncoder (1, 8)"), result.stderr
