"""What the page shows of the study: each setting with Dropout against the same without it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

from study.statistics import Estimate, estimate, half_width
from study.store import Entry
from study.table import Setting, setting_of, table_of

PLACES = ("dense", "pooling", "both")
COLUMNS = ("val_loss", "val_accuracy", "loss", "accuracy")


@dataclass(frozen=True)
class Runs:
    """Runs that differ in the seed alone.

    Attributes:
        metrics: a row per run, by seed.
        curves: by column of `COLUMNS`, float64 (runs, epochs).
    """

    metrics: pd.DataFrame
    curves: Mapping[str, np.ndarray]

    def band(self, column: str) -> dict[str, np.ndarray]:
        """By epoch, the mean of a curve as `value`, and its interval from `low` to `high`."""
        curve = self.curves[column]
        mean = curve.mean(axis=0)
        half = half_width(stats.sem(curve), len(curve) - 1)
        return {"value": mean, "low": mean - half, "high": mean + half}

    def stopped(self) -> np.ndarray:
        """Validation accuracy of each run where its validation loss is lowest."""
        best = self.curves["val_loss"].argmin(axis=1)
        found: np.ndarray = self.curves["val_accuracy"][np.arange(len(best)), best]
        return found


@dataclass(frozen=True, eq=False)  # one is equal to itself alone
class Comparison:
    """Runs with Dropout against those without, with the same seeds.

    Attributes:
        setting: of the runs with Dropout.
        without, dropout: the runs.
    """

    setting: Setting
    without: Runs
    dropout: Runs

    @cached_property
    def gain(self) -> Estimate:
        """In accuracy on test images, seed by seed, percentage points."""
        return estimate(100 * self._change("test_accuracy"))

    @cached_property
    def rise(self) -> Estimate:
        """In the rise of the validation loss from its lowest to the last epoch, seed by seed."""
        return estimate(self._change("validation_loss_rise"))

    @cached_property
    def relative_rise(self) -> Estimate:
        """Of the validation loss with Dropout, in per cent of its lowest."""
        metrics = self.dropout.metrics
        return estimate(100 * metrics["validation_loss_rise"] / metrics["best_validation_loss"])

    @cached_property
    def gain_at_lowest_loss(self) -> Estimate:
        """In validation accuracy, each run stopped where its validation loss is lowest; points."""
        return estimate(100 * (self.dropout.stopped() - self.without.stopped()))

    @cached_property
    def truth(self) -> int:
        """1 where the mean accuracy on test images is higher with Dropout, 0 if equal, or -1."""
        return int(np.sign(round(self.gain.mean, 7)))

    @cached_property
    def pairs(self) -> list[list[str]]:
        """What each run with Dropout beside each without would say: `right`, `wrong` or `equal`.

        By seed without, then by seed with; right is what points the way of the means.
        """
        with_it, without = (
            runs.metrics["test_accuracy"].to_numpy() for runs in (self.dropout, self.without)
        )
        # Single precision: equal accuracies can differ in the last bits.
        better = np.sign(np.round(with_it - without[:, None], 7)) * (self.truth or 1)
        kinds: list[list[str]] = np.array(["equal", "right", "wrong"])[better.astype(int)].tolist()
        return kinds

    def _change(self, metric: str) -> pd.Series:
        return self.dropout.metrics[metric] - self.without.metrics[metric]


def side(found: Estimate) -> int:
    """1 where all of the interval is above 0, -1 below, else 0: undecided."""
    return int(found.low > 0) - int(found.high < 0)


def compare(entries: list[Entry]) -> list[Comparison]:
    """Each setting with Dropout that shares two seeds or more with the same without it."""
    if not entries:
        return []
    curves = {(setting_of(entry.run), entry.run.seed): entry.curve for entry in entries}

    def runs(setting: Setting, metrics: pd.DataFrame) -> Runs:
        rows = [curves[setting, seed] for seed in metrics.index]
        arrays = {name: np.array([[e[name] for e in row] for row in rows]) for name in COLUMNS}
        return Runs(metrics, arrays)

    table = table_of(entries)
    found = []
    for setting in table.settings():
        without, dropout = table.pair(setting)
        if setting.placement != "none" and len(dropout) > 1:
            none = setting.without_dropout()
            found.append(Comparison(setting, runs(none, without), runs(setting, dropout)))
    return sorted(found, key=_order)


def _order(comparison: Comparison) -> tuple[object, ...]:
    """MNIST first, then the narrowest network, then all images."""
    of = comparison.setting
    place = PLACES.index(of.placement)
    return (
        of.dataset != "mnist",
        of.dataset,
        of.dense_units,
        -of.train_samples,
        place,
        of.dropout_rate,
    )
