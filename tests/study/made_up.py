"""Made-up runs of both protocols' grids, with the effects of a textbook: every claim holds."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from study.contrasts import BASE, EPOCHS, FIRST_SEED, FRESH_SEEDS, LOOKS, UNITS
from study.results import EQUAL_UPDATES
from study.runs import Entry, Run

SEEDS = [*FRESH_SEEDS, *range(FIRST_SEED, FIRST_SEED + max(LOOKS))]
GAINS = {0.1: 0.001, 0.2: 0.004, 0.3: 0.004, 0.4: 0.004, 0.5: 0.004, 0.6: 0.004, 0.7: 0.001,
         0.8: -0.002}  # fmt: skip
PENALTIES = {"none": 0.0, "dense": 0.0, "pooling": 0.003, "both": 0.002}
ENVIRONMENT = {"numerics": "1", "threads": "1", "variable.ONEDNN_MAX_CPU_ISA": "AVX2"}
SETTINGS = {
    "batch_size": 32, "filters": 32, "learning_rate": 0.001, "validation_from": "last",
    "validation_split": 0.2,
}  # fmt: skip

Metrics = dict[str, float]
Change = Callable[[Run, Metrics], None]


def run(rate: float, samples: int = 48_000, **other: object) -> Run:
    """A run of seed 0, after the dense layer if nothing else is said."""
    place = BASE.placement if rate else "none"
    found = Run("mnist", place, rate, samples, 128, EPOCHS[samples], 0)
    return replace(found, **other)  # type: ignore[arg-type]


RUNS = dict.fromkeys([
    *(run(rate, samples) for rate in (0.0, *GAINS) for samples in (48_000, 1_000)),
    *(run(0.5, placement=place) for place in ("pooling", "both")),
    *(run(rate, dataset="fashion_mnist") for rate in (0.0, 0.5)),
    *(run(rate, samples) for rate in (0.0, 0.3, 0.5) for samples in (100, 500)),
    *(run(rate, 5_000, dense_units=units) for rate in (0.0, 0.5) for units in UNITS),
    *(run(rate, n, epochs=epochs) for rate in (0.0, 0.5) for n, epochs in EQUAL_UPDATES.items()),
])  # fmt: skip


def metrics_of(run: Run) -> Metrics:
    """Metrics with the textbook's effects, and a little noise."""
    where = [run.train_samples, run.epochs, run.dense_units, *run.placement.encode()]
    random = np.random.default_rng([run.seed, round(10 * run.dropout_rate), *where])
    noise = 2e-4 * float(random.uniform(-1, 1))
    gain = GAINS.get(run.dropout_rate, 0.0) * (5 if run.train_samples <= 1_000 else 1)
    gain *= 1 + 0.5 * float(np.log2(run.dense_units / 128)) if run.train_samples == 5_000 else 1
    accuracy = 0.98 - 0.05 * (run.train_samples < 48_000) - 0.08 * (run.dataset != "mnist")
    accuracy += gain - PENALTIES[run.placement] + noise
    rise, training = (1.02, 0.99) if run.dropout_rate else (1.8, 0.9995)
    rise, loss = rise + noise, 0.05 - noise
    return {
        "best_epoch_test_accuracy": accuracy - 0.0001,
        "best_validation_accuracy": accuracy + 0.001,
        "best_validation_loss": loss,
        "evaluated_training_accuracy": 0.9995 + noise / 10,
        "evaluated_training_loss": 0.01 if run.dropout_rate else 0.001 + noise,
        "last_five_test_accuracy": accuracy - noise / 2,
        "test_accuracy": accuracy,
        "test_brier": 0.02 - gain + noise,
        "test_calibration_error": 0.01 - gain / 2 + noise,
        "test_loss": 0.06 - noise,
        "training_accuracy": training + noise,
        "validation_accuracy": accuracy + noise / 2,
        "validation_loss": rise * loss,
        "validation_loss_rise": (rise - 1) * loss,
    }


def make_entry(run: Run, change: Change | None = None) -> Entry:
    """A run of seven epochs, the last five alike."""
    metrics = metrics_of(run)
    if change:
        change(run, metrics)
    row = {
        "accuracy": metrics["training_accuracy"],
        "loss": 0.01,
        "val_accuracy": metrics["validation_accuracy"],
        "val_loss": metrics["validation_loss"],
    }
    curve = [
        {"epoch": epoch, **{name: value * (1 if epoch > 2 else 0.9) for name, value in row.items()}}
        for epoch in range(1, 8)
    ]
    wrong = [*range(run.seed, run.seed + round(10_000 * (1 - metrics["test_accuracy"])))]
    metrics["test_accuracy"] = 1 - len(wrong) / 10_000
    return Entry(run, SETTINGS, ENVIRONMENT, "data", 48_000, metrics, curve, wrong)


def make_entries(
    seeds: Iterable[int] = SEEDS, change: Change | None = None, runs: Iterable[Run] = RUNS
) -> list[Entry]:
    """All settings with these seeds; `change` changes the metrics of a run in place."""
    return [make_entry(replace(run, seed=seed), change) for run in runs for seed in seeds]
