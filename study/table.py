"""The finished runs as a table, by setting."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, fields
from pathlib import Path
from statistics import fmean

import pandas as pd

from experiment.files import replacing
from experiment.metrics import LAST
from study.runs import Entry, Setting

RUNS = Path("metrics/study_runs.csv")

PARAMETERS = [field.name for field in fields(Setting)]

# By column of a curve, the metric that has its mean over the last five epochs.
LAST_FIVE = {
    "accuracy": "last_five_training_accuracy",
    "val_accuracy": "last_five_validation_accuracy",
    "val_loss": "last_five_validation_loss",
}


class Table:
    """Finished runs by setting.

    Args:
        entries: as `study.runs.load_runs` gives them.

    Attributes:
        rows: one per run, sorted, with the columns `PARAMETERS`, `seed`, `available` and metrics.
            A metric that early runs were not evaluated for has gaps.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        rows = [
            asdict(entry.setting)
            | {"seed": entry.seed, "available": entry.available}
            | dict(entry.metrics)
            | {to: fmean(entry.curve[of][-LAST:]) for of, to in LAST_FIVE.items()}
            for entry in entries
        ]
        first = [*PARAMETERS, "seed", "available"]
        frame = pd.DataFrame(rows)
        metrics = sorted(frame.columns.difference(first))
        self.rows = frame[[*first, *metrics]].sort_values(first, ignore_index=True)
        self._by_setting = {
            Setting(*key): runs.set_index("seed")[metrics]
            for key, runs in self.rows.groupby(PARAMETERS)
        }

    def settings(self) -> list[Setting]:
        """Return those with two seeds or more, sorted: one run has no spread."""
        return sorted(s for s, runs in self._by_setting.items() if len(runs) > 1)

    def values(self, setting: Setting, metric: str) -> pd.Series:
        """Return a metric of a setting by seed: shares in percent, losses in nats."""
        runs = self._by_setting.get(setting, pd.DataFrame())
        values = runs[metric].dropna() if metric in runs else pd.Series(dtype=float)
        return 100 * values if metric.endswith(("accuracy", "calibration_error")) else values

    def pair(
        self, setting: Setting, metric: str, seeds: Collection[int] | None = None
    ) -> pd.DataFrame:
        """Return a metric `without` Dropout and `with` it, a row for each seed that has both."""
        sides = {"without": setting.without_dropout(), "with": setting}
        values = {name: self.values(side, metric) for name, side in sides.items()}
        pairs = pd.concat(values, axis=1, join="inner")
        return pairs if seeds is None else pairs[pairs.index.isin(seeds)]

    def write(self, path: Path = RUNS) -> None:
        """Write a row per run as the gate reads it: no number of images means all of them."""
        rows = self.rows.drop(columns="available")
        if not rows["further"].any():
            rows = rows.drop(columns="further")
        rows["train_samples"] = rows["train_samples"].astype("Int64")
        rows.loc[self.rows["train_samples"] == self.rows["available"], "train_samples"] = pd.NA
        with replacing(path) as temporary:
            rows.to_csv(temporary, index=False, lineterminator="\n")
