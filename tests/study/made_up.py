"""Made-up runs of the grid of protocol 2, with the effects of a textbook: every claim holds."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from study.contrasts import BASE, EPOCHS, FIRST_SEED, LOOKS
from study.results import EQUAL_UPDATES
from study.runs import Entry, Setting

SEEDS = range(FIRST_SEED, FIRST_SEED + max(LOOKS))
GAINS = {0.1: 0.001, 0.2: 0.004, 0.3: 0.004, 0.4: 0.004, 0.5: 0.004, 0.6: 0.004, 0.7: 0.001,
         0.8: -0.002}  # fmt: skip
PENALTIES = {"none": 0.0, "dense": 0.0, "pooling": 0.003, "both": 0.002}
CONDITIONS = {"numerics": "1", "threads": "1", "variable.ONEDNN_MAX_CPU_ISA": "AVX2"}

Metrics = dict[str, float]
Change = Callable[[Setting, int, Metrics], None]


def make_setting(rate: float, samples: int = 48_000, **other: Any) -> Setting:
    """The main setting but for what is said, after the dense layer if nothing else is."""
    base = BASE if rate else BASE.without_dropout()
    changed = {"dropout_rate": rate, "train_samples": samples, "epochs": EPOCHS[samples]}
    return replace(base, **changed | other)


SETTINGS = dict.fromkeys([
    *(make_setting(rate, samples) for rate in (0.0, *GAINS) for samples in (48_000, 1_000)),
    *(make_setting(0.5, placement=place) for place in ("pooling", "both")),
    *(make_setting(rate, dataset="fashion_mnist") for rate in (0.0, 0.5)),
    *(make_setting(rate, samples) for rate in (0.0, 0.3, 0.5) for samples in (100, 500)),
    *(make_setting(r, 5_000, dense_units=n) for r in (0.0, 0.5) for n in (32, 128, 512, 1_024)),
    *(make_setting(r, n, epochs=e) for r in (0.0, 0.5) for n, e in EQUAL_UPDATES.items()),
])  # fmt: skip


def make_entry(setting: Setting, seed: int = 0, change: Change | None = None) -> Entry:
    """A run of seven epochs, the last five alike; `change` changes its metrics in place."""
    s, rate = setting, setting.dropout_rate
    where = [s.train_samples, s.epochs, s.dense_units, *s.placement.encode()]
    noise = 2e-4 * np.random.default_rng([seed, round(10 * rate), *where]).uniform(-1, 1)
    gain = GAINS.get(rate, 0.0) * (5 if s.train_samples <= 1_000 else 1)
    gain *= 1 + 0.5 * float(np.log2(s.dense_units / 128)) if s.train_samples == 5_000 else 1
    accuracy = 0.98 - 0.05 * (s.train_samples < 48_000) - 0.08 * (s.dataset != "mnist")
    accuracy += gain - PENALTIES[s.placement] + noise
    metrics = {
        "best_epoch_test_accuracy": accuracy - 0.0001,
        "last_five_test_accuracy": accuracy - noise / 2,
        "test_accuracy": accuracy,
        "test_brier": 0.02 - gain + noise,
        "test_calibration_error": 0.01 - gain / 2 + noise,
        "test_loss": 0.06 - noise,
        "validation_loss_rise": (0.02 if rate else 0.8) * (0.05 - noise),
    }
    if change:
        change(setting, seed, metrics)
    row = {"accuracy": 0.99 + noise, "loss": 0.01 - noise / 2, "val_accuracy": accuracy + noise / 2,
           "val_loss": 0.05 - noise}  # fmt: skip
    curve = {name: [0.9 * value] * 2 + [value] * 5 for name, value in row.items()}
    wrong = [*range(seed, seed + round(10_000 * (1 - metrics["test_accuracy"])))]
    metrics["test_accuracy"] = 1 - len(wrong) / 10_000
    return Entry(setting, seed, CONDITIONS, "data", 48_000, metrics, curve, wrong)


def make_entries(
    seeds: Iterable[int] = SEEDS,
    change: Change | None = None,
    settings: Iterable[Setting] = SETTINGS,
) -> list[Entry]:
    """All settings with these seeds."""
    return [make_entry(setting, seed, change) for setting in settings for seed in seeds]
