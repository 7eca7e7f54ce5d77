"""What is measured, in a temporary clone of the last commit."""

import csv
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bench.machine import measure_rates
from bench.measure import measure
from experiment.style import LABELS
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


@contextmanager
def open_clone(repository: Path, epochs: int) -> Iterator[Path]:
    """Clones the last commit, sets the parameters of the plain script and divides the images.

    Images that the repository has are copied, not downloaded. The clone has a DVC cache of its own
    in the folder `cache` beside it.
    """
    with temporary_clone(repository) as clone:
        if (repository / IMAGES).is_file():
            (clone / IMAGES).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / IMAGES, clone / IMAGES)
        change(clone, PLAIN)
        change(clone, {"train": {"epochs": epochs}})
        measure((PYTHON, "-m", "dvc", "repro", "preprocess"), clone)
        yield clone


def change(clone: Path, sections: Mapping[str, Mapping[str, Any]]) -> None:
    """Changes values in the clone's params.yaml."""
    yaml, path = YAML(), clone / "params.yaml"
    content = yaml.load(path.read_text(encoding="utf-8"))
    for section, values in sections.items():
        content[section].update(values)
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(content, stream)


def run_pair(clone: Path, epochs: int, number: int, *, torch: bool) -> Part:
    """The plain script, then the pipeline, then the PyTorch script if there is PyTorch.

    Args:
        clone: where.
        epochs: of each training.
        number: of the pair, from 1. Each has another seed, so DVC restores no training.
        torch: whether to run `bench/plain_torch.py`.
    """
    pair: Part = {"machine": measure_rates(), "plain": run_script(clone, epochs, "bench/plain.py")}
    change(clone, {"train": {"seed": FIRST_SEED - 1 + number}})
    costs, _ = measure(IDLE_COMMANDS["make repro"], clone)
    pair["pipeline"] = {**costs, "curves": {name: read_curves(clone, name) for name in LABELS}}
    if torch:
        pair["torch"] = run_script(clone, epochs, "bench/plain_torch.py")
    return pair


def run_script(clone: Path, epochs: int, script: str) -> Part:
    """A script as a tutorial would write it, which chooses its seed itself."""
    output = clone.parent / Path(script).stem
    output.mkdir(exist_ok=True)
    options = ("--epochs", str(epochs), "--output", str(output))
    costs, _ = measure((PYTHON, script, str(IMAGES), *options), clone)
    histories = json.loads((output / "history.json").read_text(encoding="utf-8"))
    curves = {
        name: {curve: histories[label][curve] for curve in CURVES} for name, label in LABELS.items()
    }
    return {**costs, "curves": curves}


def read_curves(clone: Path, variant: str) -> dict[str, list[float]]:
    """The curves of the validation images that the pipeline wrote."""
    with (clone / f"plots/{variant}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {curve: [float(row[curve]) for row in rows] for curve in CURVES}


def run_idle(clone: Path, rounds: int) -> list[Part]:
    """`dvc status`, `dvc repro` and `make repro` in turn, with nothing to do."""
    measure(IDLE_COMMANDS["dvc status"], clone)  # DVC stores the hashes of what is new
    return [
        {name: measure(command, clone)[0] for name, command in IDLE_COMMANDS.items()}
        for _ in range(rounds)
    ]


def run_rate(clone: Path) -> Part:
    """From a changed rate to the new curves, and by how much DVC's cache grows."""
    before = size_of(clone.parent / "cache")
    change(clone, {"train": {"dropout_rate": CHANGED_RATE}})
    costs, output = measure(IDLE_COMMANDS["make repro"], clone)
    return {
        **costs,
        "rate": CHANGED_RATE,
        "stages": re.findall(r"^Running stage '(.+)'", output, re.MULTILINE),
        "cache_bytes": size_of(clone.parent / "cache") - before,
    }


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
