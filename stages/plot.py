"""Stage `plot`: accuracy and loss against the epoch, both variants in one picture."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import LineStyleType

from experiment.files import CURVE_COLUMNS, write_figure
from experiment.metrics import best_epoch
from experiment.style import AXIS_LABELS, plain_style
from experiment.support.errors import InputError, one_line_errors, wrong
from experiment.variants import VARIANTS

PLOTS = Path("plots")

BEST: dict[str, Any] = {"marker": "o", "ms": 10, "markeredgecolor": "black", "zorder": 3}
LINE_STYLES: dict[str, LineStyleType] = {"training": (0, (4, 2)), "validation": "solid"}

# Inches and dots per inch: 1,600 pixels wide, twice the width of a README's column.
SIZE, DOTS_PER_INCH = (8, 5.4), 200


def main() -> None:
    """Draws both metrics from the curves of all variants."""
    with one_line_errors("plot"), plain_style(font_size=13):
        curves = {variant: read_curve(PLOTS / f"{variant}.csv") for variant in VARIANTS}
        for metric in ("accuracy", "loss"):
            write_figure(PLOTS / f"{metric}.png", draw(curves, metric), DOTS_PER_INCH)


def read_curve(path: Path) -> pd.DataFrame:
    """A curve as the training stages write it.

    Raises:
        InputError: the file is missing, empty, or lacks a column or a number.
    """
    try:
        curve = pd.read_csv(path)
        curve = curve[list(CURVE_COLUMNS)].apply(pd.to_numeric)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run `dvc repro`") from None
    except (KeyError, ValueError) as error:  # pandas' own errors are of these kinds
        columns, found = ", ".join(CURVE_COLUMNS), " ".join(str(error).split())
        raise wrong(str(path), f"CSV with numbers as {columns}", found, "run `dvc repro`") from None
    if curve.empty or curve.isna().any(axis=None):
        raise wrong(str(path), "numbers in every row", "none or a gap", "run `dvc repro`")
    return curve


def draw(curves: dict[str, pd.DataFrame], metric: str) -> Figure:
    """Two lines a variant: colour tells the variant, the line style training from validation.

    Args:
        curves: by variant, with the columns `epoch`, `metric` and `val_` + `metric`.
        metric: `accuracy` or `loss`.
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    for variant, curve in curves.items():
        look: dict[str, Any] = {"color": VARIANTS[variant].colour, "lw": 2, "marker": ".", "ms": 5}
        axes.plot("epoch", metric, data=curve, ls=LINE_STYLES["training"], **look)
        axes.plot("epoch", f"val_{metric}", data=curve, ls=LINE_STYLES["validation"], **look)
        best = curve[curve["epoch"] == best_epoch(curve.to_dict("records"))]
        axes.plot("epoch", f"val_{metric}", data=best, **look | BEST)
    axes.set_title(f"{metric.capitalize()} on training and validation images", loc="left")
    axes.set_xlabel("epoch")
    axes.set_ylabel(AXIS_LABELS[metric])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    # Outside the axes, where it covers no curve.
    figure.legend(handles=_legend(), loc="outside lower left", ncols=2, frameon=False)
    return figure


def _legend() -> list[Line2D]:
    """Two columns, each filled from above: the variants in turn, the mark below the left ones."""
    columns: tuple[list[Line2D], list[Line2D]] = ([], [])
    for number, variant in enumerate(VARIANTS.values()):
        columns[number % 2].extend(
            Line2D([], [], color=variant.colour, ls=style, lw=2, label=f"{split}, {variant.label}")
            for split, style in LINE_STYLES.items()
        )
    left, right = columns
    mark = Line2D([], [], color="white", ls="", **BEST, label="best epoch: lowest validation loss")
    nothing = [Line2D([], [], ls="", label="")] * (len(left) - len(right))
    return [*left, mark, *right, *nothing]


if __name__ == "__main__":
    main()
