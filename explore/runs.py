"""What the page shows of the study: each setting with Dropout against the same without it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from study.contrasts import BASE
from study.runs import Entry, Setting, select
from study.statistics import half_width

KNOBS = ("dataset", "dense_units", "train_samples", "placement", "dropout_rate")
MEASURES = {
    "val_loss": "val_loss",
    "val_errors": "val_accuracy",
    "loss": "loss",
    "errors": "accuracy",
}


@dataclass(frozen=True)
class Comparison:
    """Runs with Dropout and runs without it, of the same seeds.

    Attributes:
        setting: of the runs with Dropout.
        gain: of metrics/results.json, in accuracy on test images.
        sides: the runs `without` Dropout and `with` it, in the order of their seeds.
    """

    setting: Setting
    gain: Mapping[str, Any]
    sides: Mapping[str, list[Entry]]

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs, sorted."""
        return [entry.run.seed for entry in self.sides["with"]]

    @property
    def same_seeds_only(self) -> bool:
        """Whether a seed also chooses the images: then only runs of one seed see the same."""
        entry = self.sides["with"][0]
        return entry.run.train_samples < entry.available

    @property
    def verdict(self) -> str:
        """What the gain's interval says of the accuracy."""
        return (
            "better" if self.gain["low"] > 0 else "worse" if self.gain["high"] < 0 else "undecided"
        )

    def accuracies(self) -> dict[str, list[float]]:
        """Return the accuracy of each run on the test images in percent.

        Rounded, since equal accuracies can differ in the last bits.
        """
        return {
            side: [round(100 * entry.metrics["test_accuracy"], 4) for entry in entries]
            for side, entries in self.sides.items()
        }

    def curves(self, measure: str) -> dict[str, np.ndarray]:
        """Return the curves of each side: float64 (runs, epochs), losses or percentages."""
        column = MEASURES[measure]
        return {
            side: np.array([
                [row[column] if measure == column else 100 * (1 - row[column]) for row in e.curve]
                for e in entries
            ])
            for side, entries in self.sides.items()
        }  # fmt: skip


def compare(entries: Iterable[Entry], gains: Iterable[Mapping[str, Any]]) -> list[Comparison]:
    """Return a comparison for each setting of the study.

    Where the same was trained for several numbers of epochs, that with the most seeds is taken.

    Args:
        entries: as `study.runs.load_runs` gives them.
        gains: of metrics/results.json.
    """
    entries, found = list(entries), {}
    for gain in sorted(gains, key=lambda gain: -gain["seeds"]):
        setting = replace(BASE, **{name: gain[name] for name in (*KNOBS, "epochs")})
        without, dropout = select(entries, setting.without_dropout()), select(entries, setting)
        # Runs that were added after the results wait for them.
        seeds = sorted(without.keys() & dropout.keys())[: gain["seeds"]]
        sides = {"without": [without[s] for s in seeds], "with": [dropout[s] for s in seeds]}
        if len(seeds) > 1:
            key = tuple(gain[name] for name in KNOBS)
            found.setdefault(key, Comparison(setting, gain, sides))
    return sorted(found.values(), key=_order)


def estimate_band(curves: np.ndarray) -> np.ndarray:
    """Return mean, low and high by epoch, `(3, epochs)`, of `(runs, epochs)`."""
    mean, half = curves.mean(axis=0), half_width(stats.sem(curves), len(curves) - 1)
    return np.array([mean, mean - half, mean + half])


def _order(comparison: Comparison) -> tuple[object, ...]:
    """MNIST first, then the study's own width, then all images."""
    of = comparison.setting
    place = ("dense", "pooling", "both").index(of.placement)
    width = (of.dense_units != BASE.dense_units, of.dense_units)
    return (
        of.dataset != BASE.dataset,
        of.dataset,
        *width,
        -of.train_samples,
        place,
        of.dropout_rate,
    )
