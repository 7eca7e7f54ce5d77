"""Made-up runs of the protocol's grid, with the effects of a textbook: every claim holds."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from study.contrasts import FRESH_SEEDS, UNITS
from study.grid import Run, placed
from study.store import Entry

ALL, FEW = 48_000, 1_000
RATES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
GAIN = dict(zip(RATES, (0, 0.001, 0.002, 0.004, 0.0045, 0.004, 0.002, 0.001, -0.002), strict=True))
PENALTY = {"none": 0.0, "dense": 0.0, "pooling": 0.003, "both": 0.002}

SETTINGS = [
    *(Run("mnist", placed("dense", rate), rate, ALL, 128, 20, 0) for rate in RATES),
    *(Run("mnist", place, 0.5, ALL, 128, 20, 0) for place in ("pooling", "both")),
    *(Run("fashion_mnist", placed("dense", r), r, ALL, 128, 20, 0) for r in (0.0, 0.5)),
    *(Run("mnist", placed("dense", r), r, n, 128, 50, 0) for n in (100, 500, FEW)
      for r in (0.0, 0.5)),
    *(Run("mnist", placed("dense", r), r, 5_000, units, 40, 0) for units in UNITS
      for r in (0.0, 0.5)),
]  # fmt: skip

Metrics = dict[str, float]


def metrics_of(run: Run) -> Metrics:
    """Metrics with the textbook's effects, and a little noise."""
    random = np.random.default_rng([run.seed, round(10 * run.dropout_rate), run.train_samples])
    noise = 2e-4 * float(random.uniform(-1, 1))
    gain = GAIN[run.dropout_rate] * (5 if run.train_samples <= FEW else 1)
    gain *= 1 + 0.5 * float(np.log2(run.dense_units / 128)) if run.train_samples == 5_000 else 1
    accuracy = 0.98 - 0.05 * (run.train_samples < ALL) - 0.08 * (run.dataset != "mnist")
    accuracy += gain - PENALTY[run.placement] + noise
    rise, training = (1.02, 0.99) if run.dropout_rate else (1.8, 0.9995)
    loss = 0.05 - noise
    return {
        "accuracy_gap": training - accuracy,
        "best_epoch": 5,
        "best_validation_accuracy": accuracy + 0.001,
        "best_validation_loss": loss,
        "evaluated_training_accuracy": 0.9995 + noise / 10,
        "evaluated_training_loss": 0.01 if run.dropout_rate else 0.001 + noise,
        "test_accuracy": accuracy,
        "test_loss": 0.06 - noise,
        "training_accuracy": training + noise,
        "training_loss": 0.01,
        "validation_accuracy": accuracy + noise / 2,
        "validation_loss": rise * loss,
        "validation_loss_rise": (rise - 1) * loss,
    }


def entry(run: Run, change: Callable[[Run, Metrics], None] = lambda run, metrics: None) -> Entry:
    """A run of seven epochs, the last five alike."""
    metrics = metrics_of(run)
    change(run, metrics)
    row = {
        "accuracy": metrics["training_accuracy"],
        "loss": metrics["training_loss"],
        "val_accuracy": metrics["validation_accuracy"],
        "val_loss": metrics["validation_loss"],
    }
    curve = [
        {"epoch": epoch, **{name: value * (1 if epoch > 2 else 0.9) for name, value in row.items()}}
        for epoch in range(1, 8)
    ]
    if run.seed not in FRESH_SEEDS:  # as those of old
        return Entry(run, metrics, curve)
    kept = {"best_epoch_test_accuracy": metrics["test_accuracy"], "best_epoch_test_loss": 0.05}
    wrong = round(10_000 * (1 - metrics["test_accuracy"]))
    return Entry(run, kept | metrics, curve, [*range(wrong)])


def entries(
    seeds: Iterable[int] = FRESH_SEEDS,
    change: Callable[[Run, Metrics], None] = lambda run, metrics: None,
    settings: Iterable[Run] = SETTINGS,
) -> list[Entry]:
    """All settings with these seeds; `change` changes the metrics of a run in place."""
    return [entry(replace(run, seed=seed), change) for run in settings for seed in seeds]
