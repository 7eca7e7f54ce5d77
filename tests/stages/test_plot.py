from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiment.files import CURVE_COLUMNS, write_curve
from experiment.style import AXIS_LABELS
from experiment.variants import VARIANTS
from stages import plot
from tests.conftest import message_of

HEADER = ",".join(CURVE_COLUMNS) + "\n"


def curve_of(variant: str, epochs: int) -> list[dict[str, float]]:
    """A curve that has no value twice, in no other column and no other variant either."""
    random = np.random.default_rng([*variant.encode()])
    rows = [[epoch, *random.random(4).tolist()] for epoch in range(1, epochs + 1)]
    return [dict(zip(CURVE_COLUMNS, row, strict=True)) for row in rows]


def draw(folder: Path, metric: str, epochs: int = 5) -> Figure:
    for variant in VARIANTS:
        write_curve(folder / f"{variant}.csv", curve_of(variant, epochs))
    curves = {variant: plot.read_curve(folder / f"{variant}.csv") for variant in VARIANTS}
    return plot.draw(curves, metric)


def describe(line: Line2D) -> tuple[str, str, float]:
    return str(line.get_color()), str(line.get_linestyle()), line.get_markersize()


@pytest.mark.parametrize(("metric", "epochs"), [("accuracy", 1), ("accuracy", 5), ("loss", 200)])
def test_lines(metric: str, epochs: int, tmp_path: Path) -> None:
    """Training is dashed, validation solid, each variant in its colour; the legend says so.

    The best epoch is marked on the validation line; epochs are whole; the legend covers nothing.
    """
    figure = draw(tmp_path, metric, epochs)
    legend, axes = figure.legends[0], figure.axes[0]
    assert axes.get_title(loc="left") == f"{metric.capitalize()} on training and validation images"
    assert axes.get_ylabel() == AXIS_LABELS[metric]
    expected, labels = {}, {("white", "None"): "best epoch: lowest validation loss"}
    for name, variant in VARIANTS.items():
        rows = curve_of(name, epochs)
        for split, prefix, style in (("training", "", "--"), ("validation", "val_", "-")):
            points = [[row["epoch"], row[f"{prefix}{metric}"]] for row in rows]
            expected[variant.colour, style, 5.0] = points
            labels[variant.colour, style] = f"{split}, {variant.label}"
        best = min(rows, key=lambda row: row["val_loss"])
        expected[variant.colour, "-", 10.0] = [[best["epoch"], best[f"val_{metric}"]]]
    found = {describe(line): np.column_stack(line.get_data()).tolist() for line in axes.lines}
    assert (found, len(axes.lines)) == (expected, len(expected))
    entries = zip(legend.legend_handles, legend.get_texts(), strict=True)
    shown = {
        describe(handle)[:2]: text.get_text()
        for handle, text in entries
        if isinstance(handle, Line2D) and text.get_text()
    }
    assert shown == labels
    figure.draw_without_rendering()
    assert all(tick == int(tick) for tick in axes.get_xticks())
    box = legend.get_window_extent()
    assert not box.overlaps(axes.get_window_extent())
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_pictures(in_workspace: Path) -> None:
    """The same bytes whatever style the user has; the variants differ in grey, too."""
    draw(Path("plots"), "loss")
    plot.main()
    expected = {path: path.read_bytes() for path in Path("plots").glob("*.png")}
    style: Any = {"savefig.facecolor": "red", "xtick.labelsize": 30}
    with matplotlib.rc_context(style | {"axes.formatter.limits": (0, 0)}):
        plot.main()
    assert {*expected} == {Path(f"plots/{metric}.png") for metric in AXIS_LABELS}
    assert {path: path.read_bytes() for path in expected} == expected
    assert matplotlib.image.imread("plots/loss.png").shape[1] == 1600
    grey = sorted(np.dot(to_rgb(v.colour), (0.2126, 0.7152, 0.0722)) for v in VARIANTS.values())
    assert min(np.diff(grey)) > 0.2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; run `dvc repro`"),
        ("epoch,loss\n1,2\n", "not in index"),
        (HEADER, "expected numbers in every row"),
        (f"{HEADER}1,2,3,,5\n", "expected numbers in every row"),
        (f"{HEADER}1,2,3,four,5\n", "expected CSV with numbers as epoch, accuracy"),
    ],
)
def test_broken_curve(content: str | None, message: str, in_workspace: Path) -> None:
    """One line says what is wrong."""
    draw(Path("plots"), "loss")
    curve = Path(f"plots/{[*VARIANTS][-1]}.csv")
    curve.unlink()
    if content is not None:
        curve.write_text(content)
    line = message_of(plot.main)
    assert line.startswith(f"plot: {curve}: ")
    assert message in line
    assert not [*Path("plots").glob("*.png")]
