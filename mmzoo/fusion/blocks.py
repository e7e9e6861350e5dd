"""The transformers of the fusions that attend."""

from __future__ import annotations

from typing import Any

from mmzoo.layers import CrossAttentionBlock


def cross_blocks(
    side: str, width: int, num_heads: int, depth: int, mlp_dim: int | None, dropout: float, policy: Any
) -> list[CrossAttentionBlock]:
    """`depth` blocks for one side, "text" or "image", each of which looks at the other."""
    return [
        CrossAttentionBlock(
            width, num_heads, mlp_dim=mlp_dim, dropout=dropout, depth=depth, dtype=policy, name=f"{side}_block_{index}"
        )
        for index in range(depth)
    ]
