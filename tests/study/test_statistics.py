"""Intervals and tests, by hand and by simulation."""

import numpy as np
import pytest

from study.statistics import estimate, estimate_curves, estimate_for_new_images


def test_mean_deviation_interval_and_p() -> None:
    """2 degrees of freedom: t of 0.975 is 4.303, and p = 1 - t / sqrt(2 + t^2)."""
    found = estimate([1.0, 2.0, 6.0])
    assert (found.seeds, found.mean) == (3, 3)
    assert found.sd == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2
    half = 4.30265 * (7 / 3) ** 0.5
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), abs=1e-4)
    t = 3 / (7 / 3) ** 0.5
    assert found.p == pytest.approx(1 - t / (2 + t**2) ** 0.5)
    wide = estimate([1.0, 2.0, 6.0], 0.99)
    assert wide.high == pytest.approx(3 + 9.92484 * (7 / 3) ** 0.5, abs=1e-4)


def test_curves_have_the_interval_of_each_epoch() -> None:
    curves = np.array([[1.0, 3.0], [2.0, 5.0], [6.0, 4.0]])
    epochs = [estimate(curves[:, epoch]) for epoch in (0, 1)]
    expected = [[getattr(epoch, name) for epoch in epochs] for name in ("mean", "low", "high")]
    np.testing.assert_allclose(estimate_curves(curves), expected)


@pytest.mark.parametrize("values", [[1 / 3] * 5, [0.1 + 0.2, 0.3]])
def test_equal_values(values: list[float]) -> None:
    found = estimate(values)
    assert found.low == found.mean == found.high


@pytest.mark.parametrize("seeds", [5, 8, 18])
def test_coverage(seeds: int) -> None:
    """Of a hundred intervals, 95 hold the truth: over seeds, and over seeds and images."""
    random = np.random.default_rng(seeds)
    far = np.array([0.0] * 19 + [20.0]) - 1  # one value of twenty is far off: much fewer
    held = np.zeros(3)
    for _ in range(1_000):
        effects = 0.1 * random.standard_normal((seeds, 1)) + random.standard_normal(100)
        for place, found in enumerate(
            (
                estimate(random.standard_normal(seeds)),
                estimate_for_new_images(effects + random.standard_normal((seeds, 100))),
                estimate(random.choice(far, seeds)),
            )
        ):
            held[place] += found.low <= 0 <= found.high
    normal, crossed, skewed = held / 1_000
    assert (normal, crossed) == pytest.approx((0.95, 0.95), abs=0.025)
    assert skewed < 0.7
