import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from tests.conftest import ROOT, set_parameters, synthetic_arrays
from tests.faults.processes import Done, run, start

STAND_INS = Path(__file__).parent / "stand_in"

RUNS = "metrics/study_runs.csv"

# A cluster of the user's is not for tests.
os.environ.pop("DASK_SCHEDULER_ADDRESS", None)


def make_study(folder: Path, *, seeds: Iterable[int], rates: Iterable[float]) -> Path:
    """A folder with the parameters and the images of a tiny study; no Git, no DVC."""
    for name in ("data/own", "study"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    np.savez(folder / "data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
    set_parameters(
        folder, data__dataset="own/tiny.npz", train__epochs=2, model__filters=2,
        model__dense_units=8,
    )  # fmt: skip
    shutil.copy(ROOT / "study/params.yaml", folder / "study")
    block = {
        "dataset": "own/tiny.npz",
        "dropout_rates": [*rates],
        "placements": ["dense"],
        "train_samples": None,
        "epochs": None,
    }
    set_study(folder, seeds=[*seeds], grid=[block])
    return folder


def set_study(folder: Path, **values: object) -> None:
    """Changes the folder's study/params.yaml."""
    yaml, path = YAML(), folder / "study/params.yaml"
    content = yaml.load(path.read_text(encoding="utf-8")) | values
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)


def with_stand_in(folder: Path) -> Path:
    """Puts a copy of the code there in which nothing trains and no TensorFlow is started."""
    ignored = shutil.ignore_patterns("__pycache__", "params.yaml", "runs")
    for name in ("experiment", "study"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored, dirs_exist_ok=True)
    for name in ("model.py", "training.py"):
        shutil.copy(STAND_INS / name, folder / "experiment/network")
    (folder / "faults").mkdir()
    return folder


def variables_of(folder: Path) -> dict[str, str]:
    """With which the code of a folder with a stand-in runs there, else this clone's."""
    return {"PYTHONPATH": str(folder if (folder / "faults").exists() else ROOT)}


REPLICATE = "study.training.replicate"


def replicate(folder: Path, workers: int = 1, **variables: str) -> Done:
    """Trains what is new with so many workers, to its end."""
    arguments = ("--workers", str(workers))
    return run(folder, REPLICATE, *arguments, **variables_of(folder) | variables)


def replicating(folder: Path, workers: int = 1, **variables: str) -> "subprocess.Popen[str]":
    """The same, at work."""
    arguments = ("--workers", str(workers))
    return start(folder, REPLICATE, *arguments, **variables_of(folder) | variables)


def hold(folder: Path, run: str) -> Path:
    """Has a run wait until the file returned is gone; the one beside it tells when it waits."""
    (folder / f"faults/hold {run}").touch()
    return folder / f"faults/hold {run}"


def is_held(folder: Path, run: str, *, finished: int) -> Callable[[], bool]:
    """Whether a run waits and so many others are stored."""
    return lambda: (folder / f"faults/held {run}").exists() and len(stored(folder)) == finished


def table(folder: Path) -> bytes:
    return (folder / RUNS).read_bytes()


def stored(folder: Path) -> dict[str, bytes]:
    """The bytes of each stored run, by name."""
    return {path.name: path.read_bytes() for path in (folder / "study/runs").glob("[!.]*")}


def results(folder: Path) -> dict[str, bytes]:
    return {RUNS: table(folder)} | stored(folder)
