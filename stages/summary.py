"""The last screen of `python -m stages`: what came out, and how much another seed changes it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import stdev

from experiment.data.known import label_of
from experiment.npz import read_arrays
from experiment.parameters import Parameters
from experiment.support.errors import InputError
from experiment.variants import VARIANTS
from study.runs import Entry, Setting, count_ends, load_runs, select, setting_of

Figures = Mapping[str, float]

BASELINE = next(iter(VARIANTS))

GATE_NEEDS = 5  # seeds, before it takes their spread for noise
# A run is outside of all n others once in (n + 1) / 2 times: of 19, once in ten.
ENOUGH_TO_BE_UNUSUAL = 19

TRAIN = Path("data/processed/train.npz")

# Why two networks can be one.
SAME = "train.dropout_rate is 0"

BITS = {
    "avx2": "avx2, for the same bits on other x86-64 processors",
    "native": "native, other bits than with avx2",
}

# Shown where it is there.
READ_MORE = {
    "plots/accuracy.png": "accuracy against the epoch",
    "plots/loss.png": "loss against the epoch",
    "explore/index.html": "a page to explore what many trainings show",
    "docs/results.md": "the answer over many seeds, rates and sizes",
}


def format_summary(params: Parameters) -> str:
    """Return the screen, from the current folder; lines of at most 80 characters."""
    dataset, epochs = label_of(params.data.dataset), params.train.epochs
    metrics = {name: json.loads(Path(f"metrics/{name}.json").read_bytes()) for name in VARIANTS}
    entries, settings = load_entries(), find_settings(params)
    runs = {variant: select(entries, setting) for variant, setting in settings.items()}
    lines = [
        f"{dataset if len(dataset) <= 30 else f'...{dataset[-27:]}'}, {epochs} epoch"
        f"{'' if epochs == 1 else 's'}, seed {params.train.seed}; each network trained once"
    ]
    others = [name for name in VARIANTS if name != BASELINE]
    noise = {name: compute_noise(runs[BASELINE], runs[name]) for name in others}
    for other in others:
        lines += ["", *format_table(other, metrics, noise[other])]
    lines += ["", "overfitting: accuracy on training images, all units on, minus validation images"]
    lines += [
        f"{VARIANTS[name].label}: the same bits as {VARIANTS[BASELINE].label}; {SAME}"
        for name in others
        if metrics[name] == metrics[BASELINE]
    ]
    next_step = "another rate (train.dropout_rate) in params.yaml, then `make repro`"
    unknown = [name for name in others if not noise[name]]
    counts = [len(runs[name].keys() & runs[BASELINE].keys()) for name in others if noise[name]]
    if counts:
        seeds = " or ".join(map(str, sorted({*counts})))
        lines += [
            f"another seed: standard deviation of the difference over {seeds} seeds;",
            "  a difference smaller than twice this could change sign with another seed",
            "among other seeds, by validation accuracy, the mean of the last five epochs:",
        ]
        lines += [
            f"  {VARIANTS[name].label}: {place_run(metrics[name], found, params.train.seed)}"
            for name, found in runs.items()
            if len(found) > 1
        ]
        if min(counts) < GATE_NEEDS:
            next_step = f"`make seeds N={GATE_NEEDS}`, since the gate asks for so many seeds"
    for name in unknown:
        label = VARIANTS[name].label
        lines.append(f"another seed: how much it changes {label} was not measured")
        lines += describe_nearest(entries, settings[BASELINE], settings[name])
        next_step = "`make seeds N=5`, which measures how much another seed changes this"
    lines += [f"instructions: {BITS[params.train.instructions]}", ""]
    lines += [f"{path:<20}  {what}" for path, what in READ_MORE.items() if Path(path).exists()]
    return "\n".join([*lines, "", f"Try next: {next_step}"])


def load_entries() -> list[Entry]:
    """Return the stored runs; none where they cannot be read, which must not hide the results."""
    try:
        return load_runs()
    except (InputError, OSError):
        return []


def find_settings(params: Parameters) -> dict[str, Setting]:
    """Return, by variant, what stored runs must have to repeat its training."""
    images = len(read_arrays(TRAIN, ("labels",))["labels"])
    return {variant: setting_of(params, variant, images) for variant in VARIANTS}


def measure(metrics: Figures) -> dict[str, float]:
    """Return the figures of the table: a loss in nats, accuracies and their difference, 0..1."""
    return {
        "test accuracy": metrics["test_accuracy"],
        "test loss": metrics["test_loss"],
        "overfitting": metrics["evaluated_training_accuracy"] - metrics["validation_accuracy"],
    }


def compute_noise(first: Mapping[int, Entry], second: Mapping[int, Entry]) -> dict[str, float]:
    """Return the deviation of each difference over the seeds of both; nothing below two seeds."""
    seeds = first.keys() & second.keys()
    pairs = [(measure(first[seed].metrics), measure(second[seed].metrics)) for seed in seeds]
    if len(pairs) < 2:
        return {}
    return {row: stdev(there[row] - here[row] for here, there in pairs) for row in pairs[0][0]}


def format_table(other: str, metrics: Mapping[str, Figures], noise: Figures) -> list[str]:
    """Return a table of the baseline, another variant, their difference, and its noise."""
    table = [["", VARIANTS[BASELINE].label, VARIANTS[other].label, "difference"]]
    first, second = measure(metrics[BASELINE]), measure(metrics[other])
    for row in first:
        cells = [format_figure(row, first[row]), format_figure(row, second[row])]
        table.append([row, *cells, format_figure(row, second[row] - first[row], sign="+")])
    if noise:
        table[0].append("another seed")
        for cells in table[1:]:
            cells.append(f"±{format_figure(cells[0], noise[cells[0]], sign='-')}")
    widths = [max(map(len, column)) + 3 for column in zip(*table, strict=True)]
    return [f"{cells[0]:13}" + "".join(map(str.rjust, cells[1:], widths[1:])) for cells in table]


def place_run(metrics: Figures, runs: Mapping[int, Entry], seed: int) -> str:
    """Say where a run ended among runs with other seeds."""
    lower, higher, others = count_ends(metrics["last_five_validation_accuracy"], runs, seed)
    if lower and higher:
        kind = "an ordinary run"
    elif others >= ENOUGH_TO_BE_UNUSUAL:
        kind = "an unusual run"
    else:
        kind = f"the {'highest' if lower else 'lowest'} run, of few"
    return f"{kind}: {lower} of {others} seeds ended lower"


def format_figure(row: str, value: float, sign: str = "") -> str:
    """Format a metric or, with a sign as in a format, a difference in it."""
    if row.endswith("loss"):
        return f"{value:{sign}.4f}"
    return f"{100 * value:{sign}.2f} {'points' if sign else '%'}"


def describe_nearest(entries: Sequence[Entry], baseline: Setting, other: Setting) -> list[str]:
    """Describe the noise of the nearest stored runs: those that differ in one parameter alone."""
    found: list[tuple[float, str]] = []
    ours = asdict(other)
    for setting in {entry.setting for entry in entries}:
        changed = {name: value for name, value in asdict(setting).items() if value != ours[name]}
        if len(changed) != 1 or changed.keys() & {"dataset", "placement", "further"}:
            continue
        ((name, value),) = changed.items()
        # Without Dropout there is no rate to change.
        without = baseline if name == "dropout_rate" else replace(baseline, **changed)
        noise = compute_noise(select(entries, without), select(entries, setting))
        numbers = isinstance(value, int | float)
        distance = abs(value - ours[name]) / max(value, ours[name]) if numbers else 1.0
        if noise:
            figure = format_figure("test accuracy", noise["test accuracy"], sign="-")
            text = f"  with {name} {value} instead of {ours[name]}, test accuracy: ±{figure}"
            found.append((distance, text))
    return [min(found)[1]] if found else []
