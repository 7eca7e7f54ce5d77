"""The grid: which runs study/params.yaml names, and in which order."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from study.contrasts import (
    FIRST_SEED,
    FRESH_SEEDS,
    LAST,
    LOOKS,
    Measurements,
    measure,
    measure_sequential,
)
from study.grid import Block, StudyParameters, load_study_parameters, runs_of
from study.results import summarise_secondary
from study.runs import Run, Setting, Store, setting_of
from study.table import Table
from tests.conftest import ROOT
from tests.study.made_up import make_entries

PARAMS = load_parameters(ROOT / "params.yaml")
IMAGES = {"mnist": 48_000, "fashion_mnist": 48_000}
BLOCK = {"dataset": "mnist", "dropout_rates": [0.0, 0.5], "placements": ["dense"],
         "train_samples": None, "epochs": None, "seeds": [0]}  # fmt: skip


def runs(*blocks: Mapping[str, object]) -> list[Run]:
    found = [Block.model_validate({**BLOCK, **block}) for block in blocks]
    return runs_of(StudyParameters(grid=found), PARAMS, IMAGES)


def test_whole_comparisons_come_first() -> None:
    assert runs({"seeds": [3, 1]}) == [
        Run("mnist", "none", 0.0, 48_000, 128, 20, 3),
        Run("mnist", "dense", 0.5, 48_000, 128, 20, 3),
        Run("mnist", "none", 0.0, 48_000, 128, 20, 1),
        Run("mnist", "dense", 0.5, 48_000, 128, 20, 1),
    ]


def test_blocks_keep_their_order() -> None:
    first = {"dataset": "fashion_mnist", "dropout_rates": [0.3], "dense_units": [32, 64]}
    second = {"dropout_rates": [0.5], "train_samples": 100, "epochs": 7,
              "placements": ["both", "pooling"], "seeds": [9]}  # fmt: skip
    assert runs(first, second) == [
        Run("fashion_mnist", "dense", 0.3, 48_000, 32, 20, 0),
        Run("fashion_mnist", "dense", 0.3, 48_000, 64, 20, 0),
        Run("mnist", "both", 0.5, 100, 128, 7, 9),
        Run("mnist", "pooling", 0.5, 100, 128, 7, 9),
    ]


def test_same_run_is_there_once() -> None:
    """A rate of 0 has no place; a whole number is the same rate; null is all images."""
    placed = {"placements": ["pooling", "dense"]}
    assert len(runs({}, {"train_samples": 48_000, "epochs": 20}, placed)) == 3
    nowhere = runs({"dropout_rates": [0], "placements": ["dense", "pooling", "both"]})
    assert nowhere == [Run("mnist", "none", 0.0, 48_000, 128, 20, 0)]
    assert isinstance(nowhere[0].dropout_rate, float)


def test_more_images_than_there_are() -> None:
    expected = "expected train_samples of 48000 or fewer for mnist; found 48001"
    with pytest.raises(InputError, match=expected):
        runs({"train_samples": 48_001})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"seeds": [0, -1]}, "grid.0.seeds.1: expected greater than or equal to 0; found -1"),
        ({"dropout_rates": [1.0]}, "grid.0.dropout_rates.0: expected less than 1"),
        ({"placements": ["none"]}, "grid.0.placements.0: expected 'dense', "),
        ({"dataset": "mnits"}, "grid.0.dataset: expected fashion_mnist, mnist or"),
        ({"seed": [1]}, "grid.0.seed: "),
    ],
)
def test_wrong_value_is_one_line(values: dict[str, object], expected: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML().dump({"grid": [BLOCK | values]}, file)
    with pytest.raises(InputError) as caught:
        load_study_parameters(path)
    assert str(caught.value).startswith(f"{path}: {expected}")
    assert "\n" not in str(caught.value)


class Asked(Table):
    """A table that notes which settings it is asked for."""

    def __init__(self) -> None:
        super().__init__(make_entries(range(2)))
        self.settings_asked: set[Setting] = set()

    def of(self, setting: Setting) -> pd.DataFrame:
        self.settings_asked.add(setting)
        return super().of(setting)


def test_committed_grid() -> None:
    """It has every run that a contrast or a secondary measure needs, and every stored run."""
    grid = runs_of(load_study_parameters(ROOT / "study/params.yaml"), PARAMS, IMAGES)
    found = {(setting_of(run, PARAMS), run.seed) for run in grid}
    first, second = Asked(), Asked()
    measure(Measurements(first, LAST, FRESH_SEEDS))
    measure_sequential(Measurements(second, LAST, FRESH_SEEDS))
    summarise_secondary(second)
    assert found >= {(setting, seed) for setting in first.settings_asked for seed in FRESH_SEEDS}
    look = range(FIRST_SEED, FIRST_SEED + min(LOOKS))
    assert found >= {(setting, seed) for setting in second.settings_asked for seed in look}
    entries = Store(ROOT / "study/runs.jsonl").entries.values()
    assert found >= {(entry.setting, entry.run.seed) for entry in entries}
