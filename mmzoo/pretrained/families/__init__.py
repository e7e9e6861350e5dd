"""Which checkpoints there are: one module a family."""

from mmzoo.pretrained.families import bert, clip, open_clip, resnet, siglip, vit
from mmzoo.pretrained.families.family import Family, Sizes

FAMILIES: tuple[Family, ...] = tuple(module.FAMILY for module in (clip, siglip, bert, vit, resnet, open_clip))

__all__ = ["FAMILIES", "Family", "Sizes"]
