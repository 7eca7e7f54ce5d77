"""The grid: which runs study/params.yaml names, and in which order."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from experiment.parameters import load_parameters, read_parameters
from experiment.support.errors import InputError
from study.grid import StudyParameters, plan_runs, plan_seeds
from study.runs import Run, plain_setting
from tests.conftest import ROOT

PARAMS = load_parameters(ROOT / "params.yaml")
BLOCK = {"dataset": "mnist", "dropout_rates": [0.0, 0.5], "placements": ["dense"],
         "train_samples": None, "epochs": None, "seeds": [0]}  # fmt: skip
WITHOUT = replace(plain_setting(PARAMS, 48_000), dataset="mnist")
DROPOUT = replace(WITHOUT, placement="dense", dropout_rate=0.5)
POOLING = replace(DROPOUT, placement="pooling")
FASHION = replace(DROPOUT, dataset="fashion_mnist", dropout_rate=0.3)
SMALL = replace(DROPOUT, train_samples=100, epochs=7)


def plan(folder: Path, *blocks: dict[str, Any]) -> list[Run]:
    """Return the runs of these blocks, from a file."""
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({"grid": [BLOCK | block for block in blocks]}, file)
    images = {"mnist": 48_000, "fashion_mnist": 48_000}
    return plan_runs(read_parameters(folder / "params.yaml", StudyParameters), PARAMS, images)


def test_order(tmp_path: Path) -> None:
    """Blocks keep theirs, in one whole comparisons come first; each run is there once.

    A rate of 0 has no place; a whole number is the same rate; null is all images.
    """
    found = plan(
        tmp_path,
        {"seeds": [3, 1]},
        {"dataset": "fashion_mnist", "dropout_rates": [0.3], "dense_units": [32, 64]},
        {"dropout_rates": [0.5], "train_samples": 100, "epochs": 7, "seeds": [9],
         "placements": ["both", "pooling"]},
        {"train_samples": 48_000, "epochs": WITHOUT.epochs, "seeds": [1]},
        {"dropout_rates": [0, 0.5], "placements": ["pooling", "dense"], "seeds": [1]},
    )  # fmt: skip
    assert found == [
        (WITHOUT, 3), (DROPOUT, 3), (WITHOUT, 1), (DROPOUT, 1),
        (replace(FASHION, dense_units=32), 0), (replace(FASHION, dense_units=64), 0),
        (replace(SMALL, placement="both"), 9), (replace(SMALL, placement="pooling"), 9),
        (POOLING, 1),
    ]  # fmt: skip


def test_seeds_besides_the_pipelines() -> None:
    """The first ones that are another, on as many images as the pipeline trains on."""
    for own, samples, seeds in ((9, 100, [0, 1]), (1, None, [0, 2])):
        train = PARAMS.train.model_copy(update={"seed": own})
        preprocess = PARAMS.preprocess.model_copy(update={"train_samples": samples})
        params = PARAMS.model_copy(update={"train": train, "preprocess": preprocess})
        pair = [replace(each, train_samples=samples or 48_000) for each in (WITHOUT, DROPOUT)]
        expected = [(setting, seed) for seed in seeds for setting in pair]
        assert plan_seeds(2, params, {"mnist": 48_000}) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"train_samples": 48_001}, "train_samples of 48000 or fewer for mnist; found 48001"),
        ({"dropout_rates": [0, 1.0]}, "grid.0.dropout_rates.1: expected less than 1; found 1.0"),
        ({"dense_units": [0]}, "dense_units.0: expected greater than or equal to 1; found 0"),
        ({"dataset": "mnits"}, "grid.0.dataset: expected fashion_mnist, mnist or"),
        ({"seed": [1]}, "grid.0.seed: "),
    ],
)
def test_wrong_value_is_one_line(values: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"params.yaml: .*{expected}"):
        plan(tmp_path, values)
