"""What the page shows of the study: settings with their curves, and each against no Dropout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from study.paths import RUNS
from study.table import read_table
from study.tables import read_curves

LEVEL = 0.95
DENSE_UNITS = 128  # of tables without this column
PLACES = ("none", "dense", "pooling", "both")
COLUMNS = ("val_loss", "val_accuracy", "loss", "accuracy")


class Key(NamedTuple):
    """What tells one setting from another; as `study.grid.Run` has them."""

    dataset: str
    dense_units: int
    train_samples: int
    placement: str
    dropout_rate: float


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its interval by Student's t, the only one that the page uses."""

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def sign(self) -> int:
        """1 where all of it is above 0, -1 below, else 0: undecided."""
        return int(self.low > 0) - int(self.high < 0)


def student(values: Sequence[float] | pd.Series | np.ndarray) -> Interval:
    """Of values by seed, two or more."""
    array = np.asarray(values, dtype=float)
    mean, half = float(array.mean()), 0.0
    if np.ptp(array) > 0:
        half = float(quantile(len(array)) * array.std(ddof=1) / len(array) ** 0.5)
    return Interval(mean, mean - half, mean + half, len(array))


@cache
def quantile(seeds: int) -> float:
    """Half the width of the interval, in standard errors."""
    return float(stats.t.ppf((1 + LEVEL) / 2, seeds - 1))


@dataclass(frozen=True, eq=False)  # one is equal to itself alone
class Setting:
    """Runs that differ in the seed alone.

    Attributes:
        key: what they have in common.
        runs: metrics by seed.
        curves: by column of `COLUMNS`, a row per seed and a column per epoch.
    """

    key: Key
    runs: pd.DataFrame
    curves: Mapping[str, pd.DataFrame]

    def of(self, seeds: Sequence[int] | pd.Index) -> "Setting":
        """Its runs with these seeds."""
        curves = {name: curve.loc[seeds] for name, curve in self.curves.items()}
        return Setting(self.key, self.runs.loc[seeds], curves)

    @cached_property
    def bands(self) -> dict[str, list[Interval]]:
        """By column, the mean of each epoch."""
        return {
            name: [student(values) for values in curve.to_numpy().T]
            for name, curve in self.curves.items()
        }


@dataclass(frozen=True)
class Pairs:
    """Each run with Dropout beside each run without: what would be thought of that pair alone.

    Attributes:
        better: by seed without, then by seed with: 1, 0 where both are equal, or -1.
        truth: sign of the difference of the means.
    """

    better: list[list[int]]
    truth: int

    @property
    def total(self) -> int:
        """Number of pairs."""
        return sum(map(len, self.better))

    @property
    def wrong(self) -> int:
        """Those that point the other way than the means."""
        return sum(row.count(-self.truth) for row in self.better)

    @property
    def equal(self) -> int:
        """Those that point nowhere."""
        return sum(row.count(0) for row in self.better)


@dataclass(frozen=True, eq=False)  # one is equal to itself alone
class Comparison:
    """A setting with Dropout against the same without it, both with the same seeds."""

    without: Setting
    dropout: Setting

    @property
    def key(self) -> Key:
        """Of the setting with Dropout."""
        return self.dropout.key

    def paired(self, metric: str) -> Interval:
        """With Dropout minus without, seed by seed."""
        return student(self.dropout.runs[metric] - self.without.runs[metric])

    @cached_property
    def gain(self) -> Interval:
        """In accuracy on test images, percentage points."""
        found = self.paired("test_accuracy")
        return Interval(100 * found.mean, 100 * found.low, 100 * found.high, found.seeds)

    @cached_property
    def rise(self) -> Interval:
        """In the rise of the validation loss from its lowest to the last epoch."""
        return self.paired("validation_loss_rise")

    @cached_property
    def relative_rise(self) -> Interval:
        """Of the validation loss with Dropout, in per cent of its lowest."""
        runs = self.dropout.runs
        return student(100 * runs["validation_loss_rise"] / runs["best_validation_loss"])

    @cached_property
    def gain_at_lowest_loss(self) -> Interval:
        """In validation accuracy, each run stopped where its validation loss is lowest; points."""
        stopped = []
        for setting in (self.dropout, self.without):
            best = setting.curves["val_loss"].idxmin(axis=1)
            accuracy = setting.curves["val_accuracy"]
            stopped.append(pd.Series({seed: accuracy.loc[seed, best[seed]] for seed in best.index}))
        return student(100 * (stopped[0] - stopped[1]))

    @cached_property
    def pairs(self) -> Pairs:
        """By accuracy on test images, seeds in order."""
        with_it, without = (s.runs["test_accuracy"] for s in (self.dropout, self.without))
        # Single precision: equal accuracies can differ in the last bits.
        differences = np.round(with_it.to_numpy()[None, :] - without.to_numpy()[:, None], 7)
        truth = int(np.sign(round(float(with_it.mean() - without.mean()), 9)))
        return Pairs(np.sign(differences).astype(int).tolist(), truth)


def read_comparisons() -> list[Comparison]:
    """Those of the study; see `compare`.

    Raises:
        InputError: the table or a run is missing or damaged; see `study.tables`.
    """
    table = read_table(RUNS, ("test_accuracy", "validation_loss_rise", "best_validation_loss"))
    return compare(settings_of(table.rows, read_curves(table).rows))


def compare(settings: Sequence[Setting]) -> list[Comparison]:
    """Each setting with Dropout that shares two seeds or more with the same without."""
    by_key = {setting.key: setting for setting in settings}
    found = []
    for setting in settings:
        without = by_key.get(setting.key._replace(placement="none", dropout_rate=0.0))
        if without is not None and without is not setting:
            found += pair(without, setting)
    return found


def pair(without: Setting, dropout: Setting) -> list[Comparison]:
    """Over the seeds that both have; nothing if there are fewer than two."""
    seeds = dropout.runs.index.intersection(without.runs.index)
    return [Comparison(without.of(seeds), dropout.of(seeds))] if len(seeds) > 1 else []


def settings_of(runs: pd.DataFrame, epochs: pd.DataFrame) -> list[Setting]:
    """Settings with two seeds or more: MNIST first, then the narrowest network, then all images.

    Args:
        runs: a row each, with their metrics.
        epochs: a row for each epoch of each.
    """
    names = list(Key._fields)
    runs, epochs = (
        rows.assign(dense_units=rows.get("dense_units", DENSE_UNITS)) for rows in (runs, epochs)
    )
    curves = {
        Key(*key): {
            name: rows.pivot_table(index="seed", columns="epoch", values=name) for name in COLUMNS
        }
        for key, rows in epochs.groupby(names)
    }
    found = [
        Setting(Key(*key), rows.set_index("seed").sort_index(), curves[Key(*key)])
        for key, rows in runs.groupby(names)
        if len(set(rows["seed"])) > 1
    ]
    return sorted(found, key=_order)


def _order(setting: Setting) -> tuple[object, ...]:
    dataset, units, samples, placement, rate = setting.key
    return dataset != "mnist", dataset, units, -samples, PLACES.index(placement), rate
