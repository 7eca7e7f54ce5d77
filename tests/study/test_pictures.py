"""The pictures; `test_results.py` compares the committed ones pixel by pixel."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from study.pictures import draw_rates, draw_sizes
from study.table import Table
from tests.study.made_up import make_entries, make_entry, make_setting


@pytest.mark.parametrize("draw", [draw_rates, draw_sizes])
def test_one_run_is_not_drawn(draw: Callable[[Table], Figure]) -> None:
    """It has no spread: here of another rate, and of another number of images."""
    alone = [make_setting(0.9), *(make_setting(rate, 10_000) for rate in (0.0, 0.5))]
    entries = make_entries(range(2))
    drawn = []
    for more in ([], alone):
        axes = draw(Table([*entries, *map(make_entry, more)])).axes
        drawn.append(
            [np.asarray(line.get_xydata()).tolist() for each in axes for line in each.lines]
        )
    assert drawn[0] == drawn[1]
