"""The statistics; every run here is made up."""

import numpy as np
import pytest

from gate.noninferiority import MOST_PAIRS, assess, holm, interval, p_value


def test_p_value_counts_the_signs_that_are_as_good() -> None:
    """Of 2^5 choices of signs, only the one as it is has so good a mean."""
    worse_by = np.array([0.1, -0.2, 0.3, 0.0, 0.2])
    assert p_value(worse_by, 0.5) == 1 / 32
    assert p_value(worse_by, 0.3) == pytest.approx(2 / 32)  # one difference is just 0.3
    assert p_value(worse_by, -1.0) == 1


@pytest.mark.parametrize("seed", range(12))
def test_interval_ends_where_the_test_turns(seed: int) -> None:
    random = np.random.default_rng(seed)
    worse_by = random.integers(-100, 100, random.integers(2, 8)).astype(float)
    low, high, confidence = interval(worse_by, 0.2)
    count = 2 ** len(worse_by)
    reached = max(1, int(0.2 * count)) / count
    assert confidence == 1 - 2 * reached
    assert low <= worse_by.mean() <= high
    for margin in (*(random.integers(-100, 100, 2) + 0.5), high - 1e-6, high + 1e-6):
        assert (p_value(worse_by, margin) <= reached) == (high < margin)
        assert (p_value(-worse_by, -margin) <= reached) == (low > margin)


def test_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    studies = 2000
    found = [interval(random.normal(3, 1, 6), 0.1) for _ in range(studies)]
    confidence = found[0][2]
    held = sum(low <= 3 <= high for low, high, _ in found) / studies
    error = (confidence * (1 - confidence) / studies) ** 0.5
    assert held == pytest.approx(confidence, abs=4 * error)


@pytest.mark.parametrize(
    ("p_values", "corrected"),
    [
        ([0.04, 0.01, 0.03, 0.9], [0.09, 0.04, 0.09, 0.9]),  # never below a smaller one
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.02], [0.02]),
    ],
)
def test_correction_steps_down(p_values: list[float], corrected: list[float]) -> None:
    """The smallest times their number, the next times one fewer, ..."""
    assert holm(p_values) == pytest.approx(corrected)


def test_both_directions_are_corrected_for_their_number() -> None:
    worse = [1.1, 1.2, 1.0, 1.3, 1.4]
    (one,) = assess([(worse, 0.5)], 0.05)
    both = assess([(worse, 0.5), ([-x for x in worse], 0.5), (worse, 0.5)], 0.05)
    assert (one.p_worse, one.p_no_worse, one.smallest_p) == (1 / 32, 1, 1 / 32)
    assert [result.p_worse for result in both] == [3 / 32, 1, 3 / 32]
    assert [result.p_no_worse for result in both] == [1, 3 / 32, 1]
    assert [result.smallest_p for result in both] == [3 / 32] * 3


def test_more_pairs_than_can_be_enumerated_are_left_out() -> None:
    pairs = [0.0] * MOST_PAIRS + [100.0] * 10
    (result,) = assess([(pairs, 1.0)], 0.05)
    assert (result.pairs, result.worse_by) == (MOST_PAIRS, 0)
    assert result.p_no_worse == 2.0**-MOST_PAIRS
