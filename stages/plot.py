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
    """Draw both metrics from the curves of all variants."""
    with one_line_errors("plot"), plain_style(font_size=13):
        curves = {variant: read_curve(PLOTS / f"{variant}.csv") for variant in VARIANTS}
        for metric in ("accuracy", "loss"):
            write_figure(PLOTS / f"{metric}.png", draw(curves, metric), DOTS_PER_INCH)


def read_curve(path: Path) -> pd.DataFrame:
    """Read a curve as the training stages write it, or raise InputError."""
    try:
        curve = pd.read_csv(path)[list(CURVE_COLUMNS)].apply(pd.to_numeric)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run `dvc repro`") from None
    except (KeyError, ValueError) as error:  # pandas' own errors are of these kinds
        columns, found = ", ".join(CURVE_COLUMNS), " ".join(str(error).split())
        raise wrong(str(path), f"CSV with numbers as {columns}", found, "run `dvc repro`") from None
    if curve.empty or curve.isna().any(axis=None):
        raise wrong(str(path), "numbers in every row", "none or a gap", "run `dvc repro`")
    return curve


def draw(curves: dict[str, pd.DataFrame], metric: str) -> Figure:
    """Draw `accuracy` or `loss`: colour tells the variant, line style training from validation."""
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
    # Outside the axes, where it covers no curve. Two columns are filled from above: every other
    # variant and the mark on the left, and on the right the rest, with a line of nothing below.
    left, right = (
        [
            Line2D([], [], color=variant.colour, ls=style, lw=2, label=f"{split}, {variant.label}")
            for variant in [*VARIANTS.values()][place::2]
            for split, style in LINE_STYLES.items()
        ]
        for place in (0, 1)
    )
    left.append(
        Line2D([], [], color="white", ls="", **BEST, label="best epoch: lowest validation loss")
    )
    right += [Line2D([], [], ls="", label="")] * (len(left) - len(right))
    figure.legend(handles=[*left, *right], loc="outside lower left", ncols=2, frameon=False)
    return figure


if __name__ == "__main__":
    main()
