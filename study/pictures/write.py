"""Draws all pictures of the study and writes them."""

import pandas as pd

from experiment.common.files import write_figure
from experiment.presentation.style import AXIS_LABELS, plain_style
from study.paths import PLOTS
from study.pictures.curves import draw_curves
from study.pictures.effects import draw_rates, draw_sizes
from study.table import Table

DOTS_PER_INCH = 200


def write_pictures(table: Table, bands: pd.DataFrame) -> None:
    """Curves with their bands, error against rate, and gain against number of images."""
    with plain_style(font_size=13):
        pictures = {metric: draw_curves(bands, metric) for metric in AXIS_LABELS}
        pictures |= {"rates": draw_rates(table), "sizes": draw_sizes(table)}
        for name, figure in pictures.items():
            write_figure(PLOTS / f"study_{name}.png", figure, DOTS_PER_INCH)
