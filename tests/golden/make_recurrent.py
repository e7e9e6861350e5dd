"""Writes recurrent.npz: torch's LSTM and GRU over packed texts, with their weights, token ids and outputs.

Run once, in an environment of its own:  pip install torch==2.13.0 numpy && python tests/golden/make_recurrent.py
"""

from pathlib import Path

import numpy as np
import torch

LENGTHS = (7, 3, 1, 5)


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    token_ids = torch.randint(1, 11, (len(LENGTHS), max(LENGTHS)))
    for row, length in enumerate(LENGTHS):
        token_ids[row, length:] = 0
    table = torch.randn(11, 5)
    lengths = torch.tensor(LENGTHS)
    arrays = {"token_ids": token_ids.numpy().astype("int32"), "table": table.numpy()}
    for name, kind, both in (
        ("lstm", torch.nn.LSTM, True),
        ("gru", torch.nn.GRU, True),
        ("one_way", torch.nn.LSTM, False),
    ):
        layers = kind(5, 6, num_layers=2, bidirectional=both, batch_first=True)
        for parameter in layers.parameters():
            parameter.copy_(0.5 * torch.randn_like(parameter))
        packed = torch.nn.utils.rnn.pack_padded_sequence(table[token_ids], lengths, True, enforce_sorted=False)
        output, state = layers(packed)
        sequence, _ = torch.nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
        hidden = state[0] if isinstance(state, tuple) else state  # (layers x ways, B, D)
        text = torch.arange(max(LENGTHS))[None, :, None] < lengths[:, None, None]
        arrays |= {
            f"{name}_sequence": sequence.numpy(),
            f"{name}_last": torch.cat(list(hidden[-2:] if both else hidden[-1:]), dim=1).numpy(),
            f"{name}_mean": (sequence.sum(1) / lengths[:, None]).numpy(),
            f"{name}_max": torch.where(text, sequence, -torch.inf).amax(1).numpy(),
        }
        arrays |= {f"{name}/{key}": value.numpy() for key, value in layers.state_dict().items()}
    np.savez_compressed(Path(__file__).with_name("recurrent.npz"), **arrays)


if __name__ == "__main__":
    main()
