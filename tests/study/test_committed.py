"""Whatever is made from the runs of the study is made from the committed ones, as they are.

Run `make study` where one of these fails: it trains nothing that is stored.
"""

import contextlib
import json
import math
import shutil
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from experiment.common.parameters import load_parameters
from study import plot_study, summarise
from study.grid import runs_of
from study.parameters import load_study_parameters
from study.paths import BANDS, CLAIMS, PARAMETERS, PREDICTIONS, RUNS, STORE, SUMMARY, TIMES
from study.store import read_entry
from study.tables import write_runs
from tests.conftest import ROOT

PICTURES = ("accuracy", "loss", "rates", "sizes")


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that is made from the committed runs, made anew."""
    folder = tmp_path_factory.mktemp("study") / "remade"
    shutil.copytree(ROOT / STORE, folder / STORE)
    for path in (Path("params.yaml"), PARAMETERS, PREDICTIONS, TIMES):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    with contextlib.chdir(folder):
        write_runs(read_entry(path) for path in STORE.iterdir())
        summarise.main()
        plot_study.main()
    return folder


def test_committed_runs_are_those_of_the_grid() -> None:
    study = load_study_parameters(ROOT / PARAMETERS)
    epochs = load_parameters(ROOT / "params.yaml").train.epochs
    stored = {read_entry(path).run for path in (ROOT / STORE).iterdir()}
    images = {
        block.dataset: max(run.train_samples for run in stored if run.dataset == block.dataset)
        for block in study.grid
    }
    planned = runs_of(study.grid, study.seeds, images=images, dense_units=128, epochs=epochs)
    assert stored <= {*planned}
    assert stored >= {run for run in planned if run.seed < 10}


def test_table_is_of_the_committed_runs(remade: Path) -> None:
    assert (ROOT / RUNS).read_bytes() == (remade / RUNS).read_bytes()


def same(one: Any, other: Any) -> bool:
    """The same content; numbers in all digits but those that another processor may round."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


@pytest.mark.parametrize("path", [SUMMARY, CLAIMS], ids=str)
def test_statistics_are_of_the_committed_runs(path: Path, remade: Path) -> None:
    committed, expected = (json.loads((top / path).read_text()) for top in (ROOT, remade))
    assert same(committed, expected)


def test_bands_are_of_the_committed_runs(remade: Path) -> None:
    committed, expected = (pd.read_csv(top / BANDS) for top in (ROOT, remade))
    pd.testing.assert_frame_equal(committed, expected, rtol=1e-9)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_of_the_committed_runs(name: str, remade: Path) -> None:
    committed, expected = (
        matplotlib.image.imread(top / f"plots/study_{name}.png") for top in (ROOT, remade)
    )
    assert np.array_equal(committed, expected)
