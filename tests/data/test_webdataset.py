import io
import logging
import pickle
import struct
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmzoo.data.decode import UnreadableImage
from mmzoo.data.shards import read_range, scan_shard
from mmzoo.data.webdataset import read_samples


def write(path: Path, members: list[tuple[str, bytes]], tar_format: int = tarfile.USTAR_FORMAT) -> Path:
    with tarfile.open(path, "w", format=tar_format) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def picture(value: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 5, 3), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def numbered(path: Path, count: int) -> Path:
    return write(
        path, [(f"{i}{end}", data) for i in range(count) for end, data in ((".png", picture(i)), (".txt", b"%d" % i))]
    )


def values(path: Path) -> list[tuple[str, int]]:
    samples = read_samples([path], max_pixels=100)
    return [(row[0], int(samples.images[i][0, 0, 0])) for i, row in enumerate(samples.captions)]


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_those_that_tarfile_finds(tmp_path: Path, tar_format: int) -> None:
    long = "/".join(["folder" * 8] * 4) + "/" if tar_format != tarfile.USTAR_FORMAT else "folder/"
    data = [(f"{long}图{i}.jpg", bytes([i]) * (i * 300)) for i in range(7)]
    path = write(tmp_path / "a.tar", data, tar_format)
    shard = scan_shard(path)
    with tarfile.open(path) as tar:
        expected = [(info.name, info.offset_data, info.size) for info in tar]
    assert [(member.name, member.offset, member.size) for member in shard.members] == expected
    assert [read_range(path, member.offset, member.size) for member in shard.members] == [
        content for _, content in data
    ]
    assert (shard.lost_bytes, shard.damage) == (0, ())


def test_the_systems_own_tar(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(3):
        (tmp_path / "in" / f"{i}.png").write_bytes(picture(i))
        (tmp_path / "in" / f"{i}.txt").write_text(f"number {i}")
    (tmp_path / "in" / "9.png").symlink_to("/etc/passwd")
    (tmp_path / "in" / "8.png").hardlink_to(tmp_path / "in" / "0.png")
    try:
        subprocess.run(
            ["tar", "-cf", tmp_path / "a.tar", "--sort=name", "-C", tmp_path, "in"], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no GNU tar here")
    assert values(tmp_path / "a.tar") == [("number 0", 0), ("number 1", 1), ("number 2", 2)]


def test_samples_are_grouped_by_key(tmp_path: Path) -> None:
    members = [
        ("b/x.json", b'{"caption": "from json", "captions": ["two", "three"]}'),
        ("a/x.jpg.txt", b"not the key a/x"),
        ("a/x.PNG", picture(1)),
        ("a/x.txt", b" from a "),
        ("b/x.png", picture(2)),
        ("b/x.txt", "从 b".encode()),
        ("b/x.seg.png", picture(99)),
        ("v1.5/y.png", picture(3)),
        ("v1.5/y.txt", b"\xff invalid"),
    ]
    samples = read_samples([write(tmp_path / "a.tar", members)], max_pixels=100)
    assert samples.captions == (("from a",), ("从 b", "two", "three"), ("\ufffd invalid",))
    assert [int(samples.images[i][0, 0, 0]) for i in range(3)] == [1, 2, 3]


def test_names_and_pickles_are_only_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hostile:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "executed",)

    monkeypatch.chdir(tmp_path)
    evil = pickle.dumps(Hostile())
    members = [
        ("../../etc/x.png", picture(1)),
        ("../../etc/x.txt", b"up and away"),
        ("../../etc/x.pkl", evil),
        ("/abs/y.png", picture(2)),
        ("/abs/y.txt", b"absolute"),
        ("/abs/y.pyd", evil),
    ]
    before = sorted(tmp_path.parent.rglob("*"))
    path = write(tmp_path / "a.tar", members)
    assert values(path) == [("up and away", 1), ("absolute", 2)]
    assert sorted(tmp_path.parent.rglob("*")) == sorted([*before, path])


def test_a_damaged_header_costs_one_member_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = numbered(tmp_path / "a.tar", 20)
    victim = next(member for member in scan_shard(path).members if member.name == "7.png")
    data = bytearray(path.read_bytes())
    data[victim.offset - 512 + 3] ^= 0x20
    path.write_bytes(data)
    with tarfile.open(path) as tar:
        assert len(tar.getnames()) == 14  # what another reader finds, without an error

    shard = scan_shard(path)
    assert (len(shard.members), shard.lost_bytes) == (39, 1024)
    assert shard.damage == (f"its header at byte {victim.offset - 512:,} is damaged, 1,024 bytes are lost",)
    with caplog.at_level(logging.WARNING, "mmzoo.data"):
        assert values(path) == [(str(i), i) for i in range(20) if i != 7]
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: its header at byte {victim.offset - 512:,} is damaged, 1,024 bytes are lost; "
        "texts without a picture: 1 (19 samples are left)"
    ]


def test_a_hole_of_zeros_is_not_taken_for_the_end(tmp_path: Path) -> None:
    path = numbered(tmp_path / "a.tar", 20)
    data = bytearray(path.read_bytes())
    start = scan_shard(path).members[4].offset - 512
    data[start : start + 3 * 512] = bytes(3 * 512)
    path.write_bytes(data)
    shard = scan_shard(path)
    assert len(shard.members) == 38
    assert shard.lost_bytes > 0


