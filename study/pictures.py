"""Pictures: learning curves over seeds, error against the rate, gain against the images."""

from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from experiment.data.known import label_of
from experiment.files import write_figure
from experiment.style import AXIS_LABELS, COLOURS, LABELS, plain_style
from study.contrasts import BASE, EPOCHS, LAST
from study.statistics import Estimate, estimate
from study.table import Table

PLOTS = Path("plots")
DOTS_PER_INCH = 200

BLUE, ORANGE, GREEN, GREY = COLOURS["no_dropout"], COLOURS["dropout"], "#009E73", "#6B6B6B"
VARIANTS = (
    (LABELS["no_dropout"], BLUE, BASE.without_dropout()),
    (f"{LABELS['dropout']} (rate {BASE.dropout_rate:g})", ORANGE, BASE),
)
# Of the rates 0.3 and 0.5; the latter has its colour in the curves.
STYLES = ((GREEN, "s"), (ORANGE, "o"))

# Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout, JMLR 15 (2014), on MNIST:
# https://jmlr.org/papers/v15/srivastava14a.html
SOURCE = "Srivastava et al. 2014, dense networks"
# Test error in percent, ReLU and logistic units, 3 layers of 1,024 with Dropout.
TEST_ERRORS = {"standard": 1.60, "Dropout, logistic": 1.35, "Dropout, ReLU": 1.25}
FLAT_RATES = (0.2, 0.6)  # between which the test error is flat
# Numbers of training images with no gain, and with a gain that grows and then gets smaller.
NO_GAIN_SIZES, GAIN_SIZES = (100, 500), (1_000, 50_000)


def write_pictures(table: Table, curves: pd.DataFrame) -> None:
    """Write all of them, in Matplotlib's own style whatever the user's is.

    Args:
        table: the finished runs.
        curves: as `study.table.average_curves` makes them.
    """
    with plain_style(font_size=13):
        pictures = {metric: draw_curves(curves, metric) for metric in AXIS_LABELS}
        pictures |= {"rates": draw_rates(table), "sizes": draw_sizes(table)}
        for name, figure in pictures.items():
            write_figure(PLOTS / f"study_{name}.png", figure, DOTS_PER_INCH)


