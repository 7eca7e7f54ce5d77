"""The pictures, on made-up runs."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array

from study.pictures import draw_curves, draw_rates, draw_sizes
from study.statistics import Values, estimate
from study.table import Table
from tests.study.made_up import MAIN, make_entries

ENTRIES = make_entries(range(3))
TABLE = Table(ENTRIES)


def points_of(line: Any) -> list[list[float]]:
    found: list[list[float]] = np.asarray(line.get_xydata()).tolist()
    return found


def bars(axes: Axes) -> list[list[list[float]]]:
    """Of each line with intervals: x, mean, low and high of its points."""
    found = []
    for line, _, [segments] in axes.containers:
        ends = [segment[:, 1].tolist() for segment in segments.get_segments()]
        found.append([[*a, *b] for a, b in zip(points_of(line), ends, strict=True)])
    return found


def ends_of(values: Values) -> list[float]:
    found = estimate(values)
    return [found.mean, found.low, found.high]


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_panels(metric: str) -> None:
    """Each shows the columns that its title and its legend name: mean and t interval by epoch."""
    figure = draw_curves(ENTRIES, metric)
    columns = {"training images": metric, "validation images": f"val_{metric}"}
    assert [axes.get_title(loc="left") for axes in figure.axes] == [*columns]
    settings = {"without Dropout": MAIN.without_dropout(), "with Dropout (rate 0.5)": MAIN}
    for axes, column in zip(figure.axes, columns.values(), strict=True):
        assert {line.get_label() for line in axes.lines} == {*settings}
        for line, band in zip(axes.lines, axes.collections, strict=True):
            setting = settings[str(line.get_label())]
            curves = [entry.curve[column] for entry in ENTRIES if entry.setting == setting]
            expected = [[e, *ends_of(each)] for e, each in enumerate(zip(*curves, strict=True), 1)]
            assert np.allclose(points_of(line), [row[:2] for row in expected])
            colour = to_rgba_array(line.get_color())[0, :3]
            assert np.allclose(to_rgba_array(band.get_facecolor())[0, :3], colour)
            corners = np.asarray(band.get_paths()[0].vertices)
            for epoch, _, *ends in expected:
                for end in ends:
                    assert np.isclose(corners, [epoch, end], atol=0).all(axis=1).any()


def test_error_against_rate() -> None:
    """Each run is a dot, each rate has its mean and interval."""
    figure = draw_rates(TABLE)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["MNIST", "Fashion-MNIST"]
    for axes, dataset in zip(figure.axes, ("mnist", "fashion_mnist"), strict=True):
        here = TABLE.rows.query(f"dataset == {dataset!r} and train_samples == 48000")
        here = here[here["placement"].isin(["none", "dense"])]
        groups = here.groupby("dropout_rate")["test_accuracy"]
        errors: dict[Any, Any] = {rate: 100 * (1 - accuracy) for rate, accuracy in groups}
        dots = [line for line in axes.lines if line.get_marker() == "."]
        for line, (rate, values) in zip(dots, errors.items(), strict=True):
            assert np.allclose(points_of(line), [[rate, value] for value in values])
        assert np.allclose(bars(axes), [[[r, *ends_of(each)] for r, each in errors.items()]])
    assert figure.axes[0].get_ylabel() == "error on test images (%)"


def test_gain_against_size() -> None:
    [axes] = draw_sizes(TABLE).axes
    found = dict(zip(axes.get_legend_handles_labels()[1], bars(axes), strict=True))
    base = TABLE.rows.query(
        "dataset == 'mnist' and dense_units == 128 and epochs in (20, 40, 80, 100)"
    ).set_index(["train_samples", "seed"])
    without = base.query("placement == 'none'")["test_accuracy"]
    sizes = {0.3: [100, 500, 1_000, 48_000], 0.5: [100, 500, 1_000, 5_000, 48_000]}
    assert [*found] == [f"rate {rate}" for rate in sizes]
    for rate, samples in sizes.items():
        with_it = base.query(f"placement == 'dense' and dropout_rate == {rate}")["test_accuracy"]
        gains = (100 * (with_it - without)).dropna().groupby("train_samples")
        points = found[f"rate {rate}"]
        assert np.allclose([point[1:] for point in points], [ends_of(each) for _, each in gains])
        assert [point[0] for point in points] == pytest.approx(samples, rel=0.05)