def test_concatenated_shards_are_read_to_the_end(tmp_path: Path) -> None:
    first, second = numbered(tmp_path / "1.tar", 2), write(tmp_path / "2.tar", [("x.png", picture(9)), ("x.txt", b"9")])
    both = tmp_path / "both.tar"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    assert values(both) == [("0", 0), ("1", 1), ("9", 9)]
    assert scan_shard(both).damage == ()


def test_a_truncated_shard_is_told(tmp_path: Path) -> None:
    path = numbered(tmp_path / "a.tar", 10)
    last = scan_shard(path).members[15]
    data = path.read_bytes()
    path.write_bytes(data[: last.offset])
    shard = scan_shard(path)
    assert len(shard.members) == 15
    assert shard.damage == ("it ends inside '7.txt', 512 bytes are lost",)
    path.write_bytes(data[: last.offset - 512])
    assert scan_shard(path).damage == ("it stops without the mark that ends a tar file, members may be missing",)


def test_any_damage_is_told_or_harmless(tmp_path: Path) -> None:
    """Random bytes into headers: whatever is read still has its own caption, and nothing goes missing in silence."""
    sound = numbered(tmp_path / "sound.tar", 8).read_bytes()
    headers = [member.offset - 512 for member in scan_shard(tmp_path / "sound.tar").members]
    rng = np.random.default_rng(0)
    for number in range(60):
        data = bytearray(sound)
        for header in rng.choice(headers, 3, replace=False):
            data[header + rng.integers(0, 345)] = rng.integers(256)
        path = tmp_path / f"{number}.tar"
        path.write_bytes(data)
        shard = scan_shard(path)
        if len(shard.members) < 16:
            assert shard.damage
            assert shard.lost_bytes > 0
        assert all(caption == str(value) for caption, value in values(path))


def test_a_size_that_points_past_the_end(tmp_path: Path) -> None:
    path = numbered(tmp_path / "a.tar", 4)
    data = bytearray(path.read_bytes())
    header = tarfile.TarInfo("big.png")
    header.size = 8**11 - 1
    start = scan_shard(path).members[2].offset - 512
    data[start : start + 512] = header.tobuf(tarfile.USTAR_FORMAT)[:512]
    path.write_bytes(data)
    shard = scan_shard(path)
    assert len(shard.members) == 2
    assert "it ends inside 'big.png'" in shard.damage[0]


@pytest.mark.parametrize(
    "record", [b"20 path=\xff\xff\n", b"9999999999 path=x\n", b"0 path=x\n", b"-5 a=b\n", b"x" * 600, b""]
)
def test_malformed_pax_records(tmp_path: Path, record: bytes) -> None:
    path = tmp_path / "a.tar"
    extension = tarfile.TarInfo("pax")
    extension.type, extension.size = tarfile.XHDTYPE, len(record)
    body = numbered(tmp_path / "b.tar", 1).read_bytes()
    padding = bytes(-len(record) % 512)
    path.write_bytes(extension.tobuf(tarfile.USTAR_FORMAT) + record + padding + body)
    assert len(scan_shard(path).members) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty, not a tar file"),
        (b"this is not a tar" * 100, "is not a tar file"),
        (b"\x1f\x8b" + bytes(1000), r"is compressed; unpack it to a plain \.tar"),
        (struct.pack("<I", 0xFD2FB528) + bytes(1000), r"is compressed; unpack it to a plain \.tar"),
    ],
)
def test_files_that_are_no_tar(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_samples([tmp_path / "a.tar"], max_pixels=100)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([], "found none$"),
        ([("a.png", picture(0))], r"found none: .*a\.tar: pictures without a text: 1 \(0 samples are left\)"),
        ([("a.txt", b"a")], "texts without a picture: 1"),
        ([("a.png", picture(0)), ("a.txt", b"  ")], "pictures without a text: 1"),
        ([("a.png", picture(0)), ("a.json", b'{"caption": 3}')], r"pictures whose \.json is malformed: 1"),
        ([("a.png", picture(0)), ("a.json", b"[" * 200_000)], r"pictures whose \.json is malformed: 1"),
        ([("a.png", picture(0)), ("a.json", b"\xff\xfe{")], r"pictures whose \.json is malformed: 1"),
    ],
)
def test_shards_without_a_complete_sample(tmp_path: Path, members: list, reason: str) -> None:
    path = write(tmp_path / "a.tar", members)
    with pytest.raises(ValueError, match=rf"a\.tar must hold pictures \(KEY\.jpg\) .*{reason}"):
        read_samples([path], max_pixels=100)


def test_an_enormous_caption_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", [("a.png", picture(0)), ("a.txt", b"x" * 3_000_000)])
    assert len(read_samples([path], max_pixels=100).captions[0][0]) == 2**20


def test_a_shard_that_changes_after_it_was_indexed(tmp_path: Path) -> None:
    path = numbered(tmp_path / "a.tar", 3)
    images = read_samples([path], max_pixels=100).images
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(UnreadableImage, match="it has changed"):
        images[2]
    path.unlink()
    with pytest.raises(UnreadableImage, match=r"a\.tar:0\.png cannot be read: No such file"):
        images[0]
