import hashlib
import os
import shutil
import subprocess

import pytest

from mmzoo.checksums import (
    check_files,
    list_files,
    read_sums,
    sha256,
    sha256_directory,
    sha256_path,
    size_of,
    write_sums,
)


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "b/c").mkdir(parents=True)
    (tmp_path / "b/c/second").write_bytes(b"2")
    (tmp_path / "first").write_bytes(b"111")
    return tmp_path


def test_a_directory_s_hash_is_that_of_its_sorted_file_hashes(tree):
    second, first = (hashlib.sha256(content).hexdigest() for content in (b"2", b"111"))
    expected = hashlib.sha256(f"{second}  b/c/second\n{first}  first\n".encode()).hexdigest()
    assert sha256_directory(tree) == sha256_path(tree) == expected


def test_a_renamed_file_changes_the_hash_of_its_directory(tree):
    before = sha256_directory(tree)
    (tree / "first").rename(tree / "zeroth")
    assert sha256_directory(tree) != before


def test_the_size_of_a_directory_is_that_of_its_files(tree):
    assert (size_of(tree), size_of(tree / "first")) == (4, 3)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_sha256sum_checks_what_write_sums_wrote(tree):
    write_sums(tree)
    command = ["sha256sum", "--strict", "--check", "SHA256SUMS"]
    assert subprocess.run(command, cwd=tree, capture_output=True, text=True).stdout.count(": OK\n") == 2
    (tree / "first").write_bytes(b"112")
    assert "first: FAILED" in subprocess.run(command, cwd=tree, capture_output=True, text=True).stdout


def test_sums_read_back_and_do_not_list_themselves(tree):
    write_sums(tree)
    write_sums(tree)
    assert sorted(read_sums(tree)) == [name for name in list_files(tree) if name != "SHA256SUMS"]


@pytest.mark.parametrize("position", [0, 40, 100, -2])
def test_damage_to_the_list_itself_is_noticed(tree, position):
    write_sums(tree)
    content = bytearray((tree / "SHA256SUMS").read_bytes())
    content[position] ^= 1
    (tree / "SHA256SUMS").write_bytes(content)
    with pytest.raises(ValueError, match="hash of its own lines"):
        read_sums(tree)


def test_a_pipe_is_never_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        sha256(tmp_path / "pipe")
    (tmp_path / "pipe").unlink()
    (tmp_path / "pipe").touch()
    write_sums(tmp_path)
    (tmp_path / "pipe").unlink()
    os.mkfifo(tmp_path / "pipe")
    assert check_files(tmp_path)[0] == {"pipe": "must be readable: it is not a regular file"}
