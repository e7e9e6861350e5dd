"""Text to image: a GAN steered by a text, guided and judged by a CLIP."""

from mmzoo.models.text_to_image.builder import build_text_to_image
from mmzoo.models.text_to_image.model import TextToImage

__all__ = ["TextToImage", "build_text_to_image"]
