"""The last screen of `python -m stages`: what came out, and what another seed makes of it."""

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiment.data.known import label_of
from experiment.npz import read_arrays
from experiment.parameters import Parameters
from experiment.variants import VARIANTS

RUNS = Path("study/runs")

Metrics = dict[str, float]


# By metric, as a reader meets it: losses as they are, shares in percent.
ROWS = {"test_accuracy": "test accuracy", "test_loss": "test loss", "accuracy_gap": "accuracy gap"}
GAP = "accuracy gap: on training images minus on validation images"

# Shown where it is there.
READ_MORE = {
    "plots/accuracy.png": "accuracy against the epoch",
    "plots/loss.png": "loss against the epoch",
    "explore/index.html": "a page to explore what many trainings show",
    "docs/results.md": "the answer over many seeds, rates and sizes",
}


def summary(params: Parameters) -> str:
    """The screen, from the current folder; lines of at most 80 characters with short labels."""
    name = label_of(params.data.dataset)
    name = name if len(name) <= 30 else f"...{name[-27:]}"
    epochs = params.train.epochs
    trained = f"{epochs} epoch{'s' * (epochs > 1)}, seed {params.train.seed}"
    lines = [f"{name}, {trained}; each network trained once"]
    baseline, *others = VARIANTS
    over_seeds = [differences_over_seeds(params, baseline, other) for other in others]
    for other, differences in zip(others, over_seeds, strict=True):
        lines += ["", *_table(baseline, other, differences)]
    seeds = min(map(len, over_seeds))
    lines += ["", GAP]
    if seeds < 2:
        another = "seed (train.seed)"
        lines += ["another seed: how much it changes these differences has not been measured"]
    else:
        another = "rate (train.dropout_rate)"
        lines += [
            f"another seed: standard deviation of the difference over {seeds} seeds of the study;",
            "  a difference of less than twice that may have the other sign with another seed",
        ]
    read_more = [f"{path:<20}  {what}" for path, what in READ_MORE.items() if Path(path).exists()]
    next_step = f"Try next: another {another} in params.yaml, then `make repro`"
    return "\n".join([*lines, "", *read_more, "", next_step])


def differences_over_seeds(params: Parameters, baseline: str, other: str) -> list[Metrics]:
    """How two networks differ in each metric, for each seed that the study trained both with.

    Empty where the study has no runs with these parameters and this number of images.
    """
    try:
        images = len(read_arrays(Path("data/processed/train.npz"), ("labels",))["labels"])
        stored = [json.loads(path.read_bytes()) for path in RUNS.glob("*.json")]
        first, second = (
            {
                run["run"]["seed"]: run["metrics"]
                for run in stored
                if _differs_in_the_seed_alone(run, params, variant, images)
            }
            for variant in (baseline, other)
        )
        return [
            {key: second[seed][key] - first[seed][key] for key in ROWS}
            for seed in sorted(first.keys() & second.keys())
        ]
    except Exception:  # a broken study must not hide the results of the pipeline
        return []


def _differs_in_the_seed_alone(
    stored: dict[str, Any], params: Parameters, variant: str, images: int
) -> bool:
    """Whether a run of the study is, but for its seed, a training of the pipeline."""
    run = {
        "dataset": params.data.dataset,
        "dense_units": params.model.dense_units,
        "dropout_rate": VARIANTS[variant].rate(params.train),
        "epochs": params.train.epochs,
        "placement": VARIANTS[variant].placement,
        "seed": stored["run"]["seed"],
        "train_samples": images,
    }
    ours = params.preprocess.model_dump() | params.model.model_dump() | params.train.model_dump()
    return bool(stored["run"] == run and stored["settings"].items() <= ours.items())


def _table(baseline: str, other: str, differences: list[Metrics]) -> Iterator[str]:
    first, second = (
        json.loads(Path(f"metrics/{name}.json").read_bytes()) for name in (baseline, other)
    )
    known = len(differences) > 1
    names = [VARIANTS[name].label for name in (baseline, other)]
    header = [*names, "difference", *["another seed"] * known]
    widths = [max(16, 2 * bool(place) + len(cell)) for place, cell in enumerate(header)]
    yield _line("", header, widths)
    for key, label in ROWS.items():
        difference = _figure(key, second[key] - first[key], "+")
        cells = [_figure(key, first[key]), _figure(key, second[key]), difference]
        if known:
            deviation = statistics.stdev(each[key] for each in differences)
            cells.append(f"±{_figure(key, deviation, '-')}")
        yield _line(label, cells, widths)


def _figure(key: str, value: float, sign: str = "") -> str:
    """A metric, or, with a sign as in a format, a difference in it."""
    if key.endswith("loss"):
        return f"{value:{sign}.4f}"
    return f"{100 * value:{sign}.2f} {'points' if sign else '%'}"


def _line(label: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    columns = zip(cells, widths, strict=True)
    return f"{label:<13}{''.join(f'{cell:>{width}}' for cell, width in columns)}"
