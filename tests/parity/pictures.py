"""Pictures of many sizes and modes, and what transformers' image processors make of them. Runs in the peers' environment.

python tests/parity/pictures.py DIRECTORY             writes DIRECTORY/pictures: sources, processors, their pixel values
python tests/parity/pictures.py --read FOLDER FILE    pixel values (.npz) by the processor of each folder in FOLDER, as
                                                      AutoImageProcessor reads it, for the pictures in FOLDER
"""

import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

CLIP = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_processor_type": "CLIPImageProcessorFast",
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224},
}
OLD_CLIP = {
    "crop_size": 97,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "size": 97,
}
OLD_RESNET = {
    "crop_pct": 0.875,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "ConvNextFeatureExtractor",
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 3,
    "size": 224,
}
OLD_VIT = {
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "ViTFeatureExtractor",
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 2,
    "size": 224,
}
SIGLIP = {"image_processor_type": "SiglipImageProcessor", "do_convert_rgb": None, "size": {"height": 224, "width": 224}}
# What stands in the folder of each processor: {file: content}.
FOLDERS = {
    "clip": {"preprocessor_config.json": CLIP},
    "siglip": {"preprocessor_config.json": SIGLIP},
    "vit": {"preprocessor_config.json": OLD_VIT},
    "resnet": {"preprocessor_config.json": OLD_RESNET},
    "old_clip": {"preprocessor_config.json": OLD_CLIP},
    "oblong_clip": {
        "preprocessor_config.json": CLIP | {"size": {"shortest_edge": 64}, "crop_size": {"height": 40, "width": 64}}
    },
    "squashing_clip": {
        "preprocessor_config.json": CLIP | {"size": {"height": 40, "width": 64}, "do_center_crop": False, "resample": 2}
    },
    "siglip_2": {"preprocessor_config.json": SIGLIP | {"resample": 2, "size": {"height": 96, "width": 96}}},
    "nested": {
        "processor_config.json": {"image_processor": OLD_CLIP | {"resample": 2}, "processor_class": "CLIPProcessor"},
        "preprocessor_config.json": CLIP,
    },
    "without_a_type": {
        "config.json": {"model_type": "vit"},
        "preprocessor_config.json": {"do_normalize": True, "image_mean": [0.5, 0.4, 0.3], "size": 64},
    },
    "without_normalisation": {
        "preprocessor_config.json": {"image_processor_type": "ViTImageProcessor", "do_normalize": False, "size": 48}
    },
    "without_rescaling": {
        "preprocessor_config.json": {
            "image_processor_type": "ViTImageProcessor",
            "do_rescale": False,
            "image_mean": [127.5, 110, 100],
            "image_std": [60, 70, 80],
            "size": {"height": 48, "width": 32},
        }
    },
    "other_rescaling": {
        "preprocessor_config.json": {
            "image_processor_type": "ViTImageProcessor",
            "rescale_factor": 1 / 127.5,
            "image_mean": [1, 1, 1],
            "image_std": [1, 1, 1],
            "size": [32, 48],
        }
    },
    "small_resnet": {"preprocessor_config.json": OLD_RESNET | {"size": {"shortest_edge": 61}, "crop_pct": 0.77}},
    "whole_resnet": {"preprocessor_config.json": OLD_RESNET | {"size": {"shortest_edge": 384}, "resample": 2}},
}
# name: (height, width, mode, suffix). None is more than a hundred times taller than wide: there Pillow 12.3 and later scale
# rows before columns where earlier ones and mmzoo do not, so transformers has several answers.
SOURCES = {
    "exact": (224, 224, "RGB", "png"),
    "exact_long": (224, 301, "RGB", "png"),
    "exact_tall": (301, 224, "RGB", "jpg"),
    "as_resnet": (256, 256, "RGB", "png"),
    "odd_margin": (300, 303, "RGB", "png"),
    "odd": (333, 501, "RGB", "jpg"),
    "odd_tall": (501, 333, "RGB", "png"),
    "photo": (480, 640, "RGB", "jpg"),
    "tall_photo": (683, 512, "RGB", "jpg"),
    "wide": (90, 640, "RGB", "png"),
    "tall": (640, 45, "RGB", "png"),
    "strip": (3, 500, "RGB", "png"),
    "tall_strip": (200, 2, "RGB", "png"),
    "small": (17, 31, "RGB", "png"),
    "tiny": (5, 4, "RGB", "png"),
    "pixel": (1, 1, "RGB", "png"),
    "smaller": (150, 200, "RGB", "webp"),
    "grey": (181, 240, "L", "png"),
    "grey_jpeg": (240, 181, "L", "jpg"),
    "grey_alpha": (100, 130, "LA", "png"),
    "one_bit": (120, 90, "1", "png"),
    "palette": (200, 170, "P", "png"),
    "palette_gif": (99, 101, "P", "gif"),
    "opaque": (140, 260, "RGBA", "png"),
    "cmyk": (210, 133, "CMYK", "jpg"),
    "cmyk_tiff": (87, 133, "CMYK", "tif"),
    "sixteen_bits": (110, 170, "RGB;16", "png"),
    "sixteen_bits_black_white": (130, 77, "I;16", "png"),
    "turned": (120, 200, "turned", "jpg"),
    "transparent": (140, 260, "transparent", "png"),
}


