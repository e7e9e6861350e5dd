"""Distances worked out by hand; tests/parity has them against torch-fidelity."""

import numpy as np
import pytest

from mmzoo.metrics import frechet_distance, kernel_distance


def test_frechet_distance_of_two_lines():
    # Means 0 and 3, variances 2 and 8: 9 + 2 + 8 - 2 sqrt(2 * 8).
    assert frechet_distance([[-1], [1]], [[1], [5]]) == pytest.approx(11)


def test_frechet_distance_of_gaussians_whose_axes_differ():
    cross = np.array([[3, 0], [-3, 0], [0, 1], [0, -1]])  # covariance diag(6, 2/3)
    turned = np.array([[3, 2], [-1, -2], [2, -1], [0, 1]])  # around (1, 0), covariance [[10, 6], [6, 10]] / 3
    product = np.diag([6, 2 / 3]) @ [[10 / 3, 2], [2, 10 / 3]]
    # Of two eigenvalues: the sum of their roots, squared, is their sum and twice the root of their product.
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    assert frechet_distance(cross, turned) == pytest.approx(1 + 20 / 3 + 20 / 3 - 2 * root)


@pytest.mark.parametrize("shape", [(50, 8), (8, 50)], ids=["more pictures than features", "fewer"])
def test_frechet_distance_of_a_set_to_itself_is_0(shape):
    features = np.random.default_rng(0).normal(size=shape)
    assert abs(frechet_distance(features, features[::-1])) < 1e-10


def test_a_shift_alone_costs_its_square():
    features = np.random.default_rng(0).normal(size=(8, 50)).astype("float32")
    assert frechet_distance(features, features + np.float32(2)) == pytest.approx(50 * 4)


def test_kernel_distance_worked_out_by_hand():
    # (x y + 1)^3 of 0 and 1 is 1, of 0 and 2 is 1; between the sets 1, 1, 1 and 27: 1 + 1 - 2 * 30 / 4.
    assert kernel_distance([[0], [1]], [[0], [2]], subset_size=2, subsets=3) == (-13, 0)


def test_kernel_distance_of_one_distribution_is_0_on_average_however_few_the_pictures():
    draws = np.random.default_rng(0)
    found = [kernel_distance(*draws.normal(size=(2, 40, 4)), subset_size=40, subsets=1).mean for _ in range(300)]
    assert np.std(found) > 0.1
    assert abs(np.mean(found)) < 0.05  # with the diagonals it would be about 0.5
    points = draws.normal(size=(2, 400, 4))
    shifted = kernel_distance(points[0], points[1] + 1, subset_size=40)
    assert shifted.mean > 2 * shifted.std


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance], ids=lambda distance: distance.__name__)
@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (np.ones((3, 2)), np.ones((3, 4)), r"must be \(N, D\) and \(M, D\) .* received \(3, 2\) and \(3, 4\)"),
        (np.ones((3, 2)), np.ones((1, 2)), "with at least two rows each"),
        (np.ones((3, 2)), np.full((3, 2), np.nan), "features must be finite"),
    ],
)
def test_other_features_are_refused(distance, real, generated, message):
    with pytest.raises(ValueError, match=message):
        distance(real, generated)


def test_a_subset_larger_than_a_set_is_refused():
    with pytest.raises(ValueError, match=r"subset_size must be from 2 to 3, the smaller set, .* received 1000 and 100"):
        kernel_distance(np.ones((3, 2)), np.ones((4, 2)))
