"""Tiny studies, and folders with all that is made from runs."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest import mock

import matplotlib
import numpy as np
import pytest
from ruamel.yaml import YAML

from study import __main__ as command
from study import results
from study.runs import STORE, Run
from tests.conftest import ROOT, set_parameters, synthetic_arrays
from tests.faults.processes import Done, run, start
from tests.study.made_up import Metrics, make_entries

# A cluster of the user's is not for tests.
os.environ.pop("DASK_SCHEDULER_ADDRESS", None)


def make_study(folder: Path, *, seeds: Iterable[int], rates: Iterable[float] = (0.0, 0.5)) -> Path:
    """A folder with the parameters and the images of a tiny study; no Git, no DVC."""
    for name in ("data/own", "study"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    np.savez(folder / "data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
    set_parameters(
        folder, data__dataset="own/tiny.npz", train__epochs=2, model__filters=2,
        model__dense_units=8,
    )  # fmt: skip
    set_grid(folder, seeds=[*seeds], dropout_rates=[*rates])
    return folder


def set_grid(folder: Path, **values: object) -> None:
    """Writes study/params.yaml, with one block."""
    block = {"dataset": "own/tiny.npz", "placements": ["dense"], "train_samples": None,
             "epochs": None, "dropout_rates": [0.0, 0.5]} | values  # fmt: skip
    with (folder / "study/params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({"grid": [block]}, file)


def with_stand_in(folder: Path) -> Path:
    """Puts a copy of the code there in which nothing trains and no TensorFlow is started."""
    ignored = shutil.ignore_patterns("__pycache__", "params.yaml", "runs.jsonl")
    for name in ("experiment", "study"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored, dirs_exist_ok=True)
    for path in (Path(__file__).parent / "stand_in").glob("*.py"):
        shutil.copy(path, folder / "experiment/network")
    (folder / "faults").mkdir()
    return folder


def variables_of(folder: Path) -> dict[str, str]:
    """With which the code of a folder with a stand-in runs there, else this clone's."""
    return {"PYTHONPATH": str(folder if (folder / "faults").exists() else ROOT)}


def study(folder: Path, *arguments: str, workers: int = 1, **variables: str) -> Done:
    """Runs `python -m study` to its end."""
    arguments = (*arguments, "--workers", str(workers))
    return run(folder, "study", *arguments, **variables_of(folder) | variables)


def studying(folder: Path, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """The same with one worker, at work."""
    arguments = (*arguments, "--workers", "1")
    return start(folder, "study", *arguments, **variables_of(folder) | variables)


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
    names = ["params.yaml", "study/params.yaml", "data/mnist", "data/fashion_mnist"]
    for name in (*names, str(results.PAGE), str(results.INFERENCE)):
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
    """A folder with all but pictures made from made-up runs of both protocols.

    They vary so much that looks and verdicts differ.
    """

    def vary(run: Run, metrics: Metrics) -> None:
        random = np.random.default_rng([run.seed, run.epochs, *run.placement.encode()])
        noise = 0.0025 * float(random.standard_normal())
        for name in ("test_accuracy", "last_five_test_accuracy", "best_epoch_test_accuracy"):
            metrics[name] += noise

    folder = copy_inputs(tmp_path_factory.mktemp("study") / "noisy")
    lines = [entry.to_line() for entry in make_entries(change=vary)]
    (folder / STORE).write_text("".join(lines), encoding="utf-8")
    with mock.patch.object(command, "write_pictures"):
        return remake(folder)
