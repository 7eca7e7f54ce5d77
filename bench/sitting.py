"""What is measured, in a temporary clone of the last commit."""

import csv
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bench.machine import measure_rates
from bench.measure import Costs, measure
from experiment.presentation.style import LABELS
from verify.rerun import temporary_clone

PYTHON = sys.executable
IMAGES = Path("data/raw/images.npz")
CURVES = ("val_accuracy", "val_loss")
CHANGED_RATE = 0.3
# Of the first pair. Not the seed of params.yaml, whose results a cache may hold.
FIRST_SEED = 101
IDLE_COMMANDS = {
    "dvc status": (PYTHON, "-m", "dvc", "status"),
    "dvc repro": (PYTHON, "-m", "dvc", "repro"),
    "make repro": (PYTHON, "-m", "stages"),
}

# What bench/plain.py has as numbers in its text.
PLAIN: dict[str, dict[str, Any]] = {
    "data": {"dataset": "mnist"},
    "preprocess": {"validation_split": 0.2, "validation_from": "last", "train_samples": None},
    "model": {"filters": 32, "dense_units": 128},
    "train": {"dropout_rate": 0.5, "batch_size": 32, "learning_rate": 0.001},
}

Part = dict[str, Any]


@dataclass(frozen=True)
class Sitting:
    """Where and how much is measured.

    Attributes:
        clone: with a DVC cache of its own in the folder `cache` beside it.
        epochs: of each training.
    """

    clone: Path
    epochs: int

    def measure(self, *command: str) -> tuple[Costs, str]:
        """Runs a command in the clone."""
        return measure(command, self.clone)

    def repro(self, **train: float) -> tuple[Costs, str]:
        """Does what `make repro` does, after a change of parameters of training."""
        self.change({"train": train})
        return self.measure(PYTHON, "-m", "stages")

    def change(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        """Changes values in the clone's params.yaml."""
        yaml, path = YAML(), self.clone / "params.yaml"
        content = yaml.load(path.read_text(encoding="utf-8"))
        for section, values in sections.items():
            content[section].update(values)
        with path.open("w", encoding="utf-8") as stream:
            yaml.dump(content, stream)


@contextmanager
def open_sitting(repository: Path, epochs: int) -> Iterator[Sitting]:
    """Clones the last commit, sets the parameters of the plain script and divides the images.

    Images that the repository has are copied, not downloaded.
    """
    with temporary_clone(repository) as clone:
        sitting = Sitting(clone, epochs)
        if (repository / IMAGES).is_file():
            (clone / IMAGES).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / IMAGES, clone / IMAGES)
        sitting.change(PLAIN)
        sitting.change({"train": {"epochs": epochs}})
        sitting.measure(PYTHON, "-m", "dvc", "repro", "preprocess")
        yield sitting


def has_torch() -> bool:
    """Whether PyTorch is installed; says so in one line when it is not."""
    found = find_spec("torch") is not None
    if not found:
        print("bench: PyTorch is not installed: bench/plain_torch.py is skipped")
    return found


def run_pair(sitting: Sitting, number: int, *, torch: bool) -> Part:
    """The plain script, then the pipeline, then the PyTorch script if there is PyTorch.

    Args:
        sitting: where.
        number: of the pair, from 1. Each has another seed, so DVC restores no training.
        torch: whether to run `bench/plain_torch.py`.
    """
    pair: Part = {"machine": measure_rates(), "plain": run_script(sitting, "bench/plain.py")}
    costs, _ = sitting.repro(seed=FIRST_SEED - 1 + number)
    curves = {name: read_curves(sitting.clone / f"plots/{name}.csv") for name in LABELS}
    pair["pipeline"] = {**costs, "curves": curves}
    if torch:
        pair["torch"] = run_script(sitting, "bench/plain_torch.py")
    return pair


def run_script(sitting: Sitting, script: str) -> Part:
    """A script as a tutorial would write it, which chooses its seed itself."""
    output = sitting.clone.parent / Path(script).stem
    output.mkdir(exist_ok=True)
    options = ("--epochs", str(sitting.epochs), "--output", str(output))
    costs, _ = sitting.measure(PYTHON, script, str(IMAGES), *options)
    histories = json.loads((output / "history.json").read_text(encoding="utf-8"))
    curves = {
        name: {curve: histories[label][curve] for curve in CURVES} for name, label in LABELS.items()
    }
    return {**costs, "curves": curves}


def run_idle(sitting: Sitting, rounds: int) -> list[Part]:
    """`dvc status`, `dvc repro` and `make repro` in turn, with nothing to do."""
    sitting.repro()
    sitting.measure(*IDLE_COMMANDS["dvc status"])  # DVC stores the hashes of what is new
    return [
        {name: sitting.measure(*command)[0] for name, command in IDLE_COMMANDS.items()}
        for _ in range(rounds)
    ]


def run_rate(sitting: Sitting) -> Part:
    """From a changed rate to the new curves, and by how much DVC's cache grows."""
    sitting.repro()
    before = size_of(sitting.clone.parent / "cache")
    costs, output = sitting.repro(dropout_rate=CHANGED_RATE)
    return {
        **costs,
        "rate": CHANGED_RATE,
        "stages": re.findall(r"^Running stage '(.+)'", output, re.MULTILINE),
        "cache_bytes": size_of(sitting.clone.parent / "cache") - before,
    }


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read_curves(path: Path) -> dict[str, list[float]]:
    """The curves of the validation images in a file of the pipeline."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {curve: [float(row[curve]) for row in rows] for curve in CURVES}
