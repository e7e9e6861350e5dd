"""Building blocks on keras.ops alone, written so that they export to plain matmul, reshape and add."""

from mmzoo.layers.activations import gelu, gelu_tanh, quick_gelu
from mmzoo.layers.attention import Attention
from mmzoo.layers.embeddings import PatchEmbedding, TokenEmbedding
from mmzoo.layers.logit_scale import LogitScale
from mmzoo.layers.mean_query_pooling import MeanQueryPooling
from mmzoo.layers.normalization import ImageNormalization
from mmzoo.layers.pooling import AttentionPooling, EndOfTextPooling, MeanPooling
from mmzoo.layers.reading import LastPooling, MaxPooling, TurnAround, UpToLast
from mmzoo.layers.token_mask import TokenMask
from mmzoo.layers.transformer import MLP, TransformerBlock

__all__ = [
    "MLP",
    "Attention",
    "AttentionPooling",
    "EndOfTextPooling",
    "ImageNormalization",
    "LastPooling",
    "LogitScale",
    "MaxPooling",
    "MeanPooling",
    "MeanQueryPooling",
    "PatchEmbedding",
    "TokenEmbedding",
    "TokenMask",
    "TransformerBlock",
    "TurnAround",
    "UpToLast",
    "gelu",
    "gelu_tanh",
    "quick_gelu",
]
