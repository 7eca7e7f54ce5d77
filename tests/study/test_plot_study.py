"""The stage `plot_study`, on made-up runs."""

import io
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from study import plot_study
from study.curve_pictures import draw_curves
from study.effect_pictures import draw_rates, draw_sizes
from study.literature import TEST_ERRORS
from study.paths import BANDS
from study.table import Table, read_rows
from tests.study.textbook import HOW, rows

PICTURES = ["accuracy", "loss", "rates", "sizes"]


@pytest.fixture(scope="module")
def folder(summarised: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the stage reads."""
    folder = tmp_path_factory.mktemp("study") / "drawn"
    shutil.copytree(summarised, folder)
    return folder


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "plots").glob("*.png")}


def texts(figure: Figure) -> str:
    found = [axes.get_title(loc="left") for axes in figure.axes]
    for axes in figure.axes:
        found += [axes.get_xlabel(), axes.get_ylabel(), *(text.get_text() for text in axes.texts)]
    for legend in figure.legends:
        found += [text.get_text() for text in legend.get_texts()]
    return "\n".join(found)


def heights(axes: Axes, points: int) -> list[np.ndarray]:
    """Of each line with so many points that is no cap of an interval."""
    lines = [line for line in axes.lines if line.get_linestyle() == "-"]
    return [y for line in lines for y in [np.asarray(line.get_ydata())] if len(y) == points]


def test_pictures_are_there_and_the_same_bytes_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(plot_study, "DOTS_PER_INCH", 50)
    plot_study.main()
    first = pictures(folder)
    assert sorted(first) == [f"study_{name}.png" for name in PICTURES]
    assert all(content.startswith(b"\x89PNG") for content in first.values())
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)  # a user's own style
    plot_study.main()
    assert pictures(folder) == first


def test_curves_have_a_band_for_each_variant_and_kind_of_image(folder: Path) -> None:
    figure = draw_curves(read_rows(folder / BANDS, needed=["epoch"]), "loss", HOW)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "training images", "validation images",
    ]  # fmt: skip
    for axes in figure.axes:
        assert (len(axes.lines), len(axes.collections)) == (2, 2)
        assert axes.get_xlabel() == "epoch"
    assert "without Dropout" in texts(figure)


def test_error_against_rate_shows_means_runs_and_what_others_measured() -> None:
    figure = draw_rates(Table(rows()), HOW)
    mnist, fashion = figure.axes
    assert (mnist.get_title(loc="left"), fashion.get_title(loc="left")) == (
        "MNIST", "Fashion-MNIST",
    )  # fmt: skip
    [errors] = heights(mnist, points=9)
    assert errors[0] - errors[5] == pytest.approx(0.4, abs=0.01)  # 0.004 more accuracy, in percent
    for error in TEST_ERRORS.values():
        assert f"{error:.2f} %" in texts(figure)
    assert "error on test images (%)" in texts(figure)


def test_gain_against_size_has_a_line_for_each_rate() -> None:
    figure = draw_sizes(Table(rows()), HOW)
    [axes] = figure.axes
    assert [label.get_text() for label in figure.legends[0].get_texts()][-2:] == [
        "rate 0.3", "rate 0.5",
    ]  # fmt: skip
    few_and_all = [(line[0], line[-1]) for line in heights(axes, points=6)]
    assert few_and_all == [pytest.approx((2.0, 0.4), abs=0.01)] * 2  # 5 times 0.004, and 0.004


def test_picture_names_the_metric_that_it_shows() -> None:
    how = HOW.model_copy(update={"primary_metric": "validation_accuracy"})
    assert "validation images" in texts(draw_rates(Table(rows()), how))
    assert "test images" not in texts(draw_sizes(Table(rows()), how))


@pytest.mark.parametrize(
    "query",
    [
        "dropout_rate == 0",
        "dataset == 'fashion_mnist'",
        "train_samples == 48000 & dataset == 'mnist'",
        "train_samples == 100",
    ],
)
def test_part_of_the_grid_is_drawn_too(query: str) -> None:
    table = Table(rows().query(query))
    for figure in (draw_rates(table, HOW), draw_sizes(table, HOW)):
        figure.savefig(io.BytesIO(), dpi=20)
