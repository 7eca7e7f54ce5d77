import contextlib
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiment.files import CURVE_COLUMNS, write_curve, write_figure
from experiment.style import AXIS_LABELS, plain_style
from experiment.variants import VARIANTS
from stages import plot
from tests.conftest import Run

METRICS = ("accuracy", "loss")
BEST = {variant: 2 + number for number, variant in enumerate(VARIANTS)}  # lowest validation loss


def curve_of(variant: str, epochs: int) -> list[dict[str, float]]:
    """A curve that has no value twice, in no other column and no other variant either."""
    random = np.random.default_rng([*variant.encode()])
    rows = [
        {column: float(random.uniform(0.5, 1)) for column in CURVE_COLUMNS} | {"epoch": epoch}
        for epoch in range(1, epochs + 1)
    ]
    if epochs >= BEST[variant]:
        rows[BEST[variant] - 1]["val_loss"] = float(random.uniform(0.1, 0.2))
    return rows


def draw(folder: Path, metric: str, epochs: int = 5) -> Figure:
    for variant in VARIANTS:
        write_curve(folder / f"{variant}.csv", curve_of(variant, epochs))
    curves = {variant: plot.read_curve(folder / f"{variant}.csv") for variant in VARIANTS}
    return plot.draw(curves, metric)


def is_mark(line: Line2D) -> bool:
    return line.get_markersize() == 10


def points_of(line: Line2D) -> list[tuple[float, ...]]:
    return [tuple(point) for point in np.column_stack(line.get_data()).tolist()]


@pytest.mark.parametrize(("metric", "epochs"), [("accuracy", 1), ("accuracy", 5), ("loss", 200)])
def test_lines(metric: str, epochs: int, tmp_path: Path) -> None:
    """Training is dashed, validation solid, each variant in its colour; the legend says so.

    The best epoch is marked on the validation line; epochs are whole; the legend covers nothing.
    """
    figure = draw(tmp_path, metric, epochs)
    legend, axes = figure.legends[0], figure.axes[0]
    entries = zip(legend.get_texts(), legend.legend_handles, strict=True)
    labels = {
        (str(handle.get_color()), str(handle.get_linestyle())): text.get_text()
        for text, handle in entries
        if isinstance(handle, Line2D)
    }
    assert labels.pop(("white", "None")) == "best epoch: lowest validation loss"
    expected, marks = {}, {}
    for name, variant in VARIANTS.items():
        rows = curve_of(name, epochs)
        for split, prefix, style in (("training", "", "--"), ("validation", "val_", "-")):
            points = [(row["epoch"], row[f"{prefix}{metric}"]) for row in rows]
            expected[variant.colour, style] = (f"{split}, {variant.label}", points)
        marks[variant.colour] = [points[min(BEST[name], epochs) - 1]]
    lines = [line for line in axes.lines if not is_mark(line)]
    found = {(str(line.get_color()), str(line.get_linestyle())): points_of(line) for line in lines}
    assert {key: (labels[key], points) for key, points in found.items()} == expected
    assert len(lines) == len(expected)
    assert {line.get_color(): points_of(line) for line in axes.lines if is_mark(line)} == marks
    figure.draw_without_rendering()
    assert all(tick == int(tick) for tick in axes.get_xticks())
    box = legend.get_window_extent()
    assert not box.overlaps(axes.get_window_extent())
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_pictures(run: Run, workspace: Path) -> None:
    """The same bytes with a style of the user's, which matplotlib reads in the current folder."""
    with contextlib.chdir(workspace), plain_style(font_size=13):
        expected = []
        for metric in METRICS:
            figure = draw(Path("plots"), metric)
            title, label = figure.axes[0].get_title(loc="left"), figure.axes[0].get_ylabel()
            assert title == f"{metric.capitalize()} on training and validation images"
            assert label == AXIS_LABELS[metric]
            write_figure(Path("expected.png"), figure, plot.DOTS_PER_INCH)
            expected.append(Path("expected.png").read_bytes())
        image = matplotlib.image.imread("expected.png")
    assert image.shape[1] == 1600
    assert np.ptp(image) > 0.5
    style = "savefig.facecolor: red\nxtick.labelsize: 30\naxes.formatter.limits: 0, 0\n"
    (workspace / "matplotlibrc").write_text(style)
    variables = {"LC_ALL": "tr_TR.UTF-8", "MPLBACKEND": "svg", "PYTHONHASHSEED": "7"}
    assert run(workspace, "stages.plot", **variables).returncode == 0
    assert [(workspace / f"plots/{metric}.png").read_bytes() for metric in METRICS] == expected


def test_variants_differ_in_grey_too() -> None:
    grey = sorted(np.dot(to_rgb(v.colour), (0.2126, 0.7152, 0.0722)) for v in VARIANTS.values())
    assert min(np.diff(grey)) > 0.2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; run `dvc repro`"),
        ("epoch,loss\n1,2\n", "not in index"),
        (",".join(CURVE_COLUMNS) + "\n1,2,3,,5\n", "expected numbers in every row"),
    ],
)
def test_broken_curve(content: str | None, message: str, in_workspace: Path) -> None:
    """One line, and the pictures are kept."""
    *_, last = VARIANTS
    draw(Path("plots"), "loss")
    Path("plots/loss.png").write_bytes(b"the last picture")
    curve = Path(f"plots/{last}.csv")
    curve.unlink()
    if content is not None:
        curve.write_text(content)
    with pytest.raises(SystemExit) as exit_:
        plot.main()
    line = str(exit_.value.code)  # Python prints it, and the status is 1
    assert line.startswith(f"plot: {curve}: ")
    assert message in line
    assert "\n" not in line
    assert Path("plots/loss.png").read_bytes() == b"the last picture"
