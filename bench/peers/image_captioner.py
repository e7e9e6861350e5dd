"""transformers' encoder-decoder (ViT 6 x 256, GPT-2 4 x 256 with cross-attention, random weights) writing 60 tokens a picture.

    python image_captioner.py THREADS    answers each line BATCH BEAMS CALLS on standard input with the milliseconds of CALLS calls

Runs in the peers' environment. generate with its cache, the picture's reading included; min_new_tokens keeps it from stopping early.
"""

import json
import sys
import time

import torch
from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

VOCAB_SIZE, TOKENS = 8192, 60
VIT = {"hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 1024}
GPT2 = {"n_embd": 256, "n_layer": 4, "n_head": 4, "vocab_size": VOCAB_SIZE, "bos_token_id": 1, "eos_token_id": 3}


def captioner():
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(**VIT), GPT2Config(**GPT2))
    model = VisionEncoderDecoderModel(config).eval()
    model.generation_config.update(decoder_start_token_id=1, bos_token_id=1, eos_token_id=3, pad_token_id=0)
    return model


def answer(model):
    size = model.config.encoder.image_size
    with torch.inference_mode():
        for line in sys.stdin:
            batch, beams, calls = map(int, line.split())
            pictures, times = torch.rand(batch, 3, size, size) * 2 - 1, []
            options = {"num_beams": beams, "do_sample": False, "use_cache": True}
            for _ in range(calls):
                started = time.perf_counter()
                ids = model.generate(pictures, max_new_tokens=TOKENS, min_new_tokens=TOKENS, **options)
                times.append(1000 * (time.perf_counter() - started))
                assert ids.shape == (batch, 1 + TOKENS), ids.shape
            print(json.dumps(times), flush=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(int(sys.argv[1]))
    answer(captioner())
