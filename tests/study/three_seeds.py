"""Made-up studies of three seeds and a few settings, for tests alone."""

from collections.abc import Iterable
from dataclasses import asdict
from itertools import product

import pandas as pd

from experiment.common.parameters import load_parameters
from study.grid import Run
from study.judging import CONTRADICTED, SUPPORTED, UNDECIDED
from study.parameters import load_study_parameters
from study.results import Results
from study.store import Entry
from study.table import Table
from tests.conftest import ROOT

NONE, DENSE, POOLING = ("none", 0.0), ("dense", 0.5), ("pooling", 0.5)

# What Dropout adds, for three seeds, and so the verdict on a claim that it is above 0.
CHANGES = {
    SUPPORTED: (0.001, 0.002, 0.003),
    CONTRADICTED: (-0.001, -0.002, -0.003),
    UNDECIDED: (-0.002, 0.001, 0.002),
}


def runs(
    gains: Iterable[float] = CHANGES[SUPPORTED],
    *,
    rises: Iterable[float] = (0.0, 0.0, 0.0),
    datasets: Iterable[str] = ("mnist",),
    places: Iterable[tuple[str, float]] = (NONE, DENSE),
    samples: int = 48_000,
) -> list[Entry]:
    """Runs of 20 epochs with three seeds: accuracy 0.98 and rise 0.03 without Dropout."""
    entries = []
    for dataset, (place, rate) in product(datasets, places):
        for seed, (gain, rise) in enumerate(zip(gains, rises, strict=True)):
            metrics = {
                "test_accuracy": 0.98 + (gain if rate else 0),
                "validation_loss_rise": 0.03 + (rise if rate else 0),
                "best_epoch": 4,
                "training_accuracy": 0.9999,
                "validation_accuracy": 0.98,
                "best_validation_accuracy": 0.981,
                "validation_loss": 0.08,
                "best_validation_loss": 0.05,
            }
            curve = [
                {"epoch": epoch, "accuracy": 0.9, "loss": 0.1, "val_accuracy": 0.9, "val_loss": 0.1}
                for epoch in (1, 2)
            ]
            entries.append(Entry(Run(dataset, place, rate, samples, 128, 20, seed), metrics, curve))  # type: ignore[arg-type]
    return entries


def results_of(entries: list[Entry]) -> Results:
    """What `read_results` reads; intervals are from the smallest to the largest value."""
    table = Table(pd.DataFrame([{**asdict(entry.run), **entry.metrics} for entry in entries]))

    def summary(values: pd.DataFrame) -> dict[str, dict[str, float]]:
        described = values.agg(["mean", "std", "min", "max"])
        described.index = pd.Index(["mean", "sd", "low", "high"])
        return {
            name: {**figures, "p": 0.25, "p_corrected": 0.5} for name, figures in described.items()
        }

    settings = table.settings()
    compared = [s for s in settings if s.placement != "none" and s.without_dropout() in settings]
    differences = {
        str(setting): summary(table.of(setting) - table.of(setting.without_dropout()))
        for setting in compared
    }
    return Results(
        table,
        {"differences": differences, "settings": {str(s): summary(table.of(s)) for s in settings}},
        [],
        load_parameters(ROOT / "params.yaml"),
        load_study_parameters(ROOT / "study/params.yaml"),
    )
