"""Do answers differ from sample to sample as the model's do?

An untrained classifier answers every picture with nearly the same probabilities. A file that answers with their mean,
whatever it is given, is then near enough in every value and in direction, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from mmzoo.bundle.parity import is_text

SHARE = 0.05  # of what tells samples apart may be lost
_ROUNDING = 1e-5  # of the outputs' size: float32 through many layers cannot keep less
_SAME = 1e-6  # of the outputs' size: rows of a batch differ by as much where float32 adds in another order
_NOISE = 1e-7  # what is left of values near 1 that cancel out


def lost_contrast(
    expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray], choices: Collection[str] = ()
) -> dict[str, float]:
    """The outputs whose error is more than a twentieth of what tells the samples apart, with that share.

    Both are root mean squares over all values of an output (N, ...); the second is taken around the samples' mean.
    Errors of float32's rounding are excused, and one sample has no other to be told from. An output that is the same for all, as
    what a decoder keeps of its start token, has nothing to lose: its error is a share of its size. Strings have no size.
    choices: outputs whose largest value is chosen, as logits of a next token: what tells a sample's own values apart counts there, since
    every caption may begin alike.
    """
    shares = {}
    for name, output in expected.items():
        if is_text(output):
            continue
        b, a = (np.asarray(array, np.float64).reshape(len(array), -1) for array in (output, actual[name]))
        middle = b.mean(1, keepdims=True) if name in choices else b.mean(0)
        error, spread, size = _rms(a - b), _rms(b - middle), _rms(b)
        whole = spread if spread > _SAME * size else size
        if len(b) > 1 and not error <= max(SHARE * whole, _ROUNDING * size, _NOISE):
            shares[name] = error / whole if whole else np.inf
    return shares


def flat_outputs(outputs: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """The outputs (N, ...) that lost_contrast would let a file answer with their mean; none where there is one sample."""
    means = {name: np.broadcast_to(np.mean(array, 0, np.float64), np.shape(array)) for name, array in outputs.items()}
    lost = lost_contrast(outputs, means)
    return tuple(name for name, array in outputs.items() if len(array) > 1 and np.size(array) and name not in lost)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
