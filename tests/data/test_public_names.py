import subprocess
import sys

import pytest

import mmzoo.data


@pytest.mark.parametrize("name", mmzoo.data.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert callable(getattr(mmzoo.data, name))
    assert name in dir(mmzoo.data)


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'digit'"):
        mmzoo.data.digit  # noqa: B018


def test_importing_the_package_imports_no_framework() -> None:
    code = (
        "import sys, mmzoo.data; assert not {'PIL', 'numpy', 'keras', 'tensorflow', 'sklearn'} & set(sys.modules); "
        "mmzoo.data.folder, mmzoo.data.batches, mmzoo.data.digits, mmzoo.data.shapes; "
        "assert not {'keras', 'tensorflow', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
