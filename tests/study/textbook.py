"""Made-up runs of the whole grid, with the effects of a textbook, for tests alone."""

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from study.grid import Run
from study.parameters import StatisticsParameters
from study.store import Entry
from tests.conftest import ROOT
from tests.study.conftest import set_study, write_study

HOW = StatisticsParameters(
    primary_metric="test_accuracy", confidence_level=0.95, resamples=999, seed=0
)
QUICK = HOW.model_copy(update={"resamples": 100})
SEEDS = range(5)
ALL = 48_000
RATES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
SIZES = (100, 500, 1_000, 5_000, 10_000)

# As in a textbook: every claim holds.
GAINS = (0.0, 0.001, 0.002, 0.004, 0.0045, 0.004, 0.002, 0.001, -0.002)
GAIN = dict(zip(RATES, GAINS, strict=True))
PENALTY = {"none": 0.0, "dense": 0.0, "pooling": 0.003, "both": 0.002}
FEW = 1_000

Metrics = dict[str, float]


def runs() -> list[Run]:
    """The settings of the committed grid, five seeds each."""
    settings = [Run("mnist", "dense", rate, ALL, 128, 20, 0) for rate in RATES]
    settings += [Run("fashion_mnist", "dense", rate, ALL, 128, 20, 0) for rate in (0.0, 0.3, 0.5)]
    settings += [
        Run("mnist", "dense", rate, n, 128, 50, 0) for n in SIZES for rate in (0.0, 0.3, 0.5)
    ]
    settings += [
        Run("mnist", "pooling", 0.5, ALL, 128, 20, 0),
        Run("mnist", "both", 0.5, ALL, 128, 20, 0),
    ]
    return [
        replace(run, seed=seed, placement=run.placement if run.dropout_rate else "none")
        for run in settings
        for seed in SEEDS
    ]


def metrics_of(run: Run) -> Metrics:
    """Metrics with the textbook's effects, and a little noise that the seed alone decides."""
    noise = (0.0002, -0.0001, 0.0, 0.0001, -0.0002)[run.seed]
    noise += 1e-5 * ((run.seed * 7 + round(10 * run.dropout_rate)) % 5)
    accuracy = 0.98 - 0.05 * (run.train_samples < ALL) - 0.08 * (run.dataset != "mnist")
    gain = GAIN[run.dropout_rate] * (5 if run.train_samples <= FEW else 1)
    accuracy += gain - PENALTY[run.placement] + noise
    rise = 1.02 if run.dropout_rate else 1.8
    training = 0.99 if run.dropout_rate else 0.9995
    return {
        "accuracy_gap": training - accuracy,
        "best_epoch": 5,
        "best_validation_accuracy": accuracy + 0.001,
        "best_validation_loss": 0.05 - noise,
        "test_accuracy": accuracy,
        "test_loss": 0.06 - noise,
        "training_accuracy": training + noise,
        "training_loss": 0.01,
        "validation_accuracy": accuracy,
        "validation_loss": rise * (0.05 - noise),
        "validation_loss_rise": (rise - 1) * (0.05 - noise),
    }


def curve_of(run: Run, metrics: Mapping[str, float]) -> list[Metrics]:
    """Two epochs, the last as the metrics say."""
    last = {
        "accuracy": metrics["training_accuracy"],
        "loss": metrics["training_loss"],
        "val_accuracy": metrics["validation_accuracy"],
        "val_loss": metrics["validation_loss"],
    }
    first = {name: value * 0.9 for name, value in last.items()}
    return [{"epoch": 1, **first}, {"epoch": 2, **last}]


def entries() -> list[Entry]:
    """What the stage `replicate` would have stored."""
    return [
        Entry(run, metrics, curve_of(run, metrics))
        for run in runs()
        for metrics in [metrics_of(run)]
    ]


def few_entries() -> list[Entry]:
    """Of seven settings: each costs time."""
    return [
        entry
        for entry in entries()
        for run in [entry.run]
        if run.placement != "both" and run.train_samples in (100, ALL)
        if run.dropout_rate in ((0.0, 0.5) if run.dataset == "mnist" else (0.0, 0.3))
    ]


def rows() -> pd.DataFrame:
    """The table of all runs."""
    return pd.DataFrame([{**vars(run), **metrics_of(run)} for run in runs()])


def make_tables(folder: Path) -> Path:
    """A folder with parameters, and what the stage `replicate` would have written of few runs."""
    (folder / "study").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    shutil.copy(ROOT / "study/params.yaml", folder / "study")
    set_study(folder, statistics=QUICK.model_dump())
    with contextlib.chdir(folder):
        write_study(few_entries())
    return folder
