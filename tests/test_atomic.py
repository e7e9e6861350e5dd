import errno
import fcntl
import os
import re
import subprocess
import sys

import pytest

from mmzoo import atomic
from mmzoo.atomic import PREFIX, whole_directory


def fill(directory):
    (directory / "inner").mkdir()
    (directory / "inner/file").write_text("content")


def test_the_directory_appears_at_the_end_and_alone(tmp_path):
    with whole_directory(tmp_path / "a/target") as temporary:
        fill(temporary)
        assert [path.name for path in (tmp_path / "a").iterdir()] == [temporary.name]
        assert temporary.name.startswith(PREFIX)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["target"]
    assert (tmp_path / "a/target/inner/file").read_text() == "content"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError(errno.ENOSPC, "No space left on device")])
def test_any_error_leaves_nothing(tmp_path, error):
    def fail():
        with whole_directory(tmp_path / "target") as temporary:
            fill(temporary)
            raise error

    with pytest.raises(error if isinstance(error, type) else OSError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_at_the_flush_leaves_nothing(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space"), whole_directory(tmp_path / "target") as temporary:
        fill(temporary)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_appears_meanwhile_is_kept(tmp_path):
    def race():
        with whole_directory(tmp_path / "target") as temporary:
            fill(temporary)
            (tmp_path / "target").mkdir()
            (tmp_path / "target/other").write_text("other")

    with pytest.raises(FileExistsError):
        race()
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (tmp_path / "target/other").exists()


@pytest.mark.parametrize("kernel_exchanges", [True, False])
def test_replacing_swaps_old_for_new(tmp_path, monkeypatch, kernel_exchanges):
    if not kernel_exchanges:
        monkeypatch.setattr(atomic.ctypes, "CDLL", lambda *_, **__: object())
    (tmp_path / "target").mkdir()
    (tmp_path / "target/old").write_text("old")
    with whole_directory(tmp_path / "target", replaces=lambda path: True) as temporary:
        fill(temporary)
        assert (tmp_path / "target/old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["inner"]


def test_a_replacement_that_fails_keeps_the_old(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target/old").write_text("old")

    def fail():
        with whole_directory(tmp_path / "target", replaces=lambda path: True):
            raise ValueError("no parity")

    with pytest.raises(ValueError, match="no parity"):
        fail()
    assert (tmp_path / "target/old").read_text() == "old"


def test_leftovers_of_the_dead_are_removed_and_work_of_the_living_is_not(tmp_path):
    (tmp_path / f"{PREFIX}dead").mkdir()
    (tmp_path / f"{PREFIX}dead/file").write_text("half")
    code = (
        "import sys, pathlib; from mmzoo.atomic import whole_directory\n"
        f"with whole_directory(pathlib.Path({str(tmp_path / 'other')!r})): print('ready', flush=True); sys.stdin.read()"
    )
    living = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert living.stdout.readline() == b"ready\n"
        with whole_directory(tmp_path / "target"):
            hidden = [path.name for path in tmp_path.iterdir() if path.name.startswith(PREFIX)]
            assert sorted(name.split("-")[2] for name in hidden) == ["other", "target"]
        living.kill()
    finally:
        living.communicate()
    with whole_directory(tmp_path / "again"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "target"]


def test_the_lock_is_released(tmp_path):
    with whole_directory(tmp_path / "target"):
        pass
    descriptor = os.open(tmp_path / "target", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


def test_a_file_is_replaced_whole_or_left_alone(tmp_path):
    with atomic.whole_file(tmp_path / "file") as temporary:
        temporary.write_text("first")
    with pytest.raises(FileNotFoundError), atomic.whole_file(tmp_path / "file"):
        pass  # nothing written: there is nothing to put in place
    assert (tmp_path / "file").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_told_with_its_place(tmp_path):
    with pytest.raises(OSError, match=re.escape(str(tmp_path))), whole_directory(tmp_path / "target"):
        raise OSError(errno.ENOSPC, "No space left on device")
