import numpy as np
import pytest
from scipy import stats

from bench.intervals import Median, difference_of_means, median_of


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], Median(3, 3, 3, 0)),
        ([4.0, 2.0], Median(3, 2, 4, 0.5)),
        # Outside are five heads or five tails: 2 of 32.
        ([2.0, 5.0, 1.0, 4.0, 3.0], Median(3, 1, 5, 1 - 2 / 32)),
        # Outside are seven or eight alike: 2 x (1 + 8) of 256.
        ([8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], Median(4.5, 2, 7, 1 - 18 / 256)),
    ],
)
def test_interval_of_the_median_by_hand(values: list[float], expected: Median) -> None:
    found = median_of(values)
    assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)
    assert found.coverage == pytest.approx(expected.coverage)


def test_interval_holds_the_median_as_often_as_it_says() -> None:
    """Of a skewed distribution, whose median is known."""
    samples = np.random.default_rng(0).exponential(size=(2000, 5))
    intervals = [median_of(list(sample)) for sample in samples]
    held = np.mean([i.low <= np.log(2) <= i.high for i in intervals])
    assert held == pytest.approx(intervals[0].coverage, abs=3 * np.sqrt(0.06 / 2000))


def test_difference_is_that_of_welch() -> None:
    """Formula of https://en.wikipedia.org/wiki/Welch%27s_t-test, for 1, 2, 3 and 4, 8."""
    found = difference_of_means([1, 2, 3], [4, 8])
    assert found is not None
    error = np.sqrt(1 / 3 + 8 / 2)
    freedom = (1 / 3 + 8 / 2) ** 2 / ((1 / 3) ** 2 / 2 + (8 / 2) ** 2 / 1)
    half = stats.t.ppf(0.975, freedom) * error
    assert [found.low, found.value, found.high] == pytest.approx([-4 - half, -4, -4 + half])


def test_one_value_has_no_spread() -> None:
    assert difference_of_means([1.0], [1.0, 2.0]) is None
