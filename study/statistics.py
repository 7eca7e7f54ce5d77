"""What the seeds say: spread, intervals, and tests of paired differences. All by SciPy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

from study.parameters import StatisticsParameters

# Differences of equal accuracies can differ in the last bits.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        mean: of the values.
        sd: standard deviation of one value (n - 1).
        low, high: bounds of the interval of the mean.
    """

    mean: float
    sd: float
    low: float
    high: float


def estimate(values: Sequence[float] | np.ndarray, how: StatisticsParameters) -> Estimate:
    """Mean of `(n,)` values, n of 2 or more, with its BCa bootstrap interval.

    Bias-corrected and accelerated: Efron, Better Bootstrap Confidence Intervals, JASA 82 (1987).
    Each call draws from a generator of its own: an interval does not depend on what else is
    computed. Values that are all equal have an interval of no width.
    """
    values = np.asarray(values, dtype=float)
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    if np.ptp(values) <= ROUNDING:
        return Estimate(mean, sd, mean, mean)
    interval = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=how.resamples,
        confidence_level=how.confidence_level,
        method="BCa",
        rng=np.random.default_rng(how.seed),
    ).confidence_interval
    return Estimate(mean, sd, float(interval.low), float(interval.high))


def sign_flip_p(differences: Sequence[float] | np.ndarray) -> float:
    """Exact two-sided p of paired differences `(n,)`, n of 2 or more.

    Under the hypothesis of no effect each difference is as likely with the other sign: all 2^n
    sign patterns are tried. No p is smaller than 2 / 2^n: 0.0625 for 5 seeds.
    """
    result = stats.permutation_test(
        (np.asarray(differences, dtype=float),),
        np.mean,
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="two-sided",
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, corrected for their number: Holm, Scand. J. Statistics 6 (1979)."""
    return [float(p) for p in multipletests(p_values, method="holm")[1]] if p_values else []
