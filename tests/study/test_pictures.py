"""The pictures, on made-up runs."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb, to_rgba_array

from study.contrasts import BASE
from study.pictures import draw_curves, draw_rates, draw_sizes
from study.statistics import Values, estimate
from study.table import Table
from tests.study.made_up import make_entries, make_entry, make_setting

ENTRIES = make_entries(range(3))
ALONE = [make_setting(0.9), *(make_setting(rate, 10_000) for rate in (0.0, 0.5))]
TABLE = Table([*ENTRIES, *map(make_entry, ALONE)])  # one run has no spread, and is not drawn


def read_bars(axes: Axes) -> list[np.ndarray]:
    """Of each line with intervals: x, mean, low and high of its points."""
    found = []
    for line, _, [segments] in axes.containers:
        ends = [segment[:, 1] for segment in segments.get_segments()]
        found.append(np.column_stack([np.asarray(line.get_xydata()), ends]))
    return found


def compute_bars(values: dict[Any, Values]) -> list[list[float]]:
    found = {x: estimate(each) for x, each in values.items()}
    return [[x, each.mean, each.low, each.high] for x, each in found.items()]


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_panels(metric: str) -> None:
    """Each shows the columns that its title and its legend name: mean and t interval by epoch."""
    figure = draw_curves(ENTRIES, metric)
    columns = {"training images": metric, "validation images": f"val_{metric}"}
    assert [axes.get_title(loc="left") for axes in figure.axes] == [*columns]
    settings = {"without Dropout": BASE.without_dropout(), "with Dropout (rate 0.5)": BASE}
    for axes, column in zip(figure.axes, columns.values(), strict=True):
        assert {line.get_label() for line in axes.lines} == {*settings}
        for line, band in zip(axes.lines, axes.collections, strict=True):
            setting = settings[str(line.get_label())]
            curves = [entry.curve[column] for entry in ENTRIES if entry.setting == setting]
            expected = np.array(compute_bars(dict(enumerate(zip(*curves, strict=True), start=1))))
            assert np.allclose(np.asarray(line.get_xydata()), expected[:, :2])
            assert np.allclose(to_rgba_array(band.get_facecolor())[0, :3], to_rgb(line.get_color()))
            corners = np.asarray(band.get_paths()[0].vertices)
            for end in (expected[:, [0, 2]], expected[:, [0, 3]]):
                assert np.isclose(corners, end[:, None], atol=0).all(axis=2).any(axis=1).all()


def test_error_against_rate() -> None:
    """Each run is a dot, each rate with several has its mean and interval."""
    figure = draw_rates(TABLE)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["MNIST", "Fashion-MNIST"]
    for axes, dataset in zip(figure.axes, ("mnist", "fashion_mnist"), strict=True):
        here = TABLE.rows.query(f"dataset == {dataset!r} and train_samples == 48000")
        here = here[here["placement"].isin(["none", "dense"]) & (here["dropout_rate"] < 0.9)]
        groups = here.groupby("dropout_rate")["test_accuracy"]
        errors: dict[Any, Any] = {rate: 100 * (1 - accuracy) for rate, accuracy in groups}
        dots = [line.get_xydata() for line in axes.lines if line.get_marker() == "."]
        expected = [[[rate, value] for value in values] for rate, values in errors.items()]
        assert np.allclose(np.array(dots), expected)
        assert np.allclose(read_bars(axes), [compute_bars(errors)])
    assert figure.axes[0].get_ylabel() == "error on test images (%)"


def test_gain_against_size() -> None:
    [axes] = draw_sizes(TABLE).axes
    found = dict(zip(axes.get_legend_handles_labels()[1], read_bars(axes), strict=True))
    base = TABLE.rows.query(
        "dataset == 'mnist' and dense_units == 128 and epochs in (20, 40, 80, 100)"
    ).set_index(["train_samples", "seed"])
    without = base.query("placement == 'none'")["test_accuracy"]
    sizes = {0.3: [100, 500, 1_000, 48_000], 0.5: [100, 500, 1_000, 5_000, 48_000]}
    assert [*found] == [f"rate {rate}" for rate in sizes]
    for rate, samples in sizes.items():
        with_it = base.query(f"placement == 'dense' and dropout_rate == {rate}")["test_accuracy"]
        gains = (100 * (with_it - without)).dropna().groupby("train_samples")
        bars, expected = found[f"rate {rate}"], np.array(compute_bars(dict([*gains])))
        assert np.allclose(bars[:, 1:], expected[:, 1:])
        assert bars[:, 0] == pytest.approx(samples, rel=0.05)
