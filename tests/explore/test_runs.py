"""Comparisons of made-up runs."""

from dataclasses import replace
from typing import Any

import pytest

from explore.runs import compare
from study.contrasts import BASE
from study.runs import Entry

DENSE: dict[str, Any] = {"placement": "dense", "dropout_rate": 0.5}
NAMES = ("dataset", "dense_units", "train_samples", "placement", "dropout_rate", "epochs")


def make_runs(accuracies: list[float], first: int = 0, **changed: Any) -> list[Entry]:
    """Runs on MNIST without Dropout, but for what is changed; the loss ends at 1 plus the seed."""
    setting = replace(BASE.without_dropout(), **changed)
    found = []
    for seed, accuracy in enumerate(accuracies, start=first):
        curve = {
            "accuracy": [0.75] * 3,
            "loss": [0.5] * 3,
            "val_accuracy": [accuracy] * 3,
            "val_loss": [2.0, 1.0, 1.0 + seed],
        }
        metrics = {"test_accuracy": accuracy}
        found.append(Entry(setting, seed, {}, "data", 48_000, metrics, curve))
    return found


def make_gain(
    low: float = 0.1, high: float = 0.3, seeds: int = 9, **changed: Any
) -> dict[str, Any]:
    setting = {name: getattr(BASE, name) for name in NAMES}
    return {**setting, "mean": 0.2, "low": low, "high": high, "seeds": seeds, **changed}


def test_runs_of_the_same_seeds_are_compared() -> None:
    runs = make_runs([0.6, 0.7, 0.8]) + make_runs([0.9, 0.8, 0.5], first=1, **DENSE)
    (found,) = compare(reversed(runs), [make_gain()])
    assert found["seeds"] == [1, 2]
    assert found["accuracy"] == {"without": [70, 80], "with": [90, 80]}
    assert found["runs"]["val_loss"]["with"] == [[2, 1, 2], [2, 1, 3]]
    assert found["runs"]["val_errors"]["without"] == [[30] * 3, [20] * 3]
    assert found["runs"]["errors"]["with"][0] == [25] * 3
    mean, low, high = found["bands"]["val_loss"]["with"]
    assert mean == [2, 1, 2.5]
    assert (high[2] - low[2]) / 2 == pytest.approx(12.706 * 0.5, rel=1e-3)  # t with 1 degree
    assert (found["gain"], found["same"]) == (make_gain(), False)


def test_runs_that_the_results_do_not_know_wait() -> None:
    """Of later seeds, with other settings, of fewer epochs, and where a seed is alone."""
    two = make_runs([0.6, 0.7], train_samples=500) + make_runs(
        [0.8, 0.9], **DENSE, train_samples=500
    )
    later = make_runs([0.1] * 3, 2, train_samples=500) + make_runs(
        [0.2] * 3, 2, **DENSE, train_samples=500
    )
    other = make_runs([0.3] * 9, batch_size=64, train_samples=500)
    longer = make_runs([0.4, 0.5], train_samples=500, epochs=80)
    longer += make_runs([0.4, 0.5], **DENSE, train_samples=500, epochs=80)
    alone = make_runs([0.1, 0.2]) + make_runs([0.3], **DENSE)
    gains = [make_gain(seeds=1, train_samples=500, epochs=80), make_gain()]
    gains.append(make_gain(seeds=2, train_samples=500))
    (found,) = compare([*other, *later, *longer, *alone, *two], gains)
    assert (found["seeds"], found["epochs"], found["same"]) == ([0, 1], 20, True)
    assert found["accuracy"] == {"without": [60, 70], "with": [80, 90]}


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.1, 0.2, "better"), (-0.2, -0.1, "worse"), (-0.1, 0.1, "undecided"), (0, 0.1, "undecided")],
)
def test_interval_that_touches_0_decides_nothing(low: float, high: float, verdict: str) -> None:
    runs = make_runs([0.6, 0.7]) + make_runs([0.8, 0.9], **DENSE)
    assert [each["verdict"] for each in compare(runs, [make_gain(low, high)])] == [verdict]
