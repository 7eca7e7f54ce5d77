"""Plain script against pipeline: whole processes, in turn, with their curves."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.machine import copy_rate, product_rate
from bench.measure import Measurement
from bench.sitting import PYTHON, RAW, REPRO, Sitting
from experiment.common.files import CURVE_COLUMNS
from experiment.presentation.style import LABELS

CURVES = CURVE_COLUMNS[1:]  # but for `epoch`

# Of the first pair. Any will do that is not params.yaml's: those results may be in a cache.
FIRST_SEED = 101

# By variant, by name of the curve, a number for each epoch.
Curves = dict[str, dict[str, list[float]]]


def run_pairs(
    sitting: Sitting, found: list[dict[str, Any]], save: Callable[[dict[str, Any]], None]
) -> None:
    """Runs the pairs that are missing: the plain script, then the pipeline, then again.

    Args:
        sitting: where.
        found: pairs that are done; new ones are added.
        save: called with all of them after each.
    """
    for number in range(len(found) + 1, sitting.pairs + 1):
        print(f"bench: pair {number} of {sitting.pairs}", flush=True)
        rates = {"bytes_per_second": copy_rate(), "flops_per_second": product_rate()}
        plain, plain_curves = run_plain(sitting)
        pipeline, pipeline_curves = run_pipeline(sitting, FIRST_SEED - 1 + number)
        found.append(
            {
                "machine": rates,
                "pipeline": pipeline.record() | {"curves": pipeline_curves},
                "plain": plain.record() | {"curves": plain_curves},
            }
        )
        save({"pairs": found})


def run_plain(sitting: Sitting) -> tuple[Measurement, Curves]:
    """The script of a tutorial, which chooses its seed itself."""
    output = sitting.clone.parent / "plain"
    output.mkdir(exist_ok=True)
    measured = sitting.measure(
        PYTHON, "bench/plain.py", str(RAW), "--epochs", str(sitting.epochs),
        "--output", str(output),
    )  # fmt: skip
    histories = json.loads((output / "history.json").read_text(encoding="utf-8"))
    return measured, {
        variant: {curve: histories[name][curve] for curve in CURVES}
        for variant, name in LABELS.items()
    }


def run_pipeline(sitting: Sitting, seed: int) -> tuple[Measurement, Curves]:
    """The pipeline as `make repro` runs it, with a seed of which nothing is stored."""
    sitting.change({"train": {"seed": seed}})
    measured = sitting.measure(*REPRO)
    return measured, {
        variant: read_curves(sitting.clone / f"plots/{variant}.csv") for variant in LABELS
    }


def read_curves(path: Path) -> dict[str, list[float]]:
    """The columns of a curve file, `epoch` left out."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {curve: [float(row[curve]) for row in rows] for curve in CURVES}
