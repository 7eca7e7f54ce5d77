"""Comparisons of made-up runs."""

from typing import Any

import pytest

from explore.runs import compare, side
from study.grid import Run
from study.statistics import Estimate
from study.store import Entry

DENSE: dict[str, Any] = {"placement": "dense", "dropout_rate": 0.5}


def entries(accuracies: list[float], **changed: Any) -> list[Entry]:
    """Runs on MNIST without Dropout, but for what is changed; seeds from 0.

    The validation loss of seed s falls from 2 to 1 and rises by 0.1 (s + 1) to the last epoch.
    """
    run: dict[str, Any] = {
        "dataset": "mnist", "placement": "none", "dropout_rate": 0.0, "train_samples": 48_000,
        "dense_units": 128, "epochs": 3,
    }  # fmt: skip
    found = []
    for seed, accuracy in enumerate(accuracies):
        rise = 0.1 * (seed + 1)
        curve = [
            {"epoch": epoch, "accuracy": 0.5, "loss": 0.5, "val_accuracy": right, "val_loss": loss}
            for epoch, right, loss in ((1, 0.1, 2.0), (2, accuracy / 2, 1.0), (3, 0.3, 1 + rise))
        ]
        metrics = {
            "test_accuracy": accuracy, "validation_loss_rise": rise, "best_validation_loss": 1.0,
        }  # fmt: skip
        found.append(Entry(Run(**run | changed, seed=seed), metrics, curve))
    return found


@pytest.mark.parametrize(
    ("low", "high", "sign"), [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0)]
)
def test_interval_that_touches_0_decides_nothing(low: float, high: float, sign: int) -> None:
    assert side(Estimate(5, (low + high) / 2, 0.1, low, high, 0.5)) == sign


def test_only_seeds_of_both_sides_are_compared() -> None:
    (found,) = compare(entries([0.6, 0.7, 0.8]) + entries([0, 0.9, 0.9, 0.1], **DENSE)[1:])
    assert found.without.metrics.index.tolist() == found.dropout.metrics.index.tolist() == [1, 2]
    assert found.gain.seeds == 2
    assert found.gain.mean == pytest.approx(15)
    assert found.gain_at_lowest_loss.mean == pytest.approx(7.5)
    assert found.rise.mean == 0
    assert found.relative_rise.mean == pytest.approx(25)
    assert found.dropout.curves["val_loss"].tolist() == [[2, 1, 1.2], [2, 1, pytest.approx(1.3)]]


@pytest.mark.parametrize(
    "more",
    [
        entries([0.9, 0.9, 0.9], **DENSE)[1:],
        entries([0.9, 0.9], **DENSE, train_samples=500),
        [],
    ],
    ids=["one seed in common", "no counterpart", "no Dropout"],
)
def test_what_cannot_be_compared_is_left_out(more: list[Entry]) -> None:
    assert compare(entries([0.7, 0.8]) + more) == compare([]) == []


def test_pairs_are_judged_by_the_means() -> None:
    (found,) = compare(entries([0.70, 0.80]) + entries([0.80, 0.75], **DENSE))
    assert found.truth == 1
    assert found.pairs == [["right", "right"], ["equal", "wrong"]]
    (found,) = compare(entries([0.80, 0.75]) + entries([0.70, 0.80], **DENSE))
    assert found.truth == -1
    assert found.pairs == [["right", "equal"], ["right", "wrong"]]
