"""What the page shows of the study: each setting with Dropout against the same without it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from experiment.metrics import LAST
from experiment.parameters import Parameters
from study.contrasts import BASE
from study.runs import VARIED, Entry, Setting, count_ends, select, setting_of
from study.statistics import estimate_curves

# The parameters that a reader chooses, by their names on the page and in its address.
KNOBS = {
    "data": "dataset", "units": "dense_units", "images": "train_samples", "after": "placement",
    "rate": "dropout_rate",
}  # fmt: skip
SIDES = {"without": "no_dropout", "with": "dropout"}  # the pipeline's variants
MEASURES = ("val_loss", "val_accuracy", "loss", "accuracy")  # accuracies are shown as errors, %

Comparison = dict[str, Any]


def compare(
    entries: Sequence[Entry], gains: Iterable[Mapping[str, Any]]
) -> dict[Setting, Comparison]:
    """Return a comparison for each setting with Dropout that has a gain in metrics/results.json.

    Where the same was trained for several numbers of epochs, that with the most seeds is taken.

    Returns:
        Of each, its `KNOBS`, `epochs`, `seeds`, `gain` and the `verdict` on it, and by side what
        `describe` returns. `same`: a seed also chooses the images, so only runs of the same seed
        saw the same.
    """
    chosen, found = dict[tuple[Any, ...], Mapping[str, Any]](), {}
    for gain in gains:
        key = tuple(gain[parameter] for parameter in KNOBS.values())
        chosen[key] = max(chosen.get(key, gain), gain, key=lambda each: each["seeds"])
    for key, gain in chosen.items():
        setting = replace(BASE, **{name: gain[name] for name in VARIED})
        without, dropout = (select(entries, s) for s in (setting.without_dropout(), setting))
        # Runs that were added after the results wait for them.
        seeds = sorted(without.keys() & dropout.keys())[: gain["seeds"]]
        if len(seeds) > 1:
            verdict = "better" if gain["low"] > 0 else "worse" if gain["high"] < 0 else "undecided"
            found[setting] = dict(zip(KNOBS, key, strict=True)) | {
                "epochs": setting.epochs,
                "gain": gain,
                "same": setting.train_samples < dropout[seeds[0]].available,
                "seeds": seeds,
                "verdict": verdict,
                "with": describe([dropout[seed] for seed in seeds]),
                "without": describe([without[seed] for seed in seeds]),
            }
    return found


def describe(runs: Sequence[Entry]) -> dict[str, Any]:
    """Return what the page shows of the runs of a setting.

    Returns:
        The `accuracy` of each in percent, rounded, since equal ones can differ in the last bits;
        by measure, the curves of the `runs`, and as `bands` their mean, low and high.
    """
    curves = {name: read_curves([run.curve for run in runs], name) for name in MEASURES}
    return {
        "accuracy": [round(100 * run.metrics["test_accuracy"], 4) for run in runs],
        "bands": {name: shorten(estimate_curves(values)) for name, values in curves.items()},
        "runs": {name: shorten(values) for name, values in curves.items()},
    }


def add_own_run(
    comparisons: Mapping[Setting, Comparison], entries: Sequence[Entry]
) -> Comparison | None:
    """Add the curves of the last `make repro`, as `own` of each side, where the settings are its.

    Also added: how many of the `others`, which have other seeds, ended `lower`, by validation
    accuracy over the last epochs.

    Returns:
        The comparison; None where no run is finished or none repeats its settings.
    """
    try:
        params = read_locked_parameters()
        curves = [pd.read_csv(f"plots/{name}.csv").to_dict("list") for name in SIDES.values()]
    except (OSError, KeyError, ValueError):
        return None
    available = {entry.setting.dataset: entry.available for entry in entries}
    images = params.preprocess.train_samples or available.get(params.data.dataset, 0)
    setting = setting_of(params, SIDES["with"], images)
    lengths = {len(curve.get("epoch", ())) for curve in curves}
    if setting not in comparisons or lengths != {setting.epochs}:
        return None
    found, settings = comparisons[setting], (setting.without_dropout(), setting)
    for side, repeated, curve in zip(SIDES, settings, curves, strict=True):
        end = fmean(curve["val_accuracy"][-LAST:])
        lower, _, others = count_ends(end, select(entries, repeated), params.train.seed)
        own = {name: shorten(read_curves([curve], name))[0] for name in MEASURES}
        found[side] |= {"lower": lower, "others": others, "own": own}
    return found


def read_locked_parameters() -> Parameters:
    """Return the parameters that the pipeline's results were made with, from dvc.lock."""
    sections: dict[str, dict[str, Any]] = {}
    for stage in YAML(typ="safe").load(Path("dvc.lock"))["stages"].values():
        for name, value in stage.get("params", {}).get("params.yaml", {}).items():
            section, key = name.split(".")
            sections.setdefault(section, {})[key] = value
    return Parameters.model_validate(sections)


def read_curves(runs: Sequence[Mapping[str, Sequence[float]]], measure: str) -> np.ndarray:
    """Return the curves of runs, float64 (runs, epochs): losses, or errors in percent."""
    values = np.array([curve[measure] for curve in runs])
    return 100 * (1 - values) if measure.endswith("accuracy") else values


def shorten(curves: np.ndarray) -> list[list[float]]:
    """Return numbers as precise as a chart can show."""
    return [[float(f"{value:.4g}") for value in curve] for curve in curves]
