"""Pictures: learning curves over seeds, error against the rate, gain against the images."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from experiment.data.known import label_of
from experiment.files import write_figure
from experiment.style import AXIS_LABELS, COLOURS, LABELS, plain_style
from study.measurements import ACCURACY, DATASET, RATE
from study.paths import PLOTS
from study.statistics import Estimate, estimate
from study.table import Setting, Table

DOTS_PER_INCH = 200

BLUE, ORANGE, GREEN, GREY = COLOURS["no_dropout"], COLOURS["dropout"], "#009E73", "#6B6B6B"
VARIANTS = (
    (LABELS["no_dropout"], BLUE, "none", 0.0),
    (f"{LABELS['dropout']} (rate {RATE:g})", ORANGE, "dense", RATE),
)
# By rate, from the lowest; 0.5 has its colour in the curves where the rates are 0.3 and 0.5.
STYLES = ((GREEN, "s"), (ORANGE, "o"), (BLUE, "^"))

# Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout, JMLR 15 (2014), on MNIST:
# https://jmlr.org/papers/v15/srivastava14a.html
SOURCE = "Srivastava et al. 2014, dense networks"
# Test error in percent, ReLU and logistic units, 3 layers of 1,024 with Dropout.
TEST_ERRORS = {"standard": 1.60, "Dropout, logistic": 1.35, "Dropout, ReLU": 1.25}
FLAT_RATES = (0.2, 0.6)  # between which the test error is flat
# Numbers of training images with no gain, and with a gain that grows and then gets smaller.
NO_GAIN_SIZES, GAIN_SIZES = (100, 500), (1_000, 50_000)


def write_pictures(table: Table, bands: pd.DataFrame) -> None:
    """All of them, in Matplotlib's own style whatever the user's is."""
    with plain_style(font_size=13):
        pictures = {metric: draw_curves(bands, metric) for metric in AXIS_LABELS}
        pictures |= {"rates": draw_rates(table), "sizes": draw_sizes(table)}
        for name, figure in pictures.items():
            write_figure(PLOTS / f"study_{name}.png", figure, DOTS_PER_INCH)


def draw_curves(bands: pd.DataFrame, metric: str) -> Figure:
    """Training on the left, validation on the right, each on its own scale.

    Args:
        bands: as `study.summarise.bands` makes them.
        metric: `accuracy` or `loss`.
    """
    dataset = _dataset_shown(bands["dataset"])
    bands = bands[bands["dataset"] == dataset].set_index(["placement", "dropout_rate"]).sort_index()
    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, column in zip(panels, (metric, f"val_{metric}"), strict=True):
        for label, colour, *key in VARIANTS:
            rows = bands.loc[[tuple(key)]] if tuple(key) in bands.index else bands[:0]
            axes.plot(rows["epoch"], rows[column], color=colour, lw=2, label=label)
            low, high = rows[f"{column}_low"], rows[f"{column}_high"]
            axes.fill_between(rows["epoch"], low, high, color=colour, alpha=0.3, lw=0)
        _finish(axes)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=(1, 2, 5, 10)))
    panels[0].set_title("training images", loc="left")
    panels[1].set_title("validation images", loc="left")
    panels[0].set_ylabel(AXIS_LABELS[metric])
    title = f"{metric.capitalize()} on {label_of(dataset)}: mean over seeds, 95 % interval"
    figure.suptitle(title, x=0.01, ha="left")
    _legend(figure, panels[0])
    return figure


def draw_rates(table: Table) -> Figure:
    """Error on test images against the rate, a panel per dataset, with what others measured."""
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
    samples = table.all_samples(dataset)
    errors: dict[float, pd.Series] = {}
    for s in table.settings():
        if (s.dataset, s.train_samples) == (dataset, samples) and s.placement in ("none", "dense"):
            errors[s.dropout_rate] = 100 * (1 - table.of(s)[ACCURACY])
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
    """Gain by Dropout against the number of training images, with what others measured."""
    dataset = _dataset_shown(table.rows["dataset"])
    dense = [s for s in table.settings() if s.dataset == dataset and s.placement == "dense"]
    units = max(dense, key=lambda s: s.train_samples).dense_units if dense else None
    dense = [s for s in dense if s.dense_units == units and len(_gain(table, s)) > 1]
    sizes = sorted({setting.train_samples for setting in dense})
    rates = sorted({s.dropout_rate for s in dense if s.train_samples == sizes[0]})
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    for place, rate in enumerate(rates):
        gains = {s.train_samples: _gain(table, s) for s in dense if s.dropout_rate == rate}
        # Side by side, where their intervals would cover each other.
        at = [size * 1.03 ** (2 * place - len(rates) + 1) for size in gains]
        bars = _bars([estimate(gain) for gain in gains.values()])
        colour, marker = STYLES[place % len(STYLES)]
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
    title = f"What Dropout gains on {label_of(dataset)}: mean over seeds, 95 % interval"
    axes.set_title(title, loc="left")
    _finish(axes)
    _legend(figure, axes)
    return figure


def _dataset_shown(datasets: pd.Series) -> str:
    """The contrasts' own, else the first there is; none of no rows."""
    return DATASET if (datasets == DATASET).any() or datasets.empty else str(datasets.iloc[0])


def _gain(table: Table, setting: Setting) -> pd.Series:
    """Percentage points, by seed."""
    without, with_it = table.pair(setting)
    return 100 * (with_it[ACCURACY] - without[ACCURACY])


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
