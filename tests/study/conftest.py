"""Tiny studies, and folders with all that is made from runs."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import matplotlib
import numpy as np
import pytest
from ruamel.yaml import YAML

from study import __main__ as command
from study import results
from study.runs import STORE, Setting
from tests.conftest import ROOT, make_tiny
from tests.faults.processes import Done, finish, start
from tests.study.made_up import Metrics, make_entries

# A cluster of the user's is not for tests.
os.environ.pop("DASK_SCHEDULER_ADDRESS", None)

BLOCK = {"dataset": "own/tiny.npz", "dropout_rates": [0.0, 0.5], "placements": ["dense"],
         "train_samples": None, "epochs": None}  # fmt: skip


def make_study(folder: Path, *, stand_in: bool = True, **block: Any) -> Path:
    """A folder with a tiny study of one block; no Git, no DVC.

    With a stand-in it has a copy of the code in which nothing trains and no TensorFlow is started.
    """
    (folder / "study").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    make_tiny(folder, epochs=2)
    if stand_in:
        ignored = shutil.ignore_patterns("__pycache__", "params.yaml", "runs.jsonl")
        for name in ("experiment", "study"):
            shutil.copytree(ROOT / name, folder / name, ignore=ignored, dirs_exist_ok=True)
        for path in (Path(__file__).parent / "stand_in").glob("*.py"):
            shutil.copy(path, folder / "experiment/network")
        (folder / "faults").mkdir()
    set_grid(folder, **block)
    return folder


def set_grid(folder: Path, **block: object) -> None:
    """Writes study/params.yaml, with one block."""
    with (folder / "study/params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({"grid": [BLOCK | block]}, file)


def start_here(folder: Path, *command: str, **variables: str) -> "subprocess.Popen[str]":
    """Starts `python -m command` with the code of a folder with a stand-in, else this clone's."""
    code = folder if (folder / "faults").exists() else ROOT
    return start(folder, *command, **{"PYTHONPATH": str(code)} | variables)


def study(folder: Path, *arguments: str, workers: int = 1, **variables: str) -> Done:
    """Runs `python -m study` to its end."""
    return finish(start_here(folder, "study", *arguments, f"--workers={workers}", **variables))


def hold(folder: Path, run: str) -> Path:
    """Has a run wait until the file returned is gone; the one beside it says when it waits."""
    (folder / f"faults/hold {run}").touch()
    return folder / f"faults/hold {run}"


def is_held(folder: Path, run: str, *, finished: int) -> Callable[[], bool]:
    """Whether a run waits and so many others are stored."""
    return lambda: (folder / f"faults/held {run}").exists() and len(stored(folder)) == finished


def stored(folder: Path) -> list[str]:
    """The lines of the store, sorted: they stand there in the order in which runs ended."""
    path = folder / STORE
    return sorted(path.read_text("utf-8").splitlines(keepends=True)) if path.exists() else []


def copy_inputs(folder: Path) -> Path:
    """Copies what `python -m study --no-training` reads, but for the runs."""
    for name in ("params.yaml", "study/params.yaml", "data/mnist", "data/fashion_mnist",
                 str(results.PAGE), str(results.FIRST)):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def remake(folder: Path) -> Path:
    """Makes all that is made from the runs of a folder, whatever style of pictures the user has."""
    with contextlib.chdir(folder), matplotlib.rc_context({"font.size": 30}):
        command.remake()
    return folder


@pytest.fixture(scope="session")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that is made from the committed runs, made again."""
    folder = copy_inputs(tmp_path_factory.mktemp("study") / "remade")
    shutil.copy(ROOT / STORE, folder / STORE)
    return remake(folder)


@pytest.fixture(scope="session")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all but pictures made from made-up runs of protocol 2.

    They vary so much that looks and verdicts differ.
    """

    def vary(setting: Setting, seed: int, metrics: Metrics) -> None:
        random = np.random.default_rng([seed, setting.epochs, *setting.placement.encode()])
        noise = 0.0025 * float(random.standard_normal())
        for name in ("test_accuracy", "last_five_test_accuracy", "best_epoch_test_accuracy"):
            metrics[name] += noise

    folder = copy_inputs(tmp_path_factory.mktemp("study") / "noisy")
    lines = [entry.to_line() for entry in make_entries(change=vary)]
    (folder / STORE).write_text("".join(lines), encoding="utf-8")
    with mock.patch.object(command, "write_pictures"):
        return remake(folder)
