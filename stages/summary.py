"""The last screen of `python -m stages`: what came out, and how much another seed changes it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, stdev

from experiment.data.known import label_of
from experiment.metrics import LAST
from experiment.npz import read_arrays
from experiment.parameters import Parameters
from experiment.support.errors import InputError
from experiment.variants import VARIANTS
from study.runs import Entry, Setting, load_runs, select, setting_of

Metrics = Mapping[str, float]
BySeed = Mapping[int, Entry]

ROWS = ("test accuracy", "test loss", "accuracy gap")
BASELINE = next(iter(VARIANTS))

# Shown where it is there.
READ_MORE = {
    "plots/accuracy.png": "accuracy against the epoch",
    "plots/loss.png": "loss against the epoch",
    "explore/index.html": "a page to explore what many trainings show",
    "docs/results.md": "the answer over many seeds, rates and sizes",
}


def format_summary(params: Parameters) -> str:
    """Return the screen, from the current folder; lines of at most 80 characters."""
    name = label_of(params.data.dataset)
    name = name if len(name) <= 30 else f"...{name[-27:]}"
    epochs = "1 epoch" if params.train.epochs == 1 else f"{params.train.epochs} epochs"
    metrics = {
        variant: json.loads(Path(f"metrics/{variant}.json").read_bytes()) for variant in VARIANTS
    }
    entries, settings = load_entries(), find_settings(params)
    runs = {variant: select(entries, setting) for variant, setting in settings.items()}

    lines = [f"{name}, {epochs}, seed {params.train.seed}; each network trained once"]
    seeds: set[int] = set()
    unknown = []
    for other in VARIANTS:
        if other == BASELINE:
            continue
        noise = compute_noise(runs[BASELINE], runs[other])
        lines += ["", *format_table(other, metrics, noise)]
        if noise:
            seeds |= runs[BASELINE].keys() & runs[other].keys()
        else:
            unknown.append(VARIANTS[other].label)
    lines += ["", "accuracy gap: on training images, with all units, minus on validation images"]
    next_step = "another rate (train.dropout_rate) in params.yaml, then `make repro`"
    if seeds:
        lines += [
            f"another seed: standard deviation of the difference over {len(seeds)} seeds;",
            "  a difference smaller than twice this could change sign with another seed",
            "among other seeds, by validation accuracy, the mean of the last five epochs:",
            *(
                f"  {place_run(params, variant, metrics[variant], runs[variant])}"
                for variant in runs
                if len(runs[variant]) > 1
            ),
        ]
    if unknown:
        lines += [f"another seed: how much it changes {', '.join(unknown)} was not measured"]
        lines += describe_nearest(entries, settings)
        next_step = "`make seeds N=5`, which measures how much another seed changes this"
    used = params.train.instructions
    same = "as the committed results" if used == "avx2" else "other bits than avx2's, as committed"
    lines += [f"instructions: {used}, {same}"]
    read_more = [f"{path:<20}  {what}" for path, what in READ_MORE.items() if Path(path).exists()]
    return "\n".join([*lines, "", *read_more, "", f"Try next: {next_step}"])


def load_entries() -> list[Entry]:
    """Return the stored runs; none where they cannot be read, which must not hide the results."""
    try:
        return load_runs()
    except (InputError, OSError):
        return []


def find_settings(params: Parameters) -> dict[str, Setting]:
    """Return, by variant, what stored runs must have to repeat its training."""
    images = len(read_arrays(Path("data/processed/train.npz"), ("labels",))["labels"])
    return {variant: setting_of(params, variant, images) for variant in VARIANTS}


def measure(row: str, metrics: Metrics) -> float:
    """Return the figure of a row: a loss in nats, an accuracy or a difference of two, 0..1."""
    if row == "accuracy gap":
        return metrics["evaluated_training_accuracy"] - metrics["validation_accuracy"]
    return metrics[row.replace(" ", "_")]


def compute_noise(first: BySeed, second: BySeed) -> dict[str, float]:
    """Return, by row, the deviation of the difference over the seeds of both; none below two."""
    seeds = first.keys() & second.keys()
    if len(seeds) < 2:
        return {}
    return {
        row: stdev(
            measure(row, second[seed].metrics) - measure(row, first[seed].metrics) for seed in seeds
        )
        for row in ROWS
    }


def format_table(
    other: str, metrics: Mapping[str, Metrics], noise: Mapping[str, float]
) -> Iterator[str]:
    """Return a table of the baseline, another variant, their difference, and its noise."""
    names = [VARIANTS[name].label for name in (BASELINE, other)]
    header = [*names, "difference"] + (["another seed"] if noise else [])
    widths = [
        max(16, len(cell) + 2) if cell in names[1:] else max(16, len(cell)) for cell in header
    ]
    yield format_line("", header, widths)
    for row in ROWS:
        first, second = measure(row, metrics[BASELINE]), measure(row, metrics[other])
        cells = [format_figure(row, first), format_figure(row, second)]
        cells.append(format_figure(row, second - first, sign="+"))
        if noise:
            cells.append(f"±{format_figure(row, noise[row], sign='-')}")
        yield format_line(row, cells, widths)


def format_figure(row: str, value: float, sign: str = "") -> str:
    """Format a metric or, with a sign as in a format, a difference in it."""
    if row.endswith("loss"):
        return f"{value:{sign}.4f}"
    return f"{100 * value:{sign}.2f} {'points' if sign else '%'}"


def format_line(label: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    """Format a row of the table."""
    columns = zip(cells, widths, strict=True)
    return f"{label:<13}{''.join(f'{cell:>{width}}' for cell, width in columns)}"


def place_run(params: Parameters, variant: str, metrics: Metrics, runs: BySeed) -> str:
    """Say where a run ended among those of other seeds."""
    own = metrics["last_five_validation_accuracy"]
    others = [
        fmean(entry.curve["val_accuracy"][-LAST:])
        for seed, entry in runs.items()
        if seed != params.train.seed
    ]
    lower, higher = sum(end < own for end in others), sum(end > own for end in others)
    kind = "ordinary" if lower and higher else "unusual"
    return f"{VARIANTS[variant].label}: an {kind} run: {lower} of {len(others)} seeds ended lower"


def describe_nearest(entries: Sequence[Entry], settings: Mapping[str, Setting]) -> list[str]:
    """Describe the noise of the nearest stored runs: those that differ in one parameter alone."""
    found: dict[float, str] = {}
    for setting in settings.values():
        for stored in {entry.setting for entry in entries}:
            ours, theirs = asdict(setting), asdict(stored)
            changed = {name: theirs[name] for name in ours if ours[name] != theirs[name]}
            if len(changed) != 1 or changed.keys() & {"dataset", "placement", "further"}:
                continue
            ((name, value),) = changed.items()
            shared = {} if name == "dropout_rate" else changed
            first = select(entries, replace(settings[BASELINE], **shared))
            noise = compute_noise(first, select(entries, stored))
            if noise and setting != settings[BASELINE]:
                figure = format_figure(ROWS[0], noise[ROWS[0]], sign="-")
                found[find_distance(ours[name], value)] = (
                    f"  with {name} {value} instead of {ours[name]}, {ROWS[0]}: ±{figure}"
                )
    return [found[min(found)]] if found else []


def find_distance(ours: object, theirs: object) -> float:
    """Return how far apart two values of a parameter are: below 1 for numbers, else 1."""
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return abs(ours - theirs) / max(ours, theirs)
    return 1.0
