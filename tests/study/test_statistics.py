import numpy as np
import pytest

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


def test_images_that_add_nothing_leave_the_interval_over_seeds() -> None:
    values = np.array([1.0, 2.0, 6.0])
    found = estimate_for_new_images(np.repeat(values[:, None], 50, axis=1))
    assert found.high == pytest.approx(estimate(values).high)


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


def test_holm_by_hand() -> None:
    """Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1; none below the one before; at most 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.6]) == [1, 1]
    assert holm([0.5]) == [0.5]
