"""Choosing a text from what a decoder says of each next token: greedy, beam search, sampling.

A decoder is anything with the methods of mmzoo.decoders. All of it is keras.ops, so that it is compiled with the model.

KerasHub's samplers would not do: they have no allowed tokens, least length, repetition penalty or length penalty, give the
log-probability of beams alone, and importing them imports TensorFlow on every backend.
"""

from mmzoo.decoding.beam import beam_search
from mmzoo.decoding.choosing import adjust, draw
from mmzoo.decoding.options import STRATEGIES, Decoding
from mmzoo.decoding.prompts import Prompts
from mmzoo.decoding.single import single_search

__all__ = ["STRATEGIES", "Decoding", "Prompts", "adjust", "beam_search", "draw", "single_search"]
