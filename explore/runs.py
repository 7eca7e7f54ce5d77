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
from study.runs import Entry, Setting, count_ends, select, setting_of
from study.statistics import estimate_curves

# The parameters that a reader chooses, by their names on the page and in its address.
KNOBS = {
    "data": "dataset", "units": "dense_units", "images": "train_samples", "after": "placement",
    "rate": "dropout_rate",
}  # fmt: skip
SIDES = {"without": "no_dropout", "with": "dropout"}  # the pipeline's variants
MEASURES = ("val_loss", "val_accuracy", "loss", "accuracy")  # accuracies are shown as errors, %

Comparison = dict[str, Any]


def compare(entries: Iterable[Entry], gains: Iterable[Mapping[str, Any]]) -> list[Comparison]:
    """Return a comparison for each setting of the study.

    Where the same was trained for several numbers of epochs, that with the most seeds is taken.

    Args:
        entries: as `study.runs.load_runs` gives them.
        gains: of metrics/results.json, in accuracy on test images, points.

    Returns:
        Of each, its `KNOBS`, `epochs`, `seeds`, `gain` and the `verdict` on it, and by side what
        `describe` returns. `same`: a seed also chooses the images, so only runs of the same seed
        saw the same.
    """
    entries, chosen = list(entries), dict[tuple[Any, ...], Mapping[str, Any]]()
    for gain in gains:
        key = tuple(gain[parameter] for parameter in KNOBS.values())
        if key not in chosen or gain["seeds"] > chosen[key]["seeds"]:
            chosen[key] = gain
    found = []
    for key, gain in chosen.items():
        knobs = dict(zip(KNOBS, key, strict=True))
        without, dropout = (select(entries, s) for s in settings_of(knobs, gain["epochs"]))
        # Runs that were added after the results wait for them.
        seeds = sorted(without.keys() & dropout.keys())[: gain["seeds"]]
        if len(seeds) > 1:
            verdict = "better" if gain["low"] > 0 else "worse" if gain["high"] < 0 else "undecided"
            found.append(
                knobs
                | {
                    "epochs": gain["epochs"],
                    "gain": gain,
                    "same": gain["train_samples"] < dropout[seeds[0]].available,
                    "seeds": seeds,
                    "verdict": verdict,
                    "with": describe([dropout[seed] for seed in seeds]),
                    "without": describe([without[seed] for seed in seeds]),
                }
            )
    return found


def settings_of(knobs: Mapping[str, Any], epochs: int) -> list[Setting]:
    """Return the settings that are compared: without Dropout and with it."""
    chosen = {parameter: knobs[name] for name, parameter in KNOBS.items()}
    setting = replace(BASE, epochs=epochs, **chosen)
    return [setting.without_dropout(), setting]


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


def add_own_run(comparisons: Iterable[Comparison], entries: Sequence[Entry]) -> Comparison | None:
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
    images, seed = params.preprocess.train_samples, params.train.seed
    images = images or available.get(params.data.dataset, 0)
    settings = [setting_of(params, variant, images) for variant in SIDES.values()]
    for found in comparisons:
        lengths = {len(curve.get("epoch", ())) for curve in curves}
        if settings_of(found, found["epochs"]) == settings and lengths == {found["epochs"]}:
            for side, setting, curve in zip(SIDES, settings, curves, strict=True):
                end = fmean(curve["val_accuracy"][-LAST:])
                lower, _, others = count_ends(end, select(entries, setting), seed)
                found[side] |= {
                    "lower": lower,
                    "others": others,
                    "own": {name: shorten(read_curves([curve], name))[0] for name in MEASURES},
                }
            return found
    return None


def read_locked_parameters() -> Parameters:
    """Return the parameters that the pipeline's results were made with, from dvc.lock."""
    sections: dict[str, dict[str, Any]] = {}
    stages = YAML(typ="safe").load(Path("dvc.lock").read_text(encoding="utf-8"))["stages"]
    for stage in stages.values():
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
