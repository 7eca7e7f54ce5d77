"""The runs, as the contrasts ask for them: figures by seed, accuracies in percent."""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd

from experiment.variants import Placement
from study.grid import placed
from study.table import Setting, Table

# What a contrast is about that names nothing else.
DATASET, RATE, UNITS, ALL = "mnist", 0.5, 128, 48_000

ACCURACY = "test_accuracy"


class Measurements:
    """Metrics of settings, each a series by seed; empty where there are no runs.

    Args:
        table: the finished runs.
        seeds: the only ones to use; None: all.

    Attributes:
        asked: the settings that were asked for so far.
    """

    def __init__(self, table: Table, seeds: Collection[int] | None = None) -> None:
        self._table, self._seeds = table, seeds
        self.asked: set[Setting] = set()

    def of(
        self,
        metric: str = ACCURACY,
        *,
        rate: float = RATE,
        placement: Placement = "dense",
        dataset: str = DATASET,
        samples: int = ALL,
        units: int = UNITS,
    ) -> pd.Series:
        """A metric of a setting: accuracies in percent, losses in nats."""
        setting = Setting(dataset, placed(placement, rate), rate, samples, units)
        self.asked.add(setting)
        runs = self._table.of(setting)
        if self._seeds is not None:
            runs = runs[runs.index.isin(self._seeds)]
        values = runs[metric] if metric in runs else pd.Series(dtype=float)
        return 100 * values if metric.endswith("accuracy") else values

    def runs(self) -> int:
        """How many runs there are of the settings that were asked for."""
        found = [self._table.of(setting).index for setting in self.asked]
        return sum(len(seeds if self._seeds is None else seeds[seeds.isin(self._seeds)])
                   for seeds in found)  # fmt: skip

    def change(self, metric: str = ACCURACY, **where: Any) -> pd.Series:
        """A metric with Dropout minus that without; of the accuracy on test images, the gain."""
        return self.of(metric, **where) - self.of(metric, rate=0.0, **where)

    def mean_of_rates(self, rates: Iterable[float]) -> pd.Series:
        """Mean of the accuracies on test images with these rates."""
        return mean(self.of(rate=rate) for rate in rates)

    def relative_rise(self, *, rate: float) -> pd.Series:
        """Validation loss after the last epoch over its lowest, minus 1, in percent."""
        last, best = (self.of(f"{which}validation_loss", rate=rate) for which in ("", "best_"))
        return 100 * (last / best - 1)

    def log_errors_left(self, *, samples: int) -> pd.Series:
        """Natural logarithm of the errors on test images with Dropout over those without."""
        with_it, without = (100 - self.of(rate=rate, samples=samples) for rate in (RATE, 0.0))
        return np.log(with_it / without)

    def overfitting(self, *, dataset: str) -> pd.Series:
        """Test loss minus evaluated training loss, with Dropout minus without."""
        trained = self.change("evaluated_training_loss", dataset=dataset)
        return self.change("test_loss", dataset=dataset) - trained

    def slope_on_units(self, units: Iterable[int], *, samples: int) -> pd.Series:
        """Slope of the gain on log2 of the dense units, by least squares within each seed."""
        gains = {n: self.change(samples=samples, units=n) for n in units}
        table = pd.DataFrame(gains).dropna()
        at = np.log2(np.array([*gains], dtype=float))
        at -= at.mean()
        return (table * at).sum(axis=1) / (at**2).sum()


def mean(series: Iterable[pd.Series]) -> pd.Series:
    """Of several figures, by seed; seeds that lack one are left out."""
    return pd.concat(series, axis=1, join="inner").mean(axis=1)
