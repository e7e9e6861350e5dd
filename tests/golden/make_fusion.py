"""Writes fusion.npz: the fusions that attend, and their block, made of torch's own transformer layers, with weights, inputs and outputs.

Run once, in an environment of its own:  pip install torch==2.13.0 numpy && python tests/golden/make_fusion.py
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

WIDTH, HEADS, HIDDEN, DEPTH = 8, 2, 12, 2
REGIONS, WORDS = 6, 4
SIZES = {"image": (7, 5), "text": (9, 3)}  # of sequence and pooled


def decoder_block() -> nn.TransformerDecoderLayer:
    return nn.TransformerDecoderLayer(WIDTH, HEADS, HIDDEN, 0.0, "gelu", batch_first=True, norm_first=True)


def look(block: nn.TransformerDecoderLayer, x, mask, context, context_mask, causal=False):
    """The block's output and the weights of its attention to the context, (B, heads, T, S)."""
    seen = []

    def again(module, args, kwargs):
        kwargs = kwargs | {"need_weights": True, "average_attn_weights": False}
        seen.append(nn.MultiheadAttention.forward(module, *args, **kwargs)[1])

    hook = block.multihead_attn.register_forward_pre_hook(again, with_kwargs=True)
    future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1) if causal else None
    hidden = {"tgt_key_padding_mask": ~mask, "memory_key_padding_mask": ~context_mask}
    output = block(x, context, tgt_mask=future, **hidden)
    hook.remove()
    return output, seen[0]


class Tokens(nn.Module):
    def __init__(self, modality: str) -> None:
        super().__init__()
        size, pooled = SIZES[modality]
        self.sequence, self.pooled, self.norm = nn.Linear(size, WIDTH), nn.Linear(pooled, WIDTH), nn.LayerNorm(WIDTH)
        self.positions = nn.Parameter(torch.randn(REGIONS + 1, WIDTH)) if modality == "image" else None

    def forward(self, sequence, pooled, mask):
        tokens = self.norm(torch.cat([self.pooled(pooled)[:, None], self.sequence(sequence)], 1))
        tokens = tokens if self.positions is None else tokens + self.positions
        return tokens, torch.cat([torch.ones(len(mask), 1, dtype=torch.bool), mask], 1)


class Fusion(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.image_tokens, self.text_tokens = Tokens("image"), Tokens("text")
        self.norm = nn.LayerNorm(WIDTH)
        if kind == "early_concat":
            self.blocks = nn.ModuleList(
                nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.0, "gelu", batch_first=True, norm_first=True)
                for _ in range(DEPTH)
            )
        if kind in ("text", "both", "co_attention"):
            self.text_blocks = nn.ModuleList(decoder_block() for _ in range(DEPTH))
        if kind in ("image", "both", "co_attention"):
            self.image_blocks = nn.ModuleList(decoder_block() for _ in range(DEPTH))
        if kind in ("both", "co_attention"):
            self.image_norm, self.both = nn.LayerNorm(WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, image, text):
        (words, word_mask), (regions, region_mask) = self.text_tokens(*text), self.image_tokens(*image)
        weights = []
        if self.kind == "early_concat":
            x, mask = torch.cat([regions, words], 1), torch.cat([region_mask, word_mask], 1)
            for block in self.blocks:
                x = block(x, src_key_padding_mask=~mask)
            asked = x[:, REGIONS + 1 :]
        elif self.kind == "text":
            asked = words
            for block in self.text_blocks:
                asked, looked = look(block, asked, word_mask, regions, region_mask)
                weights.append(looked)
        elif self.kind == "image":
            asked = regions
            for block in self.image_blocks:
                asked, looked = look(block, asked, region_mask, words, word_mask)
                weights.append(looked)
        else:
            asked, seen = words, regions
            for text_block, image_block in zip(self.text_blocks, self.image_blocks, strict=True):
                other, own = (seen, asked) if self.kind == "co_attention" else (regions, words)
                asked, looked = look(text_block, asked, word_mask, other, region_mask)
                weights.append(looked)
                seen, _ = look(image_block, seen, region_mask, own, word_mask)
        asked = self.norm(asked)
        pooled = asked[:, 0]
        if self.kind in ("both", "co_attention"):
            pooled = self.both(torch.cat([pooled, self.image_norm(seen)[:, 0]], -1))
        return asked[:, 1:], pooled, weights


def shake(module: nn.Module) -> dict[str, np.ndarray]:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return {name: value.numpy() for name, value in module.state_dict().items()}


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)
    image = torch.randn(3, REGIONS, SIZES["image"][0]), torch.randn(3, SIZES["image"][1])
    text = torch.randn(3, WORDS, SIZES["text"][0]), torch.randn(3, SIZES["text"][1])
    mask = torch.arange(WORDS)[None] < torch.tensor([WORDS, 2, 0])[:, None]
    arrays = {
        "image_sequence": image[0],
        "image_pooled": image[1],
        "text_sequence": text[0],
        "text_pooled": text[1],
        "text_mask": mask,
    }
    for kind in ("text", "image", "both", "co_attention", "early_concat"):
        fusion = Fusion(kind)
        arrays |= {f"{kind}/weights/{name}": value for name, value in shake(fusion).items()}
        sequence, pooled, weights = fusion((*image, torch.ones(3, REGIONS, dtype=torch.bool)), (*text, mask))
        arrays |= {f"{kind}/sequence": sequence, f"{kind}/pooled": pooled}
        if weights:
            arrays[f"{kind}/attention"] = torch.stack(weights).mean(0)
    block = decoder_block()
    arrays |= {f"block/weights/{name}": value for name, value in shake(block).items()}
    x, context = torch.randn(3, 5, WIDTH), torch.randn(3, WORDS, WIDTH)
    x_mask = torch.arange(5)[None] < torch.tensor([5, 3, 1])[:, None]
    context_mask = torch.arange(WORDS)[None] < torch.tensor([WORDS, 2, 1])[:, None]
    output, weights = look(block, x, x_mask, context, context_mask, causal=True)
    arrays |= {"block/x": x, "block/context": context, "block/x_mask": x_mask, "block/context_mask": context_mask}
    arrays |= {"block/output": output, "block/attention": weights}
    np.savez_compressed(Path(__file__).with_name("fusion.npz"), **{k: np.asarray(v) for k, v in arrays.items()})


if __name__ == "__main__":
    main()
