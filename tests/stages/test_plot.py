import contextlib
import tempfile
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from experiment.common.errors import InputError
from experiment.common.files import CURVE_COLUMNS, write_curve, write_figure
from experiment.presentation.style import COLOURS
from stages import plot
from tests.conftest import Run


def write_curves(folder: Path, epochs: int = 5) -> None:
    for number, variant in enumerate(("no_dropout", "dropout")):
        rows = [
            {
                "epoch": epoch,
                "accuracy": 1 - 0.1 / epoch,
                "loss": 1 / epoch,
                "val_accuracy": 0.9,
                "val_loss": abs(epoch - 2 - number) / 10,
            }
            for epoch in range(1, epochs + 1)
        ]
        write_curve(folder / f"{variant}.csv", rows)


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
@pytest.mark.parametrize("epochs", [1, 5, 200])
def test_picture_shows_four_curves_and_the_best_epochs(
    metric: str, epochs: int, tmp_path: Path
) -> None:
    write_curves(tmp_path, epochs)
    curves = {name: plot.read_curve(tmp_path / f"{name}.csv") for name in COLOURS}
    figure = plot.draw(curves, metric)
    axes = figure.axes[0]
    lines = [line for line in axes.lines if np.size(line.get_xdata()) == epochs]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 4
    marked = [np.asarray(line.get_xdata())[0] for line in axes.lines if line.get_markersize() == 10]
    assert marked == [min(2, epochs), min(3, epochs)]
    figure.draw_without_rendering()
    assert all(tick == int(tick) for tick in axes.get_xticks())
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(labels) == 5
    legend, drawn = figure.legends[0].get_window_extent(), axes.get_window_extent()
    assert not legend.overlaps(drawn)
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.x1


def test_variants_differ_in_grey_too() -> None:
    def luminance(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = (luminance(colour) for colour in COLOURS.values())
    assert light - dark > 0.2


def test_picture_is_wide_and_the_same_bytes_again(run: Run, workspace: Path) -> None:
    write_curves(workspace / "plots")
    pictures = []
    for variables in ({}, {"LC_ALL": "tr_TR.UTF-8", "MPLBACKEND": "svg", "PYTHONHASHSEED": "7"}):
        assert run(workspace, "stages.plot", **variables).returncode == 0
        pictures.append([(workspace / f"plots/{m}.png").read_bytes() for m in ("accuracy", "loss")])
    assert pictures[0] == pictures[1]
    image = matplotlib.image.imread(workspace / "plots/loss.png")
    assert image.shape[1] == 1600
    assert np.ptp(image) > 0.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; run `dvc repro`"),
        ("", "not a CSV file (No columns to parse from file); run `dvc repro`"),
        ("epoch,loss\n1,2\n", "accuracy is missing"),
        (",".join(CURVE_COLUMNS) + "\n", "expected numbers in every row"),
        (",".join(CURVE_COLUMNS) + "\n1,2,3,x,5\n", "expected numbers in every row"),
        (",".join(CURVE_COLUMNS) + "\n1,2,3,,5\n", "expected numbers in every row"),
    ],
)
def test_broken_curve_is_one_line_and_keeps_the_pictures(
    content: str | None, message: str, run: Run, workspace: Path
) -> None:
    write_curves(workspace / "plots")
    write_figure(workspace / "plots/loss.png", Figure(), 10)
    before = (workspace / "plots/loss.png").read_bytes()
    curve = workspace / "plots/dropout.csv"
    curve.unlink() if content is None else curve.write_text(content)
    done = run(workspace, "stages.plot")
    assert done.returncode == 1
    assert done.stderr.startswith("plot: plots/dropout.csv: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert (workspace / "plots/loss.png").read_bytes() == before


def test_style_of_the_user_changes_no_byte(run: Run, workspace: Path) -> None:
    write_curves(workspace / "plots")
    pictures = [workspace / f"plots/{metric}.png" for metric in ("accuracy", "loss")]
    assert run(workspace, "stages.plot").returncode == 0
    before = [picture.read_bytes() for picture in pictures]
    style = "savefig.facecolor: red\nxtick.labelsize: 30\naxes.formatter.limits: 0, 0\n"
    (workspace / "matplotlibrc").write_text(style)
    assert run(workspace, "stages.plot").returncode == 0
    assert [picture.read_bytes() for picture in pictures] == before


def test_curve_is_read_in_full_precision(tmp_path: Path) -> None:
    write_curves(tmp_path)
    curve = plot.read_curve(tmp_path / "dropout.csv")
    assert curve["accuracy"].tolist() == [1 - 0.1 / epoch for epoch in range(1, 6)]
    assert isinstance(curve, pd.DataFrame)


@given(st.one_of(st.binary(max_size=100), st.text(max_size=100)))
def test_any_curve_is_read_or_refused(content: bytes | str) -> None:
    header = ",".join(CURVE_COLUMNS).encode() + b"\n"
    for start in (b"", header):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "curve.csv"
            path.write_bytes(start + (content.encode() if isinstance(content, str) else content))
            with contextlib.suppress(InputError):
                assert not plot.read_curve(path).isna().any(axis=None)
