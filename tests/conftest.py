"""Folders, repositories, images and programs for the tests of several folders."""

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

from experiment.data.split import ARRAYS
from gate.git import environment_without_repository
from tools.clones import set_parameters as set_parameters

ROOT = Path(__file__).parent.parent

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# A run in the background ignores Ctrl-C, under nohup a hangup; what it starts would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# pytest-xdist sets COLUMNS: tables would be folded. With what Git tells its hooks, tests would
# commit into the user's repository.
for variable in {"COLUMNS"} | os.environ.keys() - environment_without_repository().keys():
    os.environ.pop(variable, None)

# Tests commit, also where nobody gave Git a name.
for role in ("AUTHOR", "COMMITTER"):
    os.environ |= {f"GIT_{role}_NAME": "tester", f"GIT_{role}_EMAIL": "tester@example.org"}


# Their tests mostly wait, for minutes. Started last, they would keep one process at work alone.
FIRST = ("tests/study/test_training.py", "tests/faults/", "gate/tests/test_calibrate.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first."""
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))


def environment_of_stages(**variables: str) -> dict[str, str]:
    """Return the variables for what runs in a copy, with this Python as `python`; no empty ones.

    Without coverage's: of a copy it reports nothing, and `dvc repro` takes 1.8 times as long.
    """
    found = {k: v for k, v in environment_without_repository().items() if k[:8] != "COVERAGE"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "GIT_CONFIG_GLOBAL": os.devnull, "NO_COLOR": "1"}
    return {name: value for name, value in (found | own | variables).items() if value}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `python -m ...` in a folder: this code, unless PYTHONPATH says otherwise."""
    (tmp_path / "home").mkdir()

    def run_in(folder: Path, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        if "PYTHONPATH" not in variables:
            measured = {k: v for k, v in os.environ.items() if k.startswith("COVERAGE")}
            variables |= measured | {"PYTHONPATH": str(ROOT)}
        environment = environment_of_stages(HOME=str(tmp_path / "home"), **variables)
        return subprocess.run(
            [sys.executable, "-m", *command], cwd=folder, env=environment, timeout=600,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run_in


def synthetic_arrays(train: int = 120, test: int = 30, seed: int = 0) -> dict[str, np.ndarray]:
    """Return a stand-in for MNIST: bright bars, whose place is the class of three, on noise."""
    random = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for part, images in (("train", train), ("test", test)):
        labels = np.arange(images, dtype=np.uint8) % 3
        pixels = random.integers(0, 100, (images, 8, 8), dtype=np.uint8)
        pixels[np.arange(images), labels * 2] = 255
        arrays |= {f"x_{part}": pixels, f"y_{part}": labels}
    return arrays


def idx_file(array: np.ndarray) -> bytes:
    """Return an array as an uncompressed IDX file."""
    shape = np.array(array.shape, dtype=">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()


def write_known(path: Path, arrays: dict[str, np.ndarray], *sources: dict[str, str]) -> None:
    """Write the file that a known data set is; if no source is given, IDX files beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files = {name: idx_file(arrays[name]) for name in ARRAYS}
    if not sources:
        names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
        for name, file in zip(names, files.values(), strict=True):
            (path.parent / f"{name}-ubyte.gz").write_bytes(gzip.compress(file))
        sources = ({"name": "here", "form": "idx", "location": f"{path.parent.absolute()}/"},)
    hashes = {name: hashlib.sha256(file).hexdigest() for name, file in files.items()}
    content = {"label": "Bars", "licence": "none", "classes": ["a", "b", "c"]}
    YAML().dump(content | {"sha256": hashes, "sources": sources}, path)


def call(main: Callable[[], None], *arguments: str) -> None:
    """Call a program of ours with arguments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["program", *arguments])
        main()


def message_of(main: Callable[[], None], *arguments: str) -> str:
    """Call it; return the line with which it ends. Python prints it, and the status is 1."""
    with pytest.raises(SystemExit) as stopped:
        call(main, *arguments)
    assert "\n" not in str(stopped.value.code)
    return str(stopped.value.code)


def make_tiny(folder: Path, *, epochs: int) -> None:
    """Add own images, and parameters for a training on them that takes seconds."""
    (folder / "data/own").mkdir(parents=True, exist_ok=True)
    np.savez(folder / "data/own/tiny.npz", **synthetic_arrays())  # type: ignore[arg-type]
    tiny = {"data__dataset": "own/tiny.npz", "model__filters": 2, "model__dense_units": 8}
    set_parameters(folder, train__epochs=epochs, preprocess__train_samples=None, **tiny)


def make_workspace(folder: Path) -> Path:
    """Make a folder with params.yaml for a tiny run on synthetic images; no Git, no DVC."""
    folder.mkdir()
    shutil.copy(ROOT / "params.yaml", folder)
    make_tiny(folder, epochs=2)
    return folder


@pytest.fixture
def in_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace as the current folder; paths may hold blanks and other letters."""
    monkeypatch.chdir(make_workspace(tmp_path / "work space é"))
    return Path.cwd()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository after `python -m stages`, results committed. Tests copy it.

    There is one for all of pytest's processes: whichever comes first makes it, the others wait.
    """
    from tests.repository import make_finished

    top = tmp_path_factory.getbasetemp()
    folder = (top.parent if "PYTEST_XDIST_WORKER" in os.environ else top) / "finished"
    with FileLock(f"{folder}.lock"):
        if not (folder / "output").exists():
            shutil.rmtree(folder, ignore_errors=True)  # of another process, that failed
            folder.mkdir()
            output = make_finished(folder / "repository")
            (folder / "output").write_text(output)
    return folder / "repository"


@pytest.fixture
def repository(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, elsewhere on disk."""
    return Path(shutil.copytree(finished, tmp_path / "a clone é", symlinks=True))
