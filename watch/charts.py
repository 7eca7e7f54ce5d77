"""Curves as lines of an SVG picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from matplotlib.ticker import MaxNLocator

Points = Sequence[tuple[float, float]]

# Of the picture and of the space at its edges, for the labels.
WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 40


class Curve(NamedTuple):
    """One line: `(epoch, value)` of each epoch, and how it looks."""

    points: Points
    colour: str
    dashed: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines and ticks in the picture's own units, y downwards.

    Attributes:
        title: what is drawn.
        lines: each with its points.
        x_ticks, y_ticks: places and labels.
    """

    title: str
    lines: list[Curve]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]


def chart(title: str, curves: Sequence[Curve], epochs: int) -> Chart:
    """Curves over all epochs that there will be, the axis of values as high as they need."""
    values = [value for curve in curves for _, value in curve.points] or [0.0, 1.0]
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

    lines = [curve._replace(points=[(x(e), y(v)) for e, v in curve.points]) for curve in curves]
    return Chart(
        title,
        lines,
        [(x(tick), f"{tick:.0f}") for tick in x_ticks],
        [(y(tick), f"{tick:.4g}") for tick in y_ticks],
    )
