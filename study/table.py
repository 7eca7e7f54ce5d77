"""Metrics of the finished runs, by setting and seed, and the table of all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from experiment.files import write_text
from experiment.metrics import LAST
from study.runs import Entry, Setting, select

RUNS = Path("metrics/study_runs.csv")

# By column of a curve, the metric that has its mean over the last five epochs.
LAST_FIVE = {
    "accuracy": "last_five_training_accuracy",
    "val_accuracy": "last_five_validation_accuracy",
    "val_loss": "last_five_validation_loss",
}


def select_values(entries: Iterable[Entry], setting: Setting, metric: str) -> pd.Series:
    """Return a metric of a setting by seed, sorted: shares in percent, losses in nats.

    Early runs were not evaluated for each metric and are left out where they lack it.
    """
    runs = sorted(select(entries, setting).items())
    found = {seed: run.metrics[metric] for seed, run in runs if metric in run.metrics}
    values = pd.Series(found, dtype=float)
    return 100 * values if metric.endswith(("accuracy", "calibration_error")) else values


def pair_seeds(entries: Sequence[Entry], setting: Setting, metric: str) -> pd.DataFrame:
    """Return a metric `without` Dropout and `with` it, a row for each seed that has both."""
    sides = {"without": setting.without_dropout(), "with": setting}
    values = {name: select_values(entries, side, metric) for name, side in sides.items()}
    return pd.concat(values, axis=1, join="inner")


def write_table(entries: Iterable[Entry], path: Path = RUNS) -> None:
    """Write a row per run as the gate reads it: no number of images means all of them."""
    rows = []
    for entry in sorted(entries, key=lambda entry: (entry.setting, entry.seed)):
        row: dict[str, Any] = asdict(entry.setting) | {"seed": entry.seed} | dict(entry.metrics)
        if row["train_samples"] == entry.available:
            row["train_samples"] = None
        rows.append(row | {to: fmean(entry.curve[of][-LAST:]) for of, to in LAST_FIVE.items()})
    frame = pd.DataFrame(rows).astype({"train_samples": "Int64"})
    first = [*asdict(entry.setting), "seed"]
    frame = frame[[*first, *sorted(frame.columns.difference(first))]]
    if not frame["further"].any():
        frame = frame.drop(columns="further")
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))
