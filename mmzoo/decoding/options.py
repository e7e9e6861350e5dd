"""How a text is chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real

STRATEGIES = ("greedy", "beam", "sample")
_OF = {"beam": ("num_beams", "length_penalty", "num_returned"), "sample": ("temperature", "top_k", "top_p")}


@dataclass(frozen=True)
class Decoding:
    """How a text is chosen; the numbers of the other strategies have no effect.

    strategy: "greedy", the likeliest token each time; "beam", the likeliest of the texts that num_beams at a time lead to;
    "sample", tokens drawn as the model says they are likely.
    min_tokens: the least before the end. repetition_penalty: multiplies the log-probability of tokens that are there already, the prompt's
    included: above 1 they become less likely (after CTRL, arXiv:1909.05858, section 4.1, which divides logits).
    num_beams; length_penalty: texts compare by log-probability / tokens ** length_penalty, the end counted (0: the sum; 1: the mean);
    num_returned: of the best texts.
    temperature: divides the logits; top_k: draws from the k likeliest; top_p: from the fewest tokens that have this probability
    together (nucleus sampling, arXiv:1904.09751, section 3.1), after top_k.
    Raises ValueError for numbers out of range.
    """

    strategy: str = "greedy"
    min_tokens: int = 0
    repetition_penalty: float = 1.0
    num_beams: int = 4
    length_penalty: float = 1.0
    num_returned: int = 1
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, received {self.strategy!r}")
        for name, least in (("min_tokens", 0), ("num_beams", 1), ("num_returned", 1), ("top_k", 1)):
            value = getattr(self, name)
            if name == "top_k" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
                raise ValueError(f"{name} must be an integer from {least}, received {value!r}")
            object.__setattr__(self, name, int(value))
        for name in ("repetition_penalty", "temperature"):
            value = getattr(self, name)
            if not (isinstance(value, Real) and math.isfinite(value) and float(value) > 0):
                raise ValueError(f"{name} must be above 0, received {value!r}")
        if not math.isfinite(self.length_penalty):
            raise ValueError(f"length_penalty must be finite, received {self.length_penalty!r}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, received {self.top_p!r}")
        most = self.num_beams if self.strategy == "beam" else 1
        if self.num_returned > most:
            raise ValueError(
                f"num_returned must be at most {most} with strategy={self.strategy!r}, received {self.num_returned}"
            )

    def in_use(self) -> Decoding:
        """With the defaults for what this strategy does not look at: what gives the same texts is equal."""
        names = ("strategy", "min_tokens", "repetition_penalty", *_OF.get(self.strategy, ()))
        return Decoding(**{name: getattr(self, name) for name in names})
