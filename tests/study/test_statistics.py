"""Intervals and tests, by hand and by simulation."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import anova_lm

from study.statistics import estimate, estimate_curves, estimate_for_new_images


def test_mean_deviation_interval_and_p() -> None:
    """2 degrees of freedom: t of 0.975 is 4.303, and p = 1 - t / sqrt(2 + t^2)."""
    found, error, t = estimate([1.0, 2.0, 6.0]), (7 / 3) ** 0.5, 3 / (7 / 3) ** 0.5
    assert (found.seeds, found.mean) == (3, 3)
    assert found.sd == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2
    ends = (3 - 4.30265 * error, 3 + 4.30265 * error)
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-4)
    assert found.p == pytest.approx(1 - t / (2 + t**2) ** 0.5)
    assert estimate([1.0, 2.0, 6.0], 0.99).high == pytest.approx(3 + 9.92484 * error, abs=1e-4)
    equal = estimate([0.1 + 0.2, 0.3])
    assert equal.low == equal.mean == equal.high
    assert (equal.seeds, equal.p) == (2, 0.0)
    assert equal.sd == pytest.approx(0)
    assert estimate([0.0, 0.0]).p == 1


def test_curves_have_the_interval_of_each_epoch() -> None:
    curves = np.array([[1.0, 3.0], [2.0, 5.0], [6.0, 4.0]])
    epochs = [estimate(curves[:, epoch]) for epoch in (0, 1)]
    expected = [[getattr(epoch, name) for epoch in epochs] for name in ("mean", "low", "high")]
    np.testing.assert_allclose(estimate_curves(curves), expected)


@pytest.mark.parametrize(
    "table",
    [
        [[1.0, 4, 2, 6], [2, 7, 1, 9], [4, 6, 3, 9]],
        [[1.0, 2, 1, 2], [3, 2, 3, 2], [6, 5, 4, 5]],  # images alike: seeds alone decide
    ],
)
def test_interval_for_new_images(table: list[list[float]]) -> None:
    """From the mean squares of an analysis of variance."""
    cells = [(s, i, value) for s, row in enumerate(table) for i, value in enumerate(row)]
    rows = pd.DataFrame(cells, columns=["seed", "image", "value"])
    fit = smf.ols("value ~ C(seed) + C(image)", rows).fit()
    squares, degrees = (anova_lm(fit)[name].to_numpy() for name in ("mean_sq", "df"))
    total = max(squares @ [1, 1, -1], squares[0])
    freedom, error = total**2 / (squares**2 / degrees).sum(), (total / len(rows)) ** 0.5
    mean = rows["value"].mean()
    found = estimate_for_new_images(np.array(table))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, freedom, mean, error))
    assert found.p == pytest.approx(2 * stats.t.cdf(-mean / error, freedom))
    assert found.seeds == 3
    assert found.mean == pytest.approx(mean)
    assert found.sd == pytest.approx(rows.groupby("seed")["value"].mean().std())


@pytest.mark.parametrize("seeds", [5, 18])
def test_coverage(seeds: int) -> None:
    """Of a hundred intervals, 95 hold the truth: over seeds, and over seeds and images."""
    random = np.random.default_rng(seeds)
    held = np.zeros(2)
    for _ in range(1_000):
        effects = 0.1 * random.standard_normal((seeds, 1)) + random.standard_normal(100)
        crossed = estimate_for_new_images(effects + random.standard_normal((seeds, 100)))
        alone = estimate(random.standard_normal(seeds))
        held += [found.low <= 0 <= found.high for found in (alone, crossed)]
    assert held / 1_000 == pytest.approx([0.95, 0.95], abs=0.025)
