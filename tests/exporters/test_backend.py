import keras
import pytest

from mmzoo.exporters import export


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="TensorFlow's backend can export")
def test_another_backend_is_told_what_to_do(small, tmp_path):
    with pytest.raises(
        RuntimeError, match=r"save the model as \.keras, set KERAS_BACKEND=tensorflow and load it there"
    ):
        export(small, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
