"""The grid: which runs study/params.yaml names, and in which order."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from study.grid import Block, StudyParameters, load_study_parameters, plan_runs
from study.runs import Run, plain_setting
from tests.conftest import ROOT

PARAMS = load_parameters(ROOT / "params.yaml")
BLOCK = {"dataset": "mnist", "dropout_rates": [0.0, 0.5], "placements": ["dense"],
         "train_samples": None, "epochs": None, "seeds": [0]}  # fmt: skip
WITHOUT = replace(plain_setting(PARAMS, 48_000), dataset="mnist")
DROPOUT = replace(WITHOUT, placement="dense", dropout_rate=0.5)


def plan(*blocks: Mapping[str, object]) -> list[Run]:
    found = [Block.model_validate({**BLOCK, **block}) for block in blocks]
    images = {"mnist": 48_000, "fashion_mnist": 48_000}
    return plan_runs(StudyParameters(grid=found), PARAMS, images)


def test_order() -> None:
    """Blocks keep theirs; in one, whole comparisons come first."""
    first = {"dataset": "fashion_mnist", "dropout_rates": [0.3], "dense_units": [32, 64]}
    second = {"dropout_rates": [0.5], "train_samples": 100, "epochs": 7,
              "placements": ["both", "pooling"], "seeds": [9]}  # fmt: skip
    fashion = replace(DROPOUT, dataset="fashion_mnist", dropout_rate=0.3)
    small = replace(DROPOUT, train_samples=100, epochs=7)
    assert plan({"seeds": [3, 1]}, first, second) == [
        (WITHOUT, 3),
        (DROPOUT, 3),
        (WITHOUT, 1),
        (DROPOUT, 1),
        (replace(fashion, dense_units=32), 0),
        (replace(fashion, dense_units=64), 0),
        (replace(small, placement="both"), 9),
        (replace(small, placement="pooling"), 9),
    ]


def test_same_run_is_there_once() -> None:
    """A rate of 0 has no place; a whole number is the same rate; null is all images."""
    placed = {"placements": ["pooling", "dense"]}
    same = {"train_samples": 48_000, "epochs": WITHOUT.epochs}
    runs = [(WITHOUT, 0), (DROPOUT, 0), (replace(DROPOUT, placement="pooling"), 0)]
    assert plan({}, same, placed) == runs
    assert plan({"dropout_rates": [0], "placements": ["dense", "both"]}) == runs[:1]


def test_more_images_than_there_are() -> None:
    expected = "expected train_samples of 48000 or fewer for mnist; found 48001"
    with pytest.raises(InputError, match=expected):
        plan({"train_samples": 48_001})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"seeds": [0, -1]}, "grid.0.seeds.1: expected greater than or equal to 0; found -1"),
        ({"dropout_rates": [1.0]}, "grid.0.dropout_rates.0: expected less than 1"),
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
