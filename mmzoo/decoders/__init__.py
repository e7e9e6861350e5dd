"""What writes text while it looks at a sequence of vectors, the memory: an encoder's regions of a picture, or a fusion's tokens.

Every decoder is a keras layer with the same four methods, where B texts of T tokens are written about memories (B, S, C):

    decoder(token_ids (B, T), memory, memory_mask (B, S) = None) -> logits (B, T, vocab_size) float32: of the token after each;
        return_attention=True adds how much each token looked at each place of the memory, (B, T, S) float32
    read(memory, memory_mask = None) -> context {name: (B, ...)}: what each step needs of the memory, computed once
    start(context, beams = 1) -> state {name: (rows, ...)}: before the first token
    step(token_ids (rows, T), position, context, state, beams = 1) -> logits (rows, vocab_size) of the token after the last, state

`position` is the first token's place, a scalar, or (rows,) for one token each. `beams` texts in a row are about one memory, as in
beam search: there are beams B rows. state_names are the names of the state. Steps give what the whole gives. context_length is the
most tokens a text may have, vocab_size how many tokens there are.
"""

from mmzoo.decoders.choice import DECODERS, build_decoder
from mmzoo.decoders.recurrent import RecurrentDecoder
from mmzoo.decoders.transformer import TransformerDecoder

__all__ = ["DECODERS", "RecurrentDecoder", "TransformerDecoder", "build_decoder"]
