"""Made-up runs of the grid of protocol 2, with the effects of a textbook: every claim holds."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from study.runs import Entry, Setting

SEEDS = range(18, 34)
EPOCHS = {48_000: 20, 10_000: 30, 5_000: 40, 1_000: 80, 500: 100, 100: 100}
EQUAL_UPDATES = {100: 625, 500: 156, 1_000: 78, 5_000: 16}
GAINS = {0.1: 0.001, 0.2: 0.004, 0.3: 0.004, 0.4: 0.004, 0.5: 0.004, 0.6: 0.004, 0.7: 0.001,
         0.8: -0.002}  # fmt: skip
PENALTIES = {"none": 0.0, "dense": 0.0, "pooling": 0.003, "both": 0.002}
CONDITIONS = {"numerics": "1", "threads": "1", "variable.ONEDNN_MAX_CPU_ISA": "AVX2"}
# Not of study/contrasts.py, which a repository that is made from this one does not have.
MAIN = Setting(
    dataset="mnist",
    placement="dense",
    dropout_rate=0.5,
    train_samples=48_000,
    dense_units=128,
    epochs=20,
    filters=32,
    batch_size=32,
    learning_rate=0.001,
    validation_from="last",
    validation_split=0.2,
    threads=1,
    instructions="avx2",
    numerics="1",
)


def make_setting(rate: float, samples: int = 48_000, **other: Any) -> Setting:
    """The main setting but for what is said, after the dense layer if nothing else is."""
    changed = {"dropout_rate": rate, "train_samples": samples, "epochs": EPOCHS[samples]}
    setting = replace(MAIN, **changed | other)
    return setting if rate else setting.without_dropout()


SETTINGS = dict.fromkeys([
    *(make_setting(rate, samples) for rate in (0.0, *GAINS) for samples in (48_000, 1_000)),
    *(make_setting(0.5, placement=place) for place in ("pooling", "both")),
    *(make_setting(rate, dataset="fashion_mnist") for rate in (0.0, 0.5)),
    *(make_setting(rate, samples) for rate in (0.0, 0.3, 0.5) for samples in (100, 500)),
    *(make_setting(r, 5_000, dense_units=n) for r in (0.0, 0.5) for n in (32, 128, 512, 1_024)),
    *(make_setting(r, n, epochs=e) for r in (0.0, 0.5) for n, e in EQUAL_UPDATES.items()),
])  # fmt: skip


def make_entry(setting: Setting, seed: int = 0, noise: float = 0.0) -> Entry:
    """A run of seven epochs, the last five alike.

    The accuracies of its seed, epochs and placement, whatever the rate, share a deviation, of which
    `noise` is the standard deviation.
    """
    s, rate = setting, setting.dropout_rate
    place = [*s.placement.encode()]
    where = [s.train_samples, s.epochs, s.dense_units, *place]
    small = 2e-4 * np.random.default_rng([seed, round(10 * rate), *where]).uniform(-1, 1)
    shared = noise * np.random.default_rng([seed, s.epochs, *place]).standard_normal()
    gain = GAINS.get(rate, 0.0) * (5 if s.train_samples <= 1_000 else 1)
    gain *= 1 + 0.5 * float(np.log2(s.dense_units / 128)) if s.train_samples == 5_000 else 1
    accuracy = 0.98 - 0.05 * (s.train_samples < 48_000) - 0.08 * (s.dataset != "mnist")
    accuracy += gain - PENALTIES[s.placement] + small + shared
    wrong = [*range(seed, seed + round(10_000 * (1 - accuracy)))]
    metrics = {
        "best_epoch_test_accuracy": accuracy - 0.0001,
        "last_five_test_accuracy": accuracy - small / 2,
        "test_accuracy": 1 - len(wrong) / 10_000,
        "test_brier": 0.02 - gain + small,
        "test_calibration_error": 0.01 - gain / 2 + small,
        "test_loss": 0.06 - small,
        "validation_loss_rise": (0.02 if rate else 0.8) * (0.05 - small),
    }
    ends = {"accuracy": 0.99 + small, "loss": 0.01 - small / 2, "val_accuracy": accuracy,
            "val_loss": 0.05 - small}  # fmt: skip
    curve = {name: [0.9 * value] * 2 + [value] * 5 for name, value in ends.items()}
    return Entry(setting, seed, CONDITIONS, "data", 48_000, metrics, curve, wrong)


def make_entries(seeds: Iterable[int] = SEEDS, noise: float = 0.0) -> list[Entry]:
    """All settings with these seeds."""
    return [make_entry(setting, seed, noise) for setting in SETTINGS for seed in seeds]


def write_lines(entries: Iterable[Entry]) -> str:
    return "".join(entry.to_line() for entry in entries)
