"""A temporary clone in which everything is measured, with the parameters of `bench/plain.py`."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bench.measure import Measurement, measure
from verify.rerun import temporary_clone

PYTHON = sys.executable
REPRO = (PYTHON, "-m", "stages")
RAW = Path("data/raw/images.npz")

# What bench/plain.py has as numbers in its text.
PLAIN: dict[str, dict[str, Any]] = {
    "data": {"dataset": "mnist"},
    "preprocess": {"validation_split": 0.2, "validation_from": "last", "train_samples": None},
    "model": {"filters": 32, "dense_units": 128},
    "train": {"dropout_rate": 0.5, "batch_size": 32, "learning_rate": 0.001},
}


@dataclass(frozen=True)
class Sitting:
    """Where and how much is measured.

    Attributes:
        repository: that the clone is of.
        clone: see `opened`.
        epochs: of each training.
        pairs: how often what is compared is run.
        study_epochs: of each run of the study.
    """

    repository: Path
    clone: Path
    epochs: int
    pairs: int
    study_epochs: int

    def change(self, values: Mapping[str, Any], file: str = "params.yaml") -> None:
        """Changes parameters of the clone; a mapping stands for those of a section it names."""
        yaml, path = YAML(), self.clone / file
        content = yaml.load(path.read_text(encoding="utf-8"))
        for name, value in values.items():
            if isinstance(value, dict):
                content[name].update(value)
            else:
                content[name] = value
        with path.open("w", encoding="utf-8") as stream:
            yaml.dump(content, stream)

    def measure(self, *command: str) -> Measurement:
        """Runs a command at the top of the clone."""
        return measure(command, self.clone)

    def bring_up_to_date(self) -> None:
        """Both trainings, unless they are done; not part of what is measured."""
        self.measure(*REPRO)


@contextmanager
def opened(repository: Path, **settings: int) -> Iterator[Sitting]:
    """A clone of the last commit, with a DVC cache of its own and the images divided.

    Args:
        repository: the clone's source. Where it has the images, they are not downloaded.
        settings: the other attributes of `Sitting`.
    """
    with temporary_clone(repository) as clone:
        sitting = Sitting(repository, clone, **settings)
        if (repository / RAW).is_file():
            (clone / RAW).parent.mkdir(parents=True)
            shutil.copy(repository / RAW, clone / RAW)
        train = PLAIN["train"] | {"epochs": sitting.epochs}
        sitting.change(PLAIN | {"train": train})
        sitting.measure(PYTHON, "-m", "dvc", "repro", "preprocess")
        yield sitting
