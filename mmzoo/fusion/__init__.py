"""Ways to make one of a picture and a text, interchangeable by name.

Each is a keras layer with the same signature: fusion(image, text, return_attention=False), where image is an image encoder's
{"sequence" (B, N, Di), "pooled" (B, Ei)} and text a text encoder's {"sequence" (B, T, Dt), "pooled" (B, Et), "mask" (B, T) bool}, gives
{"sequence" (B, T, width), "pooled" (B, width), "mask" (B, T) bool}: the text's positions, each fused with the picture, and one vector
for the two. What the mask hides changes nothing. The two that attend add, when asked, "attention" (B, heads, T, N) float32, the share
of its attention that each position of the text paid to each region of the picture, and "pooled_attention" (B, heads, N), that of the
place where the fused vector is read; the mean over blocks. They sum to 1 with what was paid to the picture's pooled vector, which is
left out.
"""

from mmzoo.fusion.add import AddFusion
from mmzoo.fusion.bilinear import BilinearFusion
from mmzoo.fusion.choice import FUSIONS, build_fusion
from mmzoo.fusion.co_attention import CoAttentionFusion
from mmzoo.fusion.concat import ConcatFusion
from mmzoo.fusion.cross_attention import CrossAttentionFusion
from mmzoo.fusion.early_concat import EarlyConcatFusion
from mmzoo.fusion.gated import GatedFusion
from mmzoo.fusion.late import LateFusion

__all__ = [
    "FUSIONS",
    "AddFusion",
    "BilinearFusion",
    "CoAttentionFusion",
    "ConcatFusion",
    "CrossAttentionFusion",
    "EarlyConcatFusion",
    "GatedFusion",
    "LateFusion",
    "build_fusion",
]
