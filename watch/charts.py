"""Curves as lines of an SVG picture."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.ticker import MaxNLocator

from watch.progress import Training

# Of the picture and of the space at its edges, for the labels.
WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 40


class Line(NamedTuple):
    """One curve: `(x, y)` of each epoch, and how it looks."""

    points: list[tuple[float, float]]
    colour: str
    dashed: bool
    faint: bool


class Chart(NamedTuple):
    """Lines and ticks (place and label) in the picture's own units, y downwards."""

    title: str
    lines: list[Line]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]


def chart(metric: str, trainings: Sequence[Training], epochs: int) -> Chart:
    """A metric of training images, dashed, and of validation images.

    Over all epochs that there will be; the axis of values is as high as they need.
    """
    curves = [(key, training) for training in trainings for key in (metric, f"val_{metric}")]
    values = [row[key] for key, training in curves for row in training.rows] or [0.0, 1.0]
    epochs = max(epochs, *(len(training.rows) for training in trainings))
    y_ticks = [float(tick) for tick in MaxNLocator(5).tick_values(min(values), max(values))]
    whole = MaxNLocator(8, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    x_ticks = [tick for tick in whole.tick_values(1, epochs) if 1 <= tick <= epochs]
    low, high = y_ticks[0], y_ticks[-1]

    def x(epoch: float) -> float:
        share = (epoch - 1) / max(1, epochs - 1)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        share = (value - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    lines = []
    for key, training in curves:
        points = [(x(row["epoch"]), y(row[key])) for row in training.rows]
        lines.append(Line(points, training.colour, key == metric, training.earlier))
    return Chart(
        metric,
        lines,
        [(x(tick), f"{tick:.0f}") for tick in x_ticks],
        [(y(tick), f"{tick:.4g}") for tick in y_ticks],
    )
