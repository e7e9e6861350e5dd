"""Figures of generated pictures, and the 2015 Inception network, against torch-fidelity; tests/parity/generation.py makes the files."""

import os
from pathlib import Path

import numpy as np
import pytest

from mmzoo.metrics import frechet_distance, inception_score, kernel_distance, precision_recall
from mmzoo.pretrained import inception_2015

FIGURES = {
    "frechet_distance": frechet_distance,
    "kernel_distance": lambda real, generated: kernel_distance(real, generated, subsets=20, subset_size=50),
    "inception_score": lambda real, generated: inception_score(4 * generated, splits=7),
    "precision_recall": precision_recall,
}


def of_peers(name):
    return np.load(Path(os.environ["MMZOO_PARITY"]) / name)


@pytest.mark.parametrize("features", ["many", "few", "near"])
@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_torch_fidelitys(name, features, record):
    made = of_peers("generation.npz")
    expected = made[f"{features}_{name}"]
    found = np.array(FIGURES[name](made[f"{features}_real"], made[f"{features}_generated"]))
    assert found.shape == expected.shape
    record(f"generation {features}", name, float(np.max(np.abs(found - expected) / np.abs(expected))))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("output", ["pooled", "logits"])
@pytest.mark.parametrize("size", ["32x32", "41x300"])
def test_the_2015_network_is_torch_fidelitys(size, output, record):
    made = of_peers("inception.npz")
    extractor = inception_2015(Path(os.environ["MMZOO_PARITY"]) / "inception.safetensors", logits=output == "logits")
    expected = made[f"{size}_{output}"]
    found = extractor(made[f"{size}_images"])
    assert np.median(expected.std(axis=0)) > 0.1  # pictures differ
    difference = float(np.abs(found - expected).max() / expected.std())
    record(f"generation {size}", f"inception {output}", difference)
    assert difference < 1e-3
