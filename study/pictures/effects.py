"""Pictures of what Dropout changes: error against its rate, gain against the training images."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from experiment.data.known import label_of
from study.measurements import ACCURACY
from study.pictures.curves import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    dataset_shown,
    finish,
)
from study.statistics import Estimate, estimate
from study.table import Setting, Table

# By rate, from the lowest; 0.5 has its colour in the curves where the rates are 0.3 and 0.5.
COLOURS, MARKERS = (GREEN, ORANGE, BLUE), ("s", "o", "^")

# Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout, JMLR 15 (2014), on MNIST:
# https://jmlr.org/papers/v15/srivastava14a.html
SOURCE = "Srivastava et al. 2014, dense networks"
# Test error in percent, ReLU and logistic units, 3 layers of 1,024 with Dropout.
TEST_ERRORS = {"standard": 1.60, "Dropout, logistic": 1.35, "Dropout, ReLU": 1.25}
FLAT_RATES = (0.2, 0.6)  # between which the test error is flat
# Numbers of training images with no gain, and with a gain that grows and then gets smaller.
NO_GAIN_SIZES, GAIN_SIZES = (100, 500), (1_000, 50_000)


def draw_rates(table: Table) -> Figure:
    """Error on unseen images against the rate, a panel per dataset, with what others measured."""
    datasets = sorted(table.rows["dataset"].unique(), key=lambda name: (name != "mnist", name))
    figure = Figure(figsize=(5.5 * len(datasets) + 1, 5.8), layout="constrained")
    panels = figure.subplots(1, len(datasets), squeeze=False)[0]
    for axes, dataset in zip(panels, datasets, strict=True):
        _draw_errors(axes, table, dataset)
        if dataset == "mnist":
            _draw_known_errors(axes)
        finish(axes)
        axes.set_title(label_of(dataset), loc="left")
        axes.set_xlabel("Dropout rate, after the dense layer")
    panels[0].set_ylabel("error on test images (%)")
    figure.suptitle(
        "Error against the Dropout rate: mean over seeds, 95 % interval", x=0.01, ha="left"
    )
    handles = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower left", ncols=2, frameon=False
    )
    return figure


def draw_sizes(table: Table) -> Figure:
    """Gain by Dropout against the number of training images, with what others measured."""
    dataset = dataset_shown(table.rows["dataset"])
    dense = [s for s in table.settings() if s.dataset == dataset and s.placement == "dense"]
    units = max(dense, key=lambda s: s.train_samples).dense_units if dense else None
    dense = [s for s in dense if s.dense_units == units]
    sizes = sorted({setting.train_samples for setting in dense})
    rates = sorted({s.dropout_rate for s in dense if s.train_samples == sizes[0]})
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    for place, rate in enumerate(rates):
        gains = {
            setting.train_samples: estimate(gain)
            for setting in dense
            if setting.dropout_rate == rate
            for gain in [_gain(table, setting)]
            if len(gain) > 1
        }
        # Side by side, where their intervals would cover each other.
        shift = 1.03 ** (2 * place - len(rates) + 1)
        at = [size * shift for size in gains]
        axes.errorbar(
            at, **_bars(list(gains.values())), color=COLOURS[place % 3],
            marker=MARKERS[place % 3], label=f"rate {rate:g}",
        )  # fmt: skip
    axes.axhline(0, color="black", lw=1)
    _draw_known_gains(axes)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("training images")
    axes.set_ylabel("gain in accuracy on test images\n(percentage points)")
    axes.set_title(
        f"What Dropout gains on {label_of(dataset)}: mean over seeds, 95 % interval",
        loc="left",
    )
    finish(axes)
    figure.legend(loc="outside lower left", ncols=2, frameon=False)
    return figure


def _draw_errors(axes: Axes, table: Table, dataset: str) -> None:
    samples = table.all_samples(dataset)
    errors: dict[float, pd.Series] = {}
    for setting in table.settings():
        here = setting.dataset == dataset and setting.train_samples == samples
        if here and setting.placement in ("none", "dense"):
            accuracy = table.of(setting)[ACCURACY]
            errors[setting.dropout_rate] = 100 * (1 - accuracy)
    rates = sorted(errors)
    for rate in rates:
        axes.plot([rate] * len(errors[rate]), errors[rate], ".", color=BLUE, alpha=0.35, ms=5)
    bars = _bars([estimate(errors[rate]) for rate in rates])
    axes.errorbar(rates, **bars, color=BLUE, marker="o", label="mean (dots: runs)")


def _draw_known_errors(axes: Axes) -> None:
    label = f"flat range of rates ({SOURCE})"
    axes.axvspan(*FLAT_RATES, color=GREY, alpha=0.15, lw=0, label=label)
    label = f"test error ({SOURCE})"
    for name, error in TEST_ERRORS.items():
        axes.axhline(error, color=GREY, lw=1, ls=(0, (4, 2)), label=label)
        # Beside the panel, where no curve is.
        axes.annotate(
            f"{name}\n{error:.2f} %", (1, error), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", fontsize=9, color=GREY,
        )  # fmt: skip


def _draw_known_gains(axes: Axes) -> None:
    for sizes, alpha, label in ((NO_GAIN_SIZES, 0.25, "no gain"), (GAIN_SIZES, 0.1, "a gain")):
        low, high = sizes[0] / 1.2, sizes[1] * 1.2  # the sizes themselves are within
        axes.axvspan(low, high, color=GREY, alpha=alpha, lw=0, label=f"{label} ({SOURCE})")


def _bars(estimates: list[Estimate]) -> dict[str, Any]:
    """Means with their intervals, as `errorbar` takes them."""
    below = [found.mean - found.low for found in estimates]
    above = [found.high - found.mean for found in estimates]
    return {"y": [e.mean for e in estimates], "yerr": (below, above), "lw": 2, "capsize": 4}


def _gain(table: Table, setting: Setting) -> pd.Series:
    """Percentage points, by seed."""
    without, with_it = table.pair(setting)
    return 100 * (with_it[ACCURACY] - without[ACCURACY])
