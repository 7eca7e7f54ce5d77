"""`bench/results.png`: the time of each pair, and how the curves differ."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.comparison import Row, compare_curves
from bench.intervals import median_of
from experiment.presentation.style import COLOURS, LABELS

SIDES = {"plain": ("plain script", "#999999"), "pipeline": ("pipeline", "#009E73")}
SIZE = (13, 4.2)


def draw(pairs: Sequence[dict[str, Any]]) -> Figure:
    """Three panels: times, difference of validation accuracy, difference of validation loss."""
    figure = Figure(figsize=SIZE, layout="constrained")
    times, accuracy, loss = figure.subplots(1, 3)
    draw_times(times, pairs)
    rows = compare_curves(pairs)
    for axes, curve in ((accuracy, "val_accuracy"), (loss, "val_loss")):
        draw_difference(axes, [row for row in rows if row.curve == curve])
        axes.set_title(f"{curve.replace('val_', 'Validation ')}: pipeline minus plain")
    for axes in (times, accuracy, loss):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def draw_times(axes: Axes, pairs: Sequence[dict[str, Any]]) -> None:
    """Two bars for each pair, with their ratio above."""
    width = 0.4
    for place, (side, (label, colour)) in zip((-0.5, 0.5), SIDES.items(), strict=True):
        numbers = [number + place * width for number in range(1, len(pairs) + 1)]
        seconds = [pair[side]["seconds"] for pair in pairs]
        axes.bar(numbers, seconds, width, color=colour, label=label)
    ratios = [pair["plain"]["seconds"] / pair["pipeline"]["seconds"] for pair in pairs]
    for number, (ratio, pair) in enumerate(zip(ratios, pairs, strict=True), start=1):
        top = max(pair[side]["seconds"] for side in SIDES)
        axes.annotate(
            f"{ratio:.2f}", (number, top), (0, 2), textcoords="offset points", ha="center"
        )
    ratio = median_of(ratios)
    axes.set_title(f"Ratio {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})")
    axes.set_xlabel("pair")
    axes.set_ylabel("seconds, whole processes")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.25)  # room for the legend
    axes.legend(loc="upper center", ncols=2, frameon=False)


def draw_difference(axes: Axes, rows: Sequence[Row]) -> None:
    """Against the epoch, each variant's difference with its 95 % interval."""
    axes.axhline(0, color="black", lw=1)
    for variant, colour in COLOURS.items():
        of_variant = [row for row in rows if row.variant == variant]
        epochs = [row.epoch for row in of_variant]
        values = [row.difference.value for row in of_variant]
        low, high = ([getattr(row.difference, e) for row in of_variant] for e in ("low", "high"))
        axes.fill_between(epochs, low, high, color=colour, alpha=0.2, lw=0)
        axes.plot(epochs, values, color=colour, marker=".", label=LABELS[variant])
    axes.set_xlabel("epoch (band: 95 % interval)")
    axes.legend(frameon=False)
