"""The pictures; `test_results.py` compares the committed ones pixel by pixel."""

import numpy as np

from study.pictures import draw_rates, draw_sizes
from tests.study.made_up import make_entries, make_entry, make_setting


def test_one_run_is_not_drawn() -> None:
    """It has no spread: here of another rate, and of another number of images."""
    entries, drawn = make_entries(range(2)), []
    alone = [make_setting(0.9), make_setting(0.0, 10_000), make_setting(0.5, 10_000)]
    for runs in (entries, [*entries, *map(make_entry, alone)]):
        axes = [*draw_rates(runs).axes, *draw_sizes(runs).axes]
        lines = [line for each in axes for line in each.lines]
        drawn.append([np.asarray(line.get_xydata()).tolist() for line in lines])
    assert drawn[0] == drawn[1]
