import pytest

import mmzoo


@pytest.mark.parametrize("name", ["none.keras", "."])
def test_no_file_is_said(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"must be a \.keras file"):
        mmzoo.load(tmp_path / name)


def test_a_damaged_file_is_said(tmp_path):
    path = tmp_path / "broken.keras"
    path.write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"broken\.keras"):
        mmzoo.load(path)
