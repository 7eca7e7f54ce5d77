"""Settings, their comparison, and what a pair of runs would have said."""

import pandas as pd
import pytest
from scipy import stats

from explore.runs import Interval, Pairs, compare, settings_of, student

COLUMNS = ("accuracy", "loss", "val_accuracy", "val_loss")


def made_up(rows: list[dict[str, object]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs of two epochs on MNIST with these differences."""
    usual = {"dataset": "mnist", "train_samples": 100, "placement": "none", "dropout_rate": 0.0}
    runs = pd.DataFrame([usual | row for row in rows])
    epochs = pd.concat(
        [runs.assign(epoch=e, **dict.fromkeys(COLUMNS, 0.5)) for e in (1, 2)], ignore_index=True
    )
    return runs, epochs


def run(seed: int, accuracy: float, **more: object) -> dict[str, object]:
    return {"seed": seed, "test_accuracy": accuracy, **more}


DROPOUT = {"placement": "dense", "dropout_rate": 0.5}


def test_student_is_that_of_scipy() -> None:
    values = [1.0, 2.5, 3.0, 7.0]
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    found = student(values)
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert (found.mean, found.seeds) == (3.375, 4)
    assert student([2.0, 2.0, 2.0]) == Interval(2.0, 2.0, 2.0, 3)


@pytest.mark.parametrize(
    ("low", "high", "sign"), [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0)]
)
def test_interval_that_touches_0_decides_nothing(low: float, high: float, sign: int) -> None:
    assert Interval((low + high) / 2, low, high, 5).sign == sign


def test_only_seeds_of_both_sides_are_compared() -> None:
    rows = [run(seed, 0.8 + seed / 100) for seed in range(4)]
    rows += [run(seed, 0.9, **DROPOUT) for seed in (2, 3, 7)]
    (comparison,) = compare(settings_of(*made_up(rows)))
    assert list(comparison.dropout.runs.index) == list(comparison.without.runs.index) == [2, 3]
    assert comparison.gain.mean == pytest.approx(7.5)
    assert [len(curve) for curve in comparison.dropout.curves.values()] == [2] * 4


def test_settings_without_a_counterpart_or_with_one_seed_are_left_out() -> None:
    rows = [run(seed, 0.8) for seed in (0, 1)] + [run(0, 0.9, **DROPOUT)]
    rows += [run(seed, 0.9, **DROPOUT, train_samples=500) for seed in (0, 1)]
    assert compare(settings_of(*made_up(rows))) == []


def test_networks_of_different_width_are_not_mixed() -> None:
    rows = [
        run(seed, base + gain * (rate > 0), placement=place, dropout_rate=rate, dense_units=units)
        for units, base, gain in ((128, 0.8, 0.01), (512, 0.9, 0.02))
        for place, rate in (("none", 0.0), ("dense", 0.5))
        for seed in (0, 1)
    ]
    found = {c.key.dense_units: c.gain.mean for c in compare(settings_of(*made_up(rows)))}
    assert found == {128: pytest.approx(1), 512: pytest.approx(2)}


def test_pairs_are_counted_against_the_means() -> None:
    rows = [run(0, 0.70), run(1, 0.80), run(0, 0.80, **DROPOUT), run(1, 0.75, **DROPOUT)]
    (comparison,) = compare(settings_of(*made_up(rows)))
    pairs = comparison.pairs
    assert pairs == Pairs([[1, 1], [0, -1]], truth=1)
    assert (pairs.total, pairs.wrong, pairs.equal) == (4, 1, 1)
