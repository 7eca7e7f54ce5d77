"""The runs, as the claims ask for them."""

from collections.abc import Iterable

import pandas as pd

from experiment.common.variants import Placement
from study.grid import placed
from study.inference import Inference
from study.table import Setting, Table


class MissingRunsError(Exception):
    """The grid has not the runs that were asked for."""


class Measurements:
    """Metrics of settings, each a series by seed.

    Args:
        table: the finished runs.
        inference: see `study.inference.read_inference`.
        metric: what accuracy on unseen images is measured by.
        dataset, rate, units: what the claims are about, where they name nothing else.
    """

    def __init__(
        self,
        table: Table,
        inference: Inference | None,
        *,
        metric: str,
        dataset: str,
        rate: float,
        units: int,
    ) -> None:
        self._table, self._inference = table, inference
        self._metric, self._dataset, self._rate, self._units = metric, dataset, rate, units

    def of(
        self,
        metric: str | None = None,
        *,
        rate: float | None = None,
        placement: Placement = "dense",
        dataset: str | None = None,
        samples: int | None = None,
    ) -> pd.Series:
        """A metric of a setting, by seed; what is not named is the claims' own.

        Raises:
            MissingRunsError: it has fewer than two runs.
        """
        dataset = dataset or self._dataset
        rate = self._rate if rate is None else rate
        samples = samples or self._table.all_samples(dataset)
        setting = Setting(dataset, placed(placement, rate), rate, samples, self._units)
        if setting not in self._table.settings():
            raise MissingRunsError(str(setting))
        return self._table.of(setting)[metric or self._metric]

    def gain(self, *, dataset: str | None = None, samples: int | None = None) -> pd.Series:
        """Accuracy on unseen images with Dropout minus that without."""
        without = self.of(rate=0.0, dataset=dataset, samples=samples)
        return self.of(dataset=dataset, samples=samples) - without

    def mean_gain(self, sizes: Iterable[int]) -> pd.Series:
        """Mean of the gains with these numbers of training images."""
        return _mean(self.gain(samples=samples) for samples in sizes)

    def mean_of_rates(self, rates: Iterable[float]) -> pd.Series:
        """Mean of the accuracies on unseen images with these rates."""
        return _mean(self.of(rate=rate) for rate in rates)

    def relative_rise(self, *, rate: float) -> pd.Series:
        """Validation loss after the last epoch over its lowest, minus 1."""
        return (
            self.of("validation_loss", rate=rate) / self.of("best_validation_loss", rate=rate) - 1
        )

    def loss_of_accuracy(self) -> pd.Series:
        """Validation accuracy of its best epoch minus that of the last one."""
        return self.of("best_validation_accuracy") - self.of("validation_accuracy")

    def largest_difference_of_predictions(self) -> pd.Series:
        """Of a probability, with and without the layer: one exact figure, no sample."""
        return pd.Series([self._inferred()[0]] * 2)

    def ratio_of_times(self) -> pd.Series:
        """Time of a pass over the test images with the layer over that without, by pass."""
        return self._inferred()[1]

    def _inferred(self) -> Inference:
        if self._inference is None:
            raise MissingRunsError("inference")
        return self._inference


def _mean(series: Iterable[pd.Series]) -> pd.Series:
    return pd.concat(series, axis=1, join="inner").mean(axis=1)
