"""The simulation of the coverage, in small."""

import numpy as np
import pandas as pd
import pytest

from study.coverage import (
    OF_IMAGES,
    block,
    covered,
    covered_for_new_images,
    quantities,
    residuals,
    shown,
)
from study.table import table_of
from tests.conftest import ROOT
from tests.study.made_up import entries


@pytest.mark.parametrize("seeds", [5, 8, 18])
def test_intervals_of_normal_values_hold_the_truth_in_95_of_100(seeds: int) -> None:
    assert covered(None, seeds, 20_000) == pytest.approx(95, abs=0.7)
    for images in OF_IMAGES:
        assert covered_for_new_images(images, seeds, 20_000) == pytest.approx(95, abs=1.2)


def test_values_with_a_far_one_now_and_then_are_covered_less() -> None:
    skewed = np.array([0.0] * 19 + [20.0])
    assert covered(skewed - skewed.mean(), 8, 5_000) < 70
    assert [shown(percent) for percent in (93.94, 94.0, 96.0, 96.06)] == [
        "**93.9**", "94.0", "96.0", "**96.1**",
    ]  # fmt: skip


def test_residuals_are_in_their_own_deviations_around_0() -> None:
    series = [pd.Series([1.0, 2, 3, 4, 5]), pd.Series([10.0, 20, 30, 40, 50]), pd.Series([1.0])]
    found = residuals([*series, pd.Series([2.0] * 6)])
    expected = np.array([-2, -1, 0, 1, 2]) / 2.5**0.5 * (5 / 4) ** 0.5
    assert found == pytest.approx(np.tile(expected, 2))
    assert residuals([]).tolist() == []


def test_every_kind_of_figure_on_the_pages_has_a_row() -> None:
    table = table_of(entries(range(5)))
    text = block(table, repeats=200)
    for name, series in quantities(table).items():
        assert f"| {name} | {len(residuals(series))} residuals | " in text


def test_words_of_the_page_have_the_figures() -> None:
    """With eight seeds and more, all are; with five, contrasts of several settings fall short."""
    page = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    lines = page.split("<!-- study: coverage -->")[1].split("<!-- /study -->")[0].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[3:]]
    assert {name for name, _, five, *_ in rows if "**" in five} == {"contrast of several settings"}
    for _, _, five, *more in rows:
        assert float(five.strip("*")) > 93
        assert "**" not in "".join(more)
