"""Writes pictures.npz: small pictures of many modes, and the pixels that transformers' image processors make of them.

Run once, in an environment of its own:
    pip install torch==2.13.0 transformers==5.17.0 "pillow>=12,<13" numpy && python tests/golden/make_pictures.py
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "parity"))

from pictures import CLIP, OLD_RESNET, OLD_VIT, SIGLIP, encoded, opened, processor_of  # noqa: E402

SIDE = 16
SQUARE = {"height": SIDE, "width": SIDE}
PROCESSORS = {
    "clip": CLIP | {"size": {"shortest_edge": SIDE}, "crop_size": SQUARE},
    "siglip": SIGLIP | {"size": SQUARE},
    "vit": OLD_VIT | {"size": SIDE},
    "resnet": OLD_RESNET | {"size": SIDE},
    "resnet_384": OLD_RESNET | {"size": 384},
}
EVERY = {"resnet_384": 24}  # the rows and columns that are kept of a large result
# name: (height, width, mode, suffix)
SOURCES = {
    "exact": (16, 16, "RGB", "png"),
    "exact_wide": (16, 33, "RGB", "png"),
    "as_resnet": (18, 18, "RGB", "png"),
    "odd_margin": (40, 43, "RGB", "png"),
    "odd": (33, 51, "RGB", "jpg"),
    "odd_tall": (51, 33, "RGB", "png"),
    "photo": (60, 80, "RGB", "jpg"),
    "tall_photo": (80, 60, "RGB", "jpg"),
    "wide": (10, 120, "RGB", "png"),
    "tall": (120, 11, "RGB", "png"),
    "strip": (2, 90, "RGB", "png"),
    "tall_strip": (90, 3, "RGB", "png"),
    "small": (7, 11, "RGB", "png"),
    "tiny": (3, 2, "RGB", "png"),
    "pixel": (1, 1, "RGB", "png"),
    "grey": (41, 30, "L", "png"),
    "grey_alpha": (25, 31, "LA", "png"),
    "one_bit": (60, 45, "1", "png"),
    "palette": (40, 34, "P", "png"),
    "opaque": (28, 40, "RGBA", "png"),
    "cmyk": (42, 35, "CMYK", "jpg"),
    "sixteen_bits": (22, 25, "RGB;16", "png"),
    "sixteen_bits_black_white": (26, 35, "I;16", "png"),
    "turned": (24, 40, "turned", "jpg"),
    "transparent": (28, 36, "transparent", "png"),
}


def main() -> None:
    arrays = {}
    with tempfile.TemporaryDirectory() as temporary:
        paths = []
        for seed, (name, (height, width, mode, suffix)) in enumerate(sorted(SOURCES.items())):
            paths.append(Path(temporary) / f"{name}.{suffix}")
            paths[-1].write_bytes(encoded(height, width, mode, suffix, seed))
            arrays[f"source/{name}"] = np.frombuffer(paths[-1].read_bytes(), np.uint8)
        for name, content in PROCESSORS.items():
            folder = Path(temporary) / name
            folder.mkdir()
            (folder / "preprocessor_config.json").write_text(json.dumps(content))
            processor, every = processor_of(folder), EVERY.get(name, 1)
            plain = [processor(opened(path), do_rescale=False, do_normalize=False)["pixel_values"][0] for path in paths]
            whole = [processor(opened(path), return_tensors="np")["pixel_values"][0] for path in paths]
            arrays[f"{name}/preprocessor_config.json"] = np.array(json.dumps(content))
            arrays[f"{name}/pixels"] = np.stack(plain).transpose(0, 2, 3, 1)[:, ::every, ::every].astype(np.uint8)
            arrays[f"{name}/first_values"] = np.stack(whole)[:, :, 0, 0].astype(np.float32)
    np.savez_compressed(HERE / "pictures.npz", **arrays)


if __name__ == "__main__":
    main()
