"""Building blocks on keras.ops alone, written so that they export to plain matmul, reshape and add."""

from mmzoo.layers.absent import Absent, StandIn
from mmzoo.layers.activations import gelu, gelu_tanh, quick_gelu
from mmzoo.layers.attention import Attention
from mmzoo.layers.conditioning import ConditionalAffine, ResidualGate
from mmzoo.layers.cross_attention import CrossAttentionBlock
from mmzoo.layers.differentiable_augmentation import DifferentiableAugmentation
from mmzoo.layers.embedding_queue import EmbeddingQueue
from mmzoo.layers.embeddings import PatchEmbedding, TokenEmbedding
from mmzoo.layers.logit_scale import LogitScale
from mmzoo.layers.masking import PatchMasking, TokenMasking
from mmzoo.layers.mean_query_pooling import MeanQueryPooling
from mmzoo.layers.momentum import MomentumCopy
from mmzoo.layers.negatives import HardNegatives
from mmzoo.layers.normalization import ImageNormalization
from mmzoo.layers.pooling import AttentionPooling, EndOfTextPooling, MeanPooling
from mmzoo.layers.query_pooling import QueryPooling
from mmzoo.layers.reading import LastPooling, MaxPooling, TurnAround, UpToLast
from mmzoo.layers.token_mask import TokenMask, UpToEnd
from mmzoo.layers.transformer import MLP, TransformerBlock
from mmzoo.layers.word_attention import WordAttention

__all__ = [
    "MLP",
    "Absent",
    "Attention",
    "AttentionPooling",
    "ConditionalAffine",
    "CrossAttentionBlock",
    "DifferentiableAugmentation",
    "EmbeddingQueue",
    "EndOfTextPooling",
    "HardNegatives",
    "ImageNormalization",
    "LastPooling",
    "LogitScale",
    "MaxPooling",
    "MeanPooling",
    "MeanQueryPooling",
    "MomentumCopy",
    "PatchEmbedding",
    "PatchMasking",
    "QueryPooling",
    "ResidualGate",
    "StandIn",
    "TokenEmbedding",
    "TokenMask",
    "TokenMasking",
    "TransformerBlock",
    "TurnAround",
    "UpToEnd",
    "UpToLast",
    "WordAttention",
    "gelu",
    "gelu_tanh",
    "quick_gelu",
]
