"""Means over seeds with their intervals, and tests of differences.

`study.coverage` measures how often the intervals hold what they are of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

LEVEL = 0.95  # of every interval

# The exact test says nothing with fewer: its smallest p is 2 / 2^n.
LEAST_PAIRS = 6

# Differences of equal accuracies can differ in the last bits.
ROUNDING = 1e-12

Values: TypeAlias = Sequence[float] | np.ndarray | pd.Series


@dataclass(frozen=True)
class Estimate:
    """A mean.

    Attributes:
        seeds: number of values.
        mean: of the values.
        sd: standard deviation of one value (n - 1).
        low, high: bounds of the interval of the mean.
        p: two-sided, of the hypothesis that the mean is 0.
    """

    seeds: int
    mean: float
    sd: float
    low: float
    high: float
    p: float


def estimate(values: Values) -> Estimate:
    """Mean of `(n,)` values, n of 2 or more, with Student's t interval and p.

    Values that are all equal have an interval of no width.
    """
    values = np.asarray(values, dtype=float)
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    if np.ptp(values) <= ROUNDING:
        return Estimate(len(values), mean, sd, mean, mean, float(abs(mean) <= ROUNDING))
    test = stats.ttest_1samp(values, 0)
    interval = test.confidence_interval(LEVEL)
    return Estimate(
        len(values), mean, sd, float(interval.low), float(interval.high), float(test.pvalue)
    )


def half_width(error: Any, freedom: Any) -> Any:
    """Of Student's t interval of means, from their standard errors and degrees of freedom."""
    return stats.t.ppf((1 + LEVEL) / 2, freedom) * error


def estimate_for_new_images(differences: np.ndarray) -> Estimate:
    """Mean of differences `(seeds, images)`, for other seeds and other images of the kind.

    Seeds and images are crossed random effects; `sd` is that over seeds.
    """
    seeds, images = differences.shape
    mean = float(differences.mean())
    by_seed, by_image = differences.mean(axis=1), differences.mean(axis=0)
    rest = differences - by_seed[:, None] - by_image + mean
    squares = images * by_seed.var(ddof=1), seeds * by_image.var(ddof=1)
    rest_square = (rest**2).sum() / ((seeds - 1) * (images - 1))
    error, freedom = crossed_error(*squares, rest_square, seeds=seeds, images=images)
    half = float(half_width(error, freedom))
    p = float(2 * stats.t.sf(abs(mean) / error, freedom))
    return Estimate(seeds, mean, float(by_seed.std(ddof=1)), mean - half, mean + half, p)


def crossed_error(
    of_seeds: Any, of_images: Any, of_rest: Any, *, seeds: int, images: int
) -> tuple[Any, Any]:
    """Standard error of the mean and its degrees of freedom, from mean squares of crossed effects.

    The variance is (seeds + images - rest) / (seeds x images), but never less than that of the
    seeds alone; its degrees of freedom are Satterthwaite's, Biometrics Bulletin 2 (1946).
    """
    total = np.maximum(of_seeds + of_images - of_rest, of_seeds)
    freedom = total**2 / (
        of_seeds**2 / (seeds - 1)
        + of_images**2 / (images - 1)
        + of_rest**2 / ((seeds - 1) * (images - 1))
    )
    return np.sqrt(total / (seeds * images)), freedom


def sign_flip_p(differences: Values) -> float:
    """Exact two-sided p of paired differences `(n,)`, n of 2 or more.

    Under the hypothesis of no effect each difference is as likely with the other sign: all 2^n
    sign patterns are tried. No p is smaller than 2 / 2^n.
    """
    values = np.asarray(differences, dtype=float)
    sums = np.zeros(1)
    for value in values:  # SciPy's permutation_test takes half a minute for 18 of them
        sums = np.concatenate([sums + value, sums - value])
    return float((np.abs(sums) >= abs(values.sum()) - ROUNDING).mean())


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, corrected for their number: Holm, Scand. J. Statistics 6 (1979)."""
    return [float(p) for p in multipletests(p_values, method="holm")[1]]
