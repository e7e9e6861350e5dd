"""captions.jsonl and captions.csv: which picture has which captions."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

_LINE_CHARACTERS = 2**24  # a line is one picture; a file without line ends would fill the memory


def read_jsonl(path: Path) -> dict[str, tuple[str, ...]]:
    """Picture to captions, from lines {"image": "a.jpg", "caption": "..."} or {"image": ..., "captions": ["...", ...]}.

    Lines of the same picture add up, in the file's order; blank captions do not count.
    Raises:  ValueError with the line's number if it is not such an object, or names a picture outside of the folder.
    """
    return _collect(path, _jsonl_rows(path))


def read_csv(path: Path) -> dict[str, tuple[str, ...]]:
    """Picture to captions, from a CSV file whose header names the columns image and caption.

    A picture in several rows has several captions; other columns are ignored.
    Raises:  ValueError with the line's number, as `read_jsonl`.
    """
    return _collect(path, _csv_rows(path))


def _collect(path: Path, rows: Iterator[tuple[int, str, list[str]]]) -> dict[str, tuple[str, ...]]:
    pictures: dict[str, dict[str, None]] = {}
    try:
        for line, image, captions in rows:
            kept = [caption.strip() for caption in captions if caption.strip()]
            if not kept:
                raise ValueError(
                    f"{path}, line {line}: the picture {image!r} must have a caption, received a blank one"
                )
            pictures.setdefault(inside_folder(f"{path}, line {line}", image), {}).update(dict.fromkeys(kept))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be UTF-8 text, received other bytes ({error.reason})") from None
    if not pictures:
        raise ValueError(f"{path} must name at least one picture, received none")
    return {image: tuple(captions) for image, captions in pictures.items()}


def _jsonl_rows(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    with path.open(encoding="utf-8-sig") as file:
        number = 0
        while line := file.readline(_LINE_CHARACTERS):
            number += 1
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                raise _malformed(path, number, line) from None
            if not isinstance(row, dict) or not isinstance(row.get("image"), str):
                raise _malformed(path, number, line)
            captions = row.get("captions", row.get("caption"))
            captions = [captions] if isinstance(captions, str) else captions
            if not isinstance(captions, list) or not all(isinstance(caption, str) for caption in captions):
                raise _malformed(path, number, line)
            yield number, row["image"], captions


def _csv_rows(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        try:
            header = [column.strip().lower() for column in next(reader, [])]
            if "image" not in header or "caption" not in header:
                raise ValueError(
                    f"{path} must begin with a header naming the columns image and caption, received {header}"
                )
            image, caption = header.index("image"), header.index("caption")
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise ValueError(
                        f"{path}, line {reader.line_num}: must have {len(header)} columns as the header has, "
                        f"received {len(row)} (a caption with a comma needs quotes)"
                    )
                yield reader.line_num, row[image], [row[caption]]
        except csv.Error as error:
            raise ValueError(f"{path}, line {reader.line_num}: must be CSV, received what is not ({error})") from None


def _malformed(path: Path, line: int, text: str) -> ValueError:
    shown = text.strip()
    shown = shown if len(shown) <= 80 else shown[:80] + "..."
    return ValueError(
        f'{path}, line {line}: must be {{"image": "a.jpg", "caption": "..."}} or with "captions": [...], '
        f"received {shown}"
    )


def inside_folder(where: str, image: str) -> str:
    """The picture's path as given, if it stays in the folder on every operating system.

    Raises:  ValueError, which begins with `where`.
    """
    parts = PureWindowsPath(image).parts
    if (
        not image.strip()
        or "\0" in image
        or ".." in parts
        or PurePosixPath(image).is_absolute()
        or PureWindowsPath(image).anchor
    ):
        raise ValueError(f"{where}: image must be a path inside the folder, received {image!r}")
    return image
