"""Pictures: learning curves over seeds, error against the rate, gain against the images."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from experiment.data.known import label_of
from experiment.files import write_figure
from experiment.style import AXIS_LABELS, COLOURS, LABELS, plain_style
from study.contrasts import BASE, EPOCHS, LAST, ON_FASHION
from study.runs import Entry, select
from study.statistics import estimate, estimate_curves
from study.table import pair_seeds, select_values

PLOTS = Path("plots")
DOTS_PER_INCH = 200

# Rate 0.5 has its colour in the curves; rate 0.3 is green.
BLUE, ORANGE, GREEN = COLOURS["no_dropout"], COLOURS["dropout"], "#009E73"
VARIANTS = (
    (LABELS["no_dropout"], BLUE, BASE.without_dropout()),
    (f"{LABELS['dropout']} (rate {BASE.dropout_rate:g})", ORANGE, BASE),
)


def write_pictures(entries: Sequence[Entry]) -> None:
    """Write all of them, in Matplotlib's own style whatever the user's is."""
    with plain_style(font_size=13):
        pictures = {metric: draw_curves(entries, metric) for metric in AXIS_LABELS}
        pictures |= {"rates": draw_rates(entries), "sizes": draw_sizes(entries)}
        for name, figure in pictures.items():
            write_figure(PLOTS / f"study_{name}.png", figure, DOTS_PER_INCH)


def draw_curves(entries: Sequence[Entry], metric: str) -> Figure:
    """Draw training on the left, validation on the right, each on its own scale."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = figure.subplots(1, 2)
    columns = {"training": metric, "validation": f"val_{metric}"}
    for axes, (images, column) in zip(panels, columns.items(), strict=True):
        axes.set_title(f"{images} images", loc="left")
        for label, colour, setting in VARIANTS:
            runs = select(entries, setting).values()
            values = np.array([entry.curve[column] for entry in runs])
            epochs, (mean, low, high) = np.arange(1, values.shape[1] + 1), estimate_curves(values)
            axes.plot(epochs, mean, color=colour, lw=2, label=label)
            axes.fill_between(epochs, low, high, color=colour, alpha=0.3, lw=0)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=(1, 2, 5, 10)))
    panels[0].set_ylabel(AXIS_LABELS[metric])
    return _finish(figure, f"{metric.capitalize()} on {label_of(BASE.dataset)}")


def draw_rates(entries: Sequence[Entry]) -> Figure:
    """Draw the error on test images against the rate, a panel per dataset."""
    figure = Figure(figsize=(12, 5.8), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, base in zip(panels, (BASE, ON_FASHION), strict=True):
        errors = {}
        for rate in sorted({entry.setting.dropout_rate for entry in entries}):
            setting = replace(base, dropout_rate=rate) if rate else base.without_dropout()
            values = 100 - select_values(entries, setting, LAST)
            if len(values) > 1:
                errors[rate] = values
                axes.plot([rate] * len(values), values, ".", color=BLUE, alpha=0.35, ms=5)
        _draw_means(axes, errors, color=BLUE, marker="o", label="mean (dots: runs)")
        axes.set_title(label_of(base.dataset), loc="left")
        axes.set_xlabel("Dropout rate, after the dense layer")
    panels[0].set_ylabel("error on test images (%)")
    return _finish(figure, "Error against the Dropout rate")


def draw_sizes(entries: Sequence[Entry]) -> Figure:
    """Draw the gain by Dropout against the number of training images."""
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    # Side by side, where their intervals would cover each other.
    for rate, colour, marker, aside in ((0.3, GREEN, "s", 1 / 1.03), (0.5, ORANGE, "o", 1.03)):
        gains = {}
        for samples, epochs in sorted(EPOCHS.items()):
            size = replace(BASE, train_samples=samples, epochs=epochs, dropout_rate=rate)
            pair = pair_seeds(entries, size, LAST)
            if len(pair) > 1:
                gains[samples * aside] = pair["with"] - pair["without"]
        _draw_means(axes, gains, color=colour, marker=marker, label=f"rate {rate:g}")
    axes.axhline(0, color="black", lw=1)
    axes.xaxis.set_major_locator(FixedLocator(sorted(EPOCHS)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("training images")
    axes.set_ylabel("gain in accuracy on test images\n(percentage points)")
    return _finish(figure, f"What Dropout gains on {label_of(BASE.dataset)}")


def _draw_means(axes: Axes, values: Mapping[float, pd.Series], **style: Any) -> None:
    """Draw the mean of the values at each place with its interval."""
    found = [estimate(each) for each in values.values()]
    ends = [[e.mean - e.low for e in found], [e.high - e.mean for e in found]]
    axes.errorbar([*values], [e.mean for e in found], yerr=ends, lw=2, capsize=4, **style)


def _finish(figure: Figure, title: str) -> Figure:
    """Add the title, a faint grid, and below the panels each label of the first one."""
    figure.suptitle(f"{title}: mean over seeds, 95 % interval", x=0.01, ha="left")
    for axes in figure.axes:
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=2, frameon=False)
    return figure
