import contextlib
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiment.files import CURVE_COLUMNS, write_curve, write_figure
from experiment.style import AXIS_LABELS, COLOURS, plain_style
from stages import plot
from tests.conftest import Run

BEST = {"no_dropout": 2, "dropout": 4}  # epochs with the lowest validation loss


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


def write_curves(folder: Path, epochs: int = 5) -> None:
    for variant in BEST:
        write_curve(folder / f"{variant}.csv", curve_of(variant, epochs))


def read_curves(folder: Path) -> dict[str, pd.DataFrame]:
    return {variant: plot.read_curve(folder / f"{variant}.csv") for variant in BEST}


def points(line: Line2D) -> tuple[list[float], list[float]]:
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


def is_mark(line: Line2D) -> bool:
    return line.get_markersize() == 10


@pytest.mark.parametrize(("metric", "epochs"), [("accuracy", 1), ("accuracy", 5), ("loss", 200)])
def test_each_line_shows_the_column_that_the_legend_names(
    metric: str, epochs: int, tmp_path: Path
) -> None:
    write_curves(tmp_path, epochs)
    figure = plot.draw(read_curves(tmp_path), metric)
    shown = {
        (line.get_color(), line.get_linestyle()): points(line)
        for line in figure.axes[0].lines
        if not is_mark(line)
    }
    legend = figure.legends[0]
    named = {
        text.get_text(): shown.pop((handle.get_color(), handle.get_linestyle()))
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
        if isinstance(handle, Line2D) and not is_mark(handle)
    }
    assert shown == {}
    assert named == {
        f"{split}, {label}": (
            [*range(1, epochs + 1)],
            [row[f"{prefix}{metric}"] for row in curve_of(variant, epochs)],
        )
        for variant, label in (("no_dropout", "without Dropout"), ("dropout", "with Dropout"))
        for split, prefix in (("training", ""), ("validation", "val_"))
    }


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_best_epoch_is_marked_on_the_validation_line(metric: str, tmp_path: Path) -> None:
    write_curves(tmp_path)
    figure = plot.draw(read_curves(tmp_path), metric)
    marks = {line.get_color(): points(line) for line in figure.axes[0].lines if is_mark(line)}
    assert marks == {
        COLOURS[variant]: ([best], [curve_of(variant, 5)[best - 1][f"val_{metric}"]])
        for variant, best in BEST.items()
    }
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts.count("best epoch: lowest validation loss") == 1


@pytest.mark.parametrize("epochs", [1, 2, 200])
def test_epochs_are_whole_and_the_legend_covers_nothing(epochs: int, tmp_path: Path) -> None:
    write_curves(tmp_path, epochs)
    figure = plot.draw(read_curves(tmp_path), "loss")
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert all(tick == int(tick) for tick in axes.get_xticks())
    legend, drawn = figure.legends[0].get_window_extent(), axes.get_window_extent()
    assert not legend.overlaps(drawn)
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.x1


def test_each_picture_shows_its_metric(in_workspace: Path) -> None:
    write_curves(Path("plots"))
    plot.main()
    for metric, title in (("accuracy", "Accuracy"), ("loss", "Loss")):
        with plain_style(font_size=13):
            figure = plot.draw(read_curves(Path("plots")), metric)
            assert (figure.axes[0].get_title(loc="left"), figure.axes[0].get_ylabel()) == (
                f"{title} on training and validation images", AXIS_LABELS[metric],
            )  # fmt: skip
            write_figure(Path("expected.png"), figure, plot.DOTS_PER_INCH)
        assert Path(f"plots/{metric}.png").read_bytes() == Path("expected.png").read_bytes()


def test_variants_differ_in_grey_too() -> None:
    def luminance(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = (luminance(colour) for colour in COLOURS.values())
    assert light - dark > 0.2


def test_picture_is_wide_and_the_same_bytes_with_other_settings(run: Run, workspace: Path) -> None:
    """Also with a style of the user's, which matplotlib reads in the current folder."""
    write_curves(workspace / "plots")
    with contextlib.chdir(workspace):
        plot.main()
    pictures = [workspace / f"plots/{metric}.png" for metric in ("accuracy", "loss")]
    before = [picture.read_bytes() for picture in pictures]
    image = matplotlib.image.imread(pictures[1])
    assert image.shape[1] == 1600
    assert np.ptp(image) > 0.5
    style = "savefig.facecolor: red\nxtick.labelsize: 30\naxes.formatter.limits: 0, 0\n"
    (workspace / "matplotlibrc").write_text(style)
    variables = {"LC_ALL": "tr_TR.UTF-8", "MPLBACKEND": "svg", "PYTHONHASHSEED": "7"}
    assert run(workspace, "stages.plot", **variables).returncode == 0
    assert [picture.read_bytes() for picture in pictures] == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; run `dvc repro`"),
        ("", "found No columns to parse from file; run `dvc repro`"),
        ("epoch,loss\n1,2\n", "not in index"),
        (",".join(CURVE_COLUMNS) + "\n", "expected numbers in every row"),
        (",".join(CURVE_COLUMNS) + "\n1,2,3,x,5\n", "found Unable to parse string"),
        (",".join(CURVE_COLUMNS) + "\n1,2,3,,5\n", "expected numbers in every row"),
        (b"\xff\x00", "expected CSV with numbers as"),
    ],
)
def test_broken_curve_is_one_line_and_keeps_the_pictures(
    content: str | bytes | None, message: str, in_workspace: Path
) -> None:
    write_curves(Path("plots"))
    write_figure(Path("plots/loss.png"), Figure(), 10)
    before = Path("plots/loss.png").read_bytes()
    curve = Path("plots/dropout.csv")
    curve.unlink()
    if content is not None:
        curve.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SystemExit) as exit_:
        plot.main()
    line = str(exit_.value.code)  # Python prints it, and the status is 1
    assert line.startswith("plot: plots/dropout.csv: ")
    assert message in line
    assert "\n" not in line
    assert Path("plots/loss.png").read_bytes() == before
