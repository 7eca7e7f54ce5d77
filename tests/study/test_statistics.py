import itertools

import numpy as np
import pytest
from scipy import stats
from tests.study.textbook import HOW

from study.statistics import estimate, holm, sign_flip_p

VALUES = [0.981, 0.984, 0.9825, 0.9871, 0.9802]


def test_mean_and_deviation_by_hand() -> None:
    found = estimate([1.0, 2.0, 6.0], HOW)
    assert found.mean == 3
    assert found.sd == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2


def test_interval_is_efrons_bca() -> None:
    """Computed here from the formulas in Efron and Tibshirani, An Introduction..., section 14.3."""
    values = np.array([0.1, 0.4, 0.2, 0.9, 3.0, 0.3, 0.7])
    resamples = np.random.default_rng(1).choice(values, (20_000, len(values))).mean(axis=1)
    bias = stats.norm.ppf((resamples < values.mean()).mean())
    left_out = np.array([np.delete(values, i).mean() for i in range(len(values))])
    apart = left_out.mean() - left_out
    acceleration = (apart**3).sum() / (6 * (apart**2).sum() ** 1.5)
    shifted = bias + stats.norm.ppf([0.025, 0.975])
    low, high = np.quantile(
        resamples, stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))
    )
    found = estimate(values, HOW.model_copy(update={"resamples": 20_000}))
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.03)
    # It is not the plain percentile interval: these values are skewed.
    assert found.high > 1.05 * np.quantile(resamples, 0.975)


def test_interval_is_the_same_every_time_and_wider_with_more_confidence() -> None:
    wide = HOW.model_copy(update={"confidence_level": 0.99})
    assert estimate(VALUES, HOW) == estimate(VALUES, HOW)
    assert estimate(VALUES, wide).low < estimate(VALUES, HOW).low
    assert estimate(VALUES, wide).high > estimate(VALUES, HOW).high


@pytest.mark.parametrize("values", [[0.5, 0.5], [1 / 3] * 5, [0.1 + 0.2, 0.3]])
def test_equal_values_have_an_interval_of_no_width(values: list[float]) -> None:
    found = estimate(values, HOW)
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
    assert holm([]) == []
