"""Medians and differences, with what is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from scipy import stats


@dataclass(frozen=True)
class Median:
    """A median and its interval, without an assumption about the distribution.

    Attributes:
        value: of the sample.
        low: lower end of the interval.
        high: its upper end.
        coverage: probability that such an interval holds the median of what was sampled, 0..1.
    """

    value: float
    low: float
    high: float
    coverage: float


@dataclass(frozen=True)
class Difference:
    """Mean of one sample minus mean of another, and the interval of that.

    Attributes:
        value: of the samples.
        low: lower end of the 95 % interval.
        high: its upper end.
    """

    value: float
    low: float
    high: float


def median_of(values: Sequence[float], *, at_least: float = 0.9) -> Median:
    """The median and its narrowest interval between two of the values.

    The k-th smallest and the k-th largest of n values have the median between them unless n - k + 1
    or more of n fair coins fall alike: https://online.stat.psu.edu/stat415/lesson/19/19.1

    Args:
        values: one or more.
        at_least: coverage wanted. Five values reach 0.9375, between smallest and largest; fewer
            reach less and give their smallest and largest all the same.
    """
    ordered = sorted(values)
    count = len(ordered)
    coverages = [1 - 2 * float(stats.binom.cdf(k, count, 0.5)) for k in range((count + 1) // 2)]
    k = max((k for k, coverage in enumerate(coverages) if coverage >= at_least), default=0)
    return Median(median(ordered), ordered[k], ordered[-1 - k], max(0.0, coverages[k]))


def difference_of_means(a: Sequence[float], b: Sequence[float]) -> Difference | None:
    """Mean of `a` minus mean of `b`, with Welch's 95 % interval; None for fewer than two values."""
    if min(len(a), len(b)) < 2:
        return None
    test = stats.ttest_ind(a, b, equal_var=False)
    interval = test.confidence_interval(0.95)
    return Difference(sum(a) / len(a) - sum(b) / len(b), float(interval.low), float(interval.high))
