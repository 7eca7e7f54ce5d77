"""Whatever is made from the runs of the study is made from the committed ones, as they are.

Run `python -m study --no-training` where one of these fails.
"""

import contextlib
import json
import shutil
from pathlib import Path

import matplotlib
import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from experiment.parameters import load_parameters
from experiment.support.markdown import blocks_of
from study import __main__ as command
from study import paths
from study.pages import PROGRAM
from study.store import read_entries
from tests.conftest import ROOT

READ = (paths.STORE, paths.PARAMETERS, paths.GATE, paths.INFERENCE, Path("params.yaml"))
PAGES = (paths.RESULTS, paths.STUDY_PAGE, paths.GATE_PAGE)
PICTURES = [paths.PLOTS / f"study_{name}.png" for name in ("accuracy", "loss", "rates", "sizes")]
TABLES = [paths.RUNS, paths.BANDS]
JSON = [paths.SUMMARY, paths.CLAIMS]


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that is made from the committed runs, made anew."""
    folder = tmp_path_factory.mktemp("study") / "remade"
    for path in (*READ, *PAGES):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
        copy(ROOT / path, folder / path)
    with contextlib.chdir(folder), matplotlib.rc_context({"font.size": 30}):  # a user's own style
        params = load_parameters()
        command.remake(command.stored(params), params)
    return folder


def test_every_stored_run_is_of_the_grid_and_the_early_ones_are_all_there(remade: Path) -> None:
    runs = [entry.run for _, entry in read_entries(ROOT / paths.STORE)]
    assert len(pd.read_csv(remade / paths.RUNS)) == len(runs)
    assert sum(run.seed < 10 for run in runs) == 155


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_pages_have_the_figures_of_the_committed_runs(path: Path, remade: Path) -> None:
    committed, expected = (
        blocks_of((top / path).read_text(encoding="utf-8"), PROGRAM) for top in (ROOT, remade)
    )
    assert committed == expected


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path)
    return pd.json_normalize(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [*JSON, *TABLES], ids=str)
def test_tables_are_of_the_committed_runs(path: Path, remade: Path) -> None:
    """In all digits but those that another processor may round."""
    committed, expected = (read(top / path) for top in (ROOT, remade))
    pd.testing.assert_frame_equal(committed, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("path", PICTURES, ids=str)
def test_pictures_are_of_the_committed_runs(path: Path, remade: Path) -> None:
    committed, expected = (matplotlib.image.imread(top / path) for top in (ROOT, remade))
    assert np.array_equal(committed, expected)


def test_there_is_nothing_else_of_the_study() -> None:
    """A file that is not made anew would grow old unseen."""
    found = {path for top in ("metrics", "plots") for path in (ROOT / top).glob("study*")}
    known = {ROOT / path for path in (*JSON, *TABLES, *PICTURES, paths.INFERENCE)}
    assert found == known
