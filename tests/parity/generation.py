"""What torch-fidelity says of sets of features and pictures: python tests/parity/generation.py FOLDER"""

import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from safetensors.torch import save_file

# It imports torchvision for files and networks that nothing here is about, and torchvision does not load with this torch.
PARTS = ("", ".datasets", ".transforms", ".transforms.functional")
sys.modules |= {f"torchvision{part}": mock.MagicMock() for part in PARTS}

from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3  # noqa: E402
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric  # noqa: E402
from torch_fidelity.metric_isc import isc_features_to_metric  # noqa: E402
from torch_fidelity.metric_kid import kid_features_to_metric  # noqa: E402
from torch_fidelity.metric_prc import prc_features_to_metric  # noqa: E402

SIZES = {"many": (700, 500, 64), "few": (60, 80, 128), "near": (400, 400, 32)}
KID = {"kid_subsets": 20, "kid_subset_size": 50, "verbose": False}
SPLITS = 7


def feature_sets(name, seed=0):
    """Features as a ReLU leaves them, correlated: two sets of one distribution ("near"), or of two."""
    real, generated, width = SIZES[name]
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(width, width)) / np.sqrt(width)
    changed = 0 if name == "near" else 1
    first = np.maximum(rng.normal(size=(real, width)) @ mix, 0)
    second = np.maximum(rng.normal(size=(generated, width)) @ mix * (1 + 0.1 * changed) + 0.1 * changed, 0)
    return first, second


def figures(real, generated):
    first, second = torch.from_numpy(real), torch.from_numpy(generated)
    statistics = [fid_features_to_statistics(each) for each in (first, second)]
    near = prc_features_to_metric(second, first, verbose=False)
    kid = kid_features_to_metric(first, second, **KID)
    score = isc_features_to_metric(4 * second, splits=SPLITS)
    return {
        "frechet_distance": fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"],
        "kernel_distance": [kid["kernel_inception_distance_mean"], kid["kernel_inception_distance_std"]],
        "inception_score": [score["inception_score_mean"], score["inception_score_std"]],
        "precision_recall": [near["precision"], near["recall"]],
    }


class Untrained(FeatureExtractorInceptionV3):
    """The network of the published weights with other numbers: those weights are the user's, and no test downloads them."""

    def load_state_dict(self, state_dict, **kwargs):
        return None


def inception(folder):
    torch.manual_seed(0)
    with tempfile.NamedTemporaryFile(suffix=".pth") as file:
        torch.save({}, file.name)
        network = Untrained("untrained", ["2048", "logits_unbiased"], feature_extractor_weights_path=file.name)
    rng = np.random.default_rng(0)
    pictures = {size: rng.integers(0, 256, (4, *size, 3), np.uint8) for size in ((32, 32), (41, 300))}
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
            module.momentum = None  # statistics of the pictures seen, so that no layer's outputs vanish
    network.train()
    for each in pictures.values():
        network(channels_first(each))
    network.eval()
    save_file(network.state_dict(), folder / "inception.safetensors")
    made = {}
    for (height, width), each in pictures.items():
        pooled, logits = network(channels_first(each))
        name = f"{height}x{width}"
        made |= {f"{name}_images": each, f"{name}_pooled": pooled.numpy(), f"{name}_logits": logits.numpy()}
    np.savez(folder / "inception.npz", **made)


def channels_first(pictures):
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))


def main(folder):
    made = {}
    for name in SIZES:
        real, generated = feature_sets(name)
        made |= {f"{name}_real": real, f"{name}_generated": generated}
        made |= {f"{name}_{key}": np.array(value) for key, value in figures(real, generated).items()}
    np.savez(folder / "generation.npz", **made)
    inception(folder)


if __name__ == "__main__":
    with torch.no_grad():
        main(Path(sys.argv[1]))
