"""The last screen of `python -m stages`: what came out, and what another seed makes of it."""

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from experiment.common.npz import read_arrays
from experiment.common.parameters import Parameters
from experiment.common.variants import VARIANTS
from experiment.data.known import label_of

RUNS = Path("study/runs")

Metrics = dict[str, float]


class Row(NamedTuple):
    """A line of the table: a metric, and how it and a difference in it are written."""

    label: str
    key: str
    value: str
    difference: str
    scale: float = 1


ROWS = (
    Row("test accuracy", "test_accuracy", ".2f} %", ".2f} points", 100),
    Row("test loss", "test_loss", ".4f}", ".4f}"),
    Row("accuracy gap", "accuracy_gap", ".2f} %", ".2f} points", 100),
)
GAP = "accuracy gap: on training images minus on validation images"

# Shown where it is there.
READ_MORE = {
    "plots/accuracy.png": "accuracy against the epoch",
    "plots/loss.png": "loss against the epoch",
    "explore/index.html": "a page to explore what many trainings show",
    "docs/results.md": "the answer over many seeds, rates and sizes",
}


def summary(params: Parameters) -> str:
    """The screen, from the files of the current folder; lines of at most 80 characters."""
    name = label_of(params.data.dataset)
    name = name if len(name) <= 30 else f"...{name[-27:]}"
    trained = f"{params.train.epochs} epochs, seed {params.train.seed}"
    lines = [f"{name}, {trained}; each network trained once"]
    baseline, *others = VARIANTS
    over_seeds = [differences_over_seeds(params, baseline, other) for other in others]
    for other, differences in zip(others, over_seeds, strict=True):
        lines += ["", *_table(baseline, other, differences)]
    seeds = min(map(len, over_seeds))
    another = "rate (train.dropout_rate)" if seeds > 1 else "seed (train.seed)"
    lines += ["", GAP, *_other_seeds(seeds), ""]
    lines += [f"{path:<20}  {what}" for path, what in READ_MORE.items() if Path(path).exists()]
    return "\n".join([*lines, "", f"Try next: another {another} in params.yaml, then `make repro`"])


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
            {row.key: second[seed][row.key] - first[seed][row.key] for row in ROWS}
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
    names = [VARIANTS[name].label for name in (baseline, other)]
    yield _line("", *names, "difference", "another seed" if len(differences) > 1 else "")
    for row in ROWS:
        numbers = [row.scale * metrics[row.key] for metrics in (first, second)]
        cells = [f"{{:{row.value}".format(number) for number in numbers]
        cells.append(f"{{:+{row.difference}".format(numbers[1] - numbers[0]))
        if len(differences) > 1:
            deviation = statistics.stdev(each[row.key] for each in differences)
            cells.append(f"±{{:{row.difference}".format(row.scale * deviation))
        yield _line(row.label, *cells)


def _line(label: str, *cells: str) -> str:
    return f"{label:<13}{''.join(f'{cell:>16}' for cell in cells)}".rstrip()


def _other_seeds(seeds: int) -> list[str]:
    """What the last column is, or why there is none."""
    if seeds < 2:
        return ["another seed: how much it changes these differences has not been measured"]
    return [
        f"another seed: standard deviation of the difference over {seeds} seeds of the study;",
        "  a difference of less than twice that may have the other sign with another seed",
    ]