def draw_curves(curves: pd.DataFrame, metric: str) -> Figure:
    """Draw training on the left, validation on the right, each on its own scale."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, column in zip(panels, (metric, f"val_{metric}"), strict=True):
        for label, colour, setting in VARIANTS:
            rows = curves.loc[[astuple(setting)]]
            axes.plot(rows["epoch"], rows[column], color=colour, lw=2, label=label)
            low, high = rows[f"{column}_low"], rows[f"{column}_high"]
            axes.fill_between(rows["epoch"], low, high, color=colour, alpha=0.3, lw=0)
        _finish(axes)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=(1, 2, 5, 10)))
    panels[0].set_title("training images", loc="left")
    panels[1].set_title("validation images", loc="left")
    panels[0].set_ylabel(AXIS_LABELS[metric])
    title = f"{metric.capitalize()} on {label_of(BASE.dataset)}: mean over seeds, 95 % interval"
    figure.suptitle(title, x=0.01, ha="left")
    _legend(figure, panels[0])
    return figure


def draw_rates(table: Table) -> Figure:
    """Draw the error on test images against the rate, a panel per dataset."""
    datasets = sorted(table.rows["dataset"].unique(), key=lambda name: (name != "mnist", name))
    figure = Figure(figsize=(5.5 * len(datasets) + 1, 5.8), layout="constrained")
    panels = figure.subplots(1, len(datasets), squeeze=False)[0]
    for axes, dataset in zip(panels, datasets, strict=True):
        _draw_errors(axes, table, dataset)
        if dataset == "mnist":
            _draw_known_errors(axes)
        _finish(axes)
        axes.set_title(label_of(dataset), loc="left")
        axes.set_xlabel("Dropout rate, after the dense layer")
    panels[0].set_ylabel("error on test images (%)")
    title = "Error against the Dropout rate: mean over seeds, 95 % interval"
    figure.suptitle(title, x=0.01, ha="left")
    _legend(figure, panels[0])
    return figure


def _draw_errors(axes: Axes, table: Table, dataset: str) -> None:
    errors: dict[float, pd.Series] = {}
    for setting in table.settings():
        place = setting.placement if setting.dropout_rate else BASE.placement
        like_base = replace(BASE, dataset=dataset, dropout_rate=setting.dropout_rate)
        if replace(setting, placement=place) == like_base:
            errors[setting.dropout_rate] = 100 * (1 - table.of(setting)[LAST])
    for rate in sorted(errors):
        axes.plot([rate] * len(errors[rate]), errors[rate], ".", color=BLUE, alpha=0.35, ms=5)
    bars = _bars([estimate(errors[rate]) for rate in sorted(errors)])
    axes.errorbar(sorted(errors), **bars, color=BLUE, marker="o", label="mean (dots: runs)")


def _draw_known_errors(axes: Axes) -> None:
    label = f"flat range of rates ({SOURCE})"
    axes.axvspan(*FLAT_RATES, color=GREY, alpha=0.15, lw=0, label=label)
    for name, error in TEST_ERRORS.items():
        label = f"test error ({SOURCE})"
        axes.axhline(error, color=GREY, lw=1, ls=(0, (4, 2)), label=label)
        # Beside the panel, where no curve is.
        axes.annotate(
            f"{name}\n{error:.2f} %", (1, error), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", fontsize=9, color=GREY,
        )  # fmt: skip


def draw_sizes(table: Table) -> Figure:
    """Draw the gain by Dropout against the number of training images."""
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    sizes = sorted(EPOCHS)
    for place, (rate, (colour, marker)) in enumerate(zip((0.3, 0.5), STYLES, strict=True)):
        gains = {n: _gain(table, n, rate) for n in sizes}
        gains = {n: gain for n, gain in gains.items() if len(gain) > 1}
        # Side by side, where their intervals would cover each other.
        at = [size * 1.03 ** (2 * place - 1) for size in gains]
        bars = _bars([estimate(gain) for gain in gains.values()])
        axes.errorbar(at, **bars, color=colour, marker=marker, label=f"rate {rate:g}")
    axes.axhline(0, color="black", lw=1)
    for known, alpha, label in ((NO_GAIN_SIZES, 0.25, "no gain"), (GAIN_SIZES, 0.1, "a gain")):
        low, high = known[0] / 1.2, known[1] * 1.2  # the sizes themselves are within
        axes.axvspan(low, high, color=GREY, alpha=alpha, lw=0, label=f"{label} ({SOURCE})")
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("training images")
    axes.set_ylabel("gain in accuracy on test images\n(percentage points)")
    title = f"What Dropout gains on {label_of(BASE.dataset)}: mean over seeds, 95 % interval"
    axes.set_title(title, loc="left")
    _finish(axes)
    _legend(figure, axes)
    return figure


def _gain(table: Table, samples: int, rate: float) -> pd.Series:
    """Return the gain in percentage points, by seed."""
    size = {"train_samples": samples, "epochs": EPOCHS[samples], "dropout_rate": rate}
    without, with_it = table.pair(replace(BASE, **size))  # type: ignore[arg-type]
    return 100 * (with_it[LAST] - without[LAST])


def _bars(estimates: list[Estimate]) -> dict[str, Any]:
    """Means with their intervals, as `errorbar` takes them."""
    ends = [[e.mean - e.low for e in estimates], [e.high - e.mean for e in estimates]]
    return {"y": [e.mean for e in estimates], "yerr": ends, "lw": 2, "capsize": 4}


def _finish(axes: Axes) -> None:
    """A faint grid, and no frame."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, axes: Axes) -> None:
    """Each label once, below the panels."""
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower left", ncols=2, frameon=False
    )
