"""The default generator of mmzoo.build_text_to_image at 32 pixels, in torch: residual blocks steered by [noise, text].

    python generator.py THREADS    answers each line STEP|DRAW BATCH CALLS on standard input with the milliseconds of CALLS calls

STEP: forward, the gradient of the mean square of the pictures in [-1, 1], one step of Adam. DRAW: forward alone. Runs in the peers'
environment. The first answer is preceded by a line with the number of parameters.
"""

import itertools
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

NOISE, TEXT, WIDTH = 32, 64, 16


class Affine(nn.Module):
    def __init__(self, channels, condition):
        super().__init__()
        self.affine = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x, condition):
        scale, shift = self.affine(condition)[:, :, None, None].chunk(2, dim=1)
        return x * (1 + scale) + shift


class Block(nn.Module):
    def __init__(self, before, channels, condition):
        super().__init__()
        self.shortcut = nn.Conv2d(before, channels, 1)
        self.first, self.second = Affine(before, condition), Affine(channels, condition)
        self.inner, self.outer = (nn.Conv2d(each, channels, 3, padding=1) for each in (before, channels))

    def forward(self, x, condition):
        shortcut = F.interpolate(self.shortcut(x), scale_factor=2, mode="bilinear", align_corners=False)
        x = self.inner(F.leaky_relu(self.first(x, condition), 0.2))
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.outer(F.leaky_relu(self.second(x, condition), 0.2)) + shortcut


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [8 * WIDTH, 4 * WIDTH, 2 * WIDTH, WIDTH]
        self.condition = nn.Linear(NOISE + TEXT, 4 * WIDTH)
        self.start = nn.Linear(NOISE, 16 * sizes[0])
        self.blocks = nn.ModuleList(Block(a, b, 4 * WIDTH) for a, b in itertools.pairwise(sizes))
        self.to_rgb = nn.Conv2d(WIDTH, 3, 3, padding=1)

    def forward(self, noise, text):
        condition = self.condition(torch.cat([noise, text], 1))
        x = self.start(noise).reshape(len(noise), -1, 4, 4)
        for block in self.blocks:
            x = block(x, condition)
        return 127.5 * torch.tanh(self.to_rgb(F.leaky_relu(x, 0.2))) + 127.5


def answer(model):
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, betas=(0.0, 0.99))
    print(sum(each.numel() for each in model.parameters()), flush=True)
    for line in sys.stdin:
        kind, batch, calls = line.split()
        noise, text = torch.randn(int(batch), NOISE), torch.randn(int(batch), TEXT)
        times = []
        for _ in range(int(calls)):
            started = time.perf_counter()
            if kind == "STEP":
                optimizer.zero_grad()
                ((model(noise, text) / 127.5 - 1) ** 2).mean().backward()
                optimizer.step()
            else:
                with torch.inference_mode():
                    model(noise, text)
            times.append(1000 * (time.perf_counter() - started))
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(int(sys.argv[1]))
    answer(Generator())
