"""Means over seeds with their intervals and tests.

docs/study.md says how often the intervals hold what they are of.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.95  # of an interval, if not said otherwise

# Differences of equal accuracies can differ in the last bits.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A mean over `seeds`, with its 95 % interval.

    `sd` is the standard deviation of one value (n - 1), `p` two-sided, of a mean of 0.
    """

    seeds: int
    mean: float
    sd: float
    low: float
    high: float
    p: float


def estimate(values: ArrayLike, level: float = LEVEL) -> Estimate:
    """Return the mean of `(n,)` values, n of 2 or more, with Student's t interval and p.

    Values that are all equal have an interval of no width.
    """
    values = np.asarray(values, dtype=float)
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    if np.ptp(values) <= ROUNDING:
        return Estimate(len(values), mean, sd, mean, mean, float(abs(mean) <= ROUNDING))
    test = stats.ttest_1samp(values, 0)
    low, high = test.confidence_interval(level)
    return Estimate(len(values), mean, sd, float(low), float(high), float(test.pvalue))


def estimate_curves(curves: np.ndarray) -> np.ndarray:
    """Return mean, low and high by epoch, `(3, epochs)`, of `(runs, epochs)`."""
    mean, error = curves.mean(axis=0), stats.sem(curves)
    half = stats.t.ppf((1 + LEVEL) / 2, len(curves) - 1) * error
    return np.array([mean, mean - half, mean + half])


def estimate_for_new_images(differences: np.ndarray) -> Estimate:
    """Return the mean of differences `(seeds, images)`, for other seeds and other images.

    An interval over seeds alone keeps the test images fixed. Here seeds and images are crossed
    random effects: the variance is (seeds + images - rest) / (seeds x images) of their mean
    squares, but never less than that of the seeds alone; its degrees of freedom are
    Satterthwaite's, Biometrics Bulletin 2 (1946). `sd` is that over seeds.
    """
    seeds, images = differences.shape
    mean = float(differences.mean())
    by_seed, by_image = differences.mean(axis=1), differences.mean(axis=0)
    rest = differences - by_seed[:, None] - by_image + mean
    of_seeds, of_images = images * by_seed.var(ddof=1), seeds * by_image.var(ddof=1)
    of_rest = (rest**2).sum() / ((seeds - 1) * (images - 1))
    total = max(of_seeds + of_images - of_rest, of_seeds)
    freedom = total**2 / (
        of_seeds**2 / (seeds - 1)
        + of_images**2 / (images - 1)
        + of_rest**2 / ((seeds - 1) * (images - 1))
    )
    error = np.sqrt(total / (seeds * images))
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * error)
    p = float(2 * stats.t.sf(abs(mean) / error, freedom))
    return Estimate(seeds, mean, float(by_seed.std(ddof=1)), mean - half, mean + half, p)