def scene(height: int, width: int, seed: int) -> np.ndarray:
    """(height, width, 3) uint8: waves of many lengths, hard edges and some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width, 0:3][:2].astype(float)
    phase, slope = rng.uniform(0, 6, 3), rng.uniform(0.02, 0.5, (2, 3))
    values = 125 + 70 * np.sin(x * slope[0] + phase) + 60 * np.cos(y * slope[1] + x * y / 3000)
    for _ in range(6):
        top, left = rng.integers(0, height), rng.integers(0, width)
        values[top : top + height // 3 + 1, left : left + width // 4 + 1] = rng.uniform(-20, 275, 3)
    return np.clip(values + rng.normal(0, 10, values.shape), 0, 255).astype(np.uint8)


def encoded(height: int, width: int, mode: str, suffix: str, seed: int) -> bytes:
    """The bytes of a picture file."""
    pixels = scene(height, width, seed)
    if mode == "RGB;16":
        return wide_png(pixels, seed)
    options = {"quality": 92} if suffix in ("jpg", "webp") else {}
    if mode == "I;16":
        picture = Image.fromarray(np.where(pixels[..., 0] > 127, 65535, 0).astype(np.uint16))
    elif mode == "P":
        picture = Image.fromarray(pixels).quantize(100)
    elif mode == "transparent":
        alpha = scene(height, width, seed + 1)[..., :1]
        picture = Image.fromarray(np.concatenate([pixels, alpha], -1))
    elif mode == "turned":
        picture, exif = Image.fromarray(pixels), Image.Exif()
        exif[0x0112] = 6
        options["exif"] = exif
    else:
        picture = Image.fromarray(pixels).convert(mode)
    stream = io.BytesIO()
    picture.save(stream, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()), **options)
    return stream.getvalue()


def wide_png(pixels: np.ndarray, seed: int) -> bytes:
    """A PNG of 16 bits a colour, which Pillow can read but not write."""
    low = np.random.default_rng(seed).integers(0, 256, pixels.shape)
    rows = (pixels.astype(">u2") * 256 + low).astype(">u2")
    data = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def opened(path: Path) -> object:
    """The picture as transformers is given it: a path, which it reads itself, or what is transparent put on white.

    Transparent pictures are no comparison otherwise: transformers drops their alpha channel.
    """
    if "transparent" not in path.name:
        return str(path)
    picture = Image.open(path).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def write_folders(directory: Path) -> None:
    """The folder of each processor, with its files."""
    for name, files in FOLDERS.items():
        (directory / name).mkdir(parents=True)
        for file, content in files.items():
            (directory / name / file).write_text(json.dumps(content))


def processor_of(folder: Path) -> object:
    """What AutoImageProcessor takes for a folder, by its own module: the package hides it where torchvision is not."""
    from transformers.models.auto.image_processing_auto import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(folder, backend="pil")


def pixel_values(folder: Path, pictures: list[Path]) -> np.ndarray:
    """(N, height, width, 3) float32 by the processor that a folder holds."""
    processor = processor_of(folder)
    rows = [processor(opened(path), return_tensors="np")["pixel_values"][0] for path in pictures]
    return np.stack(rows).transpose(0, 2, 3, 1).astype(np.float32)


def read(folder: Path, file: Path) -> None:
    pictures = sorted(path for path in folder.iterdir() if path.is_file())
    np.savez(file, **{path.name: pixel_values(path, pictures) for path in sorted(folder.iterdir()) if path.is_dir()})


def main(directory: Path) -> None:

    directory = directory / "pictures"
    (directory / "sources").mkdir(parents=True)
    for seed, (name, (height, width, mode, suffix)) in enumerate(SOURCES.items()):
        path = directory / "sources" / f"{name}.{suffix}"
        path.write_bytes(encoded(height, width, mode, suffix, seed))
    write_folders(directory / "processors")
    pictures = sorted((directory / "sources").iterdir())
    for name in FOLDERS:
        np.save(directory / f"{name}.npy", pixel_values(directory / "processors" / name, pictures))
        processor_of(directory / "processors" / name).save_pretrained(directory / "saved" / name)
    (directory / "peer.json").write_text(json.dumps({"python": sys.executable}))


if __name__ == "__main__":
    if sys.argv[1] == "--read":
        read(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main(Path(sys.argv[1]))
