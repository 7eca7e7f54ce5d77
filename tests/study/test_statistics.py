import itertools

import numpy as np
import pytest
from scipy import stats

from study.statistics import estimate, estimate_for_new_images, holm, sign_flip_p


def test_mean_deviation_interval_and_p_by_hand() -> None:
    """2 degrees of freedom: t of 0.975 is 4.303, and p = 1 - t / sqrt(2 + t^2)."""
    found = estimate([1.0, 2.0, 6.0])
    assert (found.seeds, found.mean) == (3, 3)
    assert found.sd == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2
    half = 4.30265 * (7 / 3) ** 0.5
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), abs=1e-4)
    t = 3 / (7 / 3) ** 0.5
    assert found.p == pytest.approx(1 - t / (2 + t**2) ** 0.5)


@pytest.mark.parametrize("sign", [1, -1])
def test_interval_holds_zero_where_p_is_above_five_percent_and_only_there(sign: int) -> None:
    values = np.array([0.3, 0.1, 0.5, -0.1, 0.2])
    for shift in np.linspace(-0.5, 0.5, 41):
        found = estimate(sign * (values + shift))
        assert (found.low <= 0 <= found.high) == (found.p >= 0.05)


def test_interval_for_new_images_is_that_of_crossed_random_effects() -> None:
    """Against the textbook's table of an analysis of variance, with sums over every cell."""
    d = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], (4, 50), p=[0.05, 0.8, 0.15])
    d += np.array([0.1, -0.1, 0.2, 0.0])[:, None]
    n, m = d.shape
    seeds = sum(m * (row.mean() - d.mean()) ** 2 for row in d) / (n - 1)
    images = sum(n * (column.mean() - d.mean()) ** 2 for column in d.T) / (m - 1)
    rest = ((d - d.mean()) ** 2).sum() - (n - 1) * seeds - (m - 1) * images
    rest /= (n - 1) * (m - 1)
    variance = (seeds + images - rest) / (n * m)
    freedom = (seeds + images - rest) ** 2 / (
        seeds**2 / (n - 1) + images**2 / (m - 1) + rest**2 / ((n - 1) * (m - 1))
    )
    found = estimate_for_new_images(d)
    assert (found.low, found.high) == pytest.approx(
        stats.t.interval(0.95, freedom, d.mean(), variance**0.5)
    )
    assert found.p == pytest.approx(2 * stats.t.sf(abs(d.mean()) / variance**0.5, freedom))
    alike = np.repeat(d.mean(axis=1)[:, None], 50, axis=1)  # images that add nothing
    over_seeds = estimate(d.mean(axis=1))
    assert estimate_for_new_images(alike).high == pytest.approx(over_seeds.high)


@pytest.mark.parametrize("values", [[0.5, 0.5], [1 / 3] * 5, [0.1 + 0.2, 0.3]])
def test_equal_values_have_an_interval_of_no_width(values: list[float]) -> None:
    found = estimate(values)
    assert found.low == found.mean == found.high


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 2, 3, 4, 5], 2 / 32),  # all on one side: the pattern itself and its opposite
        ([-1, -2, -3, -4, -5], 2 / 32),
        ([-1, 2, 3, 4, 5], 4 / 32),  # as far from 0: all plus, this one, and their opposites
        ([1, -1], 1),
        ([0, 0, 0], 1),
        ([0.1 + 0.2, -0.3, 1], 6 / 8),  # 1.6 and twice 1, equal but for the last bit; opposites
    ],
)
def test_p_by_hand(differences: list[float], p: float) -> None:
    assert sign_flip_p(differences) == pytest.approx(p)


def test_p_counts_all_patterns() -> None:
    differences = np.random.default_rng(0).normal(0.3, 1, 8)
    patterns = np.array(list(itertools.product([1, -1], repeat=8)))
    means = np.abs((patterns * differences).mean(axis=1))
    extreme = (means >= abs(differences.mean()) - 1e-12).sum()
    assert sign_flip_p(differences) == pytest.approx(extreme / 256)


def test_holm_by_hand() -> None:
    """Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1; none below the one before; at most 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.6]) == [1, 1]
    assert holm([0.5]) == [0.5]
