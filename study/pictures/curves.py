"""Pictures of learning curves: mean over seeds, with the interval as a band."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiment.data.known import label_of
from experiment.presentation.style import AXIS_LABELS, COLOURS, LABELS
from study.measurements import DATASET, RATE

BLUE, ORANGE = COLOURS["no_dropout"], COLOURS["dropout"]
GREEN, GREY = "#009E73", "#6B6B6B"
VARIANTS = (
    (LABELS["no_dropout"], BLUE, {"placement": "none"}),
    (f"{LABELS['dropout']} (rate {RATE:g})", ORANGE, {"placement": "dense", "dropout_rate": RATE}),
)


def dataset_shown(datasets: pd.Series) -> str:
    """The claims' own dataset, else the first there is."""
    return DATASET if (datasets == DATASET).any() else str(datasets.iloc[0])


def draw_curves(bands: pd.DataFrame, metric: str) -> Figure:
    """Training on the left, validation on the right, each on its own scale.

    Args:
        bands: as `study.summarise.bands` makes them.
        metric: `accuracy` or `loss`.
    """
    dataset = dataset_shown(bands["dataset"])
    bands = bands[bands["dataset"] == dataset]
    bands = bands[bands["train_samples"] == bands["train_samples"].max()]
    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, column in zip(panels, (metric, f"val_{metric}"), strict=True):
        for label, colour, wanted in VARIANTS:
            chosen = bands
            for name, value in wanted.items():
                chosen = chosen[chosen[name] == value]
            _draw_band(axes, chosen, column, label, colour)
        finish(axes)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=(1, 2, 5, 10)))
    panels[0].set_title("training images", loc="left")
    panels[1].set_title("validation images", loc="left")
    panels[0].set_ylabel(AXIS_LABELS[metric])
    figure.suptitle(
        f"{metric.capitalize()} on {label_of(dataset)}: mean over seeds, 95 % interval",
        x=0.01,
        ha="left",
    )
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=2, frameon=False
    )
    return figure


def finish(axes: Axes) -> None:
    """A faint grid, and no frame."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_band(axes: Axes, rows: pd.DataFrame, column: str, label: str, colour: str) -> None:
    axes.plot(rows["epoch"], rows[column], color=colour, lw=2, label=label)
    low, high = rows[f"{column}_low"], rows[f"{column}_high"]
    axes.fill_between(rows["epoch"], low, high, color=colour, alpha=0.3, lw=0)
