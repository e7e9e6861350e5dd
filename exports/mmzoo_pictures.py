"""Pictures from the bundle of a text-to-image model: noise, batches and PNG files, in NumPy, for whatever client runs its parts.

Copy it beside mmzoo_bundle.py and a client. No mmzoo or Keras; the pictures are those of mmzoo's TextToImage.generate.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmzoo_bundle import Client, add_client_arguments, open_client

PART = "text_to_image"
LEAST_TRUNCATION = 0.01


class Painter:
    """Draws pictures of captions with a client whose bundle has the part text_to_image.

    client: such as OnnxClient("exports/my-painter", precision="int8"). Any number of threads may use one, where they may use the client.
    Raises ValueError for the bundle of another model.
    """

    def __init__(self, client: Client) -> None:
        self.client, self.bundle = client, client.bundle
        if PART not in self.bundle.parts:
            parts = ", ".join(self.bundle.parts)
            raise ValueError(f"the bundle must be of a text-to-image model, found the parts {parts}")
        shapes = {spec["name"]: spec["shape"] for spec in self.bundle.parts[PART]["inputs"]}
        self.noise_size = int(shapes["noise"][1])
        self.picture_shape = tuple(self.bundle.parts[PART]["outputs"][0]["shape"][1:])

    def draw(
        self,
        captions: Sequence[str] | np.ndarray,
        *,
        seed: int = 0,
        truncation: float | None = None,
        batch_size: int = 16,
    ) -> np.ndarray:
        """N captions, or their token ids (N, T) int32 -> pictures (N, H, W, 3) uint8.

        seed: of the noise; picture i depends on it, on i and on caption i alone. truncation: noise further from 0 is drawn again,
        which gives pictures nearer to the usual, and less different.
        """
        if isinstance(captions, str):
            raise ValueError(f"captions must be a list of strings, received {captions!r}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, received {batch_size}")
        ids = captions if isinstance(captions, np.ndarray) else self.bundle.token_ids(captions, PART)
        noise = drawn_noise(len(ids), self.noise_size, seed, truncation)
        pictures = [np.zeros((0, *self.picture_shape), np.uint8)]
        for start in range(0, len(ids), batch_size):
            some = slice(start, start + batch_size)
            pictures += self.client.run(PART, {"token_ids": ids[some], "noise": noise[some]}).values()
        return np.concatenate(pictures)


def drawn_noise(count: int, size: int, seed: int, truncation: float | None) -> np.ndarray:
    """Normal numbers (count, size) float32; those beyond truncation are drawn again. Row i depends on seed and i alone."""
    if seed < 0:
        raise ValueError(f"seed must be at least 0, received {seed}")
    if truncation is not None and not truncation >= LEAST_TRUNCATION:
        raise ValueError(f"truncation must be at least {LEAST_TRUNCATION}, received {truncation}")
    rows = np.zeros((count, size), np.float32)
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        row = rng.standard_normal(size)
        while truncation is not None and (far := np.abs(row) > truncation).any():
            row[far] = rng.standard_normal(int(far.sum()))
        rows[index] = row
    return rows


def main() -> None:
    """Writes a PNG file a picture and prints their names; what cannot be is one sentence on standard error, and exit status 1."""
    parser = argparse.ArgumentParser(description="Pictures of captions.")
    add_client_arguments(parser)
    parser.add_argument("captions", nargs="+", metavar="caption")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder of the PNG files; default this one")
    parser.add_argument("--n", type=int, default=1, help="pictures of each caption")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--truncation", type=float)
    given = parser.parse_args()
    captions = [caption for caption in given.captions for _ in range(given.n)]
    try:
        if given.n < 1:
            raise ValueError(f"--n must be at least 1, received {given.n}")
        painter = Painter(open_client(given.client, given.bundle, precision=given.precision))
        pictures = painter.draw(captions, seed=given.seed, truncation=given.truncation)
        files = write(pictures, given.out)
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"mmzoo_pictures: {error}")
    for file, caption in zip(files, captions, strict=True):
        print(f"{file}  {caption}")


def write(pictures: np.ndarray, folder: Path) -> list[Path]:
    """Pictures (N, H, W, 3) uint8 as 000.png, 001.png and so on in a folder, which is made where there is none."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{index:03}.png" for index in range(len(pictures))]
    for file, picture in zip(files, pictures, strict=True):
        Image.fromarray(picture).save(file)
    return files


if __name__ == "__main__":
    main()
