"""From files to a model's pictures: sizes and colours."""

from __future__ import annotations

from dataclasses import dataclass

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)  # mean and std of SigLIP and ViT: pixels in [-1, 1]


@dataclass(frozen=True)
class ImagePreprocessing:
    """How a picture of any size becomes the model's input; mean and std are the model's own first layer.

    size: (height, width) in pixels. interpolation: "bicubic" or "bilinear", always with antialias.
    fit: "crop" scales the shortest side and crops the centre (CLIP); "squash" ignores the aspect ratio (SigLIP).
    shortest_side: pixels it is scaled to before the crop, as ResNet's 256 for a size of 224; by default the picture just
    covers size. crop_rounding: where the centre falls between two pixels: "nearest" (half to even, torchvision's rule) or
    "down" (transformers').
    """

    size: tuple[int, int]
    interpolation: str = "bicubic"
    fit: str = "crop"
    shortest_side: int | None = None
    crop_rounding: str = "nearest"

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", tuple(self.size))
        if len(self.size) != 2 or any(int(side) != side or side < 1 for side in self.size):
            raise ValueError(f"size must be (height, width) in pixels, both at least 1, received {self.size!r}")
        if self.interpolation not in ("bicubic", "bilinear"):
            raise ValueError(f"interpolation must be 'bicubic' or 'bilinear', received {self.interpolation!r}")
        if self.fit not in ("crop", "squash"):
            raise ValueError(f"fit must be 'crop' or 'squash', received {self.fit!r}")
        if self.crop_rounding not in ("nearest", "down"):
            raise ValueError(f"crop_rounding must be 'nearest' or 'down', received {self.crop_rounding!r}")
        side = self.shortest_side
        if side is None:
            return
        if self.fit != "crop":
            raise ValueError(f"shortest_side must be None where fit is not 'crop', received {side!r}")
        if int(side) != side or side < max(self.size):
            raise ValueError(
                f"shortest_side must be at least {max(self.size)}, the size to be cropped, received {side!r}"
            )
