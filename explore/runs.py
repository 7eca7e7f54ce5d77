"""What the page shows of the study: each setting with Dropout against the same without it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from study.contrasts import BASE
from study.runs import Entry, Setting, select
from study.statistics import half_width

KNOBS = ("dataset", "dense_units", "train_samples", "placement", "dropout_rate")
PLACES = ("dense", "pooling", "both")
# By measure, the column of the curves; errors are in percent.
MEASURES = {
    "val_loss": "val_loss", "val_errors": "val_accuracy", "loss": "loss", "errors": "accuracy",
}  # fmt: skip

Comparison = dict[str, Any]


def compare(entries: Iterable[Entry], gains: Iterable[Mapping[str, Any]]) -> list[Comparison]:
    """Return a comparison for each setting of the study, see `describe`.

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
        key = tuple(gain[name] for name in KNOBS)
        if len(seeds) > 1 and key not in found:
            sides = {"without": [without[s] for s in seeds], "with": [dropout[s] for s in seeds]}
            found[key] = describe(setting, gain, sides)
    return sorted(found.values(), key=_order)


def describe(
    setting: Setting, gain: Mapping[str, Any], sides: Mapping[str, list[Entry]]
) -> Comparison:
    """Return all that the page knows of a setting, whatever the language.

    Args:
        setting: of the runs with Dropout.
        gain: of metrics/results.json, in accuracy on test images, points.
        sides: the runs `without` Dropout and `with` it, of the same seeds in the same order.

    Returns:
        The `KNOBS`, `epochs`, `seeds`, `gain` and its `verdict`. By side, the `accuracy` of each
        run in percent, rounded, since equal ones can differ in the last bits. By measure and side,
        the curves of the `runs`, and as `bands` their mean, low and high. `same`: a seed also
        chooses the images, so only runs of the same seed saw the same.
    """
    curves = {
        measure: {side: read_curves(runs, measure) for side, runs in sides.items()}
        for measure in MEASURES
    }
    return {
        **{name: getattr(setting, name) for name in KNOBS},
        "accuracy": {
            side: [round(100 * run.metrics["test_accuracy"], 4) for run in runs]
            for side, runs in sides.items()
        },
        "bands": {
            measure: {side: shorten(estimate_band(runs)) for side, runs in each.items()}
            for measure, each in curves.items()
        },
        "epochs": setting.epochs,
        "gain": gain,
        "runs": {
            m: {side: shorten(runs) for side, runs in each.items()} for m, each in curves.items()
        },
        "same": setting.train_samples < sides["with"][0].available,
        "seeds": [run.seed for run in sides["with"]],
        "verdict": "better" if gain["low"] > 0 else "worse" if gain["high"] < 0 else "undecided",
    }


def read_curves(runs: Iterable[Entry], measure: str) -> np.ndarray:
    """Return the curves of runs, float64 (runs, epochs): losses, or errors in percent."""
    values = np.array([run.curve[MEASURES[measure]] for run in runs])
    return 100 * (1 - values) if measure.endswith("errors") else values


def estimate_band(curves: np.ndarray) -> np.ndarray:
    """Return mean, low and high by epoch, `(3, epochs)`, of `(runs, epochs)`."""
    mean, half = curves.mean(axis=0), half_width(stats.sem(curves), len(curves) - 1)
    return np.array([mean, mean - half, mean + half])


def shorten(curves: np.ndarray) -> list[list[float]]:
    """Return numbers as precise as a chart can show."""
    return [[float(f"{value:.4g}") for value in curve] for curve in curves]


def _order(comparison: Comparison) -> tuple[object, ...]:
    """MNIST first, then the study's own width, then all images."""
    dataset, units, images, placement, rate = (comparison[name] for name in KNOBS)
    width = (units != BASE.dense_units, units)
    return (dataset != BASE.dataset, dataset, *width, -images, PLACES.index(placement), rate)
