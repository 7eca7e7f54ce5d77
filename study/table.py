"""The finished runs as tables: by run, by setting, and by epoch."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd

from experiment.files import CURVE_COLUMNS, replacing
from experiment.metrics import LAST
from study.runs import Entry, Setting
from study.statistics import half_width

RUNS = Path("metrics/study_runs.csv")

PARAMETERS = [field.name for field in fields(Setting)]


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
            | {"seed": entry.run.seed, "available": entry.available}
            | dict(entry.metrics)
            | average_last_epochs(entry.curve)
            for entry in entries
        ]
        first = [*PARAMETERS, "seed", "available"]
        frame = pd.DataFrame(rows)
        columns = [*first, *sorted(frame.columns.difference(first))]
        self.rows = frame[columns].sort_values(first, ignore_index=True)
        self.metrics = columns[len(first) :]
        self._none = pd.DataFrame(columns=self.metrics, dtype=float)
        self._by_setting = {
            Setting(*key): runs.set_index("seed")[self.metrics]
            for key, runs in self.rows.groupby(PARAMETERS)
        }

    def settings(self) -> list[Setting]:
        """Return those with two seeds or more, sorted: one run has no spread."""
        return sorted(s for s, runs in self._by_setting.items() if len(runs) > 1)

    def of(self, setting: Setting) -> pd.DataFrame:
        """Return the metrics of a setting, a row per run, by seed; none where it has no runs."""
        return self._by_setting.get(setting, self._none)

    def pair(self, setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the runs without Dropout and with it, of the seeds that both have."""
        without, with_it = self.of(setting.without_dropout()), self.of(setting)
        seeds = without.index.intersection(with_it.index)
        return without.loc[seeds], with_it.loc[seeds]

    def write(self, path: Path = RUNS) -> None:
        """Write a row per run as the gate reads it: no number of images means all of them."""
        rows = self.rows.drop(columns="available")
        if not rows["further"].any():
            rows = rows.drop(columns="further")
        rows["train_samples"] = rows["train_samples"].astype("Int64")
        rows.loc[self.rows["train_samples"] == self.rows["available"], "train_samples"] = pd.NA
        with replacing(path) as temporary:
            rows.to_csv(temporary, index=False, lineterminator="\n")


def average_last_epochs(curve: list[dict[str, float]]) -> dict[str, float]:
    """Return means over the last five epochs, or over all where there are fewer."""
    names = {
        "accuracy": "training_accuracy",
        "val_accuracy": "validation_accuracy",
        "val_loss": "validation_loss",
    }
    last = curve[-LAST:]
    return {f"last_five_{to}": fmean(row[of] for row in last) for of, to in names.items()}


def average_curves(entries: Iterable[Entry]) -> pd.DataFrame:
    """Return mean and 95 % interval over seeds by setting and epoch.

    Returns:
        Indexed by `PARAMETERS`, with `epoch`, `seeds`, and each column of a curve with its
        `_low` and `_high`; settings with two seeds or more.
    """
    rows = pd.DataFrame([asdict(e.setting) | dict(row) for e in entries for row in e.curve])
    columns = list(CURVE_COLUMNS[1:])
    groups = rows.groupby([*PARAMETERS, "epoch"])[columns]
    seeds, mean = groups.size().rename("seeds"), groups.mean()
    half = half_width(groups.sem(), (seeds.to_numpy() - 1)[:, np.newaxis])
    parts = [seeds, mean, (mean - half).add_suffix("_low"), (mean + half).add_suffix("_high")]
    return pd.concat(parts, axis=1)[seeds > 1].reset_index("epoch")
