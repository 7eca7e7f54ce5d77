"""Is a candidate no worse than its base by a margin? Statistics on pairs of runs with one seed.

The test is the exact sign-flip permutation test: were the candidate worse by just the margin, and
the differences of the pairs symmetric about it, then each could as well have had the other sign.
All 2^n choices of signs are tried, so its error rate is exact for any number of pairs, and its
smallest p-value is 2^-n. (Good, *Permutation, Parametric and Bootstrap Tests of Hypotheses*, 2005,
ch. 3; one-sided with a margin: Rothmann, Wiens, Chan, *Design and Analysis of Non-Inferiority
Trials*, 2011.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

MOST_PAIRS = 12  # 4,096 choices of signs; four more take seconds


@dataclass(frozen=True)
class Result:
    """What the pairs of one metric show.

    Attributes:
        pairs: how many were used.
        worse_by: their mean, in the metric's unit.
        low, high: interval of the mean.
        confidence: of the interval, 0 to 1.
        p_no_worse: of "worse by the margin or more", corrected.
        p_worse: of "worse by the margin or less", corrected.
        smallest_p: that so many pairs and tests can give, corrected.
    """

    pairs: int
    worse_by: float
    low: float
    high: float
    confidence: float
    p_no_worse: float
    p_worse: float
    smallest_p: float


def assess(samples: Sequence[tuple[Sequence[float], float]], level: float) -> list[Result]:
    """Tests several metrics, in both directions.

    Args:
        samples: for each metric, by how much each pair's candidate is worse, and the margin; 2
            pairs or more, of which the first `MOST_PAIRS` are used.
        level: one-sided, of the tests of one direction together, above 0.
    """
    arrays = [(np.array(pairs[:MOST_PAIRS], float), margin) for pairs, margin in samples]
    no_worse = holm([p_value(pairs, margin) for pairs, margin in arrays])
    worse = holm([p_value(-pairs, -margin) for pairs, margin in arrays])
    return [
        Result(
            len(pairs),
            float(pairs.mean()),
            *interval(pairs, level),
            p_no_worse=no_worse[i],
            p_worse=worse[i],
            smallest_p=len(arrays) * 0.5 ** len(pairs),
        )
        for i, (pairs, _) in enumerate(arrays)
    ]


def p_value(worse_by: np.ndarray, margin: float) -> float:
    """How likely so good a mean is, were the candidate worse by `margin` in truth.

    Args:
        worse_by: `float64 (n,)`, by how much each pair's candidate is worse; 2 to `MOST_PAIRS`.
        margin: in the same unit.

    Returns:
        2^-n to 1, one-sided.
    """
    from scipy.stats import permutation_test  # a second of CPU time, and seldom needed

    result = permutation_test(
        (margin - worse_by,),
        np.mean,
        permutation_type="samples",  # of one sample: flips signs
        alternative="greater",
        vectorized=True,
        n_resamples=np.inf,
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's step-down method, in the order given.

    Holm, *A Simple Sequentially Rejective Multiple Test Procedure*, 1979. In statsmodels it is
    `multipletests`, whose import takes longer than the rest of the gate.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    scaled = (min(1.0, p_values[i] * (len(order) - rank)) for rank, i in enumerate(order))
    corrected = dict(zip(order, accumulate(scaled, max), strict=True))
    return [corrected[i] for i in range(len(p_values))]


def interval(worse_by: np.ndarray, level: float) -> tuple[float, float, float]:
    """The margins that the test refuses on neither side, exactly.

    Its ends are means of subsets of the pairs: with n pairs, the k-th largest mean of the 2^n - 1
    subsets is below the truth once in 2^n / k times. (Hartigan, *Using Subsample Values as
    Typical Values*, 1969.)

    Args:
        worse_by: `float64 (n,)`; 1 to `MOST_PAIRS`.
        level: one-sided, of each end, above 0; raised to 2^-n where it is less.

    Returns:
        Lower end, upper end, and the confidence that n pairs really give, 0 to 1.
    """
    count = 2 ** len(worse_by)
    k = max(1, int(level * count))
    # A column for each subset but the empty one: the bits of its number say which pairs it has.
    members = (np.arange(1, count) >> np.arange(len(worse_by))[:, np.newaxis]) & 1
    means = np.sort(worse_by @ (members / members.sum(axis=0)))
    return float(means[k - 1]), float(means[-k]), 1 - 2 * k / count
