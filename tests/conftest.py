import gzip
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from ruamel.yaml import YAML

from experiment.data.fetch import IDX_FILES
from gate.git import environment_without_repository
from tools.clones import set_parameters as set_parameters

# A run in the background ignores Ctrl-C, under nohup a hangup; what it starts would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# pytest-xdist sets it in its processes: tables would be folded.
os.environ.pop("COLUMNS", None)

# Nor may what Git tells its hooks reach the tests: they would commit into the user's repository.
for name in os.environ.keys() - environment_without_repository().keys():
    del os.environ[name]

# Tests commit, also where nobody gave Git a name.
for role in ("AUTHOR", "COMMITTER"):
    os.environ |= {f"GIT_{role}_NAME": "tester", f"GIT_{role}_EMAIL": "tester@example.org"}

ROOT = Path(__file__).parent.parent

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment_of_stages(**variables: str) -> dict[str, str]:
    """The variables for what runs in a copy, with this Python as `python`, but for empty ones.

    Without coverage's: of a copy it reports nothing, and `dvc repro` takes 1.8 times as long.
    """
    found = {k: v for k, v in environment_without_repository().items() if k[:8] != "COVERAGE"}
    own = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "NO_COLOR": "1",
    }
    return {name: value for name, value in (found | own | variables).items() if value}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `python -m ...` in a folder, as a user would, with a HOME of its own.

    It is the code of this clone that runs, unless PYTHONPATH says otherwise.
    """
    home = tmp_path / "home"
    home.mkdir()

    def run_in(folder: Path, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        if "PYTHONPATH" not in variables:
            measured = {k: v for k, v in os.environ.items() if k.startswith("COVERAGE")}
            variables |= measured | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True,
            env=environment_of_stages(HOME=str(home), **variables), timeout=600, check=False,
        )  # fmt: skip

    return run_in


@pytest.fixture
def dvc(run: Run) -> Run:
    """Runs DVC in a folder."""
    return lambda folder, *arguments: run(folder, "dvc", *arguments, PYTHONPATH="")


def synthetic_arrays(
    train: int = 120, test: int = 30, side: int = 8, classes: int = 3, seed: int = 0
) -> dict[str, np.ndarray]:
    """A stand-in for MNIST: bright bars, whose place is the class, on noise."""
    random = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for part, images in (("train", train), ("test", test)):
        labels = np.arange(images, dtype=np.uint8) % classes
        pixels = random.integers(0, 100, (images, side, side), dtype=np.uint8)
        for image, label in zip(pixels, labels, strict=True):
            image[label * 2] = 255
        arrays |= {f"x_{part}": pixels, f"y_{part}": labels}
    return arrays


def idx_file(array: np.ndarray) -> bytes:
    """An array as an uncompressed IDX file."""
    shape = np.array(array.shape, dtype=">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()


def write_known(path: Path, arrays: dict[str, np.ndarray], *sources: dict[str, str]) -> None:
    """The one file that a known data set is; if no source is given, IDX files beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not sources:
        for name, file in IDX_FILES.items():
            (path.parent / file).write_bytes(gzip.compress(idx_file(arrays[name])))
        sources = ({"name": "here", "form": "idx", "location": f"{path.parent.absolute()}/"},)
    content = {
        "label": "Bars",
        "licence": "none",
        "classes": ["a", "b", "c"],
        "sha256": {name: hashlib.sha256(idx_file(arrays[name])).hexdigest() for name in IDX_FILES},
        "sources": sources,
    }
    YAML().dump(content, path)


def make_workspace(folder: Path) -> Path:
    """A folder with params.yaml for a tiny run on synthetic images; no Git, no DVC."""
    folder.mkdir()
    shutil.copy(ROOT / "params.yaml", folder)
    make_tiny(folder, epochs=2)
    return folder


def make_tiny(folder: Path, *, epochs: int) -> None:
    """Own images, and parameters for a training on them that takes seconds."""
    (folder / "data/own").mkdir(parents=True, exist_ok=True)
    np.savez(folder / "data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
    set_parameters(
        folder, data__dataset="own/tiny.npz", train__epochs=epochs, model__filters=2,
        model__dense_units=8,
    )  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work space é")  # paths may hold blanks and other letters


@pytest.fixture
def in_workspace(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace as the current folder."""
    monkeypatch.chdir(workspace)
    return workspace


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository after `python -m stages`, results committed. Tests copy it."""
    return _made_once(tmp_path_factory, stand_in=False)


@pytest.fixture(scope="session")
def finished_by_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a stand-in for the trainings, where it does not matter what they learn."""
    return _made_once(tmp_path_factory, stand_in=True)


@pytest.fixture
def repository(finished_by_stand_in: Path, tmp_path: Path) -> Path:
    """A copy of the repository in which nothing is learned, elsewhere on disk."""
    return Path(shutil.copytree(finished_by_stand_in, tmp_path / "a clone é", symlinks=True))


def _made_once(factory: pytest.TempPathFactory, *, stand_in: bool) -> Path:
    """One for all of pytest's processes: whichever comes first makes it, the others wait."""
    from tests.repository import make_finished

    top = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        top = top.parent
    name = "finished_by_stand_in" if stand_in else "finished"
    with FileLock(top / f"{name}.lock"):
        made = top / name / "made"
        if not made.exists():
            shutil.rmtree(made.parent, ignore_errors=True)  # of another process, that failed
            made.parent.mkdir()
            make_finished(made.parent / "repository", stand_in=stand_in)
            made.touch()
    return made.parent / "repository"
