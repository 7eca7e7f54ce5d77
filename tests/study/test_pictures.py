"""The pictures, on made-up runs."""

import io

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array
from matplotlib.lines import Line2D

from study.pictures import TEST_ERRORS, draw_curves, draw_rates, draw_sizes
from study.statistics import estimate
from study.summarise import bands
from study.table import Table, table_of
from tests.study.made_up import entries

ENTRIES = entries(seeds=range(3))
BANDS = bands(ENTRIES)
TABLE = table_of(ENTRIES)


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_panels_have_the_values_that_they_name(metric: str) -> None:
    figure = draw_curves(BANDS, metric)
    columns = {"training images": metric, "validation images": f"val_{metric}"}
    assert [axes.get_title(loc="left") for axes in figure.axes] == [*columns]
    settings = {"without Dropout": ("none", 0.0), "with Dropout (rate 0.5)": ("dense", 0.5)}
    for axes, column in zip(figure.axes, columns.values(), strict=True):
        assert axes.get_xlabel() == "epoch"
        assert {line.get_label() for line in axes.lines} == {*settings}
        for line, band in zip(axes.lines, axes.collections, strict=True):
            place, rate = settings[str(line.get_label())]
            chosen = (BANDS["dataset"] == "mnist") & (BANDS["placement"] == place)
            expected = BANDS[chosen & (BANDS["dropout_rate"] == rate)]
            assert points_of(line) == expected[["epoch", column]].values.tolist()
            colour = to_rgba_array(line.get_color())[0, :3]
            assert np.allclose(to_rgba_array(band.get_facecolor())[0, :3], colour)
            corners = np.asarray(band.get_paths()[0].vertices).tolist()
            for edge in (f"{column}_low", f"{column}_high"):
                for corner in expected[["epoch", edge]].values.tolist():
                    assert corner in corners


def points_of(line: Line2D) -> list[list[float]]:
    found: list[list[float]] = np.asarray(line.get_xydata()).tolist()
    return found


def bars(axes: Axes) -> list[list[tuple[float, float, float, float]]]:
    """Of each line with intervals: x, mean, low and high of its points."""
    found = []
    for container in axes.containers:
        line, _, [segments] = container
        ends = [segment[:, 1].tolist() for segment in segments.get_segments()]
        found.append([
            (x, y, low, high)
            for (x, y), (low, high) in zip(points_of(line), ends, strict=True)
        ])  # fmt: skip
    return found


def test_error_against_rate_has_each_run_and_each_interval() -> None:
    figure = draw_rates(TABLE)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["MNIST", "Fashion-MNIST"]
    for axes, dataset in zip(figure.axes, ("mnist", "fashion_mnist"), strict=True):
        here = TABLE.rows.query(f"dataset == {dataset!r} and train_samples == 48000")
        here = here[here["placement"].isin(["none", "dense"])]
        errors = {
            rate: 100 * (1 - of["test_accuracy"]) for rate, of in here.groupby("dropout_rate")
        }
        dots = [line for line in axes.lines if line.get_marker() == "."]
        for line, (rate, values) in zip(dots, errors.items(), strict=True):
            assert points_of(line) == [[rate, value] for value in values]
        expected = [
            (rate, found.mean, found.low, found.high)
            for rate, values in errors.items()
            for found in [estimate(values)]
        ]
        assert bars(axes) == [[pytest.approx(point) for point in expected]]
    assert figure.axes[0].get_ylabel() == "error on test images (%)"
    known = [text.get_text() for text in figure.axes[0].texts]
    assert known == [f"{name}\n{error:.2f} %" for name, error in TEST_ERRORS.items()]


def test_gain_against_size_has_a_line_with_intervals_for_each_rate() -> None:
    figure = draw_sizes(TABLE)
    [axes] = figure.axes
    assert [label.get_text() for label in figure.legends[0].get_texts()][-1:] == ["rate 0.5"]
    by_seed = TABLE.rows.query("dataset == 'mnist' and dense_units == 128")
    by_seed = by_seed.set_index(["train_samples", "seed"])
    without = by_seed.query("placement == 'none'")["test_accuracy"]
    with_it = by_seed.query("placement == 'dense' and dropout_rate == 0.5")["test_accuracy"]
    gains = 100 * (with_it - without)
    expected = [estimate(of) for _, of in gains.groupby("train_samples")]
    [points] = bars(axes)
    assert [point[1:] for point in points] == [
        pytest.approx((found.mean, found.low, found.high)) for found in expected
    ]
    assert [point[0] for point in points] == [100, 500, 1_000, 5_000, 48_000]


@pytest.mark.parametrize(
    "query",
    [
        "dropout_rate == 0",
        "dataset == 'fashion_mnist'",
        "train_samples == 100",
    ],
)
def test_part_of_the_grid_is_drawn_too(query: str) -> None:
    table = Table(TABLE.rows.query(query))
    for figure in (draw_rates(table), draw_sizes(table)):
        figure.savefig(io.BytesIO(), dpi=10)
